"""What a person at the terminal hears: the house's own news, and of the logs only what is not routine."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console

from estafeta.house.children import Child, rotate
from estafeta.house.house import House, port_of
from estafeta.house.keeper import Watched
from estafeta.house.prepare import BusDoor
from estafeta.house.trouble import HouseTrouble, PortUnreadable
from estafeta.house.up import Voice, table_of


@pytest.fixture
def heard() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def voice(heard: io.StringIO) -> Voice:
    return Voice(Console(file=heard, width=160))


def test_every_line_names_its_speaker(voice: Voice, heard: io.StringIO) -> None:
    voice.tell("routing", "warning", "first\nsecond")
    assert heard.getvalue().splitlines() == ["  routing │ first", "          │ second"]


def test_of_a_log_only_warnings_and_what_is_no_log_line_are_said_again(
    voice: Voice, heard: io.StringIO, tmp_path: Path
) -> None:
    log = tmp_path / "routing.log"
    log.write_text(
        "2026-11-21T22:17:24Z [info     ] routing.started pid=1\n"
        "2026-11-21T22:17:25Z [warning  ] routing.bus_says_no waiting=3\n"
        "Traceback (most recent call last):\n"
        "half a li"
    )
    end = voice.echo_from(Watched("routing", Child("routing", log)), 0)
    assert heard.getvalue().count("routing │") == 2
    assert "bus_says_no" in heard.getvalue()
    assert "half" not in heard.getvalue()
    with log.open("a") as more:
        more.write("ne\n")
    voice.echo_from(Watched("routing", Child("routing", log)), end)
    assert "half a line" in heard.getvalue()


def test_of_a_long_complaint_the_end_is_said_and_the_rest_counted(
    voice: Voice, heard: io.StringIO, tmp_path: Path
) -> None:
    log = tmp_path / "intake.log"
    log.write_text("".join(f"line {number}\n" for number in range(100)))
    voice.echo_from(Watched("intake", Child("intake", log)), 0)
    assert "… 92 lines more" in heard.getvalue()
    assert "line 99" in heard.getvalue()


def test_the_table_says_of_each_what_it_is_how_it_is_and_where(tmp_path: Path) -> None:
    house = House(tmp_path)
    room = Watched("routing", Child("routing", tmp_path / "logs" / "routing.log"), state="troubled")
    room.problems, room.restarts = ["no connection to NATS"], 2
    room.health = {"consumers": {"routing_commands": {"pending": 7}}, "unsent": 5, "dead": 1}
    house.rooms["routing"] = room
    house.servers["postgres"] = Watched("postgres", None, "db.example:5432", state="elsewhere")
    out = io.StringIO()
    Console(file=out, width=160).print(table_of(house))
    said = out.getvalue()
    for word in (
        "troubled, restarted 2×: no connection to NATS",
        "7 in, 5 out, 1 dead",
        "logs/routing.log",
        "db.example:5432",
    ):
        assert word in said


def test_a_log_that_has_grown_is_turned_over_and_its_writer_goes_on(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with log.open("ab", buffering=0) as writer:
        writer.write(b"x" * 50)
        rotate(log, most=40)
        writer.write(b"new")
    assert log.read_bytes() == b"new"
    assert log.with_name("log.1").read_bytes() == b"x" * 50


@pytest.mark.parametrize("value", ["0", "65536", "port", "-1", "٣"])
def test_a_port_that_is_none_is_refused_by_name(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ESTAFETA_NATS_PORT", value)
    with pytest.raises(PortUnreadable, match="ESTAFETA_NATS_PORT"):
        port_of("ESTAFETA_NATS_PORT")


def test_a_bus_address_is_taken_apart_into_place_and_user() -> None:
    door = BusDoor.of("nats://admin:p%40ss@one:4222,nats://two:4222")
    assert (door.url, door.user, door.password) == ("nats://one:4222,nats://two:4222", "admin", "p@ss")
    assert "p@ss" not in door.shown()
    assert BusDoor.of("nats://one:4222") == BusDoor("nats://one:4222")


def test_every_trouble_says_a_remedy_and_fits_its_words() -> None:
    class Anything(dict[str, object]):
        def __missing__(self, key: str) -> object:
            return 1.0 if key == "seconds" else key

    for trouble in HouseTrouble.__subclasses__():
        assert trouble.__doc__
        problem, _, remedy = trouble.__doc__.partition("\n\n")
        assert problem.strip().endswith((".", ":", "{why}")) or "{" in problem, trouble.__name__
        assert remedy.strip() or trouble.__name__ == "PortUnreadable", trouble.__name__
        trouble.__doc__.format_map(Anything())
