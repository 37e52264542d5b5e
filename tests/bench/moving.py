"""`python -m tests.bench.moving`: a manager with very many clients is dismissed and comes back, beside single leads.

A whole house with fsync, everything on this machine. Prints Markdown for `docs/benchmarks.md`.
A figure is a fact about a machine and a day, never a test.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from estafeta.client import Bus, line_to_house
from estafeta.company.directory import apply_company
from estafeta.company.reading import read_company
from estafeta.demo import COMPANY
from estafeta.house.house import House
from estafeta.importing import Intent, run_import
from estafeta.moving import begin, wait_for
from estafeta.sample.generator import base_fields, world
from shared.commands import DismissStaff, LeadFields, Row, UndoMove
from shared.message import Command
from shared.questions import PreviewMove
from shared.words import Source
from tests.bench.gauges import Processor
from tests.bench.online import latencies, spell

WHO = "petrova"


async def main() -> None:
    """Measure and print."""
    wishes = argparse.ArgumentParser(prog="python -m tests.bench.moving")
    wishes.add_argument("--clients", type=int, default=20_000, help="clients of the one who is dismissed")
    wishes.add_argument("--sales", type=int, default=5_000, help="how many of them have an open sale")
    wishes.add_argument("--rate", type=float, default=10, help="single leads per second meanwhile")
    wishes.add_argument("--seconds", type=float, default=20, help="how long to send single leads")
    wish = wishes.parse_args()
    with tempfile.TemporaryDirectory(prefix="estafeta-bench-") as folder:
        async with House(Path(folder) / "state") as house:
            await house.wait_ready()
            async with Bus(line_to_house(house.state.place)) as bus:
                await apply_company(bus, read_company(COMPANY), COMPANY)
                await _fill(bus, wish.clients - wish.sales, wish.sales)
                quiet = await latencies(house, wish.rate, wish.seconds, "quiet")
                _row(f"one lead online at {wish.rate:g}/s, nothing moves", *spell(quiet))
                began = time.perf_counter()
                told = await bus.ask(PreviewMove(staff=WHO), seconds=60)
                _row("preview of the dismissal", f"{told['clients']:,} clients", f"{time.perf_counter() - began:.2f} s")
                spread = max(abs(one["shared"] - one["fair_share"]) for one in told["people"])
                _row("largest deviation from the fair share", f"{len(told['people'])} people", f"{spread:.3f}")
                planned = {one["id"]: one["clients"] for one in told["people"] if one["clients"]}
                moved = await _beside(house, bus, DismissStaff(staff=WHO), wish, "dismissed")
                received = {one["id"]: one["clients"] for one in moved["people"]}
                # leads arrive meanwhile, and may be of nobody who moves: the split itself must be what was told
                _row(
                    "who received how many, beside the preview", "", "equal" if received == planned else "**not equal**"
                )
                back = UndoMove(move_id=UUID(str(moved["move"]["id"])))
                undone = await _beside(house, bus, back, wish, "undone")
                _row("left where they were", "", f"{undone['move']['left']:,}")


async def _fill(bus: Bus, curated: int, sales: int) -> None:
    """Clients whose curator he is, and leads that he found himself (R1-39): their sales are his."""
    made = world(curated + sales, 5).clients
    cells = [{name: cell for name, cell in base_fields(one).items() if name != "curator"} for one in made]
    base = [Row(number=n, curator=WHO, fields=LeadFields(**one)) for n, one in enumerate(cells[:curated], 2)]
    await run_import(bus, base, Intent("base", "clients"), uuid4(), file_name="base")
    found = [Row(number=n, fields=LeadFields(**one)) for n, one in enumerate(cells[curated:], 2)]
    await run_import(bus, found, Intent("found", source=Source.OTHER, submitter=WHO), uuid4(), file_name="found")


async def _beside(house: House, bus: Bus, wish: Command, typed: argparse.Namespace, what: str) -> dict[str, Any]:
    """Have it moved while single leads arrive, and tell how long it took and what they waited."""
    processor = Processor(house)
    before = processor.read()
    began = time.perf_counter()
    leads = asyncio.create_task(latencies(house, typed.rate, typed.seconds, what))
    told = await wait_for(bus, await begin(bus, wish))
    took = time.perf_counter() - began
    count = told["move"]["back"] if isinstance(wish, UndoMove) else told["move"]["clients"]
    _row(f"{what}, every room has followed", f"{count:,} clients", f"**{took:.1f} s**, {count / took:,.0f} clients/s")
    times = await leads
    _row(f"one lead online at {typed.rate:g}/s meanwhile", *spell(times))
    spent = processor.since(before)
    _row("processor time, s", "", ", ".join(f"{who} {seconds:.1f}" for who, seconds in spent.items()))
    return told


def _row(what: str, size: str, figure: str) -> None:
    print(f"| {what} | {size} | {figure} |", flush=True)


if __name__ == "__main__":
    asyncio.run(main())
