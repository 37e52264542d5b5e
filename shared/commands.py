"""Every wish that can be sent on the bus, by the room that fulfils it."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from shared.message import EACH, Command
from shared.words import Direction, Source, Stage, TaskKind, TouchKind, TouchResult

Cell = Annotated[str, Field(max_length=2000)]
Name = Annotated[str, Field(min_length=1, max_length=200)]
StaffId = Annotated[str, Field(min_length=1, max_length=64)]
MAX_ROWS = 500


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", str_strip_whitespace=True)


class LeadFields(_Part):
    """What is known of a lead, as it came: every cell is raw text."""

    company: Cell = ""
    contact: Cell = ""
    phone: Cell = ""
    fax: Cell = ""
    email: Cell = ""
    website: Cell = ""
    city: Cell = ""
    region: Cell = ""
    postal_code: Cell = ""
    address: Cell = ""
    tax_id: Cell = ""
    position: Cell = ""
    activity: Cell = ""
    interest: Cell = ""
    comment: Cell = ""
    callback: Cell = ""
    """Whether and when he wishes to be called, as the questionnaire has it: «да», «после 15:00»."""
    term: Cell = ""
    """When he wants it, or wants to be asked again: «через 2 месяца», «около 10 мая» (R4-12)."""
    filled_on: Cell = ""
    """The day the questionnaire was filled in, from which `term` counts; blank: the day it was received."""


ScriptQuestion = Literal[
    "interest",
    "worked_with",
    "fax",
    "email",
    "phone",
    "contact",
    "company",
    "activity",
    "learned_from",
    "meeting",
]
"""What the call script asks, in its order (R1-13 … R1-21)."""


class CallForm(_Part):
    """What a call adds to the cells of a lead: the rest of the script, what was refused, and when it ended (R1-13 … R1-22).

    An answer is a value, `refused`, or, if it is neither, `not_asked`; `refused` is an answer, not a blank.
    """

    worked_with: Cell = ""
    """With whom of us he worked before (R1-16): an id of the directory or a name."""
    learned_from: Cell = ""
    meeting: Literal["ours", "theirs", "declined"] | None = None
    refused: list[ScriptQuestion] = []
    ended_at: AwareDatetime | None = None


class Referral(_Part):
    """Who recommended us to the contact of a lead, and which of us obtained it (R0-09)."""

    client_id: UUID | None = None
    by: Cell = ""
    """Who recommended us, in words, if he is no client or his id is not at hand."""
    obtained_by: StaffId


# ── intake ──────────────────────────────────────────────────────────────────────────────────────────────────────────


class SubmitLead(Command, owner="intake"):
    """Take one lead in. Idempotent by (`source_system`, `external_id`) (R1-07, R0-10)."""

    source_system: Name
    external_id: Name
    source: Source
    campaign: Name | None = None
    submitter: StaffId | None = None
    named_manager: StaffId | None = None
    received_at: AwareDatetime | None = None
    default_country: Annotated[str, Field(pattern=r"^[A-Z]{2}$")] = "RU"
    fields: LeadFields
    call: CallForm | None = None
    referral: Referral | None = None


class Row(_Part):
    """One row of an imported file: where it stood, and its cells."""

    sheet: str = ""
    number: Annotated[int, Field(ge=1)]
    curator: str | None = None
    fields: LeadFields


class SubmitRows(Command, owner="intake", bulk=True):
    """Take a chunk of an imported list in: one transaction for at most 500 rows (R1-07, R1-37).

    `purpose="clients"` fills the client base: cards and their curators, no leads.
    A row is known again by (`import_id`, its sheet, its number), so a chunk may be sent any number of times.
    """

    import_id: UUID
    file_name: Name
    purpose: Literal["leads", "clients"] = "leads"
    source: Source = Source.EVENT
    campaign: Name
    submitter: StaffId | None = None
    received_at: AwareDatetime | None = None
    default_country: Annotated[str, Field(pattern=r"^[A-Z]{2}$")] = "RU"
    rows: Annotated[list[Row], Field(min_length=1, max_length=MAX_ROWS)]


class UndoImport(Command, owner="intake"):
    """Take back what an import brought and nobody has touched since: cards, sales, tasks, deadlines, ledger shares.

    What was touched is left, with the reason. Undoing twice takes nothing back twice; it asks again for what was left.
    """

    import_id: UUID
    by: StaffId | None = None


class JudgeReview(Command, owner="intake"):
    """Say once what possible matches are, one or many alike: the word holds for everybody and overrides the rules (MATCHING §11).

    `same` merges, into `survivor_id` if it is named, else into the client the rules prefer; `sister` is another company
    of one house; `skip` puts the question at the end of the queue.
    """

    reviews: Annotated[list[UUID], Field(min_length=1, max_length=MAX_ROWS)]
    verdict: Literal["same", "different", "sister", "skip"]
    by: StaffId
    note: Cell = ""
    survivor_id: UUID | None = None


class MergeClients(Command, owner="intake"):
    """Make two clients one, by a person's word; undone by `SplitClients` at any time (MATCHING §12)."""

    client_id: UUID
    other_id: UUID
    by: StaffId
    note: Cell = ""
    survivor_id: UUID | None = None


class SplitClients(Command, owner="intake"):
    """Undo a merge, or with `import_id` all merges that a list led to; the clients are remembered as different (MATCHING §12)."""

    merge_id: UUID | None = None
    import_id: UUID | None = None
    by: StaffId
    note: Cell = ""


# ── routing ─────────────────────────────────────────────────────────────────────────────────────────────────────────


class OfficeEntry(_Part):
    """An office of the company file: `hours` like `Mon-Fri 09:00-18:00`, `calendar` a country code of public holidays."""

    id: StaffId
    name: Name
    regions: list[Annotated[str, Field(pattern=r"^[A-Z]{2}(-[A-Z0-9]{1,3})?$")]] = []
    time_zone: Name
    hours: Name = "Mon-Fri 09:00-18:00"
    calendar: Name = "RU"
    days_off: list[date] = []
    working_days: list[date] = []


class StaffEntry(_Part):
    """A member of staff of the company file; `weight` is the share of leads relative to colleagues (G6).

    `per_day` and `open_leads` are caps on the leads he receives in a day and holds open. From `notice_at` on, having
    given notice, he takes no new leads. `languages` are ISO 639 codes.
    """

    id: StaffId
    name: Name
    office: StaffId
    function: Literal["sales", "agent", "account", "head", "head_of_sales", "director"]
    weight: Annotated[float, Field(gt=0, le=100)] = 1.0
    languages: list[Annotated[str, Field(pattern=r"^[a-z]{2,3}$")]] = []
    per_day: Annotated[int, Field(ge=1)] | None = None
    open_leads: Annotated[int, Field(ge=1)] | None = None
    notice_at: AwareDatetime | None = None


class DutyEntry(_Part):
    """A shift of the duty roster, in the office's wall-clock time turned into UTC (R1-08)."""

    office: StaffId
    staff: StaffId
    starts_at: AwareDatetime
    ends_at: AwareDatetime


class AbsenceEntry(_Part):
    """A time when a member of staff takes no new leads (R1-24)."""

    staff: StaffId
    starts_at: AwareDatetime
    ends_at: AwareDatetime
    reason: Name = "vacation"


class ApplyCompany(Command, owner="routing"):
    """Make the directory what the company file says; applying it twice changes nothing.

    What the file no longer names is retired, never deleted: its history stays.
    """

    name: Name
    home_region: Annotated[str, Field(pattern=r"^[A-Z]{2}(-[A-Z0-9]{1,3})?$")]
    time_zone: Name
    offices: list[OfficeEntry]
    staff: list[StaffEntry]
    duty: list[DutyEntry] = []
    absences: list[AbsenceEntry] = []


# ── process ─────────────────────────────────────────────────────────────────────────────────────────────────────────


class NextAction(_Part):
    """What will be done next, and when (R4-11)."""

    kind: TaskKind
    due_at: AwareDatetime
    note: Cell = ""


class Ending(_Part):
    """How a process ends: lost with a reason. Winning is the move `won`, with its contract."""

    reason: Annotated[str, Field(min_length=1, max_length=500)]


class Deferral(_Part):
    """The client named a later date; the next task is set at 2/3 of the way to it (R4-12)."""

    named_date: date


class MeetingFacts(_Part):
    """What `meeting_set` needs to know."""

    at: AwareDatetime
    place: Annotated[str, Field(min_length=1, max_length=500)]
    holder: StaffId


class ContractFacts(_Part):
    """What `won` needs to know; `amount` is in minor units of `currency`."""

    number: Annotated[str, Field(min_length=1, max_length=100)]
    signed_on: date
    amount: Annotated[int, Field(gt=0)]
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")] = "RUB"


class RecordTouch(Command, owner="process"):
    """Record one contact with a client, and with it the next action, a deferral, or the end (R0-13, R4-10, R4-11).

    Name the process by `process_id`, or by `client_id` (his one open process).
    `move_to` asks for a stage as well; what its guard needs comes in `meeting` or `contract`.
    """

    process_id: UUID | None = None
    client_id: UUID | None = None
    by: StaffId
    kind: TouchKind
    direction: Direction = Direction.OUTBOUND
    touched_at: AwareDatetime | None = None
    result: TouchResult | None = None
    comment: Cell = ""
    resources: Cell = ""
    next: NextAction | None = None
    end: Ending | None = None
    deferral: Deferral | None = None
    move_to: Stage | None = None
    meeting: MeetingFacts | None = None
    contract: ContractFacts | None = None


# ── every room ──────────────────────────────────────────────────────────────────────────────────────────────────────


class SettleLetter(Command, owner=EACH):
    """Settle a dead letter: handle it again (all of them if `letter` is empty), or close it with a reason."""

    letter: int | None = None
    action: Literal["again", "close"]
    why: Annotated[str, Field(max_length=500)] = ""


class RebuildCopies(Command, owner=EACH):
    """Drop what the room keeps only by hearing, and hear it again from who said it; told by `CopiesRebuilt`."""
