"""Leads taken back."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection

from services.process.rules.recall import LeadInSale
from shared.database import execute, fetch


async def lock_recalled(db: AsyncConnection, lead_ids: Sequence[UUID]) -> dict[UUID, LeadInSale]:
    """These leads with what happened in their sales, which are locked in id order: whoever touches them waits for us."""
    await fetch(
        db,
        "select id from processes where id in (select process_id from leads where id = any($1::uuid[])) "
        "order by id for no key update",
        lead_ids,
    )
    rows = await fetch(
        db,
        "select l.id lead_id, l.process_id, l.joined, l.withdrawn_at is not null withdrawn, p.stage, p.closed_at, "
        "t.touches, t.last_by, (select count(*) from leads o where o.process_id = l.process_id and o.id <> l.id "
        "and o.withdrawn_at is null) others from leads l join processes p on p.id = l.process_id "
        "cross join lateral (select count(*) touches, (array_agg(staff_id order by recorded_at desc))[1] last_by "
        "from touches t where t.process_id = l.process_id and (not l.joined or t.recorded_at >= l.taken_at)) t "
        "where l.id = any($1::uuid[])",
        lead_ids,
    )
    return {row["lead_id"]: LeadInSale(**row) for row in rows}


async def withdraw(
    db: AsyncConnection, leads: Sequence[UUID], sales: Sequence[UUID], reason: str, now: datetime
) -> dict[UUID, RowMapping]:
    """Mark leads as taken back and end these (locked) sales with their tasks: sale → (task_id, manager)."""
    await execute(db, "update leads set withdrawn_at = $2 where id = any($1::uuid[])", leads, now)
    if not sales:
        return {}
    ended = await fetch(
        db,
        "with ended as (select id, next_task, manager from processes where id = any($1::uuid[])), "
        "closed as (update tasks set is_open = false, closed_at = $2, how = 'cancelled' "
        "from ended where tasks.id = ended.next_task) "
        "update processes p set stage = 'lost', stage_before_deferral = null, closed_at = $2, reason = $3, "
        "next_task = null from ended where p.id = ended.id returning p.id, ended.next_task task_id, p.manager",
        sales,
        now,
        reason,
    )
    return {row["id"]: row for row in ended}
