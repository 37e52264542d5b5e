"""`make bench`: the whole path in figures, on real servers with fsync and `sync_interval: always`, everything on this machine.

Prints Markdown for `docs/benchmarks.md`. A figure is a fact about a machine and a day, never a test.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import platform
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from uuid import UUID, uuid4

from estafeta.client import Bus, line_to_house
from estafeta.company.directory import apply_company
from estafeta.company.reading import read_company
from estafeta.demo import COMPANY
from estafeta.house.house import House
from estafeta.importing import Finished, Intent, run_import
from estafeta.sample.generator import base_fields, exhibition, world
from shared.bus import connect
from shared.commands import LeadFields, Row, SubmitLead
from shared.events import DeadlineSet
from shared.message import ROOMS
from shared.settings import Settings
from shared.words import Source


async def main() -> None:
    """Measure and print."""
    wishes = argparse.ArgumentParser(prog="make bench")
    wishes.add_argument("--clients", type=int, default=10_000)
    wishes.add_argument("--rows", type=int, default=10_000)
    wishes.add_argument("--rate", type=float, default=20, help="single leads per second")
    wishes.add_argument("--seconds", type=float, default=30, help="how long to send single leads")
    wishes.add_argument("--seed", type=int, default=11)
    wish = wishes.parse_args()

    with tempfile.TemporaryDirectory(prefix="estafeta-bench-") as folder:
        async with House(Path(folder) / "state") as house:
            await house.wait_ready()
            async with Bus(line_to_house(house.state.place)) as bus:
                await apply_company(bus, read_company(COMPANY), COMPANY)
                base = world(wish.clients, wish.seed)
                clients = [
                    Row(number=n, curator=cells.pop("curator") or None, fields=LeadFields(**cells))
                    for n, cells in enumerate(map(base_fields, base.clients), 2)
                ]
                listed = [
                    Row(
                        number=n,
                        fields=LeadFields(**{k: v for k, v in row.fields.items() if k in LeadFields.model_fields}),
                    )
                    for n, row in enumerate(exhibition(base, wish.rows, wish.seed), 2)
                ]
                memory = Memory(house)
                with memory.watched():
                    first = await _import(bus, clients, Intent("base", "clients"))
                    print(_heading(wish))
                    print(f"| client base | {len(clients):,} rows | {len(clients) / first.seconds:,.0f} rows/s |")
                    done = await _import(bus, listed, Intent("bench"))
                rate = done.tally.accepted / done.seconds
                print(
                    f"| exhibition list, last row's deadline stored | {done.tally.accepted:,} leads | **{rate:,.0f} leads/s** |"
                )
                spread = max((abs(m["deviation"]) for m in done.managers if m["shared"]), default=0.0)
                print(f"| largest deviation from the fair share | {len(done.managers)} managers | {spread:.3f} leads |")
                print(f"| memory of the four rooms together, at most | | {memory.most / 2**20:,.0f} MiB |")
                async with _latencies(house, wish.rate, wish.seconds) as times:
                    times.sort()
                p99 = times[int(len(times) * 0.99)]
                print(
                    f"| one lead online at {wish.rate:g}/s, submit → deadline heard | {len(times):,} leads "
                    f"| p50 **{median(times) * 1000:.0f} ms**, p99 **{p99 * 1000:.0f} ms**, max {times[-1] * 1000:.0f} ms |"
                )


def _heading(wish: argparse.Namespace) -> str:
    return (
        f"\n{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}; "
        f"base of {wish.clients:,} clients\n\n| what | size | figure |\n|---|---|---|"
    )


async def _import(bus: Bus, rows: list[Row], intent: Intent) -> Finished:
    done = await run_import(bus, rows, intent, uuid4(), file_name="bench")
    if intent.purpose == "leads" and (
        done.tally.routed != done.tally.in_sales or done.tally.tasks != done.tally.deadlines
    ):
        raise SystemExit(f"leads are missing: {done.tally}")
    return done


class Memory:
    """The resident memory of the rooms' processes, sampled while work goes on."""

    def __init__(self, house: House) -> None:
        self.house, self.most = house, 0

    def now(self) -> int:
        """Bytes held by all rooms together at this moment."""
        held = 0
        for room in ROOMS:
            with suppress(OSError, IndexError, ValueError):
                status = Path(f"/proc/{self.house.rooms[room].pid}/status").read_text(encoding="ascii")
                held += int(status.split("VmRSS:")[1].split()[0]) * 1024
        return held

    def watched(self) -> _Watch:
        """`with memory.watched():` keeps the largest sample."""
        return _Watch(self)


class _Watch:
    def __init__(self, memory: Memory) -> None:
        self.memory = memory
        self.task: asyncio.Task[None] | None = None

    def __enter__(self) -> None:
        self.task = asyncio.create_task(self._sample())

    def __exit__(self, *_: object) -> None:
        if self.task:
            self.task.cancel()

    async def _sample(self) -> None:
        while True:
            self.memory.most = max(self.memory.most, self.memory.now())
            await asyncio.sleep(0.25)


@asynccontextmanager
async def _latencies(house: House, rate: float, seconds: float) -> AsyncIterator[list[float]]:
    """Send single leads at a steady pace; for each, the seconds until its deadline was told on the bus (so it is stored)."""
    sent: dict[UUID, float] = {}
    times: list[float] = []
    door = house.operator
    nc = await connect(Settings(nats_url=door.url, nats_user=door.user, nats_password=door.password), "bench ear")

    async def heard(message: object) -> None:
        headers = getattr(message, "headers", None) or {}
        began = sent.pop(UUID(headers["ce-correlation"]), None)
        if began is not None:
            times.append(time.perf_counter() - began)

    await nc.subscribe(DeadlineSet.subject, cb=heard)
    await nc.flush()
    async with Bus(line_to_house(house.state.place)) as bus:
        sending: set[asyncio.Task[object]] = set()
        for command in _strangers(int(rate * seconds)):
            id = uuid4()
            sent[id] = time.perf_counter()
            sending.add(asyncio.create_task(bus.send(command, id)))
            await asyncio.sleep(1 / rate)
        await asyncio.gather(*sending)
        for _ in range(100):
            if not sent:
                break
            await asyncio.sleep(0.1)
    await nc.close()
    if sent:
        raise SystemExit(f"{len(sent)} of the single leads never came to a deadline")
    yield times


def _strangers(count: int) -> Iterator[SubmitLead]:
    for n in range(count):
        yield SubmitLead(
            source_system="bench",
            external_id=f"{n}",
            source=Source.WEBSITE,
            campaign="bench online",
            fields=LeadFields(
                company=f"ООО «Онлайн-{n} Пробный»",
                contact="Иванов Пётр",
                phone=f"+7495{6000000 + n}",
                email=f"ivanov@online-{n}.ru",
                city="Москва",
            ),
        )


if __name__ == "__main__":
    asyncio.run(main())
