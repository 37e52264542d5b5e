"""Copies of others' data are dropped and heard again: the result is equal, whatever else goes on."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import AsyncEngine

from services.process.app import ROOM as PROCESS
from services.reminders.app import ROOM as REMINDERS
from shared.bus import NoAnswer
from shared.database import engine_for
from shared.dead_letters import OperatorsLedger
from shared.events import EVENTS, CopiesRebuilt, OfficeChanged, StaffChanged, TaskSet, kind_of
from shared.ledger import Book, Ledger
from shared.ledger_told import history_of, open_letters
from shared.letter import Letter, encode_outbox
from shared.message import Cause, Event, NotYet, Unfit
from shared.questions import TellHistory
from shared.rebuild import PAGE, rebuild
from shared.service import Room
from shared.unit import Unit
from shared.words import Function, Source, TaskKind
from tests.conftest import url_of

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
ROOMS = {room.name: room for room in (PROCESS, REMINDERS)}


def office(id: str, **changed: Any) -> OfficeChanged:
    facts = {"name": f"Office {id}", "time_zone": "Europe/Moscow", "hours": "Mon-Fri 09:00-18:00", "calendar": "RU"}
    return OfficeChanged.model_validate({"office_id": id, **facts, **changed})


def person(id: str, name: str, function: Function = Function.SALES) -> StaffChanged:
    return StaffChanged(staff_id=id, name=name, office_id="msk", function=function)


DIRECTORY: tuple[Event, ...] = (
    office("msk"),
    office("msk", hours="Mon-Fri 10:00-19:00"),
    office("msk", hours="Mon-Fri 10:00-19:00", head="boss"),
    office("spb", days_off=["2026-12-31"]),
    *(person(f"s{n}", f"Name {n}") for n in range(20)),
    *(person(f"s{n}", f"New name {n}") for n in range(0, 20, 3)),
    person("boss", "The head", Function.HEAD),
)


@dataclass
class Stage:
    """Routing, which says, and a room, which hears it."""

    routing: AsyncEngine
    engine: AsyncEngine
    room: Room
    sent: int = 0

    async def say(self, *events: Event, source: str = "routing") -> None:
        """Say in routing's outbox."""
        cause = Cause(uuid4(), uuid4())
        async with Book(self.routing, source).open() as ledger:
            await ledger.put([cause.says(event) for event in events])

    async def hear(self) -> None:
        """Let the room apply what it has not heard yet."""
        async with self.routing.connect() as db:
            rows = await Ledger(db, "routing").unsent(10_000)
        wire = [encode_outbox("routing", row) for row in rows[self.sent :]]
        self.sent += len(wire)
        await self.unit.serve([Letter(subject, headers, payload) for subject, payload, headers in wire], "routing")

    @property
    def unit(self) -> Unit:
        return Unit(Book(self.engine, self.room.name), self.room.handlers)

    async def ask(self, subject: str, payload: bytes) -> Any:
        """What routing answers, as it comes through the bus."""
        assert subject == "ask.routing.history.tell"
        question = TellHistory.model_validate_json(payload)
        async with self.routing.connect() as db:
            rows = await history_of(db, question.kind, question.after_aggregate, question.after_sequence, PAGE)
        wire = [encode_outbox("routing", row) for row in rows]
        answer = {"messages": [[subject, headers, payload.decode()] for subject, payload, headers in wire]}
        return json.loads(json.dumps(answer))

    async def rebuild(self, ask: Any = None) -> CopiesRebuilt:
        """In a transaction of its own, as the unit does it."""
        async with self.engine.begin() as db:
            return await rebuild(self.room.name, self.room.copies, self.room.handlers, ask or self.ask, db)

    async def copies(self) -> dict[str, Sequence[Any]]:
        """Every row of every copy."""
        async with self.engine.connect() as db:
            return {
                table.name: [tuple(row) for row in (await db.execute(table.select().order_by(*table.primary_key)))]
                for table in self.room.copies.values()
            }

    async def do(self, statement: str, **values: Any) -> Any:
        async with self.engine.begin() as db:
            result = await db.execute(text(statement), values)
            return result.scalar() if result.returns_rows else result.rowcount


@asynccontextmanager
async def staged(database: URL, room: str) -> AsyncIterator[Stage]:
    routing, engine = (engine_for(url_of(database, name), name) for name in ("routing", room))
    try:
        yield Stage(routing, engine, ROOMS[room])
    finally:
        await routing.dispose()
        await engine.dispose()


@pytest.fixture(params=sorted(ROOMS))
async def stage(request: pytest.FixtureRequest, database: URL) -> AsyncIterator[Stage]:
    """A room that has heard a directory."""
    async with staged(database, request.param) as stage:
        await stage.say(*DIRECTORY)
        await stage.hear()
        yield stage


async def test_copies_that_are_heard_again_are_equal(stage: Stage) -> None:
    before = await stage.copies()
    told = await stage.rebuild()
    assert await stage.copies() == before
    assert (told.rows, told.changed) == ({"offices": 2, "staff": 21}, {"offices": 0, "staff": 0})
    assert told.messages == len(DIRECTORY)


async def test_a_damaged_copy_is_mended_and_the_damage_is_counted(stage: Stage) -> None:
    before = await stage.copies()
    key = "id" if stage.room is PROCESS else "staff_id"
    await stage.do(f"delete from staff where {key} = 's4'")
    await stage.do(f"update staff set name = 'wrong' where {key} in ('s5', 's6')")
    await stage.do("update offices set head = 'nobody'")
    told = await stage.rebuild()
    assert await stage.copies() == before
    assert told.changed == {"offices": 2, "staff": 3}


async def test_histories_of_many_pages_are_heard_whole(stage: Stage) -> None:
    await stage.say(*(person(f"many{n % 300}", f"Name {n}") for n in range(1400)))
    await stage.hear()
    before = await stage.copies()
    told = await stage.rebuild()
    assert await stage.copies() == before
    assert told.messages == len(DIRECTORY) + 1400


async def test_what_was_said_and_not_heard_yet_still_comes_by_the_bus_and_once(stage: Stage) -> None:
    await stage.say(person("s1", "The newest name"), person("late", "A newcomer"))
    told = await stage.rebuild()
    assert told.messages == len(DIRECTORY)
    assert "The newest name" not in str(await stage.copies())
    await stage.hear()
    assert "The newest name" in str(await stage.copies())
    assert (await stage.rebuild()).changed == {"offices": 0, "staff": 0}


async def test_what_was_given_up_and_closed_stays_out(stage: Stage) -> None:
    table = stage.room.copies[StaffChanged].fullname
    await stage.do(f"alter table {table} add constraint no_ghosts check (name <> 'ghost')")
    await stage.say(person("s2", "ghost"), person("s2", "after the ghost"))
    async with stage.routing.connect() as db:
        rows = (await Ledger(db, "routing").unsent(10_000))[stage.sent :]
    letters = [Letter(s, h, p, tries=5) for s, p, h in (encode_outbox("routing", row) for row in rows)]
    await stage.unit.serve(letters, "routing")
    held = await stage.rebuild()
    assert held.changed == {"offices": 0, "staff": 0}
    async with stage.engine.begin() as db:
        [dead] = [row for row in await open_letters(db, None) if row["state"] == "dead"]
        await OperatorsLedger(db, stage.room.name).give_up(dead["id"], "no ghosts here")
    await stage.unit.revive()
    assert "after the ghost" in str(await stage.copies())
    told = await stage.rebuild()
    assert told.changed == {"offices": 0, "staff": 0}
    assert told.messages == held.messages + 1


async def test_a_history_that_was_not_kept_leaves_the_copy_as_it_is(stage: Stage) -> None:
    async with stage.routing.begin() as db:
        await db.execute(text("delete from outbox where aggregate = 'staff/s3' and sequence = 1"))
    before = await stage.copies()
    with pytest.raises(Unfit, match="routing has kept 1 of the 2 messages about staff/s3"):
        await stage.rebuild()
    assert await stage.copies() == before


async def test_a_silent_owner_is_asked_again_later(stage: Stage) -> None:
    async def nobody(subject: str, payload: bytes) -> Any:
        raise NoAnswer(subject)

    with pytest.raises(NotYet, match="routing does not tell its history"):
        await stage.rebuild(nobody)
    assert len((await stage.copies())["staff"]) == 21


async def test_nobody_ever_sees_a_copy_half_full_and_nothing_new_is_lost(stage: Stage) -> None:
    seen: list[int] = []
    done = asyncio.Event()

    async def look() -> None:
        while not done.is_set():
            seen.append(int(await stage.do("select count(*) from staff")))

    async def change() -> None:
        for n in range(15):
            await stage.say(person("s1", f"Changed {n}"), person(f"fresh{n}", f"Fresh {n}"))
            await stage.hear()

    watching = asyncio.create_task(look())
    changing = asyncio.create_task(change())
    while not changing.done():
        await stage.rebuild()
    await changing
    done.set()
    await watching
    assert min(seen) >= 21
    assert seen == sorted(seen)
    copies = await stage.copies()
    assert "Changed 14" in str(copies)
    assert len(copies["staff"]) == 21 + 15
    assert (await stage.rebuild()).changed == {"offices": 0, "staff": 0}


@pytest.mark.rule("SLA")
async def test_deadlines_stand_while_the_offices_they_refer_to_are_heard_again(database: URL) -> None:
    async with staged(database, "reminders") as stage:
        await stage.say(*DIRECTORY)
        await stage.hear()
        task = TaskSet(
            task_id=uuid4(),
            process_id=uuid4(),
            client_id=uuid4(),
            manager="s1",
            office_id="msk",
            kind=TaskKind.CALL,
            source=Source.WEBSITE,
            received_at=NOW,
        )
        cause = Cause(uuid4(), uuid4())
        headers = {
            "ce-id": str(cause.id),
            "ce-type": "TaskSet.v1",
            "ce-subject": task.aggregate(),
            "ce-sequence": "1",
            "ce-time": NOW.isoformat(),
        }
        letter = Letter("evt.process.task.set", headers, task.model_dump_json().encode())
        settlement = await stage.unit.serve([letter], "process")
        assert settlement.applied == 1
        whole = "select string_agg(d::text, ' ') from deadlines d"
        before = await stage.do(whole)
        assert before
        assert "2" in str(await stage.do("select calendar_version from offices where office_id = 'msk'"))
        told = await stage.rebuild()
        assert told.changed == {"offices": 0, "staff": 0}
        assert await stage.do(whole) == before
        stale = "select count(*) from deadlines d join offices o using (office_id)"
        assert await stage.do(f"{stale} where d.calendar_version <> o.calendar_version") == 0


@pytest.mark.parametrize("name", sorted(ROOMS))
def test_a_copy_is_fed_by_one_event_and_by_nothing_else(name: str) -> None:
    room = ROOMS[name]
    assert room.copies
    for event, table in room.copies.items():
        assert room.metadata.tables[table.fullname] is table
        assert event in room.handlers
        kin = {e for e in EVENTS if e.owner == event.owner and kind_of(e.about) == kind_of(event.about)}
        assert kin & set(room.handlers) == {event}
