"""The kernel on real servers: nothing lost, nothing twice, each history in order."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from shared.bus import Bus, Reading
from shared.commands import SettleLetter
from shared.database import engine_for
from shared.dead_letters import OperatorsLedger
from shared.events import StaffChanged
from shared.ledger import Book, Ledger
from shared.ledger_ddl import FIRST, INSERT_ONLY_OUTBOX, QUEUE_BY_SAYING, statements
from shared.ledger_told import ledger_health, open_letters, outcome_of
from shared.letter import Letter, encode_command, encode_outbox
from shared.message import Batch, Cause, NotYet, Said, Unfit
from shared.provision import prepare_bus, readings_of
from shared.relay import Relay
from shared.settings import Settings
from shared.unit import Unit
from shared.words import Function
from tests.conftest import PASSWORDS, run_as_admin, url_of

TALE = "create table heard (staff_id text, name text, n bigint generated always as identity)"


@pytest.fixture
async def ground(postgres: URL) -> AsyncIterator[URL]:
    """A database with roles, schemas and ledgers only: the kernel alone, no room."""
    from shared.provision import prepare_database

    name = f"kernel_{uuid4().hex[:8]}"
    await run_as_admin(postgres, f"create database {name}")
    database = postgres.set(database=name)
    await prepare_database(database, PASSWORDS)
    for room in ("routing", "process"):
        engine = create_async_engine(url_of(database, room))
        async with engine.begin() as db:
            for statement in (
                *(s for ddl in (FIRST, INSERT_ONLY_OUTBOX, QUEUE_BY_SAYING) for s in statements(ddl)),
                TALE,
            ):
                if statement.strip():
                    await db.exec_driver_sql(statement)
        await engine.dispose()
    yield database
    await run_as_admin(postgres, f"drop database {name} with (force)")


@asynccontextmanager
async def room_engine(ground: URL, room: str) -> AsyncIterator[AsyncEngine]:
    engine = engine_for(url_of(ground, room), room)
    try:
        yield engine
    finally:
        await engine.dispose()


def staff(staff_id: str, name: str) -> StaffChanged:
    return StaffChanged(staff_id=staff_id, name=name, office_id="msk", function=Function.SALES)


async def say(engine: AsyncEngine, *events: StaffChanged) -> None:
    """What a handler of routing would have said, in one transaction."""
    cause = Cause(uuid4(), uuid4())
    async with Book(engine, "routing").open() as ledger:
        await ledger.put([cause.says(event) for event in events])


async def outbox_letters(engine: AsyncEngine) -> list[Letter]:
    async with engine.begin() as db:
        rows = await Ledger(db, "routing").unsent(10_000)
    return [
        Letter(subject, headers, payload) for subject, payload, headers in (encode_outbox("routing", r) for r in rows)
    ]


async def write_down(batch: Batch[StaffChanged], db: AsyncConnection) -> Said:
    for heard in batch:
        if heard.message.name == "poison":
            raise Unfit("a poisonous name")
        if heard.message.name == "bug":
            raise ZeroDivisionError("a bug in a handler")
        await db.execute(
            text("insert into heard (staff_id, name) values (:id, :name)"),
            {"id": heard.message.staff_id, "name": heard.message.name},
        )
    return []


async def heard(engine: AsyncEngine, staff_id: str | None = None) -> Sequence[str]:
    async with engine.connect() as db:
        rows = await db.execute(
            text("select name from heard where :id is null or staff_id = :id order by n").bindparams(id=staff_id)
            if staff_id
            else text("select name from heard order by n")
        )
        return [row.name for row in rows]


async def test_events_are_applied_once_and_in_order_however_they_come(ground: URL) -> None:
    async with room_engine(ground, "routing") as routing, room_engine(ground, "process") as process:
        await say(
            routing, *(staff("anna", str(n)) for n in range(1, 8)), *(staff("boris", str(n)) for n in range(1, 4))
        )
        letters = await outbox_letters(routing)
        unit = Unit(Book(process, "process"), {StaffChanged: write_down})

        first = await unit.serve([letters[0], letters[3], letters[2], letters[0]], "routing")
        assert first.applied == 1
        assert {letter.sequence for letter, _ in first.later} == {3, 4}, "what comes too early is asked for again"

        await unit.serve(list(reversed(letters)), "routing")
        await unit.serve(letters, "routing")
        assert await heard(process, "anna") == [str(n) for n in range(1, 8)]
        assert await heard(process, "boris") == ["1", "2", "3"]


async def test_two_replicas_apply_one_history_once(ground: URL) -> None:
    async with room_engine(ground, "routing") as routing, room_engine(ground, "process") as process:
        await say(routing, *(staff(f"s{n % 40}", f"{n}") for n in range(400)))
        letters = await outbox_letters(routing)
        units = [Unit(Book(process, "process"), {StaffChanged: write_down}) for _ in range(2)]
        for _ in range(3):
            await asyncio.gather(*(unit.serve(letters, "routing") for unit in units))
        assert sorted(map(int, await heard(process))) == list(range(400))
        for n in range(40):
            story = [int(name) for name in await heard(process, f"s{n}")]
            assert story == sorted(story)


async def test_a_poison_message_dies_alone_and_its_history_waits_in_order(ground: URL) -> None:
    async with room_engine(ground, "routing") as routing, room_engine(ground, "process") as process:
        await say(routing, staff("anna", "1"), staff("anna", "poison"), staff("anna", "3"), staff("boris", "1"))
        letters = await outbox_letters(routing)
        unit = Unit(Book(process, "process"), {StaffChanged: write_down})
        for _ in range(3):
            settlement = await unit.serve(letters, "routing")
            assert not settlement.later, "nothing circles on the bus: what waits is kept in the room"
        assert await heard(process) == ["1", "1"]
        async with process.begin() as db:
            ledger = OperatorsLedger(db, "process")
            dead = await open_letters(db, None)
            assert [(row["state"], row["sequence"]) for row in dead] == [("dead", 2), ("waiting", 3)]
            assert "poisonous" in dead[0]["reason"]
            said = (await db.execute(text("select type, payload from outbox"))).all()
            assert [row.type for row in said] == ["MessageDied.v1"]
            await ledger.give_up(dead[0]["id"], "the name was wrong at the source")
        await unit.revive()
        assert await heard(process, "anna") == ["1", "3"]
        async with process.begin() as db:
            assert not await open_letters(db, None)


async def test_a_dead_letter_sent_back_is_applied_before_what_waited_behind_it(ground: URL) -> None:
    calm: list[int] = []

    async def moody(batch: Batch[StaffChanged], db: AsyncConnection) -> Said:
        if not calm and any(one.message.name == "2" for one in batch):
            raise Unfit("not today")
        return await write_down(batch, db)

    async with room_engine(ground, "routing") as routing, room_engine(ground, "process") as process:
        await say(routing, *(staff("anna", str(n)) for n in range(1, 6)))
        letters = await outbox_letters(routing)
        unit = Unit(Book(process, "process"), {StaffChanged: moody})
        for letter in letters:
            await unit.serve([letter], "routing")
        assert await heard(process) == ["1"]
        calm.append(1)
        async with process.begin() as db:
            assert len(await OperatorsLedger(db, "process").revive(None)) == 1
        await unit.revive()
        await unit.revive()
        assert await heard(process) == ["1", "2", "3", "4", "5"]


async def test_a_bug_is_tried_again_with_growing_delay_before_it_is_given_up(ground: URL) -> None:
    async with room_engine(ground, "routing") as routing, room_engine(ground, "process") as process:
        await say(routing, staff("anna", "bug"))
        [letter] = await outbox_letters(routing)
        unit = Unit(Book(process, "process"), {StaffChanged: write_down})
        delays = []
        for tries in range(1, 5):
            letter.tries = tries
            [(_, delay)] = (await unit.serve([letter], "routing")).later
            delays.append(delay)
        assert delays == sorted(delays)
        letter.tries = 5
        assert (await unit.serve([letter], "routing")).buried == 1


async def test_what_is_not_there_yet_is_asked_for_again_for_ever(ground: URL) -> None:
    async def never(batch: Batch[StaffChanged], db: AsyncConnection) -> Said:
        raise NotYet("the office has not been heard yet")

    async with room_engine(ground, "routing") as routing, room_engine(ground, "process") as process:
        await say(routing, staff("anna", "1"))
        [letter] = await outbox_letters(routing)
        letter.tries = 500
        settlement = await Unit(Book(process, "process"), {StaffChanged: never}).serve([letter], "routing")
        assert settlement.later[0][1] <= 72
        assert not settlement.done


async def test_an_event_of_an_unknown_version_dies_with_the_remedy(ground: URL) -> None:
    async with room_engine(ground, "routing") as routing, room_engine(ground, "process") as process:
        await say(routing, staff("anna", "1"))
        [letter] = await outbox_letters(routing)
        letter.headers["ce-type"] = "StaffChanged.v9"
        await Unit(Book(process, "process"), {StaffChanged: write_down}).serve([letter], "routing")
        async with process.connect() as db:
            [row] = await open_letters(db, None)
        assert "v9" in row["reason"]
        assert "estafeta dead again" in row["reason"]


async def test_a_command_with_missing_fields_dies_naming_them_and_its_neighbours_live(ground: URL) -> None:
    done: list[Any] = []

    async def settle(batch: Batch[SettleLetter], db: AsyncConnection) -> Said:
        done.extend(batch.map(lambda wish: wish.why))
        return []

    async with room_engine(ground, "process") as process:
        unit = Unit(Book(process, "process"), {SettleLetter: settle})
        good = Letter(*_turned(encode_command(SettleLetter(action="close", why="good"), id=uuid4(), room="process")))
        bad = Letter(good.subject, {**good.headers, "ce-id": str(uuid4())}, b'{"why": "no action"}')
        alien = Letter("cmd.process.moon.fly", {"ce-type": "FlyMoon.v1", "ce-id": str(uuid4())}, b"{}")
        settlement = await unit.serve([bad, good, alien, good], "")
        assert done == ["good"]
        assert settlement.buried == 2
        await unit.serve([good, bad], "")
        assert done == ["good"], "a command is done once"
        async with process.connect() as db:
            reasons = [row["reason"] for row in await open_letters(db, None)]
            outcome = await outcome_of(db, bad.id)
        assert reasons[0].startswith("field action:")
        assert "FlyMoon" in reasons[1]
        assert outcome["state"] == "dead"


def _turned(wire: tuple[str, bytes, dict[str, str]]) -> tuple[str, dict[str, str], bytes]:
    subject, payload, headers = wire
    return subject, headers, payload


async def test_ids_of_what_is_said_depend_only_on_the_cause(ground: URL) -> None:
    cause = Cause(UUID(int=7), UUID(int=8))
    seen = []
    for room in ("routing", "process"):
        async with room_engine(ground, room) as engine, engine.begin() as db:
            ledger = Ledger(db, "routing")
            await ledger.put([cause.says(staff("anna", "1")), cause.says(staff("anna", "2"))])
            await ledger.store_said()
            rows = await ledger.unsent(10)
            seen.append([row["message_id"] for row in rows])
            assert [row["sequence"] for row in rows] == [1, 2]
    assert seen[0] == seen[1]
    assert len(set(seen[0])) == 2


# ── with the bus ────────────────────────────────────────────────────────────────────────────────────────────────────


@asynccontextmanager
async def on_the_bus(url: str, name: str) -> AsyncIterator[Bus]:
    bus = Bus(Settings(nats_url=url), name)
    await bus.connect()
    try:
        yield bus
    finally:
        await bus.close()


def reading(durable: str) -> Reading:
    return next(r for room in ("routing", "process") for r in readings_of(room) if r.durable == durable)


async def drain(bus: Bus, unit: Unit, what: Reading, rounds: int = 50) -> None:
    """Read until two fetches in a row bring nothing."""
    empty = 0
    for _ in range(rounds):
        letters = await bus.fetch(what, wait=0.3)
        empty = 0 if letters else empty + 1
        if empty == 2:
            return
        settlement = await unit.serve(letters, what.source)
        await bus.ack(settlement.done)
        for letter, delay in settlement.later:
            await bus.later(letter, delay)


async def test_provisioning_twice_changes_nothing(nats_url: str) -> None:
    assert "stream EVENTS" in await prepare_bus(Settings(nats_url=nats_url))
    assert await prepare_bus(Settings(nats_url=nats_url)) == []


def _single(n: int) -> tuple[str, bytes, dict[str, str]]:
    return "evt.routing.staff.changed", b"{}", {"Nats-Msg-Id": f"m{n}", "ce-sequence": str(n)}


async def test_a_request_that_stands_brings_what_comes_and_all_of_a_jam(nats_url: str) -> None:
    await prepare_bus(Settings(nats_url=nats_url))
    what = reading("process_hears_routing")
    async with on_the_bus(nats_url, "process") as bus:
        assert await bus.fetch(what, wait=0.1) == []
        numbers: list[int] = []
        for first, many in ((0, 1), (1, 1), (2, 200)):
            await bus.publish([_single(n) for n in range(first, first + many)])
            while len(numbers) < first + many:
                letters = await bus.fetch(what, wait=1.0)
                assert letters, numbers
                numbers += [letter.sequence for letter in letters]
                await bus.ack(letters)
        assert numbers == list(range(202))
        for _ in range(100):  # it is told soon
            if await bus.backlog(what) == (0, 0):
                break
            await asyncio.sleep(0.02)
        assert await bus.backlog(what) == (0, 0)


async def test_whoever_leaves_gives_back_what_had_come_to_him(nats_url: str) -> None:
    await prepare_bus(Settings(nats_url=nats_url))
    what = reading("process_hears_routing")
    async with on_the_bus(nats_url, "process 1") as leaver, on_the_bus(nats_url, "process 2") as other:
        assert await leaver.fetch(what, wait=0.1) == []  # his request stands
        await leaver.publish([_single(n) for n in range(3)])
        await asyncio.sleep(0.1)
        await leaver.take_no_more()
        again: list[int] = []
        while len(again) < 3:
            letters = await other.fetch(what, wait=2.0)
            assert letters, again
            again += [letter.sequence for letter in letters]
        assert again == [0, 1, 2]


async def test_the_relay_sends_everything_once_and_in_order(ground: URL, nats_url: str) -> None:
    await prepare_bus(Settings(nats_url=nats_url))
    async with (
        room_engine(ground, "routing") as routing,
        room_engine(ground, "process") as process,
        on_the_bus(nats_url, "routing") as bus,
    ):
        await say(routing, *(staff(f"s{n % 50}", str(n)) for n in range(1203)))
        relay = Relay(Book(routing, "routing"), bus)
        async with routing.connect() as db:
            await db.execution_options(isolation_level="AUTOCOMMIT")
            ledger = Ledger(db, "routing")
            while await relay.send_once(ledger):
                pass
            assert (await ledger_health(db))["unsent"] == 0
        unit = Unit(Book(process, "process"), {StaffChanged: write_down})
        await drain(bus, unit, reading("process_hears_routing"))
        assert sorted(map(int, await heard(process))) == list(range(1203))


async def test_a_batch_sent_again_after_a_crash_before_the_mark_is_stored_once(ground: URL, nats_url: str) -> None:
    await prepare_bus(Settings(nats_url=nats_url))
    async with room_engine(ground, "routing") as routing, on_the_bus(nats_url, "routing") as bus:
        await say(routing, *(staff("anna", str(n)) for n in range(20)))
        async with routing.connect() as db:
            rows = await Ledger(db, "routing").unsent(100)
        wire = [encode_outbox("routing", row) for row in rows]
        await bus.publish(wire[:15])
        await bus.publish(wire)
        assert (await bus.nc.jetstream().stream_info("EVENTS")).state.messages == 20


async def test_what_a_lost_stream_took_along_is_sent_again(ground: URL, nats_url: str) -> None:
    settings = Settings(nats_url=nats_url)
    await prepare_bus(settings)
    async with (
        room_engine(ground, "routing") as routing,
        room_engine(ground, "process") as process,
        on_the_bus(nats_url, "routing") as bus,
        on_the_bus(nats_url, "process") as ear,
    ):
        relay, unit = Relay(Book(routing, "routing"), bus), Unit(Book(process, "process"), {StaffChanged: write_down})
        for room in ("process", "reminders"):
            await _answer_watermarks(ear, process if room == "process" else None, room)
        what = reading("process_hears_routing")
        async with routing.connect() as db:
            await db.execution_options(isolation_level="AUTOCOMMIT")
            ledger = Ledger(db, "routing")
            await say(routing, *(staff(f"s{n % 7}", str(n)) for n in range(30)))
            await relay.send_once(ledger)
            await drain(ear, unit, what)
            await say(routing, *(staff(f"s{n % 7}", str(n)) for n in range(30, 60)))
            await relay.send_once(ledger)
            await bus.nc.jetstream().delete_stream("EVENTS")
            await prepare_bus(settings)
            await ear.forget(what)
            assert await relay.compare_once(ledger) == 0, "before the mark has come past, nothing is known to be lost"
            await asyncio.sleep(2.2)
            await relay.compare_once(ledger)
            await drain(ear, unit, what)
            assert await relay.compare_once(ledger) == 30
            await relay.send_once(ledger)
            await drain(ear, unit, what)
            assert sorted(map(int, await heard(process))) == list(range(60))
            for n in range(7):
                story = [int(name) for name in await heard(process, f"s{n}")]
                assert story == sorted(story)
            await relay.compare_once(ledger)
            assert await ledger.unheard(0, 100) == [], "what all listeners have applied is not asked for again"


async def _answer_watermarks(ear: Bus, engine: AsyncEngine | None, room: str) -> None:
    import json

    from shared.questions import TellWatermarks

    async def answer(message: Any) -> None:
        question = TellWatermarks.model_validate_json(message.data)
        told: Any = {"passed": 0, "behind": {}, "held": []}
        if engine is not None:
            async with engine.connect() as db:
                told = await Ledger(db, room).watermarks(question.source, question.said)
        await message.respond(json.dumps({"ok": True, "answer": told}).encode())

    await ear.nc.subscribe(TellWatermarks.subject_in(room), cb=answer)
    await ear.nc.flush()


async def test_a_full_stream_keeps_the_outbox_waiting(ground: URL, nats_url: str) -> None:
    await prepare_bus(Settings(nats_url=nats_url), max_bytes=20_000)
    async with room_engine(ground, "routing") as routing, on_the_bus(nats_url, "routing") as bus:
        await say(routing, *(staff(f"s{n}", "x" * 500) for n in range(60)))
        relay = Relay(Book(routing, "routing"), bus)
        async with routing.connect() as db:
            await db.execution_options(isolation_level="AUTOCOMMIT")
            ledger = Ledger(db, "routing")
            assert await relay.send_once(ledger) == 0
            assert (await ledger_health(db))["unsent"] == 60
            await prepare_bus(Settings(nats_url=nats_url), max_bytes=1_000_000)
            assert await relay.send_once(ledger) == 60


async def test_one_replica_leads_and_another_takes_over(ground: URL, nats_url: str) -> None:
    await prepare_bus(Settings(nats_url=nats_url))
    async with (
        room_engine(ground, "routing") as one,
        room_engine(ground, "routing") as two,
        on_the_bus(nats_url, "one") as bus,
    ):
        relays = [Relay(Book(engine, "routing"), bus) for engine in (one, two)]
        tasks = [asyncio.create_task(relay.run()) for relay in relays]
        try:
            await asyncio.sleep(1)
            leader = next(n for n, relay in enumerate(relays) if relay.leads)
            assert sum(relay.leads for relay in relays) == 1
            tasks[leader].cancel()
            for _ in range(50):
                await asyncio.sleep(0.1)
                if relays[1 - leader].leads:
                    break
            assert relays[1 - leader].leads
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
