"""`make bench`: the whole path in figures, on real servers with fsync and `sync_interval: always`, everything on this machine.

Prints Markdown for `docs/benchmarks.md`. A figure is a fact about a machine and a day, never a test.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import platform
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

from estafeta.client import Bus, line_to_house
from estafeta.company.directory import apply_company
from estafeta.company.reading import read_company
from estafeta.demo import COMPANY
from estafeta.house.house import House
from estafeta.importing import Finished, Intent, run_import
from estafeta.sample.generator import base_fields, exhibition, world
from estafeta.sample.world import World
from estafeta.status import look
from shared.commands import LeadFields, Row
from shared.message import ROOMS
from tests.bench.gauges import Processor, memory_watched
from tests.bench.online import latencies, spell

_QUIET = 5
"""Seconds in which nothing waits anywhere, before a list is timed."""


async def main() -> None:
    """Measure and print."""
    wishes = argparse.ArgumentParser(prog="make bench")
    wishes.add_argument("--few", type=int, default=10_000, help="clients the first list meets")
    wishes.add_argument("--clients", type=int, default=100_000, help="clients the second list meets; 0 leaves it out")
    wishes.add_argument("--rows", type=int, default=20_000)
    wishes.add_argument("--rate", type=float, default=50, help="single leads per second")
    wishes.add_argument("--seconds", type=float, default=30, help="how long to send single leads")
    wishes.add_argument("--seed", type=int, default=11)
    wish = wishes.parse_args()

    with tempfile.TemporaryDirectory(prefix="estafeta-bench-") as folder:
        async with House(Path(folder) / "state") as house:
            await house.wait_ready()
            async with Bus(line_to_house(house.state.place)) as bus:
                await apply_company(bus, read_company(COMPANY), COMPANY)
                print(_heading())
                processor = Processor(house)
                with memory_watched(house) as most:
                    small = world(wish.few, wish.seed)
                    first = await _base(bus, small, "few")
                    _row("client base", f"{wish.few:,} rows", f"{wish.few / first.seconds:,.0f} rows/s")
                    few_rate = await _list(bus, small, wish, processor, f"{wish.few:,} clients", 1)
                    big = world(wish.clients - wish.few, wish.seed + 1) if wish.clients else small
                    if wish.clients:
                        more = await _base(bus, big, "many")
                        size = wish.clients - wish.few
                        _row("client base, the rest", f"{size:,} rows", f"{size / more.seconds:,.0f} rows/s")
                        many_rate = await _list(bus, big, wish, processor, f"{wish.clients:,} clients", 2)
                        _row("rate against the larger base, of the smaller", "", f"**{many_rate / few_rate:.2f}**")
                    _row(
                        f"one lead online at {wish.rate:g}/s, submit → deadline heard",
                        *spell(await latencies(house, wish.rate, wish.seconds, "quiet")),
                    )
                    bulk = asyncio.create_task(_list(bus, big, wish, processor, "beside single leads", 3))
                    times = await latencies(house, wish.rate / 5, wish.seconds / 2, "beside")
                    still = "" if not bulk.done() else " (the list ended before)"
                    await bulk
                    _row(f"one lead online at {wish.rate / 5:g}/s while a list comes in{still}", *spell(times))
                for room in ROOMS:
                    _row(f"memory of {room}, at most", "", f"{most[room] / 2**20:,.0f} MiB")


def _row(what: str, size: str, figure: str) -> None:
    print(f"| {what} | {size} | {figure} |", flush=True)


def _heading() -> str:
    return (
        f"\n{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores, {platform.machine()},"
        f" Python {platform.python_version()}\n\n| what | size | figure |\n|---|---|---|"
    )


async def _base(bus: Bus, base: World, name: str) -> Finished:
    rows = [
        Row(number=n, curator=cells.pop("curator") or None, fields=LeadFields(**cells))
        for n, cells in enumerate(map(base_fields, base.clients), 2)
    ]
    return await run_import(bus, rows, Intent(name, "clients"), uuid4(), file_name=name)


async def _list(
    bus: Bus, base: World, wish: argparse.Namespace, processor: Processor, against: str, seed: int
) -> float:
    """Import one list and tell about it; leads per second until the last one has its deadline stored."""
    rows = _list_rows(base, wish.rows, wish.seed + seed)
    await _at_rest(bus)
    before = processor.read()
    done = await run_import(bus, rows, Intent(f"bench {seed}"), uuid4(), file_name="bench")
    if done.tally.routed != done.tally.in_sales or done.tally.tasks != done.tally.deadlines:
        raise SystemExit(f"leads are missing: {done.tally}")
    leads, rate = done.tally.accepted, done.tally.accepted / done.seconds
    _row(f"list, {against}, last row's deadline stored", f"{leads:,} leads", f"**{rate:,.0f} leads/s**")
    spent = processor.since(before)
    _row("processor time a lead, ms", "", ", ".join(f"{who} {1000 * s / leads:.2f}" for who, s in spent.items()))
    spread = max((abs(m["deviation"]) for m in done.managers if m["shared"]), default=0.0)
    _row("largest deviation from the fair share", f"{len(done.managers)} managers", f"{spread:.3f} leads")
    return rate


async def _at_rest(bus: Bus) -> None:
    """Wait until nobody has anything left to hear: a base is heard by routing long after intake is done with it."""
    quiet = 0
    while quiet < _QUIET:
        await asyncio.sleep(1)
        rooms = await look(bus)
        quiet = 0 if any(room.pending + room.unacked + room.unsent for room in rooms) else quiet + 1


def _list_rows(base: World, count: int, seed: int) -> Sequence[Row]:
    known = LeadFields.model_fields
    return [
        Row(number=n, fields=LeadFields(**{k: v for k, v in row.fields.items() if k in known}))
        for n, row in enumerate(exhibition(base, count, seed), 2)
    ]


if __name__ == "__main__":
    asyncio.run(main())
