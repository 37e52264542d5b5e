"""JetStream in memory: repeats by `Nats-Msg-Id` dropped, acks that get lost, redelivery, disorder, a stream that vanishes."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from shared.bus import COMMANDS, EVENTS, BusSaysNo, NoAnswer, Reading, ReadingGone
from shared.letter import PASSED, Letter
from shared.message import in_bulk
from shared.packs import Outgoing
from shared.questions import TellWatermarks
from tests.simulation.promise import check_order, check_sent_again

if TYPE_CHECKING:
    from tests.simulation.replica import Replica
    from tests.simulation.world import World

ACK_WAIT = 1.5
_ROUTES: dict[tuple[str, str], list[str]] = {}  # stream and subject → whoever reads it: the same in every history


@dataclass(slots=True)
class _Entry:
    """One stored message on its way to one consumer: when it may come (again), and how often it came."""

    number: int
    subject: str
    payload: bytes
    headers: dict[str, str]
    tries: int = 0
    due: float = 0.0
    first: bool = False  # nothing with its id was ever stored before


@dataclass(slots=True)
class Consumer:
    """A durable consumer: what it has not delivered yet, and what was delivered and not acknowledged."""

    reading: Reading
    era: int
    stalled: bool = False
    pending: deque[_Entry] = field(default_factory=deque)
    unacked: dict[int, _Entry] = field(default_factory=dict)
    waiting: list[asyncio.Future[None]] = field(default_factory=list)

    def hear(self, entry: _Entry) -> None:
        """A message for this consumer has been stored, or comes again."""
        self.pending.append(entry)
        self.wake()

    def wake(self) -> None:
        """One of those who wait for a message looks again."""
        while self.waiting:
            future = self.waiting.pop(0)
            if not future.done():
                future.set_result(None)
                return

    def begin(self) -> None:
        """Deliver from now on."""
        self.stalled = False
        for _ in range(len(self.waiting)):
            self.wake()

    def recall(self, now: float) -> None:
        """What was not acknowledged in time is pending again."""
        if not self.unacked:
            return
        for entry in [entry for entry in self.unacked.values() if entry.due <= now]:
            del self.unacked[entry.number]
            self.pending.append(entry)

    def settle(self, entry: _Entry) -> None:
        """This one is acknowledged; where one at a time may be under way, the next one may come."""
        del self.unacked[entry.number]
        if self.reading.most == 1:
            self.wake()

    @property
    def ready(self) -> int:
        """How many may be delivered now: a list is worked strictly piece after piece."""
        return 0 if self.stalled or (self.unacked and self.reading.most == 1) else len(self.pending)


class Stream:
    """One stream and its consumers."""

    def __init__(self, world: World, name: str, readings: tuple[Reading, ...]) -> None:
        self.world, self.name, self.readings = world, name, readings
        self.stands, self.full, self.era, self.stored = True, False, 0, 0
        self.seen_ids: set[str] = set()
        self.ever: set[str] = set()
        self.last: dict[tuple[str, str], int] = {}
        self.log: list[Outgoing] = []
        self.consumers: dict[str, Consumer] = {}
        self._make_consumers()

    def _make_consumers(self) -> None:
        self.consumers = {one.durable: Consumer(one, self.era) for one in self.readings}

    def consumers_of(self, subject: str) -> list[Consumer]:
        """Whoever reads this subject."""
        durables = _ROUTES.get((self.name, subject))
        if durables is None:
            durables = _ROUTES[self.name, subject] = _routes(self.readings, subject)
        return [self.consumers[durable] for durable in durables]

    def store(self, message: Outgoing) -> None:
        """Store a message unless one with its id was stored already. Raises `BusSaysNo` if there is no room or stream."""
        if not self.stands or self.full:
            raise BusSaysNo("no stream" if not self.stands else "maximum bytes exceeded")
        subject, payload, headers = message
        id = headers.get("Nats-Msg-Id", "")
        if id in self.seen_ids:
            self.world.seen["repeat dropped by its id"] += 1
            return
        if id:
            self.seen_ids.add(id)
            check_sent_again(self, message)
        self.stored += 1
        self.log.append(message)
        first = id not in self.ever
        self.ever.add(id)
        if first:
            check_order(self, message)
        for consumer in self.consumers_of(subject):
            consumer.hear(_Entry(self.stored, subject, payload, headers, first=first))

    def delete(self) -> None:
        """The whole stream is gone: messages, ids, consumers."""
        self.stands = False
        self.seen_ids.clear()
        self.log.clear()
        self.era += 1
        old = list(self.consumers.values())
        self._make_consumers()
        for consumer in old:
            while consumer.waiting:
                consumer.wake()

    def stall(self, seconds: float, lines: Sequence[bool] = (False, True)) -> None:
        """The stream takes messages in and delivers none of these lines (in bulk?) for a while: what is there is late."""
        for consumer in self.consumers.values():
            if consumer.reading.bulk in lines:
                consumer.stalled = True
                self.world.loop.call_later(seconds, consumer.begin)

    def purge(self) -> None:
        """The messages are gone; the ids of what was stored are still known."""
        self.log.clear()
        for consumer in self.consumers.values():
            consumer.pending.clear()
            consumer.unacked.clear()

    def repeat(self) -> None:
        """Something that was stored once comes again to everybody, long after."""
        if self.log and self.stands:
            subject, payload, headers = self.world.chance.choice(self.log)
            for consumer in self.consumers_of(subject):
                self.stored += 1
                consumer.hear(_Entry(self.stored, subject, payload, headers))


def _routes(readings: tuple[Reading, ...], subject: str) -> list[str]:
    return [
        one.durable
        for one in readings
        if any(subject == name or (name[-1] == ">" and subject.startswith(name[:-1])) for name in one.subjects)
    ]


class FakeBus:
    """What `shared.bus.Bus` is for the kernel: one replica's way to the streams."""

    def __init__(self, owner: Replica) -> None:
        self.owner, self.world = owner, owner.world
        self._chance = owner.world.chance

    def _stream(self, subject: str) -> Stream:
        return self.world.streams[COMMANDS if subject.startswith("cmd.") else EVENTS]

    # ── publishing ──────────────────────────────────────────────────────────────────────────────────────────────

    async def publish(self, batch: Sequence[Outgoing]) -> None:
        """Few go one by one, whatever becomes of each, many as one; the word that they are stored may be lost."""
        refused = None
        if len(batch) > 4:
            await self.owner.step()
        for message in batch:
            if len(batch) <= 4:
                await self.owner.step()
            try:
                self._stream(message[0]).store(message)
            except BusSaysNo as refusal:
                refused = refusal
                self.world.refused.add(message[2].get("ce-subject", ""))
        if refused is not None:
            raise refused
        await self.owner.step("after publish")

    async def passed(self, room: str, places: Sequence[int]) -> None:
        """The marks of the relay, one in each line."""
        subject = f"evt.{room}.relay.passed"
        for line, place in zip((subject, in_bulk(subject)), places, strict=True):
            headers = {"ce-type": PASSED, "ce-source": f"/estafeta/{room}", "ce-sequence": str(place)}
            await self.owner.step()
            self.world.streams[EVENTS].store((line, b"", headers))
        await self.owner.step("after publish")

    # ── reading ─────────────────────────────────────────────────────────────────────────────────────────────────

    async def fetch(self, reading: Reading, *, wait: float) -> list[Letter]:
        """A handful of what is there, in the order of the stream or not; else the first to come."""
        world, stream = self.world, self.world.streams[reading.stream]
        if world.stormy:  # later nothing befalls one who only asks
            await self.owner.step()
        if not stream.stands:
            raise ReadingGone(reading.durable)
        consumer = stream.consumers[reading.durable]
        now = world.loop.time()
        consumer.recall(now)
        if not consumer.ready:
            await self._wait(consumer, wait, now)
            consumer.recall(world.loop.time())
            if consumer.era != stream.era:
                raise ReadingGone(reading.durable)
        most = min(consumer.ready, reading.most, 1 + int(self._chance.random() * 12))
        if not most:
            return []
        entries = [consumer.pending.popleft() for _ in range(most)]
        if self._chance.random() < world.weather.disorder:
            self._chance.shuffle(entries)
            world.seen["disorder"] += 1
        letters = []
        due = world.loop.time() + ACK_WAIT
        for entry in entries:
            entry.tries += 1
            entry.due = due
            consumer.unacked[entry.number] = entry
            reply = f"{reading.durable} {entry.number} {consumer.era}"
            letters.append(Letter(entry.subject, entry.headers, entry.payload, entry.tries, reply))
        if len(letters) > 1 and self._chance.random() < world.weather.disorder:
            letters.append(self._chance.choice(letters))
        await self.owner.step()
        return letters

    async def _wait(self, consumer: Consumer, wait: float, now: float) -> None:
        future: asyncio.Future[None] = self.world.loop.create_future()
        consumer.waiting.append(future)
        until = min([now + wait, *(entry.due for entry in consumer.unacked.values())])
        timer = self.world.loop.call_at(until, _wake, future)
        try:
            await future
        finally:
            timer.cancel()
        await self.owner.step()

    async def forget(self, reading: Reading) -> None:
        """Nothing is remembered here."""

    def _entry(self, letter: Letter) -> tuple[Consumer, _Entry] | None:
        durable, number, era = letter.reply.split(" ")
        for stream in self.world.streams.values():
            consumer = stream.consumers.get(durable)
            if consumer is not None and consumer.era == int(era) and int(number) in consumer.unacked:
                return consumer, consumer.unacked[int(number)]
        return None

    async def ack(self, letters: Sequence[Letter]) -> None:
        """Any of the acks may be lost."""
        await self.owner.step()
        for letter in letters:
            found = self._entry(letter) if letter.reply else None
            if found and self._chance.random() < self.world.weather.ack_lost:
                self.world.seen["ack lost"] += 1
            elif found:
                found[0].settle(found[1])

    async def later(self, letter: Letter, delay: float) -> None:
        """The letter comes again after `delay`, or, if this is lost, when its time for an ack is over."""
        await self.owner.step()
        found = self._entry(letter) if letter.reply else None
        if found and self._chance.random() >= self.world.weather.ack_lost:
            found[1].due = self.world.loop.time() + delay
            found[0].wake()

    # ── questions and bells ─────────────────────────────────────────────────────────────────────────────────────

    async def ask(self, subject: str, payload: bytes, *, wait: float = 5.0) -> Any:
        """Any replica of the room asked may answer; silence is always possible."""
        await self.owner.step()
        there = [one for one in self.world.rooms[subject.split(".")[1]].replicas if one.is_up()]
        if not there or self._chance.random() < self.world.weather.silence:
            self.world.seen["silence"] += 1
            raise NoAnswer(subject)
        question = TellWatermarks.model_validate_json(payload)
        answerer = there[int(self._chance.random() * len(there))]
        answer: Mapping[str, Any] = await self.world.tell_watermarks(self.owner, answerer.room, question)
        await self.owner.step()
        return answer

    async def ring(self, room: str) -> None:
        """A bell is heard by those who are up, or by nobody."""
        await self.owner.step()
        if self._chance.random() >= self.world.weather.ack_lost:
            for replica in self.world.rooms[room].replicas:
                if replica.is_up() and replica.bell is not None:
                    replica.bell()

    async def on_bell(self, room: str, wake: Callable[[], None]) -> None:
        """Remember whom to wake: a subscription is this side's affair, it does not wait for the server."""
        self.owner.bell = wake


def _wake(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
