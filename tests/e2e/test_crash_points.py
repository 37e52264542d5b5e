"""A room dies at every await of the critical path, once before and once after it, and the result is as if it had not."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.engine import URL

from shared.message import ROOMS, id_of
from shared.provision import readings_of
from tests.chaos.verdict import PROMISES
from tests.crash.stage import NEWS, SYSTEM, WISHES, Stage, stage

_DYING, _CALM = 600.0, 90.0  # on two cores of its own it takes a tenth of that


@pytest.mark.crash
@pytest.mark.timeout(780)
@pytest.mark.rule("R0-10")
async def test_dying_at_any_await_of_the_critical_path_changes_nothing(
    tmp_path: Path, database: URL, nats_url: str
) -> None:
    async with stage(tmp_path / "stage", database, nats_url) as at:
        await _die_everywhere(at)
        broken = await _come_to_rest(at)
        assert at.unasked() == "", "nobody dies but in a trap"
        assert not broken, "\n".join(f"{promise}: {wrong}" for promise, wrong in broken.items())


async def _die_everywhere(at: Stage) -> None:
    """Work and trouble, until a room has died at every point."""
    began = time.monotonic()
    work, trouble = asyncio.create_task(at.work()), asyncio.create_task(at.trouble())
    try:
        while at.missed() and time.monotonic() < began + _DYING:
            for one in (work, trouble):
                if one.done():
                    one.result()
            await asyncio.sleep(0.2)
        assert not (missed := at.missed()), f"nobody died at {missed}"
        await trouble
    finally:
        at.enough = True
        trouble.cancel()
        await asyncio.gather(work, trouble, return_exceptions=True)


async def _come_to_rest(at: Stage) -> dict[str, Any]:
    """What is broken a minute after the last death, if anything is."""
    until = time.monotonic() + _CALM
    while (broken := await _broken(at)) and time.monotonic() < until:  # noqa: ASYNC110  # other processes change it
        await asyncio.sleep(0.5)
    return broken


async def _broken(at: Stage) -> dict[str, Any]:
    """Every promise that does not hold, with what is wrong."""
    broken: dict[str, Any] = {promise: found for promise, (_, sql) in PROMISES.items() if (found := await at.look(sql))}
    for room in ROOMS:
        for reading in readings_of(room):
            if waits := await at.backlog(reading):
                broken[f"{reading.durable} has done all its work"] = waits
        if unsent := await at.look(f"select * from {room}.unsent"):
            broken[f"{room} has sent all that it said"] = unsent
    return broken | await _miscounted(at) | await _misburied(at)


async def _miscounted(at: Stage) -> dict[str, Any]:
    """What the bus took is stored once, and nothing else is."""
    leads = await at.look("select external_id from intake.submissions where source_system = :system", system=SYSTEM)
    [[rows]] = await at.look("select count(*) from intake.submissions where import_id is not null")
    touches = await at.look(
        "select id from process.touches union all"
        " select (payload::jsonb->>'touch_id')::uuid from process.outbox where type = 'TouchRefused.v1'"
    )
    counted = {
        "each lead is stored once": (Counter(row.external_id for row in leads), Counter(at.leads)),
        "each row of a list is stored once": (rows, at.rows),
        "each touch is recorded or refused, once": (
            Counter(row.id for row in touches),
            Counter(id_of(id_, "touch") for id_ in at.touches),
        ),
    }
    return {promise: (here, there) for promise, (here, there) in counted.items() if here != there}


async def _misburied(at: Stage) -> dict[str, Any]:
    """Poison is kept once wherever it came, and told of once; what a room could not bear was taken up again."""
    broken: dict[str, Any] = {}
    for room in ROOMS:
        rows = await at.look(f"select id, subject, state, settled_why from {room}.dead_letters order by id")
        dead = Counter(row.subject for row in rows if row.state == "dead")
        if dead != Counter(poison.subject for poison in (*WISHES, *NEWS) if room in poison.rooms):
            broken[f"{room} keeps each poison once"] = dead
        if [row.settled_why for row in rows if row.state != "dead"] != ["applied"]:
            broken[f"{room} has taken up again what it could not bear"] = rows
        told = await at.look(
            f"select (payload::jsonb->>'letter')::bigint as id from {room}.outbox where type = 'MessageDied.v1'"
        )
        if sorted(row.id for row in told) != [row.id for row in rows]:
            broken[f"{room} has told of each dead letter once"] = (told, rows)
    return broken
