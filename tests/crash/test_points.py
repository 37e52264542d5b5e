"""The table of crash points against the code: an await of the kernel that is in no table fails here."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from shared.bus import Bus
from shared.events import kind_of, listeners_of
from shared.ledger import Book, Ledger
from shared.letterbox import work_off
from shared.message import ROOMS
from shared.relay import Relay
from shared.service import Service
from shared.unit import Unit
from tests.crash.points import BLOCKS, CLAIM, COMMIT, HANDLER, LEAD, LEFT_OUT, SETTLE, STEPS, lines_of
from tests.crash.stage import NEWS

KERNEL: tuple[Callable[..., Any], ...] = (
    Unit, Relay, Service._listen, Service._watch, Service._revive, Service._work_off, work_off,
)  # fmt: skip
"""Where messages are heard, applied, sent and taken up again."""


def awaited(code: Callable[..., Any]) -> Iterator[str]:
    """The name of whatever is awaited or entered in `code`; empty for what is called out of a table."""
    for node in ast.walk(ast.parse(inspect.cleandoc("\n" + inspect.getsource(code)))):
        if isinstance(node, ast.Await):
            entered = [node.value]
        elif isinstance(node, ast.AsyncWith):
            entered = [item.context_expr for item in node.items]
        elif isinstance(node, ast.AsyncFor):
            entered = [node.iter]
        else:
            continue
        for one in entered:
            called = one.func if isinstance(one, ast.Call) else one
            yield called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")


def own(code: Callable[..., Any]) -> set[str]:
    """The kernel's own coroutines: whose awaits are looked at here as well."""
    return {name for name, _ in inspect.getmembers(code, inspect.iscoroutinefunction)}


STEP_NAMES = {name for names in STEPS.values() for name in names} | {name for _, name in BLOCKS}
STEP_NAMES |= {step.partition(".")[2] for step in (CLAIM, SETTLE)}
OWN_NAMES = set().union(*(own(code) for code in KERNEL), {code.__name__ for code in KERNEL})
AWAITED = set().union(*(awaited(code) for code in KERNEL))


def test_each_await_of_the_kernel_is_a_crash_point_or_left_out_for_a_reason() -> None:
    assert len(AWAITED) > 30, "there is nothing to look at: has the kernel moved?"
    # A coroutine of the kernel may be called as a step is (`Unit.revive`): the step is in the table all the same.
    assert AWAITED - STEP_NAMES - OWN_NAMES - LEFT_OUT.keys() == set()


def test_what_is_left_out_is_awaited_still_and_nowhere_a_step() -> None:
    assert LEFT_OUT.keys() - AWAITED == set()
    assert LEFT_OUT.keys() & STEP_NAMES == set()
    assert all(len(reason) >= 5 for reason in LEFT_OUT.values())


def test_each_public_coroutine_of_the_ledger_and_the_bus_that_the_kernel_uses_is_in_the_table() -> None:
    used = {node.attr for code in KERNEL for node in ast.walk(ast.parse(inspect.cleandoc("\n" + inspect.getsource(code))))
            if isinstance(node, ast.Attribute)}  # fmt: skip
    for owner in (Ledger, Bus, Book):
        public = {name for name, _ in inspect.getmembers(owner, _is_async) if not name.startswith("_")}
        assert (public & used) - STEP_NAMES - OWN_NAMES - LEFT_OUT.keys() == set(), owner.__name__


def _is_async(member: Any) -> bool:
    return inspect.iscoroutinefunction(member) or inspect.isasyncgenfunction(inspect.unwrap(member))


@pytest.mark.parametrize("owner", STEPS)
def test_each_step_is_there_and_is_died_at_in_some_room(owner: type[Any]) -> None:
    taken = {step for room in ROOMS for _, steps in lines_of(room) for step in steps}
    for name in STEPS[owner]:
        assert inspect.iscoroutinefunction(getattr(owner, name))
        assert f"{owner.__name__}.{name}" in taken
    assert {COMMIT, HANDLER, CLAIM, SETTLE} <= taken and LEAD


def test_each_poisonous_piece_of_news_is_about_something_that_its_rooms_listen_to() -> None:
    for poison in NEWS:
        source = poison.subject.split(".")[1]
        assert set(poison.rooms) <= listeners_of(source)[kind_of(poison.about)], poison.subject
