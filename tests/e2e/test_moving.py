"""A manager is dismissed and comes back while rooms and servers are killed: nothing is ownerless, and nothing is different."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from estafeta.client import Bus, line_to_house
from estafeta.company.directory import apply_company
from estafeta.company.reading import read_company
from estafeta.demo import CLIENTS, COMPANY, EXHIBITION
from estafeta.house.house import House
from estafeta.importing import Intent
from estafeta.moving import begin, take_back, wait_for
from shared.commands import DismissStaff
from shared.message import ROOMS
from shared.questions import PreviewMove
from tests.e2e.conftest import look, take_in
from tests.e2e.test_lead_life import INVARIANTS

VICTIMS = ("routing", "process", "reminders", "nats", "routing", "process", "routing", "reminders")

_AS_ROUTED = "the managers of one client agree everywhere"
"""What a move changes: the manager is no longer the one who received the lead."""

WHOSE = {
    "clients": "select client_id, curator, process_id, open_with, given_to from routing.clients order by 1",
    "sales": "select id, client_id, manager, office_id, queue, stage, next_task from process.processes order by 1",
    "tasks": "select id, process_id, manager, kind, due_at, is_open from process.tasks order by 1",
    "deadlines": "select task_id, manager, office_id, due_at, state from reminders.deadlines order by 1",
    "ledger": "select pool_id, staff_id, balance from routing.ledger where balance <> 0 order by 1, 2",
    "people": "select id, retired_at from routing.staff order by 1",
}
OWNERLESS = {
    "an open sale without its manager's next task": "select p.id from process.processes p left join process.tasks t"
    " on t.id = p.next_task and t.is_open and t.manager = p.manager where p.closed_at is null and t.id is null",
    "a sale of one who has left, and nobody who answers for it": "select p.id from process.processes p"
    " join process.staff s on s.id = p.manager and not s.active where p.closed_at is null and not exists ("
    "select from process.staff h where h.active and (h.function = 'head_of_sales'"
    " or h.function = 'head' and h.office_id = p.office_id))",
    "a client who had an owner and has none": "select client_id from routing.clients where curator is null"
    " and open_with is null and given_to is null and client_id in (select client_id from routing.moved)",
}


@pytest.mark.crash
@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.rule("R2-23")
@pytest.mark.rule("R4-11")
async def test_a_dismissal_and_its_undo_under_fire_leave_nothing_ownerless_and_nothing_changed(tmp_path: Path) -> None:
    async with House(tmp_path / "house", durable=True) as house:
        await house.wait_ready()
        async with Bus(line_to_house(house.state.place)) as bus:
            await apply_company(bus, read_company(COMPANY), COMPANY)
            await take_in(bus, CLIENTS, tmp_path, Intent("Client base", "clients"))
            await take_in(bus, EXHIBITION, tmp_path, Intent("ПромЭкспо 2026"))
            [(who, _)] = await look(
                house,
                "select curator, count(*) from routing.clients where curator is not null group by 1 order by 2 desc limit 1",
            )
            before = await _whose(house)
            preview = await bus.ask(PreviewMove(staff=who))
            assert preview["clients"] > 100
            moved, seen = await _under_fire(house, _dismissed(bus, who))
            assert seen > 3, "it was looked at while it moved"
            assert {one["id"]: one["clients"] for one in moved["people"]} == {
                one["id"]: one["clients"] for one in preview["people"] if one["clients"]
            }
            after = await _whose(house)
            assert not [row for row in after["sales"] if row[2] == who]
            assert not [row for row in after["clients"] if who in (row[1], row[3])]
            assert not [row for row in after["deadlines"] if row[1] == who and row[4] == "open"]
            for promise, sql in INVARIANTS.items():
                if promise != _AS_ROUTED:
                    assert await look(house, sql) == [], promise
            await _under_fire(house, take_back(bus, UUID(str(moved["move"]["id"])), None, alone=False))
            back = await _whose(house)
            for what, rows in before.items():
                assert back[what] == rows, what
            for promise, sql in INVARIANTS.items():
                assert await look(house, sql) == [], promise


async def _dismissed(bus: Bus, who: str) -> dict[str, Any]:
    return await wait_for(bus, await begin(bus, DismissStaff(staff=who)))


async def _whose(house: House) -> dict[str, Sequence[Any]]:
    return {what: await look(house, sql) for what, sql in WHOSE.items()}


async def _under_fire(house: House, work: Any) -> tuple[Any, int]:
    """Have work done while rooms die, and look all the while whether anything is ownerless; how often it was looked."""
    seen = 0

    async def fire() -> None:
        for victim in VICTIMS:
            await asyncio.sleep(0.4)
            await house.kill(victim)

    async def watch() -> None:
        nonlocal seen
        while True:
            for promise, sql in OWNERLESS.items():
                assert await look(house, sql) == [], promise
            seen += 1
            await asyncio.sleep(0.1)

    shooting, watching = asyncio.create_task(fire()), asyncio.create_task(watch())
    try:
        done = await work
        await shooting
        for _ in range(300):  # what was killed comes back, and says what it had not said
            if await _is_quiet(house):
                break
            await asyncio.sleep(0.2)
        if watching.done():
            watching.result()
    finally:
        for task in (shooting, watching):
            task.cancel()
        await asyncio.gather(shooting, watching, return_exceptions=True)
    return done, seen


async def _is_quiet(house: House) -> bool:
    unsaid = " union all ".join(f"select id from {room}.unheard" for room in ROOMS)
    return await look(house, unsaid) == []
