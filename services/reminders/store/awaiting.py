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
from shared.database import Writing, execute, fetch, insert, inserting
from shared.together import together
from shared.words import Source

Row = Mapping[str, Any]


async def acceptance_terms(db: AsyncConnection) -> dict[Source, Term]:
    """How long an answer may take, by source (SLA)."""
    rows = await fetch(db, "select source, amount, unit from acceptance_policies")
    return {**DEFAULTS, **{Source(row["source"]): Term(row["amount"], row["unit"]) for row in rows}}


async def ask_again(db: AsyncConnection, rows: Sequence[Row]) -> None:
    """Wait once more for answers that were withdrawn."""
    if rows:
        await together(db, awaiting(rows, again=True))


def awaiting(rows: Sequence[Row], *, again: bool = False) -> Writing:
    """Wait for answers; one to an earlier attempt is waited for no more, and what was answered already stays so.

    `again`: the answer was withdrawn, and is waited for once more.
    """
    columns = ", ".join(name for name in rows[0] if name != "lead_id")
    values = ", ".join(f"excluded.{name}" for name in rows[0] if name != "lead_id")
    return inserting(
        tables.awaited,
        sorted(rows, key=lambda row: row["lead_id"].bytes),
        then=f"on conflict (lead_id) do update set ({columns}, warned_at, ended_at) = ({values}, null, null)"
        f" where excluded.attempt {'>=' if again else '>'} awaited.attempt",
    )


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
