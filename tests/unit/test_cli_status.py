"""The status table: what counts as well, and what is said when something is not."""

from __future__ import annotations

import asyncio
import io
from typing import Any, cast

import pytest
from rich.console import Console

import estafeta.status
from estafeta.client import Bus
from estafeta.status import health_of, shown, table, under_way, verdict
from estafeta.trouble import Silence

WELL: dict[str, Any] = {
    "ready": True,
    "problems": [],
    "unsent": 3,
    "oldest_unsent_s": 75.0,
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


def test_what_waits_behind_dead_letters_is_said_with_the_age_of_the_oldest() -> None:
    (said,) = verdict([health_of("process", {**WELL, "dead": 1, "oldest_dead_s": 7300.0, "waiting": 4})])
    assert "the oldest for 2 h" in said
    assert "4 messages wait behind" in said


@pytest.mark.rule("R4-08")
def test_deadlines_that_are_told_late_are_named() -> None:
    on_time = health_of("reminders", {**WELL, "measures": {"deadline_lag_seconds": 1.2}})
    late = health_of("reminders", {**WELL, "measures": {"deadline_lag_seconds": 600.0}})
    assert verdict([on_time]) == []
    assert verdict([late]) == ["reminders: deadlines are told 10 min late; see its log."]


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
    assert first.split() == ["intake", "ready", "6", "2", "0", "3", "1", "min", "0"]
    assert second.split() == ["routing", "silent"]


def test_the_work_since_the_start_names_the_slowest_handler() -> None:
    handlers = {"open_or_join": {"batches": 3, "mean_ms": 12.34}, "learn_staff": {"batches": 1, "mean_ms": 2.0}}
    since = {"seconds": 90, "applied": 1200, "batches": 4, "letters": 1300, "gate_waits": 7, "handlers": handlers}
    out = io.StringIO()
    Console(file=out, width=150).print(shown([health_of("process", {**WELL, "since_start": since})]))
    line = next(line for line in out.getvalue().splitlines() if line.startswith("process, 1 min"))
    assert line.split()[3:] == ["1,200", "325.0", "7", "0", "0", "0", "0", "open_or_join", "12.3", "ms"]
    assert "All is well." in out.getvalue()


async def test_a_terminal_is_drawn_anew_and_a_file_gets_one_table_below_the_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class OneRoomWell:
        async def ask(self, *_: Any, room: str, **__: Any) -> dict[str, Any]:
            return WELL

    monkeypatch.setattr(estafeta.status, "_WATCH_EVERY", 0.01)
    for terminal in (True, False):
        out = io.StringIO()
        console = Console(file=out, width=150, force_terminal=terminal, legacy_windows=False)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3):
                await estafeta.status.watch(cast(Bus, OneRoomWell()), console)
        assert out.getvalue().count("All is well.") > 1
        assert ("\x1b[" in out.getvalue()) == terminal


def test_keys_that_are_being_made_anew_are_told_and_are_no_illness() -> None:
    room = health_of("intake", {**WELL, "measures": {"cards_to_renew": 12345.0}})
    assert room.is_well
    assert verdict([room]) == []
    [said] = under_way([room, health_of("process", WELL)])
    assert "12,345 cards" in said
