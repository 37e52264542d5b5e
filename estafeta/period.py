"""A time that is reported on: whole days by the company's clock, the last one included."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from estafeta.trouble import Trouble
from estafeta.typed import day, zone_of

_MONTH = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Period:
    """The days from `first` to `last`, both included, by the clock of `zone`."""

    first: date
    last: date
    zone: ZoneInfo

    @property
    def since(self) -> datetime:
        """The moment it begins."""
        return datetime.combine(self.first, time(), self.zone)

    @property
    def until(self) -> datetime:
        """The moment it is over."""
        return datetime.combine(self.last + timedelta(days=1), time(), self.zone)

    def __str__(self) -> str:
        return f"{self.first} to {self.last}"


def period(since: str | None, until: str | None, directory: Mapping[str, Any]) -> Period:
    """The period typed as `--from` and `--to`; by default the last 30 days.

    Raises `Trouble` for days that are none, or in the wrong order.
    """
    zone = zone_of({}, directory)
    last = day(until, "--to") if until else datetime.now(UTC).astimezone(zone).date()
    first = day(since, "--from") if since else last - _MONTH
    if first > last:
        raise Trouble(f"--from {first} is later than --to {last}.", "Give them the other way round.")
    return Period(first, last, zone)
