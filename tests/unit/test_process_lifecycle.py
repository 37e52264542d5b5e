"""The moves of a sale: what each touch makes of it, and what is refused with which remedy."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise, product
from typing import Any
from uuid import UUID, uuid5

import pytest

from services.process.rules.exclusive_right import Person
from services.process.rules.guards import Case
from services.process.rules.lifecycle import (
    NEWEST,
    OPEN,
    PIPELINES,
    WORKED,
    allowed,
    arrows,
    arrows_from,
    machine_of,
    mermaid,
    step,
    way_to_won,
)
from services.process.rules.sale import Office, Sale, Task, Work, work
from shared.commands import RecordTouch
from shared.events import Fault
from shared.message import NotYet
from shared.words import Function, Source, Stage, TaskKind
from shared.working_time import OfficeCalendar

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
SPACE = UUID(int=7)
STAFF = {
    "petrova": Person("petrova", "Петрова Анна", "msk", Function.SALES, True),
    "ivanov": Person("ivanov", "Иванов Пётр", "msk", Function.SALES, True),
    "former": Person("former", "Бывший Иван", "msk", Function.SALES, False),
}
OFFICES = {"msk": Office("msk", "orlova", OfficeCalendar.of("Europe/Moscow", "Mon-Fri 09:00-18:00", "RU"))}
NEXT = {"next": {"kind": "call", "due_at": NOW + timedelta(days=1)}}
MEETING = {"meeting": {"at": NOW + timedelta(days=2), "place": "Their office", "holder": "petrova"}}
CONTRACT = {"contract": {"number": "17/26", "signed_on": "2026-11-24", "amount": 125_000_00}}
END = {"end": {"reason": "Bought elsewhere"}}
DEFERRAL = {"deferral": {"named_date": "2027-03-01"}}


def sale_at(stage: Stage, **facts: Any) -> Sale:
    return Sale(
        id=uuid5(SPACE, "sale"),
        client_id=uuid5(SPACE, "client"),
        company="Ромашка",
        manager="petrova",
        office_id="msk",
        source=Source.EVENT,
        received_at=NOW - timedelta(days=3),
        pipeline=NEWEST,
        stage=stage,
        task=Task(uuid5(SPACE, "old task"), TaskKind.CALL, NOW),
        stage_before_deferral=facts.pop("before", None),
        **facts,
    )


def touch(kind: str, result: str, **facts: Any) -> RecordTouch:
    return RecordTouch.model_validate({"by": "petrova", "kind": kind, "result": result, "comment": "Talked.", **facts})


def made(sale: Sale, wish: RecordTouch, offices: dict[str, Office] | None = None) -> Work | list[Fault]:
    return work(
        wish,
        sale,
        touch_id=uuid5(SPACE, "touch"),
        task_id=uuid5(SPACE, "new task"),
        said_at=NOW,
        now=NOW,
        staff=STAFF,
        offices=OFFICES if offices is None else offices,
    )


def done(sale: Sale, wish: RecordTouch) -> Work:
    result = made(sale, wish)
    assert isinstance(result, Work), result
    return result


def refused(sale: Sale, wish: RecordTouch) -> list[Fault]:
    result = made(sale, wish)
    assert isinstance(result, list), result
    assert result
    assert all(fault.problem and fault.remedy for fault in result)
    return result


def path(result: Work) -> list[Stage]:
    return [arrow.target for arrow in result.moves]


@pytest.mark.rule("stages")
def test_a_sale_walks_from_opened_to_won() -> None:
    walk = [
        (touch("call", "interested", **NEXT), [Stage.CONTACTED]),
        (touch("call", "agreed", move_to="meeting_set", **MEETING, **NEXT), [Stage.MEETING_SET]),
        (touch("meeting", "held", move_to="meeting_held", **NEXT), [Stage.MEETING_HELD]),
        (touch("offer", "sent", move_to="proposal", **NEXT), [Stage.PROPOSAL]),
        (touch("call", "reached", move_to="negotiation", **NEXT), [Stage.NEGOTIATION]),
        (touch("call", "agreed", move_to="contract", **NEXT), [Stage.CONTRACT]),
        (touch("meeting", "held", move_to="won", **CONTRACT), [Stage.WON]),
    ]
    sale = sale_at(Stage.OPENED)
    for wish, stages in walk:
        result = done(sale, wish)
        assert path(result) == stages
        sale = result.sale
    assert not sale.is_open
    assert sale.task is None
    assert sale.contract is not None
    assert sale.contract.amount == 125_000_00


@pytest.mark.rule("stages")
@pytest.mark.parametrize(("source", "target"), list(product(Stage, Stage)))
def test_nothing_but_the_arrows_of_the_regulation_and_the_drawn_ones_exists(source: Stage, target: Stage) -> None:
    order = [*WORKED, Stage.WON]
    legal = set(pairwise(order))
    legal |= {(stage, end) for stage in OPEN for end in (Stage.LOST, Stage.DEFERRED)}
    legal |= {(Stage.DEFERRED, stage) for stage in WORKED}
    legal |= {  # what is needed for going on; each stands in docs/lifecycle.md
        (Stage.MEETING_SET, Stage.MEETING_SET),
        (Stage.MEETING_SET, Stage.CONTACTED),
        (Stage.CONTACTED, Stage.MEETING_HELD),
        (Stage.CONTACTED, Stage.PROPOSAL),
        (Stage.PROPOSAL, Stage.CONTRACT),
        (Stage.CONTRACT, Stage.NEGOTIATION),
    }
    assert ((source, target) in legal) == any(arrow.target is target for arrow in arrows_from(source))


@pytest.mark.parametrize("version", PIPELINES)
def test_every_stage_of_a_pipeline_can_be_reached_and_won_from_every_open_one(version: str) -> None:
    reached, waiting = {Stage.OPENED}, [Stage.OPENED]
    while waiting:
        for arrow in arrows_from(waiting.pop(), version):
            if arrow.target not in reached:
                reached.add(arrow.target)
                waiting.append(arrow.target)
    assert reached == set(Stage)
    assert all(way_to_won(stage, version=version)[-1]["to"] is Stage.WON for stage in WORKED)
    assert way_to_won(Stage.DEFERRED, Stage.CONTRACT, version)[0]["to"] is Stage.CONTRACT
    assert way_to_won(Stage.WON) == way_to_won(Stage.LOST) == []


@pytest.mark.parametrize("version", PIPELINES)
def test_the_machine_is_made_of_the_table_as_it_stands(version: str) -> None:
    machine = machine_of(version)
    assert machine_of(version) is machine
    assert machine.models == []
    assert {
        (move, transition.source.lower(), str(transition.dest).lower())
        for move, event in machine.events.items()
        for transitions in event.transitions.values()
        for transition in transitions
    } == {(arrow.move, arrow.source, arrow.target) for arrow in arrows(version)}


def test_one_move_leads_from_a_stage_to_another_so_a_wish_names_its_arrow() -> None:
    pairs = [(arrow.source, arrow.target) for arrow in arrows()]
    assert len(pairs) == len(set(pairs))


def test_every_guard_says_what_it_needs_and_stands_on_the_picture() -> None:
    picture = mermaid()
    for arrow in arrows():
        assert all(arrow.needs)
        for guard in arrow.guards:
            assert guard.__name__.replace("_", " ") in picture


@pytest.mark.rule("stages")
@pytest.mark.parametrize(
    ("stage", "target", "wish", "field"),
    [
        (Stage.CONTACTED, "meeting_set", touch("call", "agreed", move_to="meeting_set", **NEXT), "meeting"),
        (Stage.MEETING_SET, "meeting_held", touch("call", "reached", move_to="meeting_held", **NEXT), "kind"),
        (Stage.MEETING_SET, "meeting_held", touch("meeting", "no_answer", move_to="meeting_held", **NEXT), "kind"),
        (Stage.MEETING_HELD, "proposal", touch("offer", "reached", move_to="proposal", **NEXT), "kind"),
        (Stage.CONTRACT, "won", touch("meeting", "held", move_to="won"), "contract"),
        (Stage.PROPOSAL, "lost", touch("call", "refused", move_to="lost"), "end"),
        (Stage.PROPOSAL, "deferred", touch("call", "reached", move_to="deferred"), "deferral"),
        (Stage.MEETING_SET, "contacted", touch("call", "reached", move_to="contacted", **NEXT), "result"),
        (Stage.OPENED, "contacted", touch("call", "no_answer", move_to="contacted", **NEXT), "result"),
        (Stage.OPENED, "deferred", touch("call", "no_answer", **DEFERRAL), "result"),
        (Stage.PROPOSAL, "deferred", touch("offer", "sent", **DEFERRAL), "result"),
        (
            Stage.CONTACTED,
            "deferred",
            touch("call", "reached", deferral={"named_date": "2026-11-24"}),
            "deferral.named_date",
        ),
        (
            Stage.CONTACTED,
            "deferred",
            touch("call", "reached", deferral={"named_date": "2126-11-25"}),
            "deferral.named_date",
        ),
    ],
)
def test_a_guard_that_does_not_hold_refuses_with_its_reason(
    stage: Stage, target: str, wish: RecordTouch, field: str
) -> None:
    assert [fault.field for fault in refused(sale_at(stage), wish)] == [field]


def test_a_meeting_needs_a_time_to_come_and_a_holder_who_works_here() -> None:
    past = {"meeting": {"at": NOW, "place": "Here", "holder": "former"}}
    wish = touch("call", "agreed", move_to="meeting_set", **past, **NEXT)
    assert [fault.field for fault in refused(sale_at(Stage.CONTACTED), wish)] == ["meeting.at", "meeting.holder"]


def test_a_contract_is_not_signed_in_the_future() -> None:
    contract = {"contract": {"number": "1", "signed_on": "2026-11-25", "amount": 1}}
    assert [f.field for f in refused(sale_at(Stage.CONTRACT), touch("call", "agreed", move_to="won", **contract))] == [
        "contract.signed_on"
    ]


@pytest.mark.rule("stages")
def test_a_move_that_does_not_exist_is_refused_with_the_moves_that_do() -> None:
    (fault,) = refused(sale_at(Stage.CONTACTED), touch("call", "agreed", move_to="contract", **NEXT))
    assert fault.field == "move_to"
    assert "from `contacted` to `contract`" in fault.problem
    for target in ("meeting_set", "meeting_held", "proposal", "lost", "deferred"):
        assert target in fault.remedy


@pytest.mark.rule("stages")
def test_an_earlier_meeting_or_offer_proves_the_move_too() -> None:
    sale = done(sale_at(Stage.CONTACTED), touch("offer", "sent", **NEXT)).sale
    assert sale.stage is Stage.CONTACTED
    assert path(done(sale, touch("call", "interested", move_to="proposal", **NEXT))) == [Stage.PROPOSAL]


@pytest.mark.parametrize("result", ["no_answer", "sent", "cancelled"])
def test_an_attempt_does_not_make_a_sale_contacted(result: str) -> None:
    assert done(sale_at(Stage.OPENED), touch("call", result, **NEXT)).moves == []


def test_the_first_contact_goes_before_the_move_asked_for() -> None:
    wish = touch("call", "agreed", move_to="meeting_set", **MEETING, **NEXT)
    assert path(done(sale_at(Stage.OPENED), wish)) == [Stage.CONTACTED, Stage.MEETING_SET]


def test_a_wish_for_where_the_sale_is_moves_nothing() -> None:
    assert done(sale_at(Stage.NEGOTIATION), touch("call", "reached", move_to="negotiation", **NEXT)).moves == []


def test_a_meeting_is_rearranged_or_called_off() -> None:
    again = touch("call", "agreed", move_to="meeting_set", **MEETING, **NEXT)
    assert path(done(sale_at(Stage.MEETING_SET), again)) == [Stage.MEETING_SET]
    off = touch("call", "cancelled", move_to="contacted", **NEXT)
    assert path(done(sale_at(Stage.MEETING_SET), off)) == [Stage.CONTACTED]


@pytest.mark.rule("stages")
@pytest.mark.parametrize("stage", OPEN)
def test_any_open_sale_is_lost_for_a_reason(stage: Stage) -> None:
    before = Stage.PROPOSAL if stage is Stage.DEFERRED else None
    result = done(sale_at(stage, before=before), touch("call", "refused", **END))
    assert result.sale.stage is Stage.LOST
    assert result.sale.reason == "Bought elsewhere"
    assert result.sale.stage_before_deferral is None
    assert result.sale.closed_at == NOW
    assert result.sale.task is None


@pytest.mark.rule("R4-12")
@pytest.mark.parametrize("stage", WORKED)
def test_a_deferred_sale_comes_back_to_where_it_was(stage: Stage) -> None:
    put_off = done(sale_at(stage), touch("call", "refused", **DEFERRAL)).sale
    was = Stage.CONTACTED if stage is Stage.OPENED else stage
    assert (put_off.stage, put_off.stage_before_deferral) == (Stage.DEFERRED, was)
    assert put_off.task is not None
    # 24 November → 1 March is 97 days; 64 of them end on 27 January 2027, a Wednesday; Moscow opens at 06:00 UTC
    assert put_off.task.due_at == datetime(2027, 1, 27, 6, 0, tzinfo=UTC)
    assert put_off.task.named_date == date(2027, 3, 1)
    unanswered = done(put_off, touch("call", "no_answer", **NEXT)).sale
    assert unanswered.stage is Stage.DEFERRED
    back = done(unanswered, touch("call", "reached", **NEXT))
    assert path(back) == [was]
    assert back.sale.stage_before_deferral is None


@pytest.mark.rule("R4-12")
def test_a_sale_deferred_again_still_knows_where_it_was() -> None:
    sale = sale_at(Stage.DEFERRED, before=Stage.NEGOTIATION)
    again = done(sale, touch("call", "reached", **DEFERRAL))
    assert path(again) == [Stage.DEFERRED]
    assert again.sale.stage_before_deferral is Stage.NEGOTIATION


def test_a_deferred_sale_goes_back_nowhere_else() -> None:
    sale = sale_at(Stage.DEFERRED, before=Stage.NEGOTIATION)
    (fault,) = refused(sale, touch("call", "no_answer", move_to="contract", **NEXT))
    assert "`negotiation`" in fault.remedy
    assert [way["to"] for way in allowed(Stage.DEFERRED, Stage.NEGOTIATION)] == ["lost", "deferred", "negotiation"]
    assert path(done(sale, touch("call", "no_answer", move_to="negotiation", **NEXT))) == [Stage.NEGOTIATION]
    assert path(done(sale, touch("call", "agreed", move_to="contract", **NEXT))) == [Stage.NEGOTIATION, Stage.CONTRACT]


@pytest.mark.rule("R4-12")
def test_a_held_meeting_can_end_in_a_deferral() -> None:
    result = done(sale_at(Stage.MEETING_SET), touch("meeting", "held", move_to="meeting_held", **DEFERRAL))
    assert path(result) == [Stage.MEETING_HELD, Stage.DEFERRED]
    assert result.sale.stage_before_deferral is Stage.MEETING_HELD


def test_a_deferral_waits_for_the_office_to_be_heard_of_but_a_wrong_one_is_refused_at_once() -> None:
    good = touch("call", "reached", **DEFERRAL)
    with pytest.raises(NotYet):
        made(sale_at(Stage.CONTACTED), good, offices={})
    assert isinstance(made(sale_at(Stage.CONTACTED), touch("call", "no_answer", **DEFERRAL), offices={}), list)


@pytest.mark.rule("stages")
@pytest.mark.parametrize("stage", [Stage.WON, Stage.LOST])
def test_a_closed_sale_takes_no_touch(stage: Stage) -> None:
    closed = replace(sale_at(stage), closed_at=NOW, task=None)
    assert [fault.field for fault in refused(closed, touch("call", "reached", **NEXT))] == ["process_id"]


@pytest.mark.rule("R1-42")
@pytest.mark.rule("R4-10")
@pytest.mark.rule("R4-11")
def test_all_faults_are_told_at_once() -> None:
    wish = RecordTouch(by="ivanov", kind="call", client_id=UUID(int=1), move_to="won")
    found = [fault.field for fault in refused(sale_at(Stage.CONTACTED), wish)]
    assert found == ["client_id", "result", "comment", "by", "move_to"]


def test_a_refused_case_is_left_as_it_was() -> None:
    wish = touch("call", "reached", **NEXT)
    case = Case(stage=Stage.CONTRACT, touch=wish, now=NOW, today=NOW.date())
    assert isinstance(step(case, Stage.WON, NEWEST), list)
    assert case.stage is Stage.CONTRACT
    assert case.faults == []


@pytest.mark.rule("stages")
def test_a_running_sale_stays_on_the_pipeline_it_began_with(monkeypatch: pytest.MonkeyPatch) -> None:
    short = [["contact", Stage.OPENED, Stage.CONTACTED, []], ["draw_up_contract", Stage.CONTACTED, Stage.CONTRACT, []]]
    monkeypatch.setitem(PIPELINES, "short-1", short)
    wish = touch("call", "agreed", move_to="contract", **NEXT)
    assert path(done(replace(sale_at(Stage.CONTACTED), pipeline="short-1"), wish)) == [Stage.CONTRACT]
    refused(sale_at(Stage.CONTACTED), wish)
