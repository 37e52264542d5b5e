"""What somebody has to do when, as iCalendar (RFC 5545): one way of writing for files and for what people subscribe to."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import NamedTuple
from uuid import UUID, uuid5

SHIFTS = UUID("8f4f2c86-6a0e-5a4a-9d0b-5d2b1c1f7a10")
STAFF = "X-ESTAFETA-STAFF"


class Entry(NamedTuple):
    """One event: `uid` stays the same when it is moved, `changed_at` and `changes` tell a program that it was."""

    uid: str
    starts_at: datetime
    ends_at: datetime
    summary: str
    changed_at: datetime
    changes: int = 0
    location: str = ""
    description: str = ""
    category: str = "DUTY"
    staff: str = ""


def uid_of_shift(office: str, staff: str, starts_at: datetime, ends_at: datetime) -> str:
    """The UID of a shift: the same in every file and feed."""
    named = "/".join(map(str, (office, staff, starts_at.astimezone(UTC), ends_at.astimezone(UTC))))
    return f"{uuid5(SHIFTS, named)}@estafeta"


def written(
    name: str, zone: str, entries: Sequence[Entry], *, method: str | None = None, again: timedelta | None = None
) -> bytes:
    """A calendar called `name`, whose reader lives by the clock of `zone`, looked at again after `again`.

    Times are in UTC, which is exact even in the hour that a clock repeats; every program shows them by its own clock.
    Equal entries give equal bytes: `DTSTAMP` is the moment of the last change.
    """
    from icalendar import Calendar  # a room that nobody subscribes to need not carry it

    calendar = Calendar()
    calendar.add("prodid", "-//Estafeta//duty roster//EN")
    calendar.add("version", "2.0")
    if method:
        calendar.add("method", method)
    calendar.add("x-wr-calname", name)
    calendar.add("x-wr-timezone", zone)
    if again is not None:
        calendar.add("name", name)
        calendar.add("refresh-interval", again, {"value": "DURATION"})
        calendar.add("x-published-ttl", f"PT{int(again.total_seconds() // 60)}M")
    end = b"END:VCALENDAR\r\n"
    head: bytes = calendar.to_ical()
    return head.removesuffix(end) + b"".join(map(_event, entries)) + end


@lru_cache(maxsize=8192)
def _event(entry: Entry) -> bytes:
    """One event, written once however often its calendar is: writing is most of the time (about a millisecond each)."""
    from icalendar import Event

    event = Event()
    event.add("uid", entry.uid)
    event.add("dtstamp", entry.changed_at.astimezone(UTC))
    event.add("last-modified", entry.changed_at.astimezone(UTC))
    event.add("sequence", entry.changes)
    event.add("dtstart", entry.starts_at.astimezone(UTC))
    event.add("dtend", entry.ends_at.astimezone(UTC))
    event.add("summary", entry.summary)
    for field, text in (("location", entry.location), ("description", entry.description), (STAFF, entry.staff)):
        if text:
            event.add(field, text)
    event.add("categories", [entry.category])
    done: bytes = event.to_ical()
    return done
