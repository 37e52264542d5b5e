"""What is to be done first in a new sale, and what becomes of a task when its client is touched (R4-11, R4-15)."""

from __future__ import annotations

from datetime import timedelta
from typing import Literal

from shared.events import AgreedMeeting
from shared.words import Source, TaskKind, TouchKind

How = Literal["done", "replaced", "cancelled"]

_ANY_TOUCH_DOES = frozenset({TaskKind.REVIEW, TaskKind.OTHER})


def first_task(
    source: Source, *, phone: str, email: str, wishes_call: bool | None = None, meets: bool = False
) -> TaskKind:
    """The kind of the first reaction to a lead.

    An agreed meeting, and every lead of an agent is one, is to be confirmed and held; whoever left nothing but an e-mail
    address, or does not wish to be called and left one, is written to; everybody else is called, a company without a
    person as well.
    """
    if source is Source.AGENT or meets:
        return TaskKind.MEETING
    if email and (not phone or wishes_call is False):
        return TaskKind.MESSAGE
    return TaskKind.CALL


def in_words(meeting: AgreedMeeting) -> str:
    """A meeting as the note of the first reaction tells it, at the clock at which it was agreed on."""
    minutes = (meeting.until - meeting.at) // timedelta(minutes=1)
    where = {"ours": (", у нас", ", at our office"), "theirs": (", у клиента", ", at theirs"), None: ("", "")}[
        meeting.place
    ]
    return (
        f"Встреча {meeting.at:%d.%m.%Y %H:%M} (UTC{meeting.at:%z}), {minutes} мин{where[0]}"
        f" / meeting on {meeting.at:%Y-%m-%d %H:%M} (UTC{meeting.at:%z}), {minutes} min{where[1]}"
    )


def how_closed(task: TaskKind, touch: TouchKind, *, is_first: bool, ends: bool) -> How:
    """How the open task closes when a touch is recorded.

    It is *done* if the touch is what it asked for; a first reaction is done by any touch, an attempt included.
    Otherwise the next action takes its place (*replaced*), or it falls away with the sale (*cancelled*), so that an
    offer still owed does not count as done because somebody called (R4-09 counts tasks by kind).
    """
    if is_first or task in _ANY_TOUCH_DOES or task.value == touch.value:
        return "done"
    return "cancelled" if ends else "replaced"
