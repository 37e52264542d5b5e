"""Sharing leads evenly: a ledger of what everybody in a pool is owed, exact to the last unit (G6).

A lead is credited to everybody eligible for it, each with his weight's share, and debited to the one who receives it.
The one owed most receives; among equals the one who has waited longest; among those the first by name, so that the
same history always gives the same receiver. `docs/fairness.md` states the bounds and proves them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

UNIT = 80_313_433_200
"""One lead in units of the ledger: the least number that 1, 2 … 28 all divide, so equal shares are exact integers."""

Weights = tuple[tuple[str, int], ...]
"""Who is eligible for a lead, in order of id, each with his weight in thousandths."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What somebody is owed, in units, and the turn at which he last received (0: never)."""

    balance: int = 0
    turn: int = 0


@dataclass(frozen=True, slots=True)
class Share:
    """How one lead was shared: who received it, and the standing of everybody eligible before and after."""

    receiver: str
    before: Mapping[str, Standing]
    after: Mapping[str, Standing]


@lru_cache(maxsize=4096)
def parts(weights: Weights) -> tuple[int, ...]:
    """Each eligible one's part of a lead, in units, in the order of `weights`; they always add up to `UNIT`.

    What does not divide goes out one unit at a time by largest remainder, then by order: never more than one unit
    (a hundred-thousand-millionth of a lead) beside the exact share.
    """
    total = sum(weight for _, weight in weights)
    shares = [divmod(UNIT * weight, total) for _, weight in weights]
    left = UNIT - sum(part for part, _ in shares)
    lucky = sorted(range(len(shares)), key=lambda n: (-shares[n][1], n))[:left]
    return tuple(part + (n in lucky) for n, (part, _) in enumerate(shares))


class Ledger:
    """The standings of one pool, held in memory while a batch of leads is shared out.

    `changed` names those whose standing is no longer what it was given as.
    """

    __slots__ = ("_turn", "changed", "standings")

    def __init__(self, standings: Mapping[str, Standing] | None = None) -> None:
        self.standings = dict(standings or {})
        self.changed: set[str] = set()
        self._turn = max((standing.turn for standing in self.standings.values()), default=0)

    def share_out(self, weights: Weights) -> Share:
        """Give one lead to the one owed most of `weights` (never empty). A newcomer starts at nothing owed (G6)."""
        self._turn += 1
        before = {who: self.standings.get(who, _NEW) for who, _ in weights}
        owed = {who: before[who].balance + part for (who, _), part in zip(weights, parts(weights), strict=True)}
        receiver = min(owed, key=lambda who: (-owed[who], before[who].turn, who))
        after = {who: Standing(owed[who], before[who].turn) for who in owed}
        after[receiver] = Standing(owed[receiver] - UNIT, self._turn)
        self._set(after)
        return Share(receiver, before, after)

    def give_back(self, parts: Mapping[str, int]) -> None:
        """Undo what a lead did to the balances: it turned out to be somebody else's client (G6).

        `parts` is what the lead added to each balance, in units, as `parts_of` says; it adds up to nothing.
        """
        self._set(
            {
                who: Standing(self.standings.get(who, _NEW).balance - part, self.standings.get(who, _NEW).turn)
                for who, part in parts.items()
            }
        )

    def _set(self, standings: Mapping[str, Standing]) -> None:
        self.standings.update(standings)
        self.changed.update(standings)


_NEW = Standing()


def parts_of(before: Mapping[str, int], after: Mapping[str, int]) -> dict[str, int]:
    """What one lead added to each balance, in units: his credit, less a whole lead for the receiver."""
    return {who: after[who] - before[who] for who in before}


def in_leads(units: int) -> float:
    """Units as leads, for people to read; nothing is ever decided by it."""
    return round(units / UNIT, 4)


def weights_of(people: Iterable[tuple[str, int]]) -> Weights:
    """The eligible ones in the one order that sharing uses: by id."""
    return tuple(sorted(people))
