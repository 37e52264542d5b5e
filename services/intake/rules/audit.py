"""How often is a lead joined to a wrong card by itself? People look at a sample, and the share is estimated (MATCHING §11)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import sqrt
from uuid import UUID

from shared.words import Outcome

ONE_IN = 100
"""Of the joins by the surest rules one in so many is looked at; by the others, all."""
ALWAYS = frozenset({"S2", "S3", "S4"})
"""A name with a slip of the pen, or none: these rules are looked at whole."""
NEVER = frozenset({"S-judged"})
"""A person said it already."""
_Z = 1.959964
"""Two sides, 95 %."""


def audited_as_one_in(outcome: Outcome, rule: str, lead_id: UUID) -> int:
    """Of how many joins this one stands for if it is to be looked at; 0 if it is not.

    The sample is a matter of the lead's id alone: the same leads whoever asks, and nobody can choose.
    """
    if outcome is not Outcome.SAME or rule in NEVER:
        return 0
    if rule in ALWAYS:
        return 1
    return ONE_IN if lead_id.int % ONE_IN == 0 else 0


@dataclass(frozen=True, slots=True)
class Stratum:
    """The audited joins of one rule: how many joins they stand for, how many were judged, how many of these were wrong."""

    rule: str
    joins: int
    judged: int
    wrong: int

    @property
    def right(self) -> tuple[float, float]:
        """Between which shares the right joins are, with 95 % certainty."""
        return wilson(self.judged - self.wrong, self.judged)


@dataclass(frozen=True, slots=True)
class Precision:
    """All automatic joins together. `precision` is the estimate, `low` what it is at least with 95 % certainty.

    Each rule counts with the joins it made. `low` takes the lowest of every rule at once: it errs on the safe side.
    None when nothing, or nothing of some rule, has been looked at.
    """

    joins: int
    judged: int
    wrong: int
    precision: float | None
    low: float | None


def precision_of(strata: Iterable[Stratum]) -> Precision:
    """The precision of the joins of all `strata` together."""
    found = [one for one in strata if one.joins]
    joins, judged, wrong = (sum(getattr(one, name) for one in found) for name in ("joins", "judged", "wrong"))
    if not joins or any(not one.judged for one in found):
        return Precision(joins, judged, wrong, None, None)
    precision = sum(one.joins * (1 - one.wrong / one.judged) for one in found) / joins
    low = sum(one.joins * one.right[0] for one in found) / joins
    return Precision(joins, judged, wrong, precision, low)


def wilson(well: int, of: int) -> tuple[float, float]:
    """Wilson's interval for a share of which `well` of `of` were seen: (low, high); everything is possible of nothing."""
    if not of:
        return 0.0, 1.0
    share, square = well / of, _Z * _Z
    middle = share + square / (2 * of)
    spread = _Z * sqrt(share * (1 - share) / of + square / (4 * of * of))
    return max((middle - spread) / (1 + square / of), 0.0), min((middle + spread) / (1 + square / of), 1.0)
