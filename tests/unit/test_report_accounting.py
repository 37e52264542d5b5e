"""The account of an import: every row has one outcome, or the report says which sum is wrong."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import Any

import pytest
from rich.console import Console

from estafeta.report import Tally, accounting, bar, figures, holder, managers_table, report, unaccounted

WHOLE = Tally(
    in_file=1010,
    unreadable=10,
    ignored=4,
    sent=1000,
    rows=1000,
    accepted=980,
    rejected=20,
    new=700,
    same=230,
    possible=50,
    routed=980,
    opened=760,
    joined=220,
    tasks=760,
    deadlines=760,
)
CLIENTS = Tally(purpose="clients", in_file=3000, sent=3000, rows=3000, registered=2990, rejected=10, new=2900, same=90)
MANAGERS: list[dict[str, Any]] = [
    {"id": "petrova", "name": "Петрова Анна", "office": "msk", "received": 130, "shared": 100, "fair_share": 99.5},
    {"id": "orlov", "name": "Орлов Пётр", "office": "msk", "received": 99, "shared": 99, "fair_share": 99.5},
    {"id": "late", "name": "Поздно Иван", "office": "ekb", "received": 5, "shared": 0, "fair_share": 3.0},
]


def printed(what: Any) -> str:
    out = io.StringIO()
    Console(file=out, width=150, emoji=False).print(what)
    return out.getvalue()


@pytest.mark.rule("R0-10")
def test_a_list_whose_sums_agree_is_accounted_for() -> None:
    assert unaccounted(WHOLE) == []
    assert unaccounted(CLIENTS) == []
    assert "Every row is accounted for" in printed(report("list", WHOLE, MANAGERS, 2.0))


@pytest.mark.rule("R0-10")
@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"in_file": 1011}, "rows of the file"),
        ({"rows": 999}, "taken in"),
        ({"rejected": 19}, "accepted and rejected"),
        ({"new": 699}, "new, same and possible"),
        ({"routed": 979}, "receiver"),
        ({"joined": 219}, "in a sale"),
        ({"tasks": 759}, "tasks set"),
        ({"deadlines": 759}, "deadlines"),
    ],
)
def test_any_sum_that_does_not_agree_is_named(wrong: dict[str, int], said: str) -> None:
    tally = replace(WHOLE, **wrong)  # type: ignore[arg-type]  # counts only
    assert any(said in line for line in unaccounted(tally))
    assert "Not accounted for" in printed(report("list", tally, MANAGERS, 2.0))


def test_a_client_base_with_a_lost_row_is_not_accounted_for() -> None:
    assert unaccounted(replace(CLIENTS, registered=2989))


def test_rows_of_another_sheet_of_the_same_file_are_no_fault() -> None:
    tally = replace(WHOLE, rows=1500, accepted=1480, new=1200, routed=1480, opened=1260, tasks=1260, deadlines=1260)
    assert unaccounted(tally) == []
    assert dict(figures(tally, 1.0))["of other sheets"].startswith("500 rows")


@pytest.mark.parametrize(
    ("behind", "room"),
    [
        ({"rows": 400, "accepted": 400}, "intake"),
        ({"routed": 900}, "routing"),
        ({"opened": 700}, "process"),
        ({"tasks": 700}, "process"),
        ({"deadlines": 0}, "reminders"),
    ],
)
def test_the_first_room_that_is_behind_holds_the_list(behind: dict[str, int], room: str) -> None:
    held = holder(replace(WHOLE, **behind))  # type: ignore[arg-type]  # counts only
    assert held is not None
    assert held[0] == room


def test_nobody_holds_a_list_that_has_arrived() -> None:
    assert holder(WHOLE) is None
    assert holder(CLIENTS) is None


def test_a_client_base_waits_for_intake_only() -> None:
    assert holder(replace(CLIENTS, rows=2500)) == ("intake", "500 rows are sent and not taken in yet")


def test_the_figures_tell_the_speed_of_what_was_new() -> None:
    lines = dict(figures(WHOLE, 2.0))
    assert lines["time"] == "2.0 s, 500 rows/s"
    assert lines["rejected"] == "30"
    assert lines["no leads"].startswith("4 rows")


def test_a_repeated_import_says_that_all_was_here_already() -> None:
    lines = dict(figures(replace(WHOLE, before=1000), 1.0))
    assert lines["here already"].startswith("1,000 rows")
    assert lines["time"] == "1.0 s"


@pytest.mark.rule("G6")
def test_the_managers_table_tells_received_fair_share_and_deviation() -> None:
    rows = [line.split() for line in printed(managers_table(MANAGERS)).splitlines()]
    petrova = next(row for row in rows if row[:1] == ["Петрова"])
    assert petrova[2:7] == ["msk", "130", "100", "99.50", "+0.50"]
    late = next(row for row in rows if row[:1] == ["Поздно"])
    assert late[2:7] == ["ekb", "5", "0", "3.00", "-3.00"]


def test_a_bar_is_as_long_as_what_was_shared_and_marks_what_was_fair() -> None:
    assert bar(10, 0, 10, width=10) == "█" * 10
    assert bar(5, 0, 10, width=10) == "█" * 5
    assert bar(5, 8, 10, width=10) == "█████  ┃"
    assert bar(10, 5, 10, width=10) == "████┃█████"
    assert bar(0, 0, 0) == ""


def test_a_bar_is_never_longer_than_its_width() -> None:
    assert len(bar(20, 30, 10, width=10)) <= 10


def test_the_accounting_is_one_line_of_sums() -> None:
    assert accounting(WHOLE) == (
        "1,010 rows = 700 new + 230 same + 50 possible + 30 rejected; "
        "980 accepted = 980 routed = 760 opened + 220 joined; 760 tasks = 760 deadlines"
    )


def test_notes_come_last_and_as_they_are() -> None:
    assert "Rejected rows: [list]-rejected.csv" in printed(
        report("list", WHOLE, MANAGERS, 2.0, ["Rejected rows: [list]-rejected.csv"])
    )
