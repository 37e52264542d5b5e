"""Who is each of these? One after another: what a lead opens or adds to is there for the next one (R1-40).

A batch gives what its leads would have given one by one, in the same order.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from uuid import UUID

from msgspec import Struct

from services.intake.rules.match import MOST_CANDIDATES, Decision, decide
from services.intake.rules.search_keys import SearchKey, brings_candidates, search_keys
from services.intake.rules.survivorship import UNKNOWN, Arrival, Card, golden
from shared.words import Outcome


class Recognised(Struct, frozen=True):
    """What was decided for one arrival: its card afterwards, and the keys the card did not have before.

    `changed` says whether the card is another than it was; `curated` whether it got its curator now.
    `shared_keys` are those that are new to the card and not to its client: another card merged with it has them.
    """

    arrival: Arrival
    decision: Decision
    card: Card
    new_keys: tuple[SearchKey, ...]
    changed: bool
    curated: bool
    shared_keys: tuple[SearchKey, ...] = ()

    @property
    def opened(self) -> bool:
        """Whether the lead opened its card; a possible one opens a provisional card and never waits."""
        return self.decision.client_id is None

    @property
    def region(self) -> tuple[str, str]:
        """The region a lead is routed by, and what it was known by: its own when it says one, else the card's (R1-43)."""
        arrival, card = self.arrival, self.card
        return (card.region, card.region_by) if arrival.region_by == UNKNOWN else (arrival.region, arrival.region_by)


@dataclass(slots=True)
class Known:
    """The cards within reach of a batch, by key, and how many clients hold each key; it grows while the batch is read.

    `families` names, for each client made of several cards, all of them in order, the survivor's own first; every one
    of them is among `cards`. `apart` are the pairs of these clients that a person has told apart.
    `versions` tell, of a card that was read, whether it is still as it was read.
    """

    cards: dict[UUID, Card] = field(default_factory=dict)
    holders: dict[SearchKey, list[UUID]] = field(default_factory=dict)
    frequencies: dict[SearchKey, int] = field(default_factory=dict)
    families: dict[UUID, list[UUID]] = field(default_factory=dict)
    apart: dict[frozenset[UUID], frozenset[SearchKey]] = field(default_factory=dict)
    versions: dict[UUID, str] = field(default_factory=dict)

    def candidates(self, keys: Sequence[SearchKey]) -> list[Card]:
        """The cards that share a key with a lead, the rarest keys first; a key that many hold brings none."""
        shared: dict[UUID, float] = {}
        for key in keys:
            holders = self.frequencies.get(key, 0)
            if brings_candidates(key, holders):
                for client_id in self.holders.get(key, ()):
                    shared[client_id] = shared.get(client_id, 0.0) + 1.0 / holders
        best = sorted(shared, key=lambda client_id: (-shared[client_id], client_id.bytes))
        if not self.families:
            return [self.cards[client_id] for client_id in best[:MOST_CANDIDATES]]
        return self._with_survivors(best[:MOST_CANDIDATES])

    def _with_survivors(self, found: Sequence[UUID]) -> list[Card]:
        """A merged card stands for its client as it is, and the client also as all of his cards together make him."""
        cards: dict[UUID, Card] = {}
        for card_id in found:
            client_id = self.cards[card_id].belongs_to
            if client_id in self.families:
                cards[client_id] = golden([self.cards[one] for one in self.families[client_id]])
            cards.setdefault(card_id, self.cards[card_id])
        return list(cards.values())

    def others_hold(self, card: Card, key: SearchKey) -> bool:
        """Whether another card of the same client has `key` already."""
        family = self.families.get(card.belongs_to, ())
        return any(one != card.client_id and key in search_keys(self.cards[one].record) for one in family)

    def keep(self, card: Card, keys: Sequence[SearchKey]) -> None:
        """Put a card where it is found by `keys`, which it did not have before."""
        self.cards[card.client_id] = card
        for key in keys:
            self.holders.setdefault(key, []).append(card.client_id)
            self.frequencies[key] = self.frequencies.get(key, 0) + 1


def recognise(
    arrivals: Sequence[Arrival], known: Known, not_of: Mapping[UUID, UUID] = MappingProxyType({})
) -> list[Recognised]:
    """Decide on all `arrivals` in order. Pure: it reads and grows nothing but `known`.

    `not_of`: lead → the client that a person has said it is not of; he is no candidate for it.
    """
    results = []
    for arrival in arrivals:
        candidates = known.candidates(arrival.keys)
        if stranger := not_of.get(arrival.lead_id):
            candidates = [card for card in candidates if card.belongs_to != stranger]
        decision = decide(arrival.record, candidates, known.frequencies, arrival.region, known.apart)
        shared_keys: tuple[SearchKey, ...] = ()
        if decision.client_id is None:
            card = Card.opened_by(arrival, provisional=decision.outcome is Outcome.POSSIBLE)
            new_keys, changed, curated = arrival.keys, True, card.curator is not None
        else:
            old = known.cards[decision.client_id]
            card = old.joined_by(arrival)
            changed, curated = card != old, card.curator != old.curator
            had = set(search_keys(old.record)) if changed else set()
            new_keys = tuple(key for key in search_keys(card.record) if key not in had) if changed else ()
            if new_keys and card.belongs_to in known.families:
                shared_keys = tuple(key for key in new_keys if known.others_hold(card, key))
                new_keys = tuple(key for key in new_keys if key not in shared_keys)
        known.keep(card, new_keys)
        results.append(Recognised(arrival, decision, card, new_keys, changed, curated, shared_keys))
    return results
