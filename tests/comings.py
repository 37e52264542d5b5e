"""Random houses in which people come and go: who is eligible for each lead of a pool."""

from __future__ import annotations

import random

from services.routing.rules.fair_share import Weights


def history(seed: int, leads: int = 300, *, equal: bool = False) -> list[Weights]:
    """The eligible of each lead in a random house: people fall ill, come back, join and leave, at random paces.

    2 to 14 people at the start, with weights of 0.5 to 2 unless `equal`; a lead for which nobody is there is left out.
    """
    chance = random.Random(seed)
    staff = {f"m{n:03}": chance.choice([500, 1000, 1000, 1000, 2000]) for n in range(chance.randint(2, 14))}
    here, pace, joined = set(staff), chance.choice([0.001, 0.01, 0.05, 0.2, 0.5]), len(staff)
    told: list[Weights] = []
    for _ in range(leads):
        here ^= {who for who in staff if chance.random() < pace}
        if chance.random() < pace / 3:
            staff[f"m{joined:03}"] = chance.choice([500, 1000, 2000])
            here.add(f"m{joined:03}")
            joined += 1
        if chance.random() < pace / 3 and len(staff) > 2:
            gone = chance.choice(sorted(staff))
            del staff[gone]
            here.discard(gone)
        if here:
            told.append(tuple(sorted((who, 1000 if equal else staff[who]) for who in here)))
    return told


def subsets(seed: int, leads: int = 300, *, equal: bool = False) -> list[Weights]:
    """The same, each of 2 to 14 people there for each lead by the toss of one coin."""
    chance = random.Random(seed)
    staff = {f"m{n:03}": 1000 if equal else chance.choice([500, 1000, 2000]) for n in range(chance.randint(2, 14))}
    often = chance.uniform(0.05, 0.95)
    tossed = [tuple((who, weight) for who, weight in staff.items() if chance.random() < often) for _ in range(leads)]
    return [there for there in tossed if there]
