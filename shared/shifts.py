"""Shifts that come again: weekdays and hours by an office's calendar, made into moments (pure)."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from shared.working_time import OfficeCalendar

_WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def weekdays(text: str) -> frozenset[int]:
    """The weekdays of `Mon-Fri` or `Mon, Wed, Sat-Sun`, Monday = 0; none when it is not understood."""
    found: set[int] = set()
    for piece in text.lower().split(","):
        first, _, last = (word.strip() for word in piece.partition("-"))
        if first not in _WEEKDAYS or (last or first) not in _WEEKDAYS:
            return frozenset()
        start = _WEEKDAYS.index(first)
        found.update((start + n) % 7 for n in range((_WEEKDAYS.index(last or first) - start) % 7 + 1))
    return frozenset(found)


def shifts_between(
    calendar: OfficeCalendar, days: str, first: date, last: date, weeks: tuple[int, int] = (1, 1)
) -> list[tuple[datetime, datetime]]:
    """The shifts from the day `first` up to and with `last`, from opening to closing time, in UTC and in order.

    `calendar` has the hours of the shift in place of the office's, so that public holidays and days off are left out.
    A moved working day is worked by those whose weekdays include it: nobody else has promised to come.
    `weeks=(1, 3)` keeps the first of every three weeks, counted from the week of `first`.
    """
    promised = weekdays(days)
    nth, of = weeks
    monday = first - timedelta(days=first.weekday())
    found = []
    for number in range((last - first).days + 1):
        day = first + timedelta(days=number)
        if day.weekday() in promised and (day - monday).days // 7 % of == nth - 1:
            opens, closes = calendar.opens_at(day), calendar.closes_at(day)
            if opens and closes:
                found.append((opens, closes))
    return found
