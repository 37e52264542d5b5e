"""Sharing leads evenly: a ledger of what everybody in a pool is owed, exact to the last unit (G6).

A lead is credited to everybody eligible for it, each with his weight's share, and debited to the one who receives it.
The one owed most receives; among equals the one who has waited longest; among those the first by name, so that the
same history always gives the same receiver. `docs/fairness.md` states the bounds and proves them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache

from msgspec import Struct

UNIT = 80_313_433_200
"""One lead in units of the ledger: the least number that 1, 2 … 28 all divide, so equal shares are exact integers."""

TURN = 2
"""What the turn of a pool moves on by with a lead that counts as one of a run."""

Weights = tuple[tuple[str, int], ...]
"""Who is eligible for a lead, in order of id, each with his weight in thousandths."""


class Standing(Struct, frozen=True):
    """What somebody is owed, in units, and the turn at which he last received (0: never)."""

    balance: int = 0
    turn: int = 0


class Share(Struct, frozen=True):
    """How one lead was shared: who received it, and the standing of everybody eligible before and after.

    `among` are those who might receive, where not everybody eligible might: of a list, or while one rests.
    """

    receiver: str
    before: Mapping[str, Standing]
    after: Mapping[str, Standing]
    among: frozenset[str] | None = None


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


def turned(weights: Weights, *, new: bool) -> int:
    """By how much a lead moves the turn of its pool; `new` is whether somebody else received the one before.

    A whole `TURN` if an equal was eligible too: so many turns the last receiver has had in a row. Otherwise just enough
    for him to be the last, because what nobody else could have, or is earned by weight, is no run of leads.
    """
    return TURN if _of_equals(weights) else int(new)


@lru_cache(maxsize=4096)
def _of_equals(weights: Weights) -> bool:
    return len(weights) > 1 and all(weight == weights[0][1] for _, weight in weights)


class Ledger:
    """The standings of one pool, held in memory while a batch of leads is shared out.

    `changed` names those whose standing is no longer what it was given as.
    """

    __slots__ = ("_last", "_run", "_turn", "changed", "standings")

    def __init__(self, standings: Mapping[str, Standing] | None = None) -> None:
        self.standings = dict(standings or {})
        self.changed: set[str] = set()
        turns = sorted((standing.turn, who) for who, standing in self.standings.items())
        self._turn, self._last = turns[-1] if turns and turns[-1][0] else (0, "")
        self._run = self._turn - (turns[-2][0] if len(turns) > 1 else 0)

    def share_out(self, weights: Weights, among: frozenset[str] | None = None, *, rest: bool = True) -> Share:
        """Give one lead to the one owed most of `weights` (never empty). A newcomer starts at nothing owed (G6).

        All of `weights` are credited; with `among`, some of them, only those may receive (`whole_list`). Among equals in
        weight nobody receives more than two in a row that another might have had, as one long absent else would, unless
        it would take one of them further than a lead and a half from what he is owed; without `rest` that is not asked,
        because the record of a decision says it.
        """
        before, owed = self._credited(weights)

        def rank(who: str) -> tuple[int, int, str]:
            return -owed[who], before[who].turn, who

        could = owed.keys() if among is None else among
        receiver = min(could, key=rank)
        if rest and receiver == self._last and self._run >= 2 * TURN and _of_equals(weights):
            others = frozenset(could) - {receiver}
            if others and self._may_rest(owed, receiver, other := min(others, key=rank)):
                among, receiver = others, other
        return Share(receiver, before, self._booked(weights, before, owed, receiver), among)

    def book(self, weights: Weights, receiver: str) -> None:
        """Give one lead of `weights` to the one whom another ledger has named."""
        self._booked(weights, *self._credited(weights), receiver)

    def _credited(self, weights: Weights) -> tuple[dict[str, Standing], dict[str, int]]:
        before = {who: self.standings.get(who, _NEW) for who, _ in weights}
        return before, {
            who: one.balance + part for (who, one), part in zip(before.items(), parts(weights), strict=True)
        }

    def _booked(
        self, weights: Weights, before: Mapping[str, Standing], owed: Mapping[str, int], receiver: str
    ) -> dict[str, Standing]:
        new = receiver != self._last
        step = turned(weights, new=new)
        self._turn, self._run, self._last = self._turn + step, step if new else self._run + step, receiver
        after = {who: Standing(balance, before[who].turn) for who, balance in owed.items()}
        after[receiver] = Standing(owed[receiver] - UNIT, self._turn)
        self._set(after)
        return after

    def _may_rest(self, owed: Mapping[str, int], resting: str, receiver: str) -> bool:
        """Whether `receiver` may receive in place of the one `resting`, and nothing that is promised is lost by it.

        It takes neither further than a lead and a half from what he is owed, and of all n of the pool the k owed most are
        still owed k(n − k)/2 leads at most (`docs/fairness.md`).
        """
        if 2 * owed[resting] > 3 * UNIT or 2 * owed[receiver] < -UNIT:
            return False
        balances = {**{who: standing.balance for who, standing in self.standings.items()}, **owed}
        balances[receiver] -= UNIT
        n, total = len(balances), 0
        for k, balance in enumerate(sorted(balances.values(), reverse=True), start=1):
            total += balance
            if 2 * total > k * (n - k) * UNIT:
                return False
        return True

    def balance(self, who: str) -> int:
        """What `who` is owed, in units."""
        return self.standings.get(who, _NEW).balance

    def turn(self, who: str) -> int:
        """The turn at which `who` last received; 0: never."""
        return self.standings.get(who, _NEW).turn

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


def promised(members: int) -> int:
    """The most that anybody of a pool of so many may be owed or ahead, in units, whoever is there when (docs/fairness.md).

    (n − 1)/2 leads are proved for sharing alone. Shares given back come on top and go with the next leads, so of a small
    pool a lead and a half is still in order.
    """
    return max(3 * UNIT, (members - 1) * UNIT) // 2


def in_leads(units: int) -> float:
    """Units as leads, for people to read; nothing is ever decided by it."""
    return round(units / UNIT, 4)


def weights_of(people: Iterable[tuple[str, int]]) -> Weights:
    """The eligible ones in the one order that sharing uses: by id."""
    return tuple(sorted(people))
