"""The duty roster: shifts and absences that commands enter, what stands in a time, and how leads came by it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from sqlalchemy import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection

from services.routing import tables
from services.routing.rules.company import weight_in_thousandths
from services.routing.rules.roster_cover import Gap
from shared.commands import AbsenceEntry, DutyEntry, StaffEntry
from shared.database import execute, fetch, insert, to_json
from shared.words import Source


async def replace_shifts(
    db: AsyncConnection, office: str, since: datetime, until: datetime, shifts: Collection[DutyEntry], at: datetime
) -> tuple[int, int]:
    """Make `shifts` those of the office that commands entered and that begin from `since` up to `until`: `(come, gone)`."""
    gone = await execute(
        db,
        """
        update duty d set retired_at = $4
         where retired_at is null and origin = 'command' and office_id = $1 and starts_at >= $2 and starts_at < $3
           and not exists (
               select from unnest($5::text[], $6::timestamptz[], $7::timestamptz[]) n(who, a, z)
                where (who, a, z) = (d.staff_id, d.starts_at, d.ends_at))
        """,
        office,
        since,
        until,
        at,
        [shift.staff for shift in shifts],
        [shift.starts_at for shift in shifts],
        [shift.ends_at for shift in shifts],
    )
    come = await insert(
        db,
        tables.duty,
        [
            {
                "office_id": office,
                "staff_id": shift.staff,
                "starts_at": shift.starts_at,
                "ends_at": shift.ends_at,
                "origin": "command",
            }
            for shift in dict.fromkeys(shifts)
        ],
        then="""
        on conflict (office_id, staff_id, starts_at, ends_at, origin) do update set retired_at = null
         where duty.retired_at is not null
        returning 1
        """,
    )
    return len(come), gone


async def enter_absences(db: AsyncConnection, absences: Collection[AbsenceEntry]) -> set[AbsenceEntry]:
    """Add absences that commands enter; which of them were not there."""
    come = await insert(
        db,
        tables.absences,
        [
            {**absence.model_dump(exclude={"staff"}), "staff_id": absence.staff, "origin": "command"}
            for absence in absences
        ],
        then="""
        on conflict (staff_id, starts_at, ends_at, reason, origin) do update set retired_at = null
         where absences.retired_at is not null
        returning staff_id as staff, starts_at, ends_at, reason
        """,
    )
    return {AbsenceEntry(**row) for row in come}


async def cut_absences(
    db: AsyncConnection, staff: str, starts_at: datetime, ends_at: datetime, at: datetime
) -> tuple[int, int]:
    """Take the time out of somebody's absences, as far as commands entered them: `(left over, cut)`; what is left stands."""
    cut = await fetch(
        db,
        """
        update absences set retired_at = $4
         where retired_at is null and origin = 'command' and staff_id = $1 and starts_at < $3 and ends_at > $2
        returning starts_at, ends_at, reason
        """,
        staff,
        starts_at,
        ends_at,
        at,
    )
    left = [
        AbsenceEntry(staff=staff, starts_at=a, ends_at=z, reason=row["reason"])
        for row in cut
        for a, z in ((row["starts_at"], starts_at), (ends_at, row["ends_at"]))
        if a < z
    ]
    return len(await enter_absences(db, left)), len(cut)


async def absences_of_the_file(
    db: AsyncConnection, staff: str, starts_at: datetime, ends_at: datetime
) -> Sequence[RowMapping]:
    """Somebody's absences in a time that the company file names: `starts_at, ends_at, reason`."""
    return await fetch(
        db,
        """
        select starts_at, ends_at, reason from absences
         where retired_at is null and origin = 'file' and staff_id = $1 and starts_at < $3 and ends_at > $2 order by 1
        """,
        staff,
        starts_at,
        ends_at,
    )


async def staff_now(db: AsyncConnection) -> dict[str, RowMapping]:
    """Those who work here, by id: `office, function`, and what `ChangeStaff` changes, as the company file says it."""
    rows = await fetch(
        db,
        """
        select id, office_id as office, function, weight / 1000.0::float8 as weight, languages, per_day, open_leads, notice_at,
               duty_minutes / 60.0::float8 as duty_hours
          from staff where retired_at is null
        """,
    )
    return {row["id"]: row for row in rows}


async def change_staff(db: AsyncConnection, staff: StaffEntry) -> bool:
    """Set weight, languages, caps and dates of somebody who works here; False if that changed nothing."""
    touched = await execute(
        db,
        """
        update staff set weight = $2, languages = $3::jsonb, per_day = $4, open_leads = $5, notice_at = $6, duty_minutes = $7
         where id = $1 and retired_at is null
           and (weight, languages, per_day, open_leads, notice_at, duty_minutes) is distinct from ($2, $3::jsonb, $4, $5, $6, $7)
        """,
        staff.id,
        weight_in_thousandths(staff.weight),
        to_json(staff.languages),
        staff.per_day,
        staff.open_leads,
        staff.notice_at,
        None if staff.duty_hours is None else round(staff.duty_hours * 60),
    )
    return bool(touched)


async def shifts_in(db: AsyncConnection, since: datetime, until: datetime) -> Sequence[RowMapping]:
    """The shifts of all offices that touch a time: `office, staff, starts_at, ends_at, origin`, in order."""
    return await fetch(
        db,
        """
        select office_id as office, staff_id as staff, starts_at, ends_at, origin from duty
         where retired_at is null and ends_at > $1 and starts_at < $2 order by office_id, starts_at, staff_id, ends_at, origin
        """,
        since,
        until,
    )


async def rostered(db: AsyncConnection) -> set[str]:
    """The offices that have drawn up a roster, for whatever time: their calls go by it."""
    rows = await fetch(
        db,
        "select id from offices o where exists (select from duty where office_id = o.id and retired_at is null)",
    )
    return {row["id"] for row in rows}


async def came_by_hour(
    db: AsyncConnection, zones: Mapping[str, str], spans: Mapping[str, tuple[datetime, datetime]]
) -> Sequence[RowMapping]:
    """How many leads came that go by the roster of these offices: `office, day, hour, leads` by its own clock, in order.

    `zones` and `spans` say for each office its time zone and the time that is asked about. Net-new calls, site leads and
    the like count, whether or not somebody was on duty; lists and agents' meetings go other ways.
    """
    pools = [(f"{kind}:{office}", office) for office in spans for kind in ("duty", "region")]
    return await fetch(
        db,
        """
        select o.id as office, (came at time zone o.zone)::date as day, extract(hour from came at time zone o.zone)::int as hour,
               count(*)::int as leads
          from unnest($1::text[], $2::text[], $3::text[], $4::timestamptz[], $5::timestamptz[]) o(pool, id, zone, since, until)
          join decisions d on d.pool = o.pool and d.at >= o.since and d.at < o.until
         cross join lateral (select coalesce(d.received_at, d.at) as came) c
         where d.at >= $6 and d.at < $7 and d.attempt = 1 and d.inputs -> 'lead' ->> 'source' <> all($8::text[])
         group by 1, 2, 3 order by 1, 2, 3
        """,
        [pool for pool, _ in pools],
        [office for _, office in pools],
        [zones[office] for _, office in pools],
        [spans[office][0] for _, office in pools],
        [spans[office][1] for _, office in pools],
        min((since for since, _ in spans.values()), default=None),  # so that the index by moments is of use
        max((until for _, until in spans.values()), default=None),
        [Source.EVENT, Source.AGENT],
    )


async def note_gaps(
    db: AsyncConnection, gaps: Sequence[tuple[str, Gap]], since: datetime, until: datetime
) -> set[tuple[str, datetime]]:
    """Remember the gaps of offices from `since` to `until`, and forget those that are none any more.

    Returned are those that were not told before, (office, end); of two replicas one has each.
    """
    rows = [
        {
            "office_id": office,
            "ends_at": gap.end,
            "needed": gap.needed,
            "there": gap.there,
            "starts_at": gap.start,
            "told_at": since,
        }
        for office, gap in gaps
    ]
    await execute(
        db,
        """
        with over as (
            select office_id, ends_at, needed, there from gaps_told g
             where ends_at <= $1
                or ends_at <= $2 and not exists (
                   select from unnest($3::text[], $4::timestamptz[], $5::int[], $6::int[]) n(office, ends, needed, there)
                    where (n.office, n.ends, n.needed, n.there) = (g.office_id, g.ends_at, g.needed, g.there))
             order by 1, 2, 3, 4 for update)
        delete from gaps_told g using over
         where (g.office_id, g.ends_at, g.needed, g.there) = (over.office_id, over.ends_at, over.needed, over.there)
        """,
        since,
        until,
        [row["office_id"] for row in rows],
        [row["ends_at"] for row in rows],
        [row["needed"] for row in rows],
        [row["there"] for row in rows],
    )
    fresh = await insert(db, tables.gaps_told, rows, then="on conflict do nothing returning office_id, ends_at")
    return {(row["office_id"], row["ends_at"]) for row in fresh}


async def gaps_ahead(db: AsyncConnection) -> int:
    """How many gaps of duty coverage are known to come."""
    rows = await fetch(db, "select count(*) gaps from gaps_told where ends_at > clock_timestamp()")
    return int(rows[0]["gaps"])
