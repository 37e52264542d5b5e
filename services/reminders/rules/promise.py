"""By when is a task promised, and by which rule? (SLA, R4-11, R4-12)"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from services.reminders.rules.sla import Term, first_reaction_due
from shared.words import Source
from shared.working_time import OfficeCalendar


@dataclass(frozen=True, slots=True)
class Promise:
    """What was promised: from when it counts, when it is due (UTC), and why so."""

    counted_from: datetime
    due_at: datetime
    by_rule: str


def first_reaction(
    source: Source, term: Term, received_at: datetime, calendar: OfficeCalendar, meeting_at: datetime | None = None
) -> Promise:
    """The first reaction to a lead is due when the term of its source is over, and before its meeting begins (SLA)."""
    due_at = first_reaction_due(term, received_at, calendar)
    if meeting_at is not None and received_at < meeting_at < due_at:
        return Promise(received_at, meeting_at, f"SLA: {source}, before the meeting")
    return Promise(received_at, due_at, f"SLA: {source}, {term}")


def given_moment(due_at: datetime, said_at: datetime, named_date: date | None) -> Promise:
    """What was promised for a moment is due at that moment, in office hours or not (R4-11).

    With `named_date` the moment stands for deferred demand: process found it at 2/3 of the client's term (R4-12).
    """
    if named_date is not None:
        return Promise(said_at, due_at, f"R4-12: two thirds of the way to {named_date}")
    return Promise(said_at, due_at, "R4-11: as promised")
