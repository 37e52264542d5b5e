"""The duty roster as iCalendar (RFC 5545): published for any calendar program, and read from one, recurrences and zones too."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import recurring_ical_events
from icalendar import Calendar

from estafeta.trouble import Trouble
from shared.agenda import STAFF, Entry, uid_of_shift, written
from shared.commands import DutyEntry
from shared.working_time import OfficeCalendar

LARGEST = 10 << 20
MOST = 20_000
"""Shifts of one import."""
_OFTEN = {"SECONDLY", "MINUTELY", "HOURLY", "BYSECOND", "BYMINUTE", "BYHOUR"}

Answer = Mapping[str, Any]


@dataclass(slots=True)
class Reading:
    """What an iCalendar file says: the shifts, in order, and in words what could not be taken for one."""

    shifts: list[DutyEntry] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)


# ── publishing ──────────────────────────────────────────────────────────────────────────────────────────────────────


def published(office: Answer, shifts: Sequence[Answer], now: datetime) -> bytes:
    """The shifts of an office as a calendar; the same shift keeps its UID, here and in what people subscribe to."""
    entries = []
    for shift in shifts:
        start, end = (datetime.fromisoformat(shift[name]) for name in ("starts_at", "ends_at"))
        entries.append(
            Entry(
                uid_of_shift(office["id"], shift["staff"], start, end),
                start,
                end,
                f"Дежурство: {shift['name']}",
                now,
                location=office["name"],
                staff=shift["staff"],
            )
        )
    return written(f"Дежурства · {office['name']}", office["time_zone"], entries, method="PUBLISH")


# ── reading ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def read_calendar(file: Path, office: Answer, staff: Sequence[Answer], since: datetime, until: datetime) -> Reading:
    """The shifts of `office` in an iCalendar file that begin from `since` up to `until`.

    Who it is: X-ESTAFETA-STAFF, else the attendees (by the address before the @, or by name), else an id, a full name or
    a surname that only one bears in the summary. A time without a zone is by the office's clock; a whole day means the
    office's hours. What is cancelled is left out, what is not understood is named. Raises Trouble for a file that is none.
    """
    people = _People(staff)
    zone = ZoneInfo(office["time_zone"])
    calendar = OfficeCalendar.of(zone.key, office["hours"], office["calendar"])
    reading, found = Reading(), set[tuple[str, datetime, datetime]]()
    for event in _events(file, since, until):
        said = f"{_text(event, 'SUMMARY') or 'without a summary'} ({_text(event, 'DTSTART', 'dt')})"
        if str(event.get("STATUS", "")).upper() == "CANCELLED":
            continue
        span = _span(event, zone, calendar)
        if span is None:
            reading.left_out.append(f"{said}: the office is closed that day")
            continue
        start, end = span
        if start >= end:
            reading.left_out.append(f"{said}: it ends before it begins")
        elif since <= start < until:
            who = people.of(event)
            if not who:
                reading.left_out.append(f"{said}: it names nobody who works here")
            found.update((one, start, end) for one in who)
    reading.shifts = [
        DutyEntry(office=office["id"], staff=who, starts_at=start, ends_at=end)
        for who, start, end in sorted(found, key=lambda shift: (shift[1], shift[0], shift[2]))
    ]
    _tell_overlaps(reading)
    return reading


def _events(file: Path, since: datetime, until: datetime) -> Iterator[Any]:
    try:
        raw = file.read_bytes()
    except OSError as error:
        raise Trouble(f"{file} cannot be opened ({error.strerror}).", "Check its name and rights.") from None
    if len(raw) > LARGEST:
        raise Trouble(
            f"{file} has {len(raw):,} bytes.", f"A calendar may have up to {LARGEST:,}: export a shorter time."
        )
    remedy = "Export it again as iCalendar (.ics)."
    try:
        calendars = Calendar.from_ical(raw, multiple=True)
    except (ValueError, UnicodeDecodeError, IndexError, KeyError) as error:
        raise Trouble(f"{file} is no iCalendar file: {error}.", remedy) from None
    if not any(calendar.name == "VCALENDAR" for calendar in calendars):
        raise Trouble(f"{file} is no iCalendar file: there is no VCALENDAR in it.", remedy)
    for event in (event for calendar in calendars for event in calendar.walk("VEVENT")):
        rules = event.get("RRULE", [])
        # it could take hours to find out that a rule of seconds never meets
        if any(
            _OFTEN & {*rule, *map(str, rule.get("FREQ", []))}
            for rule in (rules if isinstance(rules, list) else [rules])
        ):
            summary = _text(event, "SUMMARY") or "without a summary"
            raise Trouble(
                f"{file}: the event {summary!r} comes again within a day.", "A shift comes again by days: mend it."
            )
    count = 0
    for calendar in calendars:
        try:
            # a day before, because what is a day or has no zone begins by another clock than ours
            for event in recurring_ical_events.of(calendar).after(since - timedelta(days=1)):
                begins = event["DTSTART"].dt
                day = begins.date() if isinstance(begins, datetime) else begins
                if day > until.date() + timedelta(days=1):
                    break
                count += 1
                if count > MOST:
                    raise Trouble(f"{file} has more than {MOST:,} shifts.", "Import a shorter time: --from, --to.")
                yield event
        except (ValueError, KeyError, TypeError, OverflowError) as error:
            raise Trouble(f"{file} has an event that cannot be read: {error}.", remedy) from None


def _span(event: Any, zone: ZoneInfo, calendar: OfficeCalendar) -> tuple[datetime, datetime] | None:
    start = event["DTSTART"].dt
    end = (
        event["DTEND"].dt
        if "DTEND" in event
        else start + (event["DURATION"].dt if "DURATION" in event else timedelta())
    )
    if isinstance(start, datetime):
        return _utc(start, zone), _utc(end, zone)
    last = max(start, end - timedelta(days=1)) if type(end) is date else start
    opens, closes = calendar.opens_at(start), calendar.closes_at(last)
    return (opens, closes) if opens and closes else None


def _utc(at: datetime, zone: ZoneInfo) -> datetime:
    return (at if at.tzinfo else at.replace(tzinfo=zone)).astimezone(UTC)


def _text(event: Any, name: str, part: str = "") -> str:
    value = event.get(name)
    return str(getattr(value, part) if part and value is not None else value or "")


def _tell_overlaps(reading: Reading) -> None:
    by_person: dict[str, list[DutyEntry]] = {}
    for shift in reading.shifts:
        by_person.setdefault(shift.staff, []).append(shift)
    for who, shifts in by_person.items():
        for one, other in pairwise(sorted(shifts, key=lambda shift: shift.starts_at)):
            if other.starts_at < one.ends_at:
                reading.left_out.append(
                    f"{who} is on duty twice at once from {other.starts_at:%Y-%m-%d %H:%M} UTC: both stand"
                )


class _People:
    """Who is meant by an event."""

    def __init__(self, staff: Sequence[Answer]) -> None:
        here = [person for person in staff if person.get("active", True)]
        self._ids: dict[str, str] = {person["id"].casefold(): person["id"] for person in here}
        self._names: dict[str, set[str]] = {}
        for person in here:
            words = str(person["name"]).casefold().split()
            # as it is written, and the other way round
            for name in (" ".join(words), " ".join(reversed(words)), words[0] if words else ""):
                self._names.setdefault(name, set()).add(person["id"])

    def of(self, event: Any) -> list[str]:
        if (stated := _text(event, STAFF)) and (who := self._ids.get(stated.casefold())):
            return [who]
        attendees = event.get("ATTENDEE", [])
        found = {self._attendee(one) for one in (attendees if isinstance(attendees, list) else [attendees])} - {None}
        if found:
            return sorted(who for who in found if who)
        return sorted(self._in_words(_text(event, "SUMMARY")))

    def _attendee(self, attendee: Any) -> str | None:
        if str(attendee.params.get("PARTSTAT", "")).upper() == "DECLINED":
            return None
        address = re.sub(r"(?i)^mailto:", "", str(attendee)).partition("@")[0]
        who: str | None = self._ids.get(address.casefold())
        if who:
            return who
        named = self._names.get(" ".join(str(attendee.params.get("CN", "")).casefold().split()), set())
        return next(iter(named)) if len(named) == 1 else None

    def _in_words(self, summary: str) -> set[str]:
        words = re.findall(r"[\w.@-]+", summary.casefold())
        if ids := {self._ids[word] for word in words if word in self._ids}:
            return ids
        text = " ".join(re.findall(r"\w+", summary.casefold()))
        named = [who for name, who in self._names.items() if " " in name and re.search(rf"\b{re.escape(name)}\b", text)]
        if not named:
            named = [self._names[word] for word in words if word in self._names]
        return {next(iter(who)) for who in named if len(who) == 1}
