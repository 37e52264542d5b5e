"""What is told of a meeting that a manager has set, so that nobody lays another on top of it (R1-28, stages)."""

from __future__ import annotations

from datetime import timedelta

from services.process.rules.sale import Sale
from shared.commands import MeetingFacts
from shared.events import SetMeeting

MINUTES = 60
"""How long a meeting lasts of which nobody said it."""


def set_meeting(facts: MeetingFacts | None, sale: Sale) -> SetMeeting | None:
    """The meeting as others need to know it: when, and who holds it if it is not whoever works the sale.

    Not where: that is written by hand, and may be anything.
    """
    if facts is None:
        return None
    return SetMeeting(
        at=facts.at,
        until=facts.at + timedelta(minutes=facts.minutes or MINUTES),
        holder=None if facts.holder == sale.manager else facts.holder,
        company=sale.company,
    )
