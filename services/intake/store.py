"""Everything intake says to PostgreSQL: a batch of any size is the same handful of statements.

Locks are taken in one order everywhere, so that two replicas wait for each other but never in a ring:
submissions by external id, strong keys by address, cards by id, weak keys by address.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import TypeAdapter
from sqlalchemy import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection

from services.intake import tables
from services.intake.rules.keys import RegularLead
from services.intake.rules.recognition import Known, Recognised
from services.intake.rules.search_keys import MOST_HOLDERS, STRONG, SearchKey
from services.intake.rules.submission import Submission
from services.intake.rules.survivorship import Card
from shared.database import execute, fetch, insert

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
        }
        for one in sorted(submissions, key=lambda one: (one.source_system, one.external_id))
    ]
    kept = await insert(db, tables.submissions, rows, then="on conflict do nothing returning id")
    return {row["id"] for row in kept}


async def keep_imports(db: AsyncConnection, imports: Sequence[Mapping[str, Any]]) -> None:
    """Remember each import once; its first chunk says what it is."""
    await insert(db, tables.imports, sorted(imports, key=lambda one: one["id"].bytes), then="on conflict do nothing")


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
    return known


_READ_CARDS = """
select id, name, record::text as record, region, region_by, curator, provisional
from clients where id = any($1::uuid[]) order by id
"""


async def read_cards(db: AsyncConnection, ids: Iterable[UUID], *, lock: bool = False) -> list[Card]:
    """The cards of these clients, in the order of their ids; `lock` keeps everybody else from changing them."""
    wanted = list(ids)
    if not wanted:
        return []
    rows = await fetch(db, _READ_CARDS + ("for update" if lock else ""), wanted)
    return [
        Card(
            client_id=row["id"],
            name=row["name"],
            record=_RECORD.validate_json(row["record"]),
            region=row["region"],
            region_by=row["region_by"],
            curator=row["curator"],
            provisional=row["provisional"],
        )
        for row in rows
    ]


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
select given.*, given.raw::text as raw_text, list.file_name,
       made.outcome, made.client_id, made.rule, made.score, made.evidence::text as evidence_text,
       made.candidates::text as candidates_text, made.flags::text as flags_text, made.faults::text as faults_text,
       made.region, made.region_by, made.norm_version, made.decided_at
from submissions as given
join decisions as made on made.lead_id = given.id
left join imports as list on list.id = given.import_id
"""


async def lead(db: AsyncConnection, lead_id: UUID) -> RowMapping | None:
    """One submission with its decision, if there is such a one."""
    rows = await fetch(db, f"{_LEAD} where given.id = $1", lead_id)
    return rows[0] if rows else None


async def leads_of(db: AsyncConnection, client_id: UUID, limit: int) -> Sequence[RowMapping]:
    """The submissions that stand on a card, the oldest first."""
    return await fetch(
        db, f"{_LEAD} where made.client_id = $1 order by made.decided_at, given.id limit $2", client_id, limit
    )


async def client(db: AsyncConnection, client_id: UUID) -> RowMapping | None:
    """One card, if there is such a one."""
    rows = await fetch(
        db,
        "select id, name, form, region, region_by, curator, provisional, record::text as record_text, created_at"
        " from clients where id = $1",
        client_id,
    )
    return rows[0] if rows else None


async def contacts_of(db: AsyncConnection, client_id: UUID) -> Sequence[RowMapping]:
    """Whom submissions named at a client, as they were written."""
    return await fetch(
        db,
        "select submission_id, name, position, phone, email, website from contacts where client_id = $1"
        " order by submission_id limit 50",
        client_id,
    )
