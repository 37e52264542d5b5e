"""Sees that what should run does run: looks at every child, asks it how it is, starts again what has fallen."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nats.aio.client import Client

from estafeta.house.children import Child, Server, rotate, tail_of
from estafeta.house.trouble import HouseTrouble, ServerFailed
from shared.questions import TellHealth

_LOOK_EVERY = 0.1
_ASK_EVERY = 3.0
_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 30.0
_STEADY = 30.0  # after so many seconds of running, a fall counts as the first again
_SERVER_PATIENCE = 300.0  # reading the log again after a power cut takes its time
_SLOW_START = 15.0

Tell = Callable[[str, str, str], None]


def room_of(process: str) -> str:
    """The room of one of its processes: `routing` for `routing/2`."""
    return process.partition("/")[0]


def silence(name: str, level: str, text: str) -> None:
    """Tell nobody."""


@dataclass
class Watched:
    """A child and how it is: `state` is starting, ready, troubled, fallen, elsewhere or stopped."""

    name: str
    child: Child | None
    address: str = ""
    state: str = "starting"
    restarts: int = 0
    problems: list[str] = field(default_factory=list)
    health: dict[str, Any] = field(default_factory=dict)
    since: float = field(default_factory=time.monotonic)
    pause: float = _FIRST_PAUSE
    ask_at: float = 0.0
    again_at: float | None = None

    @property
    def pid(self) -> int | None:
        """The process, while it lives."""
        return self.child.pid if self.child else None

    @property
    def log(self) -> Path | None:
        """Where it writes."""
        return self.child.log if self.child else None

    def calm(self) -> None:
        """Let the next fall count as the first."""
        self.pause = _FIRST_PAUSE


class Keeper:
    """Keeps servers and rooms running. `tell(name, level, text)` hears what happens; `nc` is the line to the rooms."""

    def __init__(self, tell: Tell) -> None:
        self.tell = tell
        self.nc: Client | None = None
        self.servers: dict[str, Watched] = {}
        self.rooms: dict[str, Watched] = {}
        self.stopping = False

    @property
    def everything(self) -> list[Watched]:
        """Servers and rooms, in the order of starting."""
        return [*self.servers.values(), *self.rooms.values()]

    async def start_server(self, server: Server) -> None:
        """Prepare and start a server, and wait until it answers."""
        watched = Watched(server.name, server)
        self.servers[server.name] = watched
        await asyncio.to_thread(server.prepare)
        server.spawn()
        until = time.monotonic() + _SERVER_PATIENCE
        while not await asyncio.to_thread(server.is_ready):
            if time.monotonic() > until:
                what = f"did not answer within {_SERVER_PATIENCE:.0f} s"
                raise ServerFailed(server=server.title, what=what, log=server.log, said=tail_of(server.log))
            await asyncio.sleep(0.01)
        server.wished_port = server.port  # from now on everybody knows it: a restart must not move it
        watched.address, watched.state = f"127.0.0.1:{server.port}", "ready"
        self.tell(server.name, "info", f"answers at {watched.address}, process {server.pid}")

    def start_room(self, room: Child) -> None:
        """Start a room; it is ready when it says so."""
        self.rooms[room.name] = Watched(room.name, room)
        self._spawn(self.rooms[room.name])

    async def run(self) -> None:
        """Watch until cancelled."""
        async with asyncio.TaskGroup() as watches:
            watches.create_task(self._rotate_logs())
            for one in self.everything:
                watches.create_task(self._mind(one))

    async def _rotate_logs(self) -> None:
        while True:
            for one in self.everything:
                if one.log:
                    await asyncio.to_thread(rotate, one.log)
            await asyncio.sleep(60)

    async def _mind(self, one: Watched) -> None:
        while True:
            try:
                await self._look_at(one)
            except Exception as fault:  # whatever happens to one child, the others go on being watched
                self.tell(one.name, "error", f"could not be looked after: {fault!r}")
                await asyncio.sleep(_FIRST_PAUSE)
            await asyncio.sleep(_LOOK_EVERY)

    async def _look_at(self, one: Watched) -> None:
        """See whether it lives, start it again when its time has come, ask how it is."""
        if one.child is None:
            return
        now = time.monotonic()
        try:
            if one.child.process is None:
                if one.again_at is not None and now >= one.again_at:
                    await self._restart(one)
            elif (code := one.child.process.poll()) is not None:
                self._note_fall(one, f"ended unasked ({_in_words(code)})")
            elif now >= one.ask_at:
                await self._ask(one)
        except HouseTrouble as trouble:
            self._note_fall(one, trouble.problem)
        except OSError as fault:
            self._note_fall(one, f"could not be started ({fault})")

    def _note_fall(self, one: Watched, what: str) -> None:
        if one.child is not None:
            one.child.process = None
        if time.monotonic() - one.since > _STEADY:
            one.pause = _FIRST_PAUSE
        one.state, one.problems, one.again_at = "fallen", [what], time.monotonic() + one.pause
        self.tell(one.name, "error", f"{what}; starting it again in {one.pause:g} s; its log is {one.log}")
        one.pause = min(one.pause * 2, _LONGEST_PAUSE)

    async def _restart(self, one: Watched) -> None:
        one.again_at = None
        one.restarts += 1
        if isinstance(one.child, Server):
            await asyncio.to_thread(one.child.prepare)
        self._spawn(one)

    def _spawn(self, one: Watched) -> None:
        if one.child is None or self.stopping:
            return
        one.child.spawn()
        one.state, one.problems, one.health, one.since, one.ask_at = "starting", [], {}, time.monotonic(), 0.0
        self.tell(one.name, "info", f"started, process {one.pid}")

    async def _ask(self, one: Watched) -> None:
        asked = one.pid
        if isinstance(one.child, Server):
            problems = [] if await asyncio.to_thread(one.child.is_ready) else ["it does not answer yet"]
        else:
            problems = await self._ask_room(one)
        if one.pid != asked or one.child is None or one.child.process is None or one.child.process.poll() is not None:
            return  # it died while we asked; the next look will say so
        before, now = one.state, time.monotonic()
        if not problems:
            one.state = "ready"
        elif before != "starting" or now - one.since > _SLOW_START:
            one.state = "troubled"
        if one.state == "ready" != before:
            self.tell(
                one.name, "info", f"ready after {now - one.since:.1f} s" if before == "starting" else "ready again"
            )
        elif one.state == "troubled" and (before != "troubled" or problems != one.problems):
            self.tell(one.name, "warning", "; ".join(problems))
        one.problems = problems
        one.ask_at = now + (_ASK_EVERY if one.state == "ready" else _LOOK_EVERY)

    async def _ask_room(self, one: Watched) -> list[str]:
        """What keeps a room from being ready, in its own words; empty when it is.

        Any replica may be the one that answers: it speaks for all processes of its room that live.
        """
        room = room_of(one.name)
        try:
            assert self.nc is not None  # noqa: S101  # rooms are started after the connection
            reply = await self.nc.request(TellHealth.subject_in(room), b"{}", timeout=2)
            said = json.loads(reply.data)
        except Exception as silence:
            return [f"it does not answer ({type(silence).__name__})"]
        if not said.get("ok"):
            return [str(said.get("problem", "it cannot say how it is"))]
        one.health = said["answer"]
        family = {other.pid for other in self.rooms.values() if room_of(other.name) == room}
        if one.health.get("pid", one.pid) not in family:
            return ["another process answers in its name"]
        return [] if one.health.get("ready") else [str(problem) for problem in one.health.get("problems", [])] or ["…"]

    def complaints(self) -> list[str]:
        """Whatever is not ready, why, and the end of its log."""
        said = []
        for one in self.everything:
            if one.state not in {"ready", "elsewhere"}:
                said.append(f"{one.name}: {'; '.join(one.problems) or one.state}; the end of {one.log}:")
                said += [f"    {line}" for line in (tail_of(one.log, 8) if one.log else "").splitlines()]
        return said

    async def end(self, one: Watched, patience: float) -> None:
        """Stop one child, politely for `patience` seconds."""
        if one.child is None or one.child.process is None:
            return
        went = await asyncio.to_thread(one.child.stop, patience)
        one.state = "stopped"
        if went:
            self.tell(one.name, "info", "stopped")
        else:
            self.tell(
                one.name, "warning", f"did not stop within {patience:.0f} s and was killed; nothing is lost by that"
            )


def _in_words(code: int) -> str:
    return f"signal {-code}" if code < 0 else f"code {code}"
