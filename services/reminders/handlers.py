"""What reminders does with what it hears: sets deadlines, closes them, learns calendars and heads."""

from __future__ import annotations

from collections.abc import Hashable
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from services.reminders import store
from services.reminders.rules.answer import waiting_from
from services.reminders.rules.promise import first_reaction, given_moment
from services.reminders.rules.steps import plan_steps
from shared.events import DeadlineSet, OfficeChanged, StaffChanged, TaskClosed, TaskSet
from shared.message import Batch, Heard, NotYet, Said, Unfit
from shared.working_time import OfficeCalendar


async def set_deadlines(tasks: Batch[TaskSet], db: AsyncConnection) -> Said:
    """Give each task its deadline in its office's working calendar, and arm its first step (SLA, R4-08, R4-11, R4-12).

    Raises NotYet while an office has not been heard of.
    """
    counting = await store.what_counts(db, tasks.map(lambda task: task.office_id))
    terms: dict[Hashable, dict[str, Any]] = {}  # the tasks of a list share a few, and each is counted once
    rows: list[store.Row] = []
    said: Said = []
    for heard in tasks:
        task = heard.message
        given_at = heard.at if task.due_at is not None else None
        likes = (
            *(task.office_id, task.source, task.received_at, task.meeting_at),
            *(task.due_at, given_at, task.named_date, task.awaits is None),
        )
        if (term := terms.get(likes)) is None:
            term = terms[likes] = {"nth": len(terms), **_counted(heard, counting, tasks.now)}
        rows.append(
            {
                "nth": term["nth"],
                "task_id": task.task_id,
                "process_id": task.process_id,
                "client_id": task.client_id,
                "import_id": task.import_id,
                "manager": task.manager,
                "kind": task.kind.value,
                "correlation": heard.correlation,
                "bulk": heard.bulk,
                "lead_id": task.lead_id,
                "awaits": task.awaits if task.lead_id is not None else None,
            }
        )
        said.append(
            heard.says(
                DeadlineSet(
                    task_id=task.task_id,
                    client_id=task.client_id,
                    manager=task.manager,
                    due_at=term["due_at"],
                    by_rule=term["by_rule"],
                )
            )
        )
    await store.set_deadlines(db, rows, list(terms.values()), tasks.now)
    return said


def _counted(heard: Heard[TaskSet], counting: store.Counting, now: datetime) -> store.Row:
    """By when this task, and every one like it, is to be done; and by when to be accepted, if its receiver is asked (SLA).

    Who is to accept has from now on to do so: he sees the lead since it is his.
    """
    task = heard.message
    office = counting.offices.get(task.office_id)
    if office is None:
        raise NotYet(f"office {task.office_id!r} has not been heard of; it comes with the company file")
    promise = (
        first_reaction(task.source, counting.reaction[task.source], task.received_at, office.calendar, task.meeting_at)
        if task.due_at is None
        else given_moment(task.due_at, heard.at, task.named_date)
    )
    plan = plan_steps(promise.counted_from, promise.due_at, office.calendar)
    step = plan.first_step(now)
    waiting = None if task.awaits is None else waiting_from(counting.acceptance[task.source], now, office.calendar)
    return {
        "office_id": task.office_id,
        "source": task.source.value,
        "is_first_reaction": task.due_at is None,
        "counted_from": promise.counted_from,
        "warn_at": plan.warn_at,
        "due_at": plan.due_at,
        "overdue_at": plan.overdue_at,
        "escalate_at": plan.escalate_at,
        "by_rule": promise.by_rule,
        "named_date": task.named_date,
        "meeting_at": task.meeting_at,
        "calendar_version": office.calendar_version,
        "step": step.value,
        "fire_at": plan.at(step),
        "remind_at": waiting and waiting.warn_at,
        "expire_at": waiting and waiting.due_at,
    }


async def close_deadlines(tasks: Batch[TaskClosed], db: AsyncConnection) -> Said:
    """Close the deadlines of tasks that are no longer open; their timers go in the same transaction (R4-08).

    A task that is unknown here has nothing to close: its own message comes first in the client's order, always.
    """
    await store.close_deadlines(
        db,
        tasks.map(lambda task: task.task_id),
        tasks.map(lambda task: task.closed_at),
        tasks.map(lambda task: task.how),
    )
    return []


async def learn_offices(offices: Batch[OfficeChanged], db: AsyncConnection) -> Said:
    """Keep each office's calendar and head; deadlines counted by another calendar are counted anew by the watch (SLA).

    Raises Unfit for hours, a zone or a calendar that cannot be read.
    """
    for office in offices.map(lambda office: office):
        try:
            OfficeCalendar.of(office.time_zone, office.hours, office.calendar, office.days_off, office.working_days)
        except ValueError as fault:
            raise Unfit(f"office {office.office_id!r}: {fault}") from None
    await store.save_offices(
        db,
        [
            {
                "office_id": office.office_id,
                "name": office.name,
                "time_zone": office.time_zone,
                "hours": office.hours,
                "calendar": office.calendar,
                "days_off": sorted(set(office.days_off)),
                "working_days": sorted(set(office.working_days)),
                "head": office.head,
                "active": office.active,
            }
            for office in sorted(offices.map(lambda office: office), key=lambda office: office.office_id)
        ],
    )
    return []


async def learn_staff(staff: Batch[StaffChanged], db: AsyncConnection) -> Said:
    """Keep who is who, so that the right head is told (R4-08)."""
    await store.save_staff(
        db,
        [
            {
                "staff_id": one.staff_id,
                "name": one.name,
                "office_id": one.office_id,
                "function": one.function.value,
                "active": one.active,
            }
            for one in sorted(staff.map(lambda one: one), key=lambda one: one.staff_id)
        ],
    )
    return []
