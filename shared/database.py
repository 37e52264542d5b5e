"""PostgreSQL for every room: an engine that notices dead sockets, and set-based writing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from functools import cache
from typing import Any, NamedTuple, cast

import asyncpg.protocol.protocol as asyncpg_protocol
import msgspec
import pydantic_core
from sqlalchemy import RowMapping, Table, event
from sqlalchemy.dialects import postgresql
from sqlalchemy.dialects.postgresql import JSON, JSONB
from sqlalchemy.engine import URL
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from shared.pipelining import COMMIT, Transaction, is_prepared, line_of

# Of every cell of every array asyncpg asks an abstract class whether it is an array in its turn: half of what it takes to
# pack a list's rows. Asked of the containers that we do hand over, the answer is the same and costs next to nothing.
asyncpg_protocol.IterableABC = (list, tuple, set, frozenset, type({}.keys()), type({}.values()))

MANY = 50
"""From so many rows on it pays to see which columns hold the same in all of them: each such set is a statement of its own."""

_DIALECT = postgresql.dialect()  # type: ignore[no-untyped-call]  # SQLAlchemy leaves this constructor untyped


def engine_for(
    url: URL,
    room: str,
    *,
    replica: str = "",
    pool_size: int = 6,
    only_reads: bool = False,
    plans_once: bool = False,
) -> AsyncEngine:
    """An engine whose every wait ends: connecting, acquiring, a statement, a dead peer. With `only_reads` it changes nothing.

    With `plans_once` a statement is planned once for a connection, and not for each value it is asked with.
    The room's schema is first on the search path. Parameters never appear in error texts (personal data).
    """
    engine = create_async_engine(
        url,
        pool_size=pool_size,
        max_overflow=2,
        pool_timeout=10,
        pool_recycle=1800,
        pool_use_lifo=True,  # the one just used knows its statements
        hide_parameters=True,
        json_serializer=to_json,
        connect_args={
            "timeout": 5,
            "command_timeout": 60,
            "server_settings": {
                "application_name": f"estafeta {room} {replica}".strip(),
                "search_path": room,
                "idle_in_transaction_session_timeout": "60000",
                "tcp_keepalives_idle": "5",
                "tcp_keepalives_interval": "2",
                "tcp_keepalives_count": "3",
                "tcp_user_timeout": "15000",
                "jit": "off",
                "timezone": "UTC",
                **({"default_transaction_read_only": "on"} if only_reads else {}),
                **({"plan_cache_mode": "force_generic_plan"} if plans_once else {}),
            },
        },
    )
    event.listen(engine.sync_engine, "checkout", _refuse_dead)
    return engine


def _refuse_dead(_: Any, record: Any, __: Any) -> None:
    """A connection that the server has ended meanwhile is not lent: the pool opens another in its place."""
    if record.driver_connection.is_closed():
        raise DisconnectionError


def to_json(value: Any) -> str:
    """Compact JSON; ids, moments and other named things become their text."""
    return _encode(value).decode()


def _as_json(value: Any) -> Any:
    """What only pydantic knows, or nobody; of what msgspec does know, what is no name of anything (a key)."""
    if value is None or isinstance(value, bool | tuple):
        return str(value)
    return pydantic_core.from_json(pydantic_core.to_json(value, fallback=str))


_encode = msgspec.json.Encoder(enc_hook=_as_json).encode


async def fetch(db: AsyncConnection, sql: str, *values: Any, is_last: bool = False) -> Sequence[RowMapping]:
    """Run one statement with `$1 …` parameters (lists are arrays) and return its rows as mappings.

    With `is_last` the transaction is committed with it, unless it fails.
    """
    rows = await _run(db, "fetch", sql, values, is_last=is_last)
    return cast(Sequence[RowMapping], [dict(row) for row in rows])


async def execute(db: AsyncConnection, sql: str, *values: Any) -> int:
    """Run one statement with `$1 …` parameters and return how many rows it touched."""
    done: str = await _run(db, "execute", sql, values)
    count = done.rpartition(" ")[2]
    return int(count) if count.isdigit() else 0


async def write(db: AsyncConnection, sql: str, *values: Any) -> None:
    """Run one statement of which nobody waits to hear: a small one goes to the server with the next of its transaction.

    What is wrong with it is raised by that one, or by the commit.
    """
    await _run(db, "fetch", sql, values, is_later=True)


async def commit(db: AsyncConnection) -> None:
    """Commit what was done on `db` since it was opened."""
    if db.in_transaction():  # SQLAlchemy was asked something as well: it ends what it has begun
        await db.commit()
        return
    adapted = _wrapped(db)
    if adapted._transaction is not None:
        try:
            await adapted._call_and_discard(adapted._transaction.commit)
        except Exception:
            await _after_fault(db, adapted)
            raise


async def _run(
    db: AsyncConnection, how: str, sql: str, values: Sequence[Any], *, is_last: bool = False, is_later: bool = False
) -> Any:
    """Ask the asyncpg connection under `db`, in a transaction unless each statement is to be one of its own.

    A statement takes a third of the time this way: for a single lead, which is half a hundred small statements in
    four rooms, that is most of its way. SQLAlchemy keeps what it is good at: the pool, transactions, tables, queries.
    """
    adapted = _wrapped(db)
    connection = adapted.driver_connection
    line = line_of(connection)
    if adapted._transaction is None and adapted.isolation_level != "autocommit":
        adapted._transaction = Transaction(connection)
    is_plain = how == "execute" and not values
    if not is_plain and is_prepared(connection, sql):
        line.holds = is_later and adapted._transaction is not None
        line.behind = COMMIT if is_last and not db.in_transaction() else b""
    commits = bool(line.behind)
    try:
        answer = await (_execute_plain(connection, sql) if is_plain else getattr(connection, how)(sql, *values))
        if commits:
            adapted._transaction = None
        elif is_last:
            await commit(db)
        return answer
    except Exception:
        await _after_fault(db, adapted)
        raise
    finally:
        line.holds, line.behind = False, b""  # if it never came to be sent


async def _execute_plain(connection: Any, sql: str) -> str:
    # asyncpg would send it in another way, behind which nothing can wait.
    statement = await connection.prepare(sql)
    await statement.fetch()
    return str(statement.get_statusmsg())


def _wrapped(db: AsyncConnection) -> Any:
    if db.sync_connection is None:
        raise RuntimeError("this connection has not been opened")
    return db.sync_connection.connection.dbapi_connection


async def _after_fault(db: AsyncConnection, adapted: Any) -> None:
    if adapted.driver_connection.is_closed():
        await db.invalidate()  # the pool must not lend it again


class Writing(NamedTuple):
    """A statement with its values for `$1 …`, and whether it returns rows."""

    sql: str
    values: Sequence[Any]
    has_rows: bool = False


async def run(db: AsyncConnection, writing: Writing) -> Sequence[RowMapping]:
    """Run a statement and return its rows; one that has none to return is written as `write` does."""
    if writing.has_rows:
        return await fetch(db, writing.sql, *writing.values)
    await write(db, writing.sql, *writing.values)
    return []


async def insert(
    db: AsyncConnection, table: Table, rows: Sequence[Mapping[str, Any]], *, then: str = ""
) -> Sequence[RowMapping]:
    """Insert all `rows` (same keys in each) with one statement, in their order.

    `then` is what follows, for example `on conflict do nothing returning id`.
    A JSONB column takes any JSON-able value. Array columns cannot be written this way: use JSONB.
    """
    if not rows:
        return []
    return await run(db, inserting(table, rows, then=then))


def inserting(table: Table, rows: Sequence[Mapping[str, Any]], *, only: str = "", then: str = "") -> Writing:
    """The statement that inserts `rows` (same keys in each, at least one) in their order.

    `only` may leave some out: what follows `from … n (names)`. `then` is what follows, as with `database.insert`.
    """
    names = tuple(rows[0])
    columns = []
    for name in names:
        cells = [row[name] for row in rows]
        if isinstance(table.c[name].type, JSON | JSONB):
            cells = [None if cell is None else to_json(cell) for cell in cells]
        columns.append(cells)
    values, shared = _packed(columns)
    return Writing(f"{_insert_sql(table, names, shared)} {only} {then}", values, "returning" in then)


def giving(rows: Sequence[Mapping[str, Any]], **types: str) -> Writing:
    """The statement that only hands `rows` over (at least one), each column by its name with its type in PostgreSQL.

    With `together` what several statements write of the same things is sent once.
    """
    values, shared = _packed([[row[name] for row in rows] for name in types])
    return Writing(_rows_sql(tuple(types.items()), shared), values)


def _packed(columns: Sequence[list[Any]]) -> tuple[list[Any], frozenset[int]]:
    """The columns as they are handed over, and which of them once for all rows: those of a single row, to spare packing
    and unpacking arrays, and of a list those that hold the same in every row, as most do."""
    rows = len(columns[0])
    once = {n for n, cells in enumerate(columns) if rows == 1 or (rows >= MANY and _are_one(cells))}
    if rows > 1 and len(once) == len(columns):  # something must say how many there are
        once.remove(0)
    return [cells[0] if n in once else cells for n, cells in enumerate(columns)], frozenset(once)


def _are_one(cells: Sequence[Any]) -> bool:
    first = cells[0]
    return bool(cells[-1] == first) and cells.count(first) == len(cells)


@cache
def _insert_sql(table: Table, names: tuple[str, ...], once: Set[int]) -> str:
    types = tuple((name, table.c[name].type.compile(_DIALECT)) for name in names)
    return f"insert into {table.fullname} ({', '.join(names)}) select n.* from ({_rows_sql(types, once)}) n"


@cache
def _rows_sql(types: tuple[tuple[str, str], ...], once: Set[int]) -> str:
    """The rows of which the columns numbered `once` are given once for all."""
    cells = ", ".join(f"${n + 1}::{kind} as {name}" if n in once else name for n, (name, kind) in enumerate(types))
    own = {name: f"${n + 1}::{kind}[]" for n, (name, kind) in enumerate(types) if n not in once}
    return f"select {cells}" + (f" from unnest({', '.join(own.values())}) u ({', '.join(own)})" if own else "")
