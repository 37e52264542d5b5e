"""Sales that go from one manager to another, with their next task, and come back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection

from services.process import tables
from services.process.rules.moving import MovedSale
from shared.database import execute, fetch, insert


async def hold_open_sales(db: AsyncConnection, clients: Iterable[UUID]) -> Sequence[RowMapping]:
    """The open sales of these clients, locked in id order: `id, client_id, manager, office_id, queue, next_task`."""
    return await fetch(
        db,
        "select id, client_id, manager, office_id, queue, next_task from processes "
        "where client_id = any($1::uuid[]) and closed_at is null order by id for no key update",
        sorted(set(clients)),
    )


async def move_sales_to(db: AsyncConnection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Give these (locked, open) sales and their next tasks to others: rows of `process_id, manager, office_id, queue`.

    One statement for sales and tasks together: there is no moment at which a sale is one's and its task another's.
    """
    await execute(
        db,
        "with to_whom as (select * from unnest($1::uuid[], $2::text[], $3::text[], $4::text[]) "
        "n (process_id, manager, office_id, queue)), "
        "done as (update tasks t set manager = n.manager from to_whom n join processes p on p.id = n.process_id "
        "where t.id = p.next_task) "
        "update processes p set manager = n.manager, office_id = n.office_id, queue = n.queue "
        "from to_whom n where p.id = n.process_id",
        [row["process_id"] for row in rows],
        [row["manager"] for row in rows],
        [row["office_id"] for row in rows],
        [row["queue"] for row in rows],
    )


async def remember_moved(db: AsyncConnection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Keep how sales stood before a move; of one that the same move takes along again, how it stood the first time."""
    await insert(
        db,
        tables.moved_sales,
        rows,
        then="on conflict (move_id, process_id) do update set client_id = excluded.client_id, "
        "manager = excluded.manager, moved_at = excluded.moved_at, returned_at = null",
    )


async def moved_sales_of(
    db: AsyncConnection, pairs: Sequence[tuple[UUID, UUID]]
) -> dict[tuple[UUID, UUID], tuple[MovedSale, Mapping[str, Any]]]:
    """(move, client) → the sale that the move took along, locked in id order, and how it stood before."""
    wanted = [[move for move, _ in pairs], [client for _, client in pairs]]
    await fetch(
        db,
        "select id from processes where id in (select m.process_id from moved_sales m "
        "join unnest($1::uuid[], $2::uuid[]) n (move_id, client_id) using (move_id, client_id)) "
        "order by id for no key update",
        *wanted,
    )
    rows = await fetch(
        db,
        "select m.move_id, m.client_id asked_for, m.before, m.manager received_by, p.id process_id, p.client_id, p.manager, "
        "p.stage, p.closed_at, p.joined_into is not null joined, p.next_task, t.touches, t.last_by "
        "from moved_sales m join unnest($1::uuid[], $2::uuid[]) n (move_id, client_id) using (move_id, client_id) "
        "join processes p on p.id = m.process_id cross join lateral (select count(*) touches, "
        "(array_agg(staff_id order by recorded_at desc))[1] last_by from touches "
        "where touches.process_id = p.id and recorded_at >= m.moved_at) t "
        "where m.returned_at is null order by m.moved_at, p.id",
        *wanted,
    )
    return {
        (row["move_id"], row["asked_for"]): (
            MovedSale(
                process_id=row["process_id"],
                received_by=row["received_by"],
                manager=row["manager"],
                same_client=row["client_id"] == row["asked_for"],
                stage=row["stage"],
                closed_at=row["closed_at"],
                joined=row["joined"],
                touches=row["touches"],
                last_by=row["last_by"],
                next_task=row["next_task"],
            ),
            row["before"],
        )
        for row in rows
    }


async def opened_since(db: AsyncConnection, since: Mapping[UUID, datetime]) -> set[UUID]:
    """Those of these clients for whom a sale was opened after the moment that stands with each."""
    rows = await fetch(
        db,
        "select distinct client_id from processes join unnest($1::uuid[], $2::timestamptz[]) n (client_id, since) "
        "using (client_id) where opened_at >= since",
        list(since),
        list(since.values()),
    )
    return {row["client_id"] for row in rows}


async def note_returned(db: AsyncConnection, pairs: Sequence[tuple[UUID, UUID]], now: datetime) -> None:
    """These sales, (move, sale), have come back to whom they belonged."""
    await execute(
        db,
        "update moved_sales m set returned_at = $3 from unnest($1::uuid[], $2::uuid[]) n (move_id, process_id) "
        "where (m.move_id, m.process_id) = (n.move_id, n.process_id)",
        [move for move, _ in pairs],
        [sale for _, sale in pairs],
        now,
    )
