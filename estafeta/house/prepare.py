"""What stands before the first room starts: database, roles, schemas, migrations, streams, consumers; idempotent."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self
from urllib.parse import unquote, urlsplit, urlunsplit

import nats.errors
import nats.js.errors
from nats.aio.client import Client
from pydantic import SecretStr
from sqlalchemy import text
from sqlalchemy.engine import URL
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import create_async_engine

import shared.commands  # noqa: F401  # what a room reads follows from the commands that exist
from estafeta.house.binaries import OLDEST_NATS
from estafeta.house.trouble import BusRefused, DatabaseRefused, HouseTrouble, MigrationFailed, SecretsMissing
from shared.message import ROOMS
from shared.migrate import migrate
from shared.provision import TrigramsBlind, prepare_bus, prepare_database, role_of
from shared.settings import Settings

_PATIENCE = 20.0


@dataclass(frozen=True, slots=True)
class BusDoor:
    """Where a bus is and as whom one enters."""

    url: str
    user: str | None = None
    password: str | None = None

    @classmethod
    def of(cls, url: str) -> Self:
        """From `nats://user:password@host:port`, or several of them by commas with the user in the first."""
        parts = [urlsplit(one.strip()) for one in url.split(",")]
        bare = [urlunsplit(one._replace(netloc=one.netloc.rpartition("@")[2])) for one in parts]
        user, password = parts[0].username, parts[0].password
        return cls(",".join(bare), unquote(user) if user else None, unquote(password) if password else None)

    def shown(self) -> str:
        """The address as a table shows it."""
        return self.url.replace("nats://", "")

    def settings(self) -> Settings:
        """As the kernel takes it."""
        secret = SecretStr(self.password) if self.password is not None else None
        return Settings(nats_url=self.url, nats_user=self.user, nats_password=secret)


async def prepare(database: URL, passwords: Mapping[str, str], bus: BusDoor) -> dict[str, str]:
    """Make everything the rooms only use; return the revision of each room's schema.

    `database` and `bus` are entered as administrators. Raises `DatabaseRefused`, `MigrationFailed`, `BusRefused`.
    """
    await prepare_roles(database, passwords)
    revisions = {room: await migrate_room(room, database, passwords[room]) for room in ROOMS}
    await prepare_streams(bus)
    return revisions


async def make_database(admin: URL, name: str) -> URL:
    """The address of database `name` on the server of `admin`, made if it is not there."""
    engine = create_async_engine(admin, isolation_level="AUTOCOMMIT")
    try:
        async with engine.connect() as db:
            there = await db.execute(text("select 1 from pg_database where datname = :name"), {"name": name})
            if there.scalar() is None:
                await db.execute(text(f'create database "{name}"'))
    finally:
        await engine.dispose()
    return admin.set(database=name)


async def prepare_roles(database: URL, passwords: Mapping[str, str]) -> None:
    """Roles and schemas, and a database that can search Russian text."""
    address = f"{database.host}:{database.port or 5432}/{database.database}"
    try:
        async with asyncio.timeout(_PATIENCE):
            await prepare_database(database, passwords)
    except TrigramsBlind as blind:
        raise DatabaseRefused(address=address, why=blind, remedy="Nothing was changed.") from None
    except (OSError, SQLAlchemyError, TimeoutError, ValueError) as error:
        why, remedy = _database_fault(error)
        raise DatabaseRefused(address=address, why=why, remedy=remedy) from error


def _database_fault(error: Exception) -> tuple[str, str]:
    said = str(getattr(error, "orig", None) or error).strip().splitlines()
    why = said[0].rpartition(">: ")[2] if said else type(error).__name__
    if isinstance(error, TimeoutError):
        why = f"it did not answer within {_PATIENCE:.0f} s"
    if "pg_trgm" in why:
        return why, "Install PostgreSQL's contrib modules (`apt install postgresql-contrib`) on the database's machine."
    if "permission denied" in why or "must be" in why:
        return why, "Name an administrator in ESTAFETA_DATABASE_URL: one who may create roles, schemas and extensions."
    if "password" in why or "role" in why:
        return why, "Correct user and password in ESTAFETA_DATABASE_URL=postgresql://admin:password@host:5432/estafeta."
    if "does not exist" in why:
        return why, "Create the database: `createdb --template=template0 --locale=C.UTF-8 --encoding=UTF8 NAME`."
    return (
        why,
        "See that the server runs and that ESTAFETA_DATABASE_URL=postgresql://admin:password@host:5432/estafeta is right.",
    )


async def migrate_room(room: str, database: URL, password: str) -> str:
    """Bring one room's schema up to date under the room's own role; return the revision."""
    try:
        return await migrate(room, database.set(username=role_of(room), password=password))
    except Exception as error:
        said = str(getattr(error, "orig", None) or error).strip() or type(error).__name__
        raise MigrationFailed(room=room, why=said.splitlines()[0]) from error


async def greet_bus(door: BusDoor) -> None:
    """See that the bus lets us in, is new enough and has JetStream. Raises `BusRefused`."""
    nc = Client()
    try:
        await _enter(nc, door)
        version = nc.connected_server_version
        if (version.major, version.minor, version.patch) < OLDEST_NATS:
            oldest = ".".join(map(str, OLDEST_NATS))
            why, remedy = f"it is version {version}, and {oldest} is the oldest that will do", "Bring it up to date."
            raise BusRefused(address=door.shown(), why=why, remedy=remedy)
        await nc.jetstream(timeout=5).account_info()
    except (nats.errors.Error, nats.js.errors.Error, TimeoutError) as error:
        remedy = "Start it with JetStream (`-js`, or a `jetstream {}` block), and enter as a user who may use it."
        raise BusRefused(address=door.shown(), why=f"JetStream does not answer ({error})", remedy=remedy) from None
    finally:
        await nc.close()


async def _enter(nc: Client, door: BusDoor) -> None:
    said: list[str] = []

    async def note(error: Exception) -> None:
        said.append(str(error))

    try:
        await nc.connect(
            door.url.split(","),
            user=door.user,
            password=door.password,
            allow_reconnect=False,
            max_reconnect_attempts=1,  # how often a server that does not answer is tried, for all its name
            reconnect_time_wait=0.2,  # type: ignore[arg-type]  # declared int, used as seconds
            connect_timeout=5,
            error_cb=note,
        )
    except (OSError, TimeoutError, nats.errors.Error, ValueError) as error:
        why = (said[-1] if said else "") or str(error) or type(error).__name__
        what = "Correct user and password in" if "Authorization" in why else "See that the server runs, and check"
        remedy = f"{what} ESTAFETA_NATS_URL=nats://admin:password@host:4222."
        raise BusRefused(address=door.shown(), why=why, remedy=remedy) from None


async def prepare_streams(door: BusDoor) -> list[str]:
    """Streams and consumers; return what was made or changed."""
    await greet_bus(door)
    try:
        async with asyncio.timeout(_PATIENCE * 2):
            return await prepare_bus(door.settings())
    except (nats.errors.Error, nats.js.errors.Error, TimeoutError) as error:
        raise BusRefused(
            address=door.shown(),
            why=f"streams and consumers could not be made ({error or type(error).__name__})",
            remedy="Enter as a user who may create streams and consumers; leave the account 20 GB of JetStream storage.",
        ) from error


_SECRETS = Path("/run/secrets")


def main() -> None:
    """`python -m estafeta.house.prepare provision|migrate`: the two jobs of `deploy/docker-compose.yml`.

    They take the administrator's settings as a room takes its own, and the rooms' passwords from the secret files
    `database_<room>`.
    """
    jobs = {"provision": _provision, "migrate": _migrate}
    if len(sys.argv) != 2 or sys.argv[1] not in jobs:
        raise SystemExit("usage: python -m estafeta.house.prepare provision|migrate")
    try:
        for line in asyncio.run(jobs[sys.argv[1]]()):
            print(line)
    except HouseTrouble as trouble:
        raise SystemExit(str(trouble)) from None


async def _provision() -> list[str]:
    settings = Settings()
    await prepare_roles(settings.database(), _passwords())
    password = settings.nats_password.get_secret_value() if settings.nats_password else None
    changed = await prepare_streams(BusDoor(settings.nats_url, settings.nats_user, password))
    return ["roles and schemas stand", *(changed or ["streams and consumers stand as they should"])]


async def _migrate() -> list[str]:
    database, passwords = Settings().database(), _passwords()
    return [f"{room} is at revision {await migrate_room(room, database, passwords[room])}" for room in ROOMS]


def _passwords() -> dict[str, str]:
    missing = [str(_SECRETS / f"database_{room}") for room in ROOMS if not (_SECRETS / f"database_{room}").is_file()]
    if missing:
        raise SecretsMissing(files=", ".join(missing))
    return {room: (_SECRETS / f"database_{room}").read_text().strip() for room in ROOMS}


if __name__ == "__main__":
    main()
