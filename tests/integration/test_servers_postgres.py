"""Our own PostgreSQL: starts on anything sound, says what is wrong with anything else, and never outlives us."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from estafeta.house.children import is_alive, leashed
from estafeta.house.servers import Nats, Postgres, free_port
from estafeta.house.trouble import DataIncomplete, DataInUse, PasswordLost, PortTaken, RootRefused, ServerFailed

ROOT = Path(__file__).parents[2]
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root has to become somebody else")
on_linux = pytest.mark.skipif(sys.platform != "linux", reason="a child dies with its parent only on Linux")


async def ask(server: Postgres, sql: str) -> Any:
    db = await asyncpg.connect(server.url.set(drivername="postgresql").render_as_string(hide_password=False))
    try:
        return await db.fetchval(sql)
    finally:
        await db.close()


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home in which a server has been started and stopped once."""
    home = tmp_path_factory.mktemp("made") / "postgres"
    server = Postgres(home, durable=False)
    server.start()
    server.stop()
    return home


@pytest.fixture
def home(made: Path, tmp_path: Path) -> Path:
    """A copy of that home."""
    return Path(shutil.copytree(made, tmp_path / "postgres"))


async def test_a_fresh_server_is_durable_finds_russian_words_and_needs_a_password(tmp_path: Path) -> None:
    server = Postgres(tmp_path / "postgres")
    server.start()
    try:
        assert [await ask(server, f"show {name}") for name in ("fsync", "synchronous_commit", "full_page_writes")] == [
            "on"
        ] * 3
        assert await ask(server, "show server_encoding") == "UTF8"
        await ask(server, "create extension pg_trgm")
        assert await ask(server, "select similarity('Ромашка', 'ромашки') > 0.5")
        assert await ask(server, "show unix_socket_directories") == ""
        password = tmp_path / "postgres" / "password"
        assert stat.S_IMODE(password.stat().st_mode) == 0o600
        server.password = "guessed"
        with pytest.raises(asyncpg.InvalidPasswordError):
            await ask(server, "select 1")
    finally:
        server.stop()


async def test_the_next_start_finds_the_data_and_the_password_again(home: Path) -> None:
    first = Postgres(home, durable=False)
    first.start()
    await ask(first, "create table kept as select 42 as answer")
    first.stop()
    second = Postgres(home, durable=False)
    second.start()
    try:
        assert await ask(second, "select answer from kept") == 42
    finally:
        second.stop()


async def test_a_killed_server_starts_again_on_what_it_left(home: Path) -> None:
    first = Postgres(home)
    first.start()
    await ask(first, "create table kept as select 42 as answer")
    assert first.process is not None
    first.process.kill()
    first.process.wait()
    second = Postgres(home)
    second.start()
    try:
        assert await ask(second, "select answer from kept") == 42
    finally:
        second.stop()


async def test_the_process_number_of_a_killed_server_may_belong_to_somebody_else_by_now(home: Path) -> None:
    (home / "data" / "postmaster.pid").write_text(f"{os.getpid()}\n{home / 'data'}\n")
    server = Postgres(home, durable=False)
    server.start()
    server.stop()


def test_data_that_another_server_still_serves_is_refused_with_its_process(home: Path) -> None:
    first, second = Postgres(home, durable=False), Postgres(home, durable=False)
    first.start()
    try:
        second.patience = 0.2
        with pytest.raises(DataInUse, match=f"process {first.pid}"):
            second.start()
    finally:
        first.stop()


def test_a_taken_port_is_named_with_the_remedy(home: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(PortTaken, match=rf"Port {port} [\s\S]*PostgreSQL[\s\S]*ESTAFETA_POSTGRES_PORT"):
            Postgres(home, port=port).start()


def test_a_port_nobody_asked_for_is_exchanged_when_somebody_took_it_meanwhile(home: Path) -> None:
    server = Postgres(home, durable=False)
    with socket.socket() as other:
        other.bind(("127.0.0.1", server.port))
        other.listen()
        server.start()
        assert server.port != other.getsockname()[1]
    server.stop()


def test_a_directory_that_is_no_database_is_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "letter.txt").write_text("mine")
    with pytest.raises(DataIncomplete, match="PG_VERSION is missing"):
        Postgres(tmp_path).start()
    assert [file.name for file in (tmp_path / "data").iterdir()] == ["letter.txt"]


def test_an_interrupted_making_of_the_database_leaves_nothing_to_trip_over(tmp_path: Path) -> None:
    (tmp_path / "data.new" / "base").mkdir(parents=True)
    server = Postgres(tmp_path, durable=False)
    server.start()
    server.stop()
    assert not (tmp_path / "data.new").exists()
    assert not (tmp_path / "password.new").exists()


def test_a_lost_password_is_named_with_the_remedy(home: Path) -> None:
    (home / "password").unlink()
    with pytest.raises(PasswordLost, match=r"pg_hba\.conf"):
        Postgres(home).start()


def test_a_server_that_cannot_start_shows_the_end_of_its_log(home: Path) -> None:
    (home / "data" / "postgresql.conf").write_text("shared_buffers = plenty\n")
    with pytest.raises(ServerFailed, match=r"ended with code 1[\s\S]*invalid value for parameter"):
        Postgres(home).start()


class Barred(Postgres):
    """As in a container that forbids user namespaces."""

    def _may_use_namespace(self) -> bool:
        return False


@pytest.fixture
def open_place(home: Path) -> Iterator[Path]:
    """A copy of that home in a directory that everybody may enter."""
    with tempfile.TemporaryDirectory() as outer:
        Path(outer).chmod(0o755)
        yield Path(shutil.copytree(home, Path(outer) / "postgres"))


@as_root
async def test_root_without_namespaces_serves_as_an_ordinary_user(open_place: Path) -> None:
    server = Barred(open_place, durable=False)
    server.start()
    try:
        assert await ask(server, "select 1") == 1
        status = (Path("/proc") / str(server.pid) / "status").read_text()
        assert "\nUid:\t0\t" not in status
        assert server.who != "mapped"
    finally:
        server.stop()
    back = Postgres(open_place, durable=False)  # and a start with namespaces takes the data back
    back.start()
    back.stop()


@as_root
def test_root_without_namespaces_changes_no_parent_to_reach_its_data(open_place: Path) -> None:
    open_place.parent.chmod(0o700)
    with pytest.raises(RootRefused, match="cannot reach"):
        Barred(open_place, durable=False).start()
    assert stat.S_IMODE(open_place.parent.stat().st_mode) == 0o700


SERVE = """
import json, sys, time
from pathlib import Path
from estafeta.house.servers import Nats, Postgres
place = Path(sys.argv[1])
servers = [Postgres(place / "postgres", durable=False), Nats(place / "nats", durable=False)]
for server in servers:
    server.start()
print(json.dumps([server.pid for server in servers]), flush=True)
time.sleep(60)
"""


@on_linux
@pytest.mark.parametrize("who", ["same", pytest.param("mapped", marks=as_root)])
def test_servers_die_with_the_process_that_started_them(home: Path, who: str) -> None:
    """`mapped` is an ordinary user for all that PostgreSQL can tell."""
    command = leashed([sys.executable, "-c", SERVE, str(home.parent)], stop_signal=signal.SIGKILL, who=who)
    parent = subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)})
    try:
        assert parent.stdout is not None
        postgres, nats = json.loads(parent.stdout.readline())
        assert is_alive(postgres, "postgres")
        assert is_alive(nats, "nats-server")
    finally:
        parent.kill()
        parent.communicate()
    until = time.monotonic() + 10
    while is_alive(postgres, "postgres") or is_alive(nats, "nats-server"):
        assert time.monotonic() < until, "a server outlived its parent"
        time.sleep(0.02)
    assert not (home / "data" / "postmaster.pid").exists(), "PostgreSQL was cut down instead of stopped"


def test_a_free_port_is_one_that_can_be_used() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", free_port()))


def test_stopping_what_was_never_started_does_nothing(tmp_path: Path) -> None:
    assert Postgres(tmp_path).stop()
    assert Nats(tmp_path).stop()
