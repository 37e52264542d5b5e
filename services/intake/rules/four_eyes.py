"""When must a second person confirm that clients are one? When somebody's relation or sale is at stake (MATCHING §11)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from uuid import UUID

from services.intake.rules.survivorship import Card


def reasons_for_two(clients: Sequence[Card], told: Sequence[str] = ()) -> list[str]:
    """Why these clients do not become one by a single person's word; empty when they may.

    One of their curators would lose his client. `told` are reasons that other rooms know, such as sales open with both.
    """
    curators = sorted({card.curator for card in clients if card.curator})
    own = [f"their curators are {' and '.join(curators)}: only one of them would go on"] if len(curators) > 1 else []
    return [*own, *dict.fromkeys(told)]


def would_be_one(pairs: Iterable[tuple[UUID, UUID]]) -> list[list[UUID]]:
    """The clients that these pairs make one, group by group: a pair with each of two others makes one of all three."""
    groups: list[list[UUID]] = []
    for pair in pairs:
        met = [group for group in groups if not set(group).isdisjoint(pair)]
        groups = [group for group in groups if group not in met]
        groups.append(list(dict.fromkeys([each for group in met for each in group] + list(pair))))
    return groups
