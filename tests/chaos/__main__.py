"""`make chaos`: a house with two replicas of each room under fire, while leads, lists and touches come in; nothing may be lost.

`SECONDS` of fire, all of it from one `SEED`. Ends with 1 when a promise is broken, and then keeps the house's state.
"""

from __future__ import annotations

import argparse
import asyncio
import shutil
import sys
import tempfile
import time
from pathlib import Path
from random import Random
from uuid import uuid5

import uvloop
from rich.console import Console
from rich.table import Table
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from estafeta.client import Bus, line_to_house
from estafeta.company.directory import apply_company
from estafeta.company.reading import read_company
from estafeta.demo import COMPANY
from estafeta.house.house import House
from estafeta.importing import Intent, run_import
from estafeta.sample.generator import base_fields, exhibition, world
from tests.chaos.fire import Fire, Links
from tests.chaos.traffic import SPACE, Traffic, always_open, row_of, take_patience
from tests.chaos.verdict import Court, Verdict

_REPLICAS = 2
_SHOWN = 5


async def burn(state: Path, seconds: float, seed: int, console: Console) -> bool:
    """Set a house on fire, put it out, judge; whether every promise held."""
    rng, links = Random(seed), Links()
    base = world(1000, seed)
    singles = exhibition(base, 60 * int(seconds) + 100, seed + 1)
    lists = exhibition(base, 400 * int(seconds) + 2000, seed)
    async with House(state, replicas=_REPLICAS, link=links.lead) as house:
        await house.wait_ready()
        db = create_async_engine(house.database, pool_size=4, pool_pre_ping=True)
        async with Bus(line_to_house(house.state.place)) as bus:
            await take_patience(db)
            await apply_company(bus, always_open(read_company(COMPANY)), COMPANY)
            clients = [row_of(n, base_fields(client)) for n, client in enumerate(base.clients, 2)]
            await run_import(bus, clients, Intent("base", "clients"), uuid5(SPACE, "base"), file_name="base")
            traffic = Traffic(bus, db, singles, lists, rng)
            fire = Fire(house, links, rng, traffic.one_sent)
            people = asyncio.create_task(traffic.run(seconds))
            await fire.rage(seconds)
            await fire.put_out()
            out = time.monotonic()
            verdict = await Court(db, bus, fire, traffic).judge(out, people)
            _tell(console, seed, fire, traffic, verdict, await _counts(db))
            await fire.close()
        await db.dispose()
    await links.close()
    return not verdict.violations


async def _counts(db: AsyncEngine) -> str:
    async with db.connect() as line:
        row = (
            await line.execute(
                text(
                    "select (select count(*) from intake.decisions where purpose = 'leads'),"
                    " (select count(*) from intake.decisions where purpose = 'leads' and import_id is null),"
                    " (select count(*) from process.touches), (select count(*) from process.moves),"
                    " (select count(*) from reminders.notifications),"
                    " (select sum(resends) from intake.outbox) + (select sum(resends) from routing.outbox)"
                    " + (select sum(resends) from process.outbox)"
                )
            )
        ).one()
    leads, singles, touches, moves, reminders, resends = (int(count or 0) for count in row)
    return (
        f"{leads:,} leads ({singles:,} one by one, {leads - singles:,} in lists), {touches:,} touches, {moves:,} moves,"
        f" {reminders:,} reminders; {resends:,} events were lost on the way and sent again"
    )


def _tell(console: Console, seed: int, fire: Fire, traffic: Traffic, verdict: Verdict, counts: str) -> None:
    table = Table(title="promises", title_justify="left", box=None)
    table.add_column("looked at", justify="right")
    table.add_column("broken", justify="right")
    table.add_column("promise", overflow="fold")
    for finding in verdict.findings:
        table.add_row(f"{finding.looked_at:,}", f"{len(finding.wrong):,}", finding.promise)
        for line in finding.wrong[:_SHOWN]:
            table.add_row("", "", f"  {line}")
    console.print(table)
    faults = ", ".join(f"{count} {name}" for name, count in sorted(fire.faults.items()))
    console.print(f"seed {seed}: {sum(fire.faults.values())} faults: {faults}")
    console.print(counts)
    drained = "never came to rest" if verdict.drained is None else f"came to rest after {verdict.drained:.1f} s"
    last = ", ".join(f"{name}: {count:,}" for name, count in verdict.last.items())
    console.print(
        f"{drained} (last: {last or 'nothing had to'}); {len(verdict.violations)} of {len(verdict.findings)} promises broken"
    )


def main() -> int:
    """Burn, tell, tidy up."""
    wishes = argparse.ArgumentParser(prog="make chaos")
    wishes.add_argument("--seconds", type=float, default=90)
    wishes.add_argument("--seed", type=int, default=1)
    wish = wishes.parse_args()
    console = Console(highlight=False, width=140)
    state = Path(tempfile.mkdtemp(prefix="estafeta-chaos-"))
    try:
        held = uvloop.run(burn(state / "house", wish.seconds, wish.seed, console))
    except BaseException:
        console.print(f"[bold red]The run itself failed; its state and logs are kept in {state}")
        raise
    if held:
        shutil.rmtree(state, ignore_errors=True)
        return 0
    console.print(f"[bold red]A promise was broken; the house's state and logs are kept in {state}")
    return 1


if __name__ == "__main__":
    sys.exit(main())
