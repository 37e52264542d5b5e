"""Real servers for every test that needs one: started once a run, a fresh database for each test."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from sqlalchemy import text
from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from estafeta.house.servers import Nats, Postgres
from shared.database import engine_for
from shared.message import ROOMS
from shared.migrate import migrate
from shared.provision import prepare_database, role_of
from tests.databases import Databases

# The machine is shared: how long one example takes says nothing.
settings.register_profile("estafeta", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("estafeta")

PASSWORDS = {room: f"secret-of-{room}" for room in ROOMS}
_TEMPLATE = "estafeta_template"


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[URL]:
    """A PostgreSQL server for the whole run, with a template database that every room has migrated."""
    server = Postgres(Path(tmp_path_factory.mktemp("postgres")), durable=False)
    admin = server.start()
    try:
        asyncio.run(_make_template(admin))
        yield admin
    finally:
        server.stop()


async def _make_template(admin: URL) -> None:
    await run_as_admin(admin, f"create database {_TEMPLATE}")
    template = admin.set(database=_TEMPLATE)
    await prepare_database(template, PASSWORDS)
    for room in ROOMS:
        if any((Path(__file__).parent.parent / "services" / room / "migrations" / "versions").glob("*.py")):
            await migrate(room, url_of(template, room))


async def run_as_admin(admin: URL, statement: str) -> None:
    """Run one statement as the administrator, outside any transaction."""
    engine = create_async_engine(admin, isolation_level="AUTOCOMMIT")
    try:
        async with engine.connect() as db:
            await db.execute(text(statement))
    finally:
        await engine.dispose()


def url_of(database: URL, room: str) -> URL:
    """The address of `database` for the role of `room`."""
    return database.set(username=role_of(room), password=PASSWORDS[room])


@pytest.fixture(scope="session")
def databases(postgres: URL) -> Databases:
    """All databases of the run."""
    return Databases(postgres, _TEMPLATE, [role_of(room) for room in ROOMS])


@pytest.fixture
async def database(databases: Databases) -> AsyncIterator[URL]:
    """A fresh, migrated database; its administrator's address."""
    taken = await databases.take()
    try:
        yield taken
    finally:
        await databases.give_back(taken)


@pytest.fixture
async def db_of(database: URL) -> AsyncIterator[Callable[[str], AbstractAsyncContextManager[AsyncConnection]]]:
    """`async with db_of("routing") as db:` is one transaction of that room's role, committed at the end."""
    engines: dict[str, AsyncEngine] = {}

    @asynccontextmanager
    async def connect(room: str) -> AsyncIterator[AsyncConnection]:
        if room not in engines:
            engines[room] = engine_for(url_of(database, room), room)
        async with engines[room].begin() as db:
            yield db

    yield connect
    for engine in engines.values():
        await engine.dispose()


@pytest.fixture
def nats_url(tmp_path: Path) -> Iterator[str]:
    """A nats-server of the test's own, everybody allowed everything; its address."""
    server = Nats(tmp_path / "nats", durable=False)
    try:
        yield server.start()
    finally:
        server.stop()
