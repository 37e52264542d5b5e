"""A touch that names a client who was merged is recorded in the sale of the one who goes on."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy.engine import URL

from shared.commands import MergeClients, NextAction, RecordTouch, SplitClients
from shared.database import engine_for
from shared.events import ClientsMerged, TouchRecorded, TouchRefused
from shared.message import ROOMS
from shared.words import TaskKind, TouchKind, TouchResult
from tests.conftest import url_of
from tests.integration.routing_house import company
from tests.integration.test_merge_through_rooms import NOW, House


@pytest.fixture
async def house(database: URL) -> AsyncIterator[House]:
    engines = {room: engine_for(url_of(database, room), room, pool_size=1) for room in ROOMS}
    made = House(engines, 1)
    await made.tell(company(), "routing")
    await made.settle()
    yield made
    for engine in engines.values():
        await engine.dispose()


@pytest.mark.rule("R0-13")
@pytest.mark.rule("R1-42")
async def test_a_touch_of_a_merged_client_is_followed_to_the_one_who_goes_on_and_back_after_the_split(
    house: House,
) -> None:
    first, second, third = [
        (await house.lead(n, {"company": f"ООО «Завод {n}»", "phone": f"+7 846 270-10-1{n}"})).client_id
        for n in range(3)
    ]
    await house.settle()

    async def touch(client_id: UUID, of: UUID) -> TouchRecorded | TouchRefused:
        sales = await house.rows("process", "select client_id, manager from processes where closed_at is null")
        manager = next(sale["manager"] for sale in sales if sale["client_id"] == of)
        command = RecordTouch.model_validate(
            {
                "client_id": client_id,
                "by": manager,
                "kind": TouchKind.CALL,
                "result": TouchResult.REACHED,
                "comment": "поговорили",
                "next": NextAction(kind=TaskKind.CALL, due_at=NOW + timedelta(days=3)),
            }
        )
        told = await house.tell(command, "process")
        await house.settle()
        [one] = [event for event in told if isinstance(event, TouchRecorded | TouchRefused)]
        return one

    merges = []
    for survivor, loser in ((second, third), (first, second)):
        told = await house.tell(MergeClients(client_id=survivor, other_id=loser, by="boss", survivor_id=survivor))
        merges.append(next(event for event in told if isinstance(event, ClientsMerged)))
        await house.settle()
    assert (merges[1].survivor_id, merges[1].loser_id) == (first, second)
    for client in (first, second, third):
        recorded = await touch(client, first)
        assert isinstance(recorded, TouchRecorded), recorded
        assert recorded.client_id == first, "merged into one who was merged"
    await house.tell(SplitClients(merge_id=merges[1].merge_id, by="boss"))
    await house.settle()
    recorded = await touch(third, second)
    assert isinstance(recorded, TouchRecorded), recorded
    assert recorded.client_id == second
