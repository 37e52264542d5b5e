"""A process of a room: it starts, works with the real unit and the real relay, crashes at any port, freezes, comes again."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING, cast

from shared.bus import Bus, Reading
from shared.ledger import Book
from shared.provision import readings_of
from shared.relay import Relay
from shared.unit import Unit
from tests.simulation.ledger import FakeLedger
from tests.simulation.nats import FakeBus
from tests.simulation.postgres import Connection, Database, FakeBook

if TYPE_CHECKING:
    from tests.simulation.world import World

_READS = {
    "intake": ("intake_commands", "intake_bulk"),
    "routing": ("routing_hears_intake", "routing_hears_intake_bulk"),
    "process": ("process_hears_routing", "process_hears_routing_bulk"),
    "reminders": ("reminders_hears_routing", "reminders_hears_routing_bulk"),
}
READINGS: dict[str, tuple[Reading, ...]] = {
    room: tuple(one for one in readings_of(room) if one.durable in durables) for room, durables in _READS.items()
}


@dataclass(slots=True)
class Weather:
    """How likely each fault is at each port; drawn anew for each history, so that each history has its own troubles."""

    crash: float = 0.0
    cut: float = 0.0
    freeze: float = 0.0
    silence: float = 0.0
    slow: float = 0.0
    ack_lost: float = 0.0
    disorder: float = 0.0

    @classmethod
    def drawn(cls, chance: Random) -> Weather:
        """Some faults often, some rarely, some never."""
        pick = chance.choice
        return cls(
            crash=pick((0, 0, 0.004, 0.012)),
            cut=pick((0, 0.005, 0.02)),
            freeze=pick((0, 0, 0.003)),
            silence=pick((0, 0.3, 0.7)),
            slow=pick((0, 0.1, 0.5)),
            ack_lost=pick((0, 0.1, 0.7)),
            disorder=pick((0, 0.2, 0.6)),
        )


_STANDS, _STANDS_IN_CALM = 0.5, 0.2
"""How often a process lets others go first at a port: what goes wrong is in the storm, and what follows only heals."""


class Room:
    """One room: its database, and the replicas that live at present."""

    def __init__(self, name: str) -> None:
        self.name, self.base = name, Database(name)
        self.replicas: list[Replica] = []


class Replica:
    """One process of a room, from its start to its crash."""

    ledger_class = FakeLedger

    def __init__(self, world: World, room: Room, number: int) -> None:
        self.world, self.room, self.number = world, room, number
        self.dead, self.frozen_until = False, 0.0
        self.connections: list[Connection] = []
        self.tasks: list[asyncio.Task[None]] = []
        self.bell: Callable[[], None] | None = None
        self._chance, self._weather = world.chance.random, world.weather
        self._pause, self._goes_alone, self._passed = world.loop.pause, world.loop.goes_alone, world.loop.passed

    def start(self) -> None:
        """Begin as a room begins: relay, revival, and a listener for each reading."""
        room, loop = self.room, self.world.loop
        self.bus, book = FakeBus(self), cast(Book, FakeBook(room.base, self))
        self.unit = Unit(book, self.world.handlers[room.name])
        self.relay = Relay(book, cast(Bus, self.bus))
        work = [self.relay.run(), self.revive(), *(self.listen(reading) for reading in READINGS[room.name])]
        self.tasks = [loop.create_task(one) for one in work]

    async def listen(self, reading: Reading) -> None:
        """As the room's own listeners do: serve, ring, and only then acknowledge."""
        while True:
            try:
                letters = await self.bus.fetch(reading, wait=8.0)
                if letters:
                    settlement = await self.unit.serve(letters, reading.source)
                    if settlement.said or settlement.buried:
                        await self.relay.announce(settlement.fresh)
                    await self.bus.ack(settlement.done)
                    for letter, delay in settlement.later:
                        await self.bus.later(letter, delay)
            except Exception as fault:
                self.world.tell(self, "listener interrupted", repr(fault))
                await asyncio.sleep(0.5)

    async def revive(self) -> None:
        """As the room's own revival does, less often."""
        moved = 0
        while True:
            if not moved:
                await asyncio.sleep(3.0)
            moved = 0
            try:
                moved = await self.unit.revive()
                if moved:
                    await self.relay.announce()
            except Exception as fault:
                self.world.tell(self, "revival interrupted", repr(fault))

    def is_up(self) -> bool:
        """Whether it would answer now."""
        return not self.dead and self.frozen_until <= self.world.loop.time()

    def step(self, where: str = "at a port", connection: Connection | None = None) -> asyncio.Future[None]:
        """A port: here the world may go on without this process, and here it may crash, freeze or be cut off.

        What is returned is to be awaited; whoever is killed meanwhile is cancelled there.
        """
        if self.dead:
            raise asyncio.CancelledError
        world, weather, chance, stands = self.world, self._weather, self._chance, _STANDS_IN_CALM
        if world.stormy:
            stands = _STANDS
            draw = chance() - weather.crash
            if draw < 0:
                self.crash(where)
                raise asyncio.CancelledError
            draw -= weather.cut
            if draw < 0:
                world.tell(self, f"cut off {where}")
                raise ConnectionError(f"cut off {where}")
            if draw < weather.freeze:
                self.freeze()
        if (chance() < stands or self.frozen_until > world.loop.time()) and not self._goes_alone(self):
            return self._pause(self, connection)
        if connection is not None and connection.broken:
            raise ConnectionError("the server closed the connection")
        return self._passed

    def linger(self) -> asyncio.Future[None]:
        """A disk that takes its time: what has its place in the queue already is committed long after others."""
        if not (self.world.stormy and self._weather.slow and self._chance() < self._weather.slow):
            return self._passed
        self.world.tell(self, "slow to commit")
        return self.world.loop.sleep(3 * self._chance())

    def crash(self, where: str) -> None:
        """kill -9: nothing more is done here; the servers notice; the supervisor starts it anew."""
        world = self.world
        world.tell(self, f"crashed {where}")
        self.kill()
        world.loop.call_later(0.1 + self._chance(), world.restart, self)

    def kill(self) -> None:
        """End at once, without a word."""
        self.dead = True
        for connection in list(self.connections):
            connection.close()
        for task in self.tasks:
            task.cancel()

    def freeze(self) -> None:
        """SIGSTOP: later it goes on where it was; its servers may have closed its connections meanwhile."""
        self.frozen_until = self.world.loop.time() + 0.3 + 2 * self._chance()
        leads = self.room.base.leader in self.connections
        self.world.tell(self, "leader frozen" if leads else "frozen")
        if self._chance() < 0.7:
            for connection in list(self.connections):
                connection.close()


class People(Replica):
    """Whoever sends commands and settles dead letters: cut off at times, but never dead."""

    def step(self, where: str = "at a port", connection: Connection | None = None) -> asyncio.Future[None]:
        if self.world.stormy and self._chance() < self._weather.cut * 5:
            raise ConnectionError(f"cut off {where}")
        return self._pause(self, connection)
