"""The process room on a real database: sales open and join, touches are recorded whole or not at all."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import AsyncEngine

from services.process import answers, handlers, opening
from services.process.rules.lifecycle import NEWEST
from shared.commands import RecordTouch
from shared.database import engine_for, fetch, to_json
from shared.events import (
    LeadAssigned,
    LeadJoined,
    OfficeChanged,
    ProcessClosed,
    ProcessOpened,
    SetMeeting,
    StaffChanged,
    StageMoved,
    TaskClosed,
    TaskSet,
    TouchRecorded,
    TouchRefused,
)
from shared.ledger import Book
from shared.letter import Letter, encode_command
from shared.message import Batch, Event, Heard, Message, NotYet
from shared.questions import CountProcessProgress, ShowProcess
from shared.unit import Unit
from shared.words import Function, Source, Stage, TaskKind
from tests.conftest import url_of

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
NEXT = {"next": {"kind": "call", "due_at": NOW + timedelta(days=1), "note": "Ask again"}}
STAFF = [
    ("petrova", "msk", Function.SALES),
    ("ivanov", "msk", Function.SALES),
    ("orlova", "msk", Function.HEAD),
]


@dataclass
class Room:
    """The process room with a database of its own; every call is one transaction."""

    engine: AsyncEngine

    async def hears(self, handler: Any, messages: Iterable[Message], now: datetime = NOW) -> list[Event]:
        batch = Batch([heard(message) for message in messages], now)
        async with self.engine.begin() as db:
            return [saying.event for saying in await handler(batch, db)]

    async def opens(self, *leads: LeadAssigned) -> list[Event]:
        return await self.hears(opening.open_or_join, leads)

    async def touched(self, *touches: RecordTouch, now: datetime = NOW) -> list[Event]:
        return await self.hears(handlers.record_touches, touches, now)

    async def rows(self, sql: str, *values: Any) -> list[dict[str, Any]]:
        async with self.engine.begin() as db:
            return [dict(row) for row in await fetch(db, sql, *values)]

    async def shows(self, id_: UUID) -> dict[str, Any]:
        async with self.engine.begin() as db:
            return await answers.show_process(ShowProcess(id=id_), db)


def heard(message: Message) -> Heard[Any]:
    id_ = uuid4()
    return Heard(id_, id_, is_command=isinstance(message, RecordTouch), message=message, at=NOW)


@pytest.fixture
async def room(database: URL) -> AsyncIterator[Room]:
    engine = engine_for(url_of(database, "process"), "process")
    room = Room(engine)
    await room.hears(
        handlers.learn_staff,
        [StaffChanged(staff_id=id_, name=id_.title(), office_id=o, function=f) for id_, o, f in STAFF],
    )
    yield room
    await engine.dispose()


def office(**facts: Any) -> OfficeChanged:
    whole = {
        "office_id": "msk",
        "name": "Москва",
        "time_zone": "Europe/Moscow",
        "hours": "Mon-Fri 09:00-18:00",
        "calendar": "RU",
        "head": "orlova",
    }
    return OfficeChanged.model_validate({**whole, **facts})


def lead(client: UUID | None = None, **facts: Any) -> LeadAssigned:
    whole = {
        "lead_id": uuid4(),
        "client_id": client or uuid4(),
        "manager": "petrova",
        "office_id": "msk",
        "rule": "R1-37",
        "source": Source.EVENT,
        "received_at": NOW - timedelta(hours=1),
        "region": "RU-MOW",
        "company": "Ромашка",
        "contact": "Сидоров",
        "phone": "+74951234567",
        "interest": "насосы",
    }
    return LeadAssigned.model_validate({**whole, **facts})


def touch(client: UUID, result: str | None = "reached", kind: str = "call", **facts: Any) -> RecordTouch:
    whole = {"client_id": client, "by": "petrova", "kind": kind, "result": result, "comment": "Wants a price.", **NEXT}
    return RecordTouch.model_validate({k: v for k, v in {**whole, **facts}.items() if v is not None})


def names(events: Sequence[Event]) -> list[str]:
    return [type(event).__name__ for event in events]


def only(events: Sequence[Event], kind: type[Any]) -> Any:
    (found,) = [event for event in events if isinstance(event, kind)]
    return found


# ── opening ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.rule("R1-34")
@pytest.mark.rule("R4-11")
async def test_a_lead_of_a_client_without_a_sale_opens_one_with_its_first_task(room: Room) -> None:
    import_id = uuid4()
    came = lead(import_id=import_id)
    opened, task = await room.opens(came)
    assert isinstance(opened, ProcessOpened)
    assert isinstance(task, TaskSet)
    assert (opened.client_id, opened.lead_id, opened.manager) == (came.client_id, came.lead_id, "petrova")
    assert (task.kind, task.due_at, task.lead_id, task.note) == (TaskKind.CALL, None, came.lead_id, "насосы")
    (row,) = await room.rows("select * from processes")
    assert (row["id"], row["stage"], row["pipeline"], row["next_task"]) == (
        opened.process_id,
        "opened",
        NEWEST,
        task.task_id,
    )


@pytest.mark.rule("R1-33")
@pytest.mark.rule("R1-42")
async def test_a_lead_of_a_client_with_an_open_sale_joins_it_and_its_manager_keeps_it(room: Room) -> None:
    first = lead()
    opened, task = await room.opens(first)
    (joined,) = await room.opens(lead(first.client_id, manager="ivanov", source=Source.WEBSITE))
    assert isinstance(joined, LeadJoined)
    assert isinstance(opened, ProcessOpened)
    assert isinstance(task, TaskSet)
    assert (joined.process_id, joined.manager) == (opened.process_id, "petrova")
    shown = await room.shows(joined.lead_id)
    assert shown["open_task"]["id"] == task.task_id
    assert [(one["joined"], one["assigned_to"]) for one in shown["leads"]] == [(False, "petrova"), (True, "ivanov")]
    # routing meant him as the next of a sale that was about to go on, and did not
    [kept] = await room.opens(lead(first.client_id, manager="ivanov", rule="R1-33"))
    assert isinstance(kept, LeadJoined)
    [row] = [one for one in (await room.shows(kept.lead_id))["leads"] if one["id"] == kept.lead_id]
    assert (row["joined"], row["assigned_to"]) == (True, "petrova")


async def test_a_batch_opens_and_joins_side_by_side_and_progress_counts_it(room: Room) -> None:
    import_id = uuid4()
    known = [lead() for _ in range(40)]
    await room.opens(*known)
    fresh = [lead(import_id=import_id) for _ in range(60)]
    again = [lead(one.client_id, import_id=import_id) for one in known]
    events = await room.opens(*fresh, *again)
    assert names(events) == ["ProcessOpened", "TaskSet"] * 60 + ["LeadJoined"] * 40
    async with room.engine.begin() as db:
        counted = await answers.count_process_progress(CountProcessProgress(import_id=import_id), db)
    assert counted == {"opened": 60, "joined": 40, "withdrawn": 0, "tasks": 60, "last_at": NOW}


@pytest.mark.rule("R1-42")
async def test_two_replicas_that_meet_the_same_new_clients_open_one_sale_for_each(room: Room) -> None:
    clients = [uuid4() for _ in range(60)]
    both = await asyncio.gather(
        room.opens(*[lead(client, manager="petrova") for client in clients]),
        room.opens(*[lead(client, manager="ivanov") for client in reversed(clients)]),
        room.opens(*[lead(client, manager="orlova") for client in clients]),
    )
    said = names([event for events in both for event in events])
    assert (said.count("ProcessOpened"), said.count("LeadJoined"), said.count("TaskSet")) == (60, 120, 60)
    assert await room.rows("select client_id from processes group by 1 having count(*) > 1") == []
    assert await room.rows("select count(*) n from tasks where is_open") == [{"n": 60}]


async def test_replicas_that_take_clients_in_different_orders_do_not_wait_in_a_ring(room: Room) -> None:
    clients = [UUID(int=1), UUID(int=2), UUID(int=3)]
    async with room.engine.connect() as db:  # a third replica that has the middle one in hand, and fails
        await opening.open_or_join(Batch([heard(lead(clients[1]))], NOW), db)
        both = [
            asyncio.create_task(room.opens(*[lead(client) for client in order])) for order in (clients, clients[::-1])
        ]
        await asyncio.sleep(0.4)
        await db.rollback()
    said = names([event for events in await asyncio.gather(*both) for event in events])
    assert (said.count("ProcessOpened"), said.count("LeadJoined")) == (3, 3)


@pytest.mark.rule("R1-34")
async def test_a_client_whose_sale_was_lost_gets_a_new_one(room: Room) -> None:
    first = lead()
    await room.opens(first)
    await room.touched(touch(first.client_id, "refused", next=None, end={"reason": "No budget"}))
    assert names(await room.opens(lead(first.client_id, manager="ivanov"))) == ["ProcessOpened", "TaskSet"]
    shown = await room.shows(first.client_id)
    assert shown["process"]["manager"] == "ivanov"  # a client's sale is the open one
    assert (await room.shows(first.lead_id))["process"]["stage"] == "lost"


async def test_a_lead_that_arrives_while_the_sale_is_being_lost_opens_a_new_one(room: Room) -> None:
    first = lead()
    await room.opens(first)
    async with room.engine.begin() as db:
        end = touch(first.client_id, "refused", next=None, end={"reason": "No budget"})
        await handlers.record_touches(Batch([heard(end)], NOW), db)
        waiting = asyncio.create_task(room.opens(lead(first.client_id)))
        await asyncio.sleep(0.3)
        assert not waiting.done()  # it cannot know yet whether the sale stays open
    assert names(await waiting) == ["ProcessOpened", "TaskSet"]


async def test_a_sale_does_not_close_under_a_lead_that_joins_it(room: Room) -> None:
    first = lead()
    await room.opens(first)
    async with room.engine.begin() as db:
        said = await opening.open_or_join(Batch([heard(lead(first.client_id))], NOW), db)
        end = touch(first.client_id, "refused", next=None, end={"reason": "No budget"})
        waiting = asyncio.create_task(room.touched(end))
        await asyncio.sleep(0.3)
        assert not waiting.done()
    assert names([saying.event for saying in said]) == ["LeadJoined"]
    assert names(await waiting)[-1] == "ProcessClosed"


# ── touching ────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.rule("R0-13")
@pytest.mark.rule("R0-16")
@pytest.mark.rule("R4-11")
async def test_a_touch_closes_the_open_task_and_sets_the_next(room: Room) -> None:
    came = lead()
    first = only(await room.opens(came), TaskSet)
    events = await room.touched(touch(came.client_id, "interested", resources="catalogue"))
    assert names(events) == ["TouchRecorded", "StageMoved", "TaskClosed", "TaskSet"]
    assert only(events, StageMoved).to_stage is Stage.CONTACTED
    closed, task = only(events, TaskClosed), only(events, TaskSet)
    assert (closed.task_id, closed.how) == (first.task_id, "done")
    assert (task.due_at, task.note, task.manager) == (NOW + timedelta(days=1), "Ask again", "petrova")
    shown = await room.shows(came.client_id)
    assert shown["open_task"]["id"] == task.task_id
    assert shown["last_touch"]["comment"] == "Wants a price."
    assert [one["how"] for one in shown["tasks"]] == [None, "done"]


@pytest.mark.rule("R4-03")
async def test_an_attempt_that_failed_is_a_touch(room: Room) -> None:
    came = lead()
    await room.opens(came)
    events = await room.touched(touch(came.client_id, "no_answer"))
    assert names(events) == ["TouchRecorded", "TaskClosed", "TaskSet"]


@pytest.mark.rule("stages")
@pytest.mark.rule("R2-12")
async def test_a_sale_is_walked_to_won_and_its_history_stands(room: Room) -> None:
    came = lead()
    await room.opens(came)
    client = came.client_id
    meeting = {"at": NOW + timedelta(days=2), "place": "Тверская, 1", "holder": "petrova"}
    contract = {"number": "17/26", "signed_on": "2026-11-24", "amount": 125_000_00}
    told = only((await room.touched(touch(client, "agreed", move_to="meeting_set", meeting=meeting)))[2:], StageMoved)
    agreed = {"at": NOW + timedelta(days=2), "until": NOW + timedelta(days=2, hours=1), "company": came.company}
    assert told.meeting == SetMeeting(holder=None, **agreed), "his own, for an hour"
    longer = {**meeting, "minutes": 90, "holder": "orlova"}
    told = only(await room.touched(touch(client, "agreed", move_to="meeting_set", meeting=longer)), StageMoved)
    assert told.meeting == SetMeeting(**{**agreed, "holder": "orlova", "until": NOW + timedelta(days=2, hours=1.5)})
    shown = await room.shows(client)
    assert shown["process"]["stage"] == "meeting_set"
    assert [way["to"] for way in shown["to_close"]] == ["meeting_held", "proposal", "contract", "won"]
    assert "contacted" in [way["to"] for way in shown["can_go"]]
    await room.touched(
        touch(client, "held", "meeting", move_to="meeting_held"),
        touch(client, "sent", "offer", move_to="proposal"),
        touch(client, "agreed", move_to="contract"),
    )
    events = await room.touched(touch(client, "held", "meeting", move_to="won", contract=contract, next=None))
    assert names(events) == ["TouchRecorded", "StageMoved", "TaskClosed", "ProcessClosed"]
    assert only(events, ProcessClosed).ended == "won"
    assert only(events, TaskClosed).how == "cancelled"  # the open call was not made: it fell away
    shown = await room.shows(client)
    assert shown["process"]["contract"]["amount"] == 125_000_00
    assert shown["open_task"] is None
    assert [move["to_stage"] for move in shown["moves"]] == [
        "contacted",
        "meeting_set",
        "meeting_set",
        "meeting_held",
        "proposal",
        "contract",
        "won",
    ]
    assert shown["can_go"] == shown["to_close"] == []
    to_json(shown)


@pytest.mark.rule("R4-12")
async def test_a_deferral_sets_the_call_at_two_thirds_by_the_offices_calendar(room: Room) -> None:
    came = lead()
    await room.opens(came)
    deferral = touch(came.client_id, "reached", next=None, deferral={"named_date": "2026-05-10"})
    spoken = datetime(2026, 4, 22, 9, 0, tzinfo=UTC)
    with pytest.raises(NotYet):
        await room.touched(deferral, now=spoken)
    await room.hears(handlers.learn_offices, [office(days_off=["2026-05-04"])])
    events = await room.touched(deferral, now=spoken)
    assert names(events) == ["TouchRecorded", "StageMoved", "StageMoved", "TaskClosed", "TaskSet"]
    task = only(events, TaskSet)
    # the 4th of May is this office's own day off, the 1st to the 3rd are holidays: earlier means the 30th of April
    assert task.due_at == datetime(2026, 4, 30, 6, 0, tzinfo=UTC)
    assert f"{task.named_date}" == "2026-05-10"
    (row,) = await room.rows("select stage, stage_before_deferral from processes")
    assert row == {"stage": "deferred", "stage_before_deferral": "contacted"}
    back = await room.touched(touch(came.client_id))
    assert [(e.from_stage, e.to_stage) for e in back if isinstance(e, StageMoved)] == [("deferred", "contacted")]


@pytest.mark.rule("R4-10")
@pytest.mark.rule("R4-11")
@pytest.mark.rule("R1-42")
async def test_a_bad_touch_is_refused_with_every_fault_and_nothing_of_it_is_done(room: Room) -> None:
    came = lead()
    await room.opens(came)
    before = await room.shows(came.client_id)
    wish = touch(came.client_id, by="ivanov", result=None, comment=" ", next=None, move_to="contract")
    (refused,) = await room.touched(wish)
    assert isinstance(refused, TouchRefused)
    assert [fault.field for fault in refused.faults] == ["result", "comment", "next", "by", "move_to"]
    assert await room.shows(came.client_id) == before


async def test_a_touch_of_nobodys_sale_is_refused_with_a_remedy(room: Room) -> None:
    closed = lead()
    await room.opens(closed)
    ended = await room.touched(touch(closed.client_id, "refused", next=None, end={"reason": "No budget"}))
    process_id = only(ended, ProcessClosed).process_id
    refusals = await room.touched(
        touch(uuid4()),
        touch(uuid4(), client_id=None),
        touch(uuid4(), client_id=None, process_id=uuid4(), comment=""),
        touch(closed.client_id),
        touch(closed.client_id, client_id=None, process_id=process_id),
    )
    assert [[fault.field for fault in r.faults] for r in refusals if isinstance(r, TouchRefused)] == [
        ["client_id"],
        ["process_id"],
        ["process_id", "comment"],
        ["client_id"],
        ["process_id"],
    ]
    assert all(fault.remedy for r in refusals if isinstance(r, TouchRefused) for fault in r.faults)


@pytest.mark.rule("R1-42")
async def test_the_head_of_the_office_may_record_a_touch_and_the_task_stays_with_the_manager(room: Room) -> None:
    came = lead()
    await room.opens(came)
    events = await room.touched(touch(came.client_id, by="orlova"))
    assert only(events, TouchRecorded).by == "orlova"
    assert only(events, TaskSet).manager == "petrova"


async def test_touches_of_one_sale_in_one_batch_are_applied_one_after_the_other(room: Room) -> None:
    came = lead()
    await room.opens(came)
    events = await room.touched(
        touch(came.client_id, "no_answer"),
        touch(came.client_id, "interested"),
        touch(came.client_id, "refused", next=None, end={"reason": "Bought elsewhere"}),
        touch(came.client_id),
    )
    assert names(events)[-1] == "TouchRefused"
    assert names(events).count("TaskClosed") == 3
    assert await room.rows("select how from tasks order by set_at") == [{"how": "done"}] * 3
    assert (await room.shows(came.client_id))["process"]["reason"] == "Bought elsewhere"


async def test_good_touches_are_recorded_beside_bad_ones(room: Room) -> None:
    leads = [lead() for _ in range(50)]
    await room.opens(*leads)
    events = await room.touched(*[touch(one.client_id, comment="ok" if n % 2 else "") for n, one in enumerate(leads)])
    assert names(events).count("TouchRefused") == 25
    assert names(events).count("TouchRecorded") == 25


@pytest.mark.rule("R4-11")
async def test_two_who_click_at_once_leave_one_open_task(room: Room) -> None:
    came = lead()
    await room.opens(came)
    both = await asyncio.gather(
        *[room.touched(touch(came.client_id, by=by, comment=f"{n}")) for n, by in enumerate(["petrova", "orlova"] * 5)]
    )
    assert all(names(events)[0] == "TouchRecorded" for events in both)
    shown = await room.shows(came.client_id)
    assert len(shown["tasks"]) == 11
    assert [task["is_open"] for task in shown["tasks"]].count(True) == 1
    assert [move["to_stage"] for move in shown["moves"]] == ["contacted"]


async def test_of_two_who_end_a_sale_at_once_one_is_told_that_it_is_closed(room: Room) -> None:
    came = lead()
    process_id = only(await room.opens(came), ProcessOpened).process_id
    end = {"next": None, "end": {"reason": "No budget"}, "process_id": process_id}
    both = await asyncio.gather(
        room.touched(touch(came.client_id, "refused", **end)),
        room.touched(touch(came.client_id, "refused", by="orlova", **end)),
    )
    won, lost = sorted(both, key=len, reverse=True)
    assert names(won)[-1] == "ProcessClosed"
    assert only(lost, TouchRefused).faults[0].field == "process_id"


async def test_a_command_that_comes_twice_is_recorded_once(room: Room) -> None:
    came = lead()
    await room.opens(came)
    unit = Unit(Book(room.engine, "process"), {RecordTouch: handlers.record_touches})
    wish = touch(came.client_id, next={"kind": "call", "due_at": datetime.now(UTC) + timedelta(days=1)})
    subject, payload, headers = encode_command(wish, id=uuid4())
    letters = [Letter(subject, headers, payload) for _ in range(3)]
    first = await unit.serve(letters[:2])
    again = await unit.serve(letters[2:])
    assert (first.applied, again.applied) == (1, 0)
    assert await room.rows("select count(*) n from touches") == [{"n": 1}]


# ── the directory and the answers ───────────────────────────────────────────────────────────────────────────────────


async def test_the_directory_is_kept_as_last_told(room: Room) -> None:
    await room.hears(handlers.learn_offices, [office(), office(office_id="spb", name="Питер")])
    await room.hears(handlers.learn_offices, [office(head=None, active=False)])
    await room.hears(
        handlers.learn_staff,
        [StaffChanged(staff_id="ivanov", name="Иванов", office_id="spb", function=Function.AGENT, active=False)],
    )
    assert await room.rows("select id, head, active from offices order by id") == [
        {"id": "msk", "head": None, "active": False},
        {"id": "spb", "head": "orlova", "active": True},
    ]
    (row,) = await room.rows("select office_id, function, active from staff where id = 'ivanov'")
    assert row == {"office_id": "spb", "function": "agent", "active": False}


async def test_what_is_not_known_is_said_to_be_not_found(room: Room) -> None:
    assert (await room.shows(uuid4()))["found"] is False
    async with room.engine.begin() as db:
        counted = await answers.count_process_progress(CountProcessProgress(import_id=uuid4()), db)
    assert counted == {"opened": 0, "joined": 0, "withdrawn": 0, "tasks": 0, "last_at": None}


# ── many at once ────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.rule("R4-11")
async def test_batches_leave_the_sales_as_single_touches_would(room: Room) -> None:
    await room.hears(handlers.learn_offices, [office()])
    dice = Random(20261124)
    leads = [lead(UUID(int=n + 1), lead_id=UUID(int=n + 1)) for n in range(12)]
    await room.opens(*leads)
    twins = [lead(UUID(int=n + 1001), lead_id=UUID(int=n + 1001)) for n in range(12)]
    await room.opens(*twins)
    ways: list[dict[str, Any]] = [
        {},
        {},
        {},
        {"next": None, "end": {"reason": "No budget"}},
        {"next": None, "deferral": {"named_date": "2027-02-01"}},
        {"move_to": "proposal"},
        {"move_to": "contract"},
        {"next": None, "move_to": "won", "contract": {"number": "1", "signed_on": "2026-11-24", "amount": 1}},
    ]
    results = ["reached", "agreed", "no_answer", "sent", None]
    picks = [
        (dice.randrange(12), dice.choice(results), dice.choice(["call", "offer"]), dice.choice(ways))
        for _ in range(240)
    ]
    told: list[str] = []
    for start in range(0, 240, 40):
        batch = picks[start : start + 40]
        told += names(await room.touched(*[touch(UUID(int=n + 1), r, k, **w) for n, r, k, w in batch]))
    singly: list[str] = []
    for n, result, kind, way in picks:
        singly += names(await room.touched(touch(UUID(int=n + 1001), result, kind, **way)))
    assert told == singly
    assert {"TouchRefused", "ProcessClosed", "StageMoved"} <= set(told)

    def standing(ours: str) -> str:
        return (
            "select row_number() over (order by p.client_id) n, p.stage, p.stage_before_deferral, p.reason, "
            "(select count(*) from touches where process_id = p.id) touches, "
            "(select array_agg(to_stage order by id) from moves where process_id = p.id) moves, "
            "(select array_agg(how order by how) from tasks where process_id = p.id) tasks "
            f"from processes p where {ours} order by 1"
        )

    both = [await room.rows(standing(f"client_id {sign} $1"), UUID(int=1000)) for sign in ("<", ">")]
    assert both[0] == both[1]
