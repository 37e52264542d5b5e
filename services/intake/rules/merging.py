"""Which cards are one client? A card under another leads to it; only merges and splits change that (MATCHING §12).

A record stands for ever on the card that its decision named. A card stands under the survivor of a merge until that
merge is undone. So a merge moves one card with all that stands on it, and undoing it gives back exactly what was.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from services.intake.rules.search_keys import SearchKey, search_keys
from services.intake.rules.survivorship import Card, golden

RULE_VERSION = 1


@dataclass(frozen=True, slots=True)
class Held:
    """A card with its place: `under` is the card it was merged into by `merge_id`, at `merged_at`."""

    card: Card
    created_at: datetime
    under: UUID | None = None
    merge_id: UUID | None = None
    merged_at: datetime | None = None

    @property
    def id(self) -> UUID:
        """The card's id."""
        return self.card.client_id


@dataclass(frozen=True, slots=True)
class Placed:
    """Where a card stands: under nobody, or under a card since a moment."""

    card_id: UUID
    under: UUID | None
    since: datetime | None


@dataclass(frozen=True, slots=True)
class Moved:
    """What a merge or a split did: `cards` (the first is the one named) went from one client to another."""

    cards: tuple[UUID, ...]
    left: UUID
    joined: UUID


class Families:
    """Cards and what they stand under; whole families only: every card that leads to or from one of them is there."""

    def __init__(self, held: Iterable[Held]) -> None:
        self.cards = {one.id: one for one in held}
        self._under = {one.id: one.under for one in self.cards.values()}
        self._order = {one.id: (one.merged_at, one.id.bytes) for one in self.cards.values() if one.merged_at}

    def root(self, card_id: UUID) -> UUID:
        """The client that a card stands for."""
        above = self._under[card_id]
        return card_id if above is None else self.root(above)

    def under(self, card_id: UUID) -> list[UUID]:
        """A card and all that stand under it, in the order in which they came."""
        below = sorted((one for one, above in self._under.items() if above == card_id), key=self._order.__getitem__)
        return [card_id, *(each for one in below for each in self.under(one))]

    def golden(self, client_id: UUID) -> Card:
        """The client as all of his cards together make him."""
        return golden([self.cards[one].card for one in self.under(client_id)])

    def placed(self, card_id: UUID) -> Placed:
        """What a card stands under now, and since when."""
        under = self._under[card_id]
        return Placed(card_id, under, self._order[card_id][0] if under else None)

    def roots(self) -> dict[UUID, UUID]:
        """Card → client, for all cards."""
        return {one: self.root(one) for one in self.cards}

    def merge(self, survivor: UUID, loser: UUID, at: datetime) -> Moved:
        """Put the client `loser` under the client `survivor`. Raises ValueError when they are not two clients."""
        if self._under[survivor] is not None or self._under[loser] is not None or survivor == loser:
            raise ValueError(f"{survivor} and {loser} are not two clients")
        cards = tuple(self.under(loser))
        self._under[loser], self._order[loser] = survivor, (at, loser.bytes)
        return Moved(cards, loser, survivor)

    def split(self, loser: UUID) -> Moved:
        """Let a card that was merged stand alone again, with all that stands under it. Raises ValueError if it does."""
        if self._under[loser] is None:
            raise ValueError(f"{loser} stands under nobody")
        left, cards = self.root(loser), tuple(self.under(loser))
        self._under[loser] = None
        self._order.pop(loser)
        return Moved(cards, left, loser)


def choose_survivor(one: Held, other: Held) -> tuple[Held, Held]:
    """(survivor, loser): a card with a curator before one without, a settled before a provisional one, then the older."""
    first, second = sorted(
        (one, other),
        key=lambda held: (held.card.curator is None, held.card.provisional, held.created_at, held.id.bytes),
    )
    return first, second


def shared_keys(one: Card, other: Card) -> frozenset[SearchKey]:
    """The keys that two clients have in common: what a person saw when he judged them."""
    return frozenset(search_keys(one.record)) & frozenset(search_keys(other.record))
