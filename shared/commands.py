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


Occasion = Literal["request", "download", "registration"]
"""What somebody did on a web site: he asked for information, took materials away, or only registered (R1-31)."""


# ── intake ──────────────────────────────────────────────────────────────────────────────────────────────────────────


class SubmitLead(Command, owner="intake"):
    """Take one lead in. Idempotent by (`source_system`, `external_id`) (R1-07, R0-10).

    A registration on a web site alone is no lead: it is kept, and joined to the lead that comes later (R1-31).
    So is an agent's contact with a `call` in which no meeting was agreed (R1-26, R1-27).
    """

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
    occasion: Occasion | None = None


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
    Clients with weight merge when a second person has confirmed it; `weight` adds reasons that other rooms know.
    """

    reviews: Annotated[list[UUID], Field(min_length=1, max_length=MAX_ROWS)]
    verdict: Literal["same", "different", "sister", "skip"]
    by: StaffId
    note: Cell = ""
    survivor_id: UUID | None = None
    weight: Annotated[list[Cell], Field(max_length=10)] = []


class MergeClients(Command, owner="intake"):
    """Make two clients one, by a person's word; undone by `SplitClients` at any time (MATCHING §12).

    Clients with weight merge when a second person has confirmed it; `weight` adds reasons that other rooms know.
    """

    client_id: UUID
    other_id: UUID
    by: StaffId
    note: Cell = ""
    survivor_id: UUID | None = None
    weight: Annotated[list[Cell], Field(max_length=10)] = []


class SettleProposal(Command, owner="intake"):
    """Confirm, as the second person, that clients with weight are one, or decline it (MATCHING §11, four eyes)."""

    proposal_id: UUID
    verdict: Literal["confirm", "decline"]
    by: StaffId
    note: Cell = ""


class SplitClients(Command, owner="intake"):
    """Undo a merge, or with `import_id` all merges that a list led to; the clients are remembered as different (MATCHING §12)."""

    merge_id: UUID | None = None
    import_id: UUID | None = None
    by: StaffId
    note: Cell = ""


class JudgeAudit(Command, owner="intake"):
    """Say of leads that were joined to a card by themselves whether that was right (MATCHING §11)."""

    leads: Annotated[list[UUID], Field(min_length=1, max_length=MAX_ROWS)]
    verdict: Literal["right", "wrong"]
    by: StaffId
    note: Cell = ""


class ReleaseReceipt(Command, owner="intake"):
    """A web form that was set aside, because a field was filled in that only machines see, came of a person (R0-10)."""

    receipt_id: UUID
    by: StaffId


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
    given notice, he takes no new leads. `languages` are ISO 639 codes. `duty_hours` is the most that a roster which is
    made puts him on duty in a week.
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
    duty_hours: Annotated[float, Field(gt=0, le=168)] | None = None


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


class CoverEntry(_Part):
    """How many must be on duty in an office, and when: `days` like `Mon-Fri` and `hours` like `09:00-13:30`, its own clock.

    It is also the shift that a roster which is made gives to somebody. From the day `since` up to and with `until`.
    """

    office: StaffId
    days: Name
    hours: Name
    people: Annotated[int, Field(ge=1, le=100)] = 1
    since: date | None = None
    until: date | None = None


class WishEntry(_Part):
    """When somebody would rather be `off`, or rather be `on` duty than at other times: kept if it costs nobody his share.

    By the clock of his office, on these weekdays; without `hours` the whole day.
    """

    staff: StaffId
    days: Name
    hours: Name | None = None
    wish: Literal["off", "on"] = "off"
    since: date | None = None
    until: date | None = None


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
    cover: list[CoverEntry] = []
    wishes: list[WishEntry] = []


class EnterRoster(Command, owner="routing"):
    """Make these the shifts of an office that begin from `since` up to `until`, but for those of the company file (R1-08).

    A company file that is applied later leaves them as they are. Entering them twice changes nothing.
    """

    office: StaffId
    since: AwareDatetime
    until: AwareDatetime
    shifts: Annotated[list[DutyEntry], Field(max_length=20_000)]
    by: StaffId | None = None


class EnterAbsence(Command, owner="routing"):
    """Somebody will be absent, or is: no new leads, and none owed (R1-24). A company file applied later leaves it as it is."""

    staff: StaffId
    starts_at: AwareDatetime
    ends_at: AwareDatetime
    reason: Name = "vacation"
    by: StaffId | None = None


class WithdrawAbsence(Command, owner="routing"):
    """Somebody is not absent after all from `starts_at` to `ends_at`: what was entered by command is cut to what is left.

    An absence of the company file stays: it is mended in the file.
    """

    staff: StaffId
    starts_at: AwareDatetime
    ends_at: AwareDatetime
    by: StaffId | None = None


class ChangeStaff(Command, owner="routing"):
    """Change a member of staff as the company file would; what is not named stays (§3, G6).

    `lift` names caps and dates that no longer hold. A company file that is applied later says what it says.
    """

    staff: StaffId
    weight: Annotated[float, Field(gt=0, le=100)] | None = None
    languages: list[Annotated[str, Field(pattern=r"^[a-z]{2,3}$")]] | None = None
    per_day: Annotated[int, Field(ge=1)] | None = None
    open_leads: Annotated[int, Field(ge=1)] | None = None
    notice_at: AwareDatetime | None = None
    duty_hours: Annotated[float, Field(gt=0, le=168)] | None = None
    lift: list[Literal["per_day", "open_leads", "notice_at", "duty_hours"]] = []
    by: StaffId | None = None


class AcceptLead(Command, owner="routing"):
    """The receiver takes a lead, or with `import_id` all leads of a list that he has received; a touch says the same.

    A lead that waits in a queue may be taken by anybody of its office, and by whoever answers for it: the first has it.
    """

    lead_id: UUID | None = None
    import_id: UUID | None = None
    by: StaffId


class DeclineLead(Command, owner="routing"):
    """The receiver does not take a lead, and says why: it goes to the next one by the same rules, never back to him."""

    lead_id: UUID
    by: StaffId
    reason: Annotated[str, Field(min_length=1, max_length=500)]


class SetPresence(Command, owner="routing"):
    """Somebody is absent or back, busy or free, or goes off shift; said by a person or by a telephone system (R1-24).

    `at` is when it became so (now, if left out): a word that comes late never takes the place of a newer one. `busy` ends
    by itself at `until`, or after an hour, so that a lost `free` blocks nobody; `off_shift` ends when the office opens again.
    """

    staff: StaffId
    state: Literal["absent", "back", "busy", "free", "off_shift"]
    at: AwareDatetime | None = None
    until: AwareDatetime | None = None
    reason: Annotated[str, Field(max_length=200)] = ""
    by: StaffId | None = None


class TransferClient(Command, owner="routing"):
    """Give a client, with his open sale and its next task, to another: to `to`, or to whom the rules of §3 name (R1-42).

    The head of whoever has him now, the head of sales or a director may; anybody else needs the `consent` of one of
    them. Without `by` it is the operator's word.
    """

    client_id: UUID
    to: StaffId | None = None
    reason: Annotated[str, Field(min_length=1, max_length=500)]
    by: StaffId | None = None
    consent: StaffId | None = None
    undo_days: Annotated[int, Field(ge=0, le=366)] = 14


class DismissStaff(Command, owner="routing"):
    """End somebody's work: access at once, and a new owner for every client, sale and task of his (R2-23).

    `to` gets them all, else each goes to whom the rules of §3 name. `starts_at` in the future plans it. It can be undone
    for `undo_days` (`UndoMove`); a company file that still names him does not bring him back.
    """

    staff: StaffId
    to: StaffId | None = None
    starts_at: AwareDatetime | None = None
    reason: Annotated[str, Field(min_length=1, max_length=500)] = "dismissal"
    by: StaffId | None = None
    undo_days: Annotated[int, Field(ge=0, le=366)] = 14


class HandoverOffice(Command, owner="routing"):
    """Hand the base of an office over to another: every client of its people goes to the people of `to_office` (§7, R2-10).

    Which regions an office serves is for the company file to say.
    """

    office: StaffId
    to_office: StaffId
    reason: Annotated[str, Field(min_length=1, max_length=500)] = "hand-over"
    by: StaffId | None = None
    undo_days: Annotated[int, Field(ge=0, le=366)] = 14


class UndoMove(Command, owner="routing"):
    """Take a transfer, a dismissal or a hand-over back: each client is again what he was, unless touched since (R2-23).

    What was touched is left, with the reason. After the set time a dismissed person may still come back, `alone`: his
    clients stay where they are.
    """

    move_id: UUID
    by: StaffId | None = None
    alone: bool = False


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
