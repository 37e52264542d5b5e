"""The house as a whole: it stands, mends itself, leaves in order, finds everything again, and says what is wrong."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import nats
import pytest
from sqlalchemy import text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.ext.asyncio import create_async_engine

from estafeta.house.children import is_alive, leashed
from estafeta.house.servers import Nats, Postgres, free_port
from estafeta.house.trouble import BusRefused, DatabaseRefused, HouseRunning, PortTaken, RoomsNotReady
from estafeta.house.up import House
from shared.message import ROOMS

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.timeout(180)

# A room that does nothing but say how it is: what is tested here is who starts it, watches it and stops it.
QUIET_ROOM = """
import asyncio, json, os, signal, sys
import nats

async def main(room):
    env = os.environ
    nc = await nats.connect(
        env["ESTAFETA_NATS_URL"], user=env.get("ESTAFETA_NATS_USER"), password=env.get("ESTAFETA_NATS_PASSWORD"),
        inbox_prefix=f"_INBOX_{room}".encode(), max_reconnect_attempts=-1, reconnect_time_wait=0.2,
    )
    health = {"ready": True, "problems": [], "pid": os.getpid()}
    async def answer(message):
        await message.respond(json.dumps({"ok": True, "answer": health}).encode())
    await nc.subscribe(f"ask.{room}.health.tell", queue=room, cb=answer)
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    print("[info] quiet", flush=True)
    await stop.wait()
    await nc.close()

asyncio.run(main(sys.argv[1]))
"""
UP = """
import asyncio, sys
from pathlib import Path
import estafeta.house.house, estafeta.house.up
quiet = sys.argv[2]
rooms = {room: [sys.executable, quiet, room] for room in estafeta.house.house.ROOMS}
class House(estafeta.house.house.House):
    def __init__(self, *args, **named):
        super().__init__(*args, **named, durable=False, commands=rooms)
estafeta.house.up.House = House
sys.exit(asyncio.run(estafeta.house.up.up(Path(sys.argv[1]))))
"""


@pytest.fixture(scope="module")
def quiet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    script = tmp_path_factory.mktemp("rooms") / "quiet_room.py"
    script.write_text(QUIET_ROOM)
    return script


@pytest.fixture(scope="module")
def commands(quiet: Path) -> dict[str, list[str]]:
    return {room: [sys.executable, str(quiet), room] for room in ROOMS}


@pytest.fixture(scope="module")
async def first_state(tmp_path_factory: pytest.TempPathFactory, commands: dict[str, list[str]]) -> Path:
    """A state directory in which a house has stood once."""
    state = tmp_path_factory.mktemp("house") / "state"
    async with House(state, durable=False, commands=commands) as house:
        await house.wait_ready()
    return state


@pytest.fixture
def state(first_state: Path, tmp_path: Path) -> Path:
    """A copy of that state, with addresses of its own."""
    copy = Path(shutil.copytree(first_state, tmp_path / "state"))
    (copy / "ports.json").unlink()
    return copy


class Notes(list[tuple[str, str, str]]):
    """What the house told."""

    def __call__(self, name: str, level: str, text: str) -> None:
        self.append((name, level, text))

    def about(self, name: str) -> str:
        return "\n".join(text for who, _, text in self if who == name)


async def ask(database: URL, sql: str) -> object:
    engine = create_async_engine(database)
    try:
        async with engine.begin() as db:
            result = await db.execute(text(sql))
            return result.scalar() if result.returns_rows else None
    finally:
        await engine.dispose()


async def test_the_four_real_rooms_stand_and_come_back_when_killed(tmp_path: Path) -> None:
    notes = Notes()
    async with House(tmp_path / "state", durable=False, tell=notes) as house:
        await house.wait_ready()
        before = {name: room.pid for name, room in house.rooms.items()}
        assert set(before) == set(ROOMS)
        await house.kill("routing")
        await house.wait_ready()
        after = {name: room.pid for name, room in house.rooms.items()}
        assert {name for name in ROOMS if before[name] != after[name]} == {"routing"}
        assert "ended unasked (signal 9)" in notes.about("routing")
        assert "Permissions Violation" not in (tmp_path / "state" / "logs" / "nats.log").read_text()
        children = [one.pid for one in house.everything]
    assert not any(pid and is_alive(pid, "") for pid in children)
    order = [name for name, _, text in notes if text == "stopped"]
    assert set(order[:4]) == set(ROOMS)
    assert order[4:] == ["nats", "postgres"]


async def test_servers_come_back_at_the_same_address_with_everything_in_them(
    state: Path, commands: dict[str, list[str]]
) -> None:
    async with House(state, durable=False, commands=commands) as house:
        await house.wait_ready()
        await ask(house.database, "create table public.kept as select 42 as answer")
        addresses = [one.address for one in house.servers.values()]
        for name in ("postgres", "nats"):
            await house.kill(name)
            await house.wait_ready()
        assert await ask(house.database, "select answer from public.kept") == 42
        assert [one.address for one in house.servers.values()] == addresses
        assert all(one.restarts == 1 for one in house.servers.values())


async def test_the_next_start_finds_data_streams_secrets_and_addresses_again(
    state: Path, commands: dict[str, list[str]]
) -> None:
    async with House(state, durable=False, commands=commands) as house:
        await ask(house.database, "create table public.kept as select 42 as answer")
        nc = await nats.connect(house.nats_url, user=house.operator.user, password=house.operator.password)
        await nc.publish("cmd.intake.lead.submit", b"{}")
        await nc.flush()
        await nc.close()
        card = json.loads((state / "house.json").read_text())
    assert not (state / "house.json").exists()
    async with House(state, durable=False, commands=commands) as again:
        assert await ask(again.database, "select answer from public.kept") == 42
        assert (again.nats_url, again.operator.password) == (card["nats_url"], card["operator"]["password"])
        nc = await nats.connect(again.nats_url, user=again.admin.user, password=again.admin.password)
        assert (await nc.jetstream().stream_info("COMMANDS")).state.messages == 1
        await nc.close()


async def test_a_second_house_on_one_state_is_refused_and_the_first_goes_on(
    state: Path, commands: dict[str, list[str]]
) -> None:
    async with House(state, durable=False, commands=commands) as house:
        with pytest.raises(HouseRunning, match=f"process {os.getpid()}"):
            await House(state, durable=False, commands=commands).__aenter__()
        await house.wait_ready()
        assert (state / "house.json").exists()


async def test_a_room_that_cannot_start_is_named_with_the_end_of_its_log(
    state: Path, commands: dict[str, list[str]]
) -> None:
    broken = {**commands, "routing": [sys.executable, "-c", "raise SystemExit('the map is missing')"]}
    async with House(state, durable=False, commands=broken) as house:
        with pytest.raises(RoomsNotReady, match=r"routing: ended unasked \(code 1\)[\s\S]*the map is missing"):
            await house.wait_ready(60)
        assert house.rooms["intake"].state == "ready"


async def test_a_taken_port_stops_the_start_and_leaves_nothing_running(
    state: Path, commands: dict[str, list[str]]
) -> None:
    taken = free_port()
    other = await asyncio.start_server(lambda *_: None, "127.0.0.1", taken)
    notes = Notes()
    async with other:
        with pytest.raises(PortTaken, match=f"Port {taken}"):
            await House(state, durable=False, commands=commands, nats_port=taken, tell=notes).__aenter__()
    assert "stopped" in notes.about("postgres")
    assert not (state / "postgres" / "data" / "postmaster.pid").exists()


@pytest.fixture
async def elsewhere(tmp_path: Path) -> AsyncIterator[tuple[str, str]]:
    """A PostgreSQL and a NATS that somebody else runs."""
    postgres, bus = Postgres(tmp_path / "pg", durable=False), Nats(tmp_path / "bus", durable=False)
    database = postgres.start()
    address = bus.start()
    try:
        yield database.set(drivername="postgresql").render_as_string(hide_password=False), address
    finally:
        bus.stop()
        postgres.stop()


async def test_servers_that_run_already_are_used_and_nothing_is_started(
    elsewhere: tuple[str, str], tmp_path: Path
) -> None:
    database, bus = elsewhere
    state = tmp_path / "state"
    async with House(state, database_url=database, nats_url=bus) as house:
        await house.wait_ready()
        assert [one.state for one in house.servers.values()] == ["elsewhere", "elsewhere"]
        assert await ask(house.database, "select count(*) from pg_roles where rolname like 'estafeta%'") == len(ROOMS)
    assert not (state / "postgres").exists()
    assert not (state / "nats").exists()


async def test_servers_elsewhere_that_do_not_let_us_in_are_named_without_the_password(
    elsewhere: tuple[str, str], tmp_path: Path, commands: dict[str, list[str]]
) -> None:
    database, bus = elsewhere
    wrong = str(database).replace("postgres:", "postgres:not-", 1)
    with pytest.raises(DatabaseRefused, match="Correct user and password in ESTAFETA_DATABASE_URL") as refused:
        await House(tmp_path / "state", database_url=wrong, nats_url=bus, commands=commands).__aenter__()
    assert "not-" not in str(refused.value)
    with pytest.raises(BusRefused, match="See that the server runs"):
        nowhere = f"nats://admin:guessed@127.0.0.1:{free_port()}"
        await House(tmp_path / "state", database_url=database, nats_url=nowhere, commands=commands).__aenter__()


async def test_a_database_that_is_blind_to_russian_is_refused(
    elsewhere: tuple[str, str], tmp_path: Path, commands: dict[str, list[str]]
) -> None:
    database, bus = elsewhere
    url = make_url(database).set(drivername="postgresql+asyncpg")
    engine = create_async_engine(url, isolation_level="AUTOCOMMIT")
    async with engine.connect() as db:
        await db.execute(text("create database blind template template0 encoding 'UTF8' locale 'C'"))
    await engine.dispose()
    blind = url.set(drivername="postgresql", database="blind").render_as_string(hide_password=False)
    with pytest.raises(DatabaseRefused, match=r"blind to Cyrillic[\s\S]*C\.UTF-8"):
        await House(tmp_path / "state", database_url=blind, nats_url=bus, commands=commands).__aenter__()


async def started(state: Path, quiet: Path, *, who: str = "same") -> tuple[asyncio.subprocess.Process, Path]:
    """`estafeta up` as a process of its own, standing; and where it writes what it says."""
    said = state.parent / "said"
    command = leashed([sys.executable, "-c", UP, str(state), str(quiet)], stop_signal=signal.SIGKILL, who=who)
    with said.open("wb") as out:
        process = await asyncio.create_subprocess_exec(
            *command, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, stdout=out, stderr=out
        )
    until = time.monotonic() + 60
    while " stands after " not in said.read_text():
        if process.returncode is not None or time.monotonic() > until:
            pytest.fail(said.read_text())
        await asyncio.sleep(0.05)
    return process, said


def children_of(process: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{process}/task/{process}/children").read_text().split()]


async def test_ctrl_c_stops_everything_in_order(state: Path, quiet: Path) -> None:
    process, said = await started(state, quiet)
    process.send_signal(signal.SIGINT)
    assert await asyncio.wait_for(process.wait(), 30) == 0
    stopped = [line.split("│")[0].strip() for line in said.read_text().splitlines() if line.endswith("│ stopped")]
    assert set(stopped[:4]) == set(ROOMS)
    assert stopped[4:] == ["nats", "postgres"]
    for word in (*ROOMS, "ready", "logs/postgres.log", "127.0.0.1:"):
        assert word in said.read_text()


@pytest.mark.skipif(sys.platform != "linux", reason="a child dies with its parent only on Linux")
async def test_a_killed_house_leaves_nobody_behind_and_the_next_one_stands(state: Path, quiet: Path) -> None:
    process, _ = await started(state, quiet)
    children = children_of(process.pid)
    assert len(children) == 6
    process.kill()
    await process.wait()
    until = time.monotonic() + 20
    while any(is_alive(child, "") for child in children):
        assert time.monotonic() < until, "somebody was left behind"
        await asyncio.sleep(0.05)
    again, _ = await started(state, quiet)
    again.terminate()
    assert await asyncio.wait_for(again.wait(), 30) == 0


@pytest.mark.skipif(os.geteuid() != 0 or sys.platform != "linux", reason="only root on Linux can become somebody else")
async def test_an_ordinary_user_starts_a_house_as_well(tmp_path: Path, quiet: Path) -> None:
    process, _ = await started(tmp_path / "state", quiet, who="mapped")
    process.terminate()
    assert await asyncio.wait_for(process.wait(), 30) == 0
