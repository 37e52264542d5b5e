"""Faults at random moments, several at once, all from one seed: kills, freezes, bad lines, poison, repeats, lost streams."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from random import Random
from uuid import UUID

import nats
import nats.errors
import nats.js.errors
from nats.aio.client import Client
from nats.js import JetStreamContext

from estafeta.house.house import House
from shared.bus import EVENTS
from tests.chaos.proxy import Proxy

Headers = dict[str, str]
Wire = tuple[str, bytes, Headers]
_BUS_TROUBLE = (OSError, TimeoutError, nats.errors.Error)


class Links:
    """A proxy on every link between a process of a room and its servers."""

    def __init__(self) -> None:
        self.proxies: dict[tuple[str, str], Proxy] = {}

    async def lead(self, process: str, server: str, port: int) -> int:
        """Put a proxy between (see `estafeta.house.house.Link`)."""
        self.proxies[process, server] = proxy = await Proxy(port).open()
        return proxy.port

    def heal(self) -> None:
        """Mend every link."""
        for proxy in self.proxies.values():
            proxy.heal()

    async def close(self) -> None:
        """Stop all proxies."""
        for proxy in self.proxies.values():
            await proxy.close()


@dataclass(frozen=True, slots=True)
class Poison:
    """A message that nobody can apply, and where it must be found dead: `rooms` as `dead`, nowhere else.

    `follower` comes behind it in the same aggregate: it must wait, and be freed when the poison is settled.
    """

    id: UUID
    rooms: tuple[str, ...]
    wire: Wire
    follower: Wire | None = None
    is_event: bool = False


class Fire:
    """Sets faults until it is put out. `faults` counts those that took place, by kind."""

    # How often each fault is set, relative to the others. The servers go down less often than one room of eight:
    # a house that has no database most of the time proves little.
    WEIGHTS: tuple[tuple[str, float], ...] = (
        ("kill room", 3.0),
        ("kill nats", 0.7),
        ("kill postgres", 0.7),
        ("freeze room", 2.0),
        ("freeze nats", 0.5),
        ("swallow nats", 1.5),
        ("swallow postgres", 1.5),
        ("slow", 1.5),
        ("cut", 2.5),
        ("delete stream", 0.7),
        ("poison", 1.5),
        ("repeat command", 2.0),
        ("repeat event", 2.0),
    )

    def __init__(self, house: House, links: Links, rng: Random, sent: Callable[[], Wire | None]) -> None:
        self.house, self.links, self.rng, self._sent = house, links, rng, sent
        self.faults = Counter[str]()
        self.poison: list[Poison] = []
        self._burning: dict[asyncio.Task[None], str] = {}
        self._nc: Client | None = None
        self._js: JetStreamContext | None = None

    # ── burning ─────────────────────────────────────────────────────────────────────────────────────────────────

    async def rage(self, seconds: float) -> None:
        """One fault after another, overlapping; every kind at least once if there is time."""
        names, weights = [name for name, _ in self.WEIGHTS], [weight for _, weight in self.WEIGHTS]
        first = self.rng.sample(names, len(names))
        until = time.monotonic() + seconds
        await self._connect()
        while time.monotonic() < until:
            await asyncio.sleep(self.rng.uniform(0.2, 0.8))
            fault = first.pop() if first else self.rng.choices(names, weights)[0]
            if fault in self._burning.values() and fault.endswith(("nats", "postgres", "stream")):
                continue  # a server that is down is not killed again
            victim = self.rng.choice(list(self.house.rooms))
            task = asyncio.create_task(self._set(fault, victim, Random(self.rng.random())))
            self._burning[task] = fault
            task.add_done_callback(self._burning.pop)

    async def put_out(self) -> None:
        """Wait until the last fault has ended, mend every link."""
        while self._burning:
            await asyncio.gather(*self._burning)
        self.links.heal()

    async def close(self) -> None:
        """Leave the bus."""
        if self._nc is not None:
            await self._nc.close()

    async def _set(self, fault: str, victim: str, rng: Random) -> None:
        what, _, whom = fault.partition(" ")
        ways: dict[str, Callable[[str, str, Random], Awaitable[bool]]] = {
            "kill": self._kill,
            "freeze": self._freeze,
            "swallow": self._swallow,
            "slow": self._slow,
            "cut": self._cut,
            "delete": self._delete,
            "poison": self._poison,
            "repeat": self._repeat,
        }
        with suppress(*_BUS_TROUBLE):
            if await ways[what](whom, victim, rng):
                self.faults[fault] += 1

    # ── processes ───────────────────────────────────────────────────────────────────────────────────────────────

    async def _kill(self, whom: str, victim: str, _: Random) -> bool:
        name = victim if whom == "room" else whom
        one = self.house.rooms.get(name) or self.house.servers[name]
        if one.pid is None:
            return False
        await self.house.kill(name)
        while one.pid is None or one.state == "fallen":  # noqa: ASYNC110  # the house watches by looking, too
            await asyncio.sleep(0.1)
        return True

    async def _freeze(self, whom: str, victim: str, rng: Random) -> bool:
        one = self.house.rooms[victim] if whom == "room" else self.house.servers[whom]
        process: subprocess.Popen[bytes] | None = one.child.process if one.child else None
        if process is None:
            return False
        process.send_signal(signal.SIGSTOP)
        try:
            await asyncio.sleep(rng.uniform(1, 6) if whom == "room" else rng.uniform(0.5, 3))
        finally:
            process.send_signal(signal.SIGCONT)
        return True

    # ── lines ───────────────────────────────────────────────────────────────────────────────────────────────────

    async def _swallow(self, server: str, victim: str, rng: Random) -> bool:
        proxy = self.links.proxies[victim, server]
        proxy.swallow()
        await asyncio.sleep(rng.uniform(0.5, 4))
        proxy.heal()
        if rng.random() < 0.5:
            proxy.cut()
        return True

    async def _slow(self, _: str, victim: str, rng: Random) -> bool:
        proxy = self.links.proxies[victim, rng.choice(("nats", "postgres"))]
        proxy.delay = rng.uniform(0.02, 0.2)
        await asyncio.sleep(rng.uniform(1, 4))
        proxy.delay = 0.0
        return True

    async def _cut(self, _: str, victim: str, rng: Random) -> bool:
        self.links.proxies[victim, rng.choice(("nats", "postgres"))].cut()
        return True

    # ── messages ────────────────────────────────────────────────────────────────────────────────────────────────

    async def _connect(self) -> None:
        async def hush(_: Exception) -> None:
            """The bus is being set on fire: it will complain."""

        self._nc = await nats.connect(
            self.house.admin.url,
            name="fire",
            user=self.house.admin.user,
            password=self.house.admin.password,
            max_reconnect_attempts=-1,
            reconnect_time_wait=0.2,
            error_cb=hush,
        )
        self._js = self._nc.jetstream(timeout=3)

    @property
    def js(self) -> JetStreamContext:
        """JetStream with the administrator's rights."""
        assert self._js is not None
        return self._js

    async def _delete(self, _: str, __: str, ___: Random) -> bool:
        try:
            return await self.js.delete_stream(EVENTS)
        except nats.js.errors.NotFoundError:
            return False

    async def _repeat(self, what: str, _: str, rng: Random) -> bool:
        """Put a command or an event into the stream once more, under another transport id."""
        if what == "command":
            wire = self._sent()
            if wire is None:
                return False
            subject, body, headers = wire
        else:
            state = (await self.js.stream_info(EVENTS)).state
            if not state.messages:
                return False
            old = await self.js.get_msg(EVENTS, rng.randint(state.first_seq, state.last_seq))
            if old.subject is None or not old.headers:
                return False
            subject, body = old.subject, old.data or b""
            headers = {name: text for name, text in old.headers.items() if not name.startswith("Nats-")}
        headers = {**headers, "Nats-Msg-Id": f"again/{rng.random()}"}
        await self.js.publish(subject, body, headers=headers)
        return True

    async def _poison(self, _: str, __: str, rng: Random) -> bool:
        poison = _brew(rng)
        await self.inject(poison)
        self.poison.append(poison)
        return True

    async def inject(self, poison: Poison) -> None:
        """Send a poison, and what follows it, until the stream has stored it."""
        for wire in filter(None, (poison.wire, poison.follower)):
            subject, body, headers = wire
            while True:
                try:
                    await self.js.publish(subject, body, headers=headers)
                    break
                except _BUS_TROUBLE:
                    await asyncio.sleep(0.3)


def _brew(rng: Random) -> Poison:
    """A malformed command, one that nobody knows, an event of an unknown version, or one without a name."""
    id_ = UUID(int=rng.getrandbits(128), version=4)
    mark = json.dumps({"poison": str(id_)}).encode()

    def command(subject: str, type_: str, body: bytes) -> Wire:
        return subject, body, {"ce-id": str(id_), "ce-type": type_}

    kind = rng.choice(("garbage", "list", "invalid", "unknown", "nonsense", "version", "version", "nameless"))
    if kind == "garbage":
        return Poison(id_, ("intake",), command("cmd.intake.lead.submit", "SubmitLead.v1", b"\xff\x00" + mark))
    if kind == "list":
        return Poison(id_, ("intake",), command("cmd.bulk.intake.rows.submit", "SubmitRows.v1", mark))
    if kind == "invalid":
        return Poison(id_, ("process",), command("cmd.process.touch.record", "RecordTouch.v1", mark))
    if kind == "unknown":
        return Poison(id_, ("reminders",), command("cmd.reminders.alarm.cancel", "CancelAlarm.v1", mark))
    if kind == "nonsense":
        return Poison(id_, ("routing",), ("cmd.routing.company.apply", mark, {"ce-id": str(id_)}))
    if kind == "nameless":
        headers = {"ce-id": str(id_), "ce-type": "TaskSet.v1"}
        return Poison(id_, ("reminders",), ("evt.process.task.set", mark, headers), is_event=True)
    aggregate = {"ce-subject": f"client/{id_}", "ce-correlation": str(id_)}
    headers = {**aggregate, "ce-id": str(id_), "ce-type": "LeadAccepted.v9", "ce-sequence": "1"}
    # Nobody handles this type, so that being freed has no effect of its own.
    behind = {
        **aggregate,
        "ce-id": str(UUID(int=id_.int ^ 1)),
        "ce-type": "ClientPraised.v1",
        "ce-sequence": "2",
    }
    return Poison(
        id_,
        ("routing",),
        ("evt.intake.lead.accepted", mark, headers),
        ("evt.intake.client.registered", mark, behind),
        is_event=True,
    )
