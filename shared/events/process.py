"""What process says: how does the sale go?"""

from __future__ import annotations

from datetime import date
from typing import Literal
from uuid import UUID

from pydantic import AwareDatetime

from shared.events.fault import Fault
from shared.events.meeting import SetMeeting
from shared.message import Event
from shared.words import Source, Stage, TaskKind, TouchKind, TouchResult


class ProcessOpened(Event, owner="process", about="client/{client_id}", heard_by=("routing",)):
    """A sale began for a client who had none open; its manager alone works it (R1-42)."""

    process_id: UUID
    client_id: UUID
    lead_id: UUID
    manager: str
    office_id: str
    source: Source
    import_id: UUID | None = None


class LeadJoined(Event, owner="process", about="client/{client_id}", heard_by=("routing",)):
    """A lead came for a client whose sale is already open, and was added to it (R1-33)."""

    process_id: UUID
    client_id: UUID
    lead_id: UUID
    manager: str
    import_id: UUID | None = None


class TaskSet(Event, owner="process", about="tasks/{client_id}", heard_by=("reminders",)):
    """Something is to be done by somebody (R4-11).

    `due_at` is what was promised; it is empty for a first reaction, whose deadline reminders finds from `source`,
    counted from `received_at` in the working calendar of `office_id` (SLA), and before `meeting_at` if a meeting is agreed.
    """

    task_id: UUID
    process_id: UUID
    client_id: UUID
    lead_id: UUID | None = None
    import_id: UUID | None = None
    manager: str
    office_id: str
    kind: TaskKind
    due_at: AwareDatetime | None = None
    source: Source
    received_at: AwareDatetime
    named_date: date | None = None
    company: str = ""
    note: str = ""
    awaits: int | None = None
    """The attempt of `lead_id` that its manager is still to accept or decline (`LeadAssigned`); empty: nothing is asked."""
    meeting_at: AwareDatetime | None = None


class TaskClosed(Event, owner="process", about="tasks/{client_id}", heard_by=("reminders",)):
    """A task is no longer open: done by a touch, replaced by another, or cancelled with its process."""

    task_id: UUID
    process_id: UUID
    client_id: UUID
    closed_at: AwareDatetime
    how: Literal["done", "replaced", "cancelled"]


class TouchRecorded(Event, owner="process", about="client/{client_id}"):
    """One contact with a client was recorded (R0-13)."""

    touch_id: UUID
    process_id: UUID
    client_id: UUID
    by: str
    kind: TouchKind
    result: TouchResult
    touched_at: AwareDatetime


class StageMoved(Event, owner="process", about="client/{client_id}", heard_by=("routing",)):
    """A sale went from one stage to another; `meeting` is what was agreed, when it came to `meeting_set`."""

    process_id: UUID
    client_id: UUID
    from_stage: Stage
    to_stage: Stage
    by: str
    reason: str = ""
    meeting: SetMeeting | None = None


class ProcessClosed(Event, owner="process", about="client/{client_id}", heard_by=("routing",)):
    """A sale ended, won or lost; the client may be given anew."""

    process_id: UUID
    client_id: UUID
    manager: str
    ended: Literal["won", "lost"]
    reason: str = ""


class LeadWithdrawn(Event, owner="process", about="client/{client_id}", heard_by=("routing",)):
    """A lead was taken out of its sale because its import was undone: a share taken for it is given back (G6)."""

    lead_id: UUID
    client_id: UUID
    import_id: UUID


class RecallAnswered(Event, owner="process", about="recall/{lead_id}", heard_by=("intake",)):
    """Whether a lead of an undone import was taken back; if somebody has touched it since it stays, for this reason."""

    lead_id: UUID
    client_id: UUID
    import_id: UUID
    taken_back: bool
    reason: str = ""


class HandOnAnswered(Event, owner="process", about="client/{client_id}", heard_by=("routing",)):
    """Whether the sale of a lead that was handed on has gone to its new manager; process has the word.

    It stays with `manager` if he has touched it meanwhile, if the lead is part of a sale that was open before (`joined`),
    if its client has moved to somebody else (`moved`), or if there is nothing left to hand on (`gone`).
    """

    lead_id: UUID
    client_id: UUID
    attempt: int
    process_id: UUID
    manager: str
    stays: Literal["touched", "joined", "moved", "gone"] | None = None


class SalesJoined(Event, owner="process", about="client/{client_id}", heard_by=("routing",)):
    """The sales of two clients that were merged are one, told in the history of each (R1-33, R1-42).

    `process_id` is the open sale of the survivor now, if there is one; `joined_id` the one that was added to it, with its
    leads, touches and history. `leads` came for a client who was known: the shares taken for them are given back (G6).
    """

    merge_id: UUID
    client_id: UUID
    survivor_id: UUID
    loser_id: UUID
    process_id: UUID | None = None
    manager: str | None = None
    joined_id: UUID | None = None
    leads: list[UUID] = []


class SalesParted(Event, owner="process", about="client/{client_id}", heard_by=("routing",)):
    """The sales of two clients go their own ways again after a split; `process_id` is the open one of `client_id`, if any."""

    merge_id: UUID
    client_id: UUID
    survivor_id: UUID
    loser_id: UUID
    process_id: UUID | None = None
    manager: str | None = None


class MoveFollowed(Event, owner="process", about="client/{client_id}", heard_by=("routing",)):
    """Process has followed a client's move; `process_id` is his open sale, if any, and `manager` works it now."""

    move_id: UUID
    client_id: UUID
    process_id: UUID | None = None
    manager: str | None = None


class TaskMoved(Event, owner="process", about="tasks/{client_id}", heard_by=("reminders",)):
    """A task is another's to do now; what is to be done stays, and so does when, as far as the office's calendar goes."""

    task_id: UUID
    process_id: UUID
    client_id: UUID
    manager: str
    office_id: str


class MoveReturned(Event, owner="process", about="client/{client_id}", heard_by=("routing",)):
    """Whether a client's move was taken back; if somebody has touched him since it stands, for this reason."""

    move_id: UUID
    client_id: UUID
    given_back: bool
    reason: str = ""
    process_id: UUID | None = None
    manager: str | None = None


class TouchRefused(Event, owner="process", about="refusal/{touch_id}"):
    """A touch was not recorded, and nothing of it was done; the faults say what is missing or not allowed (R4-10, R4-11)."""

    touch_id: UUID
    process_id: UUID | None = None
    faults: list[Fault]
