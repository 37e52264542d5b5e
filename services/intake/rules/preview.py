"""What would become of these rows? A list is judged piece by piece and nothing is kept: each piece is told what came before.

A piece sees the base as it stands, and on top of it the cards that earlier pieces would have opened or changed.
Whoever asks carries those from answer to question (`Earlier`), so no replica has to remember anything.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from services.intake.rules.recognition import Known, Recognised
from services.intake.rules.search_keys import SearchKey, brings_candidates, search_keys
from services.intake.rules.survivorship import Card


@dataclass(frozen=True, slots=True)
class Gain:
    """A key that a card would have gained, by its address in the index."""

    address: int
    client_id: UUID


@dataclass(frozen=True, slots=True)
class Crowd:
    """A key that so many cards would have gained that it brings none of them: only how many counts."""

    address: int
    holders: int


@dataclass(frozen=True, slots=True)
class Earlier:
    """What earlier rows of a list would have left behind, as far as a piece can meet it."""

    cards: tuple[Card, ...] = ()
    gains: tuple[Gain, ...] = field(default=())
    crowds: tuple[Crowd, ...] = field(default=())


def on_top(known: Known, earlier: Earlier, keys: Iterable[SearchKey]) -> Known:
    """`known` as it would stand if the earlier rows had been taken in; `keys` are those that were looked up.

    A key that too many would hold brings no candidates, as the index would bring none.
    """
    by_address = {key.address: key for key in keys}
    for card in earlier.cards:
        known.cards[card.client_id] = card
    for gain in earlier.gains:
        if (key := by_address.get(gain.address)) is None:
            continue
        known.frequencies[key] = known.frequencies.get(key, 0) + 1
        known.holders.setdefault(key, []).append(gain.client_id)
    for crowd in earlier.crowds:
        if (key := by_address.get(crowd.address)) is not None:
            known.frequencies[key] = known.frequencies.get(key, 0) + crowd.holders
    for key, holders in list(known.frequencies.items()):
        if not brings_candidates(key, holders):
            known.holders.pop(key, None)
    return known


def left_behind(results: Sequence[Recognised]) -> tuple[list[Card], list[Gain]]:
    """What these rows would leave behind: each card that is another now, as it stands at the end, and the keys gained."""
    cards = {one.card.client_id: one.card for one in results if one.changed}
    gains = [Gain(key.address, one.card.client_id) for one in results for key in one.new_keys]
    return list(cards.values()), gains


def found_by(card: Card) -> list[int]:
    """The addresses under which a card is found."""
    return [key.address for key in search_keys(card.record)]
