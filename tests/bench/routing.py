"""`python -m tests.bench.routing`: leads a second through routing's handler, and a past decided again, on a real PostgreSQL.

One process, one connection; each batch is a transaction of its own, with fsync. Prints Markdown for
`docs/benchmarks.md`. A figure is a fact about a machine and a day, never a test.
"""

from __future__ import annotations

import argparse
import asyncio
import cProfile
import gc
import json
import pstats
import random
import tempfile
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import AsyncEngine

from estafeta.house.servers import Postgres
from estafeta.period import Period
from estafeta.simulate import decide_again, fetch_history
from services.routing import handlers
from services.routing.app import ROOM
from services.routing.rules.field import Field
from services.routing.rules.record import recompute, record_of
from shared.database import engine_for, fetch, to_json
from shared.events import LeadAccepted
from shared.message import Batch, Heard, Question
from shared.migrate import migrate
from shared.provision import prepare_database
from shared.words import Source
from tests.conftest import PASSWORDS, url_of
from tests.integration.routing_house import NOW, batch, company, lead, person, shift, uid

BATCH = 500
_REGIONS = ("RU-MOW", "RU-MOW", "RU-MOW", "RU-SPE", "RU-SPE", "unknown", "RU-TA", "RU-SAK")


def a_company(sellers: int) -> dict[str, Any]:
    """Two offices of so many managers each, a third of those at home on duty, round the clock, and their heads."""
    home, away = (
        [person(f"{place}{n:03}", office) for n in range(sellers)] for place, office in (("m", "msk"), ("s", "spb"))
    )
    heads = [
        person("boss", function="head_of_sales"),
        person("head_msk", function="head"),
        person("head_spb", "spb", "head"),
        person("head_kzn", "kzn", "head"),
    ]
    days = [NOW + timedelta(hours=9 * n) for n in range(-2, 60)]
    duty = [
        shift(home[(n + k) % sellers]["id"], at=at) for n, at in enumerate(days) for k in range(max(1, sellers // 3))
    ]
    return {"staff": [*home, *away, *heads], "duty": duty}


def leads(count: int, kind: str) -> Iterator[LeadAccepted]:
    """`list`: rows of lists of 10,000; `mixed`: every source, a tenth of them asked for by name or found by somebody."""
    dice = random.Random(3)
    for n in range(count):
        facts: dict[str, Any] = {"region": dice.choice(_REGIONS)}
        if kind == "list":
            facts |= {"source": Source.EVENT, "import_id": uid(f"list {n // 10_000}")}
        else:
            facts["source"] = source = dice.choice(list(Source))
            if source is Source.INBOUND_CALL and dice.random() < 0.3:
                facts["named_manager"] = f"m{dice.randrange(5):03}"
            elif source in (Source.OTHER, Source.REFERRAL):
                facts["submitter"] = f"m{dice.randrange(5):03}"
        yield lead(f"{kind} {n}", **facts)


async def through(engine: AsyncEngine, batches: list[Batch[LeadAccepted]], wish: argparse.Namespace) -> float:
    """Seconds for these batches, each in a transaction of its own."""
    profile = cProfile.Profile() if wish.profile else None
    gc.collect()  # as a room does when it starts (`shared.service.run`)
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
    began = time.perf_counter()
    if profile:
        profile.enable()
    for one in batches:
        async with engine.begin() as db:
            await handlers.assign_leads(one, db)
    if profile:
        profile.disable()
        pstats.Stats(profile).sort_stats("tottime").print_stats(25)
    return time.perf_counter() - began


class Desk:
    """Asks routing as the bus would, through JSON."""

    def __init__(self, engine: AsyncEngine) -> None:
        self.engine = engine

    async def ask(self, question: Question, *, room: str = "", seconds: float = 60.0) -> dict[str, Any]:
        """The answer of routing."""
        async with self.engine.connect() as db:
            answer: dict[str, Any] = json.loads(to_json(await ROOM.answers[type(question)](question, db)))
        return answer


async def measure(admin: URL, wish: argparse.Namespace) -> None:
    """All of it on one fresh database."""
    await prepare_database(admin, PASSWORDS)
    await migrate("routing", url_of(admin, "routing"))
    engine = engine_for(url_of(admin, "routing"), "routing", pool_size=1)
    said = a_company(wish.sellers)
    async with engine.begin() as db:
        await handlers.apply_company(batch(company(**said)), db)
    for kind, size in (("list", BATCH), ("mixed", BATCH), ("mixed", 50), ("mixed", 1)):
        count = wish.leads if size == BATCH else min(wish.leads, 200 * size)
        some = list(leads(count, kind))
        # one moment for each batch, as the kernel would give it
        cut = [some[start : start + size] for start in range(0, count, size)]
        batches = [_batch(part, kind, size, n) for n, part in enumerate(cut)]
        seconds = await through(engine, batches, wish)
        row(f"leads through the handler, {kind}, batches of {size}", f"{count:,}", f"{count / seconds:,.0f}/s")
    await again(engine, said)
    await engine.dispose()


def _batch(part: list[LeadAccepted], kind: str, size: int, number: int) -> Batch[LeadAccepted]:
    now = NOW + timedelta(seconds=number)
    heard = [
        Heard(uid(f"{kind} {size} {number} {n}"), uid("correlation"), message=_anew(one, size), at=now)
        for n, one in enumerate(part)
    ]
    return Batch(heard, now)


def _anew(one: LeadAccepted, size: int) -> LeadAccepted:
    """The same lead under an id of its own, so that each size of batch meets leads nobody has seen."""
    ids = {"lead_id": uid(f"{one.lead_id} {size}"), "client_id": uid(f"{one.client_id} {size}")}
    return one if size == BATCH else one.model_copy(update=ids)


async def again(engine: AsyncEngine, said: dict[str, Any]) -> None:
    """Every stored decision made again from its record; and the whole period, unchanged and with one weight changed."""
    async with engine.connect() as db:
        rows = [dict(one) for one in await fetch(db, "select * from decisions")]
        fields = {one["id"]: Field.from_json(one["content"]) for one in await fetch(db, "select * from fields")}
    began = time.perf_counter()
    wrong = sum(recompute(record_of(one, fields[one["field_id"]])) != one["receiver"] for one in rows)
    seconds = time.perf_counter() - began
    row("decisions made again from their records", f"{len(rows):,}", f"{len(rows) / seconds:,.0f}/s, {wrong} otherwise")
    heavier = [{**one, "weight": 2.0} if one["id"] == "s000" else one for one in said["staff"]]
    when = Period(NOW.date(), (NOW + timedelta(days=30)).date(), ZoneInfo("Europe/Moscow"))
    with tempfile.TemporaryDirectory(prefix="estafeta-bench-") as folder:
        history, changed = Path(folder) / "history.jsonl", Path(folder) / "company.json"
        began = time.perf_counter()
        with history.open("w", encoding="utf-8") as file:
            count = await fetch_history(Desk(engine), when, file)
        row("a period fetched", f"{count:,}, {history.stat().st_size / 2**20:,.0f} MiB", spell(began))
        for what, tried in (
            ("unchanged", company(**said)),
            ("a weight changed", company(**{**said, "staff": heavier})),
        ):
            changed.write_text(tried.model_dump_json(), "utf-8")
            began = time.perf_counter()
            *_, sums = decide_again(history, changed)
            row(f"a period decided again, {what}", f"{count:,}", f"{spell(began)}, {sums['otherwise']:,} otherwise")


def spell(began: float) -> str:
    """How long it took since then."""
    return f"{time.perf_counter() - began:,.1f} s"


def row(what: str, size: str, figure: str) -> None:
    """One line of the table."""
    print(f"| {what} | {size} | {figure} |", flush=True)


def main() -> None:
    """Measure and print."""
    wishes = argparse.ArgumentParser(prog="python -m tests.bench.routing")
    wishes.add_argument("--leads", type=int, default=50_000)
    wishes.add_argument("--sellers", type=int, default=6, help="managers of each of the two offices")
    wishes.add_argument("--profile", action="store_true", help="show where the time of the handler goes")
    wish = wishes.parse_args()
    with tempfile.TemporaryDirectory(prefix="estafeta-bench-") as folder:
        server = Postgres(Path(folder) / "postgres", durable=True)
        try:
            asyncio.run(measure(server.start(), wish))
        finally:
            server.stop()


if __name__ == "__main__":
    main()
