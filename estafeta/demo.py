"""The main job, shown: a house, a company, a client base, an exhibition list, the report, and what to try next."""

from __future__ import annotations

import shutil
from datetime import timedelta
from pathlib import Path

from rich.console import Console
from rich.text import Text

from estafeta.client import Bus, line_to_house
from estafeta.company.directory import apply_company
from estafeta.company.reading import read_company
from estafeta.house.house import House
from estafeta.house.up import up
from estafeta.importing import Imported, Intent, import_file
from estafeta.lists.reading import read_list
from estafeta.report import accounting, unaccounted
from estafeta.trouble import Trouble
from shared.clock import host_now
from shared.questions import ReportDistribution
from shared.words import Source

SAMPLE = Path(__file__).parent / "sample"
COMPANY = SAMPLE / "company.toml"
CLIENTS = SAMPLE / "clients.csv"
EXHIBITION = SAMPLE / "exhibition.xlsx"
BASE = "Client base"
CAMPAIGN = "ПромЭкспо 2026"


async def demo(state: Path, console: Console, *, once: bool) -> int:
    """Start a house on `state`, do the main job with the sample files and stay until Ctrl-C; return the exit code.

    `once` stops after the report: 0 only if every row is accounted for, else 1.
    """

    async def show(_: House) -> int | None:
        try:
            whole = await tour(state, console)
        except Trouble as trouble:
            if once:
                raise
            console.print(f"\n{trouble.problem}\n  → {trouble.remedy}", soft_wrap=True)
            return None
        if once:
            return 0 if whole else 1
        console.print(Text(_try_next(state)), soft_wrap=True)
        return None

    return await up(state, then=show)


async def tour(state: Path, console: Console) -> bool:
    """Apply, import, report; whether every row of both lists is accounted for, down to its owner and deadline."""
    async with Bus(line_to_house(state)) as bus:
        console.rule("The company")
        for line in await apply_company(bus, read_company(COMPANY), COMPANY):
            console.print(line, soft_wrap=True)
        console.rule("The client base")
        base = await import_file(
            bus, read_list(_copied(CLIENTS, state)), Intent(BASE, "clients", Source.OTHER), console
        )
        console.print(base.report())
        console.rule("The exhibition list")
        exhibition = await import_file(bus, read_list(_copied(EXHIBITION, state)), Intent(CAMPAIGN), console)
        console.print(exhibition.report())
        wrong = [*base.unaccounted(), *await _checked(bus, exhibition)]
    console.print()
    console.print(f"Accounting: {accounting(exhibition.done.tally)}.", soft_wrap=True)
    for line in wrong:
        console.print(f"Does not add up: {line}.", soft_wrap=True)
    return not wrong


def _copied(sample: Path, state: Path) -> Path:
    """The sample under the state directory: rejected rows are written beside it, and the installed one stays as it is."""
    target = state / "sample" / sample.name
    target.parent.mkdir(exist_ok=True)
    shutil.copyfile(sample, target)
    return target


async def _checked(bus: Bus, exhibition: Imported) -> list[str]:
    """What does not add up of the list, the managers' sums included."""
    tally = exhibition.done.tally
    wrong = unaccounted(tally)
    managers = (await bus.ask(ReportDistribution(import_id=exhibition.done.import_id))).get("managers", [])
    received = sum(int(manager.get("received", 0)) for manager in managers)
    if received != tally.routed:
        wrong.append(f"{tally.routed:,} leads with a receiver ≠ {received:,} that managers received")
    return wrong


def _try_next(state: Path) -> str:
    """What to type in another terminal."""
    soon = host_now() + timedelta(days=3)
    at = "" if state == Path(".estafeta") else f" --state {state}"
    return f"""
The house stays up until Ctrl-C. In another terminal (`. .venv/bin/activate` first), try:

  estafeta lead{at} --company "ООО Ромашка" --phone "+7 495 788-31-40" --city Москва --source website
  estafeta explain{at} lead ID          why this card and why this manager (the id is printed by `lead`)
  estafeta touch{at} --lead ID --by MANAGER --kind call --result reached --comment "asked for an offer" \\
      --next "call {soon:%Y-%m-%d} 10:00"
  estafeta import{at} FILE.xlsx --campaign "My exhibition"
  estafeta status{at}
"""
