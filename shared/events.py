"""Every fact that is told on the bus, by the room that owns it."""

from __future__ import annotations

from datetime import date
from typing import Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict

from shared.message import EACH, ROOMS, Event
from shared.words import Function, Outcome, Source, Stage, TaskKind, TouchKind, TouchResult


class Fault(BaseModel):
    """One thing that is wrong with a submission: which field, what, and how to mend it."""

    model_config = ConfigDict(frozen=True)

    field: str
    problem: str
    remedy: str


# ── intake: who is this client? ─────────────────────────────────────────────────────────────────────────────────────


class LeadAccepted(Event, owner="intake", about="client/{client_id}", heard_by=("routing",)):
    """A lead was made regular and its client recognised, or a card was opened for him (R1-35, R1-40).

    `named_date` is the day that the client named in a questionnaire on `spoken_on` (R4-12); `wishes_call` None: not said.
    """

    lead_id: UUID
    client_id: UUID
    outcome: Outcome
    source: Source
    campaign: str | None = None
    submitter: str | None = None
    named_manager: str | None = None
    worked_with: str | None = None
    import_id: UUID | None = None
    row: int | None = None
    received_at: AwareDatetime
    region: str
    region_by: Literal["stated", "city", "area_code", "postal_code", "country", "unknown"]
    company: str
    contact: str = ""
    phone: str = ""
    email: str = ""
    interest: str = ""
    named_date: date | None = None
    spoken_on: date | None = None
    wishes_call: bool | None = None


class LeadRejected(Event, owner="intake", about="lead/{lead_id}"):
    """A submission could not become a lead; it is kept raw, with what is wrong and how to mend it (R0-10)."""

    lead_id: UUID
    import_id: UUID | None = None
    row: int | None = None
    faults: list[Fault]


class ClientRegistered(Event, owner="intake", about="client/{client_id}", heard_by=("routing",)):
    """A card came into the client base by import, without a lead; `curator` is the manager who owns the relation."""

    client_id: UUID
    name: str
    region: str
    curator: str | None = None
    import_id: UUID | None = None
    row: int | None = None


class LeadRecalled(Event, owner="intake", about="client/{client_id}", heard_by=("routing",)):
    """The import that brought a lead is to be undone: whoever works the lead says whether it may be taken back."""

    lead_id: UUID
    client_id: UUID
    import_id: UUID


class CardWithdrawn(Event, owner="intake", about="client/{client_id}", heard_by=("routing",)):
    """A client card is gone: the import that opened it was undone, and nothing else had come for it."""

    client_id: UUID
    import_id: UUID


class Agreement(BaseModel):
    """One key of two records compared: how well it agrees, and both values."""

    model_config = ConfigDict(frozen=True)

    key: str
    level: str
    one: str
    other: str


class ReviewJudged(Event, owner="intake", about="review/{review_id}"):
    """A person said whether two clients are one; the word holds for everybody (MATCHING §11)."""

    review_id: UUID
    client_id: UUID
    other_id: UUID
    verdict: Literal["same", "different", "sister", "skip"]
    by: str
    note: str = ""


class JudgementRefused(Event, owner="intake", about="judgement/{judgement_id}"):
    """What a person said of clients cannot be, and nothing of it was done; the faults say why."""

    judgement_id: UUID
    faults: list[Fault]


class ClientsMerged(Event, owner="intake", about="client/{client_id}", heard_by=("routing",)):
    """Two clients are one from now on, told in the history of each: `client_id` is the one that this telling is about.

    After it nothing is said of the loser until a split; `cards` are the loser's and those merged into him before,
    `records` the leads and rows that stand on them. `curator` and `region` are those of both together.
    """

    merge_id: UUID
    client_id: UUID
    survivor_id: UUID
    loser_id: UUID
    cards: list[UUID]
    records: list[UUID] = []
    name: str
    region: str
    curator: str | None = None
    by: str
    note: str = ""
    rule_version: int
    evidence: list[Agreement] = []


class ClientsSplit(Event, owner="intake", about="client/{client_id}", heard_by=("routing",)):
    """A merge was undone, told in the history of each: `cards` leave `survivor_id` and are the client `loser_id` again.

    `records` stand on them; `came_later` came to either after the merge and want a person's look.
    """

    merge_id: UUID
    client_id: UUID
    survivor_id: UUID
    loser_id: UUID
    cards: list[UUID]
    records: list[UUID] = []
    came_later: list[UUID] = []
    by: str
    note: str = ""


# ── routing: who gets it? ───────────────────────────────────────────────────────────────────────────────────────────


class OfficeChanged(Event, owner="routing", about="office/{office_id}", heard_by=("process", "reminders")):
    """An office stands in the directory as said here: the whole of it, every time."""

    office_id: str
    name: str
    time_zone: str
    hours: str
    calendar: str
    days_off: list[date] = []
    working_days: list[date] = []
    head: str | None = None
    active: bool = True


class StaffChanged(Event, owner="routing", about="staff/{staff_id}", heard_by=("process", "reminders")):
    """A member of staff stands in the directory as said here: the whole of it, every time."""

    staff_id: str
    name: str
    office_id: str
    function: Function
    active: bool = True


class LeadAssigned(Event, owner="routing", about="client/{client_id}", heard_by=("process",)):
    """A lead has its receiver: a manager, or a named queue with a deadline when nobody is there (R1-33 … G8).

    `rule` is the id that decided; `told` are those to be told besides the receiver; `alarm` says why somebody must look.
    `manager` is never empty: for a queue it is whoever answers for it.
    """

    lead_id: UUID
    client_id: UUID
    manager: str
    queue: str | None = None
    office_id: str
    rule: str
    told: list[str] = []
    alarm: str | None = None
    source: Source
    campaign: str | None = None
    import_id: UUID | None = None
    received_at: AwareDatetime
    region: str
    company: str
    contact: str = ""
    phone: str = ""
    email: str = ""
    interest: str = ""
    named_date: date | None = None
    spoken_on: date | None = None
    wishes_call: bool | None = None


class AssignmentRecalled(Event, owner="routing", about="client/{client_id}", heard_by=("process",)):
    """A lead that was given to somebody is to be taken back, if nobody has touched its sale."""

    lead_id: UUID
    client_id: UUID
    import_id: UUID


class MergeRelayed(Event, owner="routing", about="client/{client_id}", heard_by=("process",)):
    """Routing has followed a merge, told in the history of each client: of the loser it assigns nothing more until a split."""

    merge_id: UUID
    client_id: UUID
    survivor_id: UUID
    loser_id: UUID
    by: str


class SplitRelayed(Event, owner="routing", about="client/{client_id}", heard_by=("process",)):
    """Routing has followed a split, told in the history of each: what is assigned to the loser is his own again.

    `cards` are all the clients of before that leave with him.
    """

    merge_id: UUID
    client_id: UUID
    survivor_id: UUID
    loser_id: UUID
    cards: list[UUID]
    by: str


class CompanyApplied(Event, owner="routing", about="company/directory"):
    """A company file was applied; the counts say what changed, and `warnings` what somebody should look at."""

    offices: int
    staff: int
    duty: int
    absences: int
    warnings: list[str] = []


class CompanyRefused(Event, owner="routing", about="company/directory"):
    """A company file contradicts itself and nothing of it was applied."""

    faults: list[Fault]


# ── process: how does the sale go? ──────────────────────────────────────────────────────────────────────────────────


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
    counted from `received_at` in the working calendar of `office_id` (SLA).
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


class StageMoved(Event, owner="process", about="client/{client_id}"):
    """A sale went from one stage to another."""

    process_id: UUID
    client_id: UUID
    from_stage: Stage
    to_stage: Stage
    by: str
    reason: str = ""


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


class TouchRefused(Event, owner="process", about="refusal/{touch_id}"):
    """A touch was not recorded, and nothing of it was done; the faults say what is missing or not allowed (R4-10, R4-11)."""

    touch_id: UUID
    process_id: UUID | None = None
    faults: list[Fault]


# ── reminders: is it in time? ───────────────────────────────────────────────────────────────────────────────────────


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


# ── every room ──────────────────────────────────────────────────────────────────────────────────────────────────────


class MessageDied(Event, owner=EACH, about="letter/{room}/{letter}"):
    """A room gave a message up; it lies among the room's dead letters, and what depends on it waits."""

    room: str
    letter: int
    handler: str
    subject_given_up: str
    held_aggregate: str | None = None


class CopiesRebuilt(Event, owner=EACH, about="copies/{room}"):
    """A room dropped what it keeps only by hearing and heard it again, from `messages` messages.

    `rows` counts the rows of each copy now, `changed` those that were not as they had been told, or were missing.
    """

    room: str
    messages: int
    rows: dict[str, int]
    changed: dict[str, int]


EVENTS: tuple[type[Event], ...] = tuple(Event.__subclasses__())


def sources_of(room: str) -> tuple[str, ...]:
    """The rooms that `room` listens to, in the order of a lead's way."""
    return tuple(owner for owner in ROOMS if any(e.owner == owner and room in e.heard_by for e in EVENTS))


def listeners_of(room: str) -> dict[str, frozenset[str]]:
    """Who listens to `room`: aggregate kind (`client`, `office` …) → the rooms that must hear all of it, in order."""
    kinds: dict[str, set[str]] = {}
    for event in EVENTS:
        if event.owner == room and event.heard_by:
            kinds.setdefault(kind_of(event.about), set()).update(event.heard_by)
    return {kind: frozenset(rooms) for kind, rooms in kinds.items()}


def subjects_for(room: str, source: str) -> tuple[str, ...]:
    """The subjects of all that `source` says about the kinds of aggregates `room` listens to: whole histories, no others."""
    kinds = {kind for kind, rooms in listeners_of(source).items() if room in rooms}
    return tuple(
        event.subject_in(source) for event in EVENTS if event.owner == source and kind_of(event.about) in kinds
    )


def kind_of(aggregate: str) -> str:
    """The kind of an aggregate: `client/6f1c…` → `client`."""
    return aggregate.partition("/")[0]
