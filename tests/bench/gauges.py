"""What the processes of a house take: memory and processor time, read from the kernel's own books."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from estafeta.house.house import House
from shared.message import ROOMS

_TICK = os.sysconf("SC_CLK_TCK")


@contextmanager
def memory_watched(house: House) -> Iterator[dict[str, int]]:
    """The most resident bytes of each room's process seen while the block runs, sampled four times a second."""
    most = dict.fromkeys(ROOMS, 0)

    async def sample() -> None:
        while True:
            for room in ROOMS:
                most[room] = max(most[room], resident(house, room))
            await asyncio.sleep(0.25)

    task = asyncio.create_task(sample())
    try:
        yield most
    finally:
        task.cancel()


def resident(house: House, room: str) -> int:
    """Bytes a room's process holds at this moment; 0 while it does not run."""
    with suppress(OSError, IndexError, ValueError):
        status = Path(f"/proc/{house.rooms[room].pid}/status").read_text(encoding="ascii")
        return int(status.split("VmRSS:")[1].split()[0]) * 1024
    return 0


class Processor:
    """Processor seconds by who took them: each room, the database, the bus, and this process, which sends."""

    def __init__(self, house: House) -> None:
        self.house = house

    def read(self) -> dict[str, float]:
        """Seconds taken since each began."""
        taken = {room: _seconds(self.house.rooms[room].pid) for room in ROOMS}
        named = {"postgres": "PostgreSQL", "nats-server": "NATS"}
        taken |= dict.fromkeys(named.values(), 0.0)
        for pid in _descendants(os.getpid()):
            with suppress(OSError):
                name = Path(f"/proc/{pid}/comm").read_text(encoding="utf-8").strip()
                if name in named:
                    taken[named[name]] += _seconds(pid)
        return {**taken, "the sender": _seconds(os.getpid())}

    def since(self, before: dict[str, float]) -> dict[str, float]:
        """Seconds taken since `before` was read."""
        return {who: seconds - before[who] for who, seconds in self.read().items()}


def _seconds(pid: int | None) -> float:
    with suppress(OSError):
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        # of itself and of children that have ended: a database's connections come and go
        return sum(map(int, fields[11:15])) / _TICK
    return 0.0


def _descendants(pid: int) -> set[int]:
    parents: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with suppress(OSError):
                parents[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
    found: set[int] = set()
    ring = {pid}
    while ring:
        ring = {child for child, parent in parents.items() if parent in ring} - found
        found |= ring
    return found
