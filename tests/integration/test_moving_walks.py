"""Whatever happens in whatever order, and wherever a room dies: nobody and nothing is ownerless at any moment (R2-23)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy.engine import URL

from shared.commands import (
    AcceptLead,
    DeclineLead,
    DismissStaff,
    HandoverOffice,
    MergeClients,
    SplitClients,
    TransferClient,
    UndoMove,
)
from shared.database import engine_for
from shared.events import ClientMoved, ClientsMerged, MoveBegun
from shared.message import ROOMS
from shared.words import Source
from tests.conftest import url_of
from tests.integration.moving_house import House, agrees, is_owned, stands
from tests.integration.routing_house import SALES, company

pytestmark = pytest.mark.timeout(300)  # hundreds of transactions each

CITIES = ("Москва", "Санкт-Петербург", "Казань", "Минск", "")
SELLERS = (*SALES, "sofia", "stepan", "akim", "head_spb", "head_kzn", "head_msk")


@pytest.fixture
async def house(database: URL, request: pytest.FixtureRequest) -> AsyncIterator[House]:
    seed, faults = getattr(request, "param", (1, 0.0))
    engines = {room: engine_for(url_of(database, room), room, pool_size=4) for room in ROOMS}
    made = House(engines, seed, faults)
    await made.tell(company())
    await made.settle()
    yield made
    for engine in engines.values():
        await engine.dispose()


class Walk:
    """A house in which things happen at random."""

    def __init__(self, house: House) -> None:
        self.house, self.chance = house, house.chance
        self.clients: list[UUID] = []
        self.moves: list[UUID] = []
        self.merges: list[UUID] = []
        self.leads = 0
        self.bases = 0
        self.done: dict[str, int] = {}

    async def go(self) -> None:
        """One thing that happens."""
        what = self.chance.choices(
            ["lead", "base", "touch", "answer", "transfer", "dismiss", "undo", "handover", "apply", "merge", "split"],
            [6, 1, 5, 4, 5, 2, 3, 1, 1, 2, 2],
        )[0]
        self.done[what] = self.done.get(what, 0) + 1
        await getattr(self, f"_{what}")()

    async def _lead(self) -> None:
        self.leads += 1
        source = self.chance.choice((Source.WEBSITE, Source.EVENT, Source.INBOUND_CALL))
        # every third one comes for a client who is known
        number = self.leads if self.leads % 3 else self.chance.randrange(self.leads) + 1
        lead = await self.house.lead(number, self.chance.choice(CITIES), source, name=f"lead {self.leads}")
        if lead.client_id not in self.clients:
            self.clients.append(lead.client_id)

    async def _base(self) -> None:
        self.bases += 1
        curators = [self.chance.choice((*SELLERS, None, "Неизвестный")) for _ in range(5)]
        await self.house.base(curators, 5000 + 10 * self.bases)

    async def _touch(self) -> None:
        sales = await self.house.rows("process", "select client_id, manager from processes where closed_at is null")
        if sales:
            sale = self.chance.choice(sorted(sales, key=lambda row: str(row["client_id"])))
            await self.house.touch(sale["client_id"], sale["manager"], end=self.chance.random() < 0.2)

    async def _transfer(self) -> None:
        if self.clients:
            to = self.chance.choice((*SELLERS, None))
            wish = TransferClient(client_id=self.chance.choice(self.clients), to=to, reason="a wish")
            self._note(await self.house.tell(wish))
            if self.chance.random() < 0.3:  # and at once to another
                wish = TransferClient(client_id=wish.client_id, to=self.chance.choice(SELLERS), reason="another wish")
                self._note(await self.house.tell(wish))

    async def _dismiss(self) -> None:
        to = self.chance.choice((*SELLERS, None, None, None))
        starts_at = (
            self.house.now + timedelta(minutes=self.chance.randrange(10)) if self.chance.random() < 0.3 else None
        )
        self._note(await self.house.tell(DismissStaff(staff=self.chance.choice(SELLERS), to=to, starts_at=starts_at)))

    async def _handover(self) -> None:
        office, to = self.chance.sample(["msk", "spb", "kzn"], 2)
        self._note(await self.house.tell(HandoverOffice(office=office, to_office=to)))

    async def _undo(self) -> None:
        if self.moves:
            await self.house.tell(UndoMove(move_id=self.chance.choice(self.moves), alone=self.chance.random() < 0.1))

    async def _apply(self) -> None:
        await self.house.tell(company())

    async def _merge(self) -> None:
        if len(self.clients) > 1:
            one, other = self.chance.sample(self.clients, 2)
            told = await self.house.tell(MergeClients(client_id=one, other_id=other, by="boss"))
            self.merges += [event.merge_id for event in told[:1] if isinstance(event, ClientsMerged)]

    async def _split(self) -> None:
        if self.merges:
            merge = self.merges.pop(self.chance.randrange(len(self.merges)))
            await self.house.tell(SplitClients(merge_id=merge, by="boss"))

    async def _answer(self) -> None:
        """A receiver takes a lead, or does not: then it goes to the next one."""
        asked = await self.house.rows(
            "routing",
            "select lead_id, receiver, attempt from decisions where answer = 'awaited' and not passed_on order by lead_id",
        )
        if not asked:
            return
        one = self.chance.choice(asked)
        if self.chance.random() < 0.3:
            await self.house.tell(AcceptLead(lead_id=one["lead_id"], by=one["receiver"]))
        else:
            await self.house.tell(DeclineLead(lead_id=one["lead_id"], by=one["receiver"], reason="too far"))

    def _note(self, events: list[Any]) -> None:
        self.moves += [event.move_id for event in events if isinstance(event, MoveBegun)]


@pytest.mark.rule("R2-23")
@pytest.mark.rule("G8")
@pytest.mark.rule("R4-11")
@pytest.mark.rule("R1-42")
@pytest.mark.parametrize("house", [(seed, 0.15) for seed in range(20, 28)], indirect=True)
async def test_nobody_and_nothing_is_ownerless_at_any_moment_of_any_history(house: House) -> None:
    walk = Walk(house)
    for _ in range(45):
        await walk.go()
        await is_owned(house)
        for _ in range(house.chance.randrange(4)):
            await house.hand_over(house.chance.randrange(12))
            await is_owned(house)
            await house.step()
            await is_owned(house)
    await house.settle()
    await is_owned(house)
    await agrees(house)
    assert house.crashes > 10, "rooms have died on the way"
    assert any(isinstance(event, ClientMoved) for event in house.said)


@pytest.mark.rule("R2-23")
@pytest.mark.parametrize("house", [(seed, 0.15) for seed in range(40, 45)], indirect=True)
async def test_a_dismissal_and_its_undo_leave_everything_as_it_was_whatever_stood_before(house: House) -> None:
    walk = Walk(house)
    for _ in range(25):
        await walk.go()
        await house.hand_over(house.chance.randrange(20))
    await house.settle()
    for who in house.chance.sample(SELLERS, 3):
        before = await stands(house)
        begun = await house.tell(DismissStaff(staff=who, to=house.chance.choice((None, "boss"))))
        moves = [event.move_id for event in begun if isinstance(event, MoveBegun)]
        if not moves:
            continue
        for _ in range(house.chance.randrange(4)):  # it may be undone while it is still under way
            await house.step()
            await house.hand_over(house.chance.randrange(20))
        await house.tell(UndoMove(move_id=moves[0]))
        await house.settle()
        after = await stands(house)
        for what in before:
            assert after[what] == before[what], (who, what)


@pytest.mark.rule("R2-23")
async def test_two_replicas_walk_at_once_while_leads_of_the_same_clients_arrive(house: House) -> None:
    await house.base(["anna"] * 200)  # four portions in all
    await house.base(["anna"] * 200, 8000)
    for n in range(12):
        await house.lead(n)
    await house.settle()
    move = await house.move(DismissStaff(staff="anna"))

    async def leads() -> None:
        for n in range(12):
            await house.lead(n, name=f"again {n}")
            await house.hand_over(20)

    async def replica() -> None:
        for _ in range(12):
            await house.step()
            await asyncio.sleep(0)

    await asyncio.gather(replica(), leads(), replica())
    await is_owned(house)
    await house.settle()
    await is_owned(house)
    await agrees(house)
    assert await house.state(move) == "done"
    rows = await house.rows("routing", "select client_id, count(*) from moved group by 1 having count(*) > 1")
    assert not rows, "each client was moved once"
    moved = [event for event in house.said if isinstance(event, ClientMoved)]
    assert len(moved) == len({event.client_id for event in moved}) >= 400
    assert not await house.rows("routing", "select from clients where 'anna' in (curator, open_with, given_to)")
