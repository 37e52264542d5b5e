"""`python -m tests.bench.recognition --clients 1000000`: the six-key check against a large base, on a real PostgreSQL.

The base is filled by intake's own handler, without waiting for the disk; then single checks and whole lists are timed,
none of them written. Prints Markdown for `docs/benchmarks.md`. A figure is a fact about a machine and a day, never a test.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import random
import tempfile
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from multiprocessing import get_context
from pathlib import Path
from typing import Any
from uuid import UUID, uuid5

from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import AsyncEngine

from estafeta.house.servers import Postgres
from estafeta.sample.generator import base_fields, exhibition, world
from estafeta.sample.world import World
from services.intake import answers, handlers, store
from services.intake.rules.arrival import arrival_of
from services.intake.rules.recognition import recognise
from services.intake.rules.regular import make_regular
from shared.commands import LeadFields, Row, SubmitRows
from shared.database import engine_for
from shared.message import Batch, Heard
from shared.migrate import migrate
from shared.provision import prepare_database
from shared.questions import LookupClient
from tests.conftest import PASSWORDS, run_as_admin, url_of

BATCH = 500
PART = 50_000
NOW = datetime(2026, 11, 22, tzinfo=UTC)
_NAMES = UUID("0b0a3f0e-31b1-5d5f-9a39-7a1e3d1c9d55")


async def main() -> None:
    """Fill, measure and print."""
    wishes = argparse.ArgumentParser(prog="python -m tests.bench.recognition")
    wishes.add_argument("--clients", type=int, default=1_000_000)
    wishes.add_argument("--rows", type=int, default=100_000, help="rows of the list that is checked")
    wishes.add_argument("--asked", type=int, default=3_000, help="single checks")
    wishes.add_argument(
        "--seconds", type=float, default=3600, help="stop filling after so long, however many there are"
    )
    wish = wishes.parse_args()
    with tempfile.TemporaryDirectory(prefix="estafeta-bench-") as folder:
        server = Postgres(Path(folder) / "postgres", durable=False)
        admin = server.start()
        try:
            await run_as_admin(admin, "create database bench")
            database = admin.set(database="bench")
            await prepare_database(database, PASSWORDS)
            await migrate("intake", url_of(database, "intake"))
            engine = engine_for(url_of(database, "intake"), "intake")
            gc.freeze()
            gc.set_threshold(50_000, 20, 50)
            print("| what | size | figure |\n|---|---|---|", flush=True)
            parts: list[World] = []
            clients = 0
            began = time.perf_counter()
            while clients < wish.clients and time.perf_counter() - began < wish.seconds:
                parts.append(world(min(PART, wish.clients - clients), 100 + len(parts)))
                seconds = await _fill(engine, parts[-1], len(parts))
                clients += len(parts[-1].clients)
                _row(
                    "client base filled, handler alone",
                    f"{clients:,}",
                    f"{len(parts[-1].clients) / seconds:,.0f} rows/s",
                )
            await _analyse(engine)
            await _singly(engine, parts, wish.asked, clients)
            await _in_bulk(engine, parts, wish.rows, clients)
            await engine.dispose()
        finally:
            server.stop()


def _row(what: str, size: str, figure: str) -> None:
    print(f"| {what} | {size} | {figure} |", flush=True)


async def _fill(engine: AsyncEngine, part: World, nth: int) -> float:
    rows = [
        Row(number=n, curator=cells.pop("curator") or None, fields=LeadFields(**cells))
        for n, cells in enumerate(map(base_fields, part.clients), 2)
    ]
    import_id = uuid5(_NAMES, str(nth))
    began = time.perf_counter()
    for at in range(0, len(rows), BATCH):
        wish = SubmitRows(
            import_id=import_id, file_name="base", campaign=f"base {nth}", purpose="clients", rows=rows[at : at + BATCH]
        )
        id = uuid5(import_id, str(at))
        async with engine.begin() as db:
            await handlers.submit_rows(Batch([Heard(id, id, is_command=True, message=wish, at=NOW)], NOW), db)
    return time.perf_counter() - began


async def _analyse(engine: AsyncEngine) -> None:
    async with engine.begin() as db:
        await db.exec_driver_sql("analyze client_keys, key_stats, clients")


async def _singly(engine: AsyncEngine, parts: Sequence[World], asked: int, clients: int) -> None:
    """The check alone, as the answer tells it, of clients of the base drawn at random: warm, after a first round."""
    draw = random.Random(3)
    for nth in range(2):
        times = []
        for _ in range(asked):
            cells: dict[str, Any] = dict(base_fields(draw.choice(draw.choice(parts).clients)))
            cells.pop("curator", None)
            async with engine.connect() as db:
                answer = await answers.lookup_client(LookupClient(fields=LeadFields(**cells)), db)
            times.append(answer["check_ms"])
        times.sort()
        if nth:
            figure = f"p50 **{times[len(times) // 2]:.1f} ms**, p99 **{times[int(len(times) * 0.99)]:.1f} ms**"
            _row("one lead checked, nothing written", f"{clients:,} clients", figure)


async def _in_bulk(engine: AsyncEngine, parts: Sequence[World], rows: int, clients: int) -> None:
    """A list checked by one replica, and by two side by side: nothing is written, so each takes every other batch."""
    leads = list(_list(parts, rows))
    batches = [leads[at : at + BATCH] for at in range(0, len(leads), BATCH)]
    for replicas in (1, 2):
        spawn = get_context("spawn")
        start, done = spawn.Event(), spawn.Queue()
        crew = [
            spawn.Process(target=_replica, args=(engine.url, batches[nth::replicas], start, done))
            for nth in range(replicas)
        ]
        for one in crew:
            one.start()
        for _ in crew:
            done.get()  # each is warm
        start.set()
        began = time.perf_counter()
        busy = sum(done.get() for _ in crew)
        seconds = time.perf_counter() - began
        for one in crew:
            one.join()
        figure = f"**{len(leads) / seconds:,.0f} rows/s**, {busy / len(leads) * 1000:.2f} ms of Python a row"
        replica = "one replica" if replicas == 1 else f"{replicas} replicas"
        _row(f"a list checked by {replica}, nothing written", f"{len(leads):,} rows, {clients:,} clients", figure)


def _replica(url: URL, batches: Sequence[Sequence[LeadFields]], start: Any, done: Any) -> None:
    """One process of intake that checks batches of a list; tells when it is ready, and at the end its processor seconds."""

    async def check(some: Sequence[Sequence[LeadFields]]) -> None:
        for nth, batch in enumerate(some):
            records = [(fields, make_regular(fields, "RU")) for fields in batch]
            arrivals = [
                arrival_of(uuid5(_NAMES, f"lead/{nth}/{n}"), uuid5(_NAMES, f"card/{nth}/{n}"), fields, record)
                for n, (fields, record) in enumerate(records)
                if record.has_a_key
            ]
            async with engine.connect() as db:
                known = await store.look_up(db, dict.fromkeys(key for one in arrivals for key in one.keys))
            recognise(arrivals, known)

    async def all_of_it() -> None:
        await check(batches[:2])
        gc.freeze()
        gc.set_threshold(50_000, 20, 50)
        done.put(0)
        start.wait()
        began = time.process_time()
        await check(batches)
        done.put(time.process_time() - began)
        await engine.dispose()

    engine = engine_for(url, "intake")
    asyncio.run(all_of_it())


def _list(parts: Sequence[World], rows: int) -> Iterator[LeadFields]:
    known = LeadFields.model_fields
    for nth, part in enumerate(parts):
        for row in exhibition(part, -(-rows // len(parts)), 900 + nth):
            yield LeadFields(**{name: value for name, value in row.fields.items() if name in known})


if __name__ == "__main__":
    asyncio.run(main())
