"""When is who to be told about a deadline? (R4-08, R4-09)

Every deadline has four steps: a warning before it, the deadline itself, overdue, and escalated to the head.
How far they stand apart follows from the time the promise gave (working time throughout):

- warning: a quarter of that time before the deadline, at most 4 hours; none when that would be less than 5 minutes;
- escalated: as long after the deadline as the promise gave, at least 1 hour and at most 4;
- overdue: half way from the deadline to the head.

A website lead with its 30 minutes: warning after 22.5, overdue after 60, the head after 90.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from shared.working_time import OfficeCalendar

WARNING_AT_MOST = timedelta(hours=4)
WARNING_AT_LEAST = timedelta(minutes=5)
GRACE_AT_LEAST = timedelta(hours=1)
GRACE_AT_MOST = timedelta(hours=4)


class Step(StrEnum):
    """What a deadline comes to, in this order."""

    WARNING = "warning"
    DUE = "due"
    OVERDUE = "overdue"
    ESCALATED = "escalated"


ORDER = tuple(Step)


@dataclass(frozen=True, slots=True)
class Plan:
    """The moments of a deadline's steps, UTC."""

    warn_at: datetime | None
    due_at: datetime
    overdue_at: datetime
    escalate_at: datetime

    def at(self, step: Step) -> datetime:
        """The moment of a step; a warning that is not given would have come at the deadline."""
        moments = (self.warn_at or self.due_at, self.due_at, self.overdue_at, self.escalate_at)
        return moments[ORDER.index(step)]

    def first_step(self, now: datetime) -> Step:
        """Where a deadline set at `now` begins: a warning whose moment has passed is not given any more."""
        return Step.WARNING if self.warn_at is not None and self.warn_at > now else Step.DUE


def plan_steps(counted_from: datetime, due_at: datetime, calendar: OfficeCalendar) -> Plan:
    """The steps of a promise given at `counted_from` for `due_at`."""
    given = max(calendar.between(counted_from, due_at), timedelta())
    lead = min(given / 4, WARNING_AT_MOST)
    grace = min(max(given, GRACE_AT_LEAST), GRACE_AT_MOST)
    return Plan(
        warn_at=calendar.add(due_at, -lead) if lead >= WARNING_AT_LEAST else None,
        due_at=due_at,
        overdue_at=calendar.add(due_at, grace / 2),
        escalate_at=calendar.add(due_at, grace),
    )


def following(step: Step) -> Step | None:
    """The step after `step`; after the head was told there is none."""
    n = ORDER.index(step) + 1
    return ORDER[n] if n < len(ORDER) else None
