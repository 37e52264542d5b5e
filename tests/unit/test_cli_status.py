"""The status table: what counts as well, and what is said when something is not."""

from __future__ import annotations

import io
from typing import Any

from rich.console import Console

from estafeta.status import health_of, table, verdict
from estafeta.trouble import Silence

WELL: dict[str, Any] = {
    "ready": True,
    "problems": [],
    "unsent": 3,
    "dead": 0,
    "waiting": 0,
    "consumers": {"process_assign": {"pending": 5, "unacked": 2}, "process_commands": {"pending": 1, "unacked": 0}},
}


def test_a_room_with_work_to_do_is_well() -> None:
    room = health_of("process", WELL)
    assert room.is_well
    assert (room.pending, room.unacked, room.unsent) == (6, 2, 3)
    assert verdict([room]) == []


def test_a_room_with_dead_letters_is_not_well_and_the_remedy_is_named() -> None:
    room = health_of("process", {**WELL, "dead": 2})
    assert not room.is_well
    (said,) = verdict([room])
    assert "2 dead letters" in said
    assert "estafeta dead" in said


def test_a_silent_room_is_not_well() -> None:
    room = health_of("routing", Silence("The room routing does not answer.", "Wait."))
    assert not room.is_well
    assert verdict([room]) == ["routing: The room routing does not answer."]


def test_a_room_that_is_not_ready_gives_its_problems() -> None:
    room = health_of("intake", {**WELL, "ready": False, "problems": ["no connection to NATS"]})
    assert verdict([room]) == ["intake: no connection to NATS"]
    assert verdict([health_of("intake", {**WELL, "ready": False})])[0].startswith("intake: not ready")


def test_the_table_shows_every_room_with_its_state() -> None:
    out = io.StringIO()
    rooms = [health_of("intake", WELL), health_of("routing", Silence("Nobody.", "Wait."))]
    Console(file=out, width=120).print(table(rooms))
    first, second = out.getvalue().splitlines()[1:]
    assert first.split() == ["intake", "ready", "6", "2", "0", "3", "0"]
    assert second.split() == ["routing", "silent"]
