"""Several writes as one statement: their places are counted on, they read each other by name, and all come or none."""

from __future__ import annotations

import pytest
from sqlalchemy import Column, ForeignKey, Integer, MetaData, Table
from sqlalchemy.dialects.postgresql import JSONB

from shared.database import Writing, execute, fetch, inserting
from shared.together import together
from tests.integration.routing_house import DbOf

metadata = MetaData(schema="pg_temp")
above = Table("above", metadata, Column("id", Integer, primary_key=True), Column("what", JSONB))
below = Table("below", metadata, Column("id", Integer, ForeignKey(above.c.id)), Column("of", Integer))


async def test_what_one_writes_another_reads_by_its_name_and_may_name_in_its_rows(db_of: DbOf) -> None:
    async with db_of("routing") as db:
        await execute(db, "create temp table above (id int primary key, what jsonb)")
        await execute(db, 'create temp table below (id int references above, "of" int)')
        await execute(db, "insert into above values (2, null)")
        rows = await together(
            db,
            Writing("select id, $1::int + $2::int as sum from put order by id", [3, 4], has_rows=True),
            put=inserting(
                above,
                [{"id": n, "what": {"n": n} if n > 1 else None} for n in (1, 2, 3)],
                then="on conflict do nothing returning id",
            ),
            left=None,
            also=inserting(below, [{"id": n, "of": 10 * n} for n in (3, 2, 1)], only="join put using (id)"),
        )
        assert [dict(row) for row in rows] == [{"id": 1, "sum": 7}, {"id": 3, "sum": 7}]
        kept = await fetch(db, 'select id, what, "of" from above left join below using (id) order by id')
    assert [dict(row) for row in kept] == [
        {"id": 1, "what": None, "of": 10},
        {"id": 2, "what": None, "of": None},
        {"id": 3, "what": {"n": 3}, "of": 30},
    ]


async def test_a_single_row_is_written_like_many(db_of: DbOf) -> None:
    async with db_of("routing") as db:
        await execute(db, "create temp table above (id int primary key, what jsonb)")
        for rows in ([{"id": 1, "what": {"n": 1}}], [{"id": 1, "what": None}], [{"id": 2, "what": None}]):
            await together(db, inserting(above, rows, only="where n.id < 3", then="on conflict do nothing"))
        kept = await fetch(db, "select id, what from above order by id")
    assert [dict(row) for row in kept] == [{"id": 1, "what": {"n": 1}}, {"id": 2, "what": None}]


@pytest.mark.parametrize("count", [1, 12])
async def test_places_of_two_digits_are_counted_on_as_well(db_of: DbOf, count: int) -> None:
    places = " + ".join(f"${n}::int" for n in range(1, count + 1))
    async with db_of("routing") as db:
        values = list(range(count))
        [row] = await together(
            db,
            Writing(f"select {places} as last, first.sum from first", values, has_rows=True),
            first=Writing(f"select {places} as sum", values),
        )
    assert (row["last"], row["sum"]) == (sum(values), sum(values))
