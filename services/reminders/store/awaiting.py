"""Answers that are awaited: who was asked whether he takes a lead, and until when."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection

from services.reminders import tables
from services.reminders.rules.answer import DEFAULTS
from services.reminders.rules.sla import Term
from shared.database import Writing, execute, fetch, insert
from shared.words import Source

Row = Mapping[str, Any]


async def acceptance_terms(db: AsyncConnection) -> dict[Source, Term]:
    """How long an answer may take, by source (SLA)."""
    rows = await fetch(db, "select source, amount, unit from acceptance_policies")
    return {**DEFAULTS, **{Source(row["source"]): Term(row["amount"], row["unit"]) for row in rows}}


_ASKED = "attempt, client_id, manager, state, office_id, source, bulk, counted_from, warn_at, due_at, step, fire_at, correlation"
_OTHERWISE = (
    f"on conflict (lead_id) do update set ({_ASKED}, warned_at, ended_at)"
    f" = ({', '.join(f'excluded.{name}' for name in _ASKED.split(', '))}, null, null) where excluded.attempt"
)


def asking(now: datetime) -> Writing:
    """Wait for the answers of those tasks that ask for one: reads `task` and `term` (`set_deadlines`).

    One to an earlier attempt is waited for no more, and what was answered already stays so.
    """
    return Writing(
        f"""
        insert into awaited (lead_id, {_ASKED})
        select lead_id, awaits, client_id, manager, 'open', office_id, source, bulk, $1::timestamptz, remind_at, expire_at,
               'warning', remind_at, correlation
          from task join term using (nth) where awaits is not null order by lead_id
        {_OTHERWISE} > awaited.attempt""",
        [now],
    )


async def ask_again(db: AsyncConnection, rows: Sequence[Row]) -> None:
    """Wait once more for answers that were withdrawn."""
    ordered = sorted(rows, key=lambda row: row["lead_id"].bytes)
    await insert(db, tables.awaited, ordered, then=f"{_OTHERWISE} >= awaited.attempt")


async def end_answers(db: AsyncConnection, rows: Sequence[Row]) -> None:
    """These attempts are answered: rows of `lead_id, attempt, client_id, manager, ended_at, correlation`.

    The answer may be heard before the question: then it is kept, and the question is not asked.
    """
    await insert(
        db,
        tables.awaited,
        [{**row, "state": "answered"} for row in sorted(rows, key=lambda row: row["lead_id"].bytes)],
        then="on conflict (lead_id) do update set attempt = excluded.attempt, state = 'answered', fire_at = null,"
        " ended_at = excluded.ended_at where awaited.attempt < excluded.attempt"
        " or (awaited.attempt = excluded.attempt and awaited.state = 'open')",
    )


async def claim_answers(db: AsyncConnection, now: datetime, limit: int) -> Sequence[RowMapping]:
    """Lock what is awaited and has come to a step, the earliest first; what another replica holds is left out."""
    return await fetch(
        db,
        """
        select lead_id, attempt, client_id, manager, office_id, source, bulk, counted_from, warn_at, due_at, step,
               correlation
          from awaited where fire_at <= $1 order by fire_at limit $2 for update skip locked
        """,
        now,
        limit,
    )


async def set_answers(db: AsyncConnection, rows: Sequence[Row]) -> None:
    """Write how (locked) awaited answers stand: rows of `lead_id, state, due_at, warned_at, ended_at, step, fire_at`."""
    names = ("lead_id", "state", "due_at", "warned_at", "ended_at", "step", "fire_at")
    await execute(
        db,
        """
        update awaited a
           set state = n.state, due_at = n.due_at, warned_at = coalesce(n.warned_at, a.warned_at),
               ended_at = n.ended_at, step = n.step, fire_at = n.fire_at
          from unnest($1::uuid[], $2::text[], $3::timestamptz[], $4::timestamptz[], $5::timestamptz[], $6::text[],
                      $7::timestamptz[]) n(lead_id, state, due_at, warned_at, ended_at, step, fire_at)
         where a.lead_id = n.lead_id
        """,
        *([row[name] for row in rows] for name in names),
    )


async def answers_of(db: AsyncConnection, either: UUID) -> Sequence[RowMapping]:
    """What is or was awaited of a lead, or of a client's leads, the oldest first."""
    return await fetch(
        db,
        "select lead_id, attempt, manager, state, warn_at, due_at, warned_at, ended_at from awaited"
        " where lead_id = $1 or client_id = $1 order by counted_from, lead_id",
        either,
    )
