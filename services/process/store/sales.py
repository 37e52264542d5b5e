"""A sale, held, worked on and saved."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection

from services.process import tables
from services.process.rules.sale import Sale, Task, Work
from services.process.store.opening import Row
from shared.database import execute, fetch, insert, to_json
from shared.words import Source, Stage, TaskKind


async def lock_sales(db: AsyncConnection, processes: Collection[UUID], clients: Collection[UUID]) -> list[Sale]:
    """The sales with these ids and the open ones of these clients, locked in id order."""
    rows = await fetch(
        db,
        "select id, client_id, company, manager, office_id, source, received_at, pipeline, stage, "
        "stage_before_deferral, closed_at, reason, next_task, joined_into from processes "
        "where id = any($1::uuid[]) or (client_id = any($2::uuid[]) and closed_at is null) order by id for no key update",
        list(processes),
        list(clients),
    )
    # what hangs on a locked sale is read by a later statement, which sees what the lock has waited for
    open_tasks = {row["id"]: as_task(row) for row in await _tasks(db, [row["next_task"] for row in rows])}
    proven = {row["process_id"]: row for row in await _proven(db, [row["id"] for row in rows])}
    return [
        Sale(
            id=row["id"],
            client_id=row["client_id"],
            company=row["company"],
            manager=row["manager"],
            office_id=row["office_id"],
            source=Source(row["source"]),
            received_at=row["received_at"],
            pipeline=row["pipeline"],
            stage=Stage(row["stage"]),
            task=open_tasks.get(row["next_task"]),
            stage_before_deferral=Stage(row["stage_before_deferral"]) if row["stage_before_deferral"] else None,
            held_meeting=row["id"] in proven and proven[row["id"]]["held_meeting"],
            sent_offer=row["id"] in proven and proven[row["id"]]["sent_offer"],
            closed_at=row["closed_at"],
            reason=row["reason"],
            joined_into=row["joined_into"],
        )
        for row in rows
    ]


async def _tasks(db: AsyncConnection, ids: Sequence[UUID | None]) -> Sequence[RowMapping]:
    """Tasks by their ids."""
    return await fetch(
        db, "select id, kind, due_at, note, named_date, meeting_at from tasks where id = any($1::uuid[])", ids
    )


def as_task(row: RowMapping) -> Task:
    """A stored row of `tasks` as the task it is."""
    return Task(row["id"], TaskKind(row["kind"]), row["due_at"], row["note"], row["named_date"], row["meeting_at"])


async def _proven(db: AsyncConnection, processes: Sequence[UUID]) -> Sequence[RowMapping]:
    """What the touches of each sale, and of those joined to it, prove: a held meeting, a sent offer."""
    return await fetch(
        db,
        f"{PARTS} select part.top process_id, bool_or(kind = 'meeting' and result = 'held') held_meeting, "
        "bool_or(kind = 'offer' and result = 'sent') sent_offer "
        "from part join touches on touches.process_id = part.id group by part.top",
        processes,
    )


PARTS = (
    "with recursive part (id, top) as (select id, id from unnest($1::uuid[]) id union all "
    "select p.id, part.top from part join processes p on p.joined_into = part.id) "
)
"""A sale and all that were joined to it: what happened in them is its history."""


async def save(db: AsyncConnection, works: Sequence[Work], now: datetime) -> None:
    """Write what the touches made of their sales: one statement per table.

    Of several touches of one sale the last one says how it stands, and tasks between them are stored as closed.
    """
    if not works:
        return
    closed = {work.closed.id: work for work in works}
    fresh = {work.sale.task.id: work for work in works if work.sale.task}
    await _close_tasks(db, list(closed.values()), now)
    await insert(db, tables.tasks, [_task_row(work, closed.get(id_), now) for id_, work in fresh.items()])
    await insert(db, tables.touches, [_touch_row(work, now) for work in works])
    await insert(
        db,
        tables.moves,
        [
            {
                "process_id": work.sale.id,
                "touch_id": work.touch_id,
                "move": arrow.move,
                "from_stage": arrow.source,
                "to_stage": arrow.target,
                "staff_id": work.touch.by,
                "moved_at": now,
            }
            for work in works
            for arrow in work.moves
        ],
    )
    await _update_sales(db, list({work.sale.id: work.sale for work in works}.values()))


def _task_row(work: Work, closed_by: Work | None, now: datetime) -> Row:
    task = work.sale.task
    assert task is not None  # noqa: S101  # only works that set a task come here
    return {
        "id": task.id,
        "process_id": work.sale.id,
        "manager": work.sale.manager,
        "kind": task.kind,
        "note": task.note,
        "due_at": task.due_at,
        "named_date": task.named_date,
        "set_at": now,
        "is_open": closed_by is None,
        "closed_at": now if closed_by else None,
        "how": closed_by.how if closed_by else None,
    }


def _touch_row(work: Work, now: datetime) -> Row:
    touch = work.touch
    return {
        "id": work.touch_id,
        "process_id": work.sale.id,
        "task_id": work.closed.id,
        "staff_id": touch.by,
        "kind": touch.kind,
        "direction": touch.direction,
        "touched_at": work.touched_at,
        "recorded_at": now,
        "result": touch.result,
        "comment": touch.comment,
        "resources": touch.resources,
        "meeting": touch.meeting and touch.meeting.model_dump(mode="json"),
        "contract": touch.contract and touch.contract.model_dump(mode="json"),
    }


async def _close_tasks(db: AsyncConnection, works: Sequence[Work], now: datetime) -> None:
    """Close the tasks that the touches have done or replaced."""
    await execute(
        db,
        "update tasks set is_open = false, closed_at = $3, how = done.how "
        "from unnest($1::uuid[], $2::text[]) done (id, how) where tasks.id = done.id",
        [work.closed.id for work in works],
        [work.how for work in works],
        now,
    )


async def _update_sales(db: AsyncConnection, sales: Sequence[Sale]) -> None:
    """Write how the (locked) sales stand now."""
    await execute(
        db,
        "update processes set stage = now.stage, stage_before_deferral = now.stage_before_deferral, "
        "closed_at = now.closed_at, reason = now.reason, contract = now.contract::jsonb, next_task = now.next_task "
        "from unnest($1::uuid[], $2::text[], $3::text[], $4::timestamptz[], $5::text[], $6::text[], $7::uuid[]) "
        "now (id, stage, stage_before_deferral, closed_at, reason, contract, next_task) where processes.id = now.id",
        [sale.id for sale in sales],
        [sale.stage for sale in sales],
        [sale.stage_before_deferral for sale in sales],
        [sale.closed_at for sale in sales],
        [sale.reason for sale in sales],
        [sale.contract and to_json(sale.contract.model_dump(mode="json")) for sale in sales],
        [sale.task and sale.task.id for sale in sales],
    )
