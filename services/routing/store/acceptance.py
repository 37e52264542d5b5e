"""Who was asked whether he takes a lead, what he said, and the attempts before."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection

from services.routing.rules.acceptance import Asked
from services.routing.rules.field import Field
from services.routing.rules.record import record_of
from shared.database import execute, fetch, to_json

Row = Mapping[str, Any]
_MINUTE = timedelta(minutes=1)
_ENDED = "d.lead_id, d.client_id, d.attempt, d.receiver, d.answer, d.answered_by, d.answer_reason"


async def clients_of_leads(db: AsyncConnection, leads: Iterable[UUID]) -> dict[UUID, UUID]:
    """Lead → the client that it came for, of those that have a receiver."""
    rows = await fetch(
        db, "select lead_id, client_id from decisions where lead_id = any($1::uuid[]) and not passed_on", list(leads)
    )
    return {row["lead_id"]: row["client_id"] for row in rows}


async def homes_of(db: AsyncConnection, clients: Iterable[UUID]) -> dict[UUID, UUID]:
    """Client → the one that he is now: himself, or the survivor of his merges."""
    rows = await fetch(
        db,
        """
        with recursive way (client_id, at, steps) as (
            select id, id, 0 from unnest($1::uuid[]) id
            union all
            select w.client_id, m.survivor_id, steps + 1 from way w join merges m on m.loser_id = w.at
             where m.state = 'followed' and steps < 100)
        select distinct on (client_id) client_id, at from way order by client_id, steps desc
        """,
        sorted(set(clients)),
    )
    return {row["client_id"]: row["at"] for row in rows}


async def lock_asked(
    db: AsyncConnection, leads: Iterable[UUID], homes: Mapping[UUID, UUID], field: Field
) -> dict[UUID, Asked]:
    """The decisions that hold for these leads, locked in id order, with those who did not take them before."""
    rows = await fetch(
        db,
        """
        select d.lead_id, d.client_id, d.attempt, d.import_id, d.received_at, d.receiver, d.office_id, d.rule, d.queue, d.answer,
               d.answered_by, d.inputs
          from decisions d where d.lead_id = any($1::uuid[]) and not d.passed_on order by d.lead_id for update
        """,
        list(leads),
    )
    refused = await fetch(
        db,
        "select lead_id, jsonb_object_agg(receiver, answer) who from decisions"
        " where lead_id = any($1::uuid[]) and answer in ('declined', 'silent') group by lead_id",
        list(leads),
    )
    by_lead = {row["lead_id"]: row["who"] for row in refused}
    return {row["lead_id"]: _asked(row, homes, by_lead.get(row["lead_id"], {}), field) for row in rows}


def _asked(row: RowMapping, homes: Mapping[UUID, UUID], refused: Mapping[str, str], field: Field) -> Asked:
    record = record_of({**row, "ledger": None, "pool": None, "candidates": []}, field)
    return Asked(
        lead=record.lead,
        client=record.client,
        home=homes.get(row["client_id"], row["client_id"]),
        attempt=row["attempt"],
        import_id=row["import_id"],
        received_at=row["received_at"],
        receiver=row["receiver"],
        office=row["office_id"],
        rule=row["rule"],
        queue=row["queue"],
        answer=row["answer"],
        answered_by=row["answered_by"],
        refused=refused,
    )


async def astray(db: AsyncConnection, managers: Mapping[UUID, str]) -> list[UUID]:
    """Of these leads (→ who works the sale that each joined) those whose holding decision, by R1-33, names somebody else."""
    rows = await fetch(
        db,
        "select d.lead_id from unnest($1::uuid[], $2::text[]) n(lead_id, manager) join decisions d using (lead_id)"
        " where not d.passed_on and d.rule = 'R1-33' and d.receiver <> n.manager",
        list(managers),
        list(managers.values()),
    )
    return [row["lead_id"] for row in rows]


async def keep_answers(db: AsyncConnection, rows: Sequence[Row], at: datetime) -> None:
    """Write what was said to these (locked) decisions that hold: rows of `lead_id, answer, by, reason, told, passed_on`.

    A share that was given back because of a merge is not taken again by its split once the lead has gone on.
    """
    await execute(
        db,
        """
        update decisions d
           set answer = n.answer, answered_at = $7, answered_by = n.by, answer_reason = n.reason,
               answer_told = n.told::jsonb, passed_on = n.passed_on,
               given_back_for = case when n.passed_on then null else d.given_back_for end
          from unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::boolean[])
               n(lead_id, answer, by, reason, told, passed_on)
         where d.lead_id = n.lead_id and not d.passed_on
        """,
        [row["lead_id"] for row in rows],
        [row["answer"] for row in rows],
        [row.get("by") for row in rows],
        [row.get("reason") for row in rows],
        [to_json(row["told"]) if row.get("told") else None for row in rows],
        [row.get("passed_on", False) for row in rows],
        at,
    )


async def end_awaiting(
    db: AsyncConnection, leads: Iterable[UUID], at: datetime, for_move: UUID | None = None
) -> Sequence[RowMapping]:
    """Nothing is asked of the receivers of these leads any more: what was open is withdrawn, and returned."""
    return await fetch(
        db,
        f"""
        with held as (select lead_id, attempt from decisions where lead_id = any($1::uuid[]) and not passed_on
                         and answer in ('awaited', 'waiting') order by lead_id for update)
        update decisions d set answer = 'withdrawn', answered_at = $2, withdrawn_for = $3 from held
         where (d.lead_id, d.attempt) = (held.lead_id, held.attempt) returning {_ENDED}
        """,
        list(leads),
        at,
        for_move,
    )


async def ask_again(db: AsyncConnection, back: Sequence[tuple[UUID, UUID, str | None]]) -> Sequence[RowMapping]:
    """Ask the receivers again whom a move had put an end to asking: (move, client, who works him again).

    What is asked again is returned: `move_id, lead_id, client_id, attempt, receiver, office_id, source`.
    """
    return await fetch(
        db,
        """
        with held as (
            select d.lead_id, d.attempt, n.move_id from decisions d
              join unnest($1::uuid[], $2::uuid[], $3::text[]) n(move_id, client_id, manager)
                on (d.withdrawn_for, d.client_id, d.receiver) = (n.move_id, n.client_id, n.manager)
             where d.answer = 'withdrawn' and not d.passed_on order by d.lead_id for update of d)
        update decisions d
           set answer = case when d.queue is null then 'awaited' else 'waiting' end, answered_at = null,
               withdrawn_for = null, tried_on = null,
               tried_at = case when d.queue is null then null else coalesce(d.tried_at, d.at) end
          from held where (d.lead_id, d.attempt) = (held.lead_id, held.attempt)
        returning held.move_id, d.lead_id, d.client_id, d.attempt, d.receiver, d.office_id,
                  d.inputs -> 'lead' ->> 'source' as source
        """,
        [move for move, _, _ in back],
        [client for _, client, _ in back],
        [manager for _, _, manager in back],
    )


async def accept_touched(db: AsyncConnection, by: Mapping[UUID, str], at: datetime) -> Sequence[RowMapping]:
    """A client (→ who touched him) whose lead awaited an answer has been touched: that is one. What was open is returned."""
    return await fetch(
        db,
        f"""
        with held as (select d.lead_id, d.attempt, n.by from decisions d
                        join unnest($1::uuid[], $2::text[]) n(client_id, by) on n.client_id = d.client_id
                       where not d.passed_on and d.answer in ('awaited', 'waiting') order by d.lead_id for update of d)
        update decisions d set answer = 'accepted', answered_at = $3, answered_by = held.by from held
         where (d.lead_id, d.attempt) = (held.lead_id, held.attempt) returning {_ENDED}
        """,
        list(by),
        list(by.values()),
        at,
    )


async def accept_import(db: AsyncConnection, import_id: UUID, by: str, at: datetime) -> Sequence[RowMapping]:
    """The receiver takes all leads of a list that he was asked about; they are returned."""
    return await fetch(
        db,
        f"""
        with held as (select lead_id, attempt from decisions where import_id = $1 and receiver = $2 and not passed_on
                         and answer = 'awaited' order by lead_id for update)
        update decisions d set answer = 'accepted', answered_at = $3, answered_by = $2 from held
         where (d.lead_id, d.attempt) = (held.lead_id, held.attempt) returning {_ENDED}
        """,
        import_id,
        by,
        at,
    )


async def lock_attempts(db: AsyncConnection, leads: Iterable[UUID]) -> dict[UUID, list[RowMapping]]:
    """All attempts of these leads, locked in order, the first one first: what a hand-over that failed takes back."""
    found: dict[UUID, list[RowMapping]] = {}
    for row in await fetch(
        db,
        """
        select lead_id, attempt, client_id, receiver, answer, answered_by, passed_on, given_back_at, given_back_for,
               ledger, pool, import_id, inputs
          from decisions where lead_id = any($1::uuid[]) order by lead_id, attempt for update
        """,
        list(leads),
    ):
        found.setdefault(row["lead_id"], []).append(row)
    return found


async def hold_again(db: AsyncConnection, attempts: Mapping[UUID, int], at: datetime) -> None:
    """Let an earlier attempt hold again (lead → attempt), accepted by its receiver; its share counts again."""
    await execute(
        db,
        """
        update decisions d
           set passed_on = false, answer = 'accepted', answered_at = $3, answered_by = d.receiver, given_back_at = null
          from unnest($1::uuid[], $2::int[]) n(lead_id, attempt) where (d.lead_id, d.attempt) = (n.lead_id, n.attempt)
        """,
        list(attempts),
        list(attempts.values()),
        at,
    )


async def waiting_to_try(db: AsyncConnection, key: UUID, now: datetime, limit: int) -> list[UUID]:
    """Leads that wait in a queue and were not tried on the field `key`, the least lately tried first; nothing is locked.

    Those with a meeting are tried again every minute: who is free for it changes, and the field does not show it.
    """
    rows = await fetch(
        db,
        """
        select lead_id from decisions
         where answer = 'waiting' and not passed_on
           and (tried_on is distinct from $1 or tried_at < $2 and inputs -> 'lead' ? 'meeting')
         order by tried_at limit $3
        """,
        key,
        now - _MINUTE,
        limit,
    )
    return [row["lead_id"] for row in rows]


async def mark_tried(db: AsyncConnection, leads: Iterable[UUID], key: UUID, at: datetime) -> None:
    """These leads were tried on the field `key`, and nobody could take them."""
    await execute(
        db,
        "update decisions set tried_on = $2, tried_at = $3 where lead_id = any($1::uuid[]) and answer = 'waiting'",
        list(leads),
        key,
        at,
    )


async def unanswered(db: AsyncConnection, answer_: str, staff: str | None) -> list[dict[str, Any]]:
    """Leads whose holding decision stands at `answer_`, the oldest first, at most 200."""
    rows = await fetch(
        db,
        """
        select lead_id, client_id, attempt, receiver, queue, rule, office_id, import_id, at, received_at
          from decisions where answer = $1 and not passed_on and ($2::text is null or receiver = $2)
         order by nth limit 200
        """,
        answer_,
        staff,
    )
    return [dict(row) for row in rows]


async def waiting_for(db: AsyncConnection) -> float:
    """Seconds for which the lead that waits longest in a queue has waited; 0 when none does (G8)."""
    rows = await fetch(
        db,
        "select extract(epoch from clock_timestamp() - min(at))::float8 as seconds from decisions"
        " where answer = 'waiting' and not passed_on",
    )
    return float(rows[0]["seconds"] or 0)


async def is_waiting(db: AsyncConnection) -> bool:
    """Whether any lead waits in a queue."""
    return bool(await fetch(db, "select 1 from decisions where answer = 'waiting' limit 1"))
