"""What is a card when the normalisers of today read its submissions, and which keys does it lose and gain? (MATCHING §1)"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from msgspec.structs import replace

from services.intake.rules.arrival import arrival_of
from services.intake.rules.regular import make_regular
from services.intake.rules.search_keys import SearchKey, search_keys
from services.intake.rules.survivorship import Card
from services.intake.rules.taking_back import Brought


@dataclass(frozen=True, slots=True)
class Renewed:
    """A card made anew. `lost` are keys it is found by and should not be; `gained` names for each new one who said it first."""

    card: Card
    lost: frozenset[SearchKey]
    gained: dict[SearchKey, UUID]


def renew(card: Card, stored: Collection[SearchKey], brought: Sequence[Brought]) -> Renewed:
    """`card` made anew from its submissions, in the order in which they came; `stored` are the keys it is found by.

    A card for which nothing is kept stays as it is.
    """
    made: Card | None = None
    said_by: dict[SearchKey, UUID] = {}
    for one in brought:
        record = make_regular(one.fields, one.country)
        arrival = arrival_of(one.lead_id, card.client_id, one.fields, record, one.curator)
        if made is None:
            made = replace(Card.opened_by(arrival, provisional=card.provisional), merged_into=card.merged_into)
        else:
            made = made.joined_by(arrival)
        for key in search_keys(made.record):
            said_by.setdefault(key, one.lead_id)
    if made is None:
        return Renewed(card, frozenset(), {})
    return Renewed(
        card=made,
        lost=frozenset(stored) - said_by.keys(),
        gained={key: lead_id for key, lead_id in said_by.items() if key not in stored},
    )


def changed_holders(
    renewed: Iterable[Renewed], stored: Mapping[UUID, Collection[SearchKey]], clients: Mapping[UUID, UUID]
) -> dict[SearchKey, int]:
    """By how much the number of clients that hold each key changes; a client is counted once, whichever cards have it.

    `stored` are the keys of all cards of these clients, `clients` says card → client.
    """
    before = {(key, clients[card_id]) for card_id, keys in stored.items() for key in keys}
    now = {card_id: set(keys) for card_id, keys in stored.items()}
    for one in renewed:
        keys = now.setdefault(one.card.client_id, set())
        keys.difference_update(one.lost)
        keys.update(one.gained)
    after = {(key, clients[card_id]) for card_id, keys in now.items() for key in keys}
    change: dict[SearchKey, int] = {}
    for key, _ in before - after:
        change[key] = change.get(key, 0) - 1
    for key, _ in after - before:
        change[key] = change.get(key, 0) + 1
    return {key: more for key, more in change.items() if more}
