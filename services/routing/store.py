"""Everything routing says to PostgreSQL while it assigns, learns and answers; each statement has its caption.

Locks are always taken in this order: company, clients, decisions, pools,
and within each in id order.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection

from services.routing import tables
from services.routing.rules.assignment import Decision
from services.routing.rules.caps import NOT_RECEIVED, Loads
from services.routing.rules.case import Client
from services.routing.rules.company import weight_in_thousandths
from services.routing.rules.fair_share import Ledger, Standing
from services.routing.rules.field import Away, Field, Office, Person
from services.routing.rules.record import as_kept
from shared.commands import ApplyCompany
from shared.database import execute, fetch, insert, to_json
from shared.events import OfficeChanged, StaffChanged
from shared.words import Function

# ── the field of play ───────────────────────────────────────────────────────────────────────────────────────────────


async def field_of_play(db: AsyncConnection, at: datetime) -> Field | None:
    """The directory as it stands at `at`, held still until the transaction ends; None before a company was applied."""
    company = await fetch(db, "select home_region from company for share")
    if not company:
        return None
    offices = await fetch(
        db,
        """
        select id, name,
               array(select region from office_regions where office_id = o.id and retired_at is null order by 1) regions,
               exists(select from duty where office_id = o.id and retired_at is null) rostered,
               array(select distinct staff_id from duty where office_id = o.id and retired_at is null
                     and starts_at <= $1 and ends_at > $1 order by 1) on_duty
          from offices o
         where retired_at is null
        """,
        at,
    )
    people = await fetch(
        db,
        """
        select s.id, s.name, s.office_id, s.function, s.weight, s.retired_at is null as active, a.reason, a.ends_at,
               s.per_day, s.open_leads, coalesce(s.notice_at <= $1, false) as notice
          from staff s
          left join (select distinct on (staff_id) staff_id, reason, ends_at from absences
                      where retired_at is null and starts_at <= $1 and ends_at > $1
                      order by staff_id, reason = 'busy', ends_at desc) a on a.staff_id = s.id
        """,
        at,
    )
    return Field(
        company[0]["home_region"],
        [Office(o["id"], o["name"], tuple(o["regions"]), o["rostered"], tuple(o["on_duty"])) for o in offices],
        [
            Person(
                p["id"],
                p["name"],
                p["office_id"],
                Function(p["function"]),
                p["weight"],
                p["active"],
                Away(p["reason"], p["ends_at"].astimezone(UTC).isoformat()) if p["reason"] else None,
                p["per_day"],
                p["open_leads"],
                p["notice"],
            )
            for p in people
        ],
    )


# ── the directory ───────────────────────────────────────────────────────────────────────────────────────────────────


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
        any(changed.values()),
    )
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
            }
            for person in company.staff
        ],
        then="""
        on conflict (id) do update
           set name = excluded.name, office_id = excluded.office_id, function = excluded.function,
               weight = excluded.weight, languages = excluded.languages, per_day = excluded.per_day,
               open_leads = excluded.open_leads, notice_at = excluded.notice_at, retired_at = null
         where (staff.name, staff.office_id, staff.function, staff.weight, staff.languages, staff.per_day,
                staff.open_leads, staff.notice_at, staff.retired_at)
            is distinct from (excluded.name, excluded.office_id, excluded.function, excluded.weight, excluded.languages,
                excluded.per_day, excluded.open_leads, excluded.notice_at, null)
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
         where retired_at is null and not exists (
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
        on conflict (office_id, staff_id, starts_at, ends_at) do update set retired_at = null
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
         where retired_at is null and not exists (
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
        on conflict (staff_id, starts_at, ends_at, reason) do update set retired_at = null
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
               languages, per_day, open_leads, notice_at,
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


# ── clients ─────────────────────────────────────────────────────────────────────────────────────────────────────────


async def clients_of(db: AsyncConnection, ids: Iterable[UUID]) -> dict[UUID, Client]:
    """What was heard of these clients, locked in id order; the ones never heard of come back with `known` false."""
    wanted = sorted(set(ids))
    rows = list(await fetch(db, _LOCK_CLIENTS, wanted))
    here = {row["client_id"] for row in rows}
    unheard: set[UUID] = set()
    if missing := [client for client in wanted if client not in here]:
        new = await fetch(
            db,
            "insert into clients (client_id) select unnest($1::uuid[]) on conflict do nothing returning client_id",
            missing,
        )
        unheard = {row["client_id"] for row in new}
        rows += await fetch(db, _LOCK_CLIENTS, missing)
    return {
        row["client_id"]: Client(
            # that he has bought is heard of; that he has not is never said
            **{**row, "current": row["current"] or None},
            known=row["client_id"] not in unheard,
        )
        for row in rows
    }


_CLIENTS = """
    select client_id, region, curator, stated_curator, current, process_id, open_with, given_to, given_lead
      from clients where client_id = any($1::uuid[])
"""
_LOCK_CLIENTS = f"{_CLIENTS} order by client_id for update"


async def save_clients(db: AsyncConnection, clients: Iterable[Client]) -> None:
    """Write what is known of these clients, who are locked."""
    rows = list(clients)
    await execute(
        db,
        """
        update clients c
           set region = n.region, curator = n.curator, stated_curator = n.stated, current = n.current,
               process_id = n.process_id, open_with = n.open_with, given_to = n.given_to, given_lead = n.given_lead
          from unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::boolean[], $6::uuid[], $7::text[], $8::text[],
                      $9::uuid[])
               n(client_id, region, curator, stated, current, process_id, open_with, given_to, given_lead)
         where c.client_id = n.client_id
        """,
        [c.client_id for c in rows],
        [c.region for c in rows],
        [c.curator for c in rows],
        [c.stated_curator for c in rows],
        [bool(c.current) for c in rows],
        [c.process_id for c in rows],
        [c.open_with for c in rows],
        [c.given_to for c in rows],
        [c.given_lead for c in rows],
    )


async def unknown_curators(db: AsyncConnection) -> Sequence[RowMapping]:
    """Curators that were named and are not in the directory: `name, clients`, the most frequent first."""
    return await fetch(
        db,
        """
        select stated_curator as name, count(*) clients from clients
         where curator is null and stated_curator is not null
         group by 1 order by 2 desc, 1
        """,
    )


async def find_curators(db: AsyncConnection, known: Mapping[str, str]) -> None:
    """Give clients whose curator was unknown the one that the directory now knows by that name."""
    await execute(
        db,
        """
        with found as (
            select client_id, n.id from clients c join unnest($1::text[], $2::text[]) n(stated, id)
                on c.curator is null and c.stated_curator = n.stated
             order by client_id for update of c)
        update clients c set curator = found.id from found where c.client_id = found.client_id
        """,
        list(known),
        list(known.values()),
    )


async def left_behind(db: AsyncConnection) -> Sequence[RowMapping]:
    """Open sales whose manager has left: `manager, sales`, by manager."""
    return await fetch(
        db,
        """
        select open_with as manager, count(*) sales from clients join staff on staff.id = open_with
         where staff.retired_at is not null group by 1 order by 1
        """,
    )


async def loads_of(db: AsyncConnection, capped: Iterable[str], at: datetime) -> Loads:
    """What these people have received in the day of their office that `at` lies in, and hold open."""
    who = list(capped)
    if not who:
        return Loads()
    today = await fetch(
        db,
        """
        select s.id, (select count(*) from decisions d
                       where d.receiver = s.id and d.rule <> all($3::text[]) and d.at <= $2
                         and d.at >= date_trunc('day', $2 at time zone o.time_zone) at time zone o.time_zone) leads
          from staff s join offices o on o.id = s.office_id where s.id = any($1::text[])
        """,
        who,
        at,
        list(NOT_RECEIVED),
    )
    held = await fetch(
        db,
        """
        select coalesce(open_with, given_to) as id, count(*) leads from clients
         where coalesce(open_with, given_to) = any($1::text[]) group by 1
        """,
        who,
    )
    return Loads({row["id"]: row["leads"] for row in today}, {row["id"]: row["leads"] for row in held})


# ── the ledger ──────────────────────────────────────────────────────────────────────────────────────────────────────


async def ledgers_of(db: AsyncConnection, pool_ids: Iterable[str]) -> dict[str, Ledger]:
    """The ledgers of these pools, locked in id order until the transaction ends; a new pool begins empty."""
    wanted = sorted(set(pool_ids))
    if not wanted:
        return {}
    lock = "select id from pools where id = any($1::text[]) order by id for update"
    if len(await fetch(db, lock, wanted)) < len(wanted):
        await execute(db, "insert into pools (id) select unnest($1::text[]) on conflict do nothing", wanted)
        await fetch(db, lock, wanted)
    standings: dict[str, dict[str, Standing]] = {pool: {} for pool in wanted}
    for row in await fetch(
        db, "select pool_id, staff_id, balance, turn from ledger where pool_id = any($1::text[])", wanted
    ):
        standings[row["pool_id"]][row["staff_id"]] = Standing(row["balance"], row["turn"])
    return {pool: Ledger(those) for pool, those in standings.items()}


async def save_ledgers(db: AsyncConnection, ledgers: Mapping[str, Ledger]) -> None:
    """Write back what changed in these locked ledgers."""
    await insert(
        db,
        tables.ledger,
        [
            {
                "pool_id": pool,
                "staff_id": who,
                "balance": ledger.standings[who].balance,
                "turn": ledger.standings[who].turn,
            }
            for pool, ledger in ledgers.items()
            for who in sorted(ledger.changed)
        ],
        then="on conflict (pool_id, staff_id) do update set balance = excluded.balance, turn = excluded.turn",
    )


async def shares_of(db: AsyncConnection, lead_ids: Iterable[UUID]) -> Sequence[RowMapping]:
    """The decisions among these that shared out and still count: `lead_id, import_id, pool, ledger`, locked in id order."""
    return await fetch(
        db,
        """
        select lead_id, import_id, pool, ledger from decisions
         where lead_id = any($1::uuid[]) and ledger is not null and given_back_at is null
         order by lead_id for update
        """,
        list(lead_ids),
    )


async def mark_given_back(db: AsyncConnection, lead_ids: Iterable[UUID], at: datetime) -> None:
    """These leads no longer count as shared out."""
    await execute(db, "update decisions set given_back_at = $2 where lead_id = any($1::uuid[])", list(lead_ids), at)


# ── decisions ───────────────────────────────────────────────────────────────────────────────────────────────────────


async def remember(
    db: AsyncConnection, decisions: Sequence[Decision], imports: Sequence[UUID | None], field: Field, at: datetime
) -> None:
    """Keep the record of every decision, and the field it was made on once."""
    await insert(
        db,
        tables.fields,
        [{"id": field.id, "content": field.as_json(), "first_seen_at": at}],
        then="on conflict do nothing",
    )
    await insert(
        db,
        tables.decisions,
        [
            {**as_kept(decision), "import_id": import_id, "field_id": field.id, "at": at}
            for decision, import_id in zip(decisions, imports, strict=True)
        ],
    )


async def decisions_about(db: AsyncConnection, subject: UUID) -> Sequence[RowMapping]:
    """The decisions on a lead, or on all leads of a client, the oldest first, each with the `field` it was made on."""
    return await fetch(
        db,
        """
        select d.*, f.content as field from decisions d join fields f on f.id = d.field_id
         where d.lead_id = $1 or d.client_id = $1 order by d.at, d.lead_id
        """,
        subject,
    )


async def progress_of(db: AsyncConnection, import_id: UUID) -> RowMapping:
    """How many leads of an import have a receiver, how many with an alarm, and when the last got his."""
    rows = await fetch(
        db,
        "select count(*) routed, count(alarm) alarms, count(given_back_at) given_back, max(at) last_at"
        " from decisions where import_id = $1",
        import_id,
    )
    return rows[0]


async def received_in(db: AsyncConnection, import_id: UUID) -> Sequence[RowMapping]:
    """How the leads of an import went: `receiver, rule, leads, shared`."""
    return await fetch(
        db,
        """
        select receiver, rule, count(*) leads, count(*) filter (where ledger is not null and given_back_at is null) shared
          from decisions where import_id = $1 group by receiver, rule order by receiver, rule
        """,
        import_id,
    )


async def moved_in(db: AsyncConnection, import_id: UUID) -> Sequence[RowMapping]:
    """How the leads that an import shared out moved each balance: `staff_id, moved` in units."""
    return await fetch(
        db,
        """
        select b.key as staff_id, sum((d.ledger -> 'after' ->> b.key)::bigint - b.value::bigint)::bigint moved
          from decisions d, jsonb_each_text(d.ledger -> 'before') b
         where d.import_id = $1 and d.ledger is not null and d.given_back_at is null
         group by b.key
        """,
        import_id,
    )


# ── previews and what is taken back ─────────────────────────────────────────────────────────────────────────────────


async def clients_as_heard(db: AsyncConnection, ids: Iterable[UUID]) -> dict[UUID, Client]:
    """What was heard of these clients, without locking them; the ones never heard of come back with `known` false."""
    wanted = set(ids)
    rows = await fetch(db, _CLIENTS, list(wanted))
    here = {row["client_id"]: Client(**{**row, "current": row["current"] or None}, known=True) for row in rows}
    return here | {client: Client(client) for client in wanted - here.keys()}


async def ledgers_as_they_stand(db: AsyncConnection, pool_ids: Iterable[str]) -> dict[str, Ledger]:
    """The ledgers of these pools, without locking them: to see what would be, not to write it."""
    standings: dict[str, dict[str, Standing]] = {pool: {} for pool in pool_ids}
    for row in await fetch(
        db, "select pool_id, staff_id, balance, turn from ledger where pool_id = any($1::text[])", list(standings)
    ):
        standings[row["pool_id"]][row["staff_id"]] = Standing(row["balance"], row["turn"])
    return {pool: Ledger(those) for pool, those in standings.items()}


async def forget_clients(db: AsyncConnection, ids: Iterable[UUID]) -> None:
    """Drop the copies of these clients who have no open sale."""
    await execute(
        db,
        "delete from clients where client_id in (select client_id from clients where client_id = any($1::uuid[])"
        " and process_id is null and given_to is null order by client_id for update)",
        list(ids),
    )


# ── merges ──────────────────────────────────────────────────────────────────────────────────────────────────────────


async def note_merges(db: AsyncConnection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Remember that the losers of these merges have told all that came before."""
    await insert(
        db,
        tables.merges,
        [{**row, "state": "told"} for row in sorted(rows, key=lambda row: row["id"].bytes)],
        then="on conflict do nothing",
    )


async def merges_of(db: AsyncConnection, ids: Iterable[UUID]) -> dict[UUID, RowMapping]:
    """These merges, locked in id order: `id, state, before, after`."""
    rows = await fetch(
        db,
        "select id, state, before, after from merges where id = any($1::uuid[]) order by id for update",
        sorted(set(ids)),
    )
    return {row["id"]: row for row in rows}


async def set_merges(db: AsyncConnection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write how these (locked) merges stand: rows of `id, state, before, after`."""
    await execute(
        db,
        """
        update merges m set state = n.state, before = n.before::jsonb, after = n.after::jsonb
          from unnest($1::uuid[], $2::text[], $3::text[], $4::text[]) n(id, state, before, after) where m.id = n.id
        """,
        [row["id"] for row in rows],
        [row["state"] for row in rows],
        [to_json(row["before"]) for row in rows],
        [to_json(row["after"]) for row in rows],
    )


async def mark_given_back_for(db: AsyncConnection, shares: Mapping[UUID, UUID], at: datetime) -> None:
    """These leads no longer count as shared out, each because of a merge: lead → merge."""
    await execute(
        db,
        "update decisions d set given_back_at = $3, given_back_for = n.merge_id"
        " from unnest($1::uuid[], $2::uuid[]) n(lead_id, merge_id) where d.lead_id = n.lead_id",
        list(shares),
        list(shares.values()),
        at,
    )


async def retake_shares(db: AsyncConnection, merges: Iterable[UUID]) -> Sequence[RowMapping]:
    """Let the shares count again that were given back for these merges: `lead_id, pool, ledger`."""
    return await fetch(
        db,
        """
        with held as (select lead_id from decisions where given_back_for = any($1::uuid[]) order by lead_id for update)
        update decisions d set given_back_at = null, given_back_for = null from held
         where d.lead_id = held.lead_id returning d.lead_id, d.pool, d.ledger
        """,
        sorted(set(merges)),
    )


async def leads_of_curated(db: AsyncConnection, merges: Mapping[UUID, tuple[UUID, UUID]]) -> dict[UUID, UUID]:
    """The leads of losers whose survivor had a curator and no lead of his own: lead → merge.

    `merges` maps a loser to (survivor, merge). Of a survivor with leads, process says which sale was joined to which.
    """
    rows = await fetch(
        db,
        """
        select d.lead_id, n.merge_id
          from unnest($1::uuid[], $2::uuid[], $3::uuid[]) n(loser_id, survivor_id, merge_id)
          join decisions d on d.client_id = n.loser_id
         where not exists (select from decisions o where o.client_id = n.survivor_id)
        """,
        list(merges),
        [survivor for survivor, _ in merges.values()],
        [merge for _, merge in merges.values()],
    )
    return {row["lead_id"]: row["merge_id"] for row in rows}
