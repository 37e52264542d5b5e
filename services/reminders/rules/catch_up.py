"""A timer has run out: what is said now, and what comes next? (R4-08, R4-09)

Normally the step it stood for is said, and the timer is set to the following one.
After downtime several steps may have passed, and then nobody is to be flooded or blamed for it:

- of the steps that have passed only the last is said, and the head hears nothing before the manager did;
- the steps that follow keep their distance in working time from *now*;
- outside office hours nothing late is said: it waits for the opening, spread over a quarter of an hour.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from services.reminders.rules.steps import ORDER, Plan, Step, following
from shared.working_time import OfficeCalendar

LATE = timedelta(minutes=15)
"""From here on a timer is not merely slow, but was missed: the room was down, or the promise was for a past moment."""
SPREAD_SECONDS = 900


@dataclass(frozen=True, slots=True)
class Turn:
    """What follows from a timer that has run out: what to say, if anything, and the next step with its moment, if any."""

    says: Step | None
    next_step: Step | None
    next_at: datetime | None
    plan: Plan
    is_late: bool


def what_falls_due(task_id: UUID, step: Step, plan: Plan, now: datetime, calendar: OfficeCalendar) -> Turn:
    """Decide for a timer that stood for `step` and has run out at or before `now`."""
    late = now - plan.at(step) > LATE
    if late and (opens := calendar.next_working_moment(now)) > now:
        calm = calendar.add(opens, timedelta(seconds=task_id.int % SPREAD_SECONDS))
        return Turn(None, step, calm, plan, late)
    says = last_passed(step, plan, now)
    if late:
        plan = postponed(plan, says, now, calendar)
    then = following(says)
    return Turn(says, then, plan.at(then) if then else None, plan, late)


def last_passed(step: Step, plan: Plan, now: datetime) -> Step:
    """The last step from `step` on that has passed; escalation is never jumped to."""
    passed = [later for later in ORDER[ORDER.index(step) :] if plan.at(later) <= now and later is not Step.ESCALATED]
    return passed[-1] if passed else step


def postponed(plan: Plan, says: Step, now: datetime, calendar: OfficeCalendar) -> Plan:
    """The plan with what follows `says` moved so that people get the same time as if it were said in time."""

    def no_sooner(planned: datetime) -> datetime:
        return max(planned, calendar.add(now, calendar.between(plan.at(says), planned)))

    if says is Step.DUE:
        return replace(plan, overdue_at=no_sooner(plan.overdue_at), escalate_at=no_sooner(plan.escalate_at))
    if says is Step.OVERDUE:
        return replace(plan, escalate_at=no_sooner(plan.escalate_at))
    return plan
