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


class EarlierContact(BaseModel):
    """A contact that was kept before a lead came: no lead by `rule` (R1-31, R1-26), and the same client or possibly so."""

    model_config = ConfigDict(frozen=True)

    contact_id: UUID
    rule: str
    outcome: Literal["same", "possible"]
    source: Source
    campaign: str | None = None
    received_at: AwareDatetime


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
    earlier: list[EarlierContact] = []


class LeadRejected(Event, owner="intake", about="lead/{lead_id}"):
    """A submission could not become a lead; it is kept raw, with what is wrong and how to mend it (R0-10)."""

    lead_id: UUID
    import_id: UUID | None = None
    row: int | None = None
    faults: list[Fault]


class ContactKept(Event, owner="intake", about="contact/{contact_id}"):
    """Somebody made himself known and is no lead yet: a registration (R1-31), an agent's contact without a meeting (R1-26).

    `client_id` is the client he is known to be; none if nobody like him is known.
    """

    contact_id: UUID
    rule: str
    source: Source
    campaign: str | None = None
    submitter: str | None = None
    received_at: AwareDatetime
    client_id: UUID | None = None


class EntryDelayed(Event, owner="intake", about="lead/{lead_id}"):
    """A call was entered later after its end than is allowed; both in seconds (R1-22)."""

    lead_id: UUID
    client_id: UUID
    submitter: str | None = None
    ended_at: AwareDatetime
    lag_s: float
    allowed_s: float


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


class MergeProposed(Event, owner="intake", about="proposal/{proposal_id}"):
    """Somebody says that clients with weight are one; a second person must confirm it before they merge (MATCHING §11)."""

    proposal_id: UUID
    clients: list[UUID]
    reasons: list[str]
    by: str
    note: str = ""


class ProposalSettled(Event, owner="intake", about="proposal/{proposal_id}"):
    """A second person confirmed or declined that clients with weight are one."""

    proposal_id: UUID
    verdict: Literal["confirm", "decline"]
    by: str
    note: str = ""


class JoinAudited(Event, owner="intake", about="audit/{lead_id}"):
    """A person looked at a lead that was joined to its card by itself, and says whether that was right (MATCHING §11)."""

    lead_id: UUID
    client_id: UUID
    rule: str
    verdict: Literal["right", "wrong"]
    by: str
    note: str = ""


class ReceiptReleased(Event, owner="intake", about="receipt/{receipt_id}"):
    """A web form that had been set aside came of a person after all, and is being taken in (R0-10)."""

    receipt_id: UUID
    by: str


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
    awaits: int | None = None
    """The attempt that the receiver is to accept or decline; empty: he is not asked, the client is his already."""


class LeadHandedOn(Event, owner="routing", about="client/{client_id}", heard_by=("process",)):
    """A lead goes to somebody else: its receiver declined it or was silent, or it waited and can be taken now (R1-24, G8).

    `attempt` counts the receivers of a lead. Told are the one it was with and `told`; a sale goes with its lead, unless
    somebody has touched it (`HandOnAnswered`). `awaits` as in `LeadAssigned`.
    """

    lead_id: UUID
    client_id: UUID
    attempt: int
    from_manager: str
    manager: str
    queue: str | None = None
    office_id: str
    rule: str
    because: Literal["declined", "silent", "given", "taken"]
    reason: str = ""
    told: list[str] = []
    alarm: str | None = None
    awaits: int | None = None


class AssignmentAnswered(Event, owner="routing", about="assignment/{lead_id}", heard_by=("reminders",)):
    """Nobody waits for an answer to this attempt any more: the receiver has accepted or declined it, or was silent.

    `withdrawn`: the lead was taken back, or joined a sale that was open; `given`: it waited in a queue and has a receiver.
    """

    lead_id: UUID
    client_id: UUID
    attempt: int
    receiver: str
    answer: Literal["accepted", "declined", "silent", "withdrawn", "given"]
    by: str | None = None
    reason: str = ""


class AnswerRefused(Event, owner="routing", about="answer/{answer_id}"):
    """Somebody accepted or declined a lead that he could not answer for, or not any more; nothing was changed."""

    answer_id: UUID
    lead_id: UUID | None = None
    faults: list[Fault]


class PresenceSaid(Event, owner="routing", about="presence/{staff_id}"):
    """Somebody is available, busy or absent from `at` on, until `until` if it is given (R1-24).

    `is_newest`: false for a word that came late, after a newer one of its kind, which holds.
    """

    staff_id: str
    word: Literal["absent", "back", "busy", "free", "leave"]
    at: AwareDatetime
    until: AwareDatetime | None = None
    reason: str = ""
    by: str | None = None
    is_newest: bool = True


class PresenceRefused(Event, owner="routing", about="presence/{staff_id}"):
    """What was said of somebody's presence cannot be, and nothing was changed."""

    staff_id: str
    faults: list[Fault]


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


class DirectoryChanged(Event, owner="routing", about="company/directory"):
    """A command has changed the directory: how many entries came, how many were retired, what somebody should look at."""

    what: Literal["roster", "absence", "staff"]
    office_id: str | None = None
    staff_id: str | None = None
    come: int = 0
    gone: int = 0
    by: str | None = None
    warnings: list[str] = []


class DirectoryRefused(Event, owner="routing", about="company/directory"):
    """A command would have contradicted the directory, and nothing of it was done."""

    faults: list[Fault]


MoveKind = Literal["transfer", "dismissal", "handover", "offer"]


class MoveBegun(Event, owner="routing", about="move/{move_id}"):
    """Work begins to move, or is planned to (`starts_at`): a client's, a person's, an office's (R2-23).

    It can be undone until `undo_until`. `warnings` say what somebody should look at.
    """

    move_id: UUID
    kind: MoveKind
    client_id: UUID | None = None
    staff_id: str | None = None
    office_id: str | None = None
    to_staff: str | None = None
    to_office: str | None = None
    by: str | None = None
    reason: str
    starts_at: AwareDatetime
    undo_until: AwareDatetime
    warnings: list[str] = []


class MoveRefused(Event, owner="routing", about="move/{move_id}"):
    """Work was not moved, or not moved back, and nothing of it was done; the faults say why."""

    move_id: UUID
    faults: list[Fault]


class ClientMoved(Event, owner="routing", about="client/{client_id}", heard_by=("process",)):
    """A client has another owner: his open sale and its next task go along, if one of `from_managers` has it (R1-42, R2-23).

    No `from_managers`: whoever has it. `rule` decided; `queue` is set when nobody could take him and `to_manager` only
    answers for it (G8). `told` are those to be told besides him.
    """

    move_id: UUID
    client_id: UUID
    kind: MoveKind
    from_managers: list[str] = []
    to_manager: str
    office_id: str
    queue: str | None = None
    rule: str
    by: str | None = None
    reason: str = ""
    told: list[str] = []


class MoveFinished(Event, owner="routing", about="move/{move_id}"):
    """All has moved: how many clients each received, and how many of them wait in a queue that somebody answers for."""

    move_id: UUID
    received: dict[str, int]
    queued: int = 0


class MoveRecalled(Event, owner="routing", about="client/{client_id}", heard_by=("process",)):
    """A client's move of `moved_at` is to be undone, if nobody has touched him since."""

    move_id: UUID
    client_id: UUID
    moved_at: AwareDatetime


class MoveUndone(Event, owner="routing", about="move/{move_id}"):
    """A move was taken back: how many clients are what they were, and how many were left because of what happened since."""

    move_id: UUID
    back: int
    left: int


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
    awaits: int | None = None
    """The attempt of `lead_id` that its manager is still to accept or decline (`LeadAssigned`); empty: nothing is asked."""


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


class AnswerDue(Event, owner="reminders", about="assignment/{lead_id}", heard_by=("routing",)):
    """Somebody has not said whether he takes a lead: half of his time is over (warning), or all of it (expired) (SLA)."""

    lead_id: UUID
    client_id: UUID
    attempt: int
    step: Literal["warning", "expired"]
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
