"""What an operator types: moments, days, sums, the next action, ids, people."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from estafeta import typed
from estafeta.touch import Typed, look_over, touch_of
from estafeta.trouble import Trouble
from shared.words import Stage, TaskKind

MOSCOW = ZoneInfo("Europe/Moscow")
SALE = "6f1c2a9e-0d7b-5c3e-9a44-0b1f6c2d7e88"
DIRECTORY = {
    "company": {"name": "Насосы", "time_zone": "Europe/Moscow"},
    "offices": [{"id": "msk", "time_zone": "Europe/Moscow"}, {"id": "ekb", "time_zone": "Asia/Yekaterinburg"}],
    "staff": [
        {"id": "petrova", "name": "Петрова Анна", "office": "msk", "active": True},
        {"id": "orlov", "name": "Орлов Пётр", "office": "ekb", "active": True},
        {"id": "gone", "name": "Ушёл Иван", "office": "msk", "active": False},
    ],
}


@pytest.mark.rule("R4-11")
def test_the_next_action_is_a_kind_a_day_and_a_time_by_the_office_clock() -> None:
    action = typed.next_action("call 2026-11-25 10:00", MOSCOW)
    assert action.kind is TaskKind.CALL
    assert action.due_at == datetime(2026, 11, 25, 7, 0, tzinfo=UTC)
    assert action.note == ""


def test_the_next_action_takes_a_note_a_russian_day_and_an_offset() -> None:
    action = typed.next_action("Meeting 25.11.2026 9:30 +05:00 take the catalogue with you", MOSCOW)
    assert action.kind is TaskKind.MEETING
    assert action.due_at == datetime(2026, 11, 25, 4, 30, tzinfo=UTC)
    assert action.note == "take the catalogue with you"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("call tomorrow", "does not say what is next and when"),
        ("call", "does not say what is next and when"),
        ("2026-11-25 10:00", "does not say what is next and when"),
        ("cal 2026-11-25 10:00", "is no kind of task"),
        ("call 2026-02-30 10:00", "is no day"),
        ("call 2026-11-25 25:00", "is no time of day"),
    ],
)
def test_a_next_action_that_cannot_be_meant_is_refused_with_an_example(text: str, complaint: str) -> None:
    with pytest.raises(Trouble, match=complaint) as refused:
        typed.next_action(text, MOSCOW)
    assert refused.value.remedy
    assert refused.value.code == 2


def test_a_kind_that_is_nearly_right_is_guessed() -> None:
    with pytest.raises(Trouble) as refused:
        typed.next_action("cal 2026-11-25 10:00", MOSCOW)
    assert "Did you mean call?" in refused.value.remedy


def test_kind_and_time_of_the_next_action_belong_together() -> None:
    assert typed.next_of(None, None, MOSCOW) is None
    both = typed.next_of("offer", "2026-11-25 10:00", MOSCOW)
    assert both is not None
    assert both.kind is TaskKind.OFFER
    with pytest.raises(Trouble, match="--next-kind is given without --next-at"):
        typed.next_of("offer", None, MOSCOW)


def test_a_day_is_typed_either_way() -> None:
    assert typed.day("2026-05-10", "--defer") == typed.day("10.05.2026", "--defer") == date(2026, 5, 10)
    with pytest.raises(Trouble, match=r"--defer: 'about 10 May' is no day"):
        typed.day("about 10 May", "--defer")


@pytest.mark.parametrize(
    ("text", "minor", "currency"),
    [
        ("125000", 12_500_000, "RUB"),
        ("1 250 000,50", 125_000_050, "RUB"),
        ("9000.5 kzt", 900_050, "KZT"),
        ("0.01", 1, "RUB"),
    ],
)
def test_money_becomes_minor_units(text: str, minor: int, currency: str) -> None:
    assert typed.money(text, "--contract-amount") == (minor, currency)


@pytest.mark.parametrize("text", ["", "much", "12,345.67", "-5", "0", "12.345", "10 RU", "1e6"])
def test_money_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(Trouble, match="--contract-amount"):
        typed.money(text, "--contract-amount")


def test_a_contract_is_given_whole_or_not_at_all() -> None:
    assert typed.contract(None, None, None) is None
    whole = typed.contract("17/A", "2026-11-20", "1000")
    assert whole is not None
    assert (whole.number, whole.amount) == ("17/A", 100_000)
    with pytest.raises(Trouble, match="--contract-date, --contract-amount missing"):
        typed.contract("17/A", None, None)


def test_a_meeting_is_given_whole_or_not_at_all() -> None:
    assert typed.meeting(None, None, None, MOSCOW) is None
    with pytest.raises(Trouble, match="--meeting-place missing"):
        typed.meeting("2026-11-25 10:00", None, "petrova", MOSCOW)


def test_an_unknown_member_of_staff_is_refused_with_the_near_ids() -> None:
    with pytest.raises(Trouble, match="--manager: nobody here has the id 'petrowa'") as refused:
        typed.someone("petrowa", DIRECTORY, "--manager")
    assert "petrova (Петрова Анна)" in refused.value.remedy


def test_a_name_typed_for_an_id_leads_to_the_id() -> None:
    with pytest.raises(Trouble) as refused:
        typed.someone("Петрова", DIRECTORY, "--manager")
    assert "petrova (Петрова Анна)" in refused.value.remedy


def test_somebody_who_has_left_is_refused_by_name() -> None:
    with pytest.raises(Trouble, match=r"gone \(Ушёл Иван\) works here no more"):
        typed.someone("gone", DIRECTORY, "--submitter")


def test_an_empty_directory_says_how_to_fill_it() -> None:
    with pytest.raises(Trouble) as refused:
        typed.someone("petrova", {"staff": []}, "--manager")
    assert "estafeta apply" in refused.value.remedy


def test_times_are_by_the_clock_of_ones_office_else_of_the_company() -> None:
    assert typed.zone_of({"office": "ekb"}, DIRECTORY).key == "Asia/Yekaterinburg"
    assert typed.zone_of({"office": "nowhere"}, DIRECTORY).key == "Europe/Moscow"
    assert typed.zone_of({}, {"company": None}).key == "UTC"


def test_an_id_is_read_or_refused() -> None:
    assert typed.an_id(f" {SALE.upper()} ", "lead") == UUID(SALE)
    with pytest.raises(Trouble, match="'12' is no id of a lead"):
        typed.an_id("12", "lead")


# ── a touch ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_touch_becomes_a_command_in_the_time_of_its_maker() -> None:
    command = touch_of(
        Typed(by="orlov", kind="call", process=SALE, result="reached", comment="спросил", next="call 2026-11-25 10:00"),
        DIRECTORY,
    )
    assert command.process_id == UUID(SALE)
    assert command.next is not None
    assert command.next.due_at == datetime(2026, 11, 25, 5, 0, tzinfo=UTC)


def test_a_touch_carries_its_move_with_what_the_guard_needs() -> None:
    command = touch_of(
        Typed(
            by="petrova",
            kind="meeting",
            client=SALE,
            move="won",
            contract_number="17",
            contract_date="20.11.2026",
            contract_amount="1 000",
        ),
        DIRECTORY,
    )
    assert command.client_id == UUID(SALE)
    assert command.move_to is Stage.WON
    assert command.contract is not None
    assert command.contract.amount == 100_000


@pytest.mark.rule("R4-10")
def test_whether_a_touch_is_whole_is_left_to_the_process_room() -> None:
    command = touch_of(Typed(by="petrova", kind="call", process=SALE), DIRECTORY)
    assert command.result is None
    assert command.comment == ""


@pytest.mark.parametrize(
    ("facts", "complaint"),
    [
        ({}, "none is named"),
        ({"process": SALE, "client": SALE}, "process and client are named"),
        ({"lead": "17"}, "is no id of a lead"),
        ({"process": SALE, "kind": "fax"}, "is no kind of touch"),
        ({"process": SALE, "result": "ok"}, "is no result"),
        ({"process": SALE, "move": "signed"}, "is no stage"),
        ({"process": SALE, "next": "call 2026-11-25 10:00", "next_kind": "call"}, "together with"),
    ],
)
def test_a_touch_that_nobody_can_mean_is_refused_before_the_house_is_asked(
    facts: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(Trouble, match=complaint):
        look_over(Typed(**{"by": "petrova", "kind": "call", **facts}))
