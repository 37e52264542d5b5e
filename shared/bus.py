"""NATS JetStream for every room: pulling, acknowledging, and publishing in atomic batches."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import nats
import nats.errors
import structlog
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription

from shared.letter import PASSED, Letter, letters_of
from shared.message import in_bulk
from shared.nats_client import SwiftClient, connect, frame
from shared.packs import Outgoing, in_packs

if TYPE_CHECKING:
    from shared.settings import Settings

EVENTS, COMMANDS = "EVENTS", "COMMANDS"
WAIT = 5.0
_DUPLICATE_IN_BATCH = 10201
_FEW = 12
_REST = 0.05
_STANDS, _JAM = 5.0, 0.2
_ACK_AFTER = 0.2
_PACKS = 3
_GONE, _CONFLICT = "503", "409"

log = structlog.get_logger()


class BusSaysNo(RuntimeError):
    """JetStream refused a message; it stays in the outbox and is sent again."""


@dataclass(frozen=True, slots=True)
class Reading:
    """One durable consumer: what a room reads from which stream. `source` is the room whose events it carries.

    For `gather` seconds after the first message more are waited for: one batch costs all less than several.
    """

    durable: str
    stream: str
    subjects: tuple[str, ...]
    source: str = ""
    most: int = 500
    bulk: bool = False
    gather: float = 0.0

    @property
    def at_once(self) -> int:
        """How many messages are asked for at once: what comes of a list comes in packs."""
        return min(self.most, _PACKS) if self.bulk else self.most


class Bus:
    """One room's connection to NATS. Every await ends in time; a connection that closes for good ends the process."""

    def __init__(self, settings: Settings, name: str, *, on_closed: Callable[[], None] = lambda: None) -> None:
        self._settings, self._name, self._on_closed = settings, name, on_closed
        self._stopping = False
        self._nc: SwiftClient | None = None
        self._pulls: dict[str, _Pull] = {}
        self._acks: list[bytes] = []
        self._acking: asyncio.Task[None] | None = None

    @property
    def nc(self) -> SwiftClient:
        """The core connection."""
        if self._nc is None:
            raise RuntimeError("connect first")
        return self._nc

    async def connect(self) -> None:
        """Connect and stay connected. Raises what nats-py raises if no server answers at all."""
        self._nc = await connect(self._settings, self._name, self.closed)

    async def closed(self) -> None:
        """A connection of this process has closed for good: unless we are leaving, the process must end."""
        if not self._stopping:
            log.error("bus.closed", name=self._name)
            self._on_closed()

    async def close(self) -> None:
        """Leave in order: what is on its way out goes out first."""
        self._stopping = True
        if self._acking is not None:
            self._acking.cancel()
        if self._nc is not None and not self._nc.is_closed:
            try:
                await self._send_acks()
                await asyncio.wait_for(self._nc.flush(timeout=1), 2)
            except (TimeoutError, nats.errors.Error):
                log.warning("bus.flush_failed")
            await self._nc.close()

    @property
    def is_connected(self) -> bool:
        """Whether the connection stands at this moment."""
        return self._nc is not None and self._nc.is_connected

    async def fetch(self, reading: Reading, *, wait: float) -> list[Letter]:
        """Up to `reading.at_once` messages: at once what is there, else the first to come within `wait` seconds, else none.

        Raises `ReadingGone` when the stream or the consumer is not there any more.
        """
        pull = self._pulls.get(reading.durable)
        if pull is None:
            pull = self._pulls[reading.durable] = _Pull(reading, self.nc)
            pull.subscription = await self.nc.subscribe(f"{pull.inbox}.*", cb=pull.hear)
        return await pull.fetch(wait)

    async def take_no_more(self) -> None:
        """Let others have what comes from now on, and what is in hand."""
        for pull in list(self._pulls.values()):
            await self.forget(pull.reading)
            with suppress(nats.errors.Error):
                for letter in pull.give_back():
                    await self.later(letter, 0.0)

    async def forget(self, reading: Reading) -> None:
        """Drop a pull that misbehaved; the next fetch begins anew."""
        pull = self._pulls.pop(reading.durable, None)
        if pull is not None and pull.subscription is not None:
            try:
                await asyncio.wait_for(pull.subscription.unsubscribe(), WAIT)
            except (TimeoutError, nats.errors.Error):
                log.debug("bus.unsubscribe_failed", durable=reading.durable)

    async def backlog(self, reading: Reading) -> tuple[int, int]:
        """How many messages of a reading are not delivered yet, and how many not acknowledged yet."""
        info = await self.nc.jetstream(timeout=WAIT).consumer_info(reading.stream, reading.durable)
        return info.num_pending or 0, info.num_ack_pending or 0

    async def ack(self, letters: Sequence[Letter]) -> None:
        """Say that these are done, a list's at once, others soon. Lost acks only bring a repeat, and the gate drops it."""
        self._acks += [b"PUB %b 4\r\n+ACK\r\n" % letter.reply.encode() for letter in letters if letter.settle()]
        if any(letter.bulk for letter in letters):
            await self._send_acks()
        elif self._acking is None:
            self._acking = asyncio.create_task(self._ack_soon())

    async def _ack_soon(self) -> None:
        try:
            await asyncio.sleep(_ACK_AFTER)
        finally:
            self._acking = None
        with suppress(nats.errors.Error):
            await self._send_acks()

    async def _send_acks(self) -> None:
        acks, self._acks = self._acks, []
        if self.is_connected:
            await self.nc.send_frames(acks)

    async def later(self, letter: Letter, delay: float) -> None:
        """Ask for this message again after `delay` seconds; what came in one pack with it comes again as well."""
        if letter.pack is not None:
            if letter.pack.is_returned:
                return
            letter.pack.is_returned = True
        if letter.reply:
            await self.nc.publish(letter.reply, b'-NAK {"delay": %d}' % int(delay * 1e9))

    async def publish(self, batch: Sequence[Outgoing]) -> None:
        """Store all messages in the stream, in order; returns when they are stored. Raises `BusSaysNo` or a time-out.

        What comes of a list goes in packs. Many messages go as one atomic batch, which costs the disk one sync; a few go
        one after another, which is quicker.
        """
        if not self.is_connected:
            raise BusSaysNo("there is no connection")  # and nothing piles up before it is there again
        batch = in_packs(batch)
        if len(batch) > _FEW:
            group = self.nc.new_inbox().rpartition(".")[2][:60]
            whole = [
                (subject, payload, {**headers, "Nats-Batch-Id": group, "Nats-Batch-Sequence": str(number)})
                for number, (subject, payload, headers) in enumerate(batch, 1)
            ]
            whole[-1][2]["Nats-Batch-Commit"] = "1"
            await self.nc.send_frames(frame(*message, {}) for message in whole[:-1])
            with suppress(_RepeatInBatch):
                await self._store(whole[-1])
                return
        await self._store(*batch)

    async def _store(self, *messages: Outgoing) -> None:
        # All go out at once and in order; what fails stays unsent, and what did not is dropped as a repeat next time.
        for answer in await self.nc.ask_in_order(messages, WAIT * 2):
            if not answer.data:
                raise BusSaysNo("there is no stream for it")
            error = json.loads(answer.data).get("error")
            if error and error.get("err_code") == _DUPLICATE_IN_BATCH:
                raise _RepeatInBatch
            if error:
                raise BusSaysNo(f"{error.get('description')} ({error.get('err_code')})")

    async def passed(self, room: str, places: Sequence[int]) -> None:
        """Mark in both lines: what stood in the queue of `room` before this place has gone into the stream before this."""
        subject, source = f"evt.{room}.relay.passed", f"/estafeta/{room}"
        for line, place in zip((subject, in_bulk(subject)), places, strict=True):
            await self._store((line, b"", {"ce-type": PASSED, "ce-source": source, "ce-sequence": str(place)}))

    async def ask(self, subject: str, payload: bytes, *, wait: float = WAIT) -> Any:
        """Ask a question and return the answer's content. Raises `NoAnswer`."""
        try:
            reply = await self.nc.request(subject, payload, timeout=wait)
        except (TimeoutError, nats.errors.Error) as silence:
            raise NoAnswer(subject) from silence
        answer = json.loads(reply.data)
        if not answer.get("ok"):
            raise NoAnswer(f"{subject}: {answer.get('problem')}")
        return answer["answer"]

    async def ring(self, room: str) -> None:
        """Wake the relay leader of `room`, wherever it runs."""
        await self.nc.publish(f"bell.{room}", b"")

    async def on_bell(self, room: str, wake: Callable[[], None]) -> None:
        """Call `wake` whenever somebody rings for `room`."""

        async def heard(_: Msg) -> None:
            wake()

        await self.nc.subscribe(f"bell.{room}", cb=heard)


class NoAnswer(RuntimeError):
    """Nobody answered a question in time."""


class _RepeatInBatch(Exception):
    """One message of an atomic batch is already stored, so the server refused the whole batch."""


class _Pull:
    """One durable consumer, pulled. A list's asks for what is there, or for the first that comes.

    One of single wishes has a request standing that several messages answer, each as it comes: to ask for each costs the
    server and the room as much as to hear it. It stands for few, because whoever is frozen keeps what comes to him.
    """

    def __init__(self, reading: Reading, nc: Client) -> None:
        self.reading, self.nc, self.inbox = reading, nc, nc.new_inbox()
        self.subscription: Subscription | None = None
        self._here: list[Letter] = []
        self._messages = self._wanted = self._request = 0
        self._ended = False
        self._bell = asyncio.Event()
        self._open = 0  # how many messages the standing request is still good for
        self._asked = -_STANDS
        self._is_jam = False  # the last one was used up at once: much waits, and much is taken at a time
        self._reconnects = 0
        self._fault = ""

    async def hear(self, message: Msg) -> None:
        """A message, or the server's word that there are no more for now."""
        status = (message.headers or {}).get("Status") if not message.data else None
        if status is None:
            self._here += letters_of(message)
            self._messages += 1
            self._open -= 1
            if self._open == 0:
                self._is_jam = asyncio.get_running_loop().time() < self._asked + _JAM
        elif status == _GONE or (status == _CONFLICT and "eleted" in str(message.headers)):
            self._fault = f"{self.reading.durable}: {status}"
        elif message.subject.endswith(f".{self._request}"):
            self._ended, self._open = True, 0
        if self._messages >= self._wanted or self._ended or self._fault:
            self._bell.set()

    async def fetch(self, wait: float) -> list[Letter]:
        """See `Bus.fetch`."""
        await (self._ask_for_a_list(wait) if self.reading.bulk else self._stand(wait))
        if self._fault:
            raise ReadingGone(self._fault)
        return self.give_back()

    def give_back(self) -> list[Letter]:
        """What has come and nobody has fetched."""
        here, self._here = self._here, []
        return here

    async def _stand(self, wait: float) -> None:
        now, reconnects = asyncio.get_running_loop().time(), self.nc.stats["reconnects"]
        if self._open <= 0 or now > self._asked + _STANDS + _REST or reconnects != self._reconnects:
            self._open = self.reading.at_once if self._is_jam else _FEW
            self._asked, self._reconnects, self._is_jam = now, reconnects, False
            await self._ask(self._open, _STANDS)
        if not self._here:
            self._messages = 0
            await self._until(1, wait)
        await asyncio.sleep(self.reading.gather)  # at least what came with the first

    async def _ask_for_a_list(self, wait: float) -> None:
        at_once, gather = self.reading.at_once, self.reading.gather
        if self._here:
            return
        self._messages = 0
        await self._ask(at_once, wait, b', "no_wait": true')
        await self._until(1, wait + 1)
        if self._messages:
            # The rest of the batch is on its way behind the first; a server that lingers instead is not waited for.
            await self._until(at_once, _REST)
        if gather and self._ended and 0 < self._messages < at_once:
            await self._ask(at_once - self._messages, gather)
            await self._until(at_once, gather * 2)

    async def _ask(self, messages: int, wait: float, more: bytes = b"") -> None:
        self._request += 1
        self._ended = False
        wish = b'{"batch": %d, "expires": %d%b}' % (messages, int(wait * 1e9), more)
        where = f"$JS.API.CONSUMER.MSG.NEXT.{self.reading.stream}.{self.reading.durable}"
        await self.nc.publish(where, wish, reply=f"{self.inbox}.{self._request}")

    async def _until(self, messages: int, seconds: float) -> None:
        """Wait until so many messages have come, or the server says that no more do, for so many seconds at most."""
        self._wanted = messages
        if self._messages >= messages or self._ended or self._fault:
            return
        self._bell.clear()
        alarm = asyncio.get_running_loop().call_later(seconds, self._bell.set)
        await self._bell.wait()
        alarm.cancel()


class ReadingGone(RuntimeError):
    """The stream or the durable consumer is not there: run `python -m shared.provision`."""
