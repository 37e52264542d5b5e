"""The ledger in memory answers as the real one does on a real server: the simulation stands on this."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from contextlib import AbstractAsyncContextManager
from random import Random
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from shared.dead_letters import OperatorsLedger
from shared.events import StaffChanged
from shared.ledger import Mark
from shared.letter import LINES, Letter
from shared.message import Cause
from shared.words import Function
from tests.simulation.ledger import FakeLedger
from tests.simulation.postgres import Connection
from tests.simulation.world import World

Call = Callable[[Any], Coroutine[Any, Any, Any]]
_STAFF = ("staff/a", "staff/b")
_NAMES = (*_STAFF, "client/c")
_TIMES = ("said_at", "behind")


def _calls(draw: Random, most: int) -> list[tuple[str, Call]]:
    """A tale of statements, each as likely as the next."""
    tale = []
    for _ in range(most):
        name, args, more = draw.choice(_STATEMENTS)(draw)
        tale.append((f"{name}{args}", _bound(name, args, more)))
    return tale


def _bound(name: str, args: tuple[Any, ...], more: dict[str, Any]) -> Call:
    return lambda ledger: getattr(ledger, name)(*args, **more)


Statement = tuple[str, tuple[Any, ...], dict[str, Any]]


def _put(draw: Random) -> Statement:
    cause = Cause(UUID(int=draw.getrandbits(60)), UUID(int=1), is_command=draw.random() < 0.5, bulk=draw.random() < 0.5)
    staff = [draw.choice("ab") for _ in range(draw.randint(1, 3))]
    said = [cause.says(StaffChanged(staff_id=one, name="n", office_id="o", function=Function.SALES)) for one in staff]
    return "put", (said,), {}


def _bury(draw: Random) -> Statement:
    number = draw.randint(1, 6)
    headers = {"ce-id": str(UUID(int=number)), "ce-subject": draw.choice(_NAMES), "ce-sequence": str(number)}
    source, subject = draw.choice((("process", "evt.process.x.y"), ("", "cmd.routing.x.y")))
    letter = Letter(subject, headers if source else {"ce-id": headers["ce-id"]}, b"{}")
    return "bury", (source, letter), {"reason": "r", "handler": "h", "state": draw.choice(("dead", "waiting"))}


def _marks(draw: Random) -> Statement:
    marks = {name: Mark(draw.randint(0, 5), draw.choice((None, 1, 2, 3))) for name in _NAMES[: draw.randint(1, 3)]}
    return "set_marks", ("process", marks), {}


def _heard(draw: Random) -> Statement:
    left = {put: draw.sample(range(put, put + 4), draw.randint(0, 2)) for put in draw.sample(range(1, 500), 60)}
    return "note_heard", (left,), {}


def _again(draw: Random) -> Statement:
    behind = {name: draw.randint(0, 60) for name in draw.sample(_STAFF, draw.randint(1, 2))}
    said = {name: applied + draw.randint(0, 4) for name, applied in behind.items()}
    return "send_again", (behind, said, [draw.randint(0, 500), draw.randint(0, 500)]), {}


_STATEMENTS: tuple[Callable[[Random], Statement], ...] = (
    _put,
    _put,
    _bury,
    _bury,
    _marks,
    lambda draw: ("lock_marks", ("process", {name: draw.randint(0, 3) for name in draw.sample(_NAMES, 2)}), {}),
    lambda draw: ("note_passed", ("process", draw.choice(LINES), draw.randint(1, 9)), {}),
    lambda draw: ("enter_commands", ([UUID(int=draw.randint(1, 9)) for _ in range(3)],), {}),
    lambda draw: ("settle", ([draw.randint(1, 4)], "applied"), {}),
    lambda draw: ("revive", (draw.choice((None, 1, 2)),), {}),
    lambda draw: ("give_up", (draw.randint(1, 4), "closed"), {}),
    lambda draw: ("revived", (50,), {}),
    lambda draw: ("unsent", (50,), {}),
    lambda draw: ("unsent", (3,), {}),
    lambda draw: ("mark_sent", (draw.sample(range(1, 500), 100),), {}),
    lambda draw: ("places", (), {}),
    lambda draw: ("unheard", (draw.choice((0, 200)), draw.choice((1, 50))), {}),
    _heard,
    _again,
    lambda draw: ("watermarks", ("process", {name: draw.randint(1, 6) for name in _NAMES}), {}),
)


def _plain(answer: Any) -> Any:
    """An answer without its moments, and rows without the columns that nobody asked for."""
    if isinstance(answer, tuple):
        return tuple(_plain(one) for one in answer[1:]) if hasattr(answer[0], "tzinfo") else answer
    if isinstance(answer, dict):
        return {key: _plain(value) for key, value in answer.items() if key not in _TIMES}
    if isinstance(answer, Mark):
        return (answer.applied, answer.held_by, answer.stands)
    if hasattr(answer, "keys"):
        return {key: value for key, value in dict(answer).items() if key not in _TIMES}
    if isinstance(answer, list | tuple):
        plain = [_plain(one) for one in answer]
        return sorted(plain) if all(isinstance(one, str | int) for one in plain) else plain
    return answer


async def test_a_tale_of_statements_has_the_same_answers_in_memory_and_on_the_server(
    db_of: Callable[[str], AbstractAsyncContextManager[AsyncConnection]],
) -> None:
    world = World(1)
    world.weather.cut = 0.0
    fake = FakeLedger(Connection(world.rooms["routing"].base, world.people))
    async with db_of("routing") as db:
        real = OperatorsLedger(db, "routing")
        for number, (name, call) in enumerate(_calls(Random(7), 400)):
            task = world.loop.create_task(call(fake))
            world.loop.run_until(task)
            expected, got = _plain(await call(real)), _plain(task.result())
            await real.store_said()
            if isinstance(expected, list) and expected and isinstance(expected[0], dict):
                got = [{key: row[key] for key in expected[0]} for row in got]
            assert got == expected, f"statement {number}: {name}"
            in_hand = [
                {key: one[key] for key in _plain(other)} for one, other in zip(fake.fresh, real.fresh, strict=True)
            ]
            assert in_hand == _plain(real.fresh), f"statement {number}: {name}"
        assert real.fresh, "nothing was said that people wait for"
