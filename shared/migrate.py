"""Each room's schema is brought up to date under the room's own role; rooms never see each other's tables."""

from __future__ import annotations

import asyncio
import sys
from functools import cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text
from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.database import engine_for
from shared.message import ROOMS
from shared.settings import Settings

_SERVICES = Path(__file__).resolve().parent.parent / "services"


def _config(room: str, connection: Connection | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(_SERVICES / room / "migrations"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    config.attributes["room"] = room
    return config


async def migrate(room: str, url: URL) -> str:
    """Bring the schema of `room` to its newest revision over a connection of the room's own role; return the revision."""
    engine = engine_for(url, room, pool_size=1)
    try:
        async with engine.connect() as db:
            await db.run_sync(_upgrade, room)
            await db.commit()
        return head(room)
    finally:
        await engine.dispose()


def _upgrade(connection: Connection, room: str) -> None:
    command.upgrade(_config(room, connection), "head")


@cache
def head(room: str) -> str:
    """The newest revision that the code of `room` knows."""
    return ScriptDirectory.from_config(_config(room)).get_current_head() or ""


async def is_current(db: AsyncConnection, room: str) -> bool:
    """Whether the database stands at the newest revision of `room`."""
    return await db.run_sync(
        lambda connection: MigrationContext.configure(
            connection, opts={"version_table_schema": room, "version_table": "schema_version"}
        ).get_current_revision()
    ) == head(room)


def run_in_alembic() -> None:
    """What each room's `migrations/env.py` calls: run its revisions inside one transaction."""
    from alembic import context

    room: str = context.config.attributes["room"]
    connection: Connection = context.config.attributes["connection"]
    connection.execute(
        text("select pg_advisory_xact_lock(hashtext('estafeta migrate'), hashtext(:room))"), {"room": room}
    )
    context.configure(
        connection=connection,
        version_table="schema_version",
        version_table_schema=room,
        include_schemas=False,
        transaction_per_migration=False,
    )
    with context.begin_transaction():
        context.run_migrations()


def main() -> None:
    """`python -m shared.migrate ROOM`: migrate one room with the settings of the environment."""
    if len(sys.argv) != 2 or sys.argv[1] not in ROOMS:
        raise SystemExit(f"usage: python -m shared.migrate {{{'|'.join(ROOMS)}}}")
    room = sys.argv[1]
    print(f"{room} is at revision {asyncio.run(migrate(room, Settings().database()))}")


if __name__ == "__main__":
    main()
