"""By when must a receiver say whether he takes a lead, and what follows when he has not? (SLA)

The term of each source is a setting (table `acceptance_policies`), in the working calendar of the receiver's office. It is
about a third of the first reaction's term, so that the next one can still react in time; a call, which must be entered at
once, has a quarter of an hour. After half of it he is reminded, after all of it the lead goes on.
Nobody is to lose a lead because the room was down: what was missed is not held against him, he gets the second half again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

from services.reminders.rules.catch_up import LATE, SPREAD_SECONDS
from services.reminders.rules.sla import Term, first_reaction_due
from shared.words import Source
from shared.working_time import OfficeCalendar

Step = Literal["warning", "expired"]

DEFAULTS: Mapping[Source, Term] = {
    Source.INBOUND_CALL: Term(15, "working_minutes"),
    Source.WEBSITE: Term(10, "working_minutes"),
    Source.REFERRAL: Term(60, "working_minutes"),
    Source.AGENT: Term(180, "working_minutes"),
    Source.EVENT: Term(1, "working_days"),
    Source.OTHER: Term(180, "working_minutes"),
}


@dataclass(frozen=True, slots=True)
class Waiting:
    """The moments of an answer that is awaited: when the receiver is reminded, and when his time is over (UTC)."""

    warn_at: datetime
    due_at: datetime


@dataclass(frozen=True, slots=True)
class Turn:
    """What follows when a moment has come: what to say, if anything; the next step and its moment, if any."""

    says: Step | None
    next_step: Step | None
    next_at: datetime | None
    due_at: datetime


def waiting_from(term: Term, asked_at: datetime, calendar: OfficeCalendar) -> Waiting:
    """How long the answer to a question asked at `asked_at` is waited for."""
    due_at = first_reaction_due(term, asked_at, calendar)
    half = max(calendar.between(asked_at, due_at), timedelta()) / 2
    return Waiting(calendar.add(asked_at, half), due_at)


def what_comes(
    lead_id: UUID, step: Step, waiting: Waiting, again: Waiting, now: datetime, calendar: OfficeCalendar
) -> Turn:
    """Decide for a lead whose `step` has come at or before `now`.

    `again` is how long it would be waited for by the calendar and the term as they stand now: a day off that was entered
    meanwhile counts, and nobody's time gets shorter.
    """
    planned = waiting.warn_at if step == "warning" else waiting.due_at
    if now - planned > LATE:
        if (opens := calendar.next_working_moment(now)) > now:
            calm = calendar.add(opens, timedelta(seconds=lead_id.int % SPREAD_SECONDS))
            return Turn(None, step, calm, waiting.due_at)
        second_half = calendar.between(waiting.warn_at, waiting.due_at)
        due_at = max(waiting.due_at, again.due_at, calendar.add(now, second_half))
        return Turn("warning" if step == "warning" else None, "expired", due_at, due_at)
    if step == "warning":
        return Turn("warning", "expired", waiting.due_at, waiting.due_at)
    if again.due_at > now:
        return Turn(None, "expired", again.due_at, again.due_at)
    return Turn("expired", None, None, waiting.due_at)
