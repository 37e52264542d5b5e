"""Several writes in one statement: a single lead pays for every way to the database and back more than for the writing."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from typing import Any

from sqlalchemy import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.database import Writing, run

_PLACE = re.compile(r"\$(\d+)")


async def together(db: AsyncConnection, last: Writing, **before: Writing | None) -> Sequence[RowMapping]:
    """Run these as one statement and return the rows of the last; it, and each of them, may read those before by name.

    None of them sees in the tables what another writes, so no two may write one row. What names a row that another
    inserts finds it: foreign keys are looked at when all is written.
    """
    parts = {name: one for name, one in before.items() if one is not None}
    values: list[Any] = []
    for one in (*parts.values(), last):
        values += one.values
    sql = _joined(last.sql, tuple((name, one.sql, len(one.values)) for name, one in parts.items()))
    return await run(db, Writing(sql, values, last.has_rows))


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
