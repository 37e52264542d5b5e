"""`python -m tests.bench.fairness`: how far random histories take the ledger of a pool; no server, no clock.

Every other history has equal weights, the others weights of 0.5 to 2. A run is counted among equals, of leads that
somebody else might have had. Prints Markdown for `docs/fairness.md`; the same seed prints the same line.
"""

from __future__ import annotations

import argparse
import sys
from typing import NamedTuple

from services.routing.rules.fair_share import UNIT, Ledger, Weights
from tests.comings import history, subsets

_KINDS = {"coming": history, "subsets": subsets}


class Seen(NamedTuple):
    """The most that anybody eligible was from what he is owed, in units, and the longest run of leads to one of equals."""

    deviation: int
    run: int


def tell(leads: list[Weights], *, rest: bool = True) -> Seen:
    """Share out one history."""
    ledger, most, longest, run, last = Ledger(), 0, 0, 0, ""
    for eligible in leads:
        share = ledger.share_out(eligible, rest=rest)
        most = max(most, *(abs(standing.balance) for standing in share.after.values()))
        if share.receiver != last:
            last, run = share.receiver, 0
        if len(eligible) > 1:
            run += 1
            if len({weight for _, weight in eligible}) == 1:
                longest = max(longest, run)
    return Seen(most, longest)


def main() -> None:
    """Measure and print."""
    wishes = argparse.ArgumentParser(prog="python -m tests.bench.fairness")
    wishes.add_argument("--histories", type=int, default=100_000)
    wishes.add_argument("--leads", type=int, default=200)
    wishes.add_argument("--seed", type=int, default=1)
    wishes.add_argument("--kind", choices=_KINDS, default="coming")
    wishes.add_argument("--greedy", action="store_true", help="nobody rests after two in a row")
    wish = wishes.parse_args()
    first, seen = wish.seed * 1_000_000_000, list[Seen]()
    for n in range(wish.histories):
        seen.append(tell(_KINDS[wish.kind](first + n, wish.leads, equal=n % 2 == 0), rest=not wish.greedy))
        if seen[-1].deviation * 2 > 3 * UNIT or (seen[-1].run > 2 and n % 2 == 0):
            sys.stderr.write(f"history {first + n}: {seen[-1].deviation / UNIT:.4f}, run {seen[-1].run}\n")
    deviations = sorted(one.deviation for one in seen)
    print(
        "| seed | histories × leads | highest | 9 999 of 10 000 below | above 1.5 | longest run | third leads in a row |"
    )
    print("|---|---|---|---|---|---|---|")
    high, usual = deviations[-1] / UNIT, deviations[len(seen) * 9999 // 10_000] / UNIT
    above = sum(2 * one > 3 * UNIT for one in deviations)
    runs = [one.run for one in seen[::2]]
    print(
        f"| {wish.seed} | {wish.histories:,} × {wish.leads:,} | {high:.3f} | {usual:.3f} | {above}"
        f" | {max(runs)} | {sum(run > 2 for run in runs)} |"
    )


if __name__ == "__main__":
    main()
