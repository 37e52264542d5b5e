"""What must never be untrue cannot be written by anybody: the database refuses it, whatever way it came."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy.engine import URL
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.database import engine_for
from tests.conftest import url_of

OPEN = (
    "insert into processes (id, client_id, lead_id, source, received_at, manager, office_id, pipeline, stage, "
    "opened_at, next_task) values ($1, $2, gen_random_uuid(), 'event', now(), 'petrova', 'msk', 'sale-1', 'opened', "
    "now(), $3)"
)
TASK = "insert into tasks (id, process_id, manager, kind, set_at) values ($1, $2, 'petrova', 'call', now())"
TOUCH = (
    "insert into touches (id, process_id, task_id, staff_id, kind, direction, touched_at, recorded_at, result, comment) "
    "values (gen_random_uuid(), $1, $2, 'petrova', 'call', 'outbound', now(), now(), $3, $4)"
)
CLOSE_TASK = "update tasks set is_open = false, closed_at = now(), how = 'done' where id = $1"


@pytest.fixture
async def engine(database: URL) -> AsyncIterator[AsyncEngine]:
    engine = engine_for(url_of(database, "process"), "process")
    yield engine
    await engine.dispose()


async def do(engine: AsyncEngine, *steps: tuple[Any, ...]) -> None:
    """All steps in one transaction, committed."""
    async with engine.begin() as db:
        for sql, *values in steps:
            await db.exec_driver_sql(sql, tuple(values))


async def is_refused(engine: AsyncEngine, by: str, *steps: tuple[Any, ...]) -> None:
    with pytest.raises(IntegrityError, match=by):
        await do(engine, *steps)


@pytest.fixture
async def sale(engine: AsyncEngine) -> tuple[UUID, UUID, UUID]:
    """An open sale: its id, its client, its open task."""
    process, client, task = uuid4(), uuid4(), uuid4()
    await do(engine, (OPEN, process, client, task), (TASK, task, process))
    return process, client, task


Sale = tuple[UUID, UUID, UUID]


@pytest.mark.rule("R4-11")
async def test_a_sale_cannot_open_without_a_task(engine: AsyncEngine) -> None:
    await is_refused(engine, "processes_open_has_next_task", (OPEN, uuid4(), uuid4(), None))
    await is_refused(engine, "processes_next_task", (OPEN, uuid4(), uuid4(), uuid4()))


@pytest.mark.rule("R4-11")
async def test_the_task_of_an_open_sale_cannot_be_closed_without_a_next_one(engine: AsyncEngine, sale: Sale) -> None:
    process, _, task = sale
    await is_refused(engine, "processes_next_task", (CLOSE_TASK, task))
    following = uuid4()
    await do(
        engine,
        (CLOSE_TASK, task),
        (TASK, following, process),
        ("update processes set next_task = $1 where id = $2", following, process),
    )


@pytest.mark.rule("R4-11")
async def test_the_task_of_an_open_sale_cannot_be_deleted_or_forgotten(engine: AsyncEngine, sale: Sale) -> None:
    process, _, task = sale
    await is_refused(engine, "processes_next_task", ("delete from tasks where id = $1", task))
    await is_refused(
        engine, "processes_open_has_next_task", ("update processes set next_task = null where id = $1", process)
    )


@pytest.mark.rule("R4-11")
async def test_the_task_of_another_sale_does_not_serve(engine: AsyncEngine, sale: Sale) -> None:
    process, _, task = sale
    other, its_task = uuid4(), uuid4()
    await do(engine, (OPEN, other, uuid4(), its_task), (TASK, its_task, other))
    await is_refused(
        engine,
        "processes_next_task",
        ("update processes set next_task = $1 where id = $2", its_task, process),
        (CLOSE_TASK, task),
    )


@pytest.mark.rule("R4-11")
async def test_whether_the_task_is_open_cannot_be_written_by_hand(engine: AsyncEngine, sale: Sale) -> None:
    with pytest.raises(Exception, match="task_is_open"):
        await do(engine, ("update processes set task_is_open = false where id = $1", sale[0]))


@pytest.mark.rule("R4-11")
async def test_a_sale_has_one_open_task_at_most(engine: AsyncEngine, sale: Sale) -> None:
    await is_refused(engine, "tasks_one_open", (TASK, uuid4(), sale[0]))


@pytest.mark.rule("R4-11")
async def test_a_closed_sale_keeps_no_task(engine: AsyncEngine, sale: Sale) -> None:
    lost = "update processes set stage = 'lost', reason = 'No budget', closed_at = now()"
    await is_refused(engine, "processes_open_has_next_task", (lost,))
    await do(engine, (CLOSE_TASK, sale[2]), (f"{lost}, next_task = null",))


@pytest.mark.rule("R1-42")
async def test_a_client_has_one_open_sale_at_most(engine: AsyncEngine, sale: Sale) -> None:
    _, client, task = sale
    second, its_task = uuid4(), uuid4()
    await is_refused(engine, "processes_one_open", (OPEN, second, client, its_task), (TASK, its_task, second))
    await do(
        engine,
        (CLOSE_TASK, task),
        ("update processes set stage = 'lost', reason = 'No budget', closed_at = now(), next_task = null",),
        (OPEN, second, client, its_task),
        (TASK, its_task, second),
    )


@pytest.mark.rule("R4-10")
@pytest.mark.rule("R0-15")
@pytest.mark.parametrize(
    ("result", "comment"), [(None, "talked"), ("", "talked"), ("reached", None), ("reached", " \n\t")]
)
async def test_a_touch_without_result_or_comment_cannot_be_stored(
    engine: AsyncEngine, sale: Sale, result: str | None, comment: str | None
) -> None:
    process, _, task = sale
    await do(engine, (TOUCH, process, task, "reached", "talked"))
    await is_refused(engine, "touches|result|comment", (TOUCH, process, task, result, comment))


@pytest.mark.rule("stages")
@pytest.mark.parametrize(
    ("change", "by"),
    [
        ("stage = 'won', closed_at = now(), next_task = null", "processes_won_by_contract"),
        ("stage = 'lost', closed_at = now(), next_task = null", "processes_lost_for_a_reason"),
        ("stage = 'lost', reason = 'x'", "processes_closed_as_staged"),
        ("closed_at = now(), next_task = null", "processes_closed_as_staged"),
        ("stage = 'deferred'", "processes_deferred_from"),
        ("stage_before_deferral = 'proposal'", "processes_deferred_from"),
    ],
)
async def test_a_stage_that_its_guard_would_refuse_cannot_be_stored(
    engine: AsyncEngine, sale: Sale, change: str, by: str
) -> None:
    await is_refused(engine, by, (CLOSE_TASK, sale[2]), (f"update processes set {change}",))
