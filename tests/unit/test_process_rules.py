"""The small rules of the sale: next task, deferral, exclusive right, what makes a touch whole."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from services.process.rules.deferral import call_at, day_to_call
from services.process.rules.exclusive_right import Person, faults_of_right
from services.process.rules.next_task import first_task, how_closed, in_words
from services.process.rules.touch import faults_of_touch, moment_of
from shared.commands import RecordTouch
from shared.events import AgreedMeeting
from shared.words import Function, Source, TaskKind, TouchKind
from shared.working_time import OfficeCalendar

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
MOSCOW = OfficeCalendar.of("Europe/Moscow", "Mon-Fri 09:00-18:00", "RU")


def touch(**facts: Any) -> RecordTouch:
    whole = {
        "by": "petrova",
        "kind": "call",
        "result": "reached",
        "comment": "Wants pumps.",
        "next": {"kind": "call", "due_at": NOW + timedelta(days=1)},
    }
    return RecordTouch.model_validate({k: v for k, v in {**whole, **facts}.items() if v is not None})


def fields(faults: list[Any]) -> list[str]:
    assert all(fault.problem and fault.remedy for fault in faults)
    return [fault.field for fault in faults]


@pytest.mark.rule("R4-15")
@pytest.mark.parametrize("source", Source)
def test_every_source_has_a_first_task(source: Source) -> None:
    kind = first_task(source, phone="+7 495 123-45-67", email="a@b.ru")
    assert kind is (TaskKind.MEETING if source is Source.AGENT else TaskKind.CALL)


@pytest.mark.rule("R4-15")
def test_an_agreed_meeting_is_the_first_task_and_its_note_tells_when_by_the_clock_it_was_agreed_at() -> None:
    assert first_task(Source.INBOUND_CALL, phone="1", email="", meets=True) is TaskKind.MEETING
    agreed = {"at": "2026-11-25T10:00:00+05:00", "until": "2026-11-25T11:30:00+05:00", "place": "theirs"}
    assert in_words(AgreedMeeting.model_validate(agreed)) == (
        "Встреча 25.11.2026 10:00 (UTC+0500), 90 мин, у клиента"
        " / meeting on 2026-11-25 10:00 (UTC+0500), 90 min, at theirs"
    )


@pytest.mark.rule("R4-15")
def test_who_left_only_an_address_is_written_to_and_who_left_nothing_is_called() -> None:
    assert first_task(Source.WEBSITE, phone="", email="a@b.ru") is TaskKind.MESSAGE
    assert first_task(Source.EVENT, phone="", email="") is TaskKind.CALL


@pytest.mark.rule("R4-11")
@pytest.mark.parametrize(
    ("task", "made", "is_first", "ends", "how"),
    [
        (TaskKind.CALL, TouchKind.CALL, False, False, "done"),
        (TaskKind.OFFER, TouchKind.CALL, False, False, "replaced"),
        (TaskKind.OFFER, TouchKind.CALL, False, True, "cancelled"),
        (TaskKind.OFFER, TouchKind.OFFER, False, True, "done"),
        (TaskKind.CALL, TouchKind.MESSAGE, True, False, "done"),
        (TaskKind.REVIEW, TouchKind.MESSAGE, False, False, "done"),
    ],
)
def test_a_task_is_done_only_by_what_it_asked_for(
    task: TaskKind, made: TouchKind, is_first: bool, ends: bool, how: str
) -> None:
    assert how_closed(task, made, is_first=is_first, ends=ends) == how


@pytest.mark.rule("R4-12")
@pytest.mark.rule("R4-13")
@pytest.mark.rule("R4-14")
def test_named_on_22_april_about_10_may_is_called_on_4_may() -> None:
    assert day_to_call(date(2026, 4, 22), date(2026, 5, 10), date(2026, 4, 22), MOSCOW) == date(2026, 5, 4)


@pytest.mark.rule("R4-12")
@pytest.mark.parametrize(
    ("spoken", "named", "today", "expected"),
    [
        # in 2025 the 4th of May is a Sunday after the holidays of 1–4 May: moved earlier, to Wednesday the 30th of April
        (date(2025, 4, 22), date(2025, 5, 10), date(2025, 4, 22), date(2025, 4, 30)),
        # 2/3 of 10 days is 6.67: rounded down, so that the call is rather early
        (date(2026, 11, 23), date(2026, 12, 3), date(2026, 11, 23), date(2026, 11, 27)),
        # "call tomorrow": nothing lies between, so it is tomorrow
        (date(2026, 11, 24), date(2026, 11, 25), date(2026, 11, 24), date(2026, 11, 25)),
        # on Friday "on Sunday": no working day lies between, so it is Monday
        (date(2026, 11, 27), date(2026, 11, 29), date(2026, 11, 27), date(2026, 11, 30)),
        # recorded late, when the day of the call is over: the next working day
        (date(2026, 11, 2), date(2026, 11, 28), date(2026, 11, 24), date(2026, 11, 25)),
        # New Year's holidays: the 1st to the 8th of January and the days before are skipped backwards
        (date(2026, 12, 15), date(2027, 1, 11), date(2026, 12, 15), date(2026, 12, 30)),
    ],
)
def test_the_call_lies_at_two_thirds_on_an_earlier_working_day(
    spoken: date, named: date, today: date, expected: date
) -> None:
    assert day_to_call(spoken, named, today, MOSCOW) == expected


@pytest.mark.rule("R4-12")
def test_the_deferred_call_is_due_when_the_office_opens_by_its_own_clock() -> None:
    almaty = OfficeCalendar.of("Asia/Almaty", "Mon-Fri 10:00-19:00", "KZ")
    # 20:30 UTC is already the next day in Almaty: the term is counted from there
    spoken = datetime(2026, 11, 23, 20, 30, tzinfo=UTC)
    assert call_at(spoken, date(2026, 12, 3), spoken, almaty) == datetime(2026, 11, 30, 5, 0, tzinfo=UTC)


STAFF = {
    "petrova": Person("petrova", "Петрова Анна", "msk", Function.SALES, True),
    "ivanov": Person("ivanov", "Иванов Пётр", "msk", Function.SALES, True),
    "orlova": Person("orlova", "Орлова Вера", "msk", Function.HEAD, True),
    "volkov": Person("volkov", "Волков Илья", "spb", Function.HEAD, True),
    "gromov": Person("gromov", "Громов Олег", "spb", Function.HEAD_OF_SALES, True),
    "former": Person("former", "Бывший Иван", "msk", Function.HEAD, False),
}


def right_of(by: str, manager: str = "petrova", head: str | None = None) -> list[str]:
    return fields(faults_of_right(by, manager=manager, office_id="msk", office_head=head, staff=STAFF))


@pytest.mark.rule("R1-42")
@pytest.mark.parametrize("by", ["petrova", "orlova", "gromov"])
def test_the_manager_and_those_who_answer_for_him_may_work_the_sale(by: str) -> None:
    assert right_of(by) == []


@pytest.mark.rule("R1-42")
@pytest.mark.parametrize("by", ["ivanov", "volkov", "former", "nobody"])
def test_nobody_else_may_work_the_sale(by: str) -> None:
    assert right_of(by) == ["by"]


@pytest.mark.rule("R1-42")
def test_whoever_the_directory_names_as_head_of_the_office_may_work_the_sale() -> None:
    assert right_of("ivanov", head="ivanov") == []


def test_a_manager_whom_routing_named_may_work_before_the_directory_is_heard() -> None:
    assert right_of("brand-new", manager="brand-new") == []


def test_a_manager_who_left_may_not_work_his_sales() -> None:
    assert right_of("former", manager="former") == ["by"]


@pytest.mark.rule("R4-10")
def test_a_touch_without_result_comment_and_way_on_is_told_all_three_at_once() -> None:
    bare = touch(result=None, comment="   ", next=None)
    assert fields(faults_of_touch(bare, NOW, NOW)) == ["result", "comment", "next"]


@pytest.mark.rule("R4-11")
@pytest.mark.parametrize(
    "facts",
    [
        {"end": {"reason": "No budget"}},
        {"deferral": {"named_date": "2027-03-01"}},
        {"move_to": "won", "contract": {"number": "7", "signed_on": "2026-11-24", "amount": 100}},
        {"move_to": "lost"},
        {"move_to": "deferred"},
    ],
)
def test_a_touch_goes_on_in_one_way_only(facts: dict[str, Any]) -> None:
    assert fields(faults_of_touch(touch(**facts), NOW, NOW)) in (["next"], ["move_to"])


@pytest.mark.rule("R4-11")
@pytest.mark.parametrize(
    "facts",
    [
        {},
        {"next": None, "end": {"reason": "No budget"}},
        {"next": None, "end": {"reason": "No budget"}, "move_to": "lost"},
        {"next": None, "deferral": {"named_date": "2027-03-01"}},
        {"next": None, "move_to": "won", "contract": {"number": "7", "signed_on": "2026-11-24", "amount": 100}},
    ],
)
def test_a_whole_touch_has_no_fault(facts: dict[str, Any]) -> None:
    assert faults_of_touch(touch(**facts), NOW, NOW) == []


def test_a_touch_cannot_lie_ahead_nor_its_next_action_behind() -> None:
    late = touch(touched_at=NOW + timedelta(minutes=5), next={"kind": "call", "due_at": NOW})
    assert fields(faults_of_touch(late, NOW, NOW)) == ["next.due_at", "touched_at"]


def test_a_wish_that_waited_for_us_is_judged_by_when_it_was_sent() -> None:
    sent = NOW - timedelta(hours=3)
    waited = touch(next={"kind": "call", "due_at": NOW - timedelta(hours=1)})
    assert faults_of_touch(waited, sent, NOW) == []
    assert moment_of(waited, sent, NOW) == sent


def test_a_clock_that_runs_ahead_dates_no_touch_into_the_future() -> None:
    assert moment_of(touch(touched_at=NOW + timedelta(minutes=1)), NOW, NOW) == NOW
