"""A room as a running process: servers reached, relay and listeners started, questions answered, stopped in order."""

from __future__ import annotations

import asyncio
import gc
import json
import os
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import structlog
import uvloop
from faststream import FastStream
from faststream.nats import NatsBroker, NatsMessage, NatsResponse
from pydantic import ValidationError
from sqlalchemy import MetaData
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.bus import Bus, Reading, inbox_prefix
from shared.clock import ticks
from shared.commands import SettleLetter
from shared.database import engine_for, to_json
from shared.ledger import Book, Ledger
from shared.masking import masked
from shared.message import Batch, Question, Said
from shared.migrate import is_current
from shared.provision import readings_of
from shared.questions import ListLetters, TellHealth, TellOutcome, TellWatermarks
from shared.relay import Relay
from shared.settings import Settings
from shared.telemetry import start_logging
from shared.unit import Handler, Step, Unit, describe

Answer = Callable[[Any, AsyncConnection], Awaitable[Mapping[str, Any]]]
_WAIT = 2.0
_PAUSE = 0.5

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Watch:
    """Something a room does by the clock: `step` every `every` seconds, and at once again while more waits."""

    step: Step
    every: float


@dataclass(frozen=True)
class Room:
    """What makes a room: the messages it handles, the questions it answers, what it does by the clock."""

    name: str
    metadata: MetaData
    handlers: Mapping[type[Any], Handler]
    answers: Mapping[type[Question], Answer] = field(default_factory=dict)
    watches: tuple[Watch, ...] = ()


class Service:
    """One running replica of a room."""

    def __init__(self, room: Room, settings: Settings) -> None:
        self.room, self.settings = room, settings
        self.engine = engine_for(settings.database(), room.name, replica=settings.replica)
        label = f"{room.name} {settings.replica}".strip()
        self.bus = Bus(settings, label, on_closed=lambda: os._exit(1))  # the supervisor starts it anew
        self.book = Book(self.engine, room.name)
        self.unit = Unit(self.book, {**room.handlers, SettleLetter: self._settle})
        self.relay = Relay(self.book, self.bus)
        self.readings = readings_of(room.name)
        self._tasks: dict[asyncio.Task[None], str] = {}
        self._serving: set[str] = set()
        self._stopping = asyncio.Event()
        self._kernel: dict[type[Question], Answer] = {
            TellHealth: self._health,
            TellOutcome: self._outcome,
            ListLetters: self._letters,
            TellWatermarks: self._watermarks,
        }

    # ── life cycle ──────────────────────────────────────────────────────────────────────────────────────────────

    async def start(self) -> None:
        """Reach the servers, however long they take to come up, and begin."""
        await self._until_up(self.bus.connect)
        await self._until_up(self._reach_database)
        self._begin("relay", self.relay.run())
        for reading in self.readings:
            self._begin(reading.durable, self._listen(reading))
        for number, watch in enumerate(self.room.watches):
            self._begin(f"watch{number}", self._watch(watch))
        self._begin("revive", self._revive())
        log.info(f"{self.room.name}.started", pid=os.getpid())

    async def stop(self) -> None:
        """Finish the batches in hand, take no new ones, leave."""
        self._stopping.set()
        busy = [task for task, name in self._tasks.items() if name in self._serving]
        for task in self._tasks:
            if task not in busy:
                task.cancel()
        if busy:
            await asyncio.wait(busy, timeout=10)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.bus.close()
        await self.engine.dispose()
        log.info(f"{self.room.name}.stopped")

    def _begin(self, name: str, work: Any) -> None:
        self._tasks[asyncio.create_task(work, name=name)] = name

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
        while not self._stopping.is_set():
            try:
                letters = await self.bus.fetch(reading, wait=_WAIT)
                if not letters:
                    continue
                self._serving.add(reading.durable)
                began = ticks()
                settlement = await self.unit.serve(letters, reading.source)
                log.debug(
                    f"{self.room.name}.batch_served",
                    durable=reading.durable,
                    letters=len(letters),
                    applied=settlement.applied,
                    seconds=round(ticks() - began, 4),
                )
                if settlement.said or settlement.buried:
                    await self.relay.announce()
                await self.bus.ack(settlement.done)
                for letter, delay in settlement.later:
                    await self.bus.later(letter, delay)
            except Exception as fault:
                log.warning(f"{self.room.name}.listener_interrupted", durable=reading.durable, fault=describe(fault))
                await self.bus.forget(reading)
                await asyncio.sleep(_PAUSE)
            finally:
                self._serving.discard(reading.durable)

    async def _watch(self, watch: Watch) -> None:
        while not self._stopping.is_set():
            more = False
            try:
                said, more = await self.unit.tick(watch.step)
                if said:
                    await self.relay.announce()
            except Exception as fault:
                log.warning(f"{self.room.name}.watch_interrupted", fault=describe(fault))
            if not more:
                await asyncio.sleep(watch.every)

    async def _revive(self) -> None:
        while not self._stopping.is_set():
            try:
                if await self.unit.revive():
                    await self.relay.announce()
                    continue
            except Exception as fault:
                log.warning(f"{self.room.name}.revival_interrupted", fault=describe(fault))
            await asyncio.sleep(1.0)

    # ── questions ───────────────────────────────────────────────────────────────────────────────────────────────

    async def answer(self, kind: type[Question], body: bytes) -> bytes:
        """Answer one question, in an envelope: `{ok, answer}` or `{ok, problem, remedy}`. Silence is never an answer."""
        answerer = self._kernel.get(kind) or self.room.answers[kind]
        try:
            question = kind.model_validate_json(body or b"{}")
            async with self.engine.connect() as db:
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
        return [*self._kernel, *self.room.answers]

    async def _health(self, _: TellHealth, db: AsyncConnection) -> Mapping[str, Any]:
        problems = []
        consumers = {}
        if not await is_current(db, self.room.name):
            problems.append(f"schema not migrated: run python -m shared.migrate {self.room.name}")
        if not self.bus.is_connected:
            problems.append("no connection to NATS")
        for reading in self.readings:
            try:
                pending, unacked = await self.bus.backlog(reading)
                consumers[reading.durable] = {"pending": pending, "unacked": unacked}
            except Exception as fault:
                problems.append(
                    f"consumer {reading.durable} cannot be read: {describe(fault)}; run python -m shared.provision"
                )
        for task, name in self._tasks.items():
            if task.done() and not self._stopping.is_set():
                problems.append(f"{name} has ended")
        counts = await Ledger(db, self.room.name).health()
        return {
            "room": self.room.name,
            "replica": self.settings.replica,
            "pid": os.getpid(),
            "ready": not problems,
            "problems": problems,
            "leads": self.relay.leads,
            "consumers": consumers,
            **counts,
        }

    async def _outcome(self, question: TellOutcome, db: AsyncConnection) -> Mapping[str, Any]:
        found = await Ledger(db, self.room.name).outcome(question.command_id)
        said = [{**one, "payload": json.loads(one["payload"])} for one in found["said"]]
        return {**found, "said": said}

    async def _letters(self, question: ListLetters, db: AsyncConnection) -> Mapping[str, Any]:
        rows = await Ledger(db, self.room.name).letters(question.letter)
        return {"letters": [{**row, "age_s": float(row["age_s"]), "payload": masked(row["payload"])} for row in rows]}

    async def _watermarks(self, question: TellWatermarks, db: AsyncConnection) -> Mapping[str, Any]:
        return await Ledger(db, self.room.name).watermarks(question.source, question.said)

    async def _settle(self, wishes: Batch[SettleLetter], db: AsyncConnection) -> Said:
        """Settle dead letters as an operator wishes; what is to be tried again is picked up within a second."""
        ledger = Ledger(db, self.room.name)
        for wish in wishes:
            if wish.message.action == "again":
                await ledger.revive(wish.message.letter)
            elif wish.message.letter is not None:
                await ledger.give_up(wish.message.letter, wish.message.why or "closed by an operator")
        return []


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
        logger=None,
        graceful_timeout=5.0,
        **_login(settings),
    )
    for kind in service.questions():
        _answer_on(broker, service, kind)
    app = FastStream(broker, logger=None)
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
