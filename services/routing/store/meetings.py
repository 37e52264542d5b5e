"""The meetings that leads came with or that were set in sales, and what is known of people's time when one is to be given.

Who holds a meeting is not stored, unless it is somebody else than whoever works its client now. So it is freed, and given,
by all that gives the client to somebody else or to nobody: a lead that goes on, an undone import, a merge, a move, the end
of a sale.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from services.routing import tables
from services.routing.rules.case import Lead, Meeting
from services.routing.rules.meeting import Calendars, Diary, Given, Span
from shared.database import execute, fetch, insert
from shared.events import LeadAccepted, SetMeeting
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


async def diary_of_clients(db: AsyncConnection, clients: Collection[UUID] | None, now: datetime) -> Diary | None:
    """Who is free at the times of the meetings to come with these clients (None: with any); None if there are none.

    It tells the new owner of a client what he gets with him, and decides nothing: nothing is locked for it.
    """
    (span,) = await fetch(
        db,
        f"""
        with recursive due as (select * from meetings where freed_at is null and ends_at > $1), {HELD}
        select min(starts_at) as first, max(ends_at) as last from held
         where staff is not null and ($2::uuid[] is null or home_id = any($2))
        """,
        now,
        None if clients is None else list(clients),
    )
    if span["first"] is None:
        return None
    first, last = max(span["first"], now), span["last"]
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


# Who holds each of the meetings `due`: whoever was named, as long as he works here, else whoever works its client now.
HELD = """
        way as (
            select client_id, client_id as at, 0 as steps from due
             union
            select w.client_id, m.survivor_id, steps + 1 from way w join merges m on m.loser_id = w.at
             where m.state = 'followed' and steps < 100),
        home as (select distinct on (client_id) client_id, at from way order by client_id, steps desc),
        held as (
            select due.*, c.client_id as home_id, coalesce(p.id, c.open_with, c.given_to) as staff,
                   p.id is not null as is_named
              from due join home using (client_id) join clients c on c.client_id = home.at
              left join staff p on p.id = due.holder and p.retired_at is null)
"""


async def _given(db: AsyncConnection, first: datetime, last: datetime) -> list[Given]:
    """The meetings that stand in a time, each with whoever holds it, merges followed."""
    rows = await fetch(
        db,
        f"""
        with recursive due as (
            select * from meetings where freed_at is null and ends_at > $1 and starts_at < $2), {HELD}
        select id, home_id, staff, starts_at, ends_at, is_named from held where staff is not null order by starts_at, id
        """,
        first,
        last,
    )
    return [
        Given(row["id"], row["home_id"], row["staff"], Meeting(row["starts_at"], row["ends_at"]), row["is_named"])
        for row in rows
    ]


async def keep_meetings(db: AsyncConnection, leads: Sequence[tuple[Lead, LeadAccepted]], at: datetime) -> None:
    """Keep the meetings of these leads; of one that has gone on to somebody else it is kept already."""
    await insert(
        db,
        tables.meetings,
        [
            {
                "id": lead.lead_id,
                "client_id": lead.client_id,
                "starts_at": lead.meeting.at,
                "ends_at": lead.meeting.until,
                "company": said.company,
                "place": said.meeting.place if said.meeting else None,
                "changed_at": at,
            }
            for lead, said in leads
            if lead.meeting is not None
        ],
        then="on conflict do nothing",
    )


async def set_meetings(db: AsyncConnection, sales: Mapping[UUID, tuple[UUID, SetMeeting]], at: datetime) -> None:
    """Keep the meetings that were set in these sales of these clients, in place of all that stood with them before."""
    await execute(
        db,
        """
        update meetings m set freed_at = $3 from unnest($1::uuid[], $2::uuid[]) s(id, client_id)
         where m.client_id = s.client_id and m.id <> s.id and m.freed_at is null and m.ends_at > $3
        """,
        list(sales),
        [client for client, _ in sales.values()],
        at,
    )
    await insert(
        db,
        tables.meetings,
        [
            {
                "id": sale,
                "client_id": client,
                "starts_at": meeting.at,
                "ends_at": meeting.until,
                "holder": meeting.holder,
                "company": meeting.company,
                "changed_at": at,
            }
            for sale, (client, meeting) in sorted(sales.items())
        ],
        then="""
        on conflict (id) do update set client_id = excluded.client_id, starts_at = excluded.starts_at,
               ends_at = excluded.ends_at, holder = excluded.holder, company = excluded.company, freed_at = null,
               changes = meetings.changes + 1, changed_at = excluded.changed_at
         where (meetings.client_id, meetings.starts_at, meetings.ends_at, meetings.holder, meetings.freed_at)
               is distinct from (excluded.client_id, excluded.starts_at, excluded.ends_at, excluded.holder, null)
        """,
    )


async def free_meetings_to_come(db: AsyncConnection, sales: Iterable[UUID], at: datetime) -> None:
    """The meetings that were set in these sales will not take place."""
    await execute(
        db,
        "update meetings set freed_at = $2 where id = any($1::uuid[]) and freed_at is null and ends_at > $2",
        sorted(sales),
        at,
    )


async def free_meetings_of_leads(db: AsyncConnection, leads: Iterable[UUID], at: datetime) -> None:
    """These leads were taken back: nobody is held by their meetings any more."""
    await execute(
        db, "update meetings set freed_at = $2 where id = any($1::uuid[]) and freed_at is null", list(leads), at
    )


async def free_meetings_of_clients(db: AsyncConnection, clients: Iterable[UUID], at: datetime) -> None:
    """The sales of these clients have ended, and what was agreed with them."""
    await execute(
        db,
        "update meetings set freed_at = $2 where client_id = any($1::uuid[]) and freed_at is null",
        list(clients),
        at,
    )
