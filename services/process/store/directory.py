"""The offices and staff that this room has heard of."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlalchemy.ext.asyncio import AsyncConnection

from services.process import tables
from services.process.rules.exclusive_right import Person
from services.process.rules.sale import Office
from services.process.store.opening import Row
from shared.database import fetch, insert
from shared.words import Function
from shared.working_time import OfficeCalendar


async def people(db: AsyncConnection, ids: Iterable[str]) -> dict[str, Person]:
    """Members of staff by their ids, as far as they have been heard of."""
    rows = await fetch(
        db, "select id, name, office_id, function, active from staff where id = any($1::text[])", sorted(set(ids))
    )
    return {
        row["id"]: Person(row["id"], row["name"], row["office_id"], Function(row["function"]), row["active"])
        for row in rows
    }


async def offices(db: AsyncConnection, ids: Iterable[str]) -> dict[str, Office]:
    """Offices by their ids, as far as they have been heard of."""
    rows = await fetch(
        db,
        "select id, time_zone, hours, calendar, days_off, working_days, head from offices where id = any($1::text[])",
        sorted(set(ids)),
    )
    return {row["id"]: Office(row["id"], row["head"], OfficeCalendar.of_row(row)) for row in rows}


async def put_offices(db: AsyncConnection, rows: Sequence[Row]) -> None:
    """Keep the offices as routing told them."""
    await insert(
        db,
        tables.offices,
        rows,
        then="on conflict (id) do update set name = excluded.name, time_zone = excluded.time_zone, "
        "hours = excluded.hours, calendar = excluded.calendar, days_off = excluded.days_off, "
        "working_days = excluded.working_days, head = excluded.head, active = excluded.active",
    )


async def put_staff(db: AsyncConnection, rows: Sequence[Row]) -> None:
    """Keep the members of staff as routing told them."""
    await insert(
        db,
        tables.staff,
        rows,
        then="on conflict (id) do update set name = excluded.name, office_id = excluded.office_id, "
        "function = excluded.function, active = excluded.active",
    )
