"""Office calendars against the decrees, the clock change and the sloppy hand."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from shared.working_time import OfficeCalendar

MOSCOW = OfficeCalendar.of("Europe/Moscow", "Mon-Fri 09:00-18:00", "RU")
ALMATY = OfficeCalendar.of("Asia/Almaty", "Mon-Fri 09:00-18:00", "KZ")
YEKATERINBURG = OfficeCalendar.of("Asia/Yekaterinburg", "Mon-Fri 09:00-18:00", "RU")

# The production calendars of Russia: days off on Monday to Friday, and working Saturdays, as the decrees set them.
DECREES = {
    2024: (
        "01-01 01-02 01-03 01-04 01-05 01-08 02-23 03-08 04-29 04-30 05-01 05-09 05-10 06-12 11-04 12-30 12-31",
        "04-27 11-02 12-28",
    ),
    2025: ("01-01 01-02 01-03 01-06 01-07 01-08 05-01 05-02 05-08 05-09 06-12 06-13 11-03 11-04 12-31", "11-01"),
    2026: ("01-01 01-02 01-05 01-06 01-07 01-08 01-09 02-23 03-09 05-01 05-11 06-12 11-04 12-31", ""),
}


def at(zone: str, *parts: int) -> datetime:
    return datetime(*parts, tzinfo=ZoneInfo(zone))  # type: ignore[arg-type, misc]  # year, month … as one would write them


def msk(*parts: int) -> datetime:
    return at("Europe/Moscow", *parts)


@pytest.mark.rule("SLA")
@pytest.mark.parametrize("year", DECREES)
def test_every_day_of_a_russian_year_is_as_the_decree_says(year: int) -> None:
    off, worked = ({date.fromisoformat(f"{year}-{day}") for day in days.split()} for days in DECREES[year])
    days = [date(year, 1, 1) + timedelta(n) for n in range(365 + (year % 4 == 0))]
    wrong = [
        day for day in days if MOSCOW.is_working_day(day) != (day in worked or (day.weekday() < 5 and day not in off))
    ]
    assert wrong == []


def test_thirty_working_minutes_on_a_working_morning_are_thirty_minutes() -> None:
    assert MOSCOW.add(msk(2026, 11, 23, 10, 0), timedelta(minutes=30)) == msk(2026, 11, 23, 10, 30)


def test_what_comes_on_friday_evening_waits_for_monday() -> None:
    assert MOSCOW.add(msk(2026, 11, 20, 17, 50), timedelta(minutes=30)) == msk(2026, 11, 23, 9, 20)
    assert MOSCOW.add(msk(2026, 11, 20, 23, 0), timedelta(minutes=30)) == msk(2026, 11, 23, 9, 30)


def test_the_long_new_year_holidays_are_skipped() -> None:
    assert MOSCOW.add(msk(2025, 12, 30, 17, 0), timedelta(hours=4)) == msk(2026, 1, 12, 12, 0)


def test_a_working_saturday_counts() -> None:
    assert MOSCOW.add(msk(2025, 10, 31, 17, 0), timedelta(hours=2)) == msk(2025, 11, 1, 10, 0)
    assert MOSCOW.opens_at(date(2025, 11, 1)) == msk(2025, 11, 1, 9)
    assert MOSCOW.closes_at(date(2025, 11, 1)) == msk(2025, 11, 1, 18)


def test_time_that_is_used_up_ends_at_closing_and_not_at_the_next_opening() -> None:
    assert MOSCOW.add(msk(2026, 11, 20, 17, 0), timedelta(hours=1)) == msk(2026, 11, 20, 18, 0)
    assert MOSCOW.add(msk(2026, 11, 19, 17, 0), timedelta(hours=10)) == msk(2026, 11, 20, 18, 0)
    assert MOSCOW.add(msk(2026, 11, 18, 23, 0), timedelta(hours=18)) == msk(2026, 11, 20, 18, 0)


def test_adding_nothing_keeps_a_working_moment_and_moves_any_other_to_the_opening() -> None:
    assert MOSCOW.add(msk(2026, 11, 20, 18, 0), timedelta()) == msk(2026, 11, 20, 18, 0)
    assert MOSCOW.add(msk(2026, 11, 20, 18, 0, 1), timedelta()) == msk(2026, 11, 23, 9, 0)
    assert MOSCOW.next_working_moment(msk(2026, 11, 21, 12, 0)) == msk(2026, 11, 23, 9, 0)
    assert MOSCOW.next_working_moment(msk(2026, 11, 23, 12, 0)) == msk(2026, 11, 23, 12, 0)


def test_going_back_ends_on_an_opening_and_not_on_the_closing_before() -> None:
    assert MOSCOW.add(msk(2026, 11, 23, 10, 0), timedelta(hours=-1)) == msk(2026, 11, 23, 9, 0)
    assert MOSCOW.add(msk(2026, 11, 23, 10, 0), timedelta(hours=-2)) == msk(2026, 11, 20, 17, 0)


def test_a_lunch_break_is_no_working_time() -> None:
    office = OfficeCalendar.of("Europe/Moscow", "Mon-Fri 09:00-13:00, 14:00-18:00", "RU")
    assert office.add(msk(2026, 11, 23, 12, 45), timedelta(minutes=30)) == msk(2026, 11, 23, 14, 15)
    assert office.closes_at(date(2026, 11, 23)) == msk(2026, 11, 23, 18)
    assert office.between(msk(2026, 11, 23), msk(2026, 11, 24)) == timedelta(hours=8)


def test_a_day_may_have_hours_of_its_own() -> None:
    office = OfficeCalendar.of("Europe/Moscow", "Mon-Thu 09:00-18:00; Fri 09:00-17:00", "RU")
    assert office.closes_at(date(2026, 11, 20)) == msk(2026, 11, 20, 17)
    assert office.closes_at(date(2025, 11, 1)) == msk(2025, 11, 1, 17), (
        "a moved Saturday is worked like the Friday before"
    )


def test_days_may_be_listed_in_any_case_and_around_the_weekend() -> None:
    office = OfficeCalendar.of("Europe/Moscow", "mon, Wed, FRI-sun 10:00–19:00;", "RU")
    worked = [office.is_working_day(date(2026, 11, 16) + timedelta(n)) for n in range(7)]
    assert worked == [True, False, True, False, True, True, True]


def test_an_office_that_never_closes_has_no_gap_at_midnight() -> None:
    office = OfficeCalendar.of(
        "Europe/Moscow", "Mon-Sun 00:00-24:00", "RU", working_days=[date(2026, 11, 4), date(2026, 12, 31)]
    )
    assert office.add(msk(2026, 11, 3, 23, 0), timedelta(hours=30)) == msk(2026, 11, 5, 5, 0)


def test_own_days_win_over_the_public_calendar() -> None:
    office = OfficeCalendar.of(
        "Europe/Moscow", "Mon-Fri 09:00-18:00", "RU", days_off=[date(2026, 11, 20)], working_days=[date(2026, 11, 4)]
    )
    assert not office.is_working_day(date(2026, 11, 20))
    assert office.is_working_day(date(2026, 11, 4))
    assert office.add(msk(2026, 11, 19, 17, 30), timedelta(hours=1)) == msk(2026, 11, 23, 9, 30)


def test_each_country_has_its_own_holidays_and_each_office_its_own_midnight() -> None:
    assert ALMATY.is_working_day(date(2026, 11, 4))
    assert not ALMATY.is_working_day(date(2026, 12, 16))
    assert YEKATERINBURG.opens_at(date(2026, 11, 23)) == datetime(2026, 11, 23, 4, tzinfo=UTC)
    assert ALMATY.opens_at(date(2026, 11, 23)) == datetime(2026, 11, 23, 4, tzinfo=UTC)
    assert YEKATERINBURG.add(msk(2026, 11, 23, 15, 45), timedelta(minutes=30)) == at(
        "Asia/Yekaterinburg", 2026, 11, 24, 9, 15
    )


def test_a_clock_change_neither_gives_nor_takes_working_time() -> None:
    night = OfficeCalendar.of("Europe/Berlin", "Mon-Sun 00:00-06:00", "DE")
    assert night.between(at("Europe/Berlin", 2026, 3, 29), at("Europe/Berlin", 2026, 3, 30)) == timedelta(hours=5)
    assert night.between(at("Europe/Berlin", 2026, 10, 25), at("Europe/Berlin", 2026, 10, 26)) == timedelta(hours=7)
    berlin = OfficeCalendar.of("Europe/Berlin", "Mon-Fri 09:00-18:00", "DE")
    friday = at("Europe/Berlin", 2026, 3, 27, 17)
    assert berlin.add(friday, timedelta(hours=2)) == at("Europe/Berlin", 2026, 3, 30, 10)
    assert berlin.add(friday, timedelta(hours=2)) - friday.astimezone(UTC) == timedelta(hours=64)


def test_hours_that_the_clock_change_swallows_do_not_exist_that_night() -> None:
    office = OfficeCalendar.of("Europe/Berlin", "Mon-Sun 02:00-03:00", "DE")
    assert office.opens_at(date(2026, 3, 29)) is None
    assert office.between(at("Europe/Berlin", 2026, 10, 25), at("Europe/Berlin", 2026, 10, 26)) == timedelta(hours=2)


@pytest.mark.rule("SLA")
def test_working_days_end_when_the_last_of_them_closes() -> None:
    assert MOSCOW.add_days(msk(2026, 11, 23, 10, 37), 1) == msk(2026, 11, 24, 18)
    assert MOSCOW.add_days(msk(2026, 11, 20, 10, 37), 3) == msk(2026, 11, 25, 18)
    assert MOSCOW.add_days(msk(2026, 11, 21, 10, 37), 1) == msk(2026, 11, 23, 18)
    assert MOSCOW.add_days(msk(2026, 11, 2, 20, 0), 3) == msk(2026, 11, 6, 18), "the 4th is Unity Day"


def test_no_working_day_more_is_today_while_the_office_is_open() -> None:
    assert MOSCOW.add_days(msk(2026, 11, 23, 10), 0) == msk(2026, 11, 23, 18)
    assert MOSCOW.add_days(msk(2026, 11, 23, 19), 0) == msk(2026, 11, 24, 18)
    assert MOSCOW.add_days(msk(2026, 11, 22, 10), 0) == msk(2026, 11, 23, 18)


@pytest.mark.rule("R4-12")
def test_a_day_moves_earlier_to_a_working_day() -> None:
    assert MOSCOW.earlier_working_day(date(2026, 5, 4)) == date(2026, 5, 4)
    assert MOSCOW.earlier_working_day(date(2026, 5, 11)) == date(2026, 5, 8)
    assert MOSCOW.earlier_working_day(date(2026, 1, 7)) == date(2025, 12, 30)


def test_the_table_grows_in_both_directions_without_changing_its_mind() -> None:
    office = OfficeCalendar.of("Europe/Moscow", "Mon-Fri 09:01-18:00", "RU")
    first = office.add(msk(2026, 11, 23, 10), timedelta(hours=1))
    late = office.add(msk(2031, 6, 3, 10), timedelta(hours=100))
    early = office.add(msk(2016, 6, 3, 10), timedelta(hours=100))
    assert office.add(msk(2026, 11, 23, 10), timedelta(hours=1)) == first
    assert office.add(msk(2031, 6, 3, 10), timedelta(hours=100)) == late
    assert office.add(msk(2016, 6, 3, 10), timedelta(hours=100)) == early
    assert office.add(msk(2026, 11, 23, 10), timedelta(hours=20_000)).year == 2035
    assert office.add(msk(2026, 11, 23, 10), timedelta(hours=-20_000)).year == 2017
    assert office.between(msk(2016, 1, 1), msk(2026, 1, 1)) == -office.between(msk(2026, 1, 1), msk(2016, 1, 1))


def test_an_office_shut_for_years_is_searched_past() -> None:
    shut = [date(2026, 1, 1) + timedelta(n) for n in range(900)]
    office = OfficeCalendar.of("Europe/Moscow", "Mon-Fri 09:00-18:00", "RU", days_off=shut)
    assert office.next_working_moment(msk(2026, 11, 23)) == msk(2028, 6, 19, 9)
    assert office.add(msk(2026, 11, 23), timedelta(hours=-1)) == msk(2025, 12, 30, 17)


def test_the_same_arguments_give_the_same_calendar() -> None:
    days = [date(2026, 11, 20), date(2026, 11, 19)]
    one = OfficeCalendar.of("Europe/Moscow", "Mon-Fri 09:00-18:00", "RU", days)
    assert one is OfficeCalendar.of("Europe/Moscow", "Mon-Fri 09:00-18:00", "RU", reversed(days))
    assert str(one.zone) == "Europe/Moscow"


@pytest.mark.parametrize(
    ("zone", "hours", "calendar", "told"),
    [
        ("Europe/Moskva", "Mon-Fri 09:00-18:00", "RU", "'Europe/Moskva' is no time zone"),
        ("", "Mon-Fri 09:00-18:00", "RU", "is no time zone"),
        ("../etc/passwd", "Mon-Fri 09:00-18:00", "RU", "is no time zone"),
        ("Europe/Moscow", "", "RU", "is not understood; write it like 'Mon-Fri 09:00-18:00'"),
        ("Europe/Moscow", "9 to 18", "RU", "'9 to 18' is not understood"),
        (
            "Europe/Moscow",
            "Mon-Fri 09:00-18:00; Caturday 09:00-10:00",
            "RU",
            "'Caturday 09:00-10:00' is not understood",
        ),
        ("Europe/Moscow", "Mon-Fri 09:00-25:00", "RU", "'25:00' is no time of day"),
        ("Europe/Moscow", "Mon-Fri 09:60-18:00", "RU", "'09:60' is no time of day"),
        ("Europe/Moscow", "Mon-Fri 22:00-06:00", "RU", "closes before it opens; split a night at midnight"),
        ("Europe/Moscow", "Mon-Fri 09:00-13:00, 12:00-18:00", "RU", "'12:00-18:00' overlaps"),
        ("Europe/Moscow", "Mon-Fri 09:00-18:00; Fri 09:00-17:00", "RU", "Fri is given twice"),
        ("Europe/Moscow", "Mon-Fri 09:00-18:00", "XX", "'XX' is no calendar of public holidays"),
        ("Europe/Moscow", "Mon-Fri 09:00-18:00", "", "is no calendar of public holidays"),
        ("Europe/Moscow", "Mon-Fri 09:00-18:00", "RU-XXX", "is no calendar of public holidays"),
    ],
)
def test_a_bad_text_is_refused_with_what_is_wrong_and_how_to_mend_it(
    zone: str, hours: str, calendar: str, told: str
) -> None:
    with pytest.raises(ValueError, match=re.escape(told)):
        OfficeCalendar.of(zone, hours, calendar)


def test_a_day_cannot_be_off_and_worked() -> None:
    with pytest.raises(ValueError, match="2026-11-20 is named both"):
        OfficeCalendar.of("Europe/Moscow", "Mon-Fri 09:00-18:00", "RU", [date(2026, 11, 20)], [date(2026, 11, 20)])


def test_moments_without_a_zone_negative_days_and_absurd_years_are_refused() -> None:
    with pytest.raises(ValueError, match="has no time zone"):
        MOSCOW.add(datetime(2026, 11, 20), timedelta())  # noqa: DTZ001
    with pytest.raises(ValueError, match="-1 working days"):
        MOSCOW.add_days(msk(2026, 11, 20), -1)
    with pytest.raises(ValueError, match="asked for the year 2200"):
        MOSCOW.add(msk(2026, 11, 20), timedelta(days=365 * 400))
