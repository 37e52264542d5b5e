"""The real unit and the real relay in five thousand invented histories; and thirty wrong designs that are found out.

A history that breaks the promise is followed by `python -m tests.simulation --seed N`.
"""

from __future__ import annotations

import inspect

import pytest

from shared.dead_letters import OperatorsLedger
from tests.simulation import world
from tests.simulation.ledger import FakeLedger
from tests.simulation.mutants import MUTANTS, caught
from tests.simulation.runs import live_many

HISTORIES = 5000
# What must have happened somewhere, or the histories prove less than they seem to.
SOMETIMES = (
    "crashed at a port",
    "crashed after commit",
    "crashed after publish",
    "cut off at a port",
    "cut off after commit",
    "cut off after publish",
    "frozen",
    "leader frozen",
    "ack lost",
    "disorder",
    "silence",
    "repeat dropped by its id",
    "delete",
    "delete both",
    "purge",
    "full",
    "stall",
    "stall line",
    "slow to commit",
    "forget",
    "repeat",
    "hurry",
    "not yet",
)


@pytest.mark.timeout(600)
def test_no_history_breaks_the_promise_and_each_fault_was_met() -> None:
    broken, seen = live_many(0, HISTORIES)
    assert not broken, f"{len(broken)} of {HISTORIES} histories broke the promise:\n" + "\n".join(broken[:10])
    assert not [fault for fault in SOMETIMES if not seen[fault]], seen


@pytest.mark.parametrize("name", sorted(MUTANTS))
def test_a_wrong_design_is_found_out_within_200_histories(name: str) -> None:
    assert caught(name) is not None


def test_the_same_seed_is_the_same_history() -> None:
    tales = []
    for _ in range(2):
        tale: list[str] = []
        with world.simulated(tale.append):
            for seed in (3, 15, 16):
                world.live(seed, tale.append)
        tales.append([line for line in tale if " at 0x" not in line])
    assert tales[0] == tales[1]
    assert len(tales[0]) > 30


def test_the_ledger_in_memory_speaks_as_the_real_one() -> None:
    for name, method in inspect.getmembers(FakeLedger, inspect.isfunction):
        if not name.startswith("_"):
            real = inspect.signature(getattr(OperatorsLedger, name)).parameters
            assert list(real) == list(inspect.signature(method).parameters), name
