"""Office calendars: hours, time zones, public holidays, moved working days (pure).

`OfficeCalendar.of("Europe/Moscow", "Mon-Fri 09:00-18:00", "RU")` knows when an office works.
Every moment that goes in must know its time zone, and every moment that comes out is UTC.
A working interval is closed: closing time itself still counts as working time, so a deadline may fall on it.
The shorter day before a public holiday is not modelled: give it in `hours` or live with an hour of grace.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

import holidays

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_DAY = rf"(?:{'|'.join(_DAYS)})"
_CLOCK = r"\d{1,2}:\d{2}"
_PART = re.compile(
    rf"(?P<days>{_DAY}(?:\s*-\s*{_DAY})?(?:\s*,\s*{_DAY}(?:\s*-\s*{_DAY})?)*)\s+"
    rf"(?P<ranges>{_CLOCK}\s*-\s*{_CLOCK}(?:\s*,\s*{_CLOCK}\s*-\s*{_CLOCK})*)"
)
_FORM = "write it like 'Mon-Fri 09:00-18:00' or 'Mon-Thu 09:00-13:00, 14:00-18:00; Fri 09:00-17:00'"
_YEARS = range(1970, 2200)  # what is computed at most: a guard against endless search, not a business rule
_DAY_LONG = timedelta(days=1)
_NOTHING = timedelta()

Range = tuple[timedelta, timedelta]
"""An opening and a closing time, as time since local midnight."""


@dataclass(frozen=True, slots=True)
class _Intervals:
    """Working intervals of a span of years in order, with the working time before and up to the end of each."""

    first_year: int
    last_year: int
    starts: list[datetime]
    ends: list[datetime]
    before: list[timedelta]
    upto: list[timedelta]


class OfficeCalendar:
    """When one office works. Made by `OfficeCalendar.of`, which gives the same object for the same arguments."""

    __slots__ = ("_days", "_days_off", "_holidays", "_intervals", "_week", "_working_days", "zone")

    zone: ZoneInfo

    def __init__(
        self, time_zone: str, hours: str, calendar: str, days_off: frozenset[date], working_days: frozenset[date]
    ) -> None:
        self.zone = _read_zone(time_zone)
        self._week = _read_hours(hours)
        self._holidays = _read_holidays(calendar)
        if both := days_off & working_days:
            raise ValueError(f"{min(both)} is named both as a day off and as a working day; name it once")
        self._days_off, self._working_days = days_off, working_days
        self._intervals: _Intervals | None = None
        self._days: dict[date, list[tuple[datetime, datetime]]] = {}

    @staticmethod
    def of(
        time_zone: str, hours: str, calendar: str, days_off: Iterable[date] = (), working_days: Iterable[date] = ()
    ) -> OfficeCalendar:
        """The calendar of an office, remembered by its arguments.

        `time_zone` is an IANA name, `hours` like `Mon-Thu 09:00-13:00, 14:00-18:00; Fri 09:00-17:00`,
        `calendar` a country code of public holidays (`RU`, `KZ`; a subdivision as in ISO 3166-2: `US-NY`).
        Moved working days of the country are in it; `days_off` and `working_days` win over everything.
        Raises ValueError that says what is wrong and how to mend it.
        """
        return _calendar(time_zone, hours, calendar, frozenset(days_off), frozenset(working_days))

    @staticmethod
    def of_row(row: Mapping[Any, Any]) -> OfficeCalendar:
        """The calendar of an office as the rooms store it: columns named as the arguments of `of`, days as ISO texts."""
        days_off, working_days = (map(date.fromisoformat, row[name]) for name in ("days_off", "working_days"))
        return OfficeCalendar.of(row["time_zone"], row["hours"], row["calendar"], days_off, working_days)

    def is_working_day(self, day: date) -> bool:
        """Whether the office works on that local day: own overrides first, then holidays, weekdays, moved days."""
        if day in self._working_days:
            return True
        if day in self._days_off or day in self._holidays:
            return False
        return bool(self._week[day.weekday()]) or day in self._holidays.weekend_workdays

    def opens_at(self, day: date) -> datetime | None:
        """When the office opens on that local day (UTC), or None when it does not."""
        intervals = self._of_day(day)
        return intervals[0][0] if intervals else None

    def closes_at(self, day: date) -> datetime | None:
        """When the office closes on that local day (UTC), or None when it does not open."""
        intervals = self._of_day(day)
        return intervals[-1][1] if intervals else None

    def add(self, start: datetime, working: timedelta) -> datetime:
        """The moment (UTC) when `working` of working time has passed since `start`; a negative one goes back.

        It lies in working time, on its closing edge at the latest (going back: on its opening edge at the earliest).
        Adding nothing to a moment outside working time gives the next opening.
        """
        start = _utc(start)
        table = self._covering(start.year)
        if working < _NOTHING:
            return self._go_back(table, start, -working)
        at = bisect_right(table.starts, start) - 1
        end = table.ends[at]
        if start <= end:
            if working <= end - start:
                return start + working
            target = table.before[at] + (start - table.starts[at]) + working
        elif working:
            target = table.upto[at] + working
        else:
            return table.starts[at + 1]
        while target > table.upto[-1]:
            table = self._extended(table, later=True)
        # a table that grows at its end keeps its numbering, so `target` still means the same moment
        to = bisect_left(table.upto, target)
        return table.starts[to] + (target - table.before[to])

    def add_days(self, start: datetime, days: int) -> datetime:
        """The end (closing time, UTC) of the `days`-th working day after the local day of `start`.

        Decided so because people promise by days: "in three working days" is kept until that day is over, and the
        day it was promised on does not count. With `days=0` it is today's closing time if that is still to come,
        otherwise the next working day's. Raises ValueError for a negative number.
        """
        if days < 0:
            raise ValueError(f"{days} working days: only a number of days from 0 up can be added")
        start = _utc(start)
        day = start.astimezone(self.zone).date()
        if days == 0:
            closes = self.closes_at(day)
            if closes is not None and start <= closes:
                return closes
            days = 1
        while days:
            day += _DAY_LONG
            closes = self.closes_at(day)
            days -= closes is not None
        assert closes is not None  # noqa: S101  # the loop ends only on a day that closes
        return closes

    def between(self, a: datetime, b: datetime) -> timedelta:
        """The working time from `a` to `b`; negative when `b` is the earlier one."""
        a, b = _utc(a), _utc(b)
        self._covering(a.year)
        table = self._covering(b.year)
        return _worked(table, b) - _worked(table, a)

    def earlier_working_day(self, day: date) -> date:
        """`day` itself when the office works on it, otherwise the nearest earlier day on which it does (R4-12)."""
        while not self.is_working_day(day):
            day -= _DAY_LONG
            _check_year(day.year)
        return day

    def next_working_moment(self, at: datetime) -> datetime:
        """`at` when it lies in working time (closing time included), otherwise the next opening; UTC."""
        return self.add(at, _NOTHING)

    # ── the table of intervals ──────────────────────────────────────────────────────────────────────────────────────

    def _of_day(self, day: date) -> list[tuple[datetime, datetime]]:
        known = self._days.get(day)
        if known is None:
            _check_year(day.year)
            known = self._days[day] = self._make_day(day) if self.is_working_day(day) else []
        return known

    def _make_day(self, day: date) -> list[tuple[datetime, datetime]]:
        # a moved working day, as a Saturday, is worked like the nearest weekday before it that has hours
        back = next(n for n in range(7) if self._week[(day.weekday() - n) % 7])
        midnight = datetime.combine(day, time())
        found: list[tuple[datetime, datetime]] = []
        for opens, closes in self._week[(day.weekday() - back) % 7]:
            # wall-clock time is added before the zone is known; in a repeated hour the longer interval is meant
            start = (midnight + opens).replace(tzinfo=self.zone).astimezone(UTC)
            end = (midnight + closes).replace(tzinfo=self.zone, fold=1).astimezone(UTC)
            if found and start <= found[-1][1]:
                found[-1] = (found[-1][0], max(end, found[-1][1]))
            elif start < end:
                found.append((start, end))
        return found

    def _covering(self, year: int) -> _Intervals:
        table = self._intervals
        if table is None:
            table = self._build(year - 1, year + 1)
        # some working time lies before and some after every moment of that year, so a search always ends inside
        while not table.starts or table.starts[0].year >= year:
            table = self._extended(table, later=False)
        while table.ends[-1].year <= year:
            table = self._extended(table, later=True)
        return table

    def _extended(self, table: _Intervals, *, later: bool) -> _Intervals:
        return self._build(table.first_year - (not later), table.last_year + later)

    def _build(self, first: int, last: int) -> _Intervals:
        _check_year(first)
        _check_year(last)
        starts: list[datetime] = []
        ends: list[datetime] = []
        for number in range(date(first, 1, 1).toordinal(), date(last, 12, 31).toordinal() + 1):
            for start, end in self._of_day(date.fromordinal(number)):
                if ends and start <= ends[-1]:
                    ends[-1] = max(end, ends[-1])
                else:
                    starts.append(start)
                    ends.append(end)
        before: list[timedelta] = []
        upto: list[timedelta] = []
        total = _NOTHING
        for start, end in zip(starts, ends, strict=True):
            before.append(total)
            total += end - start
            upto.append(total)
        self._intervals = _Intervals(first, last, starts, ends, before, upto)
        return self._intervals

    def _go_back(self, table: _Intervals, start: datetime, working: timedelta) -> datetime:
        while (target := _worked(table, start) - working) < _NOTHING:
            table = self._extended(table, later=False)
        to = bisect_right(table.before, target) - 1
        return table.starts[to] + (target - table.before[to])


@lru_cache(maxsize=1024)
def _calendar(
    time_zone: str, hours: str, calendar: str, days_off: frozenset[date], working_days: frozenset[date]
) -> OfficeCalendar:
    return OfficeCalendar(time_zone, hours, calendar, days_off, working_days)


def _worked(table: _Intervals, at: datetime) -> timedelta:
    """The working time before `at`, from the beginning of the table."""
    n = bisect_right(table.starts, at) - 1
    return table.before[n] + (min(at, table.ends[n]) - table.starts[n])


def _utc(at: datetime) -> datetime:
    if at.tzinfo is UTC:
        return at
    if at.tzinfo is None:
        raise ValueError(f"{at} has no time zone; give a moment with one, for example in UTC")
    return at.astimezone(UTC)


def _check_year(year: int) -> None:
    if year not in _YEARS:
        raise ValueError(f"the working calendar was asked for the year {year}; it knows {_YEARS[0]} to {_YEARS[-1]}")


def _read_zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (OSError, ValueError, LookupError):
        raise ValueError(f"{name!r} is no time zone; use an IANA name such as 'Europe/Moscow'") from None


def _read_holidays(code: str) -> holidays.HolidayBase:
    country, _, subdivision = code.partition("-")
    try:
        # the default category `public` with observed days is what the decrees say: transfers are in it,
        # and the Saturdays worked in exchange are in `weekend_workdays`
        return holidays.country_holidays(country, subdiv=subdivision or None, observed=True)
    except NotImplementedError:
        raise ValueError(
            f"{code!r} is no calendar of public holidays; use a country code such as 'RU', 'KZ' or 'BY'"
        ) from None


def _read_hours(text: str) -> tuple[tuple[Range, ...], ...]:
    """The ranges of each weekday, Monday first."""
    week: list[tuple[Range, ...]] = [()] * 7
    for part in text.replace("–", "-").replace("—", "-").strip().rstrip(";").split(";"):
        found = _PART.fullmatch(part.strip().lower())
        if not found:
            raise ValueError(f"office hours {text!r}: {part.strip()!r} is not understood; {_FORM}")
        ranges = _read_ranges(found["ranges"], text)
        for day in _read_days(found["days"]):
            if week[day]:
                raise ValueError(
                    f"office hours {text!r}: {_DAYS[day].capitalize()} is given twice; "
                    "put a break into one part: 'Mon-Fri 09:00-13:00, 14:00-18:00'"
                )
            week[day] = ranges
    return tuple(week)


def _read_days(text: str) -> list[int]:
    days: list[int] = []
    for piece in text.split(","):
        first, _, last = (word.strip() for word in piece.partition("-"))
        start = _DAYS.index(first)
        length = (_DAYS.index(last or first) - start) % 7
        days += [(start + n) % 7 for n in range(length + 1)]
    return days


def _read_ranges(text: str, whole: str) -> tuple[Range, ...]:
    ranges: list[Range] = []
    for piece in text.split(","):
        opens, closes = (_read_clock(word.strip(), whole) for word in piece.split("-"))
        if closes <= opens:
            raise ValueError(
                f"office hours {whole!r}: {piece.strip()!r} closes before it opens; "
                "split a night at midnight: 'Mon 22:00-24:00; Tue 00:00-06:00'"
            )
        if ranges and opens < ranges[-1][1]:
            raise ValueError(
                f"office hours {whole!r}: {piece.strip()!r} overlaps what stands before it; put them in order"
            )
        ranges.append((opens, closes))
    return tuple(ranges)


def _read_clock(text: str, whole: str) -> timedelta:
    hour, minute = (int(piece) for piece in text.split(":"))
    if minute > 59 or hour * 60 + minute > 24 * 60:
        raise ValueError(f"office hours {whole!r}: {text!r} is no time of day; use 00:00 to 24:00")
    return timedelta(hours=hour, minutes=minute)
