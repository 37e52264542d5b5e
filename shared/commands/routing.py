"""What routing can be asked to do: the directory, answers to leads, presence, and moving work."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AwareDatetime, Field

from shared.commands.parts import Name, Part, StaffId
from shared.message import Command


class OfficeEntry(Part):
    """An office of the company file: `hours` like `Mon-Fri 09:00-18:00`, `calendar` a country code of public holidays."""

    id: StaffId
    name: Name
    regions: list[Annotated[str, Field(pattern=r"^[A-Z]{2}(-[A-Z0-9]{1,3})?$")]] = []
    time_zone: Name
    hours: Name = "Mon-Fri 09:00-18:00"
    calendar: Name = "RU"
    days_off: list[date] = []
    working_days: list[date] = []


class StaffEntry(Part):
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


class DutyEntry(Part):
    """A shift of the duty roster, in the office's wall-clock time turned into UTC (R1-08)."""

    office: StaffId
    staff: StaffId
    starts_at: AwareDatetime
    ends_at: AwareDatetime


class AbsenceEntry(Part):
    """A time when a member of staff takes no new leads (R1-24)."""

    staff: StaffId
    starts_at: AwareDatetime
    ends_at: AwareDatetime
    reason: Name = "vacation"


class CoverEntry(Part):
    """How many must be on duty in an office, and when: `days` like `Mon-Fri` and `hours` like `09:00-13:30`, its own clock.

    It is also the shift that a roster which is made gives to somebody. From the day `since` up to and with `until`.
    """

    office: StaffId
    days: Name
    hours: Name
    people: Annotated[int, Field(ge=1, le=100)] = 1
    since: date | None = None
    until: date | None = None


class WishEntry(Part):
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


class OpenFeed(Command, owner="routing"):
    """Let a calendar be subscribed to: of somebody (his shifts and meetings), or of an office (its duty roster) (R1-44).

    Name one of `staff` and `office`. The secret in its address is made by whoever asks and travels nowhere:
    `token_hash` is its SHA-256, in hexadecimal.
    """

    token_hash: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    staff: StaffId | None = None
    office: StaffId | None = None
    lang: Literal["ru", "en"] = "ru"
    label: Annotated[str, Field(max_length=100)] = ""
    by: StaffId | None = None


class RevokeFeed(Command, owner="routing"):
    """Let a calendar be subscribed to no more: its address answers nobody from now on."""

    feed_id: UUID
    by: StaffId | None = None
