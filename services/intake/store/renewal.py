"""Cards whose keys were made by older normalisers, and the keys made anew."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from services.intake.rules.early_contact import EarlyContact
from services.intake.rules.merging import Families
from services.intake.rules.renewal import Renewed
from services.intake.rules.search_keys import SearchKey
from services.intake.store.cards import change_cards, read_families, record_as_json
from services.intake.store.early import as_contact, keep_early_keys
from shared.commands import LeadFields
from shared.database import execute, fetch, to_json

_ONE_AT_A_TIME = "estafeta intake renewal"


async def claim_renewal(db: AsyncConnection) -> bool:
    """Whether we are the one replica that makes keys anew until the end of this transaction."""
    rows = await fetch(db, "select pg_try_advisory_xact_lock(hashtextextended($1, 0)) as ours", _ONE_AT_A_TIME)
    return bool(rows[0]["ours"])


async def next_to_renew(db: AsyncConnection, version: int, limit: int) -> list[UUID]:
    """Cards whose keys were made by normalisers older than `version`."""
    rows = await fetch(
        db, "select id from clients where norm_version < $1 order by norm_version limit $2", version, limit
    )
    return sorted(row["id"] for row in rows)


async def count_to_renew(db: AsyncConnection, version: int) -> int:
    """How many cards and early contacts wait to have their keys made anew."""
    rows = await fetch(
        db,
        "select (select count(*) from clients where norm_version < $1)"
        " + (select count(*) from early_contacts where norm_version < $1) as n",
        version,
    )
    return int(rows[0]["n"])


async def keys_of_cards(db: AsyncConnection, ids: Iterable[UUID]) -> dict[UUID, set[SearchKey]]:
    """The keys by which each of these cards is found, as they stand in the index."""
    found: dict[UUID, set[SearchKey]] = {one: set() for one in ids}
    for row in await fetch(
        db, "select client_id, kind, value from client_keys where client_id = any($1::uuid[])", list(found)
    ):
        found[row["client_id"]].add(SearchKey(row["kind"], row["value"]))
    return found


async def lock_families(db: AsyncConnection, ids: Sequence[UUID], seen: Families) -> Families:
    """The clients that these cards are of, read again with all their cards locked, in the order of their ids."""
    await fetch(db, "select from clients where id = any($1::uuid[]) order by id for update", sorted(seen.cards))
    return await read_families(db, ids)


async def renew_cards(
    db: AsyncConnection, renewed: Sequence[Renewed], was: Families, holders: Mapping[SearchKey, int], version: int
) -> None:
    """Write (locked) cards that were made anew, the keys they lose and gain, and how many clients hold each."""
    lost = sorted((key.address, one.card.client_id) for one in renewed for key in one.lost)
    await execute(
        db,
        "delete from client_keys as held using unnest($1::bigint[], $2::uuid[]) as gone (h, id)"
        " where held.h = gone.h and held.client_id = gone.id",
        [address for address, _ in lost],
        [card_id for _, card_id in lost],
    )
    gained = sorted(
        (key.address, one.card.client_id, key, lead_id) for one in renewed for key, lead_id in one.gained.items()
    )
    await execute(
        db,
        "insert into client_keys (h, client_id, kind, value, submission_id)"
        " select * from unnest($1::bigint[], $2::uuid[], $3::text[], $4::text[], $5::uuid[]) on conflict do nothing",
        [address for address, _, _, _ in gained],
        [card_id for _, card_id, _, _ in gained],
        [key.kind for _, _, key, _ in gained],
        [key.value for _, _, key, _ in gained],
        [lead_id for _, _, _, lead_id in gained],
    )
    changes = sorted((key.address, key.kind, more) for key, more in holders.items())
    await execute(
        db,
        "insert into key_stats (h, kind, df) select * from unnest($1::bigint[], $2::text[], $3::integer[])"
        " on conflict (h) do update set df = key_stats.df + excluded.df",
        [address for address, _, _ in changes],
        [kind for _, kind, _ in changes],
        [more for _, _, more in changes],
    )
    await change_cards(db, [one.card for one in renewed if one.card != was.cards[one.card.client_id].card])
    await execute(
        db,
        "update clients set norm_version = $2 where id = any($1::uuid[])",
        [one.card.client_id for one in renewed],
        version,
    )


async def told_apart(db: AsyncConnection, cards: Sequence[UUID]) -> list[tuple[UUID, UUID, UUID, list[SearchKey]]]:
    """What stands of people having told any of these cards apart from another: (judgement, one, other, keys in common)."""
    rows = await fetch(
        db,
        """
        select said.id, said.one, said.other, said.keys::text as keys from judgements as said
        where said.one = any($1::uuid[]) and said.superseded_at is null and said.verdict <> 'same'
        union
        select said.id, said.one, said.other, said.keys::text as keys from judgements as said
        where said.other = any($1::uuid[]) and said.superseded_at is null and said.verdict <> 'same'
        """,
        list(cards),
    )
    return [
        (row["id"], row["one"], row["other"], [SearchKey(kind, value) for kind, value in json.loads(row["keys"])])
        for row in rows
    ]


async def renew_judgements(db: AsyncConnection, keys: Mapping[UUID, Iterable[SearchKey]]) -> None:
    """Write what two clients had in common when they were told apart, in the keys of today: judgement → keys."""
    ids = sorted(keys)
    await execute(
        db,
        "update judgements as said set keys = n.keys::jsonb from unnest($1::uuid[], $2::text[]) as n (id, keys)"
        " where said.id = n.id",
        ids,
        [to_json(sorted([key.kind, key.value] for key in keys[one])) for one in ids],
    )


async def early_contacts_to_renew(
    db: AsyncConnection, version: int, limit: int
) -> list[tuple[EarlyContact, LeadFields, str]]:
    """Early contacts whose keys were made by older normalisers, locked, with raw cells and the country of their phones."""
    rows = await fetch(
        db,
        """
        select kept.id, kept.rule, kept.record::text as record, given.source, given.campaign, given.received_at,
               given.raw::text as raw_text, given.country
        from early_contacts as kept join submissions as given on given.id = kept.id
        where kept.norm_version < $1 order by kept.norm_version limit $2 for update of kept skip locked
        """,
        version,
        limit,
    )
    return [(as_contact(row), LeadFields.model_validate_json(row["raw_text"]), row["country"]) for row in rows]


async def renew_early_contacts(db: AsyncConnection, contacts: Sequence[EarlyContact], version: int) -> None:
    """Write (locked) early contacts that were made anew, and the keys by which they are found."""
    ids = [one.id for one in contacts]
    await execute(
        db,
        "update early_contacts as kept set record = n.record::jsonb, norm_version = $3"
        " from unnest($1::uuid[], $2::text[]) as n (id, record) where kept.id = n.id",
        ids,
        [to_json(record_as_json(one.record)) for one in contacts],
        version,
    )
    await execute(db, "delete from early_contact_keys where contact_id = any($1::uuid[])", ids)
    await keep_early_keys(db, contacts)
