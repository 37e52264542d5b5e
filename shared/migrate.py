"""Each room's schema is brought up to date under the room's own role; rooms never see each other's tables."""

from __future__ import annotations

import asyncio
import re
import sys
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, text
from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.database import engine_for
from shared.message import ROOMS
from shared.settings import Settings

if TYPE_CHECKING:
    from alembic.config import Config

# Alembic is loaded only to migrate: a room asks about its schema at every look into its health, and starts without it.
_LINK = re.compile(r'^(down_revision|revision) = "(\w+)"$', re.MULTILINE)
_SERVICES = Path(__file__).resolve().parent.parent / "services"


def _config(room: str, connection: Connection) -> Config:
    from alembic.config import Config

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
    from alembic import command

    command.upgrade(_config(room, connection), "head")


@cache
def head(room: str) -> str:
    """The newest revision that the code of `room` knows. Raises `ValueError` when its migrations are no single chain."""
    files = (_SERVICES / room / "migrations" / "versions").glob("*.py")
    links = [link for file in files for link in _LINK.findall(file.read_text(encoding="utf-8"))]
    known, followed = ({id for word, id in links if word == one} for one in ("revision", "down_revision"))
    if len(newest := known - followed) > 1:
        raise ValueError(f"the migrations of {room} end in {', '.join(sorted(newest))}: make them one chain")
    return next(iter(newest), "")


async def is_current(db: AsyncConnection, room: str) -> bool:
    """Whether the database stands at the newest revision of `room`."""
    there = text("select to_regclass(:table) is not null")
    if not (await db.execute(there, {"table": f"{room}.schema_version"})).scalar_one():
        return False
    return list(await db.scalars(text(f"select version_num from {room}.schema_version"))) == [head(room)]


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
