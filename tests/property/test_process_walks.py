"""Whatever is recorded in whatever order: a sale's history is a way along the arrows, and an open sale has a task."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from services.process.rules.deferral import day_to_call
from services.process.rules.exclusive_right import Person
from services.process.rules.lifecycle import NEWEST, OPEN, Arrow, allowed, arrows
from services.process.rules.sale import Office, Sale, Task, Work, work
from shared.commands import RecordTouch
from shared.words import Function, Source, Stage, TaskKind, TouchKind, TouchResult
from shared.working_time import OfficeCalendar

START = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
SPACE = UUID(int=11)
MOSCOW = OfficeCalendar.of("Europe/Moscow", "Mon-Fri 09:00-18:00", "RU")
STAFF = {
    id_: Person(id_, id_, "msk", function, active)
    for id_, function, active in [
        ("petrova", Function.SALES, True),
        ("ivanov", Function.SALES, True),
        ("orlova", Function.HEAD, True),
        ("former", Function.HEAD_OF_SALES, False),
    ]
}
RIGHTFUL = {"petrova", "orlova"}


def maybe(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | strategy


class SaleWalk(RuleBasedStateMachine):
    """A sale, worked by people who know what they do and by people who do not."""

    @initialize(source=st.sampled_from(Source))
    def open(self, source: Source) -> None:
        self.now = START
        self.nth = 0
        self.history: list[Arrow] = []
        self.tasks = [uuid5(SPACE, "first task")]
        self.closed: list[UUID] = []
        self.proven: set[str] = set()
        self.sale = Sale(
            id=uuid5(SPACE, "sale"),
            client_id=uuid5(SPACE, "client"),
            company="",
            manager="petrova",
            office_id="msk",
            source=source,
            received_at=START,
            pipeline=NEWEST,
            stage=Stage.OPENED,
            task=Task(self.tasks[0], TaskKind.CALL),
        )

    def record(self, touch: RecordTouch) -> bool:
        self.nth += 1
        self.now += timedelta(hours=1)
        result = work(
            touch,
            self.sale,
            touch_id=uuid5(SPACE, f"touch/{self.nth}"),
            task_id=uuid5(SPACE, f"task/{self.nth}"),
            said_at=self.now,
            now=self.now,
            staff=STAFF,
            offices={"msk": Office("msk", None, MOSCOW)},
        )
        if isinstance(result, list):
            assert result
            assert all(fault.field and fault.problem and fault.remedy for fault in result)
            return False
        self.accept(touch, result)
        return True

    def accept(self, touch: RecordTouch, done: Work) -> None:
        assert self.sale.is_open
        assert touch.by in RIGHTFUL
        assert touch.result is not None
        assert touch.comment
        if touch.kind is TouchKind.MEETING and touch.result is TouchResult.HELD:
            self.proven.add("meeting")
        if touch.kind is TouchKind.OFFER and touch.result is TouchResult.SENT:
            self.proven.add("offer")
        self.history += done.moves
        self.closed.append(done.closed.id)
        if done.sale.task:
            self.tasks.append(done.sale.task.id)
            assert done.sale.task.due_at is not None
            assert done.sale.task.due_at > self.now
        self.sale = done.sale

    @precondition(lambda self: self.sale.is_open)
    @rule(data=st.data(), by=st.sampled_from(sorted(RIGHTFUL)))
    def someone_who_knows_goes_on(self, data: st.DataObject, by: str) -> None:
        before = self.sale.stage_before_deferral
        target = data.draw(st.sampled_from([way["to"] for way in allowed(self.sale.stage, before)]))
        proof = {
            Stage.MEETING_HELD: ("meeting", "held"),
            Stage.PROPOSAL: ("offer", "sent"),
            Stage.CONTACTED: ("call", "cancelled" if self.sale.stage is Stage.MEETING_SET else "reached"),
        }
        kind, result = proof.get(target, ("call", "agreed"))
        given_with: dict[Stage, dict[str, Any]] = {
            Stage.MEETING_SET: {
                "meeting": {"at": self.now + timedelta(days=1), "place": "Here", "holder": "ivanov"},
            },
            Stage.WON: {"contract": {"number": "1", "signed_on": self.now.date(), "amount": 1}},
            Stage.LOST: {"end": {"reason": "No budget"}},
            Stage.DEFERRED: {
                "deferral": {"named_date": self.now.date() + timedelta(days=data.draw(st.integers(2, 900)))}
            },
        }
        facts = given_with.get(target, {})
        if target not in (Stage.WON, Stage.LOST, Stage.DEFERRED):
            facts["next"] = {"kind": "call", "due_at": self.now + timedelta(days=1)}
        wish = {"by": by, "kind": kind, "result": result, "comment": "Talked.", "move_to": target, **facts}
        assert self.record(RecordTouch.model_validate(wish)), (self.sale.stage, target)
        assert self.sale.stage is target

    @rule(
        by=st.sampled_from(sorted([*STAFF, "nobody"])),
        kind=st.sampled_from(TouchKind),
        result=maybe(st.sampled_from(TouchResult)),
        comment=st.sampled_from(["Talked.", "", " \t\n"]),
        move_to=maybe(st.sampled_from(Stage)),
        days=maybe(st.integers(-3, 30)),
        named=maybe(st.integers(-3, 2000)),
        reason=maybe(st.just("No budget")),
        holder=maybe(st.sampled_from(["petrova", "former", "nobody"])),
        amount=maybe(st.integers(1, 10**12)),
    )
    def someone_records_whatever_comes_to_mind(
        self,
        by: str,
        kind: TouchKind,
        result: TouchResult | None,
        comment: str,
        move_to: Stage | None,
        days: int | None,
        named: int | None,
        reason: str | None,
        holder: str | None,
        amount: int | None,
    ) -> None:
        day = self.now.date()
        self.record(
            RecordTouch.model_validate(
                {
                    "by": by,
                    "kind": kind,
                    "result": result,
                    "comment": comment,
                    "move_to": move_to,
                    "next": None if days is None else {"kind": "offer", "due_at": self.now + timedelta(days=days)},
                    "deferral": None if named is None else {"named_date": day + timedelta(days=named)},
                    "end": reason and {"reason": reason},
                    "meeting": holder and {"at": self.now + timedelta(days=1), "place": "Here", "holder": holder},
                    "contract": amount and {"number": "1", "signed_on": day, "amount": amount},
                }
            )
        )

    @invariant()
    def the_history_is_a_way_along_the_arrows(self) -> None:
        at = Stage.OPENED
        for arrow in self.history:
            assert arrow.source is at
            assert arrow in arrows(NEWEST)
            at = arrow.target
        assert at is self.sale.stage

    @invariant()
    def an_open_sale_has_its_one_open_task_and_a_closed_one_has_none(self) -> None:
        still_open = [task for task in self.tasks if task not in self.closed]
        assert self.sale.is_open == (self.sale.stage in OPEN)
        assert still_open == ([self.sale.task.id] if self.sale.task else [])
        assert self.sale.is_open == (self.sale.task is not None)
        assert len(set(self.closed)) == len(self.closed)

    @invariant()
    def what_was_reached_was_proven(self) -> None:
        reached = {arrow.move for arrow in self.history}
        assert "hold_meeting" not in reached or "meeting" in self.proven
        assert "propose" not in reached or "offer" in self.proven
        assert (self.sale.stage is Stage.WON) == (self.sale.contract is not None)
        assert self.sale.stage is not Stage.LOST or self.sale.reason

    @invariant()
    def a_deferred_sale_knows_where_it_was(self) -> None:
        before = self.sale.stage_before_deferral
        assert (self.sale.stage is Stage.DEFERRED) == (before is not None)
        if before is not None:
            into = [arrow for arrow in self.history if arrow.move == "defer" and arrow.source is not Stage.DEFERRED]
            assert into[-1].source is before


SaleWalk.TestCase.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)


TestSaleWalk = pytest.mark.rule("stages")(pytest.mark.rule("R4-11")(SaleWalk.TestCase))


days = st.dates(date(2024, 1, 1), date(2029, 1, 1))


@pytest.mark.rule("R4-12")
@given(spoken=days, term=st.integers(1, 900), late=st.integers(0, 60), own_days_off=st.sets(days, max_size=20))
def test_a_deferred_call_is_always_on_a_working_day_to_come_and_as_a_rule_by_two_thirds(
    spoken: date, term: int, late: int, own_days_off: set[date]
) -> None:
    office = OfficeCalendar.of("Europe/Moscow", "Mon-Fri 09:00-18:00", "RU", own_days_off)
    today = spoken + timedelta(days=late)
    day = day_to_call(spoken, spoken + timedelta(days=term), today, office)
    two_thirds = spoken + timedelta(days=term * 2 // 3)
    assert office.is_working_day(day)
    assert day > today
    between = [today + timedelta(days=n) for n in range(1, (max(day, two_thirds) - today).days + 1)]
    working = [one for one in between if office.is_working_day(one)]
    by_then = [one for one in working if one <= two_thirds]
    assert day == (by_then[-1] if by_then else working[0])
