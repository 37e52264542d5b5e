"""`make chaos`: a whole house under fire: rooms and servers are killed and frozen while leads come in, and nothing is lost.

Traffic is online and bulk at once, with repeats. At the end the same invariants as in the tests must hold.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from random import Random
from uuid import UUID, uuid5

from rich.console import Console

from estafeta.client import Bus, line_to_house
from estafeta.company.directory import apply_company
from estafeta.company.reading import read_company
from estafeta.demo import COMPANY
from estafeta.house.house import House
from estafeta.importing import Intent, run_import
from estafeta.sample.generator import ListRow, base_fields, exhibition, world
from estafeta.trouble import Trouble
from shared.commands import LeadFields, Row, SubmitLead
from shared.message import ROOMS
from shared.words import Source
from tests.e2e.conftest import look
from tests.e2e.test_lead_life import INVARIANTS

_SPACE = UUID("5d0f3a52-9a0e-5b8a-a1f5-0b8d6a1d9f10")
_SETTLE_SECONDS = 120.0


class Fire:
    """Faults at random moments, from one seed: kill -9 of rooms and servers, rooms frozen for a while."""

    def __init__(self, house: House, rng: Random) -> None:
        self.house, self.rng, self.faults = house, rng, Counter[str]()

    async def rage(self, until: float) -> None:
        """One fault after another until the moment comes."""
        while time.monotonic() < until:
            await asyncio.sleep(self.rng.uniform(0.3, 1.5))
            fault = self.rng.choices(("kill", "freeze", "kill nats", "kill postgres"), (5, 3, 1, 1))[0]
            victim = self.rng.choice(ROOMS)
            if fault == "freeze":
                await self._freeze(victim, self.rng.uniform(0.5, 5))
            elif fault == "kill":
                await self.house.kill(victim)
            else:
                victim = fault.removeprefix("kill ")
                await self.house.kill(victim)
            self.faults[f"{fault.split()[0]} {victim}"] += 1

    async def _freeze(self, room: str, seconds: float) -> None:
        pid = self.house.rooms[room].pid
        if pid is None:
            return
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGSTOP)
            await asyncio.sleep(seconds)
            os.kill(pid, signal.SIGCONT)


async def main() -> int:
    """Burn for a while, let it settle, and count."""
    wishes = argparse.ArgumentParser(prog="make chaos")
    wishes.add_argument("--seconds", type=float, default=90)
    wishes.add_argument("--seed", type=int, default=1)
    wish = wishes.parse_args()
    rng = Random(wish.seed)
    console = Console()
    with tempfile.TemporaryDirectory(prefix="estafeta-chaos-") as folder:
        async with House(Path(folder) / "state") as house:
            await house.wait_ready()
            fire = Fire(house, rng)
            async with Bus(line_to_house(house.state.place)) as bus:
                await apply_company(bus, read_company(COMPANY), COMPANY)
                base = world(1000, wish.seed)
                clients = [_row(n, base_fields(client)) for n, client in enumerate(base.clients, 2)]
                await run_import(bus, clients, Intent("base", "clients"), uuid5(_SPACE, "base"), file_name="base")
                until = time.monotonic() + wish.seconds
                people = People(bus, exhibition(base, 20_000, wish.seed + 1), rng)
                lists = Lists(bus, [row.fields for row in exhibition(base, 50_000, wish.seed)])
                await asyncio.gather(fire.rage(until), people.submit(until), lists.submit(until))
                calm = time.monotonic()
                await house.wait_ready(120)
                wrong = await _settled(house, people, lists)
                seconds = time.monotonic() - calm
                counts = await look(
                    house, "select count(*), count(*) filter (where import_id is null) from intake.decisions"
                )
        console.print(f"seed {wish.seed}, {sum(fire.faults.values())} faults: {dict(sorted(fire.faults.items()))}")
        console.print(
            f"{counts[0][0]:,} submissions decided, {counts[0][1]:,} of them single; settled in {seconds:.0f} s"
        )
        for line in wrong:
            console.print(f"VIOLATED: {line}")
        console.print("0 lost, 0 doubled, 0 out of order" if not wrong else f"{len(wrong)} invariants violated")
        return 1 if wrong else 0


def _row(number: int, cells: dict[str, str]) -> Row:
    known = {name: cell for name, cell in cells.items() if name in LeadFields.model_fields}
    return Row(number=number, curator=cells.get("curator") or None, fields=LeadFields(**known))


class People:
    """Single leads, now and then the same one again."""

    def __init__(self, bus: Bus, rows: Sequence[ListRow], rng: Random) -> None:
        self.bus, self.rng = bus, rng
        self._rows: Iterator[tuple[int, ListRow]] = iter(enumerate(rows))
        self.acknowledged: set[str] = set()

    async def submit(self, until: float) -> None:
        """Send until the moment comes; what the bus has acknowledged must never be lost."""
        while time.monotonic() < until:
            number, row = next(self._rows)
            for _ in range(2 if self.rng.random() < 0.1 else 1):
                command = SubmitLead(
                    source_system="chaos",
                    external_id=str(number),
                    source=Source.WEBSITE,
                    fields=_row(1, row.fields).fields,
                )
                with suppress(Trouble):
                    await self.bus.send(command, uuid5(_SPACE, f"lead/{number}"))
                    self.acknowledged.add(str(number))
            await asyncio.sleep(0.05)


class Lists:
    """Lists of 500 rows, one after another; the sender gives up and sends the same again, as people do."""

    def __init__(self, bus: Bus, rows: Sequence[dict[str, str]]) -> None:
        self.bus, self.rows, self.sent = bus, rows, 0

    async def submit(self, until: float) -> None:
        """Import until the moment comes; every list that was begun is brought to its end."""
        while time.monotonic() < until:
            rows = [_row(n, cells) for n, cells in enumerate(self.rows[self.sent : self.sent + 500], 2)]
            while True:
                try:
                    name = f"list/{self.sent}"
                    await run_import(self.bus, rows, Intent(name), uuid5(_SPACE, name), file_name=name, stall=60)
                    break
                except Trouble:
                    await asyncio.sleep(0.5)
            self.sent += len(rows)


async def _settled(house: House, people: People, lists: Lists) -> list[str]:
    """Wait until every invariant holds, as it must when the fire is out; what does not hold in the end."""
    until = time.monotonic() + _SETTLE_SECONDS
    while True:
        wrong = [promise for promise, sql in INVARIANTS.items() if await look(house, sql)]
        stored = {
            row[0]
            for row in await look(house, "select external_id from intake.submissions where source_system = 'chaos'")
        }
        if lost := people.acknowledged - stored:
            wrong.append(f"{len(lost)} acknowledged leads are not stored")
        rows = (
            await look(
                house, "select count(*) from intake.submissions where purpose = 'leads' and import_id is not null"
            )
        )[0][0]
        if rows != lists.sent:
            wrong.append(f"{lists.sent} rows of lists were sent and {rows} are stored")
        for source, listener in (
            ("intake", "routing"),
            ("routing", "process"),
            ("process", "reminders"),
            ("process", "routing"),
        ):
            late = await look(
                house,
                f"select s.aggregate from {source}.sequences s left join {listener}.watermarks w on w.source = :source"
                " and w.aggregate = s.aggregate where s.aggregate like 'client/%' and coalesce(w.applied, 0) <> s.said",
                source=source,
            )
            if late:
                wrong.append(f"{listener} has not applied the whole history of {len(late)} clients that {source} told")
        if not wrong or time.monotonic() > until:
            return wrong
        await asyncio.sleep(1)


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
