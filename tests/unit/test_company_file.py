"""The company file is read as one command, or answered with all its mistakes, each with line, field and remedy."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from importlib.resources import files
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from estafeta.company.coverage import regions_to_look_at
from estafeta.company.fields import RU_SUBJECTS
from estafeta.company.reading import CompanyFileWrong, read_company
from estafeta.company.toml_lines import lines_of_entries
from shared.commands import ApplyCompany

GOOD = """\
[company]
name = "Насосы и Арматура"
home_region = "RU-MOW"
time_zone = "Europe/Moscow"

[[offices]]
id = "msk"
name = "Москва"
regions = ["RU-MOW", "RU-MOS"]

[[offices]]
id = "ala"
name = "Алматы"
regions = ["KZ"]
time_zone = "Asia/Almaty"
calendar = "KZ"

[[staff]]
id = "petrova"
name = "Петрова Анна"
office = "msk"
function = "sales"

[[staff]]
id = "kim"
name = "Ким Виктория"
office = "ala"
function = "head"
weight = 0.5
"""

Read = Callable[[str], ApplyCompany]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """Read a company file with this text."""

    def of(text: str) -> ApplyCompany:
        path = tmp_path / "company.toml"
        path.write_text(text, "utf-8")
        return read_company(path)

    return of


def mistakes(read: Read, text: str) -> list[tuple[int, str, str, str]]:
    with pytest.raises(CompanyFileWrong) as caught:
        read(text)
    return [(one.line, one.field, one.problem, one.remedy) for one in caught.value.mistakes]


def test_a_good_file_is_one_command(read: Read) -> None:
    command = read(GOOD)
    assert (command.name, command.home_region, command.time_zone) == ("Насосы и Арматура", "RU-MOW", "Europe/Moscow")
    assert [(office.id, office.time_zone, office.hours, office.calendar) for office in command.offices] == [
        ("msk", "Europe/Moscow", "Mon-Fri 09:00-18:00", "RU"),
        ("ala", "Asia/Almaty", "Mon-Fri 09:00-18:00", "KZ"),
    ]
    assert [(person.id, person.function, person.weight) for person in command.staff] == [
        ("petrova", "sales", 1.0),
        ("kim", "head", 0.5),
    ]
    assert ApplyCompany.model_validate_json(command.model_dump_json()) == command


@pytest.mark.rule("R1-08")
def test_a_shift_is_by_the_clock_of_its_office(read: Read) -> None:
    shift = "from = 2026-11-23T09:00:00\nto = 2026-11-23T18:00:00\n"
    command = read(
        GOOD + f'[[duty]]\noffice = "msk"\nstaff = "petrova"\n{shift}[[duty]]\noffice = "ala"\nstaff = "kim"\n{shift}'
    )
    assert [(one.staff, one.starts_at) for one in command.duty] == [
        ("kim", datetime(2026, 11, 23, 4, tzinfo=UTC)),
        ("petrova", datetime(2026, 11, 23, 6, tzinfo=UTC)),
    ]


def test_a_time_with_an_offset_means_itself(read: Read) -> None:
    command = read(
        GOOD + '[[duty]]\noffice = "msk"\nstaff = "kim"\nfrom = 2026-11-23T09:00:00Z\nto = 2026-11-23T10:00:00+00:00\n'
    )
    assert command.duty[0].starts_at == datetime(2026, 11, 23, 9, tzinfo=UTC)


@pytest.mark.rule("R1-08")
def test_a_recurring_duty_stands_for_a_shift_on_each_of_its_days_but_holidays(read: Read) -> None:
    command = read(
        GOOD
        + '[[duty]]\noffice = "msk"\nstaff = "petrova"\ndays = "Mon-Wed"\nhours = "10:00-19:00"\n'
        + "from = 2026-12-28\nto = 2027-01-13\n"
    )
    zone = ZoneInfo("Europe/Moscow")
    local = [(one.starts_at.astimezone(zone), one.ends_at.astimezone(zone)) for one in command.duty]
    assert [start.date() for start, _ in local] == [
        date(2026, 12, 28), date(2026, 12, 29), date(2026, 12, 30), date(2027, 1, 11), date(2027, 1, 12), date(2027, 1, 13)
    ]  # fmt: skip
    assert all((start.hour, end.hour) == (10, 19) for start, end in local)


def test_weeks_keep_one_of_so_many_counted_from_the_first(read: Read) -> None:
    command = read(
        GOOD
        + '[[duty]]\noffice = "msk"\nstaff = "petrova"\ndays = "Mon"\nhours = "10:00-19:00"\nweeks = "2/3"\n'
        + "from = 2026-11-18\nto = 2026-12-20\n"
    )
    assert [one.starts_at.date() for one in command.duty] == [date(2026, 11, 23), date(2026, 12, 14)]


def test_shifts_of_one_person_that_overlap_become_one(read: Read) -> None:
    head = '[[duty]]\noffice = "msk"\nstaff = "petrova"\n'
    command = read(
        GOOD
        + f"{head}from = 2026-11-23T09:00:00\nto = 2026-11-23T14:00:00\n"
        + f"{head}from = 2026-11-23T13:00:00\nto = 2026-11-23T18:00:00\n"
    )
    assert [(one.ends_at - one.starts_at) for one in command.duty] == [timedelta(hours=9)]


@pytest.mark.rule("R1-24")
def test_the_last_day_of_an_absence_belongs_to_it(read: Read) -> None:
    command = read(GOOD + '[[absences]]\nstaff = "kim"\nfrom = 2026-12-01\nto = 2026-12-14\n')
    only = command.absences[0]
    assert (only.starts_at, only.ends_at, only.reason) == (
        datetime(2026, 11, 30, 19, tzinfo=UTC),
        datetime(2026, 12, 14, 19, tzinfo=UTC),
        "vacation",
    )


ENTRY = GOOD + '[[duty]]\noffice = "msk"\nstaff = "petrova"\n'


@pytest.mark.parametrize(
    ("text", "line", "field", "problem", "remedy"),
    [
        (GOOD.replace('"RU-MOW"\n', '"Moscow"\n'), 3, "company.home_region", "no region code", '"RU-MOW"'),
        (GOOD.replace('= "RU-MOW"\n', '= "ru-mow"\n'), 3, "company.home_region", "no region code", 'mean "RU-MOW"?'),
        (GOOD.replace('"RU-MOS"', '"RU-MSK"'), 9, "offices[msk].regions", "no region 'RU-MSK'", "RU-MOW"),
        (GOOD.replace('= "RU-MOW"', '= "RU-SPE"'), 3, "company.home_region", "no office serves", "RU-MOW"),
        (GOOD.replace("Europe/Moscow", "Europe/Moskow"), 4, "company.time_zone", "no time zone", "'Europe/Moscow'?"),
        (GOOD.replace('calendar = "KZ"', 'calendar = "QQ"'), 16, "offices[ala].calendar", "no calendar", "country code"),
        (
            GOOD.replace('calendar = "KZ"', 'hours = "9 to 6"'),
            16, "offices[ala].hours", "'9 to 6' is not understood", "Write it like",
        ),
        (
            GOOD.replace('calendar = "KZ"', 'hours = "Mon-Fri 18:00-09:00"'),
            16, "offices[ala].hours", "closes before it opens", "Split a night",
        ),
        (GOOD.replace('regions = ["KZ"]', 'regions = "KZ"'), 14, "offices[ala].regions", "no list", "regions = ["),
        (GOOD.replace('["KZ"]', '["KZ", "RU-MOS"]'), 14, "offices[ala].regions", "the office msk already", "one office"),
        (GOOD.replace('calendar = "KZ"', 'colour = "red"'), 16, "offices[ala].colour", "no such field", "Fields are id,"),
        (GOOD.replace('calendar = "KZ"', 'hour = "x"'), 16, "offices[ala].hour", "no such field", "Did you mean 'hours'?"),
        (GOOD.replace('name = "Алматы"\n', ""), 11, "offices[ala].name", "it is missing", "Add name ="),
        (GOOD.replace('"ala"\nname', '"msk"\nname', 1), 12, "offices[msk].id", "in line 7", "its own id"),
        (GOOD.replace('id = "kim"', 'id = "petrova"'), 25, "staff[petrova].id", "in line 19", "its own id"),
        (GOOD.replace('id = "kim"', 'id = "ким и ко"'), 25, "staff[ким и ко].id", "is no id", "without blanks"),
        (GOOD.replace('office = "ala"', 'office = "alm"'), 27, "staff[kim].office", "no office 'alm'", "mean 'ala'?"),
        (GOOD.replace('"head"', '"heads"'), 28, "staff[kim].function", "no function 'heads'", "Did you mean 'head'?"),
        (GOOD.replace("0.5", "0"), 29, "staff[kim].weight", "no weight above 0", "weight = 1.0"),
        (GOOD.replace("0.5", '"much"'), 29, "staff[kim].weight", "no weight above 0", "weight = 1.0"),
        (GOOD.replace("0.5", "true"), 29, "staff[kim].weight", "no weight above 0", "weight = 1.0"),
        (GOOD.replace('"Ким Виктория"', "7"), 26, "staff[kim].name", "7 is no text", "Write name ="),
        (GOOD + '[[staf]]\nid = "x"\n', 30, "staf", "no such table", "Did you mean 'staff'?"),
        (GOOD.replace("[[offices]]\nid = \"ala\"", "[[offices]]\nid = [1]"), 12, "offices[2].id", "is no id", "1 to 64"),
        (
            ENTRY + "from = 2026-11-23T19:00:00\nto = 2026-11-23T18:00:00\n",
            34, "duty[petrova].to", "ends before it begins", "after `from`",
        ),
        (ENTRY + "from = 2026-11-23\nto = 2026-11-24\n", 33, "duty[petrova].from", "needs a time of day", "days and hours"),
        (
            ENTRY + 'from = "2026-11-23"\nto = 2026-11-24T09:00:00\n',
            33, "duty[petrova].from", "is no day", "without quotes",
        ),
        (
            ENTRY + 'from = 2026-11-23\nto = 2026-11-24\ndays = "Mon-Fry"\nhours = "09:00-18:00"\n',
            35, "duty[petrova].days", "names no weekdays", "Mon-Fri",
        ),
        (
            ENTRY + 'from = 2026-11-23\nto = 2026-11-24\ndays = "Mon"\nhours = "09:00-25:00"\n',
            36, "duty[petrova].hours", "no time of day", "00:00 to 24:00",
        ),
        (
            ENTRY + 'from = 2026-11-23\nto = 2026-11-24\ndays = "Mon"\n',
            30, "duty[petrova].hours", "needs it", "hours =",
        ),
        (
            ENTRY + 'from = 2026-11-23\nto = 2036-11-24\ndays = "Mon"\nhours = "09:00-18:00"\n',
            34, "duty[petrova].to", "more than three years", "earlier",
        ),
        (
            ENTRY + 'from = 2026-11-23\nto = 2026-11-24\ndays = "Mon"\nhours = "09:00-18:00"\nweeks = "3/2"\n',
            37, "duty[petrova].weeks", "names no week", "1/2",
        ),
        (
            GOOD + '[[absences]]\nstaff = "kin"\nfrom = 2026-12-01\nto = 2026-12-14\n',
            31, "absences[kin].staff", "no member of staff 'kin'", "mean 'kim'?",
        ),
        (
            GOOD + '[[absences]]\nstaff = "kim"\nfrom = 2026-12-14\nto = 2026-12-01\n',
            33, "absences[kim].to", "ends before it begins", "not before",
        ),
        (GOOD.replace("[company]\n", "[firm]\n"), 1, "firm", "no such table", "Tables are company"),
        (GOOD.replace('["KZ"]', '["KZ"'), 15, "file", "this is no TOML", "quotes"),
    ],
)  # fmt: skip
def test_each_mistake_names_line_field_problem_and_remedy(
    read: Read, text: str, line: int, field: str, problem: str, remedy: str
) -> None:
    found = [one for one in mistakes(read, text) if one[1] == field]
    assert found, f"no mistake about {field}: {mistakes(read, text)}"
    assert found[0][0] == line
    assert problem in found[0][2]
    assert remedy in found[0][3]


def test_all_mistakes_are_told_at_once_in_the_order_of_their_lines(read: Read) -> None:
    text = GOOD.replace('"head"', '"boss"').replace("0.5", "-1").replace('"RU-MOS"', '"Moscow"')
    found = mistakes(read, text)
    assert [line for line, *_ in found] == [9, 28, 29]
    with pytest.raises(CompanyFileWrong, match=r"3 mistakes in the company file:\ncompany\.toml:9: offices\[msk\]"):
        read(text)


def test_a_file_that_is_not_there_or_not_utf8_is_named(tmp_path: Path) -> None:
    with pytest.raises(CompanyFileWrong, match=r"none\.toml:1: file: the file cannot be opened"):
        read_company(tmp_path / "none.toml")
    (tmp_path / "a.toml").write_bytes('[company]\nname = "Вега"\n'.encode("cp1251"))
    with pytest.raises(CompanyFileWrong, match=r"a\.toml:2: file: this is no UTF-8"):
        read_company(tmp_path / "a.toml")


def test_lines_are_found_past_long_texts_lists_and_comments() -> None:
    text = (
        '[a]\nx = """\ny = 1\n[b]\n"""\nz = [\n  "]", # ]\n  "q = 1",\n]\n\n[[b]]\n"k" = 1\n[[b]]\nk = \'"\'\nl = 2\n'
    )
    assert lines_of_entries(text) == {
        ("a", 0, ""): 1, ("a", 0, "x"): 2, ("a", 0, "z"): 6,
        ("b", 0, ""): 11, ("b", 0, "k"): 12, ("b", 1, ""): 13, ("b", 1, "k"): 14, ("b", 1, "l"): 15,
    }  # fmt: skip


def test_the_sample_company_has_a_duty_in_every_working_week_and_regions_of_five_offices() -> None:
    command = read_company(Path(str(files("estafeta.sample") / "company.toml")))
    assert [office.id for office in command.offices] == ["msk", "spb", "kzn", "ekb", "ala"]
    home = [person.function for person in command.staff if person.office == "msk"]
    assert home.count("sales") == 6
    assert {"agent", "account", "head", "head_of_sales", "director"} <= set(home)
    for office in command.offices:
        functions = [person.function for person in command.staff if person.office == office.id]
        assert "head" in functions
        assert functions.count("sales") >= 2
    # only the long January holidays leave a week without anybody
    weeks = {shift.starts_at.isocalendar()[:2] for shift in command.duty}
    day, missing = date(2026, 11, 2), []
    while day <= date(2028, 12, 31):
        if day.isocalendar()[:2] not in weeks:
            missing.append(day)
        day += timedelta(days=7)
    assert all(one.month in (12, 1) for one in missing)
    assert len(missing) <= 2


@pytest.mark.rule("R1-24")
def test_staff_have_languages_caps_and_a_notice_date_by_the_clock_of_their_office(read: Read) -> None:
    text = GOOD + 'languages = ["ru", "kk", "ru"]\nper_day = 12\nopen_leads = 40\nnotice = 2026-12-15\n'
    kim = read(text).staff[1]
    assert (kim.languages, kim.per_day, kim.open_leads) == (["kk", "ru"], 12, 40)
    assert kim.notice_at == datetime(2026, 12, 14, 19, tzinfo=UTC)
    petrova = read(GOOD).staff[0]
    assert (petrova.languages, petrova.per_day, petrova.open_leads, petrova.notice_at) == ([], None, None, None)


@pytest.mark.parametrize(
    ("line", "field", "problem"),
    [
        ("per_day = 0", "per_day", "0 is no number of leads"),
        ("open_leads = true", "open_leads", "True is no number of leads"),
        ('languages = "ru"', "languages", "is no list of languages"),
        ('languages = ["Russian"]', "languages", "is no list of languages"),
        ('notice = "soon"', "notice", "'soon' is no day"),
    ],
)
def test_a_wrong_cap_language_or_notice_is_named(read: Read, line: str, field: str, problem: str) -> None:
    ((at, where, what, remedy),) = mistakes(read, GOOD + line + "\n")
    assert (at, where) == (30, f"staff[kim].{field}")
    assert problem in what
    assert remedy


@pytest.mark.rule("R1-46")
def test_gaps_and_overlaps_of_regions_are_told(read: Read) -> None:
    gap, others = regions_to_look_at(read(GOOD))
    assert gap.startswith("no office serves RU-AD, RU-AL, ")
    assert "and 71 more" in gap
    assert "RU-MOW" not in gap
    assert others == "no office serves any country but KZ, RU: leads from others go to the head of sales (G8)"
    assert regions_to_look_at(read(GOOD.replace('"RU-MOS"]', '"RU"]'))) == [others]
    in_part = regions_to_look_at(read(GOOD.replace('"RU-MOS"]', '"RU"]').replace('["KZ"]', '["KZ-ALA", "KZ-AST"]')))
    assert in_part[0].startswith(
        "of KZ only KZ-ALA, KZ-AST is served: leads from elsewhere in KZ go to the head of sales"
    )
    overlap = regions_to_look_at(read(GOOD.replace('["KZ"]', '["KZ", "RU-SPE"]').replace('"RU-MOS"]', '"RU"]')))
    assert overlap == [others, "RU-SPE of the office ala lies within RU of the office msk: leads from RU-SPE go to ala"]


def test_what_iso_3166_names_in_russia_is_83_subjects() -> None:
    assert len(RU_SUBJECTS) == 83
