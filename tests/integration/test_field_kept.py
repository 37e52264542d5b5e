"""The field of play that a process keeps is at every moment the one that the tables hold, whoever writes them, and how."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime, timedelta
from random import Random
from typing import Any

import pytest
from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import AsyncConnection

from services.routing import handlers, presence
from services.routing.rules.field import Field
from services.routing.store import field as kept
from services.routing.store.field import Memory, field_as_it_stands, field_of_play
from shared.commands import SetPresence
from shared.database import engine_for, execute, fetch
from tests.conftest import url_of
from tests.integration.routing_house import NOW, DbOf, away, batch, company, lead, only, shift

HOUR = timedelta(hours=1)


@pytest.fixture(autouse=True)
def memory(monkeypatch: pytest.MonkeyPatch) -> Memory:
    """A process that has just been started."""
    monkeypatch.setattr(kept, "MEMORY", Memory())
    return kept.MEMORY


@asynccontextmanager
async def replicas(database: URL, *names: str) -> AsyncIterator[list[AsyncConnection]]:
    """A connection of each of these, in a transaction."""
    async with AsyncExitStack() as stack:
        connections = []
        for name in names:
            engine = engine_for(url_of(database, "routing"), "routing", replica=name, pool_size=1)
            stack.push_async_callback(engine.dispose)
            connections.append(await stack.enter_async_context(engine.connect()))
            await connections[-1].begin()
        yield connections


async def end(db: AsyncConnection, *, well: bool = True) -> None:
    """Commit, or give up what was done, and begin anew."""
    await (db.commit if well else db.rollback)()
    await db.begin()


async def field_at(db: AsyncConnection, at: datetime = NOW) -> Field:
    field = await field_of_play(db, at)
    assert field is not None
    return field


def some_write(chance: Random) -> tuple[str, list[Any]]:
    """Anything that anybody may write to what the field is made of, by whatever way."""
    start = NOW + chance.randrange(-20, 60) * HOUR / 4
    end = start + chance.randrange(1, 20) * HOUR / 4
    who, word = chance.choice(["anna", "boris", "vera", "sofia"]), chance.choice(["absent", "back", "busy", "leave"])
    writes: list[tuple[str, list[Any]]] = [
        ("update company set home_region = $1", [chance.choice(["RU-MOW", "RU-SPE"])]),
        ("update offices set retired_at = case when retired_at is null then $1::timestamptz end where id = 'kzn'", [NOW]),
        ("update office_regions set retired_at = case when retired_at is null then $1::timestamptz end", [NOW]),
        ("update staff set weight = $1 where id = $2", [chance.randrange(1, 3000), who]),
        ("update staff set notice_at = $1 where id = $2", [chance.choice([None, start]), who]),
        ("insert into duty values ('msk', $1, $2, $3) on conflict do nothing", [who, start, end]),
        ("update duty set retired_at = $1 where staff_id = $2", [chance.choice([None, NOW]), who]),
        ("delete from duty where staff_id = $1", [who]),
        ("insert into absences values ($1, $2, $3, 'ill') on conflict do nothing", [who, start, end]),
        ("truncate absences", []),
        (
            "insert into presence values ($1, $2, $3, $4, 'because', null, $3) on conflict (staff_id, word)"
            " do update set at = excluded.at, until = excluded.until",
            [who, word, start, end if word in ("absent", "busy") else None],
        ),
    ]  # fmt: skip
    return chance.choice(writes)


@pytest.mark.rule("R1-24")
@pytest.mark.rule("R1-08")
@pytest.mark.parametrize("seed", range(3))
async def test_what_is_kept_is_what_the_tables_hold_whatever_is_written_and_whenever_it_is_asked(
    database: URL, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    """Two processes, writes that come to something and writes that come to nothing, moments that go to and fro."""
    chance, at, again = Random(seed), NOW, 0
    processes = [Memory(), Memory()]
    async with replicas(database, "one", "two") as rooms:
        await handlers.apply_company(batch(company(absences=[away("gleb")])), rooms[0])
        await end(rooms[0])
        last: list[Field | None] = [None, None]
        for _ in range(150):
            if chance.random() < 0.3:
                writer = rooms[chance.randrange(2)]
                sql, values = some_write(chance)
                await execute(writer, sql, *values)
                monkeypatch.setattr(kept, "MEMORY", processes[rooms.index(writer)])
                await field_at(writer, at)  # as it stands for whoever has written it, and perhaps for nobody else ever
                await end(writer, well=chance.random() < 0.6)
            at += chance.choice([timedelta(0), HOUR / 60, HOUR / 60, HOUR / 4, HOUR, -HOUR / 60, -2 * HOUR])
            which = chance.randrange(2)
            monkeypatch.setattr(kept, "MEMORY", processes[which])
            field = await field_at(rooms[which], at)
            [company_now] = await fetch(rooms[which], "select home_region from company")
            fresh, _ = await field_as_it_stands(rooms[which], company_now["home_region"], at)
            assert field.as_json() == fresh.as_json()
            again += field is last[which]
            last[which] = field
            await end(rooms[which])
    assert again > 30, "hardly ever was anything kept"


@pytest.mark.parametrize(
    "write",
    [
        "insert into presence values ($1, 'absent', $2, null, 'ill', null, $2)",
        "insert into absences values ($1, $2::timestamptz, $2::timestamptz + interval '1 day', 'ill')",
    ],
)
async def test_a_field_that_came_to_nothing_is_not_taken_for_the_next_one(
    database: URL, monkeypatch: pytest.MonkeyPatch, memory: Memory, write: str
) -> None:
    async with replicas(database, "one", "two") as (one, two):
        await handlers.apply_company(batch(company()), one)
        await end(one)
        await execute(one, write, "anna", NOW)
        await field_at(one)
        await end(one, well=False)
        monkeypatch.setattr(kept, "MEMORY", Memory())
        await execute(two, write, "boris", NOW)
        await end(two)
        monkeypatch.setattr(kept, "MEMORY", memory)
        people = (await field_at(one)).people.values()
        assert [one_of.id for one_of in people if one_of.away] == ["boris"]


@pytest.mark.rule("R1-08")
async def test_a_field_is_kept_up_to_the_moment_at_which_a_shift_begins(db_of: DbOf) -> None:
    async with db_of("routing") as db:
        await handlers.apply_company(batch(company(duty=[shift("anna", at=NOW + 3 * HOUR)])), db)
        before = await field_at(db)
        assert await field_at(db, NOW + HOUR - timedelta(microseconds=1)) is before
        assert (await field_at(db, NOW + HOUR)).offices["msk"].on_duty == ("anna",)
        assert before.offices["msk"].on_duty == ()


@pytest.mark.rule("R2-23")
async def test_who_waited_for_a_change_of_the_directory_meets_what_came_of_it(db_of: DbOf, database: URL) -> None:
    async with db_of("routing") as db:
        await handlers.apply_company(batch(company(duty=[])), db)
        await field_at(db)
    async with replicas(database, "one", "two") as (one, two):
        left = [one_of for one_of in company().staff if one_of.id != "sofia"]
        await handlers.apply_company(batch(company(duty=[], staff=left), of="left"), one)
        late = asyncio.create_task(handlers.assign_leads(batch(lead("a", region="RU-SPE")), two))
        done, _ = await asyncio.wait([late], timeout=0.2)
        assert not done, "it decided on a directory that was about to change"
        await end(one)
        assert only(await asyncio.wait_for(late, 20)).manager == "stepan"
        await end(two)


@pytest.mark.rule("R1-24")
async def test_a_word_that_is_being_said_holds_nobody_up_and_counts_once_it_is_said(database: URL) -> None:
    async with replicas(database, "one", "two") as (one, two):
        await handlers.apply_company(batch(company()), one)
        await end(one)
        before = await field_at(two)
        await end(two)
        wish = SetPresence(staff="anna", state="absent", reason="ill")
        await presence.set_presence(batch(wish), one)
        assert await asyncio.wait_for(field_at(two), 5) is before
        await end(two)
        await end(one)
        assert (after := (await field_at(two)).people["anna"].away) is not None
        assert after.reason == "ill"


@pytest.mark.rule("G6")
async def test_no_field_is_taken_for_stored_that_came_to_nothing(database: URL) -> None:
    async with replicas(database, "one") as [db]:
        await handlers.apply_company(batch(company()), db)
        await end(db)
        await handlers.assign_leads(batch(lead("a"), lead("b")), db)
        await handlers.assign_leads(batch(lead("c")), db)
        await end(db, well=False)
        for name in "def":
            await handlers.assign_leads(batch(lead(name)), db)
            await end(db)
        rows = await fetch(db, "select count(*) as decisions, count(distinct field_id) as fields from decisions")
        assert [dict(row) for row in rows] == [{"decisions": 3, "fields": 1}]
        assert db.info["fields_there"] == {(await field_at(db)).id}
