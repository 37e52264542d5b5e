"""What is left of a card when some of its submissions are taken back? What the others say of it, as if they had come alone."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from msgspec.structs import replace

from services.intake.rules.arrival import arrival_of
from services.intake.rules.regular import make_regular
from services.intake.rules.search_keys import SearchKey, search_keys
from services.intake.rules.survivorship import Card
from shared.commands import LeadFields


@dataclass(frozen=True, slots=True)
class Brought:
    """A submission that stands on a card."""

    lead_id: UUID
    fields: LeadFields
    country: str
    curator: str | None = None


@dataclass(frozen=True, slots=True)
class Left:
    """A card as it is left: `card` None if nothing is left of it.

    `said_by` names for each of its keys the first submission that says it, `lost` are the keys that nobody says any more.
    """

    client_id: UUID
    card: Card | None
    said_by: dict[SearchKey, UUID]
    lost: frozenset[SearchKey]


def keys_of(brought: Iterable[Brought]) -> set[SearchKey]:
    """Every key that these submissions have ever given their card."""
    return {key for one in brought for key in search_keys(make_regular(one.fields, one.country))}


def left_of(card: Card, brought: Sequence[Brought], leaving: Collection[UUID]) -> Left:
    """`card` made anew from those of its submissions, in the order in which they came, that do not leave (MATCHING §12).

    Whether it is provisional is not asked anew: a person decides that.
    """
    left: Card | None = None
    said_by: dict[SearchKey, UUID] = {}
    before = set(search_keys(card.record))
    for one in brought:
        record = make_regular(one.fields, one.country)
        arrival = arrival_of(one.lead_id, card.client_id, one.fields, record, one.curator)
        before.update(arrival.keys)
        if one.lead_id in leaving:
            continue
        for key in arrival.keys:
            said_by.setdefault(key, one.lead_id)
        if left is None:
            left = replace(Card.opened_by(arrival, provisional=card.provisional), merged_into=card.merged_into)
        else:
            left = left.joined_by(arrival)
    return Left(card.client_id, left, said_by, frozenset(before - said_by.keys()))
