"""Whether a client's meeting fits into the diary of whoever receives him: what does not is told, and hinders nothing (R2-23).

A meeting was promised to the client, and somebody must come; whether another time can be found is for the new owner to say.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

from services.routing.rules.case import Meeting, Passed
from services.routing.rules.field import Field
from services.routing.rules.meeting import Diary
from services.routing.rules.moving import Leaving, Move
from services.routing.rules.wording import passed_over
from shared.events import MeetingClash


class Clash(NamedTuple):
    """A meeting that came to `staff` with its client, and why he is not free for it."""

    client_id: UUID
    staff: str
    meeting: Meeting
    why: Passed


def clashes(moves: Sequence[Move], leaving: Leaving, diary: Diary, field: Field) -> list[Clash]:
    """The meetings of moved clients that their new owners are not free for; the diary moves on with them.

    A meeting goes with its client, unless somebody else was named to hold it, who stays.
    """
    found = []
    for move in moves:
        holder = field.people.get(move.then.open_with or move.then.given_to or "")
        for one in diary.with_client(move.client.client_id):
            if holder is None or one.staff == holder.id or (one.is_named and one.staff not in leaving.people):
                continue
            if (why := diary.why_not_for(holder, one)) is not None:
                found.append(Clash(one.client_id, holder.id, one.meeting, why))
            diary.hand_over(one, holder.id)
    return found


def as_told(found: Sequence[Clash]) -> list[MeetingClash]:
    """These as the new owner of one client hears of them."""
    return [
        MeetingClash(
            at=one.meeting.at,
            until=one.meeting.until,
            because=passed_over(one.why, "en"),
            because_ru=passed_over(one.why, "ru"),
        )
        for one in found
    ]


MOST = 20
"""Clashes that are put into words; the rest is counted."""


def in_words(found: Sequence[Clash], diary: Diary | None, field: Field) -> list[str]:
    """These for whoever moves work, or is about to, by the clock of the new owner's office."""
    said = []
    for one in found[:MOST]:
        person = field.people[one.staff]
        hours = diary.calendars.hours.get(person.office) if diary else None
        zone = hours.zone if hours else ZoneInfo("UTC")
        at = one.meeting.at.astimezone(zone)
        said.append(
            f"{person.id} gets the meeting of {at:%Y-%m-%d %H:%M} ({zone.key}) with client {one.client_id},"
            f" and {passed_over(one.why, 'en')}"
        )
    more = len(found) - MOST
    return [*said, f"and {more} more meetings that their new owners are not free for"] if more > 0 else said
