"""One whole house for the run, and the main job done in it once."""

from __future__ import annotations

import io
import shutil
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from estafeta.client import Bus, line_to_house
from estafeta.company.directory import apply_company
from estafeta.company.reading import read_company
from estafeta.demo import CLIENTS, COMPANY, EXHIBITION
from estafeta.house.house import House
from estafeta.importing import Imported, Intent, import_file
from estafeta.lists.reading import read_list


@dataclass
class Furnished:
    """A house with the sample company, client base and exhibition list worked through."""

    house: House
    bus: Bus
    base: Imported
    exhibition: Imported

    async def query(self, sql: str, **values: Any) -> Sequence[Any]:
        """Look into all four schemas at once, as only a test may."""
        return await look(self.house, sql, **values)


async def look(house: House, sql: str, **values: Any) -> Sequence[Any]:
    """Run one query with the administrator's rights."""
    engine = create_async_engine(house.database)
    try:
        async with engine.connect() as db:
            return (await db.execute(text(sql), values)).all()
    finally:
        await engine.dispose()


def quiet() -> Console:
    """A console nobody looks at."""
    return Console(file=io.StringIO())


async def take_in(bus: Bus, file: Path, folder: Path, intent: Intent) -> Imported:
    """Import a copy of `file`, so that what is rejected is written beside the copy."""
    copy = folder / file.name
    shutil.copyfile(file, copy)
    return await import_file(bus, read_list(copy), intent, quiet())


@asynccontextmanager
async def ready(house: House) -> AsyncIterator[None]:
    """Go on when all rooms are ready."""
    await house.wait_ready()
    yield


@pytest.fixture(scope="session")
async def house(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    """Real servers and four rooms, each a process of its own."""
    async with House(tmp_path_factory.mktemp("house"), durable=False) as house:
        await house.wait_ready()
        yield house


@pytest.fixture(scope="session")
async def furnished(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Furnished]:
    """The main job, done once, in a house where nothing else happens."""
    folder = tmp_path_factory.mktemp("lists")
    async with (
        House(tmp_path_factory.mktemp("furnished"), durable=False) as house,
        ready(house),
        Bus(line_to_house(house.state.place)) as bus,
    ):
        await apply_company(bus, read_company(COMPANY), COMPANY)
        base = await take_in(bus, CLIENTS, folder, Intent("Client base", "clients"))
        exhibition = await take_in(bus, EXHIBITION, folder, Intent("ПромЭкспо 2026"))
        yield Furnished(house, bus, base, exhibition)
