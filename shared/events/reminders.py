"""What reminders says: is it in time?"""

from __future__ import annotations

from typing import Literal
from uuid import UUID

from pydantic import AwareDatetime

from shared.message import Event


class DeadlineSet(Event, owner="reminders", about="task/{task_id}"):
    """A task has its deadline (SLA, R4-08)."""

    task_id: UUID
    client_id: UUID
    manager: str
    due_at: AwareDatetime
    by_rule: str


class DeadlineReached(Event, owner="reminders", about="task/{task_id}"):
    """A deadline came to one of its steps and somebody is told: warning, due, overdue, escalated to the head (R4-08)."""

    task_id: UUID
    client_id: UUID
    step: Literal["warning", "due", "overdue", "escalated"]
    tells: str
    due_at: AwareDatetime


class AnswerDue(Event, owner="reminders", about="assignment/{lead_id}", heard_by=("routing",)):
    """Somebody has not said whether he takes a lead: half of his time is over (warning), or all of it (expired) (SLA)."""

    lead_id: UUID
    client_id: UUID
    attempt: int
    step: Literal["warning", "expired"]
    tells: str
    due_at: AwareDatetime


class LateEntryTold(Event, owner="reminders", about="entry/{lead_id}"):
    """The head of whoever entered a call late is told, in his office or above; both times in seconds (R1-22, R4-08)."""

    lead_id: UUID
    client_id: UUID
    submitter: str | None = None
    tells: str
    lag_s: float
    allowed_s: float
