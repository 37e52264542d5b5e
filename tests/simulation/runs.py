"""Many histories, spread over the processors."""

from __future__ import annotations

import gc
import multiprocessing
import os
from collections import Counter
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor

from tests.simulation.world import live, simulated

_PORTION = 125


def live_many(first: int, histories: int) -> tuple[list[str], Counter[str]]:
    """Live `histories` from seed `first`: how the promise was broken, in words, and what was seen to happen."""
    ends = first + histories
    portions = [range(start, min(start + _PORTION, ends)) for start in range(first, ends, _PORTION)]
    helpers = min(4, os.cpu_count() or 1, len(portions)) - 1
    if not helpers:
        return _joined(map(_live, portions))
    lived = []
    with ProcessPoolExecutor(helpers, mp_context=multiprocessing.get_context("spawn")) as pool:
        given = [pool.submit(_live, portion) for portion in portions]
        # This process has its part as well, from the other end: it need not start, and whoever is quicker does more.
        for portion, theirs in zip(reversed(portions), reversed(given), strict=True):
            if theirs.cancel():
                lived.append(_live(portion))
        lived += [theirs.result() for theirs in given if not theirs.cancelled()]
    return _joined(reversed(lived))


def _joined(lived: Iterable[tuple[list[str], Counter[str]]]) -> tuple[list[str], Counter[str]]:
    broken, seen = [], Counter[str]()
    for faults, met in lived:
        broken += faults
        seen += met
    return broken, seen


def _live(seeds: range) -> tuple[list[str], Counter[str]]:
    was_enabled = gc.isenabled()
    gc.disable()  # little is left in cycles once a history is unpicked: one sweep for all of them will do
    try:
        broken, seen = [], Counter[str]()
        with simulated():
            for seed in seeds:
                fault, met = live(seed)
                seen += met
                if fault:
                    broken.append(f"seed {seed}: {fault}")
        return broken, seen
    finally:
        gc.collect()
        if was_enabled:
            gc.enable()
