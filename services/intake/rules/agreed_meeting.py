"""When is the meeting that was agreed on the telephone, and can it be? (R1-21, R1-26, R1-28)"""

from __future__ import annotations

from datetime import datetime, timedelta

from shared.commands import CallForm
from shared.events import AgreedMeeting, Fault

LENGTH = timedelta(hours=1)
"""How long a meeting takes of which nobody has said it."""

FAR = timedelta(days=366)
"""A meeting further off is taken for a slip of the pen."""


def meeting_of(call: CallForm | None) -> AgreedMeeting | None:
    """The meeting that a call has led to; None where no moment was told."""
    if call is None or call.meeting_at is None or call.meeting == "declined":
        return None
    length = timedelta(minutes=call.meeting_minutes) if call.meeting_minutes else LENGTH
    return AgreedMeeting(at=call.meeting_at, until=call.meeting_at + length, place=call.meeting)


def faults_of_meeting(call: CallForm | None, said_at: datetime) -> list[Fault]:
    """What is wrong with the meeting of a call that was told of at `said_at`; one that is over by then cannot be agreed."""
    if call is None:
        return []
    if call.meeting_at is None:
        if call.meeting_minutes is None:
            return []
        problem, remedy = "it says how long the meeting is, and not when", "give call.meeting_at as well"
        return [Fault(field="call.meeting_minutes", problem=problem, remedy=remedy)]
    when = f"the meeting is set for {call.meeting_at:%Y-%m-%d %H:%M %Z}"
    if call.meeting == "declined":
        problem, remedy = f"{when}, and it was declined", "leave the moment out, or say `ours` or `theirs`"
    elif call.meeting_at <= said_at:
        problem, remedy = f"{when}, which is over", "give the moment that was agreed on, with its time zone"
    elif call.meeting_at > said_at + FAR:
        problem, remedy = f"{when}, more than a year away", "check the year"
    else:
        return []
    return [Fault(field="call.meeting_at", problem=problem, remedy=remedy)]
