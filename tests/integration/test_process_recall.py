"""What becomes of sales when a list asks for later, and when its import is undone."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from services.process import answers as process_answers
from services.process import handlers, opening
from shared.events import (
    AssignmentRecalled,
    LeadAssigned,
    LeadWithdrawn,
    ProcessClosed,
    RecallAnswered,
    TaskClosed,
    TaskSet,
)
from shared.message import Event, NotYet
from shared.questions import ReportSales
from shared.words import TaskKind
from tests.integration.test_process_room import NOW, Room, lead, names, office, only, room, touch

__all__ = ["room"]
IMPORT = uuid4()


async def recall(house: Room, *leads: LeadAssigned) -> list[Event]:
    return await house.hears(
        handlers.take_back,
        [AssignmentRecalled(lead_id=one.lead_id, client_id=one.client_id, import_id=IMPORT) for one in leads],
    )


def answers(events: Sequence[Event]) -> dict[UUID, tuple[bool, str]]:
    return {e.lead_id: (e.taken_back, e.reason) for e in events if isinstance(e, RecallAnswered)}


# ── deferred demand of a questionnaire ──────────────────────────────────────────────────────────────────────────────


@pytest.mark.rule("R4-12")
async def test_a_questionnaire_that_names_a_later_day_opens_a_sale_with_a_deferred_call(room: Room) -> None:
    await room.hears(handlers.learn_offices, [office()])
    said = datetime(2026, 4, 22, 9, 0, tzinfo=UTC)
    came = lead(named_date=date(2026, 5, 10), spoken_on=date(2026, 4, 22), received_at=said, interest="насосы")
    events = await room.hears(opening.open_or_join, [came, lead()], said)
    tasks = {e.lead_id: e for e in events if isinstance(e, TaskSet)}
    task = tasks[came.lead_id]
    assert task.due_at == datetime(2026, 5, 4, 6, 0, tzinfo=UTC)  # Monday 4 May, when the office opens in Moscow
    assert (task.named_date, task.kind) == (date(2026, 5, 10), TaskKind.CALL)
    assert task.note.startswith("насосы; ")
    (row,) = await room.rows("select due_at, named_date, is_open from tasks where id = $1", task.task_id)
    assert row == {"due_at": task.due_at, "named_date": task.named_date, "is_open": True}
    assert [e.due_at for id_, e in tasks.items() if id_ != came.lead_id] == [None]


@pytest.mark.rule("R4-12")
async def test_a_day_that_is_over_or_near_defers_nothing_but_is_told(room: Room) -> None:
    await room.hears(handlers.learn_offices, [office()])
    came = lead(named_date=NOW.date() + timedelta(days=1), spoken_on=date(2026, 6, 1))
    task = only(await room.opens(came), TaskSet)
    assert (task.due_at, task.named_date) == (None, None)
    assert "25.11.2026" in task.note


@pytest.mark.rule("R4-12")
async def test_a_deferral_waits_for_the_calendar_of_the_office(room: Room) -> None:
    with pytest.raises(NotYet, match="msk"):
        await room.opens(lead(named_date=date(2027, 5, 10)))


@pytest.mark.rule("R4-15")
async def test_who_does_not_wish_to_be_called_is_written_to_and_a_catalogue_firm_is_called(room: Room) -> None:
    no_calls = lead(email="info@frezer.ru", wishes_call=False)
    firm = lead(contact="", email="info@frezer.ru")
    nameless = lead(contact="", phone="", email="")
    events = await room.opens(no_calls, firm, nameless)
    kinds = {e.lead_id: e.kind for e in events if isinstance(e, TaskSet)}
    assert kinds == {no_calls.lead_id: TaskKind.MESSAGE, firm.lead_id: TaskKind.CALL, nameless.lead_id: TaskKind.CALL}


# ── an undone import ────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.rule("R4-11")
async def test_a_sale_that_nobody_has_touched_ends_with_the_lead_that_opened_it(room: Room) -> None:
    first, other = lead(import_id=IMPORT), lead(import_id=IMPORT)
    opened = await room.opens(first, other)
    task = next(e for e in opened if isinstance(e, TaskSet) and e.lead_id == first.lead_id)
    events = await recall(room, first)
    assert names(events) == ["TaskClosed", "ProcessClosed", "LeadWithdrawn", "RecallAnswered"]
    assert only(events, TaskClosed).task_id == task.task_id
    assert only(events, ProcessClosed).process_id == task.process_id
    assert only(events, LeadWithdrawn).lead_id == first.lead_id
    assert answers(events) == {first.lead_id: (True, "")}
    rows = await room.rows("select client_id from processes where closed_at is null")
    assert [row["client_id"] for row in rows] == [other.client_id]
    again = await recall(room, first)
    assert (names(again), answers(again)) == (["RecallAnswered"], {first.lead_id: (True, "")})


async def test_a_lead_that_was_touched_joined_or_closed_is_left_with_the_reason(room: Room) -> None:
    touched, followed, lost, untouched = (lead(import_id=IMPORT) for _ in range(4))
    await room.opens(touched, followed, lost, untouched)
    await room.touched(touch(touched.client_id))
    await room.touched(touch(lost.client_id, end={"reason": "no need"}, next=None))
    await room.opens(lead(followed.client_id))
    rest = "select * from processes where client_id <> $1 order by id"
    before = await room.rows(rest, untouched.client_id)
    events = await recall(room, touched, followed, lost, untouched)
    told = answers(events)
    assert told[touched.lead_id] == (False, "the client was touched once since, last by petrova")
    assert told[followed.lead_id] == (False, "another lead has joined its sale since")
    assert told[lost.lead_id][0] is False
    assert told[lost.lead_id][1].startswith("its sale has ended: lost on 2026-11-24")
    assert told[untouched.lead_id] == (True, "")
    assert await room.rows(rest, untouched.client_id) == before


async def test_a_lead_that_joined_an_older_sale_leaves_it_as_it_was(room: Room) -> None:
    older = lead()
    await room.opens(older)
    joined = lead(older.client_id, import_id=IMPORT)
    await room.opens(joined)
    events = await recall(room, joined)
    assert names(events) == ["LeadWithdrawn", "RecallAnswered"]
    (sale,) = await room.rows("select closed_at, next_task from processes")
    assert sale["closed_at"] is None
    assert sale["next_task"] is not None


async def test_two_leads_of_one_import_in_one_sale_are_taken_back_the_last_one_first(room: Room) -> None:
    first = lead(import_id=IMPORT)
    await room.opens(first)
    second = lead(first.client_id, import_id=IMPORT)
    await room.opens(second)
    assert answers(await recall(room, second)) == {second.lead_id: (True, "")}
    assert answers(await recall(room, first)) == {first.lead_id: (True, "")}
    assert await room.rows("select id from processes where closed_at is null") == []


# ── what became of what sources brought ─────────────────────────────────────────────────────────────────────────────


@pytest.mark.rule("R1-07")
async def test_sales_count_for_the_source_and_campaign_of_the_lead_that_opened_them(room: Room) -> None:
    await room.hears(handlers.learn_offices, [office()])
    won, lost, working = (lead(campaign="Expo") for _ in range(3))
    await room.opens(won, lost, working, lead(campaign="Other"), gone := lead(campaign="Expo", import_id=IMPORT))
    await room.opens(lead(working.client_id, campaign="Expo"))
    await recall(room, gone)
    await room.touched(touch(lost.client_id, end={"reason": "no need"}, next=None))
    steps: list[dict[str, object]] = [
        {},
        {
            "move_to": "meeting_set",
            "meeting": {"at": NOW + timedelta(days=1), "place": "here", "holder": "petrova"},
        },
        {"kind": "meeting", "result": "held", "move_to": "meeting_held"},
        {"kind": "offer", "result": "sent", "move_to": "proposal"},
        {"move_to": "negotiation"},
        {"move_to": "contract"},
        {
            "move_to": "won",
            "next": None,
            "contract": {"number": "7", "signed_on": NOW.date(), "amount": 12_500_000, "currency": "RUB"},
        },
    ]
    for step in steps:
        events = await room.touched(touch(won.client_id, **{"kind": "call", **step}))  # type: ignore[arg-type]  # facts
        assert "TouchRefused" not in names(events), events
    span = {"since": NOW - timedelta(days=1), "until": NOW + timedelta(days=1)}
    async with room.engine.begin() as db:
        report = await process_answers.report_sales(ReportSales.model_validate(span), db)
    expo, other = report["sources"]
    assert expo == {
        "source": "event", "campaign": "Expo", "opened": 3, "joined": 1, "won": 1, "lost": 1, "open": 1,
        "amounts": {"RUB": 12_500_000},
    }  # fmt: skip
    assert (other["campaign"], other["open"], other["amounts"]) == ("Other", 1, {})
