"""Whether somebody is available, busy or absent, from what was said of him: each word holds until it is taken back (R1-24)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Literal, NamedTuple, get_args

from services.routing.rules.field import BUSY, LEFT, Away, Field, Person
from shared.commands import SetPresence
from shared.events import Fault
from shared.words import Function
from shared.working_time import OfficeCalendar

Change = Literal["absent", "back", "busy", "free", "leave"]
CHANGES: tuple[str, ...] = get_args(Change)

ABSENT = "absence"
"""The reason of an absence that was only said, without a reason."""
OFF_SHIFT = "off shift"
"""The reason of an absence until the office opens again."""

BUSY_FOR = timedelta(hours=1)
"""A call that nobody says the end of is over by then: a lost `free` must not block anybody for ever."""
BUSY_AT_MOST = timedelta(hours=12)
AHEAD = timedelta(minutes=5)
"""How far the clock of whoever says it may be ahead of ours; what is further off is a plan, and belongs in the calendar."""


class Presence:
    """What was said last of each: absent or back, busy or free, has left. An absence and a call are two things.

    `back` also ends what the calendar (the company file) has him absent for at that moment, and brings back who left.
    `leave` with an end is an absence.
    """

    __slots__ = ("_absent", "_back", "_busy", "_left")

    def __init__(self) -> None:
        self._absent: dict[str, tuple[datetime | None, str]] = {}
        self._busy: dict[str, datetime | None] = {}
        self._back: dict[str, datetime] = {}
        self._left: set[str] = set()

    def say(
        self, change: Change, staff: str, at: datetime, until: datetime | None = None, reason: str = ABSENT
    ) -> None:
        """`staff` is what `change` says from `at` on, until `until` if it is given."""
        if change == "busy":
            self._busy[staff] = until
        elif change == "free":
            self._busy.pop(staff, None)
        elif change == "back":
            self._absent.pop(staff, None)
            self._left.discard(staff)
            self._back[staff] = at
        elif change == "leave" and until is None:
            self._left.add(staff)
        else:
            self._absent[staff] = until, reason or ABSENT

    def away(self, staff: str, at: datetime, absences: Iterable[tuple[datetime, datetime, str]]) -> Away | None:
        """How `staff` is away at `at`; `absences` are the calendar's: from, to, reason. None: he is available."""
        if staff in self._left:
            return Away(LEFT, "")
        back = self._back.get(staff)
        found = [(end, why) for start, end, why in absences if start <= at < end and (back is None or start > back)]
        if staff in self._absent and _holds(self._absent[staff][0], at):
            until, reason = self._absent[staff]
            if until is None:
                return Away(reason, "")
            found.append((until, reason))
        really = [(end, why) for end, why in found if why != BUSY]
        if really or found:
            end, why = max(really or found)
            return Away(why, end.astimezone(UTC).isoformat())
        if staff in self._busy and _holds(self._busy[staff], at):
            until = self._busy[staff]
            return Away(BUSY, until.astimezone(UTC).isoformat() if until else "")
        return None


def _holds(until: datetime | None, at: datetime) -> bool:
    return until is None or at < until


class Word(NamedTuple):
    """One thing said of somebody: it holds from `at` on. `by` is a member of staff, or the system that told it."""

    staff: str
    change: Change
    at: datetime
    until: datetime | None = None
    reason: str = ABSENT
    by: str | None = None


def presence_of(words: Iterable[Word]) -> Presence:
    """The presence that words make, in whatever order they came: what holds from a later moment counts."""
    presence = Presence()
    for word in sorted(words, key=lambda word: word.at):
        presence.say(word.change, word.staff, word.at, word.until, word.reason)
    return presence


def word_of(wish: SetPresence, now: datetime, calendar: OfficeCalendar) -> Word:
    """What is kept of a wish that has no faults, with its end: nobody is busy or off shift for ever."""
    at = min(wish.at or now, now)
    if wish.state == "busy":
        return Word(wish.staff, "busy", at, wish.until or at + BUSY_FOR, BUSY, wish.by)
    if wish.state == "off_shift":
        closes = calendar.closes_at(now.astimezone(calendar.zone).date())
        opens = calendar.next_working_moment(max(closes or now, now) + timedelta(microseconds=1))
        return Word(wish.staff, "absent", at, wish.until or opens, wish.reason or OFF_SHIFT, wish.by)
    return Word(wish.staff, wish.state, at, wish.until, wish.reason or ABSENT, wish.by)


def faults_of_presence(wish: SetPresence, people: Mapping[str, Person], now: datetime) -> list[Fault]:
    """What stands against a wish; empty if it can be kept. A word of the past is no fault: it only holds if it is the newest."""
    faults = []
    person = people.get(wish.staff)
    if person is None or not person.active:
        problem = f"Nobody has the id `{wish.staff}`." if person is None else f"`{wish.staff}` works here no more."
        faults.append(Fault(field="staff", problem=problem, remedy="Give the id of a member of staff."))
    if wish.at is not None and wish.at > now + AHEAD:
        faults.append(
            Fault(
                field="at",
                problem="It lies in the future, and a word holds from now on.",
                remedy="Set the clock of whoever sends it right; a planned absence belongs in the calendar.",
            )
        )
    begins = min(wish.at or now, now)
    if wish.until is not None and wish.until <= begins:
        faults.append(Fault(field="until", problem="It ends before it begins.", remedy="Give a later moment, or none."))
    if wish.state in ("back", "free") and wish.until is not None:
        faults.append(
            Fault(
                field="until",
                problem=f"Nobody is {wish.state} until a moment.",
                remedy="Leave it out, or say `absent`.",
            )
        )
    if wish.state == "busy" and wish.until is not None and wish.until > begins + BUSY_AT_MOST:
        faults.append(
            Fault(
                field="until",
                problem=f"Nobody is busy for more than {BUSY_AT_MOST.total_seconds() / 3600:.0f} hours.",
                remedy="Say `absent`, or give an earlier end.",
            )
        )
    return faults


State = Literal["available", "busy", "absent", "off_shift", "left"]


def state_of(person: Person, field: Field) -> State:
    """How somebody is, in the words people use: a manager of an office that draws up a roster, not on duty, is off shift."""
    if not person.active or (person.away is not None and person.away.reason == LEFT):
        return "left"
    if person.away is not None:
        return "busy" if person.away.reason == BUSY else "off_shift" if person.away.reason == OFF_SHIFT else "absent"
    office = field.offices.get(person.office)
    rests = office is not None and office.rostered and person.id not in office.on_duty
    if rests and person.function is Function.SALES:
        return "off_shift"
    return "available"
