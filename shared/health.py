"""How a room is: alive, ready, and in figures; told on the bus (`TellHealth`) and at the door for ops."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from prometheus_client import CONTENT_TYPE_LATEST
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from shared.bus import Bus, Reading
from shared.clock import ticks
from shared.door import Page, Show
from shared.faults import describe
from shared.ledger_told import ledger_health
from shared.metrics import Metrics
from shared.migrate import is_current
from shared.relay import Relay

Measure = Callable[[AsyncConnection], Awaitable[float | Mapping[str, float]]]
"""A figure of a room's own; or one for each of several things, by name."""
STUCK = 120.0
_DATABASE, _CONSUMERS = 4.0, 1.5
_FRESH = 0.5
_STARTING = "it is starting: its servers have not been reached yet"


@dataclass
class Pulse:
    """What runs in a room, and when it last came round; `ended` names what should run and does not."""

    tasks: dict[asyncio.Task[None], str] = field(default_factory=dict)
    turns: dict[str, float] = field(default_factory=dict)
    begun: bool = False
    stopping: asyncio.Event = field(default_factory=asyncio.Event)

    def begin(self, name: str, work: Any) -> None:
        """Let `work` run as a task called `name`."""
        self.tasks[asyncio.create_task(work, name=name)] = name

    def turn(self, name: str) -> None:
        """`name` has come round once more."""
        self.turns[name] = ticks()

    def ended(self) -> list[str]:
        """Tasks that should run and do not."""
        if self.stopping.is_set():
            return []
        return [f"{name} has ended" for task, name in self.tasks.items() if task.done()]

    def stuck(self) -> list[str]:
        """Loops that have not come round for two minutes."""
        now = ticks()
        return [
            f"{name} has not come round for {now - last:.0f} s"
            for name, last in self.turns.items()
            if now - last > STUCK
        ]


class Health:
    """Looks at one replica of a room, and never raises: what cannot be looked at is a problem."""

    def __init__(
        self,
        room: str,
        replica: str,
        *,
        engine: AsyncEngine,
        bus: Bus,
        readings: Sequence[Reading],
        relay: Relay,
        metrics: Metrics,
        pulse: Pulse,
        measures: Mapping[str, Measure],
    ) -> None:
        self.room, self.replica = room, replica
        self.engine, self.bus, self.readings, self.relay = engine, bus, readings, relay
        self.metrics, self.pulse, self.measures = metrics, pulse, measures
        self._looking = asyncio.Lock()
        self._last: tuple[float, dict[str, Any]] | None = None

    async def tell(self, db: AsyncConnection | None) -> dict[str, Any]:
        """How the room is (see `TellHealth`); `db` is empty when the database cannot be reached."""
        problems = [] if self.pulse.begun else [_STARTING]
        if not self.bus.is_connected:
            problems.append("no connection to NATS")
        consumers = await self._consumers(problems)
        problems += self.pulse.ended() + self.pulse.stuck()
        figures = await self._figures(db, problems) if db is not None else {}
        return {
            "room": self.room,
            "replica": self.replica,
            "pid": os.getpid(),
            "ready": not problems,
            "problems": problems,
            "leads": self.relay.leads,
            "consumers": consumers,
            "since_start": {
                **self.metrics.summary(),
                "sent": self.relay.sent,
                "sent_again": self.relay.sent_again,
            },
            **figures,
        }

    async def _consumers(self, problems: list[str]) -> dict[str, dict[str, int]]:
        async def backlog(reading: Reading) -> tuple[int, int]:
            return await asyncio.wait_for(self.bus.backlog(reading), _CONSUMERS)

        found = await asyncio.gather(*(backlog(reading) for reading in self.readings), return_exceptions=True)
        consumers = {}
        for reading, answer in zip(self.readings, found, strict=True):
            if isinstance(answer, Exception):
                problems.append(
                    f"consumer {reading.durable} cannot be read: {describe(answer)}; run python -m shared.provision"
                )
            elif not isinstance(answer, BaseException):
                consumers[reading.durable] = {"pending": answer[0], "unacked": answer[1]}
        return consumers

    async def _figures(self, db: AsyncConnection, problems: list[str]) -> dict[str, Any]:
        if not await is_current(db, self.room):
            problems.append(f"schema not migrated: run python -m shared.migrate {self.room}")
            return {}
        return {
            **await ledger_health(db),
            "measures": {name: await measure(db) for name, measure in self.measures.items()},
        }

    async def look(self) -> dict[str, Any]:
        """The same over a connection of its own; who asks again within half a second hears the same once more."""
        async with self._looking:
            if self._last is None or ticks() - self._last[0] > _FRESH:
                told = await self._look()
                self._last = (ticks(), told)
            return self._last[1]

    async def _look(self) -> dict[str, Any]:
        if not self.pulse.begun:
            return {"ready": False, "problems": [_STARTING]}
        try:
            async with asyncio.timeout(_DATABASE), self.engine.connect() as db:
                return await self.tell(db)
        except Exception as fault:
            told = await self.tell(None)
            problem = f"the database does not answer: {describe(fault)}"
            return {**told, "ready": False, "problems": [problem, *told["problems"]]}

    # ── the door ────────────────────────────────────────────────────────────────────────────────────────────────

    def pages(self) -> dict[str, Show]:
        """What the door shows."""
        return {"/livez": self.livez, "/readyz": self.readyz, "/metrics": self.metrics_page}

    async def livez(self) -> Page:
        """200 while the loop turns and everything that should run does; else it is best started anew."""
        return _page(self.pulse.ended(), "alive")

    async def readyz(self) -> Page:
        """200 when servers, schema, consumers and loops are as they should be; else 503 and each problem in a line."""
        return _page((await self.look())["problems"], "ready")

    async def metrics_page(self) -> Page:
        """Every figure, as Prometheus reads it."""
        return Page(HTTPStatus.OK, self.metrics.told(await self.look()), CONTENT_TYPE_LATEST)


def _page(problems: Sequence[str], well: str) -> Page:
    status = HTTPStatus.SERVICE_UNAVAILABLE if problems else HTTPStatus.OK
    return Page(status, "".join(f"{line}\n" for line in problems or [well]).encode())
