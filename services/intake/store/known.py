"""The keys of known clients: held, looked up, kept."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Container, Iterable, Mapping, Sequence
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from services.intake import tables
from services.intake.rules.recognition import Known, Recognised
from services.intake.rules.search_keys import STRONG, SearchKey, most_holders
from services.intake.store.cards import read_families, read_versions
from shared.database import Writing, fetch, insert
from shared.together import together


async def hold_keys(db: AsyncConnection, keys: Iterable[SearchKey], holders: int = 0) -> dict[int, SearchKey]:
    """Be alone with the strong ones of `keys` until the end of the transaction; return those that are new, by address.

    Two arrivals of one unknown client at the same instant meet here: the second waits for the card of the first.
    It must be the first statement of recognition, so that the next one sees what the other has committed.
    A new key is entered as held by so many clients: see `keep_keys`.
    """
    strong = {key.address: key for key in keys if key.kind in STRONG}
    if not strong:
        return {}
    addresses = sorted(strong)
    [row] = await fetch(
        db,
        "with entered as (insert into key_stats (h, kind, df)"
        " select h, kind, $3 from unnest($1::bigint[], $2::text[]) as n (h, kind)"
        " on conflict (h) do update set df = key_stats.df where false returning h)"
        " select array(select h from entered) as new",
        addresses,
        [strong[h].kind for h in addresses],
        holders,
    )
    return {h: strong[h] for h in row["new"]}


async def look_up(db: AsyncConnection, keys: Iterable[SearchKey], new: Container[int] = ()) -> Known:
    """Find who holds any of `keys`, and how many do; of a key that many hold only the number is read.

    `new` are the addresses of those that nobody holds: they are not looked for.

    That is what the `case` is for: the index is searched for nothing then. Written as a condition beside `held.h =
    stat.h` it is asked of each holder that has been read, and a batch reads thousands of them, more the larger the base.
    """
    by_address = {address: key for key in keys if (address := key.address) not in new}
    addresses = sorted(by_address)  # in the order of the index
    known = Known()
    for row in await fetch(
        db,
        """
        select stat.h, stat.df, held.client_id
        from unnest($1::bigint[], $2::int[]) as asked (h, most)
        join key_stats as stat on stat.h = asked.h and stat.df > 0
        left join client_keys as held on held.h = case when stat.df <= asked.most then stat.h end
        """,
        addresses,
        [most_holders(by_address[address].kind) for address in addresses],
    ):
        key = by_address[row["h"]]
        known.frequencies[key] = row["df"]
        if row["client_id"] is not None:
            known.holders.setdefault(key, []).append(row["client_id"])
    ids = {client_id for holders in known.holders.values() for client_id in holders}
    known.cards, known.versions = await read_versions(db, ids)
    await _read_families(db, known)
    await _read_apart(db, known)
    return known


async def keep_keys(
    db: AsyncConnection,
    results: Sequence[Recognised],
    new: Mapping[int, SearchKey],
    before: Container[UUID],
    opened: Writing | None = None,
) -> None:
    """Make cards found by the keys they gained, with the submission that brought each, and count their holders.

    `new` are the keys that were held as new, and entered as held by one client each: most are, and need no counting.
    `before` are the cards that were there already: another may have given one of them the same key meanwhile.
    `opened` stores the new cards; they and their keys are written as one statement.
    """
    found = {(key.address, one.card.client_id): (key, one.arrival.lead_id) for one in results for key in one.new_keys}
    # In the order of the index: neighbours land on one page.
    gained = [(*place, *found[place]) for place in sorted(found)]
    sure = [one for one in gained if one[0] in new or one[1] not in before]
    perhaps = [one for one in gained if not (one[0] in new or one[1] not in before)]
    more = Counter(one[0] for one in sure)
    more.subtract(tuple(new))
    kinds = {address: key.kind for address, _, key, _ in sure} | {address: key.kind for address, key in new.items()}
    miscounted = sorted(address for address, by in more.items() if by)
    writings: dict[str, Writing] = {}
    if opened:
        writings["opened"] = opened
    if sure:
        writings["sure"] = _adding(sure)
    if perhaps:
        given = _adding(perhaps)
        writings["added"] = given._replace(sql=f"{given.sql} on conflict do nothing returning h, kind")
    if miscounted or perhaps:
        writings["counted"] = Writing(
            f"""
            insert into key_stats (h, kind, df)
            select h, min(kind), sum(more)
            from (select * from unnest($1::bigint[], $2::text[], $3::integer[]) as n (h, kind, more)
                  {"union all select h, kind, 1 from added" if perhaps else ""}) as told
            group by h order by h
            on conflict (h) do update set df = key_stats.df + excluded.df
            """,
            [miscounted, [kinds[address] for address in miscounted], [more[address] for address in miscounted]],
        )
    if writings:
        _, last = writings.popitem()
        await together(db, last, **writings)


def _adding(gained: Sequence[tuple[int, UUID, SearchKey, UUID]]) -> Writing:
    return Writing(
        "insert into client_keys (h, client_id, kind, value, submission_id)"
        " select * from unnest($1::bigint[], $2::uuid[], $3::text[], $4::text[], $5::uuid[])",
        [
            [address for address, _, _, _ in gained],
            [client_id for _, client_id, _, _ in gained],
            [key.kind for _, _, key, _ in gained],
            [key.value for _, _, key, _ in gained],
            [lead_id for _, _, _, lead_id in gained],
        ],
    )


async def keep_shared_keys(db: AsyncConnection, results: Sequence[Recognised]) -> None:
    """Make cards found by keys that another card of the same client has already: their holders stay as many as they were."""
    gained = sorted(
        (key.address, one.card.client_id, key, one.arrival.lead_id) for one in results for key in one.shared_keys
    )
    rows = [
        {"h": h, "client_id": card_id, "kind": key.kind, "value": key.value, "submission_id": lead_id}
        for h, card_id, key, lead_id in gained
    ]
    await insert(db, tables.client_keys, rows, then="on conflict do nothing")


async def _read_families(db: AsyncConnection, known: Known) -> None:
    """Bring in the other cards of clients that are made of several; most batches meet none of them."""
    ids = {card.belongs_to for card in known.cards.values()}
    if not ids:
        return
    rows = await fetch(
        db, "select distinct root from clients where root = any($1::uuid[]) and root is not null", list(ids)
    )
    if not rows:
        return
    families = await read_families(db, [row["root"] for row in rows])
    for client_id in (row["root"] for row in rows):
        known.families[client_id] = families.under(client_id)
        for card_id in known.families[client_id]:
            known.cards[card_id] = families.cards[card_id].card


async def _read_apart(db: AsyncConnection, known: Known) -> None:
    """Bring in what people have said of pairs of these clients: that they are not one."""
    if len(known.cards) < 2:
        return
    for row in await fetch(
        db,
        "select one, other, keys::text as keys from judgements"
        " where one = any($1::uuid[]) and superseded_at is null and verdict <> 'same'",
        list(known.cards),
    ):
        if row["other"] in known.cards:
            pair = frozenset(known.cards[row[name]].belongs_to for name in ("one", "other"))
            keys = frozenset(SearchKey(kind, value) for kind, value in json.loads(row["keys"]))
            known.apart[pair] = known.apart.get(pair, frozenset()) | keys
