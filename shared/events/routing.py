"""What routing says: who gets it?"""

from __future__ import annotations

from datetime import date
from typing import Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict

from shared.events.fault import Fault
from shared.events.meeting import AgreedMeeting, MeetingClash
from shared.message import Event
from shared.words import Function, Source


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
    meeting: AgreedMeeting | None = None


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


class AssignmentReopened(Event, owner="routing", about="assignment/{lead_id}", heard_by=("reminders",)):
    """A receiver is asked again whether he takes a lead: it had moved to somebody else, and has come back (R2-23, SLA)."""

    lead_id: UUID
    client_id: UUID
    attempt: int
    receiver: str
    office_id: str
    source: Source


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


class DutyGap(BaseModel):
    """A time with fewer on duty than needed; `away` have a shift then and are absent."""

    model_config = ConfigDict(frozen=True)

    starts_at: AwareDatetime
    ends_at: AwareDatetime
    needed: int
    there: int
    away: list[str] = []


class DutyGapsFound(Event, owner="routing", about="roster/{office_id}"):
    """Somebody will be missing on duty within a week: told once to `tells`, who draws the roster up, before it happens (R1-08).

    `in_words` and `in_words_ru` say the same for people, by the clock of the office.
    """

    office_id: str
    tells: str
    gaps: list[DutyGap]
    in_words: list[str] = []
    in_words_ru: list[str] = []


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
    answers for it (G8). `told` are those to be told besides him. `clashes` are meetings with the client that he is not free
    for.
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
    clashes: list[MeetingClash] = []


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


class FeedOpened(Event, owner="routing", about="feed/{feed_id}"):
    """A calendar can be subscribed to, somebody's or an office's; whoever has its address reads it."""

    feed_id: UUID
    staff_id: str | None = None
    office_id: str | None = None
    lang: Literal["ru", "en"]
    label: str = ""
    by: str | None = None


class FeedRevoked(Event, owner="routing", about="feed/{feed_id}"):
    """A calendar can be subscribed to no more."""

    feed_id: UUID
    by: str | None = None


class FeedRefused(Event, owner="routing", about="feed/{feed_id}"):
    """A calendar was not opened, or not revoked; the faults say why."""

    feed_id: UUID
    faults: list[Fault]
