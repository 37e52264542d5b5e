"""How many must be on duty and when, who is there, and where somebody will be missing before it happens (R1-08, G8)."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from services.routing.rules.company import field_of, weight_in_thousandths
from services.routing.rules.field import BUSY
from services.routing.rules.region import serving_office
from shared.commands import ApplyCompany, OfficeEntry, StaffEntry
from shared.shifts import shifts_between
from shared.working_time import OfficeCalendar

Span = tuple[datetime, datetime]
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, order=True)
class Slot:
    """A time for which `people` are needed on duty, each for the whole of it; UTC."""

    start: datetime
    end: datetime
    people: int


@dataclass(frozen=True, slots=True, order=True)
class OnDuty:
    """Somebody on duty, from when until when; UTC."""

    start: datetime
    end: datetime
    staff: str


@dataclass(frozen=True, slots=True)
class Gap:
    """A time with fewer on duty than needed; `away` have a shift then and are absent, each with the reason."""

    start: datetime
    end: datetime
    needed: int
    there: int
    away: Mapping[str, str]


def _stays(shifts: Iterable[OnDuty]) -> list[OnDuty]:
    """The shifts, in order, those of one person that overlap made one: nobody counts twice at the same time."""
    stays: list[OnDuty] = []
    for shift in sorted(shifts, key=lambda shift: (shift.staff, shift.start, shift.end)):
        last = stays[-1] if stays else None
        if last and last.staff == shift.staff and shift.start < last.end:
            stays[-1] = OnDuty(last.start, max(last.end, shift.end), last.staff)
        else:
            stays.append(shift)
    return sorted(stays)


class Watch:
    """What the company says of the duty of one office: what it must cover, who is able, when they cannot."""

    def __init__(self, company: ApplyCompany, office: str, *, rostered: bool = False) -> None:
        """`company` names `office`; its shifts and absences are all those that matter for the time looked at.

        `rostered`: the office has drawn up a roster, though maybe for another time.
        """
        self.office: OfficeEntry = next(entry for entry in company.offices if entry.id == office)
        self.people: dict[str, StaffEntry] = {
            person.id: person
            for person in sorted(company.staff, key=lambda person: person.id)
            if person.office == office and person.function == "sales"
        }
        self._anybody = {person.id: person for person in company.staff if person.function == "sales"}
        self._weights = {who: weight_in_thousandths(person.weight) or 1 for who, person in self._anybody.items()}
        # the file and a command may name the same shift, or two of one person that overlap
        self.shifts = _stays(OnDuty(s.starts_at, s.ends_at, s.staff) for s in company.duty if s.office == office)
        self._away: dict[str, list[tuple[datetime, datetime, str]]] = {}
        for absence in sorted(company.absences, key=lambda absence: (absence.starts_at, absence.ends_at)):
            if absence.reason != BUSY:
                away = (absence.starts_at, absence.ends_at, absence.reason)
                self._away.setdefault(absence.staff, []).append(away)
        self.wishes = [wish for wish in company.wishes if wish.staff in self.people]
        self.elsewhere = sorted({OnDuty(s.starts_at, s.ends_at, s.staff) for s in company.duty if s.office != office})
        self.cover = [entry for entry in company.cover if entry.office == office]
        home = serving_office(company.home_region, field_of(company)) == office
        self.by_roster = home or rostered or bool(self.cover or self.shifts)

    def away(self, staff: str, start: datetime, end: datetime) -> str | None:
        """Why `staff` cannot be on duty for the whole time: the reason of an absence, `notice`, `left`; None: he can."""
        person = self._anybody.get(staff)
        if person is None:
            return "left"
        if person.notice_at is not None and person.notice_at < end:
            return "notice"
        return next((why for a, z, why in self._away.get(staff, ()) if a < end and start < z), None)

    def able(self) -> Callable[[datetime, datetime], frozenset[str]]:
        """Who of the office is able in a time that no absence cuts (`turns`), remembered from one turn to the next."""
        turns = sorted({moment for turn in self.turns() for moment in (turn.start, turn.end)})
        known: dict[int, frozenset[str]] = {}

        def those(start: datetime, end: datetime) -> frozenset[str]:
            at = bisect_right(turns, start)
            if at not in known:
                known[at] = frozenset(who for who in self.people if self.away(who, start, end) is None)
            return known[at]

        return those

    def turns(self) -> list[OnDuty]:
        """Every absence as a time, and every notice date: where those who are able change."""
        spans = [OnDuty(a, z, who) for who, away in self._away.items() for a, z, _ in away]
        return spans + [OnDuty(p.notice_at, p.notice_at, p.id) for p in self._anybody.values() if p.notice_at]

    def weight(self, staff: str) -> int:
        """The weight of somebody who sells, in thousandths."""
        return self._weights[staff]

    def present(self, shift: OnDuty) -> list[OnDuty]:
        """The parts of a shift that are really served: without absences, and nothing from the notice date on."""
        person = self._anybody.get(shift.staff)
        if person is None:
            return []
        end = shift.end if person.notice_at is None else min(shift.end, person.notice_at)
        parts, at = [], shift.start
        for a, z, _ in self._away.get(shift.staff, ()):
            if z <= at or a >= end:
                continue
            if a > at:
                parts.append(OnDuty(at, a, shift.staff))
            at = max(at, z)
        return [*parts, OnDuty(at, end, shift.staff)] if at < end else parts

    def slots(self, since: datetime, until: datetime) -> list[Slot]:
        """What must be covered: every slot that begins from `since` up to `until`, in order.

        Where nothing is said, somebody must be there from opening to closing, if calls go by a roster here at all: at
        home, and in an office that has drawn one up.
        """
        zone = ZoneInfo(self.office.time_zone)
        first, last = since.astimezone(zone).date(), until.astimezone(zone).date()
        found: list[Slot] = []
        for entry in self.cover:
            days = max(first, entry.since or first), min(last, entry.until or last)
            spans = shifts_between(self._calendar(f"{entry.days} {entry.hours}"), entry.days, *days)
            found += [Slot(start, end, entry.people) for start, end in spans]
        if not self.cover and self.by_roster:
            spans = shifts_between(self._calendar(self.office.hours), "Mon-Sun", first, last)
            found = [Slot(start, end, 1) for start, end in spans]
        return sorted(slot for slot in found if since <= slot.start < until)

    def open_days(self, first: date, last: date) -> list[date]:
        """The days from `first` up to and with `last` on which the office works."""
        calendar = self._calendar(self.office.hours)
        days = (first + timedelta(days=number) for number in range((last - first).days + 1))
        return [day for day in days if calendar.is_working_day(day)]

    def _calendar(self, hours: str) -> OfficeCalendar:
        office = self.office
        return OfficeCalendar.of(office.time_zone, hours, office.calendar, office.days_off, office.working_days)

    def gaps(self, since: datetime, until: datetime) -> list[Gap]:
        """Where fewer are on duty than needed from `since` up to `until`, in order; equal neighbours are one gap."""
        slots = [Slot(max(s.start, since), min(s.end, until), s.people) for s in self.slots(since - _DAY, until)]
        slots = [slot for slot in slots if slot.start < slot.end]
        shifts = [shift for shift in self.shifts if shift.start < until and since < shift.end]
        there = [part for shift in shifts for part in self.present(shift)]
        spans = stretches([*slots, *shifts, *there, *self.turns()], slots)
        on_duty, meant = on_duty_in(spans, there), on_duty_in(spans, shifts)
        needed = [0] * len(spans)
        for slot in slots:
            for n in inside(spans, slot):
                needed[n] += slot.people
        found: list[Gap] = []
        for n, (start, end) in enumerate(spans):
            if len(on_duty[n]) >= needed[n]:
                continue
            away = {who: self.away(who, start, end) or "" for who in sorted(meant[n] - on_duty[n])}
            gap = Gap(start, end, needed[n], len(on_duty[n]), away)
            last = found[-1] if found else None
            if last and (last.end, last.needed, last.there, last.away) == (start, gap.needed, gap.there, away):
                gap = replace(last, end=end)
                found.pop()
            found.append(gap)
        return found


def stretches(bounds: Iterable[Slot | OnDuty], within: Iterable[Slot]) -> list[Span]:
    """The time `within`, cut at every beginning and end of `bounds`; in order."""
    cuts = sorted({moment for one in bounds for moment in (one.start, one.end)})
    found: dict[Span, None] = {}
    for slot in sorted(within):
        at = bisect_right(cuts, slot.start)
        start = slot.start
        while start < slot.end:
            end = cuts[at]
            found[start, end] = None
            start, at = end, at + 1
    return sorted(found)


def inside(spans: Sequence[Span], one: Slot | OnDuty) -> range:
    """The numbers of the stretches that lie within a time; it cuts none of them."""
    return range(bisect_left(spans, one.start, key=_start), bisect_left(spans, one.end, key=_start))


def on_duty_in(spans: Sequence[Span], parts: Iterable[OnDuty]) -> list[set[str]]:
    """Who is on duty in each stretch."""
    found: list[set[str]] = [set() for _ in spans]
    for part in parts:
        for n in inside(spans, part):
            found[n].add(part.staff)
    return found


def _start(span: Span) -> datetime:
    return span[0]
