"""`make flood`: a backlog of 200,000 events behind a listener that is down, a full stream, a slow database.

Nothing may be lost, doubled or out of order, every room stays within 150 MiB, and everything drains by itself.
Prints Markdown for `docs/benchmarks.md`; ends with 1 when anything is violated, and then keeps the house's state.
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

import nats
import uvloop
from sqlalchemy.ext.asyncio import create_async_engine

from estafeta.client import Bus, line_to_house
from estafeta.company.directory import apply_company
from estafeta.company.reading import read_company
from estafeta.demo import COMPANY
from estafeta.house.house import House
from estafeta.sample.generator import world
from shared.message import ROOMS
from shared.nats_client import inbox_prefix
from tests.chaos.proxy import Proxy
from tests.flood.gauges import Gauges, quarters, too_much
from tests.flood.phases import ROWS_FOR, Flood, Passage

LONG = 100_000
"""Fewer events than this say nothing about growth: the rooms are still warming up."""


async def flood(state: Path, events: int, seed: int, *, durable: bool = True) -> bool:
    """Flood a house with backlogs of `events` events; print what was seen; return whether nothing was violated."""
    line: Proxy | None = None

    async def link(process: str, server: str, port: int) -> int:
        nonlocal line
        if (process, server) != ("routing", "postgres"):
            return port
        line = await Proxy(port).open()
        return line.port

    base = world(events // ROWS_FOR, seed)
    began = time.monotonic()
    async with House(state, durable=durable, link=link) as house:
        await house.wait_ready()
        assert line is not None
        db = create_async_engine(house.database, pool_size=3)
        door = house.admin
        nc = await nats.connect(
            door.url, user=door.user, password=door.password, inbox_prefix=inbox_prefix(door.user), name="flood"
        )
        js = nc.jetstream(timeout=10)
        async with Bus(line_to_house(house.state.place)) as bus, Gauges(house, db, js) as gauges:
            await apply_company(bus, read_company(COMPANY), COMPANY)
            under = Flood(house, bus, db, js, gauges, line, base)
            await under.listeners_down(events)
            await under.full_stream(events)
            await under.slow_database(events, seed)
            said = sum(passage.said for passage in under.passages[1:])
        await nc.close()
        await db.dispose()
    await line.close()
    memory = too_much(gauges.memory, long=events >= LONG)
    for text in report(under.passages, gauges.memory, said, seed, time.monotonic() - began, memory):
        print(text)
    return not memory and not any(passage.violations for passage in under.passages)


def report(
    passages: list[Passage], memory: dict[str, list[int]], said: int, seed: int, seconds: float, wrong: list[str]
) -> Iterable[str]:
    """What was seen, as Markdown."""
    yield (
        f"{time.strftime('%Y-%m-%d', time.gmtime())}, {os.cpu_count()} cores, {platform.machine()}, "
        f"Python {platform.python_version()}; seed {seed}; {said:,} events in {seconds:.0f} s\n"
    )
    heads = ["while", "events said", "most in an outbox", "most unread in the stream"]
    heads += [*(f"{room}, MiB" for room in ROOMS), "drained in", "sent again", "violations"]
    yield f"| {' | '.join(heads)} |"
    yield "|---" * len(heads) + "|"
    for one in passages:
        held = " | ".join(f"{_mib(one.peaks.memory[room])} / {_mib(one.ended_with.get(room, 0))}" for room in ROOMS)
        yield (
            f"| {one.name} | {one.said:,} | {_most(one.peaks.unsent)} | {_most(one.peaks.unread)} | {held} "
            f"| {one.drained:.0f} s | {one.resent:,} | {len(one.violations)} |"
        )
    yield "\nMemory of each room: at most / at the end of the phase."
    for room, samples in memory.items():
        if len(samples) >= 4:
            second, last = quarters(samples)
            yield (
                f"Of {room}, {len(samples):,} samples: at most {_mib(max(samples))} MiB, median of the second quarter "
                f"{_mib(second)}, of the last {_mib(last)} ({last / second - 1:+.1%})."
            )
    for line in [*(line for one in passages for line in one.violations), *wrong]:
        yield f"VIOLATED: {line}"


def _mib(held: float) -> str:
    return f"{held / 2**20:.0f}"


def _most(waits: dict[str, int]) -> str:
    name = max(waits, key=lambda one: waits[one], default="")
    return f"{waits[name]:,} ({name})" if name else "0"


def main() -> int:
    """Flood, tell, tidy up."""
    wishes = argparse.ArgumentParser(prog="make flood")
    wishes.add_argument("--events", type=int, default=200_000, help="how many events are to pile up")
    wishes.add_argument("--seed", type=int, default=1)
    wish = wishes.parse_args()
    state = Path(tempfile.mkdtemp(prefix="estafeta-flood-"))
    try:
        held = uvloop.run(flood(state / "house", wish.events, wish.seed))
    except BaseException:
        print(f"The run itself failed; its state and logs are kept in {state}", file=sys.stderr)
        raise
    if held:
        shutil.rmtree(state, ignore_errors=True)
        return 0
    print(f"The house's state and logs are kept in {state}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
