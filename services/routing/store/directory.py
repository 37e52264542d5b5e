"""The directory: offices, regions, staff, duty and absences."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from services.routing import tables
from services.routing.rules.company import weight_in_thousandths
from services.routing.store.clients import unknown_curators
from services.routing.store.history import follow_directory, state_facts
from shared.commands import ApplyCompany
from shared.database import execute, fetch, insert
from shared.events import OfficeChanged, StaffChanged


async def directory(db: AsyncConnection) -> tuple[dict[str, OfficeChanged], dict[str, StaffChanged]]:
    """The directory as other rooms were last told of it, held for this transaction to change."""
    await execute(db, "select pg_advisory_xact_lock(hashtext('routing.company'))")
    await execute(db, "select 1 from company for update")
    offices = await fetch(
        db,
        """
        select id as office_id, name, time_zone, hours, calendar, days_off, working_days, head
          from offices where retired_at is null
        """,
    )
    people = await fetch(db, "select id as staff_id, name, office_id, function from staff where retired_at is null")
    return (
        {row["office_id"]: OfficeChanged(**row) for row in offices},
        {row["staff_id"]: StaffChanged(**row) for row in people},
    )


async def save_directory(
    db: AsyncConnection, company: ApplyCompany, offices: Mapping[str, OfficeChanged], at: datetime
) -> dict[str, int]:
    """Make the directory what `company` says and return how many of each kind were changed, added or retired."""
    changed = {
        "offices": await _save_offices(db, company, offices, at),
        "staff": await _save_staff(db, company, at),
        "duty": await _save_duty(db, company, at),
        "absences": await _save_absences(db, company, at),
    }
    rules = {
        kind: await state_facts(db, kind, entries, at)
        for kind, entries in (("cover", company.cover), ("wish", company.wishes))
    }
    head_of_sales = min((p.id for p in company.staff if p.function == "head_of_sales"), default=None)
    await execute(
        db,
        """
        insert into company (id, name, home_region, time_zone, head_of_sales, version, applied_at)
        values (1, $1, $2, $3, $4, 1, $5)
        on conflict (id) do update
           set name = excluded.name, home_region = excluded.home_region, time_zone = excluded.time_zone,
               head_of_sales = excluded.head_of_sales, version = company.version + 1, applied_at = excluded.applied_at
         where $6 or (company.name, company.home_region, company.time_zone, company.head_of_sales)
            is distinct from (excluded.name, excluded.home_region, excluded.time_zone, excluded.head_of_sales)
        """,
        company.name,
        company.home_region,
        company.time_zone,
        head_of_sales,
        at,
        any(changed.values()) or any(rules.values()),
    )
    await follow_directory(db, at)
    return changed


async def _save_offices(
    db: AsyncConnection, company: ApplyCompany, offices: Mapping[str, OfficeChanged], at: datetime
) -> int:
    rows = [
        {
            "id": office.office_id,
            "name": office.name,
            "time_zone": office.time_zone,
            "hours": office.hours,
            "calendar": office.calendar,
            "days_off": office.days_off,
            "working_days": office.working_days,
            "head": office.head,
        }
        for office in offices.values()
    ]
    touched = await insert(
        db,
        tables.offices,
        rows,
        then="""
        on conflict (id) do update
           set name = excluded.name, time_zone = excluded.time_zone, hours = excluded.hours, calendar = excluded.calendar,
               days_off = excluded.days_off, working_days = excluded.working_days, head = excluded.head, retired_at = null
         where (offices.name, offices.time_zone, offices.hours, offices.calendar, offices.days_off, offices.working_days,
                offices.head, offices.retired_at)
            is distinct from (excluded.name, excluded.time_zone, excluded.hours, excluded.calendar, excluded.days_off,
                excluded.working_days, excluded.head, null)
        returning id
        """,
    )
    regions = [{"office_id": office.id, "region": region} for office in company.offices for region in office.regions]
    gone = await fetch(
        db,
        """
        update office_regions r set retired_at = $3
         where retired_at is null and not exists (
               select from unnest($1::text[], $2::text[]) n(office, region) where (office, n.region) = (office_id, r.region))
        returning office_id as id
        """,
        [r["office_id"] for r in regions],
        [r["region"] for r in regions],
        at,
    )
    come = await insert(
        db,
        tables.office_regions,
        regions,
        then="""
        on conflict (office_id, region) do update set retired_at = null where office_regions.retired_at is not null
        returning office_id as id
        """,
    )
    retired = await fetch(
        db,
        "update offices set retired_at = $2 where retired_at is null and id <> all($1::text[]) returning id",
        list(offices),
        at,
    )
    return len({row["id"] for row in (*touched, *gone, *come, *retired)})


async def _save_staff(db: AsyncConnection, company: ApplyCompany, at: datetime) -> int:
    touched = await insert(
        db,
        tables.staff,
        [
            {
                "id": person.id,
                "name": person.name,
                "office_id": person.office,
                "function": person.function,
                "weight": weight_in_thousandths(person.weight),
                "languages": person.languages,
                "per_day": person.per_day,
                "open_leads": person.open_leads,
                "notice_at": person.notice_at,
                "duty_minutes": None if person.duty_hours is None else round(person.duty_hours * 60),
            }
            for person in company.staff
        ],
        then="""
        on conflict (id) do update
           set name = excluded.name, office_id = excluded.office_id, function = excluded.function,
               weight = excluded.weight, languages = excluded.languages, per_day = excluded.per_day,
               open_leads = excluded.open_leads, notice_at = excluded.notice_at, duty_minutes = excluded.duty_minutes,
               retired_at = null
         where (staff.name, staff.office_id, staff.function, staff.weight, staff.languages, staff.per_day,
                staff.open_leads, staff.notice_at, staff.duty_minutes, staff.retired_at)
            is distinct from (excluded.name, excluded.office_id, excluded.function, excluded.weight, excluded.languages,
                excluded.per_day, excluded.open_leads, excluded.notice_at, excluded.duty_minutes, null)
        returning id
        """,
    )
    retired = await execute(
        db,
        "update staff set retired_at = $2 where retired_at is null and id <> all($1::text[])",
        [person.id for person in company.staff],
        at,
    )
    return len(touched) + retired


async def _save_duty(db: AsyncConnection, company: ApplyCompany, at: datetime) -> int:
    shifts = list(dict.fromkeys(company.duty))
    retired = await execute(
        db,
        """
        update duty d set retired_at = $5
         where retired_at is null and origin = 'file' and not exists (
               select from unnest($1::text[], $2::text[], $3::timestamptz[], $4::timestamptz[]) n(office, who, a, z)
                where (office, who, a, z) = (d.office_id, d.staff_id, d.starts_at, d.ends_at))
        """,
        [shift.office for shift in shifts],
        [shift.staff for shift in shifts],
        [shift.starts_at for shift in shifts],
        [shift.ends_at for shift in shifts],
        at,
    )
    come = await insert(
        db,
        tables.duty,
        [{"office_id": s.office, "staff_id": s.staff, "starts_at": s.starts_at, "ends_at": s.ends_at} for s in shifts],
        then="""
        on conflict (office_id, staff_id, starts_at, ends_at, origin) do update set retired_at = null
         where duty.retired_at is not null
        returning 1
        """,
    )
    return retired + len(come)


async def _save_absences(db: AsyncConnection, company: ApplyCompany, at: datetime) -> int:
    absences = list(dict.fromkeys(company.absences))
    retired = await execute(
        db,
        """
        update absences a set retired_at = $5
         where retired_at is null and origin = 'file' and not exists (
               select from unnest($1::text[], $2::timestamptz[], $3::timestamptz[], $4::text[]) n(who, a, z, why)
                where (n.who, n.a, n.z, n.why) = (a.staff_id, a.starts_at, a.ends_at, a.reason))
        """,
        [absence.staff for absence in absences],
        [absence.starts_at for absence in absences],
        [absence.ends_at for absence in absences],
        [absence.reason for absence in absences],
        at,
    )
    come = await insert(
        db,
        tables.absences,
        [{"staff_id": a.staff, "starts_at": a.starts_at, "ends_at": a.ends_at, "reason": a.reason} for a in absences],
        then="""
        on conflict (staff_id, starts_at, ends_at, reason, origin) do update set retired_at = null
         where absences.retired_at is not null
        returning 1
        """,
    )
    return retired + len(come)


async def whole_directory(db: AsyncConnection, at: datetime) -> dict[str, Any]:
    """Company, offices, staff and unknown curators, for people to read; `company` is None before one was applied."""
    company = await fetch(
        db, "select name, home_region, time_zone, head_of_sales, version, applied_at from company where id = 1"
    )
    offices = await fetch(
        db,
        """
        select id, name, time_zone, hours, calendar, head, retired_at is null as active,
               array(select region from office_regions where office_id = o.id and retired_at is null order by 1) regions
          from offices o order by id
        """,
    )
    people = await fetch(
        db,
        """
        select id, name, office_id as office, function, weight / 1000.0::float8 as weight, retired_at is null as active,
               languages, per_day, open_leads, notice_at, duty_minutes / 60.0::float8 as duty_hours,
               (select max(ends_at) from absences
                 where staff_id = s.id and retired_at is null and starts_at <= $1 and ends_at > $1) as absent_until
          from staff s order by id
        """,
        at,
    )
    return {
        "company": dict(company[0]) if company else None,
        "offices": [dict(row) for row in offices],
        "staff": [dict(row) for row in people],
        "unknown_curators": [dict(row) for row in await unknown_curators(db)],
    }
