"""Whether somebody is available, busy or absent, from what was said of him: each word holds until it is taken back (R1-24)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Literal, get_args

from services.routing.rules.field import BUSY, LEFT, Away

Change = Literal["absent", "back", "busy", "free", "leave"]
CHANGES: tuple[str, ...] = get_args(Change)

ABSENT = "absence"
"""The reason of an absence that was only said, without a reason."""


class Presence:
    """What was said last of each: absent or back, busy or free, has left. An absence and a call are two things.

    `back` also ends what the calendar (the company file) has him absent for at that moment, and brings back who left.
    `leave` with an end is an absence.
    """

    __slots__ = ("_absent", "_back", "_busy", "_left")

    def __init__(self) -> None:
        self._absent: dict[str, datetime | None] = {}
        self._busy: dict[str, datetime | None] = {}
        self._back: dict[str, datetime] = {}
        self._left: set[str] = set()

    def say(self, change: Change, staff: str, at: datetime, until: datetime | None = None) -> None:
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
            self._absent[staff] = until

    def away(self, staff: str, at: datetime, absences: list[tuple[datetime, datetime, str]]) -> Away | None:
        """How `staff` is away at `at`; `absences` are the calendar's: from, to, reason. None: he is available."""
        if staff in self._left:
            return Away(LEFT, "")
        back = self._back.get(staff)
        found = [(end, why) for start, end, why in absences if start <= at < end and (back is None or start > back)]
        if _holds(self._absent, staff, at):
            until = self._absent[staff]
            if until is None:
                return Away(ABSENT, "")
            found.append((until, ABSENT))
        really = [(end, why) for end, why in found if why != BUSY]
        if really or found:
            end, why = max(really or found)
            return Away(why, end.astimezone(UTC).isoformat())
        if _holds(self._busy, staff, at):
            until = self._busy[staff]
            return Away(BUSY, until.astimezone(UTC).isoformat() if until else "")
        return None


def _holds(said: dict[str, datetime | None], staff: str, at: datetime) -> bool:
    if staff not in said:
        return False
    until = said[staff]
    return until is None or at < until
