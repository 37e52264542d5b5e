"""One idempotent step, run by an administrator, makes what rooms may only use: roles, schemas, streams, consumers."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from nats.js import JetStreamContext
from nats.js.api import (
    AckPolicy,
    ConsumerConfig,
    DeliverPolicy,
    DiscardPolicy,
    RetentionPolicy,
    StorageType,
    StreamConfig,
)
from nats.js.errors import NotFoundError
from sqlalchemy import text
from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

import shared.commands  # noqa: F401 - `readings_of` goes by the commands that exist
from shared.bus import COMMANDS, EVENTS, Reading
from shared.events import sources_of, subjects_for
from shared.message import ROOMS, Command, in_bulk
from shared.nats_client import connect
from shared.settings import Settings


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
    secret = (
        await db.execute(text("select quote_literal(cast(:password as text))"), {"password": password})
    ).scalar_one()
    verb = "alter" if known else "create"
    await db.exec_driver_sql(f"{verb} role {role} with login noinherit connection limit 60 password {secret}")
    await db.exec_driver_sql(f'grant connect on database "{database}" to {role}')
    await db.exec_driver_sql(f"grant {role} to current_user")
    await db.exec_driver_sql(f"create schema if not exists {room} authorization {role}")
    await db.exec_driver_sql(f'alter role {role} in database "{database}" set search_path = {room}')


_LISTS = 0.03  # a list comes in pieces
_NO_HURRY = 0.1
"""Seconds for which a room gathers what it hears against a lead's way, from a room behind it: no lead waits for that."""

# ── NATS ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def readings_of(room: str) -> list[Reading]:
    """What a room reads: its commands, and the histories it listens to; what belongs to lists in a line of its own."""
    readings = [Reading(f"{room}_commands", COMMANDS, (f"cmd.{room}.>",), most=100)]
    if any(command.bulk and command.owner == room for command in Command.__subclasses__()):
        readings.append(Reading(f"{room}_bulk", COMMANDS, (f"cmd.bulk.{room}.>",), most=1, bulk=True))
    for source in sources_of(room):
        subjects = (*subjects_for(room, source), f"evt.{source}.relay.passed")
        gather = _NO_HURRY if ROOMS.index(source) > ROOMS.index(room) else 0.0
        readings.append(Reading(f"{room}_hears_{source}", EVENTS, subjects, source=source, gather=gather))
        of_lists = tuple(map(in_bulk, subjects))
        bulk = Reading(f"{room}_hears_{source}_bulk", EVENTS, of_lists, source=source, bulk=True, gather=_LISTS)
        readings.append(bulk)
    return readings


async def prepare_bus(settings: Settings, *, max_bytes: int = 8 * 1024**3, replicas: int = 1) -> list[str]:
    """Make the streams and every durable consumer, or bring them up to date; return what was made or changed.

    Rooms only bind to what stands here. Limits retention and `discard new`: a full stream refuses, and the outbox waits.
    """
    nc = await connect(settings, "provision")
    try:
        js = nc.jetstream(timeout=10)
        changed = []
        for name, subjects in ((EVENTS, ["evt.>"]), (COMMANDS, ["cmd.>"])):
            changed += await _stream(js, name, subjects, max_bytes, replicas)
        for room in ROOMS:
            for reading in readings_of(room):
                changed += await _consumer(js, reading)
        return changed
    finally:
        await nc.close()


async def _stream(js: JetStreamContext, name: str, subjects: list[str], max_bytes: int, replicas: int) -> list[str]:
    config = StreamConfig(
        name=name,
        subjects=subjects,
        retention=RetentionPolicy.LIMITS,
        storage=StorageType.FILE,
        discard=DiscardPolicy.NEW,
        max_age=14 * 24 * 3600,
        max_bytes=max_bytes,
        duplicate_window=2 * 3600,
        num_replicas=replicas,
        allow_atomic=True,
        allow_direct=True,
    )
    try:
        stands = (await js.stream_info(name)).config
    except NotFoundError:
        await js.add_stream(config)
        return [f"stream {name}"]
    differs = (stands.subjects, stands.max_bytes, stands.max_age, stands.duplicate_window, stands.num_replicas)
    if differs == (config.subjects, config.max_bytes, config.max_age, config.duplicate_window, config.num_replicas):
        return []
    await js.update_stream(config)
    return [f"stream {name} brought up to date"]


async def _consumer(js: JetStreamContext, reading: Reading) -> list[str]:
    config = ConsumerConfig(
        durable_name=reading.durable,
        filter_subjects=list(reading.subjects),
        deliver_policy=DeliverPolicy.ALL,
        ack_policy=AckPolicy.EXPLICIT,
        ack_wait=20 if reading.most > 1 else 10,
        # A list is worked strictly chunk after chunk: which row comes first decides which one opens the card.
        max_ack_pending=max(2000, reading.most * 4) if reading.most > 1 else 1,
        max_deliver=-1,
    )
    try:
        stands = (await js.consumer_info(reading.stream, reading.durable)).config
        subjects = stands.filter_subjects or ([stands.filter_subject] if stands.filter_subject else [])
        if (set(subjects), stands.ack_wait, stands.max_ack_pending) == (
            set(reading.subjects),
            config.ack_wait,
            config.max_ack_pending,
        ):
            return []
        made = f"consumer {reading.durable} brought up to date"
    except NotFoundError:
        made = f"consumer {reading.durable}"
    await js.add_consumer(reading.stream, config)
    return [made]


def main() -> None:
    """`python -m shared.provision`: make the streams and consumers with an administrator's settings."""
    for line in asyncio.run(prepare_bus(Settings())) or ["streams and consumers stand as they should"]:
        print(line)


if __name__ == "__main__":
    main()
