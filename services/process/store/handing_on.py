"""Sales that go to another manager with their leads."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from services.process import tables
from services.process.store.opening import Row
from shared.database import execute, insert


async def hand_on(db: AsyncConnection, sales: Sequence[Row], tasks: Sequence[Row], now: datetime) -> None:
    """Give (locked, open) sales to other managers: rows of `id, lead_id, manager, office_id, queue, rule, next_task`.

    `tasks` are their next tasks, which take the place of those they have (R4-11).
    """
    ids: list[UUID] = [sale["id"] for sale in sales]
    await execute(
        db,
        "update tasks set is_open = false, closed_at = $2, how = 'replaced' where process_id = any($1::uuid[]) and is_open",
        ids,
        now,
    )
    await insert(db, tables.tasks, tasks)
    await execute(
        db,
        "update processes p set manager = n.manager, office_id = n.office_id, queue = n.queue, next_task = n.next_task "
        "from unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::uuid[]) "
        "n (id, manager, office_id, queue, next_task) where p.id = n.id",
        ids,
        [sale["manager"] for sale in sales],
        [sale["office_id"] for sale in sales],
        [sale["queue"] for sale in sales],
        [sale["next_task"] for sale in sales],
    )
    await execute(
        db,
        "update leads l set assigned_to = n.manager, rule = n.rule, taken_at = $4 "
        "from unnest($1::uuid[], $2::text[], $3::text[]) n (id, manager, rule) where l.id = n.id",
        [sale["lead_id"] for sale in sales],
        [sale["manager"] for sale in sales],
        [sale["rule"] for sale in sales],
        now,
    )
