"""What reminders answers when asked."""

from __future__ import annotations

from collections import defaultdict
from typing import Any
from uuid import UUID

from sqlalchemy import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection

from services.reminders import store
from services.reminders.rules.steps import ORDER, Step
from shared.questions import CountRemindersProgress, ShowDeadlines


async def count_progress(question: CountRemindersProgress, db: AsyncConnection) -> dict[str, Any]:
    """How many tasks of an import have a deadline: `{deadlines, closed, last_at}`."""
    return dict(await store.count_of_import(db, question.import_id))


async def show_deadlines(question: ShowDeadlines, db: AsyncConnection) -> dict[str, Any]:
    """The deadlines of a client or task, with who is or was to be told when (R4-08).

    `{deadlines: [{task_id, due_at, state, by_rule, manager, …, steps: [{step, at, told_at, tells, is_late}]}]}`; a step
    not told yet has an empty `told_at`. `answers` are those that are or were awaited of receivers, by lead or client:
    `[{lead_id, attempt, manager, state: open|answered|expired, warn_at, due_at, warned_at, ended_at}]`.
    """
    deadlines = await store.deadlines_of(db, question.id)
    told: dict[tuple[UUID, int], dict[str, RowMapping]] = defaultdict(dict)
    for notice in await store.notifications_of(db, [deadline["task_id"] for deadline in deadlines]):
        told[notice["task_id"], notice["version"]][notice["step"]] = notice
    return {
        "deadlines": [
            {
                **{name: value for name, value in deadline.items() if not name.endswith("_at") or name in _SHOWN},
                "steps": _steps(deadline, told[deadline["task_id"], deadline["version"]]),
            }
            for deadline in deadlines
        ],
        "answers": [dict(row) for row in await store.answers_of(db, question.id)],
    }


_SHOWN = ("due_at", "set_at", "closed_at")


def _steps(deadline: RowMapping, told: dict[str, RowMapping]) -> list[dict[str, Any]]:
    plan = store.plan_of(deadline)
    steps = []
    for step in ORDER:
        notice = told.get(step.value)
        if step is Step.WARNING and plan.warn_at is None:
            continue
        steps.append(
            {
                "step": step.value,
                "at": plan.at(step),
                "told_at": notice["at"] if notice else None,
                "tells": notice["tells"] if notice else None,
                "is_late": notice["is_late"] if notice else False,
            }
        )
    return steps
