"""Whoever is dismissed: that he is, what ends with him, and what comes back."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection

from services.routing.store.history import follow_directory
from shared.database import execute, fetch
from shared.events import OfficeChanged, StaffChanged

Told = OfficeChanged | StaffChanged
"""What other rooms are told of a change of staff."""


async def dismissal_of(db: AsyncConnection, staff_id: str) -> RowMapping | None:
    """The dismissal of somebody that stands, or is planned."""
    rows = await fetch(
        db,
        "select * from moves where staff_id = $1 and kind = 'dismissal' and state in ('planned', 'moving', 'done')",
        staff_id,
    )
    return rows[0] if rows else None


async def dismissed(db: AsyncConnection) -> set[str]:
    """Those whose dismissal has begun and stands: a company file that still names them does not bring them back."""
    rows = await fetch(
        db,
        "select staff_id from moves where kind = 'dismissal' and state in ('moving', 'done') and staff_id is not null",
    )
    return {row["staff_id"] for row in rows}


async def wake_dismissals(db: AsyncConnection) -> int:
    """Let dismissals go on that were done, where their person has got a client since: by a split, a base, a late word."""
    has_something = " or ".join(
        f"exists (select from clients c where c.{way} = m.staff_id and not exists (select from moved d"
        " where d.move_id = m.id and d.client_id = c.client_id and d.state = 'asked'))"
        for way in ("curator", "open_with")  # each by its own index
    )
    return await execute(
        db,
        "update moves m set state = 'moving', after = null, again = false"
        f" where kind = 'dismissal' and state = 'done' and ({has_something})",
    )


async def retire_person(db: AsyncConnection, staff_id: str, at: datetime) -> list[Told]:
    """Somebody works here no more: his shifts and absences end with him. What other rooms must be told of it.

    The directory is held (`directory`). Who had left before is left as he is.
    """
    gone = await fetch(
        db,
        "update staff set retired_at = $2 where id = $1 and retired_at is null"
        " returning id as staff_id, name, office_id, function, false as active",
        staff_id,
        at,
    )
    for table in ("duty", "absences"):
        await execute(
            db, f"update {table} set retired_at = $2 where staff_id = $1 and retired_at is null", staff_id, at
        )
    return await _tell(db, gone, at)


async def restore_person(db: AsyncConnection, staff_id: str, left_at: datetime, now: datetime) -> list[Told]:
    """Somebody who was dismissed at `left_at` works here again, with the shifts and absences that ended then."""
    back = await fetch(
        db,
        "update staff set retired_at = null where id = $1 and retired_at = $2"
        " returning id as staff_id, name, office_id, function, true as active",
        staff_id,
        left_at,
    )
    for table in ("duty", "absences"):
        await execute(
            db, f"update {table} set retired_at = null where staff_id = $1 and retired_at = $2", staff_id, left_at
        )
    return await _tell(db, back, now)


async def _tell(db: AsyncConnection, people: Sequence[RowMapping], at: datetime) -> list[Told]:
    """Let heads and history follow a change of staff: what is to be told of it."""
    if not people:
        return []
    offices = await fetch(
        db,
        """
        update offices o set head = n.head from (
            select e.id, (select min(s.id) from staff s where s.office_id = e.id and s.function = 'head'
                          and s.retired_at is null) as head from offices e) n
         where n.id = o.id and o.retired_at is null and o.head is distinct from n.head
        returning o.id as office_id, o.name, o.time_zone, o.hours, o.calendar, o.days_off, o.working_days, o.head
        """,
    )
    await execute(
        db,
        "update company set version = version + 1, head_of_sales ="
        " (select min(id) from staff where function = 'head_of_sales' and retired_at is null)",
    )
    await follow_directory(db, at)
    return [
        *(OfficeChanged(**row) for row in sorted(offices, key=lambda row: str(row["office_id"]))),
        *(StaffChanged(**row) for row in people),
    ]
