"""`python -m tests.bench.taking_back`: how long a preview, an import and its undoing take, for lists of growing length.

Prints Markdown for `docs/benchmarks.md`. What each takes a row must not grow with the list.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
from pathlib import Path
from uuid import UUID, uuid4

from estafeta.client import Bus, line_to_house
from estafeta.company.directory import apply_company
from estafeta.company.reading import read_company
from estafeta.demo import COMPANY
from estafeta.house.house import House
from estafeta.importing import Intent, run_import
from estafeta.imports import undo_import
from estafeta.previewing import preview_rows
from estafeta.sample.generator import exhibition, world
from shared.commands import LeadFields, Row
from shared.questions import TellUndo
from tests.bench.__main__ import _heading


async def main() -> None:
    """Measure and print."""
    wishes = argparse.ArgumentParser()
    wishes.add_argument("--rows", type=int, nargs="+", default=[10_000, 100_000])
    wishes.add_argument("--parts", nargs="+", choices=("preview", "undo"), default=["preview", "undo"])
    wishes.add_argument("--seed", type=int, default=5)
    wish = wishes.parse_args()
    with tempfile.TemporaryDirectory(prefix="estafeta-bench-") as folder:
        async with House(Path(folder) / "state") as house:
            await house.wait_ready()
            async with Bus(line_to_house(house.state.place)) as bus:
                await apply_company(bus, read_company(COMPANY), COMPANY)
                print(_heading())
                for nth, count in enumerate(wish.rows):
                    await _one(bus, _rows(count, wish.seed + nth), wish.parts)


async def _one(bus: Bus, rows: list[Row], parts: list[str]) -> None:
    count, intent, list_id = len(rows), Intent(f"bench of {len(rows)}"), uuid4()
    if "preview" in parts:
        began = time.monotonic()
        told = await preview_rows(bus, rows, intent, list_id)
        _tell("preview", count, time.monotonic() - began)
        if len(told.rows) != count or told.problem:
            raise SystemExit(f"the preview is not whole: {len(told.rows)} rows, {told.problem}")
    if "undo" in parts:
        done = await run_import(bus, rows, intent, list_id, file_name="bench")
        _tell("import, last row's deadline stored", count, done.seconds)
        began = time.monotonic()
        await undo_import(bus, str(list_id), None)
        _tell("undo, last row taken back", count, time.monotonic() - began)
        left = await bus.ask(TellUndo(import_id=UUID(str(list_id))))
        if left["undone"] != left["leads"] or left["kept"]:
            raise SystemExit(f"something is left: {left}")


def _tell(what: str, rows: int, seconds: float) -> None:
    each = f"**{rows / seconds:,.0f} rows/s**, {1000 * seconds / rows:.2f} ms a row"
    print(f"| {what} | {rows:,} rows | {seconds:,.1f} s, {each} |", flush=True)


def _rows(count: int, seed: int) -> list[Row]:
    """A list of firms nobody knows yet, some of them several times, as exhibitions bring them."""
    known = LeadFields.model_fields
    base = world(max(count // 2, 10), seed)
    return [
        Row(number=n, fields=LeadFields(**{name: cell for name, cell in row.fields.items() if name in known}))
        for n, row in enumerate(exhibition(base, count, seed), 2)
    ]


if __name__ == "__main__":
    asyncio.run(main())
