"""One idempotent step, run by an administrator, makes what rooms may only use: roles, schemas, streams, consumers."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import text
from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from shared.message import ROOMS


class TrigramsBlind(RuntimeError):
    """This database's locale makes trigram search blind to Cyrillic: `show_trgm('Ромашка')` is empty.

    Create the cluster with `initdb --locale=C.UTF-8 -E UTF8` (or the database with `LC_CTYPE 'C.UTF-8'`) and load the data again.
    """

    def __str__(self) -> str:
        return " ".join((self.__doc__ or "").split())


def role_of(room: str) -> str:
    """The PostgreSQL role and NATS user of a room."""
    return f"estafeta_{room}"


async def prepare_database(admin: URL, passwords: Mapping[str, str]) -> None:
    """Make each room's role and schema in the database `admin` points at, and check that it can search Russian text.

    `passwords` maps rooms to their secrets. A role may use its own schema and nothing else. Running it again changes
    nothing but the passwords.
    """
    engine = create_async_engine(admin, hide_parameters=True)
    try:
        async with engine.begin() as db:
            await db.execute(text("select pg_advisory_xact_lock(hashtext('estafeta prepare'))"))
            await db.execute(text("create extension if not exists pg_trgm"))
            if not (await db.execute(text("select show_trgm('Ромашка') <> '{}'"))).scalar_one():
                raise TrigramsBlind
            database = (await db.execute(text("select current_database()"))).scalar_one()
            await db.execute(text(f'revoke all on database "{database}" from public'))
            await db.execute(text("revoke all on schema public from public"))
            for room in ROOMS:
                await _prepare_room(db, database, room, passwords[room])
    finally:
        await engine.dispose()


async def _prepare_room(db: AsyncConnection, database: str, room: str, password: str) -> None:
    role = role_of(room)
    known = (await db.execute(text("select 1 from pg_roles where rolname = :role"), {"role": role})).scalar()
    secret = (await db.execute(text("select quote_literal(cast(:password as text))"), {"password": password})).scalar_one()
    verb = "alter" if known else "create"
    await db.exec_driver_sql(f"{verb} role {role} with login noinherit connection limit 60 password {secret}")
    await db.exec_driver_sql(f'grant connect on database "{database}" to {role}')
    await db.exec_driver_sql(f"grant {role} to current_user")
    await db.exec_driver_sql(f"create schema if not exists {room} authorization {role}")
    await db.exec_driver_sql(f'alter role {role} in database "{database}" set search_path = {room}')
