"""The company file says what must be covered, who wishes what, and how many hours somebody is on duty at most."""

from __future__ import annotations

from datetime import date
from importlib.resources import files
from pathlib import Path

import pytest

from estafeta.company.reading import CompanyFileWrong, read_company
from shared.commands import ApplyCompany, CoverEntry, WishEntry

HEAD = """\
[company]
name = "Насосы"
home_region = "RU-MOW"
time_zone = "Europe/Moscow"

[[offices]]
id = "msk"
name = "Москва"
regions = ["RU-MOW"]

[[staff]]
id = "petrova"
name = "Петрова Анна"
office = "msk"
function = "sales"
"""
COVER = '[[cover]]\noffice = "msk"\ndays = "Mon-Fri"\n'
WISH = '[[wishes]]\nstaff = "petrova"\nwish = "off"\n'


def read(tmp_path: Path, text: str) -> ApplyCompany:
    path = tmp_path / "company.toml"
    path.write_text(HEAD + text, "utf-8")
    return read_company(path)


@pytest.mark.rule("R1-08")
def test_cover_wishes_and_weekly_hours_are_read(tmp_path: Path) -> None:
    said = read(
        tmp_path,
        "duty_hours = 20.5\n"
        + COVER
        + 'hours = "09:00-13:30"\npeople = 2\nfrom = 2026-12-01\nto = 2026-12-31\n'
        + COVER
        + 'hours = "13:30-18:00"\n'
        + WISH
        + 'days = "Fri"\nhours = "15:00-18:00"\n'
        + WISH.replace("off", "on")
        + 'days = "Mon, Wed"\nfrom = 2026-12-01\n',
    )
    assert [person.duty_hours for person in said.staff] == [20.5]
    assert said.cover == [
        CoverEntry(
            office="msk",
            days="Mon-Fri",
            hours="09:00-13:30",
            people=2,
            since=date(2026, 12, 1),
            until=date(2026, 12, 31),
        ),
        CoverEntry(office="msk", days="Mon-Fri", hours="13:30-18:00"),
    ]
    assert said.wishes == [
        WishEntry(staff="petrova", wish="off", days="Fri", hours="15:00-18:00"),
        WishEntry(staff="petrova", wish="on", days="Mon, Wed", since=date(2026, 12, 1)),
    ]
    assert ApplyCompany.model_validate_json(said.model_dump_json()) == said


@pytest.mark.parametrize(
    ("text", "line", "field", "problem", "remedy"),
    [
        ("duty_hours = 0\n", 16, "staff[petrova].duty_hours", "no number of hours", "leave it out"),
        ("duty_hours = true\n", 16, "staff[petrova].duty_hours", "no number of hours", "leave it out"),
        (COVER, 16, "cover[1].hours", "missing", "hours ="),
        (COVER + 'hours = "9-18"\n', 19, "cover[1].hours", "is no shift", "09:00-18:00"),
        (COVER + 'hours = "18:00-09:00"\n', 19, "cover[1].hours", "closes before it opens", "midnight"),
        (COVER + 'hours = "09:00-18:00"\npeople = 0\n', 20, "cover[1].people", "from 1 to 100", "people = 2"),
        (
            COVER + 'hours = "09:00-18:00"\nfrom = 2026-12-02\nto = 2026-12-01\n',
            21,
            "cover[1].to",
            "ends before",
            "not before",
        ),
        (
            COVER + 'hours = "09:00-18:00"\nfrom = 2026-12-02T09:00:00\n',
            20,
            "cover[1].from",
            "is no day",
            "without a time",
        ),
        (COVER.replace("msk", "msc") + 'hours = "09:00-18:00"\n', 17, "cover[1].office", "'msc'", "mean 'msk'?"),
        (WISH + 'days = "Fryday"\n', 19, "wishes[petrova].days", "no weekdays", "Mon-Fri"),
        (WISH.replace("off", "free") + 'days = "Fri"\n', 18, "wishes[petrova].wish", "no wish 'free'", "off, on"),
        (WISH + 'days = "Fri"\nhours = "25:00-26:00"\n', 20, "wishes[petrova].hours", "no time of day", "24:00"),
        (WISH, 16, "wishes[petrova].days", "missing", "days ="),
    ],
)
def test_a_mistake_names_line_field_problem_and_remedy(
    tmp_path: Path, text: str, line: int, field: str, problem: str, remedy: str
) -> None:
    with pytest.raises(CompanyFileWrong) as caught:
        read(tmp_path, text)
    (found,) = caught.value.mistakes
    assert (found.line, found.field) == (line, field)
    assert problem in found.problem
    assert remedy in found.remedy


def test_the_sample_shows_every_field() -> None:
    said = read_company(Path(str(files("estafeta.sample") / "company.toml")))
    assert said.cover
    assert {wish.wish for wish in said.wishes} == {"off", "on"}
    assert [person.id for person in said.staff if person.duty_hours] == ["sidorov"]
