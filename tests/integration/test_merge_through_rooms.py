"""A merge goes through all four rooms, in whatever order its tellings arrive, and a split takes it back."""

from __future__ import annotations

import importlib
from collections import defaultdict, deque
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

import pytest
from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.commands import JudgeReview, LeadFields, MergeClients, RecordTouch, SplitClients, SubmitLead
from shared.database import engine_for, fetch
from shared.events import ClientsMerged, LeadAccepted
from shared.message import ROOMS, Batch, Command, Event, Heard, NotYet
from shared.words import Source
from tests.conftest import url_of
from tests.integration.routing_house import company

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
FREZER = {"company": "ООО «Фрезер»", "phone": "+7 (846) 201-30-40", "email": "demin@frezer.ru", "city": "Москва"}
HOUSE = {"company": "Торговый дом «Фрезер»", "phone": "+7 846 201-30-40", "city": "Москва"}


class House:
    """The four rooms on one database; tellings are handed over one by one, each history in order, else in any order."""

    def __init__(self, engines: dict[str, AsyncEngine], seed: int) -> None:
        self.engines, self.chance, self.now = engines, Random(seed), NOW
        self.rooms = {name: importlib.import_module(f"services.{name}.app").ROOM for name in ROOMS}
        self.waiting: dict[tuple[str, str], deque[Heard[Any]]] = defaultdict(deque)
        self.postponed = 0

    async def tell(self, command: Command, room: str = "intake") -> list[Event]:
        """Have a command handled, and queue what is said of it."""
        self.now += timedelta(minutes=1)
        cause = uuid5(NAMESPACE_URL, f"{self.now} {command!r}")
        return await self._handle(room, Heard(cause, cause, is_command=True, message=command, at=self.now))

    async def _handle(self, room: str, heard: Heard[Any]) -> list[Event]:
        async with self.engines[room].begin() as db:
            said = await self.rooms[room].handlers[type(heard.message)](Batch([heard], self.now), db)
        events = []
        for nth, saying in enumerate(said):
            event = saying.event
            events.append(event)
            for listener in ROOMS:
                if type(event) in self.rooms[listener].handlers:
                    about = Heard(heard.new_id(f"{nth}"), heard.correlation, message=event, at=self.now)
                    self.waiting[listener, f"{room}:{event.aggregate()}"].append(about)
        return events

    async def settle(self, most: int = 1_000_000) -> None:
        """Hand over what waits, `most` tellings of it; what cannot be applied yet is tried again later."""
        refused: set[tuple[str, str]] = set()
        while most > 0 and (ready := [line for line, queue in self.waiting.items() if queue and line not in refused]):
            line = self.chance.choice(ready)
            try:
                await self._handle(line[0], self.waiting[line][0])
            except NotYet:
                refused.add(line)
                self.postponed += 1
                continue
            self.waiting[line].popleft()
            refused.clear()
            most -= 1
        if most > 0:
            stuck = {line: type(queue[0].message).__name__ for line, queue in self.waiting.items() if queue}
            assert not stuck

    async def rows(self, room: str, sql: str) -> list[dict[str, Any]]:
        async with self.engines[room].begin() as db:
            return [dict(row) for row in await fetch(db, sql)]

    async def lead(self, n: int, fields: dict[str, str]) -> LeadAccepted:
        """Bring a lead of the web site."""
        wish = SubmitLead(
            source_system="site", external_id=str(n), source=Source.WEBSITE, fields=LeadFields.model_validate(fields)
        )
        [event] = await self.tell(wish)
        assert isinstance(event, LeadAccepted)
        return event


@pytest.fixture
async def house(database: URL, request: pytest.FixtureRequest) -> AsyncIterator[House]:
    engines = {room: engine_for(url_of(database, room), room, pool_size=1) for room in ROOMS}
    made = House(engines, getattr(request, "param", 1))
    await made.tell(company(), "routing")
    await made.settle()
    yield made
    for engine in engines.values():
        await engine.dispose()


async def stands(house: House) -> dict[str, Any]:
    """How clients, sales, tasks, deadlines and the ledger stand, without the ids of tasks, which are never used twice."""
    return {
        "clients": await house.rows("routing", "select * from clients order by client_id"),
        "ledger": await house.rows("routing", "select pool_id, staff_id, balance from ledger order by 1, 2"),
        "shares": await house.rows(
            "routing", "select lead_id, given_back_at is null as counts from decisions order by 1"
        ),
        "sales": await house.rows(
            "process", "select id, client_id, manager, stage, closed_at, joined_into, reason from processes order by id"
        ),
        "tasks": await house.rows(
            "process",
            "select process_id, kind, due_at, note, manager from tasks where is_open order by process_id",
        ),
        "deadlines": await house.rows(
            "reminders",
            "select process_id, client_id, manager, kind, due_at, by_rule from deadlines where state = 'open'"
            " order by process_id",
        ),
    }


async def is_in_order(house: House) -> None:
    """What must hold once everything was heard, whatever was merged and split."""
    clients = {
        row["id"]: row["root"] or row["id"] for row in await house.rows("intake", "select id, root from clients")
    }
    miscounted = await house.rows(
        "intake",
        "select s.h, s.df, count(distinct coalesce(c.root, c.id)) from key_stats s join client_keys k using (h)"
        " join clients c on c.id = k.client_id group by s.h, s.df having s.df <> count(distinct coalesce(c.root, c.id))",
    )
    assert not miscounted, "a key counts each client that holds it once"
    sales = await house.rows("process", "select * from processes where closed_at is null")
    assert len({sale["client_id"] for sale in sales}) == len(sales), "R1-42"
    assert all(clients[sale["client_id"]] == sale["client_id"] for sale in sales), "an open sale of a client who lost"
    known = {row["client_id"]: row for row in await house.rows("routing", "select * from clients")}
    told = {id_: (row["process_id"], row["open_with"]) for id_, row in known.items() if row["process_id"]}
    assert told == {sale["client_id"]: (sale["id"], sale["manager"]) for sale in sales}
    assert not [row for row in known.values() if row["given_to"] or row["given_lead"]]
    tasks = await house.rows("process", "select id, process_id from tasks where is_open")
    assert {task["process_id"] for task in tasks} == {sale["id"] for sale in sales}, "R4-11"
    deadlines = await house.rows(
        "reminders", "select task_id, client_id, process_id from deadlines where state = 'open'"
    )
    of_sale = {sale["id"]: sale["client_id"] for sale in sales}
    assert {(one["task_id"], one["client_id"]) for one in deadlines} == {
        (task["id"], of_sale[task["process_id"]]) for task in tasks
    }
    owed = await house.rows("routing", "select pool_id, sum(balance) as owed from ledger group by 1")
    assert all(row["owed"] == 0 for row in owed)


async def the_waiting(house: House) -> list[UUID]:
    return [row["id"] for row in await house.rows("intake", "select id from reviews where state = 'waiting'")]


@pytest.mark.rule("R1-33")
@pytest.mark.rule("R1-42")
@pytest.mark.rule("R4-11")
@pytest.mark.rule("G6")
@pytest.mark.parametrize("house", range(1, 7), indirect=True)
async def test_two_sales_of_one_client_become_one_and_part_again(house: House) -> None:
    known, lead = await house.lead(1, FREZER), await house.lead(2, HOUSE)
    await house.settle()
    before = await stands(house)
    assert len(before["sales"]) == 2
    if before["sales"][0]["manager"] == before["sales"][1]["manager"]:
        pytest.fail("both went to one manager: this proves nothing")
    await house.tell(JudgeReview(reviews=await the_waiting(house), verdict="same", by="boss"))
    await house.settle()
    await is_in_order(house)
    merged = await stands(house)
    [open_sale] = [sale for sale in merged["sales"] if sale["closed_at"] is None]
    assert open_sale["client_id"] == known.client_id
    [joined] = [sale for sale in merged["sales"] if sale["joined_into"]]
    assert joined["joined_into"] == open_sale["id"]
    assert sorted(row["counts"] for row in merged["shares"]) == [False, True], "one client, one share"
    later = await house.lead(3, HOUSE)
    assert later.client_id == known.client_id
    await house.settle()
    shown = await house.rows("process", f"select process_id from leads where id = '{later.lead_id}'")
    assert shown == [{"process_id": open_sale["id"]}]
    [merge] = await house.rows("intake", "select id from merges")
    await house.tell(SplitClients(merge_id=merge["id"], by="boss"))
    await house.settle()
    await is_in_order(house)
    after = await stands(house)
    after["shares"] = [row for row in after["shares"] if row["lead_id"] != later.lead_id]
    assert after == before
    assert (await house.lead(4, HOUSE)).client_id == lead.client_id


@pytest.mark.rule("R1-42")
async def test_the_sale_that_has_come_further_goes_on(house: House) -> None:
    known = await house.lead(1, FREZER)
    lead = await house.lead(2, HOUSE)
    await house.settle()
    [sale] = await house.rows("process", f"select * from processes where client_id = '{lead.client_id}'")
    touch = RecordTouch.model_validate(
        {
            "process_id": sale["id"],
            "by": sale["manager"],
            "kind": "call",
            "result": "reached",
            "comment": "Wants an offer",
            "next": {"kind": "offer", "due_at": NOW + timedelta(days=2)},
        }
    )
    await house.tell(touch, "process")
    await house.settle()
    pair = {"client_id": known.client_id, "other_id": lead.client_id, "by": "boss"}
    told = await house.tell(MergeClients(**pair))
    assert isinstance(told[0], ClientsMerged)
    await house.settle()
    await is_in_order(house)
    [going] = await house.rows("process", "select * from processes where closed_at is null")
    assert (going["id"], going["client_id"], going["stage"]) == (sale["id"], known.client_id, "contacted")
    [task] = await house.rows("process", "select * from tasks where is_open")
    assert (task["kind"], task["due_at"]) == ("offer", NOW + timedelta(days=2))


@pytest.mark.parametrize("house", range(10, 14), indirect=True)
async def test_any_merges_and_splits_in_any_order_leave_the_house_in_order(house: House) -> None:
    clients: list[UUID] = []
    for n in range(8):
        fields = {"company": f"ООО «Вектор {n}»", "phone": f"+7 495 201-30-4{n}", "city": "Москва"}
        clients.append((await house.lead(n, fields)).client_id)
    await house.settle()
    before = await stands(house)
    merges: list[UUID] = []
    for _ in range(24):
        await house.settle(house.chance.randrange(12))
        if merges and house.chance.random() < 0.4:
            await house.tell(SplitClients(merge_id=merges.pop(house.chance.randrange(len(merges))), by="boss"))
            continue
        one, other = house.chance.sample(clients, 2)
        told = await house.tell(MergeClients(client_id=one, other_id=other, by="boss"))
        merges += [event.merge_id for event in told[:1] if isinstance(event, ClientsMerged)]
    await house.settle()
    await is_in_order(house)
    while merges:
        await house.tell(SplitClients(merge_id=merges.pop(house.chance.randrange(len(merges))), by="boss"))
        await house.settle(house.chance.randrange(12))
    await house.settle()
    await is_in_order(house)
    after = await stands(house)
    for what, rows in before.items():
        assert after[what] == rows, what
