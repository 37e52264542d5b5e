"""Many histories, spread over the processors."""

from __future__ import annotations

import gc
import multiprocessing
import os
from collections import Counter
from concurrent.futures import ProcessPoolExecutor

from tests.simulation.world import live, simulated

_PORTION = 250


def live_many(first: int, histories: int) -> tuple[list[str], Counter[str]]:
    """Live `histories` from seed `first`: how the promise was broken, in words, and what was seen to happen."""
    ends = first + histories
    portions = [range(start, min(start + _PORTION, ends)) for start in range(first, ends, _PORTION)]
    workers = min(4, os.cpu_count() or 1)
    broken: list[str] = []
    seen: Counter[str] = Counter()
    with ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn")) as pool:
        for faults, met in pool.map(_live, portions):
            broken += faults
            seen += met
    return broken, seen


def _live(seeds: range) -> tuple[list[str], Counter[str]]:
    gc.disable()  # little is left in cycles once a history is unpicked: one sweep for all of them will do
    broken, seen = [], Counter[str]()
    with simulated():
        for seed in seeds:
            fault, met = live(seed)
            seen += met
            if fault:
                broken.append(f"seed {seed}: {fault}")
    gc.collect()
    return broken, seen
