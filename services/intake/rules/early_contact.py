"""Is it a lead already? A registration alone is none, nor is an agent's contact without a meeting (R1-31, R1-26).

Both are kept, and joined to the lead when one comes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from services.intake.rules.keys import RegularLead
from services.intake.rules.match import judge
from services.intake.rules.placeholder import is_placeholder
from services.intake.rules.search_keys import SearchKey
from services.intake.rules.survivorship import Card
from shared.commands import CallForm, LeadFields, Occasion
from shared.words import Outcome, Source

REGISTRATION, NO_MEETING = "R1-31", "R1-26"

BECAUSE: dict[str, str] = {
    REGISTRATION: "a registration on the web site alone is no lead; it is kept until one comes",
    NO_MEETING: "an agent's contact counts when a meeting is agreed; it is kept until then",
}
"""Why something is no lead yet, in words that people read in an explanation."""

_ASKS = ("interest", "comment", "callback", "term")
"""The cells in which somebody asks for something: with one of them a registration is a request for information."""


@dataclass(frozen=True, slots=True)
class EarlyContact:
    """A contact that was kept: when and where it was made, and its regular keys."""

    id: UUID
    rule: str
    source: Source
    campaign: str | None
    received_at: datetime
    record: RegularLead


@dataclass(frozen=True, slots=True)
class Met:
    """An early contact that is the client of a lead (`same`), or may be he (`possible`), by a rule of recognition."""

    contact: EarlyContact
    outcome: Literal["same", "possible"]
    rule: str


def no_lead_yet(source: Source, fields: LeadFields, occasion: Occasion | None, call: CallForm | None) -> str | None:
    """The rule by which this is no lead yet; None for a lead.

    A download of materials and a request for information are leads. An agent who hands in no answers hands in a meeting.
    """
    if source is Source.WEBSITE and occasion == "registration" and not _asks(fields):
        return REGISTRATION
    is_agreed = call is None or (call.meeting != "declined" and (call.meeting or call.meeting_at) is not None)
    if source is Source.AGENT and not is_agreed:
        return NO_MEETING
    return None


def _asks(fields: LeadFields) -> bool:
    cells = (getattr(fields, name).strip() for name in _ASKS)
    return any(cell and not is_placeholder(cell) for cell in cells)


def met_by(
    record: RegularLead, contacts: Iterable[EarlyContact], frequencies: Mapping[SearchKey, int], region: str = ""
) -> list[Met]:
    """Which of `contacts` are whoever `record` is of, by the rules that recognise clients; the earliest first.

    A name or a surname alone does not say so, nor does a contact of whom something tells another company.
    """
    found = []
    for one in sorted(contacts, key=lambda each: (each.received_at, each.id.bytes)):
        judged = judge(record, Card(one.id, "", one.record), frequencies, region)
        if judged.outcome is Outcome.SAME:
            found.append(Met(one, "same", judged.rule))
        elif judged.outcome is Outcome.POSSIBLE and judged.comparison.touch and not judged.comparison.conflicts:
            found.append(Met(one, "possible", judged.rule))
    return found
