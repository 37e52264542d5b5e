"""Statements go to the driver itself, inside SQLAlchemy's transactions: nothing of what those promise is lost by it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from uuid import uuid4

import asyncpg
import pytest
from sqlalchemy import Column, Integer, MetaData, Table, Text, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.database import MANY, commit, engine_for, execute, fetch, insert, write
from shared.faults import describe, is_passing
from shared.pipelining import Line
from tests.conftest import url_of


@pytest.fixture
async def engine(database: URL) -> AsyncIterator[AsyncEngine]:
    engine = engine_for(url_of(database, "process"), "process", pool_size=1)
    yield engine
    await engine.dispose()


_ENTER = "insert into commands_done (id) values ($1)"
_COUNT = "select count(*) as n from commands_done where id = $1"


async def _count(engine: AsyncEngine, id: object) -> int:
    async with engine.connect() as db:
        return int((await fetch(db, _COUNT, id))[0]["n"])


async def test_what_is_rolled_back_leaves_nothing(engine: AsyncEngine) -> None:
    id = uuid4()
    with pytest.raises(ZeroDivisionError):
        async with engine.begin() as db:
            assert await execute(db, _ENTER, id) == 1
            raise ZeroDivisionError
    assert await _count(engine, id) == 0


async def test_what_is_committed_stays_and_a_connection_lent_without_commit_leaves_nothing(engine: AsyncEngine) -> None:
    kept, forgotten = uuid4(), uuid4()
    async with engine.begin() as db:
        await execute(db, _ENTER, kept)
    async with engine.connect() as db:
        await execute(db, _ENTER, forgotten)
    assert (await _count(engine, kept), await _count(engine, forgotten)) == (1, 0)


_PAGES = Table("pages", MetaData(), Column("at", Integer), Column("told", JSONB), Column("note", Text))


@pytest.mark.parametrize("count", [1, 2, MANY, MANY + 1])
@pytest.mark.parametrize("last", [{}, {"at": 7}, {"told": [True]}, {"note": ""}])
async def test_rows_are_written_as_they_are_however_much_of_them_is_the_same(
    engine: AsyncEngine, count: int, last: dict[str, object]
) -> None:
    same: dict[str, object] = {"at": 1, "told": [1], "note": None}
    rows = [same] * (count - 1) + [same | last]
    async with engine.connect() as db:
        await execute(db, "create temporary table pages (at integer, told jsonb, note text)")
        await insert(db, _PAGES, rows)
        stored = await fetch(db, "select at, told::text as told, note from pages order by ctid")
    assert [{**row, "told": json.loads(row["told"])} for row in stored] == rows
    assert type(json.loads(stored[-1]["told"])[0]) is type(rows[-1]["told"][0])  # type: ignore[index]


async def test_statements_of_both_kinds_share_one_transaction(engine: AsyncEngine) -> None:
    id = uuid4()
    async with engine.begin() as db:
        await db.execute(text("set local application_name = 'one transaction'"))
        await execute(db, _ENTER, id)
        assert (await db.execute(text("select count(*) from commands_done where id = :id"), {"id": id})).scalar() == 1
        [row] = await fetch(db, "select current_setting('application_name') as name")
        assert row["name"] == "one transaction"


async def test_under_autocommit_each_statement_stands_alone(engine: AsyncEngine) -> None:
    id = uuid4()
    async with engine.connect() as db:
        await db.execution_options(isolation_level="AUTOCOMMIT")
        await execute(db, _ENTER, id)
        another = engine_for(engine.url, "process")
        async with another.connect() as other:
            assert (await fetch(other, _COUNT, id))[0]["n"] == 1
        await another.dispose()


async def test_a_connection_that_the_server_ended_is_not_lent_again(engine: AsyncEngine, database: URL) -> None:
    admin = engine_for(database, "public")
    with pytest.raises(Exception) as raised:  # which of them depends on the moment
        async with engine.begin() as db:
            [row] = await fetch(db, "select pg_backend_pid() as pid")
            async with admin.connect() as other:
                await fetch(other, "select pg_terminate_backend($1)", row["pid"])
            await fetch(db, "select 1")
    assert is_passing(raised.value), repr(raised.value)
    async with engine.begin() as db:  # the pool holds one connection only: it must be a new one
        assert (await fetch(db, "select 1 as one"))[0]["one"] == 1
    await admin.dispose()


async def test_a_connection_that_died_while_nobody_used_it_is_not_lent(engine: AsyncEngine, database: URL) -> None:
    async with engine.begin() as db:
        [row] = await fetch(db, "select pg_backend_pid() as pid")
    admin = engine_for(database, "public")
    async with admin.connect() as other:
        await fetch(other, "select pg_terminate_backend($1)", row["pid"])
    await admin.dispose()
    await asyncio.sleep(0.2)
    async with engine.begin() as db:
        assert (await fetch(db, "select 1 as one"))[0]["one"] == 1


async def test_a_doubled_key_is_told_by_its_constraint_and_is_not_passing(engine: AsyncEngine) -> None:
    id = uuid4()
    with pytest.raises(asyncpg.UniqueViolationError) as raised:
        async with engine.begin() as db:
            await execute(db, _ENTER, id)
            await execute(db, _ENTER, id)
    assert not is_passing(raised.value)
    assert describe(raised.value) == "UniqueViolationError 23505 commands_done_pkey"


async def test_a_value_that_does_not_fit_is_not_passing_and_is_not_told(engine: AsyncEngine) -> None:
    with pytest.raises(asyncpg.DataError) as raised:
        async with engine.begin() as db:
            await execute(db, _ENTER, "Ivanova +7 495 000-00-00")
    assert not is_passing(raised.value)
    assert "Ivanova" not in describe(raised.value)


# ── what begins and ends a transaction goes along with its statements ───────────────────────────────────────────────


async def _enter_twice(engine: AsyncEngine, *ids: object, pause: str = "0") -> None:
    async with engine.connect() as db:
        await fetch(db, "select pg_sleep($1::float)", float(pause))
        for id in ids[:-1]:
            await execute(db, _ENTER, id)
        await fetch(db, f"{_ENTER} returning id", ids[-1], is_last=True)


async def test_a_transaction_takes_one_way_to_the_server_for_each_statement(
    engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    await _enter_twice(engine, uuid4(), uuid4())  # now its statements are prepared
    pieces: list[bytes] = []
    real = Line.write

    def write(line: Line, piece: bytes) -> None:
        pieces.append(bytes(piece))
        real(line, piece)

    monkeypatch.setattr(Line, "write", write)
    ids = uuid4(), uuid4()
    await _enter_twice(engine, *ids)
    assert len(pieces) == 3
    assert [await _count(engine, id) for id in ids] == [1, 1]


async def test_a_last_statement_that_fails_takes_the_others_with_it(engine: AsyncEngine) -> None:
    taken = uuid4()
    await _enter_twice(engine, uuid4(), taken)
    for _ in range(2):
        lost = uuid4()
        with pytest.raises(asyncpg.UniqueViolationError):
            await _enter_twice(engine, lost, taken)
        assert await _count(engine, lost) == 0


async def test_a_commit_that_is_refused_is_told_and_leaves_nothing(engine: AsyncEngine) -> None:
    late = "create temp table late (n int unique deferrable initially deferred)"
    for _ in range(2):
        async with engine.connect() as db:
            await execute(db, late)
            await execute(db, "insert into late values ($1)", 1)
            with pytest.raises(asyncpg.UniqueViolationError):
                await fetch(db, "insert into late values ($1) returning n", 1, is_last=True)
            assert [dict(row) for row in await fetch(db, "select to_regclass('late') as here")] == [{"here": None}]


async def test_a_first_statement_that_was_never_sent_does_not_count_as_a_beginning(engine: AsyncEngine) -> None:
    await _enter_twice(engine, uuid4(), uuid4())
    id = uuid4()
    async with engine.connect() as db:
        with pytest.raises(asyncpg.DataError):
            await execute(db, _ENTER, "no id")
        await execute(db, _ENTER, id)
    assert await _count(engine, id) == 0


async def test_whoever_is_cancelled_at_the_first_statement_leaves_the_connection_clean(engine: AsyncEngine) -> None:
    await _enter_twice(engine, uuid4(), uuid4())
    id = uuid4()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await _enter_twice(engine, id, uuid4(), pause="5")
    assert await _count(engine, id) == 0
    await _enter_twice(engine, id, uuid4())
    assert await _count(engine, id) == 1


async def test_what_nobody_waits_for_goes_with_the_next_statement_and_so_does_its_fault(engine: AsyncEngine) -> None:
    first, second = uuid4(), uuid4()
    for _ in range(2):  # before its statements are prepared, and then
        async with engine.connect() as db:
            await write(db, _ENTER, first)
            assert (await fetch(db, _COUNT, first))[0]["n"] == 1
            await write(db, _ENTER, second)
            await commit(db)
        assert [await _count(engine, id) for id in (first, second)] == [1, 1]
        lost = uuid4()
        with pytest.raises(asyncpg.UniqueViolationError):
            async with engine.connect() as db:
                await write(db, _ENTER, lost)
                await write(db, _ENTER, first)
                await commit(db)
        assert await _count(engine, lost) == 0
        first, second = uuid4(), uuid4()


async def test_what_waits_is_forgotten_with_its_transaction(engine: AsyncEngine) -> None:
    await _enter_twice(engine, uuid4(), uuid4())
    for begun in (False, True):
        forgotten, kept = uuid4(), uuid4()
        async with engine.connect() as db:
            if begun:
                await fetch(db, _COUNT, kept)
            await write(db, _ENTER, forgotten)
        async with engine.begin() as db:
            await write(db, _ENTER, kept)
            assert (await db.execute(text("select count(*) from commands_done where id = :id"), {"id": kept})).scalar()
        assert [await _count(engine, id) for id in (forgotten, kept)] == [0, 1]
