"""`python -m tests.simulation --seed 7`: follow one history step by step; `--histories 20000 --from 5000`: live many."""

from __future__ import annotations

import argparse
import sys
from contextlib import nullcontext

from tests.simulation.mutants import MUTANTS
from tests.simulation.runs import live_many
from tests.simulation.world import live, simulated


def main() -> int:
    """Print a history, or those that break the promise; 1 if any does."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seed", type=int, help="the history to follow")
    parser.add_argument("--mutant", choices=sorted(MUTANTS), help="live it with this care taken out of the kernel")
    parser.add_argument("--from", dest="first", type=int, default=0, help="the first of many histories")
    parser.add_argument("--histories", type=int, default=5000, help="how many histories")
    wish = parser.parse_args()
    if wish.seed is None:
        broken, seen = live_many(wish.first, wish.histories)
        for what, times in seen.most_common():
            print(f"{times:9,}  {what}")
    else:
        with simulated(print), MUTANTS[wish.mutant]() if wish.mutant else nullcontext():
            fault, _ = live(wish.seed, print)
        broken = [fault] if fault else []
    print(*broken, sep="\n")
    print(f"{len(broken)} broke the promise")
    return bool(broken)


if __name__ == "__main__":
    sys.exit(main())
