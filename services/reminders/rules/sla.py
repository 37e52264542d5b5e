"""By when must a lead get its first reaction? (SLA)

The term of each source is a setting (table `sla_policies`); `DEFAULTS` is what the table begins with.
A term in minutes is used up by working time alone.
A term in days ends when the office closes on the last of them, and the day the lead came on does not count.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from shared.words import Source
from shared.working_time import OfficeCalendar

Unit = Literal["working_minutes", "working_days"]


@dataclass(frozen=True, slots=True)
class Term:
    """How long a first reaction may take, in working minutes or working days."""

    amount: int
    unit: Unit

    def __str__(self) -> str:
        amount, name = self.amount, self.unit.partition("_")[2]
        if name == "minutes" and amount and amount % 60 == 0:
            amount, name = amount // 60, "hours"
        return f"{amount} working {name.removesuffix('s') if amount == 1 else name}"


# The regulation is silent about `other` (a personal link, a directory, the press): such a lead is nobody's guest and in
# no hurry of its own, so it gets the term that a meeting won by an agent gets.
DEFAULTS: Mapping[Source, Term] = {
    Source.INBOUND_CALL: Term(0, "working_minutes"),
    Source.WEBSITE: Term(30, "working_minutes"),
    Source.REFERRAL: Term(4 * 60, "working_minutes"),
    Source.AGENT: Term(1, "working_days"),
    Source.EVENT: Term(3, "working_days"),
    Source.OTHER: Term(1, "working_days"),
}


def first_reaction_due(term: Term, received_at: datetime, calendar: OfficeCalendar) -> datetime:
    """When the first reaction to a lead received at `received_at` is due (UTC), in the office's working calendar."""
    if term.unit == "working_days":
        return calendar.add_days(received_at, term.amount)
    return calendar.add(received_at, timedelta(minutes=term.amount))
