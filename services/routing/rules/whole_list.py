"""A list is split as a whole: everybody gets his fair share of it, rounded down or up, in all and in each region (G6).

What each is owed of a list is a table of fractions, kinds of rows by people, whose rows add up to whole numbers. A table
of fractions can always be rounded to whole numbers so that each cell and each sum is rounded down or up (a flow with
whole capacities has a whole solution); `rounded` finds the rounding in which the spare leads go to those owed most.
A list that comes in chunks carries over what it owes from chunk to chunk, in a ledger of its own.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Hashable, Iterable, Mapping, Sequence
from fractions import Fraction
from math import ceil, floor
from typing import NamedTuple

from services.routing.rules.fair_share import UNIT, Ledger, Weights

Table = Sequence[Mapping[str, Fraction]]
"""What each person is owed of each kind of rows, in leads; each line adds up to the whole number of those rows."""


class Row(NamedTuple):
    """A row of a list that is to be shared out: the pool whose ledger counts, who is eligible, and its region."""

    pool: str
    weights: Weights
    region: str


def list_pool(pool: str, list_id: str) -> str:
    """The name of the ledger that a list keeps of its own in a pool."""
    return f"{pool}#{list_id}"


class Split:
    """The rows of one list in one pool, split: how many each may still receive of each kind."""

    def __init__(self, rows: Iterable[Row], ledger: Ledger, own: Ledger) -> None:
        """`ledger` is the pool's, and says who is owed most; `own` the list's, and says what its earlier chunks left."""
        kinds = Counter((row.weights, row.region) for row in rows)
        table = [
            {who: Fraction(count * weight, sum(w for _, w in weights)) for who, weight in weights}
            for (weights, _), count in kinds.items()
        ]
        people = {who for weights, _ in kinds for who, _ in weights}
        carried = {who: Fraction(own.standings[who].balance, UNIT) for who in people if who in own.standings}
        share = {who: sum((line.get(who, Fraction()) for line in table), Fraction()) for who in people}
        owed = {who: share[who] % 1 + Fraction(ledger.balance(who), UNIT) for who in people}
        first = sorted(people, key=lambda who: (-owed[who], ledger.turn(who), who))
        self._left: dict[Hashable, dict[str, int]] = dict(zip(kinds, rounded(table, first, carried), strict=True))
        self._open = {kind: _those_with_some(left) for kind, left in self._left.items()}

    def among(self, row: Row) -> frozenset[str] | None:
        """Who may receive this row; None if the split says nothing of it, and anybody eligible may."""
        return self._open.get((row.weights, row.region))

    def took(self, row: Row, receiver: str) -> None:
        """`receiver` has received this row."""
        left = self._left.get(kind := (row.weights, row.region), {})
        if left.get(receiver):
            left[receiver] -= 1
            if not left[receiver]:
                self._open[kind] = _those_with_some(left)


def _those_with_some(left: Mapping[str, int]) -> frozenset[str] | None:
    return frozenset(who for who, count in left.items() if count > 0) or None


def rounded(table: Table, first: Sequence[str], carried: Mapping[str, Fraction] | None = None) -> list[dict[str, int]]:
    """`table` in whole numbers: its cells and the sums of its columns rounded down or up, the sums of its lines kept.

    Spare leads go to those who stand `first`. With `carried`, what earlier chunks of the list left owed, a column is
    rounded together with that; then cells may have to give way, and if several benches overlap rows may stay over.
    """
    carried = carried or {}
    owed = {who: sum((line.get(who, Fraction()) for line in table), carried.get(who, Fraction())) for who in first}
    floors = {who: max(0, floor(owed[who])) for who in first}
    flow = _Flow(table, floors, cells=True)
    if not (flow.fits and flow.raised(who for who in first if ceil(owed[who]) > floors[who])):
        flow = _Flow(table, floors, cells=False)
        flow.raised(who for who in first if ceil(owed[who]) > floors[who])
    return flow.given


class _Flow:
    """Rows given to people cell by cell, within what each cell and each person may hold; more is pushed along paths."""

    def __init__(self, table: Table, floors: Mapping[str, int], *, cells: bool) -> None:
        """Give everybody what he must have: `floors` in all and, with `cells`, each cell rounded down."""
        self.floors = floors
        self.least = [{who: floor(part) if cells else 0 for who, part in line.items()} for line in table]
        sizes = [int(sum(line.values(), Fraction())) for line in table]
        self.most = [
            {who: ceil(part) if cells else size for who, part in line.items()}
            for line, size in zip(table, sizes, strict=True)
        ]
        self.given = [dict(line) for line in self.least]
        self.spare = [size - sum(line.values()) for size, line in zip(sizes, self.given, strict=True)]
        self.holders: dict[str, list[int]] = {who: [] for who in floors}
        for kind, line in enumerate(table):
            for who in line:
                self.holders[who].append(kind)
        self.room = {
            who: most - sum(self.given[kind][who] for kind in self.holders[who]) for who, most in floors.items()
        }
        self.fits = min(self.room.values(), default=0) >= 0
        while self.fits and any(self.room.values()) and self._push():
            pass
        self.fits = self.fits and not any(self.room.values())

    def raised(self, people: Iterable[str]) -> bool:
        """Let each of `people` in turn have one more, as long as rows are left; whether none is left at the end."""
        for who in people:
            self.room[who] = 1
            self._push()
            self.room[who] = 0
        return not any(self.spare)

    def _push(self) -> bool:
        """Find one path from a kind with rows to spare to a person with room, and move as many along it as will go."""
        came: dict[tuple[str, int | str], tuple[str, int | str] | None] = {}
        line: deque[tuple[str, int | str]] = deque()
        for kind, spare in enumerate(self.spare):
            if spare:
                came["kind", kind] = None
                line.append(("kind", kind))
        while line:
            node = line.popleft()
            what, where = node
            if what == "kind" and isinstance(where, int):
                for who, now in self.given[where].items():
                    if now < self.most[where][who] and ("who", who) not in came:
                        came["who", who] = node
                        if self.room[who] > 0:
                            self._move(who, came)
                            return True
                        line.append(("who", who))
            elif isinstance(where, str):
                for kind in self.holders[where]:
                    if self.given[kind][where] > self.least[kind][where] and ("kind", kind) not in came:
                        came["kind", kind] = node
                        line.append(("kind", kind))
        return False

    def _move(self, who: str, came: Mapping[tuple[str, int | str], tuple[str, int | str] | None]) -> None:
        steps: list[tuple[int, str, int]] = []  # kind, person, +1 gives and −1 takes
        node: tuple[str, int | str] = ("who", who)
        while (before := came[node]) is not None:
            if node[0] == "who":
                steps.append((int(before[1]), str(node[1]), 1))
            else:
                steps.append((int(node[1]), str(before[1]), -1))
            node = before
        start = int(node[1])
        amount = min(
            self.spare[start],
            self.room[who],
            *(
                self.most[kind][person] - self.given[kind][person]
                if way > 0
                else self.given[kind][person] - self.least[kind][person]
                for kind, person, way in steps
            ),
        )
        for kind, person, way in steps:
            self.given[kind][person] += way * amount
        self.spare[start] -= amount
        self.room[who] -= amount
