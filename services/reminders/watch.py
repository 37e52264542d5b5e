"""What reminders does by the clock: steps of deadlines fall due, and deadlines are counted anew.

Each step is one short transaction and claims with `skip locked`: replicas share the work and never wait for each other.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection

from services.reminders import store
from services.reminders.rules.catch_up import LATE, what_falls_due
from services.reminders.rules.escalation import whom_to_tell
from services.reminders.rules.promise import first_reaction
from services.reminders.rules.sla import DEFAULTS, Term
from services.reminders.rules.steps import Plan, Step, plan_steps
from shared.clock import ticks
from shared.events import DeadlineReached, DeadlineSet
from shared.message import Cause, Said, Saying, id_of
from shared.words import Source

AT_ONCE = 500
LATE_AT_ONCE = 200
"""After downtime a replica says no more than this in a tick, so that the backlog drains and does not burst."""
JUMP = 30.0
_MOMENTS = ("warn_at", "due_at", "overdue_at", "escalate_at")
_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)

WatchStep = Callable[[datetime, AsyncConnection], Awaitable[tuple[Said, bool]]]
log = structlog.get_logger()


async def fall_due(now: datetime, db: AsyncConnection) -> tuple[Said, bool]:
    """Say the steps whose moment has come, at most once each, and set the timers to what follows (R4-08, R4-09).

    What is on time goes first and at full speed; what was missed follows at `LATE_AT_ONCE` a tick.
    """
    timers = await store.claim_timers(db, now - LATE, now, AT_ONCE)
    more = len(timers) == AT_ONCE
    if not more:
        timers += await store.claim_timers(db, _BEGINNING, now - LATE, LATE_AT_ONCE)
    if not timers:
        return [], False
    offices = await store.offices_by_id(db, (timer["office_id"] for timer in timers))
    people = await store.people(
        db, {timer["manager"] for timer in timers} | {o.head for o in offices.values() if o.head}
    )

    notices: dict[UUID, dict[str, Any]] = {}
    sayings: Said = []
    over: list[UUID] = []
    armed: list[dict[str, Any]] = []
    postponed: dict[UUID, Plan] = {}
    for timer in timers:
        task, version, office = timer["task_id"], timer["version"], offices[timer["office_id"]]
        if not timer["is_valid"]:
            over.append(task)
            continue
        plan = store.plan_of(timer)
        turn = what_falls_due(task, Step(timer["step"]), plan, now, office.calendar)
        if turn.says is not None:
            tells = whom_to_tell(turn.says, timer["manager"], office.office_id, office.head, people)
            saying = _reached(timer, turn.says, tells)
            sayings.append(saying)
            notices[saying.cause.id] = {
                "id": saying.cause.id,
                "task_id": task,
                "step": turn.says.value,
                "version": version,
                "tells": tells,
                "at": now,
                "is_late": turn.is_late,
            }
        if turn.plan != plan:
            postponed[task] = turn.plan
        if turn.next_step is None:
            over.append(task)
        else:
            armed.append({"task_id": task, "step": turn.next_step.value, "version": version, "fire_at": turn.next_at})
    fresh = await store.notify(db, list(notices.values()))
    await store.postpone(db, postponed)
    await store.arm(db, armed)
    await store.disarm(db, over)
    late = sum(notices[one]["is_late"] for one in fresh)
    log.info("reminders.steps_fell_due", timers=len(timers), said=len(fresh), late=late)
    return [saying for saying in sayings if saying.cause.id in fresh], more


def _reached(timer: RowMapping, step: Step, tells: str) -> Saying:
    # the id comes of task, step and version: found again after a crash, it is the same notice and the same event
    cause = Cause(id_of(timer["task_id"], f"{step}/{timer['version']}"), timer["correlation"])
    return cause.says(
        DeadlineReached(
            task_id=timer["task_id"],
            client_id=timer["client_id"],
            step=step.value,
            tells=tells,
            due_at=timer["due_at"],
        )
    )


async def count_anew(now: datetime, db: AsyncConnection) -> tuple[Said, bool]:
    """Count open deadlines anew after their office's hours or days changed, a bounded number at a time (SLA).

    A deadline that moves begins its steps again; one that stays keeps the step it has come to.
    """
    for office in await store.offices_counted_anew(db):
        stale = await store.claim_stale(db, office, AT_ONCE)
        if not stale:
            continue  # another replica is at it
        terms = {**DEFAULTS, **await store.terms(db)}
        rows = [_counted(old, office, terms) for old in stale]
        armed: list[dict[str, Any]] = []
        said: Said = []
        for old, row in zip(stale, rows, strict=True):
            plan, has_moved = Plan(*(row[name] for name in _MOMENTS)), row["version"] > old["version"]
            step = plan.first_step(now) if has_moved else old["step"] and Step(old["step"])
            if step:  # a deadline whose steps are all said, and which stays, has no timer any more
                armed.append(
                    {
                        "task_id": old["task_id"],
                        "step": step.value,
                        "version": row["version"],
                        "fire_at": plan.at(step),
                    }
                )
            if has_moved:
                said.append(_moved(old, row))
        await store.recount(db, rows)
        await store.arm(db, armed)
        log.info("reminders.deadlines_counted_anew", office=office.office_id, counted=len(rows), moved=len(said))
        return said, True
    return [], False


def _counted(old: RowMapping, office: store.Office, terms: Mapping[Source, Term]) -> dict[str, Any]:
    due_at, by_rule, source = old["due_at"], old["by_rule"], Source(old["source"])
    if old["is_first_reaction"]:
        promise = first_reaction(source, terms[source], old["counted_from"], office.calendar, old["meeting_at"])
        due_at, by_rule = promise.due_at, promise.by_rule
    plan = plan_steps(old["counted_from"], due_at, office.calendar)
    return {
        "task_id": old["task_id"],
        "warn_at": plan.warn_at,
        "due_at": plan.due_at,
        "overdue_at": plan.overdue_at,
        "escalate_at": plan.escalate_at,
        "by_rule": by_rule,
        "version": old["version"] + (due_at != old["due_at"]),
        "calendar_version": office.calendar_version,
    }


def _moved(old: RowMapping, row: Mapping[str, Any]) -> Saying:
    cause = Cause(id_of(old["task_id"], f"set/{row['version']}"), old["correlation"])
    return cause.says(
        DeadlineSet(
            task_id=old["task_id"],
            client_id=old["client_id"],
            manager=old["manager"],
            due_at=row["due_at"],
            by_rule=row["by_rule"],
        )
    )


def by_a_steady_clock(step: WatchStep) -> WatchStep:
    """Let `step` run only while the database's clock goes as this machine's monotonic one does.

    When it has jumped by more than `JUMP` seconds since the last tick, nothing is said until two ticks agree again.
    """
    last: tuple[datetime, float] | None = None

    async def steady(now: datetime, db: AsyncConnection) -> tuple[Said, bool]:
        nonlocal last
        before, last = last, (now, ticks())
        if before is not None:
            jump = (now - before[0]).total_seconds() - (last[1] - before[1])
            if abs(jump) > JUMP:
                log.warning("reminders.clock_jumped", seconds=round(jump))
                return [], False
        return await step(now, db)

    return steady
