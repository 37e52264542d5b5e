"""How many leads are expected, hour by hour of the week: as they came in the weeks before, by the office's own clock (R1-08)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

LEAD = 1_000_000
"""Expected leads are counted in millionths, so that sums are exact and the same everywhere."""

Cell = tuple[int, int]
"""Weekday (Monday = 0) and hour by the office's clock."""

_HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Expected:
    """How many leads an hour of each cell of the week brings, in millionths; `leads` of the past were counted for it.

    Without any history every hour is worth the same, and `leads` is 0.
    """

    zone: ZoneInfo
    an_hour: Mapping[Cell, int]
    leads: int
    weeks: int = 0

    def between(self, start: datetime, end: datetime) -> int:
        """The leads expected from `start` to `end`, in millionths. An hour that the clock repeats or leaves out counts so."""
        total, at = 0, start.astimezone(UTC)
        while at < end:
            local = at.astimezone(self.zone)
            past = timedelta(minutes=local.minute, seconds=local.second, microseconds=local.microsecond)
            stop = min(at + _HOUR - past, end.astimezone(UTC))
            rate = self.an_hour.get((local.weekday(), local.hour), 0) if self.leads else LEAD
            total += rate * ((stop - at) // timedelta(seconds=1)) // 3600
            at = stop
        return total


def expected(zone: ZoneInfo, came: Iterable[tuple[date, int, int]], open_days: Iterable[date]) -> Expected:
    """What to expect, from what came: `(local day, hour, leads)`, and the days of that time on which the office was open.

    A cell is the mean of its weekdays, drawn towards the mean of the hour over all weekdays by the weight of one week:
    so one quiet Tuesday of a short history does not leave Tuesdays without expectation. A weekday on which the office
    was never open counts by what came on it, each day of it once.
    """
    opened = set(open_days)
    by_cell: dict[Cell, int] = {}
    came_on: set[date] = set()
    for day, hour, leads in came:
        by_cell[day.weekday(), hour] = by_cell.get((day.weekday(), hour), 0) + leads
        came_on.add(day)
    days = opened | came_on
    if not by_cell:
        return Expected(zone, {}, 0)
    on = [sum(day.weekday() == weekday for day in days) for weekday in range(7)]
    working = {day.weekday() for day in opened}
    rates: dict[Cell, int] = {}
    for weekday in range(7):
        kin = [other for other in range(7) if (other in working) == (weekday in working) and on[other]]
        for hour in range(24):
            alike = sum(on[other] for other in kin)
            if alike:
                mean = LEAD * sum(by_cell.get((other, hour), 0) for other in kin) // alike
                rates[weekday, hour] = (LEAD * by_cell.get((weekday, hour), 0) + mean) // (on[weekday] + 1)
    weeks = ((max(days) - min(days)).days + 7) // 7
    return Expected(zone, rates, sum(by_cell.values()), weeks)
