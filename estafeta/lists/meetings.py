"""The meetings of an agent's list: when each was agreed for, as the cells of a row say it (R1-26, R1-28)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from estafeta.lists.headings import MEETING_FIELDS, Column
from shared.commands import CallForm

_DAY = re.compile(r"(\d{1,2})[./](\d{1,2})[./](\d{4}|\d{2})(?:\s*г\.?)?|(\d{4})-(\d{1,2})-(\d{1,2})")
_TIME = re.compile(r"(?:(?:в|at|la|ora)\s+)?(\d{1,2})(?:[:.\-](\d{2})(?::\d{2})?|\s*(?:ч|h)\.?)")
_LONG = re.compile(r"(\d{1,3})\s*(?:мин\w*|min\w*|['′])?\.?", re.IGNORECASE)  # a prime is meant
_NONE = frozenset({"-", "–", "—", "нет", "no", "nu", "0"})  # dashes are meant
_SHORTEST, _LONGEST = 5, 720


class Unclear(Exception):
    """A cell that says no moment or no length: which column, and how to mend it."""

    def __init__(self, reason: str, remedy: str) -> None:
        super().__init__(reason)
        self.reason, self.remedy = reason, remedy


class Meetings:
    """Reads meetings off rows; `clock` is the one that the times are by."""

    def __init__(self, columns: Sequence[Column], clock: ZoneInfo) -> None:
        places = {column.field: column for column in reversed(columns) if column.field in MEETING_FIELDS}
        self._day, self._time, self._long = (places.get(name) for name in MEETING_FIELDS)
        self._clock = clock

    def __bool__(self) -> bool:
        return self._day is not None

    def of(self, row: Sequence[str]) -> CallForm | None:
        """The meeting of a row, None if none was agreed. Raises Unclear."""
        day, time, long = (_cell(row, column) for column in (self._day, self._time, self._long))
        if self._day is None or not (day or time or long):
            return None
        found = _DAY.match(day)
        if found is None:
            named = f"the cell «{self._day.name}»"
            reason = f"{named} is no day: {day}" if day else f"{named} is blank, and a time or a length is given"
            raise Unclear(reason, "Write the day of the meeting like 25.11.2026, or leave all of it blank.")
        at = self._at(time, day[found.end() :].strip(" ,;T"))
        begins = self._moment(found, at, day)
        return CallForm.model_construct(meeting_at=begins, meeting_minutes=self._minutes(long))

    def _at(self, cell: str, behind: str) -> tuple[int, int]:
        """The time of day: of its own cell, else of what stands behind the day."""
        whole = _TIME.fullmatch((cell or behind).casefold())
        # a spreadsheet writes a day without a time as midnight
        if (
            whole
            and (int(whole[1]) < 24 and int(whole[2] or 0) < 60)
            and (cell or (whole[1], whole[2]) != ("00", "00"))
        ):
            return int(whole[1]), int(whole[2] or 0)
        column = self._time or self._day
        name = column.name if column else ""
        said = f"says no time: {cell or behind}" if cell or behind else "says no time"
        raise Unclear(f"the cell «{name}» {said}", "Write the time of the meeting like 10:00.")

    def _moment(self, day: re.Match[str], at: tuple[int, int], cell: str) -> datetime:
        if day[4]:
            year, month, date = int(day[4]), int(day[5]), int(day[6])
        else:
            year, month, date = int(day[3]), int(day[2]), int(day[1])
        try:
            return datetime(year + 2000 if year < 100 else year, month, date, *at, tzinfo=self._clock)
        except ValueError:
            name = self._day.name if self._day else ""
            raise Unclear(
                f"the cell «{name}» is no day of the calendar: {cell}", "Write it like 25.11.2026: day, month, year."
            ) from None

    def _minutes(self, cell: str) -> int | None:
        if not cell:
            return None
        found = _LONG.fullmatch(cell)
        if found is None or not _SHORTEST <= int(found[1]) <= _LONGEST:
            name = self._long.name if self._long else ""
            raise Unclear(
                f"the cell «{name}» is no length in minutes: {cell}",
                f"Write minutes from {_SHORTEST} to {_LONGEST}, or leave it blank for an hour.",
            )
        return int(found[1])


def _cell(row: Sequence[str], column: Column | None) -> str:
    cell = row[column.index] if column is not None and column.index < len(row) else ""
    return "" if cell.casefold() in _NONE else cell
