"""Several writes in one statement: a single lead pays for every way to the database and back more than for the writing."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import RowMapping, Table
from sqlalchemy.dialects import postgresql
from sqlalchemy.dialects.postgresql import JSON, JSONB
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.database import fetch, to_json

_DIALECT = postgresql.dialect()  # type: ignore[no-untyped-call]  # SQLAlchemy leaves this constructor untyped
_PLACE = re.compile(r"\$(\d+)")


class Writing(NamedTuple):
    """A statement with its values for `$1 …`."""

    sql: str
    values: Sequence[Any]


def inserting(table: Table, rows: Sequence[Mapping[str, Any]], *, only: str = "", then: str = "") -> Writing:
    """The statement that inserts `rows` (same keys in each, at least one) in their order.

    `only` may leave some out: what follows `from … n (names)`. `then` is what follows, as with `database.insert`.
    A JSONB column takes any JSON-able value.
    """
    names = tuple(rows[0])
    columns = []
    for name in names:
        cells = [row[name] for row in rows]
        if isinstance(table.c[name].type, JSON | JSONB):
            cells = [None if cell is None else to_json(cell) for cell in cells]
        columns.append(cells)
    # To pack a single row in arrays, and to unpack it there, would cost more than to write it.
    values: list[Any] = columns if len(rows) > 1 else [cell for [cell] in columns]
    return Writing(f"{_insert_sql(table, names, len(rows) > 1)} {only} {then}", values)


@cache
def _insert_sql(table: Table, names: tuple[str, ...], are_many: bool) -> str:
    types = [table.c[name].type.compile(_DIALECT) for name in names]
    places = ", ".join(f"${n}::{kind}{'[]' if are_many else ''}" for n, kind in enumerate(types, 1))
    columns = ", ".join(names)
    rows = f"unnest({places})" if are_many else f"(values ({places}))"
    return f"insert into {table.fullname} ({columns}) select n.* from {rows} n ({columns})"


async def together(db: AsyncConnection, last: Writing, **before: Writing | None) -> Sequence[RowMapping]:
    """Run these as one statement and return the rows of the last; it, and each of them, may read those before by name.

    None of them sees in the tables what another writes, so no two may write one row. What names a row that another
    inserts finds it: foreign keys are looked at when all is written.
    """
    parts = {name: one for name, one in before.items() if one is not None}
    values: list[Any] = []
    for one in (*parts.values(), last):
        values += one.values
    return await fetch(
        db, _joined(last.sql, tuple((name, one.sql, len(one.values)) for name, one in parts.items())), *values
    )


@cache
def _joined(last: str, parts: tuple[tuple[str, str, int], ...]) -> str:
    """One text of many, the places of each counted on from those before."""
    place, texts = 0, []
    for name, sql, count in parts:
        texts.append(f"{name} as ({_from(sql, place)})")
        place += count
    return (f"with {', '.join(texts)} " if texts else "") + _from(last, place)


def _from(sql: str, place: int) -> str:
    return _PLACE.sub(lambda found: f"${int(found[1]) + place}", sql)
