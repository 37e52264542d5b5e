"""Deadlines, their timers, and the directory as far as they need it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection

from services.reminders import tables
from services.reminders.rules import answer, sla
from services.reminders.rules.escalation import Person
from services.reminders.rules.sla import Term
from services.reminders.rules.steps import Plan
from services.reminders.store.awaiting import asking
from shared.database import Writing, execute, fetch, giving, insert
from shared.together import together
from shared.words import Function, Source
from shared.working_time import OfficeCalendar

Row = Mapping[str, Any]
_PLAN = "d.warn_at, d.due_at, d.overdue_at, d.escalate_at"


@dataclass(frozen=True, slots=True)
class Office:
    """An office as far as deadlines need it."""

    office_id: str
    head: str | None
    calendar: OfficeCalendar
    calendar_version: int


class Counting(NamedTuple):
    """What deadlines are counted by: the offices with their calendars, and how long what may take, by source (SLA)."""

    offices: Mapping[str, Office]
    reaction: Mapping[Source, Term]
    acceptance: Mapping[Source, Term]


# ── the directory ───────────────────────────────────────────────────────────────────────────────────────────────────


async def offices_by_id(db: AsyncConnection, ids: Iterable[str]) -> dict[str, Office]:
    """The offices of `ids` that have been heard of."""
    rows = await fetch(db, "select * from offices where office_id = any($1::text[])", sorted(set(ids)))
    return {row["office_id"]: _office(row) for row in rows}


async def what_counts(db: AsyncConnection, ids: Iterable[str]) -> Counting:
    """The offices of `ids` that have been heard of, and the terms of their company."""
    rows = await fetch(
        db,
        """
        select o.*, (select jsonb_agg(p) from sla_policies p) as reaction,
               (select jsonb_agg(p) from acceptance_policies p) as acceptance
          from offices o where office_id = any($1::text[])""",
        sorted(set(ids)),
    )
    first = rows[0] if rows else {"reaction": None, "acceptance": None}
    return Counting(
        {row["office_id"]: _office(row) for row in rows},
        {**sla.DEFAULTS, **_terms(first["reaction"] or ())},
        {**answer.DEFAULTS, **_terms(first["acceptance"] or ())},
    )


async def offices_counted_anew(db: AsyncConnection) -> list[Office]:
    """The offices that have open deadlines counted by a calendar which holds no more.

    The calendars of all are read on the way and remembered: a country's holidays take a third of a second to load, and
    no lead should wait for that.
    """
    rows = await fetch(
        db,
        "select o.*, exists (select from deadlines d where d.office_id = o.office_id and d.state = 'open'"
        " and d.calendar_version < o.calendar_version) as is_stale from offices o order by office_id",
    )
    offices = [(_office(row), row["is_stale"]) for row in rows]
    return [office for office, is_stale in offices if is_stale]


async def save_offices(db: AsyncConnection, rows: Sequence[Row]) -> None:
    """Keep offices as they stand now; the calendar's version grows only when hours or days are others."""
    await insert(
        db,
        tables.offices,
        [{**row, "calendar_version": 1} for row in rows],
        then="""
            on conflict (office_id) do update set
                name = excluded.name, time_zone = excluded.time_zone, hours = excluded.hours,
                calendar = excluded.calendar, days_off = excluded.days_off, working_days = excluded.working_days,
                head = excluded.head, active = excluded.active,
                calendar_version = offices.calendar_version + ((
                    offices.time_zone, offices.hours, offices.calendar, offices.days_off, offices.working_days
                ) is distinct from (
                    excluded.time_zone, excluded.hours, excluded.calendar, excluded.days_off, excluded.working_days
                ))::int""",
    )


async def save_staff(db: AsyncConnection, rows: Sequence[Row]) -> None:
    """Keep members of staff as they stand now."""
    await insert(
        db,
        tables.staff,
        rows,
        then="on conflict (staff_id) do update set name = excluded.name, office_id = excluded.office_id,"
        " function = excluded.function, active = excluded.active",
    )


async def people(db: AsyncConnection, ids: Iterable[str]) -> dict[str, Person]:
    """The members of staff of `ids` and everybody who heads anything."""
    rows = await fetch(
        db,
        "select staff_id, office_id, function, active from staff"
        " where staff_id = any($1::text[]) or function in ('head', 'head_of_sales', 'director')",
        sorted(set(ids)),
    )
    return {
        row["staff_id"]: Person(row["staff_id"], row["office_id"], Function(row["function"]), row["active"])
        for row in rows
    }


async def terms(db: AsyncConnection) -> dict[Source, Term]:
    """How long a first reaction may take, by source (SLA)."""
    return _terms(await fetch(db, "select source, amount, unit from sla_policies"))


# ── deadlines ───────────────────────────────────────────────────────────────────────────────────────────────────────


async def set_deadlines(db: AsyncConnection, tasks: Sequence[Row], terms: Sequence[Row], now: datetime) -> None:
    """Keep deadlines, arm a timer for the first step of each, and wait for the answers of those who are asked.

    Each of `tasks` has the one of `terms` that is its `nth`. A task that had a deadline gets the new one instead.
    """
    await together(
        db,
        Writing(
            """
            insert into timers (task_id, step, version, fire_at)
            select k.task_id, t.step, k.version, t.fire_at
              from kept k join task n on n.task_id = k.task_id join term t on t.nth = n.nth
            on conflict (task_id) do update
               set step = excluded.step, version = excluded.version, fire_at = excluded.fire_at""",
            [],
        ),
        task=giving(tasks, **_TASK),
        term=giving(terms, **_TERM),
        kept=Writing(_KEEP, [now]),
        asked=asking(now) if any(task["awaits"] is not None for task in tasks) else None,
    )


_TASK = {
    **{"nth": "integer", "task_id": "uuid", "process_id": "uuid", "client_id": "uuid", "import_id": "uuid"},
    **{"manager": "text", "kind": "text", "correlation": "uuid", "bulk": "boolean", "lead_id": "uuid"},
    "awaits": "integer",
}
_TERM = {
    **{"nth": "integer", "office_id": "text", "source": "text", "is_first_reaction": "boolean"},
    **{"counted_from": "timestamptz", "warn_at": "timestamptz", "due_at": "timestamptz", "overdue_at": "timestamptz"},
    **{"escalate_at": "timestamptz", "by_rule": "text", "named_date": "date", "meeting_at": "timestamptz"},
    **{"calendar_version": "integer", "step": "text", "fire_at": "timestamptz", "remind_at": "timestamptz"},
    "expire_at": "timestamptz",
}
_OF_TASK = "process_id, client_id, import_id, manager, kind, correlation"
_OF_TERM = (
    "office_id, source, is_first_reaction, counted_from, warn_at, due_at, overdue_at, escalate_at, by_rule, named_date,"
    " meeting_at, calendar_version"
)
_KEPT = f"{_OF_TASK}, {_OF_TERM}, state, set_at"
_KEEP = f"""
    insert into deadlines (task_id, {_KEPT}, version)
    select task_id, {_OF_TASK}, {_OF_TERM}, 'open', $1::timestamptz, 1 from task join term using (nth) order by task_id
    on conflict (task_id) do update set ({_KEPT}, version, closed_at, closed_how)
       = ({", ".join(f"excluded.{name}" for name in _KEPT.split(", "))}, deadlines.version + 1, null, null)
    returning task_id, version"""


async def close_deadlines(
    db: AsyncConnection, task_ids: Sequence[UUID], closed_at: Sequence[datetime], how: Sequence[str]
) -> None:
    """Close open deadlines and cancel their timers."""
    await execute(
        db,
        """
        with held as (
            select d.task_id, c.at, c.how
            from deadlines d join unnest($1::uuid[], $2::timestamptz[], $3::text[]) c (task_id, at, how) using (task_id)
            where d.state = 'open' order by d.task_id for update of d
        )
        update deadlines d set state = 'closed', closed_at = held.at, closed_how = held.how
        from held where d.task_id = held.task_id""",
        task_ids,
        closed_at,
        how,
    )
    await disarm(db, task_ids)


async def move_deadlines(
    db: AsyncConnection, task_ids: Sequence[UUID], managers: Sequence[str], offices: Sequence[str]
) -> None:
    """Let open deadlines remind others; where the office is another, no calendar has counted them yet (`claim_stale`)."""
    await execute(
        db,
        """
        with held as (
            select d.task_id, n.manager, n.office
            from deadlines d join unnest($1::uuid[], $2::text[], $3::text[]) n (task_id, manager, office) using (task_id)
            where d.state = 'open' order by d.task_id for update of d
        )
        update deadlines d
        set manager = held.manager, office_id = held.office,
            calendar_version = case when d.office_id = held.office then d.calendar_version else 0 end
        from held where d.task_id = held.task_id""",
        task_ids,
        managers,
        offices,
    )


async def claim_stale(db: AsyncConnection, office: Office, limit: int) -> Sequence[RowMapping]:
    """Lock open deadlines of `office` that were counted by an older calendar, with the step their timer stands for."""
    return await fetch(
        db,
        f"""
        select d.task_id, d.client_id, d.manager, d.source, d.is_first_reaction, d.counted_from, d.meeting_at, d.by_rule,
               d.version, d.correlation, {_PLAN}, (select step from timers t where t.task_id = d.task_id)
        from deadlines d
        where d.office_id = $1 and d.state = 'open' and d.calendar_version < $2
        limit $3 for update of d skip locked""",
        office.office_id,
        office.calendar_version,
        limit,
    )


async def recount(db: AsyncConnection, rows: Sequence[Row]) -> None:
    """Write deadlines that were counted anew: rows of `task_id`, the plan, `by_rule`, `version`, `calendar_version`."""
    await execute(
        db,
        """
        update deadlines d
        set warn_at = n.warn_at, due_at = n.due_at, overdue_at = n.overdue_at, escalate_at = n.escalate_at,
            by_rule = n.by_rule, version = n.version, calendar_version = n.calendar_version
        from unnest($1::uuid[], $2::timestamptz[], $3::timestamptz[], $4::timestamptz[], $5::timestamptz[], $6::text[],
                    $7::int[], $8::int[])
             n (task_id, warn_at, due_at, overdue_at, escalate_at, by_rule, version, calendar_version)
        where d.task_id = n.task_id""",
        *_columns(rows, "task_id warn_at due_at overdue_at escalate_at by_rule version calendar_version"),
    )


async def postpone(db: AsyncConnection, plans: Mapping[UUID, Plan]) -> None:
    """Write the later moments of steps that follow one said late."""
    if plans:
        await execute(
            db,
            "update deadlines d set overdue_at = n.overdue_at, escalate_at = n.escalate_at"
            " from unnest($1::uuid[], $2::timestamptz[], $3::timestamptz[]) n (task_id, overdue_at, escalate_at)"
            " where d.task_id = n.task_id",
            list(plans),
            [plan.overdue_at for plan in plans.values()],
            [plan.escalate_at for plan in plans.values()],
        )


# ── timers ──────────────────────────────────────────────────────────────────────────────────────────────────────────


async def arm(db: AsyncConnection, timers: Sequence[Row]) -> None:
    """Set timers: rows of `task_id`, `step`, `version`, `fire_at`; a task's earlier timer is replaced."""
    await insert(
        db,
        tables.timers,
        timers,
        then="on conflict (task_id) do update"
        " set step = excluded.step, version = excluded.version, fire_at = excluded.fire_at",
    )


async def disarm(db: AsyncConnection, task_ids: Sequence[UUID]) -> None:
    """Take timers away."""
    if task_ids:
        await execute(db, "delete from timers where task_id = any($1::uuid[])", task_ids)


async def claim_timers(db: AsyncConnection, after: datetime, until: datetime, limit: int) -> list[RowMapping]:
    """Lock timers that run out in (`after`, `until`], the earliest first, together with their deadlines.

    What another replica or a handler holds is left out; it is free, changed or gone at the next call.
    """
    return list(
        await fetch(
            db,
            f"""
            select t.task_id, t.step, t.version, t.version = d.version and d.state = 'open' as is_valid,
                   d.client_id, d.manager, d.office_id, d.correlation, {_PLAN}
            from timers t join deadlines d using (task_id)
            where t.fire_at > $1 and t.fire_at <= $2
            order by t.fire_at limit $3 for update of t, d skip locked""",
            after,
            until,
            limit,
        )
    )


async def deadline_lag(db: AsyncConnection) -> float:
    """Seconds by which the oldest step that should have been taken is late; 0 when none is."""
    rows = await fetch(
        db,
        "select greatest(extract(epoch from clock_timestamp() - least((select min(fire_at) from timers),"
        " (select min(fire_at) from awaited where fire_at is not null))), 0)::float8 as late",
    )
    return float(rows[0]["late"] or 0)


async def notify(db: AsyncConnection, rows: Sequence[Row]) -> set[UUID]:
    """Keep who is told what; return the ids of what had not been told before."""
    return {
        row["id"] for row in await insert(db, tables.notifications, rows, then="on conflict do nothing returning id")
    }


# ── answers ─────────────────────────────────────────────────────────────────────────────────────────────────────────


async def count_of_import(db: AsyncConnection, import_id: UUID) -> RowMapping:
    """How many deadlines an import has, and when the last was set."""
    rows = await fetch(
        db,
        "select count(*) as deadlines, count(closed_at) as closed, max(set_at) as last_at from deadlines"
        " where import_id = $1",
        import_id,
    )
    return rows[0]


async def deadlines_of(db: AsyncConnection, either: UUID) -> Sequence[RowMapping]:
    """The deadlines of a task or of a client, the oldest first."""
    return await fetch(
        db,
        f"""
        select d.task_id, d.process_id, d.client_id, d.manager, d.office_id, d.kind, d.source, d.state, d.by_rule,
               d.named_date, d.set_at, d.closed_at, d.closed_how, d.version, {_PLAN}
        from deadlines d where d.task_id = $1 or d.client_id = $1 order by d.set_at, d.task_id""",
        either,
    )


async def notifications_of(db: AsyncConnection, task_ids: Sequence[UUID]) -> Sequence[RowMapping]:
    """Who was told what about these tasks, in order."""
    return await fetch(
        db,
        "select task_id, step, version, tells, at, is_late from notifications"
        " where task_id = any($1::uuid[]) order by at, version",
        task_ids,
    )


# ── reading rows ────────────────────────────────────────────────────────────────────────────────────────────────────


def plan_of(row: RowMapping) -> Plan:
    """The plan that stands in a deadline's row."""
    return Plan(row["warn_at"], row["due_at"], row["overdue_at"], row["escalate_at"])


def _office(row: RowMapping) -> Office:
    return Office(row["office_id"], row["head"], OfficeCalendar.of_row(row), row["calendar_version"])


def _terms(rows: Iterable[RowMapping]) -> dict[Source, Term]:
    return {Source(row["source"]): Term(row["amount"], row["unit"]) for row in rows}


def _columns(rows: Sequence[Row], names: str) -> list[list[Any]]:
    return [[row[name] for row in rows] for name in names.split()]
