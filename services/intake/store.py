"""Everything intake says to PostgreSQL: a batch of any size is the same handful of statements.

Locks are taken in one order everywhere, so that two replicas wait for each other but never in a ring:
submissions by external id, strong keys by address, cards by id, weak keys by address.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import TypeAdapter
from sqlalchemy import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection

from services.intake import tables
from services.intake.rules.call_script import as_kept
from services.intake.rules.keys import RegularLead
from services.intake.rules.merging import Families, Held
from services.intake.rules.recognition import Known, Recognised
from services.intake.rules.search_keys import MOST_HOLDERS, STRONG, SearchKey, search_keys
from services.intake.rules.submission import Submission
from services.intake.rules.survivorship import Card
from services.intake.rules.taking_back import Brought, Left
from shared.commands import LeadFields, SubmitLead
from shared.database import execute, fetch, insert, to_json
from shared.letterbox import Stored
from shared.message import NotYet

_RECORD: TypeAdapter[RegularLead] = TypeAdapter(RegularLead)


def record_as_json(record: RegularLead) -> dict[str, Any]:
    """A record as it is stored: what is empty is left out."""
    stored: dict[str, Any] = _RECORD.dump_python(record, mode="json", exclude_defaults=True)
    return stored


# ── what was handed in ──────────────────────────────────────────────────────────────────────────────────────────────


async def keep_submissions(db: AsyncConnection, submissions: Sequence[Submission], now: datetime) -> set[UUID]:
    """Store what was handed in, raw, before anything else happens to it; return the ids of what was not there before.

    Of two with one (source system, external id) the first is kept, whatever the second says (R0-10).
    """
    rows = [
        {
            "id": one.id,
            "source_system": one.source_system,
            "external_id": one.external_id,
            "purpose": one.purpose,
            "source": one.source.value,
            "campaign": one.campaign,
            "submitter": one.submitter,
            "named_manager": one.named_manager,
            "curator": one.curator,
            "import_id": one.import_id,
            "sheet": one.sheet,
            "row_number": one.row,
            "country": one.country,
            "raw": one.fields.model_dump(exclude_defaults=True),
            "received_at": one.received_at,
            "stored_at": now,
            "call": as_kept(one.fields, one.call, now),
            "referral": one.referral and one.referral.model_dump(mode="json"),
        }
        for one in sorted(submissions, key=lambda one: (one.source_system, one.external_id))
    ]
    kept = await insert(db, tables.submissions, rows, then="on conflict do nothing returning id")
    return {row["id"] for row in kept}


async def keep_imports(db: AsyncConnection, imports: Sequence[Mapping[str, Any]]) -> None:
    """Remember each import once; its first chunk says what it is."""
    await insert(db, tables.imports, sorted(imports, key=lambda one: one["id"].bytes), then="on conflict do nothing")


# ── what the HTTP door has accepted ─────────────────────────────────────────────────────────────────────────────────

_HELD = 60  # seconds in which whoever claimed a receipt should have served it


async def keep_receipt(db: AsyncConnection, row: Mapping[str, Any]) -> RowMapping:
    """Store what was brought to the door, unless it is there already; return (digest, is_new) of what stands there now."""
    kept = await insert(
        db,
        tables.receipts,
        [row],
        then="on conflict (id) do update set tries = receipts.tries returning digest, xmax = 0 as is_new",
    )
    return kept[0]


async def claim_receipts(db: AsyncConnection, most: int) -> Sequence[Stored]:
    """The next receipts to be served, the oldest first; for a minute nobody else gets them."""
    rows = await fetch(
        db,
        """
        with claimed as (
            select id from receipts where state = 'waiting' and next_at <= clock_timestamp()
            order by next_at, id limit $1 for update skip locked
        )
        update receipts as one
        set tries = one.tries + 1, next_at = clock_timestamp() + make_interval(secs => $2)
        from claimed where one.id = claimed.id
        returning one.id, one.command, one.received_at, one.tries
        """,
        most,
        _HELD,
    )
    return [
        Stored(row["id"], SubmitLead.model_validate_json(row["command"]), row["received_at"], row["tries"])
        for row in sorted(rows, key=lambda row: (row["received_at"], row["id"]))
    ]


async def settle_receipts(db: AsyncConnection, done: Sequence[UUID], later: Mapping[UUID, float]) -> None:
    """End the receipts that are done with; put the others off by so many seconds."""
    await execute(
        db,
        "update receipts set state = 'taken', taken_at = clock_timestamp() where id = any($1::uuid[])",
        sorted(done),
    )
    await execute(
        db,
        "update receipts as one set next_at = clock_timestamp() + make_interval(secs => put.off)"
        " from unnest($1::uuid[], $2::float8[]) as put (id, off) where one.id = put.id and one.state = 'waiting'",
        list(later),
        list(later.values()),
    )


async def oldest_receipt(db: AsyncConnection) -> float:
    """Seconds that the oldest receipt nobody has taken in yet has waited; 0 when none waits."""
    rows = await fetch(
        db,
        "select coalesce(extract(epoch from clock_timestamp() - min(received_at)), 0)::float8 as seconds"
        " from receipts where state = 'waiting'",
    )
    return float(rows[0]["seconds"])


async def receipt(db: AsyncConnection, receipt_id: UUID, source_system: str) -> RowMapping | None:
    """A receipt of this source with what became of it: (state, lead_id, outcome, client_id, faults …), if there is one.

    What was handed in under the same name by another way is the same lead, so it is found by its name.
    """
    rows = await fetch(
        db,
        """
        select kept.id, kept.state, kept.received_at, given.id as lead_id, made.outcome,
               coalesce(card.root, made.client_id) as client_id, made.faults::text as faults_text,
               exists (select from dead_letters where subject = $3 and message_id = kept.id) as is_dead
        from receipts as kept
        left join submissions as given
            on given.source_system = kept.source_system and given.external_id = kept.external_id
        left join decisions as made on made.lead_id = given.id
        left join clients as card on card.id = made.client_id
        where kept.id = $1 and kept.source_system = $2
        """,
        receipt_id,
        source_system,
        SubmitLead.subject,
    )
    return rows[0] if rows else None


# ── who is known ────────────────────────────────────────────────────────────────────────────────────────────────────


async def hold_keys(db: AsyncConnection, keys: Iterable[SearchKey]) -> None:
    """Be alone with the strong ones of `keys` until the end of the transaction.

    Two arrivals of one unknown client at the same instant meet here: the second waits for the card of the first.
    It must be the first statement of recognition, so that the next one sees what the other has committed.
    """
    strong = {key.address: key for key in keys if key.kind in STRONG}
    rows = [{"h": h, "kind": strong[h].kind, "df": 0} for h in sorted(strong)]
    await insert(db, tables.key_stats, rows, then="on conflict (h) do update set df = key_stats.df where false")


async def look_up(db: AsyncConnection, keys: Iterable[SearchKey]) -> Known:
    """Find who holds any of `keys`, and how many do; of a key that many hold only the number is read."""
    by_address = {key.address: key for key in keys}
    known = Known()
    for row in await fetch(
        db,
        """
        select stat.h, stat.df, held.client_id
        from unnest($1::bigint[]) as asked (h)
        join key_stats as stat on stat.h = asked.h and stat.df > 0
        left join client_keys as held on held.h = stat.h and stat.df <= $2
        order by stat.h, held.client_id
        """,
        list(by_address),
        MOST_HOLDERS,
    ):
        key = by_address[row["h"]]
        known.frequencies[key] = row["df"]
        if row["client_id"] is not None:
            known.holders.setdefault(key, []).append(row["client_id"])
    ids = {client_id for holders in known.holders.values() for client_id in holders}
    known.cards = {card.client_id: card for card in await read_cards(db, ids)}
    await _read_families(db, known)
    await _read_apart(db, known)
    return known


_READ_CARDS = """
select id, name, record::text as record, region, region_by, curator, provisional, root
from clients where id = any($1::uuid[]) order by id
"""


async def read_cards(db: AsyncConnection, ids: Iterable[UUID], *, lock: bool = False) -> list[Card]:
    """The cards of these clients, in the order of their ids; `lock` keeps everybody else from changing them."""
    wanted = list(ids)
    if not wanted:
        return []
    return [_card(row) for row in await fetch(db, _READ_CARDS + ("for update" if lock else ""), wanted)]


def _card(row: RowMapping) -> Card:
    return Card(
        client_id=row["id"],
        name=row["name"],
        record=_RECORD.validate_json(row["record"]),
        region=row["region"],
        region_by=row["region_by"],
        curator=row["curator"],
        provisional=row["provisional"],
        merged_into=row["root"],
    )


# ── what was decided ────────────────────────────────────────────────────────────────────────────────────────────────


_GIVEN_CARDS = """
unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::boolean[], $8::text[])
    as given (id, name, form, region, region_by, curator, provisional, record)
"""


def _given(cards: Sequence[Card]) -> tuple[list[Any], ...]:
    """The columns of `_GIVEN_CARDS`."""
    return (
        [card.client_id for card in cards],
        [card.name for card in cards],
        [card.record.company.form if card.record.company else None for card in cards],
        [card.region for card in cards],
        [card.region_by for card in cards],
        [card.curator for card in cards],
        [card.provisional for card in cards],
        [_RECORD.dump_json(card.record, exclude_defaults=True).decode() for card in cards],
    )


async def open_cards(db: AsyncConnection, cards: Sequence[Card], now: datetime) -> None:
    """Store new cards."""
    await execute(
        db,
        f"""
        insert into clients (id, name, form, region, region_by, curator, provisional, record, created_at)
        select id, name, form, region, region_by, curator, provisional, record::jsonb, $9::timestamptz
        from {_GIVEN_CARDS}
        """,
        *_given(cards),
        now,
    )


async def change_cards(db: AsyncConnection, cards: Sequence[Card]) -> None:
    """Store what existing cards have gained; they must have been read with `lock`."""
    if not cards:
        return
    await execute(
        db,
        f"""
        update clients as card
        set name = given.name, form = given.form, region = given.region, region_by = given.region_by,
            curator = given.curator, record = given.record::jsonb
        from {_GIVEN_CARDS}
        where card.id = given.id
        """,
        *_given(cards),
    )


async def keep_keys(db: AsyncConnection, results: Sequence[Recognised]) -> None:
    """Make cards found by the keys they gained, with the submission that brought each, and count their holders."""
    gained = sorted(
        (key.address, one.card.client_id, key, one.arrival.lead_id) for one in results for key in one.new_keys
    )  # in the order of the index: neighbours land on one page
    if not gained:
        return
    await execute(
        db,
        """
        with added as (
            insert into client_keys (h, client_id, kind, value, submission_id)
            select * from unnest($1::bigint[], $2::uuid[], $3::text[], $4::text[], $5::uuid[])
            on conflict do nothing
            returning h, kind
        )
        insert into key_stats (h, kind, df)
        select h, min(kind), count(*) from added group by h order by h
        on conflict (h) do update set df = key_stats.df + excluded.df
        """,
        [address for address, _, _, _ in gained],
        [client_id for _, client_id, _, _ in gained],
        [key.kind for _, _, key, _ in gained],
        [key.value for _, _, key, _ in gained],
        [lead_id for _, _, _, lead_id in gained],
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


async def keep_contacts(db: AsyncConnection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Store whom a submission named at a client, as it was written, beside what else it brought."""
    await insert(db, tables.contacts, rows)


async def keep_decisions(db: AsyncConnection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Store the one outcome of each submission, with its evidence."""
    await insert(db, tables.decisions, rows)


# ── what is asked ───────────────────────────────────────────────────────────────────────────────────────────────────


async def count_outcomes(db: AsyncConnection, import_id: UUID) -> Sequence[RowMapping]:
    """Outcomes of an import by purpose: (purpose, outcome, rows, last_at)."""
    return await fetch(
        db,
        "select purpose, outcome, count(*) as rows, max(decided_at) as last_at from decisions"
        " where import_id = $1 group by purpose, outcome",
        import_id,
    )


async def rejected_rows(db: AsyncConnection, import_id: UUID, sheet: str, row: int, limit: int) -> Sequence[RowMapping]:
    """The rejected rows of an import after (sheet, row), in that order."""
    return await fetch(
        db,
        """
        select given.sheet, given.row_number as row, made.faults::text as faults
        from decisions as made join submissions as given on given.id = made.lead_id
        where made.import_id = $1 and made.outcome = 'rejected' and (given.sheet, given.row_number) > ($2, $3)
        order by given.sheet, given.row_number limit $4
        """,
        import_id,
        sheet,
        row,
        limit,
    )


_LEAD = """
select given.*, given.raw::text as raw_text, given.call::text as call_text, given.referral::text as referral_text, list.file_name,
       made.outcome, made.client_id, made.rule, made.score, made.evidence::text as evidence_text,
       made.candidates::text as candidates_text, made.flags::text as flags_text, made.faults::text as faults_text,
       made.region, made.region_by, made.norm_version, made.decided_at
from submissions as given
join decisions as made on made.lead_id = given.id
left join imports as list on list.id = given.import_id
"""


_CARDS_OF = "array(select $1::uuid union all select id from clients where root = $1 and root is not null)"
"""The card of a client, and those merged into it."""


async def lead(db: AsyncConnection, lead_id: UUID) -> RowMapping | None:
    """One submission with its decision, if there is such a one."""
    rows = await fetch(db, f"{_LEAD} where given.id = $1", lead_id)
    return rows[0] if rows else None


async def leads_of(db: AsyncConnection, client_id: UUID, limit: int) -> Sequence[RowMapping]:
    """The submissions that stand on a client's cards, the oldest first."""
    return await fetch(
        db,
        f"{_LEAD} where made.client_id = any({_CARDS_OF}) order by made.decided_at, given.id limit $2",
        client_id,
        limit,
    )


async def client(db: AsyncConnection, client_id: UUID) -> RowMapping | None:
    """One client, if there is such a one; the id of a card that was merged leads to him for ever."""
    rows = await fetch(
        db,
        "select id, name, form, region, region_by, curator, provisional, record::text as record_text, created_at"
        " from clients where id = (select coalesce(root, id) from clients where id = $1)",
        client_id,
    )
    return rows[0] if rows else None


async def contacts_of(db: AsyncConnection, client_id: UUID) -> Sequence[RowMapping]:
    """Whom submissions named at a client, as they were written."""
    return await fetch(
        db,
        "select submission_id, name, position, phone, email, website from contacts"
        f" where client_id = any({_CARDS_OF}) order by submission_id limit 50",
        client_id,
    )


# ── previews ────────────────────────────────────────────────────────────────────────────────────────────────────────


async def outcomes_of(db: AsyncConnection, lead_ids: Sequence[UUID]) -> dict[UUID, dict[str, Any]]:
    """What became of these submissions, as far as they were taken in: {outcome, rule, client_id, client, region}."""
    rows = await fetch(
        db,
        "select made.lead_id, made.outcome, made.rule, made.client_id, coalesce(card.name, '') as client, made.region"
        " from decisions as made left join clients as card on card.id = made.client_id"
        " where made.lead_id = any($1::uuid[])",
        list(lead_ids),
    )
    return {row["lead_id"]: {name: value for name, value in row.items() if name != "lead_id"} for row in rows}


# ── merged, told apart, in doubt ────────────────────────────────────────────────────────────────────────────────────

_PLACED = """
select id, name, record::text as record, region, region_by, curator, provisional, root, created_at, under, merge_id,
       merged_at
from clients
"""


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


async def read_families(db: AsyncConnection, ids: Iterable[UUID]) -> Families:
    """The cards with these ids and all that are one client with them."""
    wanted = list(ids)
    rows = await fetch(
        db,
        "with tops as (select distinct coalesce(root, id) as id from clients where id = any($1::uuid[])),"
        " members as (select id from tops union"
        " select card.id from tops join clients as card on card.root = tops.id and card.root is not null)"
        f" {_PLACED} where id = any(array(select id from members)) order by id",
        wanted,
    )
    return Families(Held(_card(r), r["created_at"], r["under"], r["merge_id"], r["merged_at"]) for r in rows)


async def hold_families(db: AsyncConnection, ids: Sequence[UUID]) -> Families:
    """The same, and nobody else changes them, joins a lead to them or merges them until we commit.

    Raises NotYet when somebody changed what belongs together while we waited.
    """
    seen = await read_families(db, ids)
    await hold_keys(db, (key for one in seen.cards.values() for key in search_keys(one.card.record)))
    await fetch(db, "select from clients where id = any($1::uuid[]) order by id for update", sorted(seen.cards))
    held = await read_families(db, ids)
    if held.cards.keys() != seen.cards.keys():
        raise NotYet("somebody else merges or splits these clients at this moment")
    return held


async def move_cards(
    db: AsyncConnection, before: Mapping[UUID, UUID], after: Families, merges: Mapping[UUID, UUID]
) -> None:
    """Write what the (held) families are now: `before` is card → client as it was, `merges` card → the merge that moved it.

    How many clients hold each key follows at once: what two had and one has now counts once, and twice again after a split.
    """
    roots = after.roots()
    rows = [after.placed(card_id) for card_id in sorted(roots, key=lambda one: one.bytes)]
    await execute(
        db,
        """
        update clients as card set under = n.under, root = n.root, merged_at = n.merged_at,
               merge_id = case when n.under is null then null else coalesce(n.merge_id, card.merge_id) end
        from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::timestamptz[], $5::uuid[])
             as n (id, under, root, merged_at, merge_id)
        where card.id = n.id and (card.under, card.root, card.merged_at) is distinct from (n.under, n.root, n.merged_at)
        """,
        [row.card_id for row in rows],
        [row.under for row in rows],
        [None if roots[row.card_id] == row.card_id else roots[row.card_id] for row in rows],
        [row.since for row in rows],
        [merges.get(row.card_id) for row in rows],
    )
    addresses = {key.address for one in after.cards.values() for key in search_keys(one.card.record)}
    await execute(
        db,
        """
        with change as (
            select held.h, count(distinct n.client) - count(distinct n.was) as more
            from client_keys as held
            join unnest($2::uuid[], $3::uuid[], $4::uuid[]) as n (card, was, client) on n.card = held.client_id
            where held.h = any($1::bigint[]) group by held.h having count(distinct n.client) <> count(distinct n.was)
        ), locked as (
            select stat.h, change.more from key_stats as stat join change using (h) order by stat.h for update of stat
        )
        update key_stats as stat set df = stat.df + locked.more from locked where stat.h = locked.h
        """,
        sorted(addresses),
        list(roots),
        [before[card_id] for card_id in roots],
        list(roots.values()),
    )


async def records_on(db: AsyncConnection, cards: Iterable[UUID]) -> dict[UUID, list[tuple[UUID, datetime]]]:
    """What stands on each of these cards: (submission, when it was decided), the oldest first."""
    found: dict[UUID, list[tuple[UUID, datetime]]] = {}
    for row in await fetch(
        db,
        "select client_id, lead_id, decided_at from decisions where client_id = any($1::uuid[]) order by decided_at, lead_id",
        list(cards),
    ):
        found.setdefault(row["client_id"], []).append((row["lead_id"], row["decided_at"]))
    return found


async def open_reviews(db: AsyncConnection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Put doubts into the queue; a pair that was asked once is not asked again."""
    await insert(db, tables.reviews, rows, then="on conflict do nothing")


async def hold_reviews(db: AsyncConnection, ids: Sequence[UUID]) -> list[RowMapping]:
    """These doubts, kept from being judged by anybody else until we commit."""
    return list(
        await fetch(
            db,
            "select id, card_id, other_id, lead_id, import_id, state, evidence::text as evidence from reviews"
            " where id = any($1::uuid[]) order by id for update",
            list(ids),
        )
    )


async def settle_reviews(db: AsyncConnection, ids: Sequence[UUID], judgement_id: UUID) -> None:
    """These doubts are judged."""
    await execute(
        db, "update reviews set state = 'judged', judgement_id = $2 where id = any($1::uuid[])", list(ids), judgement_id
    )


async def skip_reviews(db: AsyncConnection, ids: Sequence[UUID]) -> None:
    """These doubts go behind all others."""
    await execute(
        db, "update reviews set skips = skips + 1 where id = any($1::uuid[]) and state = 'waiting'", list(ids)
    )


async def judge(db: AsyncConnection, rows: Sequence[Mapping[str, Any]], now: datetime) -> None:
    """Keep what was said of pairs of clients; it takes the place of what was said of them before."""
    last = {(row["one"], row["other"]): row for row in rows}
    pairs = sorted(last)
    await execute(
        db,
        "update judgements as old set superseded_at = $3 from unnest($1::uuid[], $2::uuid[]) as n (one, other)"
        " where old.one = n.one and old.other = n.other and old.superseded_at is null",
        [one for one, _ in pairs],
        [other for _, other in pairs],
        now,
    )
    await insert(db, tables.judgements, [last[pair] for pair in pairs])


async def make_moot(db: AsyncConnection, roots: Mapping[UUID, UUID], merges: Mapping[UUID, UUID]) -> None:
    """Doubts that merges have answered wait no longer: of two cards that are one client now, and of a card that lost."""
    await execute(
        db,
        """
        update reviews as doubt set state = 'moot', merge_id = n.merge_id
        from unnest($1::uuid[], $2::uuid[], $3::uuid[]) as n (card, client, merge_id)
        where doubt.state = 'waiting' and n.merge_id is not null
          and (doubt.card_id = n.card or (doubt.other_id = n.card and doubt.card_id = n.client))
        """,
        list(roots),
        list(roots.values()),
        [merges.get(card_id) for card_id in roots],
    )


async def ask_again(db: AsyncConnection, merges: Sequence[UUID]) -> None:
    """Doubts that these merges had answered wait again."""
    await execute(
        db,
        "update reviews set state = 'waiting', merge_id = null where merge_id = any($1::uuid[]) and state = 'moot'",
        list(merges),
    )


async def settle_cards(db: AsyncConnection, ids: Sequence[UUID]) -> None:
    """Cards of whom nothing is doubted any more are provisional no longer."""
    await execute(
        db,
        "update clients as card set provisional = false where id = any($1::uuid[]) and provisional"
        " and not exists (select from reviews where card_id = card.id and state = 'waiting')",
        list(ids),
    )


async def keep_merges(db: AsyncConnection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write the log of merges."""
    await insert(db, tables.merges, rows)


async def standing_merges(
    db: AsyncConnection, *, merge_id: UUID | None = None, import_id: UUID | None = None
) -> list[RowMapping]:
    """The merge with this id, or all of an import; those undone already carry `undone_at`. The newest first."""
    return list(
        await fetch(
            db,
            "select id, survivor_id, loser_id, merged_at, undone_at from merges"
            " where id = $1 or import_id = $2 order by merged_at desc, id for update",
            merge_id,
            import_id,
        )
    )


async def undo_merges(db: AsyncConnection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write into the log that merges were undone: rows of id, at, by, note and what came later."""
    await execute(
        db,
        """
        update merges as done set undone_at = n.at, undone_by = n.who, undone_note = n.note, came_later = n.later::jsonb
        from unnest($1::uuid[], $2::timestamptz[], $3::text[], $4::text[], $5::text[]) as n (id, at, who, note, later)
        where done.id = n.id
        """,
        [row["id"] for row in rows],
        [row["at"] for row in rows],
        [row["by"] for row in rows],
        [row["note"] for row in rows],
        [to_json(row["came_later"]) for row in rows],
    )


_WAITING = """
select doubt.id, doubt.lead_id, doubt.card_id, coalesce(other.root, other.id) as client_id, doubt.rule, doubt.score,
       doubt.priority, doubt.suggested, doubt.opened_at, doubt.skips, card.name as name
from reviews as doubt join clients as other on other.id = doubt.other_id join clients as card on card.id = doubt.card_id
where doubt.state = 'waiting'
"""


async def doubted_clients(db: AsyncConnection, limit: int) -> Sequence[RowMapping]:
    """The clients about whom there are doubts, what is worth most first: client_id, leads, priority, oldest_at, skips."""
    return await fetch(
        db,
        f"""
        select client_id, count(*) as leads, max(priority) as priority, min(opened_at) as oldest_at, min(skips) as skips
        from ({_WAITING}) as waiting group by client_id
        order by min(skips), max(priority) desc, min(opened_at), client_id limit $1
        """,
        limit,
    )


async def doubts_about(db: AsyncConnection, clients: Sequence[UUID], limit: int) -> Sequence[RowMapping]:
    """The doubts about these clients, at most `limit` of each, what is worth most first."""
    return await fetch(
        db,
        f"""
        select * from (
            select *, row_number() over (partition by client_id order by skips, priority desc, opened_at, id) as nth
            from ({_WAITING}) as waiting where client_id = any($1::uuid[])
        ) as numbered where nth <= $2 order by client_id, nth
        """,
        list(clients),
        limit,
    )


async def count_waiting(db: AsyncConnection) -> int:
    """How many doubts wait for a person."""
    rows = await fetch(db, "select count(*) as n from reviews where state = 'waiting'")
    return int(rows[0]["n"])


async def doubt(db: AsyncConnection, either: UUID) -> RowMapping | None:
    """The doubt with this id, or the best of a lead, with what was said of it."""
    rows = await fetch(
        db,
        """
        select doubt.*, doubt.evidence::text as evidence_text, doubt.conflicts::text as conflicts_text,
               said.verdict, said.judged_by, said.judged_at, said.note
        from reviews as doubt left join judgements as said on said.cause = doubt.judgement_id
             and said.one = least(doubt.card_id, doubt.other_id) and said.other = greatest(doubt.card_id, doubt.other_id)
        where doubt.id = $1 or doubt.lead_id = $1
        order by doubt.state <> 'waiting', doubt.score desc limit 1
        """,
        either,
    )
    return rows[0] if rows else None


async def merges_about(db: AsyncConnection, either: UUID) -> Sequence[RowMapping]:
    """The merges of a client or of an import, the newest first."""
    return await fetch(
        db,
        "select id, survivor_id, loser_id, import_id, merged_by, merged_at, note, jsonb_array_length(records) as records,"
        " undone_at, undone_by, undone_note from merges"
        " where id = $1 or survivor_id = $1 or loser_id = $1 or import_id = $1 order by merged_at desc, id limit 200",
        either,
    )


# ── imports: their history, and what is taken back of them ──────────────────────────────────────────────────────────


async def imports_so_far(db: AsyncConnection, limit: int) -> Sequence[RowMapping]:
    """The last imports with their counts, the newest first."""
    return await fetch(
        db,
        """
        select list.id, list.file_name, list.purpose, list.source, list.campaign, list.submitter, list.begun_at,
               list.undo_at, list.undo_by, list.undoing, made.*
        from (select * from imports order by begun_at desc, id limit $1) as list
        cross join lateral (
            select count(*) as rows, max(decided_at) as last_at,
                   count(*) filter (where outcome = 'new') as new, count(*) filter (where outcome = 'same') as same,
                   count(*) filter (where outcome = 'possible') as possible,
                   count(*) filter (where outcome = 'rejected') as rejected,
                   count(*) filter (where recall = 'asked') as asked,
                   count(*) filter (where recall = 'undone') as undone,
                   count(*) filter (where recall = 'kept') as kept
            from decisions where import_id = list.id
        ) as made
        order by list.begun_at desc, list.id
        """,
        limit,
    )


async def undo_of(db: AsyncConnection, import_id: UUID) -> RowMapping | None:
    """How far the undoing of an import is: leads and cards gone, left, still asked for."""
    rows = await fetch(
        db,
        """
        select list.id, list.purpose, list.file_name, list.campaign, list.undo_at, list.undoing, made.*
        from imports as list
        cross join lateral (
            select count(*) filter (where outcome <> 'rejected') as leads,
                   count(*) filter (where outcome <> 'rejected' and recall is null) as untold,
                   count(*) filter (where recall = 'asked') as asked,
                   count(*) filter (where recall = 'undone') as undone,
                   count(*) filter (where recall = 'kept') as kept,
                   count(distinct made.client_id) filter (where recall = 'undone' and card.id is null) as cards_gone
            from decisions as made left join clients as card on card.id = made.client_id
            where made.import_id = list.id
        ) as made
        where list.id = $1
        """,
        import_id,
    )
    return rows[0] if rows else None


async def left_of_import(db: AsyncConnection, import_id: UUID, limit: int) -> Sequence[RowMapping]:
    """What was left when an import was undone, and why: (lead_id, client_id, sheet, row, client, kept_because)."""
    return await fetch(
        db,
        """
        select made.lead_id, made.client_id, given.sheet, given.row_number as row, coalesce(card.name, '') as client,
               made.kept_because
        from decisions as made join submissions as given on given.id = made.lead_id
        left join clients as card on card.id = made.client_id
        where made.import_id = $1 and made.recall = 'kept' order by given.sheet, given.row_number limit $2
        """,
        import_id,
        limit,
    )


async def wish_undone(db: AsyncConnection, import_id: UUID, by: str | None, cause: UUID, now: datetime) -> bool:
    """Begin to undo an import, or ask again for what was left of it; whether there is such an import."""
    found = await execute(
        db,
        "update imports set undoing = true, undo_at = $2, undo_by = $3, undo_cause = $4 where id = $1",
        import_id,
        now,
        by,
        cause,
    )
    await execute(
        db,
        "update decisions set recall = null, kept_because = null where import_id = $1 and recall = 'kept'",
        import_id,
    )
    return found > 0


async def undo_latecomers(db: AsyncConnection, imports: Sequence[UUID]) -> None:
    """Rows of imports that are undone were still on their way: they are taken back as well."""
    await execute(
        db,
        "update imports set undoing = true where id = any($1::uuid[]) and undo_at is not null and not undoing",
        list(imports),
    )


async def claim_undoing(db: AsyncConnection) -> RowMapping | None:
    """An import that is being undone, locked; another replica passes it over."""
    rows = await fetch(
        db,
        "select id, purpose, undo_cause from imports where undoing order by undo_at, id limit 1 for update skip locked",
    )
    return rows[0] if rows else None


async def next_to_recall(db: AsyncConnection, import_id: UUID, limit: int) -> Sequence[RowMapping]:
    """What of an import is not asked for yet, the last row first: (lead_id, client_id, merged, judged).

    The last first, so that a lead which joined the sale of an earlier row is out of it before that row is asked for.
    """
    return await fetch(
        db,
        """
        with untold as materialized (
            select lead_id, client_id, decided_at from decisions
            where import_id = $1 and outcome <> 'rejected' and recall is null
        ), edge as (
            select min(decided_at) as at from (select decided_at from untold order by decided_at desc limit $2) as last
        )
        select made.lead_id, made.client_id, coalesce(card.root is not null or exists (
                   select from clients as other where other.root = card.id), false) as merged,
               exists (select from judgements as said where said.superseded_at is null
                       and (said.one = made.client_id or said.other = made.client_id)) as judged
        from (
            select untold.*, given.sheet, given.row_number
            from edge join untold on untold.decided_at >= edge.at join submissions as given on given.id = untold.lead_id
            order by untold.decided_at desc, given.sheet desc, given.row_number desc limit $2
        ) as made
        left join clients as card on card.id = made.client_id
        order by made.decided_at desc, made.sheet desc, made.row_number desc
        """,
        import_id,
        limit,
    )


async def end_undoing(db: AsyncConnection, import_id: UUID) -> None:
    """All of an import has been asked for."""
    await execute(db, "update imports set undoing = false where id = $1", import_id)


async def mark_recalled(db: AsyncConnection, leads: Mapping[UUID, tuple[str, str | None]]) -> None:
    """Write what became of recalled leads: lead → (recall, why it was kept)."""
    ids = sorted(leads)
    await execute(
        db,
        "with held as (select lead_id from decisions where lead_id = any($1::uuid[]) order by lead_id for update)"
        " update decisions as made set recall = told.recall, kept_because = told.because"
        " from held join unnest($1::uuid[], $2::text[], $3::text[]) as told (id, recall, because) on told.id = held.lead_id"
        " where made.lead_id = held.lead_id",
        ids,
        [leads[one][0] for one in ids],
        [leads[one][1] for one in ids],
    )


async def cards_of(db: AsyncConnection, lead_ids: Sequence[UUID]) -> list[UUID]:
    """The cards that these leads stand on, as far as the leads have not been taken back."""
    rows = await fetch(
        db,
        "select distinct client_id from decisions where lead_id = any($1::uuid[]) and client_id is not null"
        " and recall is distinct from 'undone'",
        list(lead_ids),
    )
    return sorted(row["client_id"] for row in rows)


async def cards_with_others(db: AsyncConnection, card_ids: Sequence[UUID], import_id: UUID) -> set[UUID]:
    """Those of these cards for which something has come after this import, and not of it."""
    rows = await fetch(
        db,
        """
        select distinct made.client_id from decisions as made
        where made.client_id = any($1::uuid[]) and made.import_id is distinct from $2
          and made.recall is distinct from 'undone' and made.decided_at > (
              select min(own.decided_at) from decisions as own where own.client_id = made.client_id and own.import_id = $2)
        """,
        list(card_ids),
        import_id,
    )
    return {row["client_id"] for row in rows}


async def submissions_on(db: AsyncConnection, card_ids: Sequence[UUID]) -> dict[UUID, list[Brought]]:
    """What has come for these cards and was not taken back, in the order in which it came."""
    found: dict[UUID, list[Brought]] = {card: [] for card in card_ids}
    for row in await fetch(
        db,
        """
        select made.client_id, made.lead_id, given.raw::text as raw_text, given.country, given.curator
        from decisions as made join submissions as given on given.id = made.lead_id
        where made.client_id = any($1::uuid[]) and made.recall is distinct from 'undone'
        order by made.decided_at, given.sheet, given.row_number, given.id
        """,
        list(card_ids),
    ):
        fields = LeadFields.model_validate_json(row["raw_text"])
        found[row["client_id"]].append(Brought(row["lead_id"], fields, row["country"], row["curator"]))
    return found


async def leave_cards(db: AsyncConnection, left: Sequence[Left], leaving: Sequence[UUID]) -> None:
    """Write what is left of held cards: the rows, the keys with who says them, how many hold each key, the contacts."""
    gone = [one.client_id for one in left if one.card is None]
    lost = sorted({(key.address, one.client_id) for one in left for key in one.lost})
    stays = [(key.address, one.client_id, lead) for one in left for key, lead in one.said_by.items()]
    await execute(
        db,
        """
        with lost as (
            delete from client_keys as held using unnest($1::bigint[], $2::uuid[]) as gone (h, id)
            where held.h = gone.h and held.client_id = gone.id returning held.h
        ), fewer as (
            select stat.h, lost.holders from key_stats as stat
            join (select h, count(*) as holders from lost group by h) as lost using (h) order by stat.h for update of stat
        )
        update key_stats as stat set df = greatest(stat.df - fewer.holders, 0) from fewer where stat.h = fewer.h
        """,
        [address for address, _ in lost],
        [client_id for _, client_id in lost],
    )
    await execute(
        db,
        "update client_keys as held set submission_id = stays.lead from unnest($1::bigint[], $2::uuid[], $3::uuid[])"
        " as stays (h, id, lead) where held.h = stays.h and held.client_id = stays.id and held.submission_id <> stays.lead",
        [address for address, _, _ in stays],
        [client_id for _, client_id, _ in stays],
        [lead for _, _, lead in stays],
    )
    await execute(
        db,
        "delete from contacts where client_id = any($1::uuid[]) and submission_id = any($2::uuid[])",
        [one.client_id for one in left],
        list(leaving),
    )
    await change_cards(db, [one.card for one in left if one.card is not None])
    await execute(db, "delete from clients where id = any($1::uuid[])", gone)
    await execute(
        db,
        "update reviews set state = 'moot' where state = 'waiting'"
        " and (card_id = any($1::uuid[]) or other_id = any($1::uuid[]) or lead_id = any($2::uuid[]))",
        gone,
        list(leaving),
    )


# ── what sources bring ──────────────────────────────────────────────────────────────────────────────────────────────


async def sources_between(db: AsyncConnection, since: datetime, until: datetime) -> Sequence[RowMapping]:
    """What was handed in as leads in a time, by source and campaign."""
    return await fetch(
        db,
        """
        select given.source, coalesce(given.campaign, '') as campaign, count(*) as leads,
               count(*) filter (where made.outcome <> 'rejected') as accepted,
               count(*) filter (where made.outcome = 'new') as new, count(*) filter (where made.outcome = 'same') as same,
               count(*) filter (where made.outcome = 'possible') as possible,
               count(*) filter (where made.outcome = 'rejected') as rejected,
               count(*) filter (where made.recall = 'undone') as undone,
               count(distinct given.submitter) as submitters,
               percentile_cont(0.5) within group (order by (given.call ->> 'entry_lag_s')::float8) as entry_lag_s,
               max((given.call ->> 'entry_lag_s')::float8) as longest_lag_s
        from submissions as given join decisions as made on made.lead_id = given.id
        where given.purpose = 'leads' and given.received_at >= $1 and given.received_at < $2
        group by 1, 2 order by leads desc, 1, 2
        """,
        since,
        until,
    )
