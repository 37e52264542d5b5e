"""What was decided of each lead, and what is asked about it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection

from services.intake import tables
from services.intake.rules.keys import NORM_VERSION
from services.intake.rules.submission import Submission
from shared.database import Writing, fetch, inserting, to_json
from shared.together import together


def decision_row(
    one: Submission, outcome: str, rule: str, now: datetime, told: Mapping[str, Sequence[Any]], **more: object
) -> dict[str, Any]:
    """The one outcome of a submission as it is kept. `told` is what it rests on: evidence, candidates, flags, faults;
    `more` are the columns that tell more of a decision than its rule.
    """
    row: dict[str, Any] = {
        "lead_id": one.id,
        "import_id": one.import_id,
        "purpose": one.purpose,
        "outcome": outcome,
        "client_id": None,
        "rule": rule,
        "score": 0.0,
        "told": to_json({name: items for name, items in told.items() if items}),
        "region": None,
        "region_by": None,
        "norm_version": NORM_VERSION,
        "decided_at": now,
    }
    return {**row, **more}


def told_of(name: str) -> str:
    """In SQL, a part of what a decision (`made`) rests on, as JSON: see `decision_row`."""
    return f"coalesce(made.told::json ->> '{name}', made.{name}::text, '[]')"


async def keep_decisions(
    db: AsyncConnection, rows: Sequence[Mapping[str, Any]], contacts: Sequence[Mapping[str, Any]] = ()
) -> None:
    """Store the one outcome of each submission, with its evidence; with `contacts`, whom they named at a client, as it was
    written, beside what else they brought.
    """
    if rows:
        named = inserting(tables.contacts, contacts) if contacts else None
        await together(db, inserting(tables.decisions, rows), named=named, counted=_counting(rows))


def _counting(rows: Sequence[Mapping[str, Any]]) -> Writing | None:
    """What keeps the tallies of imports; None when none of these rows belongs to one."""
    names = ("import_id", "decided_at", "purpose", "outcome")
    counts = Counter(tuple(row[name] for name in names) for row in rows if row["import_id"])
    if not counts:
        return None
    return inserting(
        tables.import_tallies,
        [{**dict(zip(names, one, strict=True)), "rows": count} for one, count in counts.items()],
        then=f"on conflict ({', '.join(names)}) do update set rows = import_tallies.rows + excluded.rows",
    )


async def count_outcomes(db: AsyncConnection, import_id: UUID) -> Sequence[RowMapping]:
    """Outcomes of an import by purpose: (purpose, outcome, rows, last_at)."""
    return await fetch(
        db,
        "select purpose, outcome, sum(rows)::bigint as rows, max(decided_at) as last_at from import_tallies"
        " where import_id = $1 group by purpose, outcome",
        import_id,
    )


async def rejected_rows(db: AsyncConnection, import_id: UUID, sheet: str, row: int, limit: int) -> Sequence[RowMapping]:
    """The rejected rows of an import after (sheet, row), in that order."""
    return await fetch(
        db,
        f"""
        select given.sheet, given.row_number as row, {told_of("faults")} as faults
        from decisions as made join submissions as given on given.id = made.lead_id
        where made.import_id = $1 and made.outcome = 'rejected' and (given.sheet, given.row_number) > ($2, $3)
        order by given.sheet, given.row_number limit $4
        """,
        import_id,
        sheet,
        row,
        limit,
    )


_LEAD = f"""
select given.*, given.raw::text as raw_text, given.call::text as call_text, given.referral::text as referral_text, list.file_name,
       made.outcome, made.client_id, made.rule, made.score, {told_of("evidence")} as evidence_text,
       {told_of("candidates")} as candidates_text, {told_of("flags")} as flags_text, {told_of("faults")} as faults_text,
       made.region, made.region_by, made.norm_version, made.decided_at, made.recall, made.kept_because,
       looked.verdict, looked.judged_by, looked.note
from submissions as given
join decisions as made on made.lead_id = given.id
left join imports as list on list.id = given.import_id
left join audits as looked on looked.lead_id = given.id
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


async def sources_between(
    db: AsyncConnection, since: datetime, until: datetime, allowed: float
) -> Sequence[RowMapping]:
    """What was handed in as leads in a time, by source and campaign; a call is late `allowed` seconds after its end."""
    return await fetch(
        db,
        """
        select given.source, coalesce(given.campaign, '') as campaign, count(*) as leads,
               count(*) filter (where made.client_id is not null) as accepted,
               count(*) filter (where made.outcome = 'new') as new, count(*) filter (where made.outcome = 'same') as same,
               count(*) filter (where made.outcome = 'possible') as possible,
               count(*) filter (where made.outcome = 'rejected') as rejected,
               count(*) filter (where made.outcome = 'early') as early,
               count(*) filter (where made.recall = 'undone') as undone,
               count(distinct given.submitter) as submitters,
               percentile_cont(0.5) within group (order by (given.call ->> 'entry_lag_s')::float8) as entry_lag_s,
               max((given.call ->> 'entry_lag_s')::float8) as longest_lag_s,
               count(given.call ->> 'entry_lag_s') as calls,
               count(*) filter (where (given.call ->> 'entry_lag_s')::float8 > $3) as late
        from submissions as given join decisions as made on made.lead_id = given.id
        where given.purpose = 'leads' and given.received_at >= $1 and given.received_at < $2
        group by 1, 2 order by leads desc, 1, 2
        """,
        since,
        until,
        allowed,
    )
