"""A room dies at every await of the critical path, once before and once after it, and the result is as if it had not."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from uuid import UUID, uuid5

import pytest

from estafeta.client import Bus, line_to_house
from estafeta.company.directory import apply_company
from estafeta.company.reading import read_company
from estafeta.demo import COMPANY
from estafeta.house import keeper
from estafeta.house.house import House
from estafeta.importing import Intent, run_import
from estafeta.sample.generator import ListRow, exhibition, world
from estafeta.trouble import Trouble
from shared.bus import connect
from shared.commands import LeadFields, Row, SubmitLead
from shared.message import ROOMS
from shared.settings import Settings
from shared.words import Source
from tests.crash.points import ALWAYS_HIT, STEPS, labels_of
from tests.e2e.conftest import look
from tests.e2e.test_lead_life import INVARIANTS

_SPACE = UUID("0f4c7a52-3f0e-5b8a-a1f5-0b8d6a1d9f10")
_POISON = {"ce-type": "RecordTouch.v1", "ce-id": "00000000-0000-5000-8000-00000000dead"}
_WHERE = {
    "Ledger.lock_marks": "routing",
    "Ledger.set_marks": "process",
    "Ledger.note_passed": "reminders",
    "Ledger.enter_commands": "intake",
    "Ledger.bury": "process",
    "Ledger.unheard": "routing",
    "Ledger.send_again": "intake",
    "Ledger.note_heard": "intake",
    "Bus.passed": "process",
}


def points() -> list[tuple[str, str]]:
    """(room, point): steps that all rooms take go round the rooms; the others happen where they must."""
    steps = [f"{owner.__name__}.{name}" for owner, names in STEPS.items() for name in names] + ["commit"]
    found = []
    for number, step in enumerate(steps):
        for half, point in enumerate(labels_of(step)):
            room = ROOMS[(2 * number + half) % len(ROOMS)] if step in ALWAYS_HIT else _WHERE[step]
            found.append((room, point))
    return found


@pytest.mark.crash
@pytest.mark.timeout(600)
async def test_dying_at_any_await_of_the_critical_path_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeper, "_LONGEST_PAUSE", 0.5)  # here a room dies again and again by design
    traps = tmp_path / "traps"
    traps.mkdir()
    commands = {room: [sys.executable, "-P", "-m", "tests.crash", room, str(traps)] for room in ROOMS}
    async with House(tmp_path / "house", commands=commands) as house:
        await house.wait_ready()
        async with Bus(line_to_house(house.state.place)) as bus:
            await apply_company(bus, read_company(COMPANY), COMPANY)
            lists = Lists(bus)
            traffic = asyncio.gather(lists.keep_coming(), lists.keep_calling())
            try:
                missed = await _die_everywhere(house, traps)
            finally:
                lists.enough = True
                await traffic
            assert not missed, f"the house never came by {missed}"
            await house.wait_ready()
            await _settle(house, lists.sent + lists.calls)
            dead = await look(house, "select count(*) from process.dead_letters where state = 'dead'")
            assert dead[0][0] == 1, "the poison is kept once, however often it was handled"


async def _die_everywhere(house: House, traps: Path) -> list[tuple[str, str]]:
    """Set one trap after another in each room, all rooms at once; the points nobody died at."""
    missed: list[tuple[str, str]] = []

    async def one_room(room: str) -> None:
        for at, point in points():
            if at != room:
                continue
            trap = traps / room
            trap.write_text(point, encoding="utf-8")
            for tick in range(900):
                if tick % 60 == 20:
                    await _bring_about(house, point)
                await asyncio.sleep(0.05)
                if not trap.exists():
                    break
            else:
                missed.append((room, point))
                trap.unlink(missing_ok=True)

    await asyncio.gather(*map(one_room, ROOMS))
    return missed


async def _bring_about(house: House, point: str) -> None:
    """Some steps are taken only in trouble: a poisonous message, a stream that lost what it held."""
    if not point.endswith(("Ledger.bury", "Ledger.send_again")):
        return
    door = house.admin
    with suppress(Exception):  # the room may die in our hands: that is the point
        nc = await connect(Settings(nats_url=door.url, nats_user=door.user, nats_password=door.password), "trouble")
        if point.endswith("bury"):
            await nc.jetstream().publish("cmd.process.touch.record", b"{}", headers=_POISON)
        else:
            pid = house.rooms["routing"].pid or 0
            os.kill(pid, signal.SIGSTOP)  # so that it has not heard yet what is lost now
            await asyncio.sleep(1)
            await nc.jetstream().purge_stream("EVENTS")
            os.kill(pid, signal.SIGCONT)
        await nc.close()


class Lists:
    """Short lists, one after another, each sent until it has arrived."""

    def __init__(self, bus: Bus) -> None:
        self.bus, self.sent, self.calls, self.enough = bus, 0, 0, False
        self._rows: Iterator[ListRow] = iter(exhibition(world(300, 3), 20_000, 3))

    async def keep_coming(self) -> None:
        """Send until told that it is enough."""
        while not self.enough:
            rows = [_row(number, next(self._rows)) for number in range(2, 42)]
            name = f"list/{self.sent}"
            while not self.enough or self.sent == 0:
                try:
                    await run_import(self.bus, rows, Intent(name), uuid5(_SPACE, name), file_name=name, stall=3)
                    break
                except Trouble:
                    await asyncio.sleep(0.2)
                    break  # what the bus has taken is safe; the next list need not wait for it
            self.sent += len(rows)

    async def keep_calling(self) -> None:
        """Single leads beside the lists: they wait for no list."""
        calls = iter(exhibition(world(300, 3), 20_000, 4))
        while not self.enough:
            number = self.calls = self.calls + 1
            command = SubmitLead(
                source_system="crash",
                external_id=str(number),
                source=Source.WEBSITE,
                fields=_row(1, next(calls)).fields,
            )
            with suppress(Trouble):
                await self.bus.send(command, uuid5(_SPACE, f"call/{number}"))
            await asyncio.sleep(0.15)


def _row(number: int, row: ListRow) -> Row:
    return Row(
        number=number, fields=LeadFields(**{k: v for k, v in row.fields.items() if k in LeadFields.model_fields})
    )


async def _settle(house: House, sent: int) -> None:
    """Every invariant holds within a minute and a half of calm."""
    wrong: list[str] = []
    for _ in range(90):
        wrong = [
            promise for promise, sql in INVARIANTS.items() if "dead letter" not in promise and await look(house, sql)
        ]
        if not wrong:
            break
        await asyncio.sleep(1)
    assert wrong == []
    stored = await look(house, "select count(*), count(distinct external_id || source_system) from intake.submissions")
    assert stored[0][0] == stored[0][1] <= sent
