"""What is asked about sales."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from services.process.store.sales import PARTS
from shared.database import fetch


async def progress(db: AsyncConnection, import_id: UUID) -> dict[str, Any]:
    """How many leads of an import opened a sale or joined one, how many first tasks they got, and when the last came."""
    (row,) = await fetch(
        db,
        "select count(*) filter (where not joined) opened, count(*) filter (where joined) joined, "
        "count(withdrawn_at) withdrawn, "
        "(select count(*) from tasks where import_id = $1) tasks, max(taken_at) last_at "
        "from leads where import_id = $1",
        import_id,
    )
    return dict(row)


async def find_process(db: AsyncConnection, id_: UUID) -> dict[str, Any] | None:
    """The sale with this id, or of this lead, or of this client (the open one, else the last); a joined one leads on."""
    rows = await fetch(
        db,
        "with recursive found (id) as (select $1 union all select id from processes where client_id = $1 "
        "union all select process_id from leads where id = $1 "
        "union all select p.joined_into from found join processes p on p.id = found.id where p.joined_into is not null) "
        "select p.*, s.name manager_name from processes p left join staff s on s.id = p.manager "
        "where p.id in (select id from found) "
        "order by p.closed_at is not null, p.joined_into is not null, p.opened_at desc limit 1",
        id_,
    )
    return dict(rows[0]) if rows else None


async def tasks_of(db: AsyncConnection, process_id: UUID) -> list[dict[str, Any]]:
    """The tasks of a sale, the newest first."""
    rows = await fetch(
        db,
        f"{PARTS} select id, kind, note, manager, due_at, named_date, meeting_at, set_at, is_open, closed_at, how "
        "from tasks where process_id in (select id from part) order by is_open desc, set_at desc, closed_at desc",
        [process_id],
    )
    return [dict(row) for row in rows]


async def touches_of(db: AsyncConnection, process_id: UUID) -> list[dict[str, Any]]:
    """The touches of a sale, the newest first."""
    rows = await fetch(
        db,
        f"{PARTS} select id, staff_id, kind, direction, touched_at, recorded_at, result, comment, resources, meeting, contract "
        "from touches where process_id in (select id from part) order by touched_at desc, recorded_at desc",
        [process_id],
    )
    return [dict(row) for row in rows]


async def moves_of(db: AsyncConnection, process_id: UUID) -> list[dict[str, Any]]:
    """The history of a sale's stages, the oldest first."""
    rows = await fetch(
        db,
        f"{PARTS} select move, from_stage, to_stage, staff_id, moved_at, touch_id from moves "
        "where process_id in (select id from part) order by id",
        [process_id],
    )
    return [dict(row) for row in rows]


async def leads_of(db: AsyncConnection, process_id: UUID) -> list[dict[str, Any]]:
    """The leads of a sale, in the order they came."""
    rows = await fetch(
        db,
        f"{PARTS} select id, joined, source, campaign, assigned_to, rule, contact, phone, email, interest, received_at, "
        "taken_at from leads where process_id in (select id from part) order by joined, taken_at, id",
        [process_id],
    )
    return [dict(row) for row in rows]


async def sales_by_source(db: AsyncConnection, since: datetime, until: datetime) -> list[dict[str, Any]]:
    """What became of the leads received in a time, by source and campaign; what was taken back is left out."""
    rows = await fetch(
        db,
        "with came as (select l.source, coalesce(l.campaign, '') campaign, l.joined, p.stage, "
        "p.contract ->> 'currency' currency, (p.contract ->> 'amount')::bigint amount "
        "from leads l join processes p on p.id = l.process_id "
        "where l.received_at >= $1 and l.received_at < $2 and l.withdrawn_at is null) "
        "select source, campaign, count(*) filter (where not joined) opened, count(*) filter (where joined) joined, "
        "count(*) filter (where not joined and stage = 'won') won, "
        "count(*) filter (where not joined and stage = 'lost') lost, "
        "count(*) filter (where not joined and stage not in ('won', 'lost')) open, "
        "(select coalesce(jsonb_object_agg(currency, total), '{}') from (select currency, sum(amount) total from came c "
        "where (c.source, c.campaign) = (came.source, came.campaign) and not c.joined and c.stage = 'won' "
        "group by currency) sums) amounts from came group by source, campaign order by source, campaign",
        since,
        until,
    )
    return [dict(row) for row in rows]
