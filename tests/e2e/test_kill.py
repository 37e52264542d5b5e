"""Rooms and servers are killed in the middle of an import, and the result is the same."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from estafeta.client import Bus, line_to_house
from estafeta.company.directory import apply_company
from estafeta.company.reading import read_company
from estafeta.demo import CLIENTS, COMPANY, EXHIBITION
from estafeta.house.house import House
from estafeta.importing import Imported, Intent
from tests.e2e.conftest import Furnished, look, take_in
from tests.e2e.test_lead_life import INVARIANTS

VICTIMS = ("intake", "routing", "process", "reminders", "nats", "routing", "intake", "process")


@pytest.mark.slow
@pytest.mark.timeout(240)
async def test_killing_in_mid_import_changes_no_result(furnished: Furnished, tmp_path: Path) -> None:
    async with House(tmp_path / "house", durable=True) as house:
        await house.wait_ready()
        async with Bus(line_to_house(house.state.place)) as bus:
            await apply_company(bus, read_company(COMPANY), COMPANY)
            base, exhibition = await _import_under_fire(house, bus, tmp_path)
            for promise, sql in INVARIANTS.items():
                assert await look(house, sql) == [], promise
            for ours, calm in ((base, furnished.base), (exhibition, furnished.exhibition)):
                assert ours.unaccounted() == []
                for count in ("accepted", "registered", "rejected", "new", "same", "possible"):
                    assert getattr(ours.done.tally, count) == getattr(calm.done.tally, count), count
            outcomes = (
                "select s.sheet, s.row_number, d.outcome, d.rule from intake.submissions s"
                " join intake.decisions d on d.lead_id = s.id where s.import_id = :list order by 1, 2"
            )
            list_id = exhibition.done.import_id
            assert await look(house, outcomes, list=list_id) == await furnished.query(outcomes, list=list_id)


async def _import_under_fire(house: House, bus: Bus, folder: Path) -> tuple[Imported, Imported]:
    killed: list[str] = []

    async def fire() -> None:
        for victim in VICTIMS:
            await asyncio.sleep(0.7)
            await house.kill(victim)
            killed.append(victim)

    shooting = asyncio.create_task(fire())
    try:
        base = await take_in(bus, CLIENTS, folder, Intent("Client base", "clients"))
        exhibition = await take_in(bus, EXHIBITION, folder, Intent("ПромЭкспо 2026"))
        assert len(killed) >= 2, "the import was over before anything was killed"
    finally:
        shooting.cancel()
        await asyncio.gather(shooting, return_exceptions=True)
    return base, exhibition
