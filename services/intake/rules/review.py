"""Which doubt should a person settle first, and what would one answer? (MATCHING §11)"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from services.intake.rules.match import Judgement
from services.intake.rules.survivorship import Card
from shared.words import Source

Suggestion = Literal["same", "different", "sister"]

VALUE: dict[Source, float] = {
    Source.INBOUND_CALL: 5.0,
    Source.REFERRAL: 4.0,
    Source.WEBSITE: 4.0,
    Source.AGENT: 3.0,
    Source.EVENT: 2.0,
    Source.OTHER: 1.0,
}
"""What a lead of each source is worth beside one of another: whoever asks himself is nearer to a sale."""
CURATED = 2.0
"""A client who has a curator is worth so many times more: somebody's relation is at stake."""
CERTAIN = 30.0
"""The bits at which two records are as good as one."""


def priority(source: Source, one: Judgement) -> float:
    """Value × closeness: 0 … 10."""
    value = VALUE[source] * (CURATED if one.card.curator else 1.0)
    return round(value * min(max(one.score, 0.0) / CERTAIN, 1.0), 3)


def suggest(one: Judgement) -> Suggestion:
    """The likely answer. Something in the names tells two firms of one house apart: sister; a lone name: another firm."""
    found = one.comparison
    if "tax id" in found.conflicts:
        return "different"
    if found.conflicts:
        return "sister" if found.name == "variant" and (found.phone or found.web) else "different"
    if found.phone or found.web or found.touch or found.person:
        return "same"
    return "different"


def label(card: Card) -> str:
    """What a group of doubts about one client is called: his domain, else his name."""
    domains: Sequence[str] = (*(box.domain for box in card.record.mailboxes if box.domain), *card.record.sites)
    return next(iter(domains), card.name)
