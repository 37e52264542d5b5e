"""Each room as its card says, its schema as its tables say, and alone in its house."""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import MetaData
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.events import EVENTS
from shared.ledger import add_ledger
from shared.message import ROOMS
from shared.migrate import head
from shared.service import Room

SERVICES = Path(__file__).parents[2] / "services"
Db = Callable[[str], AbstractAsyncContextManager[AsyncConnection]]


def room_of(name: str) -> Room:
    room: Room = importlib.import_module(f"services.{name}.app").ROOM
    return room


def card_of(name: str) -> dict[str, set[str]]:
    text = importlib.import_module(f"services.{name}").__doc__ or ""
    lines = re.findall(r"^(Hears|Says|Keeps|Rules):\s*((?:.|\n(?!\w+:|\n))*)", text, re.MULTILINE)
    return {title: set(re.findall(r"[A-Za-z_]+", content)) for title, content in lines}


def ledger_tables() -> set[str]:
    metadata = MetaData()
    add_ledger(metadata)
    return set(metadata.tables)


@pytest.mark.parametrize("name", ROOMS)
def test_the_card_of_a_room_tells_the_truth(name: str) -> None:
    room, card = room_of(name), card_of(name)
    assert room.name == name
    assert card["Hears"] == {message.__name__ for message in room.handlers}
    assert card["Says"] == {event.__name__ for event in EVENTS if event.owner == name}
    assert card["Keeps"] == {table.name for table in room.metadata.tables.values()} - ledger_tables()
    rules = {file.stem for file in (SERVICES / name / "rules").glob("*.py")} - {"__init__"}
    assert card["Rules"] == rules


@pytest.mark.parametrize("name", ROOMS)
def test_a_room_handles_every_event_that_is_meant_for_it(name: str) -> None:
    meant = {event for event in EVENTS if name in event.heard_by}
    assert meant <= set(room_of(name).handlers)


@pytest.mark.parametrize("name", ROOMS)
async def test_the_migrated_schema_is_what_the_tables_say(name: str, db_of: Db) -> None:
    metadata = room_of(name).metadata

    def differences(connection: object) -> list[object]:
        context = MigrationContext.configure(
            connection,  # type: ignore[arg-type]  # run_sync hands over a plain Connection
            opts={
                "version_table": "schema_version",
                "version_table_schema": name,
                "include_schemas": True,
                "include_name": lambda n, kind, _: kind != "schema" or n == name,
                "compare_type": True,
            },
        )
        return list(compare_metadata(context, metadata))

    async with db_of(name) as db:
        # the room's schema is first on the search path and would be taken for the default one, which has no name
        await db.exec_driver_sql("set search_path = pg_catalog")
        db.sync_connection.dialect.default_schema_name = "public"  # type: ignore[union-attr]  # it is connected
        assert await db.run_sync(differences) == []


@pytest.mark.parametrize("name", ROOMS)
def test_a_room_knows_the_newest_revision_of_its_schema_without_alembic(name: str) -> None:
    assert head(name) == ScriptDirectory(SERVICES / name / "migrations").get_current_head()


@pytest.mark.parametrize("name", ROOMS)
async def test_a_room_cannot_read_what_another_keeps(name: str, db_of: Db) -> None:
    for other in ROOMS:
        if other == name:
            continue
        with pytest.raises(ProgrammingError, match="permission denied"):
            async with db_of(name) as db:
                await db.exec_driver_sql(f"select * from {other}.outbox")


@pytest.mark.parametrize("name", ROOMS)
def test_a_room_imports_alone_and_without_what_only_a_migration_needs(name: str) -> None:
    import subprocess
    import sys

    program = (
        f"import sys, services.{name}.app; "
        "print([m for m in sys.modules if m.startswith('services.') and m.count('.') == 1 or m == 'alembic'])"
    )
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == f"['services.{name}']"


def test_a_command_loads_neither_a_database_nor_the_settings_of_a_room() -> None:
    import subprocess
    import sys

    program = "import sys, estafeta.cli; print({'sqlalchemy', 'pydantic_settings'} & set(sys.modules))"
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "set()"
