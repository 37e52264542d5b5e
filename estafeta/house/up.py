"""`estafeta up`: the house with a face – one table of what runs where, a line for what happens, Ctrl-C to leave in order."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from estafeta.house.house import House, door_of, port_of
from estafeta.house.keeper import Watched, room_of

__all__ = ["House", "up"]

_COLOURS = {
    "intake": "cyan",
    "routing": "green",
    "process": "magenta",
    "reminders": "yellow",
    "postgres": "blue",
    "nats": "bright_cyan",
}
_LEVELS = {"info": "", "warning": "yellow", "error": "bold red"}
_STATES = {"ready": "green", "elsewhere": "green", "starting": "yellow", "troubled": "yellow", "fallen": "bold red"}
_QUIET = re.compile(
    r"\[(info|debug)\s*\]|\[INF\]|\[DBG\]|\bLOG: "
    r"|Plaintext passwords detected"  # in a file of ours, for the loopback only
    r"|the database system is (starting up|shutting down|not yet accepting)"
)
_WIDE = 120  # where no terminal says how wide it is
_MOST_LINES = 8  # of one log at a time; the rest is counted

Then = Callable[[House], Awaitable[int | None]]


async def up(state: Path, *, then: Then | None = None, console: Console | None = None) -> int:
    """Let the house stand on `state` until Ctrl-C or SIGTERM; return the exit code.

    `then` is done once every room is ready; if it returns a number the house stops and that is the exit code.
    ESTAFETA_DATABASE_URL and ESTAFETA_NATS_URL use servers that run already, ESTAFETA_POSTGRES_PORT and
    ESTAFETA_NATS_PORT fix the ports of our own. ESTAFETA_HTTP_DOOR is the address at which leads are brought by HTTP,
    ESTAFETA_HTTP_SOURCES the file that says who may, ESTAFETA_CALENDARS_DOOR where calendars are read.
    Raises a `HouseTrouble` when the house cannot stand.
    """
    if console is None:
        console = Console(stderr=True, highlight=False, width=None if sys.stderr.isatty() else _WIDE)
    voice = Voice(console)
    house = House(
        state,
        database_url=os.environ.get("ESTAFETA_DATABASE_URL") or None,
        nats_url=os.environ.get("ESTAFETA_NATS_URL") or None,
        postgres_port=port_of("ESTAFETA_POSTGRES_PORT"),
        nats_port=port_of("ESTAFETA_NATS_PORT"),
        door=door_of("ESTAFETA_HTTP_DOOR"),
        calendars=door_of("ESTAFETA_CALENDARS_DOOR"),
        sources=Path(file) if (file := os.environ.get("ESTAFETA_HTTP_SOURCES")) else None,
        tell=voice.tell,
    )
    life = asyncio.ensure_future(_live(house, voice, then))
    with _signals(lambda: _leave(life, house, voice)):
        try:
            return await life
        except asyncio.CancelledError:
            if not voice.leaving:
                raise
            voice.tell("house", "info", "stopped; the data stays and is found again at the next start")
            return 130 if voice.busy else 0


def _leave(life: asyncio.Future[int], house: House, voice: Voice) -> None:
    """The first Ctrl-C asks everybody to stop in order; a second one does not wait for the rooms."""
    if voice.leaving:
        voice.tell("house", "warning", "not waiting for the rooms; what they had in hand comes again at the next start")
        house.hurry()
        return
    voice.leaving = True
    voice.tell("house", "info", "stopping: rooms first, then NATS, then PostgreSQL")
    life.cancel()


async def _live(house: House, voice: Voice, then: Then | None) -> int:
    started = time.monotonic()
    async with house:
        echo = asyncio.ensure_future(voice.echo(house))
        try:
            await house.wait_ready()
            voice.tell("house", "info", f"stands after {time.monotonic() - started:.1f} s, in {house.state.place}")
            if then is not None:
                voice.console.print(table_of(house))
                voice.busy = True
                code = await then(house)
                voice.busy = False
                if code is not None:
                    return code
            await _stay(house, voice)
        finally:
            echo.cancel()
            with suppress(asyncio.CancelledError):
                await echo
    return 0


async def _stay(house: House, voice: Voice) -> NoReturn:
    """Show how the house is for as long as it stands. Where nobody watches a screen, the table is printed once."""
    if not voice.console.is_terminal:
        voice.console.print(table_of(house))
        await asyncio.Future()
    with Live(console=voice.console, get_renderable=lambda: table_of(house), refresh_per_second=2, transient=True):
        await asyncio.Future()
    raise AssertionError("a future that nobody fulfils has ended")


class Voice:
    """What the house says to the person at the terminal: its own news, and of the logs only what is not routine."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.leaving = False
        self.busy = False

    def tell(self, name: str, level: str, text: str) -> None:
        """One line with the speaker's name before it."""
        for number, part in enumerate(text.splitlines() or [""]):
            speaker = (f"{name if number == 0 else '':>9} │ ", _COLOURS.get(name, "bold"))
            self.console.print(Text.assemble(speaker, (part, _LEVELS[level])), soft_wrap=True)

    async def echo(self, house: House) -> None:
        """Read along in every log and say again what is a warning or worse."""
        read: dict[str, int] = {}
        for one in house.everything:
            if one.log:
                read[one.name] = one.log.stat().st_size if one.log.exists() else 0
        while True:
            for one in house.everything:
                if one.log:
                    read[one.name] = self.echo_from(one, read.get(one.name, 0))
            await asyncio.sleep(0.3)

    def echo_from(self, one: Watched, start: int) -> int:
        """Say again what of a log is new since byte `start` and not routine; return where to go on."""
        assert one.log is not None  # noqa: S101  # the caller looked
        try:
            size = one.log.stat().st_size
            if size < start:
                start = 0  # the log was turned over
            with one.log.open("rb") as file:
                file.seek(start)
                fresh = file.read(1_000_000)
        except FileNotFoundError:
            return 0
        whole, newline, _ = fresh.rpartition(b"\n")
        lines = [
            line for line in whole.decode("utf-8", "replace").splitlines() if line.strip() and not _QUIET.search(line)
        ]
        if len(lines) > _MOST_LINES:
            self.tell(one.name, "warning", f"… {len(lines) - _MOST_LINES} lines more in {one.log}, then:")
        for line in lines[-_MOST_LINES:]:
            self.tell(one.name, "warning", line)
        return start + len(whole) + len(newline)


def table_of(house: House) -> Table:
    """One table of what runs where and how it is."""
    table = Table(box=SIMPLE_HEAD, caption=f"State and logs in {house.state.place}", caption_justify="left")
    for heading in ("what", "how it is", "process", "address", "waiting", "log"):
        table.add_column(heading, overflow="fold")
    for one in house.everything:
        health = one.health
        waiting = sum(consumer.get("pending", 0) for consumer in health.get("consumers", {}).values())
        counts = [f"{waiting} in"] if waiting else []
        counts += [f"{health[key]} {word}" for key, word in (("unsent", "out"), ("dead", "dead")) if health.get(key)]
        state = Text(one.state, style=_STATES.get(one.state, ""))
        if one.restarts:
            state.append(f", restarted {one.restarts}×", style="")
        if one.problems and one.state != "starting":
            state.append(": " + "; ".join(one.problems))
        table.add_row(
            Text(one.name, style=_COLOURS.get(one.name, "")),
            state,
            str(one.pid or "–"),
            one.address or f"ask.{room_of(one.name)}.>",
            ", ".join(counts) or "–",
            str(one.log.relative_to(house.state.place)) if one.log else "–",
        )
    return table


class _signals:  # noqa: N801  # reads as a verb where it is used
    """While inside, Ctrl-C, SIGTERM and a closed terminal call `do` instead of ending the process."""

    _NAMES = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

    def __init__(self, do: Callable[[], None]) -> None:
        self.do = do

    def __enter__(self) -> None:
        for name in self._NAMES:
            asyncio.get_running_loop().add_signal_handler(name, self.do)

    def __exit__(self, *_: object) -> None:
        for name in self._NAMES:
            asyncio.get_running_loop().remove_signal_handler(name)
