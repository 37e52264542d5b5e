"""Which shifts somebody would rather not have: in time he wished to be off, or beside the times he wished for (R1-08)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from services.routing.rules.roster_cover import Slot, Watch
from shared.commands import WishEntry
from shared.shifts import weekdays


def unwished(watch: Watch, slots: Sequence[Slot]) -> dict[str, frozenset[int]]:
    """The numbers of the slots that go against the wishes of each, by the clock of the office."""
    zone = ZoneInfo(watch.office.time_zone)
    found: dict[str, frozenset[int]] = {}
    for who in watch.people:
        wishes = [wish for wish in watch.wishes if wish.staff == who]
        if wishes:
            found[who] = frozenset(n for n, slot in enumerate(slots) if _against(slot, wishes, zone))
    return found


def _against(slot: Slot, wishes: Sequence[WishEntry], zone: ZoneInfo) -> bool:
    # a wish is by the clock on the wall, so both are compared as the wall shows them
    start, end = (moment.astimezone(zone).replace(tzinfo=None) for moment in (slot.start, slot.end))
    day = start.date()
    now = [
        wish
        for wish in wishes
        if (wish.since is None or wish.since <= day) and (wish.until is None or day <= wish.until)
    ]
    met = [wish for wish in now if day.weekday() in weekdays(wish.days) and _meets(start, end, wish.hours)]
    if any(wish.wish == "off" for wish in met):
        return True
    return any(wish.wish == "on" for wish in now) and not any(wish.wish == "on" for wish in met)


def _meets(start: datetime, end: datetime, hours: str | None) -> bool:
    if hours is None:
        return True
    midnight = start.replace(hour=0, minute=0, second=0, microsecond=0)
    opens, closes = (midnight + _clock(text) for text in hours.split("-"))
    return opens < end and start < closes


def _clock(text: str) -> timedelta:
    hour, minute = text.strip().split(":")
    return timedelta(hours=int(hour), minutes=int(minute))
