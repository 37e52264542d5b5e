"""A room as a running process: servers reached, relay and listeners started, questions answered, stopped in order."""

from __future__ import annotations

import asyncio
import gc
import os
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import structlog
import uvloop
from faststream import FastStream
from faststream.nats import NatsBroker, NatsMessage, NatsResponse
from pydantic import ValidationError
from sqlalchemy import MetaData, Table

from shared.bus import Bus, NoAnswer, Reading
from shared.clock import ticks
from shared.database import engine_for, to_json, write
from shared.door import Door
from shared.every_room import Answer, EveryRoom
from shared.faults import describe
from shared.health import Health, Measure, Pulse
from shared.ledger import Book
from shared.letterbox import AT_ONCE, Letterbox, work_off
from shared.message import Event, Question
from shared.metrics import Metrics
from shared.migrate import is_current
from shared.nats_client import inbox_prefix
from shared.provision import readings_of
from shared.relay import Relay
from shared.settings import Settings
from shared.telemetry import start_logging
from shared.unit import Handler, Settlement, Step, Unit

_WAIT = 2.0
_PAUSE = 0.5
_LEAVE = 20.0
_SEEN = 30.0

Ask = Callable[[type[Question], Mapping[str, Any]], Awaitable[Any]]
"""`(question, its fields)` → the answer of the room that owns it. Raises `NoAnswer`."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Watch:
    """Something a room does by the clock: `step` every `every` seconds, and at once again while more waits.

    After a step that had nothing to say it rests for `at_rest` seconds, if that is longer.
    """

    step: Step
    every: float
    at_rest: float = 0.0


@dataclass(frozen=True)
class Room:
    """What makes a room: the messages it handles, the questions it answers, what it does by the clock.

    `copies` are the tables it keeps only by hearing: each is filled by the handler of one event and by nothing else.
    `measures` are figures of its own for ops, by the end of their names.
    `entrance` is a door of its own to the world outside, open from the first moment until it is cancelled;
    `letterbox` is where the wishes that came by it wait to be served.
    """

    name: str
    metadata: MetaData
    handlers: Mapping[type[Any], Handler]
    answers: Mapping[type[Question], Answer] = field(default_factory=dict)
    watches: tuple[Watch, ...] = ()
    copies: Mapping[type[Event], Table] = field(default_factory=dict)
    measures: Mapping[str, Measure] = field(default_factory=dict)
    entrance: Callable[[Settings, Ask], Awaitable[None]] | None = None
    letterbox: Letterbox | None = None


class Service:
    """One running replica of a room."""

    def __init__(self, room: Room, settings: Settings) -> None:
        self.room, self.settings = room, settings
        self.engine = engine_for(settings.database(), room.name, replica=settings.replica, plans_once=True)
        label = f"{room.name} {settings.replica}".strip()
        self.bus = Bus(settings, label, on_closed=lambda: os._exit(1))  # the supervisor starts it anew
        self.book = Book(self.engine, room.name)
        self.metrics = Metrics(room.name)
        self.relay = Relay(self.book, self.bus)
        self.readings = readings_of(room.name)
        self.pulse = Pulse()
        self.health = Health(
            room.name,
            settings.replica,
            engine=self.engine,
            bus=self.bus,
            readings=self.readings,
            relay=self.relay,
            metrics=self.metrics,
            pulse=self.pulse,
            measures=room.measures,
        )
        every = EveryRoom(room.name, self.bus, self.health, copies=room.copies, copiers=room.handlers)
        self.answers = {**every.answers, **room.answers}
        handlers = {**room.handlers, **every.handlers}
        self.unit = Unit(self.book, {message: self.metrics.timed(handler) for message, handler in handlers.items()})
        self._serving: set[str] = set()

    # ── life cycle ──────────────────────────────────────────────────────────────────────────────────────────────

    async def open_door(self) -> None:
        """Let ops look in from the first moment, alive and not ready yet, and let in who comes by the room's own door."""
        if self.settings.http:
            self.pulse.begin("door", Door(self.settings.http, self.health.pages()).run())
        if self.settings.http_door and self.room.entrance is not None:
            self.pulse.begin("entrance", self.room.entrance(self.settings, self._ask))

    async def start(self) -> None:
        """Reach the servers, however long they take to come up, and begin."""
        await self._until_up(self.bus.connect)
        await self._until_up(self._reach_database)
        self.pulse.begin("relay", self.relay.run())
        for reading in self.readings:
            self.pulse.begin(reading.durable, self._listen(reading))
        for number, watch in enumerate(self.room.watches):
            self.pulse.begin(f"watch{number}", self._watch(watch, f"watch{number}"))
        if self.room.letterbox is not None:
            self.pulse.begin("letterbox", self._work_off(self.room.letterbox))
        self.pulse.begin("revive", self._revive())
        self.pulse.begun = True
        log.info(f"{self.room.name}.started", pid=os.getpid())

    async def stop(self) -> None:
        """Finish the batches in hand, take no new ones, leave."""
        # Servers that are gone can keep a client waiting for long; what is not committed by then comes again anyway.
        asyncio.get_running_loop().call_later(_LEAVE, os._exit, 1)
        self.pulse.stopping.set()
        busy = [task for task, name in self.pulse.tasks.items() if name in self._serving]
        for task in self.pulse.tasks:
            if task not in busy:
                task.cancel()
        await self.bus.take_no_more()
        if busy:
            await asyncio.wait(busy, timeout=10)
        for task in self.pulse.tasks:
            task.cancel()
        await asyncio.gather(*self.pulse.tasks, return_exceptions=True)
        await self.bus.close()
        await self.engine.dispose()
        log.info(f"{self.room.name}.stopped")

    async def _until_up(self, reach: Callable[[], Awaitable[None]]) -> None:
        while True:
            try:
                return await reach()
            except Exception as fault:
                log.warning(f"{self.room.name}.server_not_reached", fault=describe(fault))
                await asyncio.sleep(_PAUSE)

    async def _reach_database(self) -> None:
        async with self.engine.connect() as db:
            if not await is_current(db, self.room.name):
                raise RuntimeError(
                    f"the schema of {self.room.name} is not migrated: python -m shared.migrate {self.room.name}"
                )

    # ── work ────────────────────────────────────────────────────────────────────────────────────────────────────

    async def _listen(self, reading: Reading) -> None:
        while not self.pulse.stopping.is_set():
            self.pulse.turn(reading.durable)
            try:
                letters = await self.bus.fetch(reading, wait=_WAIT)
                if not letters:
                    continue
                self._serving.add(reading.durable)
                began = ticks()
                settlement = await self.unit.serve(letters, reading.source)
                self.metrics.served(reading.durable, len(letters), settlement, ticks() - began)
                log.debug(
                    f"{self.room.name}.batch_served",
                    durable=reading.durable,
                    letters=len(letters),
                    applied=settlement.applied,
                    seconds=round(ticks() - began, 4),
                )
                if settlement.said or settlement.buried:
                    await self.relay.announce(settlement.fresh)
                await self.bus.ack(settlement.done)
                for letter, delay in settlement.later:
                    await self.bus.later(letter, delay)
            except Exception as fault:
                log.warning(f"{self.room.name}.listener_interrupted", durable=reading.durable, fault=describe(fault))
                await self.bus.forget(reading)
                await asyncio.sleep(_PAUSE)
            finally:
                self._serving.discard(reading.durable)

    async def _watch(self, watch: Watch, name: str) -> None:
        while not self.pulse.stopping.is_set():
            self.pulse.turn(name)
            said, more = 0, False
            try:
                said, more = await self.unit.tick(watch.step)
                if said:
                    await self.relay.announce()
            except Exception as fault:
                log.warning(f"{self.room.name}.watch_interrupted", fault=describe(fault))
            rest = 0.0 if more else watch.every if said else max(watch.every, watch.at_rest)
            while rest > 0:  # whoever rests for long is seen to rest, and not taken for stuck
                await asyncio.sleep(min(rest, _SEEN))
                rest -= _SEEN
                self.pulse.turn(name)

    async def _work_off(self, box: Letterbox) -> None:
        while not self.pulse.stopping.is_set():
            self.pulse.turn("letterbox")
            settlement, began = Settlement(), ticks()
            self._serving.add("letterbox")
            try:
                settlement = await work_off(box, self.unit)
                if settlement.said or settlement.buried:
                    await self.relay.announce(settlement.fresh)
            except Exception as fault:
                log.warning(f"{self.room.name}.letterbox_interrupted", fault=describe(fault))
            finally:
                self._serving.discard("letterbox")
            letters = len(settlement.done) + len(settlement.later)
            if letters:
                self.metrics.served("letterbox", letters, settlement, ticks() - began)
            if letters < AT_ONCE:
                await asyncio.sleep(_PAUSE)

    async def _revive(self) -> None:
        while not self.pulse.stopping.is_set():
            self.pulse.turn("revive")
            try:
                if await self.unit.revive():
                    await self.relay.announce()
                    continue
            except Exception as fault:
                log.warning(f"{self.room.name}.revival_interrupted", fault=describe(fault))
            await asyncio.sleep(1.0)

    async def _ask(self, kind: type[Question], fields: Mapping[str, Any]) -> Any:
        """Ask another room; who is not there does not keep the asker waiting."""
        if not self.bus.is_connected:
            raise NoAnswer("there is no connection to NATS")
        return await self.bus.ask(kind.subject, kind(**fields).model_dump_json().encode(), wait=_WAIT)

    # ── questions ───────────────────────────────────────────────────────────────────────────────────────────────

    async def answer(self, kind: type[Question], body: bytes) -> bytes:
        """Answer one question, in an envelope: `{ok, answer}` or `{ok, problem, remedy}`. Silence is never an answer."""
        answerer = self.answers[kind]
        try:
            question = kind.model_validate_json(body or b"{}")
            async with self.engine.connect() as db:
                await write(db, "set local plan_cache_mode = auto")  # what is asked here varies by what is asked for
                content = await answerer(question, db)
            return to_json({"ok": True, "answer": content}).encode()
        except ValidationError as fault:
            return _no(f"the question {kind.__name__} is malformed: {describe(fault)}", "ask with the fields it names")
        except Exception as fault:
            log.warning(f"{self.room.name}.question_failed", type=kind.__name__, fault=describe(fault))
            return _no(
                f"{self.room.name} cannot answer now: {describe(fault)}", "see `estafeta status`, then ask again"
            )

    def questions(self) -> list[type[Question]]:
        """Every question this room answers."""
        return list(self.answers)


def _no(problem: str, remedy: str) -> bytes:
    return to_json({"ok": False, "problem": problem, "remedy": remedy}).encode()


def application(room: Room, settings: Settings) -> FastStream:
    """A FastStream application around one service: it holds the life cycle and answers the questions."""
    service = Service(room, settings)
    broker = NatsBroker(
        settings.nats_url.split(","),
        name=f"{room.name} questions",
        inbox_prefix=inbox_prefix(settings.nats_user),
        max_reconnect_attempts=-1,
        reconnect_time_wait=1,
        ping_interval=5,
        closed_cb=service.bus.closed,  # else the room would live on and answer nobody
        logger=None,
        graceful_timeout=5.0,
        **_login(settings),
    )
    for kind in service.questions():
        _answer_on(broker, service, kind)
    app = FastStream(broker, logger=None)
    app.on_startup(service.open_door)
    app.after_startup(service.start)
    app.on_shutdown(service.stop)
    return app


def _login(settings: Settings) -> dict[str, Any]:
    from faststream.security import SASLPlaintext

    if settings.nats_user is None or settings.nats_password is None:
        return {}
    return {"security": SASLPlaintext(settings.nats_user, settings.nats_password.get_secret_value())}


def _answer_on(broker: NatsBroker, service: Service, kind: type[Question]) -> None:
    async def answer(message: NatsMessage) -> NatsResponse:
        return NatsResponse(await service.answer(kind, message.body))

    subject = kind.subject_in(service.room.name)
    broker.subscriber(subject, queue=service.room.name, max_workers=4, description=kind.__doc__)(answer)


def run(room: Room) -> None:
    """Run one replica of a room until SIGTERM or Ctrl-C, with settings from the environment."""
    settings = Settings()
    start_logging(settings, room.name)
    # What stands now stands for ever: the collector need not walk it again and again while batches come and go.
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
    uvloop.run(_run(room, settings))


async def _run(room: Room, settings: Settings) -> None:
    await application(room, settings).run()
