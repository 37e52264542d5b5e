"""The house under fire for a minute; and what replicas are for: restarts one by one, and leadership that passes on."""

from __future__ import annotations

import asyncio
import signal
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from estafeta.client import Bus, line_to_house
from estafeta.company.directory import apply_company
from estafeta.company.reading import read_company
from estafeta.demo import CLIENTS, COMPANY, EXHIBITION
from estafeta.house.house import House
from estafeta.importing import Imported, Intent
from shared.message import ROOMS
from tests.e2e.conftest import Furnished, look, take_in
from tests.e2e.test_lead_life import INVARIANTS

ROOT = Path(__file__).parents[2]
LEADER = (
    "select a.application_name, a.pid from pg_locks l join pg_stat_activity a using (pid)"
    " where l.locktype = 'advisory' and l.granted and l.classid = hashtext('estafeta relay')::oid"
    " and l.objid = hashtext(:room)::oid"
)


@pytest.mark.slow
@pytest.mark.timeout(400)
async def test_a_minute_of_fire_breaks_no_promise() -> None:
    run = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.chaos", "--seconds", "60", "--seed", "7",
        cwd=ROOT, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    said, _ = await run.communicate()
    assert run.returncode == 0, said.decode()


@pytest.fixture(scope="module")
async def replicated(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    """A house with two processes for each room."""
    async with House(tmp_path_factory.mktemp("replicated"), durable=False, replicas=2) as house:
        await house.wait_ready()
        yield house


def replica_of(application: str) -> str:
    """The process behind a database session: `routing/2` for `estafeta routing 2`."""
    _, room, number = application.split()
    return room if number == "1" else f"{room}/{number}"


Session = tuple[str, int]


async def leader_of(house: House, room: str, *, after: Session | None = None, seconds: float = 15.0) -> Session:
    """The process that leads the sending of `room`, and its database session, as soon as it is another than that."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        for application, session in await look(house, LEADER, room=room):
            if (found := (replica_of(application), session)) != after:
                return found
        await asyncio.sleep(0.05)
    raise AssertionError(f"nobody has led {room} after {after} for {seconds} s")


async def test_every_room_has_two_processes_and_one_of_them_leads(replicated: House) -> None:
    assert set(replicated.rooms) == {name for room in ROOMS for name in (room, f"{room}/2")}
    assert len({one.pid for one in replicated.rooms.values()}) == 2 * len(ROOMS)
    for room in ROOMS:
        assert (await leader_of(replicated, room))[0] in (room, f"{room}/2")
        assert len(await look(replicated, LEADER, room=room)) == 1


@pytest.mark.parametrize("how", ["killed", "frozen"])
async def test_leadership_passes_on_within_five_seconds(replicated: House, how: str) -> None:
    for name in ("process", "process/2"):
        await _at_work(replicated, name)
    old = await leader_of(replicated, "process")
    one = replicated.rooms[old[0]]
    assert one.child is not None
    process = one.child.process
    assert process is not None
    began = time.monotonic()
    if how == "killed":
        await replicated.kill(old[0])
        await leader_of(replicated, "process", after=old)
    else:
        process.send_signal(signal.SIGSTOP)
        try:
            new = await leader_of(replicated, "process", after=old)
        finally:
            process.send_signal(signal.SIGCONT)
        assert new[0] != old[0]
    assert time.monotonic() - began < 5
    await replicated.wait_ready()


@pytest.mark.crash
@pytest.mark.timeout(240)
async def test_a_rolling_restart_of_every_room_under_load_loses_and_doubles_nothing(
    replicated: House, furnished: Furnished, tmp_path: Path
) -> None:
    async with Bus(line_to_house(replicated.state.place)) as bus:
        await apply_company(bus, read_company(COMPANY), COMPANY)
        rolling = asyncio.create_task(_restart_one_replica_after_another(replicated))
        load: list[Imported] = [await take_in(bus, CLIENTS, tmp_path, Intent("Client base", "clients"))]
        load.append(await take_in(bus, EXHIBITION, tmp_path, Intent("ПромЭкспо 2026")))
        while not rolling.done():
            load.append(await take_in(bus, EXHIBITION, tmp_path, Intent(f"ПромЭкспо, день {len(load)}")))
        await rolling
        for one in load:
            assert one.unaccounted() == []
    calm = furnished.exhibition.done.tally
    for count in ("accepted", "rejected", "new", "same", "possible"):
        assert getattr(load[1].done.tally, count) == getattr(calm, count), count
    for promise, sql in INVARIANTS.items():
        assert await look(replicated, sql) == [], promise


async def _restart_one_replica_after_another(house: House) -> None:
    """First one process of every room at once, then, when all successors are at work, the other one of every room."""
    for replica in ("", "/2"):
        async with asyncio.TaskGroup() as restarts:
            for room in ROOMS:
                restarts.create_task(_restart(house, f"{room}{replica}"))


async def _restart(house: House, name: str) -> None:
    """SIGTERM, and wait until the successor has reached the database."""
    one = house.rooms[name]
    assert one.child is not None
    process, old = one.child.process, one.pid
    assert process is not None
    process.send_signal(signal.SIGTERM)
    assert await asyncio.to_thread(process.wait, 20) == 0, f"{name} did not stop in order"
    while one.pid in (None, old):  # noqa: ASYNC110  # the house watches by looking, too
        await asyncio.sleep(0.1)
    await _at_work(house, name)


async def _at_work(house: House, name: str) -> None:
    """Wait until this very process has reached the database: any replica may answer for a room's health."""
    room, _, number = name.partition("/")
    sessions = "select 1 from pg_stat_activity where application_name = :who"
    who = f"estafeta {room} {number or 1}"
    while not await look(house, sessions, who=who):  # noqa: ASYNC110  # another process changes it
        await asyncio.sleep(0.1)
