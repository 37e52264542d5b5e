"""What a flood is measured by: memory of each room, what waits in the outboxes, what nobody has read in the streams."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from types import TracebackType
from typing import Self

from nats.js import JetStreamContext
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from estafeta.house.house import House
from shared.message import ROOMS
from shared.provision import readings_of

MOST_BYTES = 150 * 2**20
"""What a room may hold at any moment."""
MOST_GROWTH = 1.10
"""How much more than in its second quarter a room may hold in the last quarter of a long run (medians)."""
_EVERY = 0.5
_UNSENT = " union all ".join(
    f"select '{room}' as room, coalesce(sum(cardinality(ids)), 0)::int as n from {room}.unsent" for room in ROOMS
)


@dataclass(slots=True)
class Peaks:
    """The highest since these peaks were begun, by room: messages not sent, messages not read, bytes held."""

    unsent: Counter[str] = field(default_factory=Counter)
    unread: Counter[str] = field(default_factory=Counter)
    memory: Counter[str] = field(default_factory=Counter)


class Gauges:
    """Samples twice a second while the block runs; a sample that fails ends the block with its fault."""

    def __init__(self, house: House, db: AsyncEngine, js: JetStreamContext) -> None:
        self.house, self.db, self.js = house, db, js
        self.memory: dict[str, list[int]] = {room: [] for room in ROOMS}
        self.peaks = Peaks()
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._run())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._task is not None
        if self._task.done() and error is None:
            self._task.result()
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    def begin(self) -> Peaks:
        """Begin new peaks."""
        self.peaks = Peaks()
        return self.peaks

    async def _run(self) -> None:
        while True:
            self._weigh()
            await self.waiting()
            await asyncio.sleep(_EVERY)

    def _weigh(self) -> None:
        for room in ROOMS:
            if held := resident(self.house.rooms[room].pid):
                self.memory[room].append(held)
                self.peaks.memory[room] = max(self.peaks.memory[room], held)

    async def waiting(self) -> tuple[Counter[str], Counter[str]]:
        """Look now: what waits in each outbox, and what each room has not read or not acknowledged."""
        async with self.db.connect() as db:
            unsent: Counter[str] = Counter(dict((await db.execute(text(_UNSENT))).all()))
        unread = Counter[str]()
        for room in ROOMS:
            for reading in readings_of(room):
                info = await self.js.consumer_info(reading.stream, reading.durable)
                unread[room] += (info.num_pending or 0) + (info.num_ack_pending or 0)
        self.peaks.unsent |= unsent
        self.peaks.unread |= unread
        return +unsent, +unread


def resident(pid: int | None) -> int:
    """Bytes a process holds in memory at this moment; 0 when there is none."""
    with suppress(OSError, IndexError, ValueError):
        status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
        return int(status.split("VmRSS:")[1].split()[0]) * 1024
    return 0


def quarters(samples: list[int]) -> tuple[float, float]:
    """The medians of the second quarter and of the last quarter of a run."""
    quarter = len(samples) // 4
    return median(samples[quarter : 2 * quarter]), median(samples[3 * quarter :])


def too_much(memory: dict[str, list[int]], *, long: bool) -> list[str]:
    """What is wrong with the memory of the rooms: a sample above the ceiling, or, in a long run, growth."""
    wrong = []
    for room, samples in memory.items():
        if not samples:
            wrong.append(f"{room} was never weighed")
            continue
        if max(samples) > MOST_BYTES:
            above = sum(held > MOST_BYTES for held in samples)
            wrong.append(f"{room} held {max(samples) / 2**20:.0f} MiB at most, and too much in {above} samples")
        if long:
            second, last = quarters(samples)
            if last > second * MOST_GROWTH:
                wrong.append(f"{room} grew from {second / 2**20:.0f} to {last / 2**20:.0f} MiB")
    return wrong
