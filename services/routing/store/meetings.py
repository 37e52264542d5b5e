"""The meetings that leads came with, and what is known of people's time when one is to be given.

Who holds a meeting is not stored: it is whoever works its client now. So it is freed, and given, by all that gives the
client to somebody else or to nobody: a lead that goes on, an undone import, a merge, a move, the end of a sale.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from services.routing import tables
from services.routing.rules.case import Lead, Meeting
from services.routing.rules.meeting import Calendars, Diary, Given, Span
from shared.database import execute, fetch, insert
from shared.working_time import OfficeCalendar


async def diary_for(db: AsyncConnection, leads: Iterable[Lead], now: datetime) -> Diary | None:
    """Who is free at the times of these leads' meetings; None if none of them has any, and nothing is read.

    The pool of meetings must be locked before (`assignment.pools_needed`): then what is read here stands.
    """
    meetings = [lead.meeting for lead in leads if lead.meeting is not None]
    if not meetings:
        return None
    first, last = min(meeting.at for meeting in meetings), max(meeting.until for meeting in meetings)
    return Diary(now, await _calendars(db, first, last), await _given(db, first, last))


async def _calendars(db: AsyncConnection, first: datetime, last: datetime) -> Calendars:
    absences: dict[str, list[tuple[datetime, datetime, str]]] = defaultdict(list)
    shifts: dict[str, list[Span]] = defaultdict(list)
    for row in await fetch(
        db,
        """
        select staff_id, starts_at, ends_at, reason from absences
         where retired_at is null and starts_at < $2 and ends_at > $1
        union all
        select staff_id, starts_at, ends_at, null from duty
         where retired_at is null and starts_at < $2 and ends_at > $1
         order by 2, 3
        """,
        first,
        last,
    ):
        if row["reason"] is None:
            shifts[row["staff_id"]].append((row["starts_at"], row["ends_at"]))
        else:
            absences[row["staff_id"]].append((row["starts_at"], row["ends_at"], row["reason"]))
    back = await fetch(db, "select staff_id, at from presence where word = 'back'")
    offices = await fetch(
        db, "select id, time_zone, hours, calendar, days_off, working_days from offices where retired_at is null"
    )
    return Calendars(
        absences,
        {row["staff_id"]: row["at"] for row in back},
        shifts,
        {row["id"]: OfficeCalendar.of_row(row) for row in offices},
    )


async def _given(db: AsyncConnection, first: datetime, last: datetime) -> list[Given]:
    """The meetings that stand in a time, each with whoever works its client now, merges followed."""
    rows = await fetch(
        db,
        """
        with recursive due as (
            select lead_id, client_id, starts_at, ends_at from meetings
             where freed_at is null and ends_at > $1 and starts_at < $2),
        way as (
            select client_id, client_id as at, 0 as steps from due
             union
            select w.client_id, m.survivor_id, steps + 1 from way w join merges m on m.loser_id = w.at
             where m.state = 'followed' and steps < 100),
        home as (select distinct on (client_id) client_id, at from way order by client_id, steps desc)
        select due.lead_id, c.client_id, coalesce(c.open_with, c.given_to) as staff, due.starts_at, due.ends_at
          from due join home using (client_id) join clients c on c.client_id = home.at
         where coalesce(c.open_with, c.given_to) is not null
         order by due.starts_at, due.lead_id
        """,
        first,
        last,
    )
    return [
        Given(row["lead_id"], row["client_id"], row["staff"], Meeting(row["starts_at"], row["ends_at"])) for row in rows
    ]


async def keep_meetings(db: AsyncConnection, leads: Sequence[Lead]) -> None:
    """Keep the meetings of these leads; of one that has gone on to somebody else it is kept already."""
    await insert(
        db,
        tables.meetings,
        [
            {
                "lead_id": lead.lead_id,
                "client_id": lead.client_id,
                "starts_at": lead.meeting.at,
                "ends_at": lead.meeting.until,
            }
            for lead in leads
            if lead.meeting is not None
        ],
        then="on conflict do nothing",
    )


async def free_meetings_of_leads(db: AsyncConnection, leads: Iterable[UUID], at: datetime) -> None:
    """These leads were taken back: nobody is held by their meetings any more."""
    await execute(
        db, "update meetings set freed_at = $2 where lead_id = any($1::uuid[]) and freed_at is null", list(leads), at
    )


async def free_meetings_of_clients(db: AsyncConnection, clients: Iterable[UUID], at: datetime) -> None:
    """The sales of these clients have ended, and what was agreed with them."""
    await execute(
        db,
        "update meetings set freed_at = $2 where client_id = any($1::uuid[]) and freed_at is null",
        list(clients),
        at,
    )
