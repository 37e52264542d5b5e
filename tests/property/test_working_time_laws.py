"""Laws that adding and measuring working time keep in every zone, on every day."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from shared.working_time import OfficeCalendar

CALENDARS = [
    OfficeCalendar.of("Europe/Moscow", "Mon-Fri 09:00-18:00", "RU"),
    OfficeCalendar.of("Asia/Yekaterinburg", "Mon-Thu 09:00-13:00, 14:00-18:00; Fri 09:00-17:00", "RU"),
    OfficeCalendar.of("Asia/Almaty", "Mon-Sat 10:00-19:30", "KZ", working_days=[date(2025, 3, 22)]),
    OfficeCalendar.of("Europe/Berlin", "Mon-Sun 00:00-06:00, 22:00-24:00", "DE"),
    OfficeCalendar.of("America/New_York", "Sun-Sat 00:00-24:00", "US", days_off=[date(2026, 6, 1)]),
    OfficeCalendar.of("Pacific/Kiritimati", "Tue 00:30-01:30, 02:00-03:00; Sat 23:00-24:00", "KI"),
    OfficeCalendar.of("America/St_Johns", "Mon-Fri 01:30-02:30", "CA"),
]
unhurried = settings(deadline=None)  # a busy machine is no fault of the arithmetic
calendars = st.sampled_from(CALENDARS)
moments = st.datetimes(datetime(2023, 12, 25), datetime(2027, 1, 10), timezones=st.just(UTC))  # noqa: DTZ001
spans = st.timedeltas(timedelta(), timedelta(hours=400))


def is_open(calendar: OfficeCalendar, at: datetime) -> bool:
    """Whether `at` lies in a closed working interval, asked another way: no working time passes around others."""
    tick = timedelta(microseconds=1)
    return calendar.between(at - tick, at + tick) > timedelta()


@unhurried
@given(calendars, moments, spans)
def test_between_measures_what_add_added(calendar: OfficeCalendar, start: datetime, span: timedelta) -> None:
    assert calendar.between(start, calendar.add(start, span)) == span
    assert calendar.between(calendar.add(start, -span), start) == span


@unhurried
@given(calendars, moments, spans)
def test_a_sum_never_lands_outside_working_time(calendar: OfficeCalendar, start: datetime, span: timedelta) -> None:
    assert is_open(calendar, calendar.add(start, span))
    assert is_open(calendar, calendar.add(start, -timedelta(microseconds=1) - span))


@unhurried
@given(calendars, moments, spans, spans)
def test_two_sums_are_one(calendar: OfficeCalendar, start: datetime, one: timedelta, two: timedelta) -> None:
    assert calendar.add(calendar.add(start, one), two) == calendar.add(start, one + two)


@unhurried
@given(calendars, moments, moments, spans, spans)
def test_later_starts_and_longer_spans_end_no_earlier(
    calendar: OfficeCalendar, one: datetime, two: datetime, short: timedelta, long: timedelta
) -> None:
    one, two = sorted((one, two))
    short, long = sorted((short, long))
    assert calendar.add(one, short) <= calendar.add(two, short)
    assert calendar.add(one, short) <= calendar.add(one, long)
    assert timedelta() <= calendar.between(one, two) <= two - one


@unhurried
@given(calendars, moments, moments, moments)
def test_working_time_adds_up_over_any_cut(calendar: OfficeCalendar, a: datetime, b: datetime, c: datetime) -> None:
    assert calendar.between(a, b) + calendar.between(b, c) == calendar.between(a, c)


@unhurried
@given(calendars, moments, st.integers(0, 40), st.integers(0, 40))
def test_working_days_end_on_working_days_and_in_order(
    calendar: OfficeCalendar, start: datetime, days: int, more: int
) -> None:
    due = calendar.add_days(start, days)
    assert due >= start
    assert is_open(calendar, due)
    assert calendar.add_days(start, days + more) >= due


@unhurried
@given(calendars, st.dates(date(2024, 1, 1), date(2026, 12, 31)))
def test_a_day_opens_and_closes_exactly_when_it_is_worked(calendar: OfficeCalendar, day: date) -> None:
    opens, closes = calendar.opens_at(day), calendar.closes_at(day)
    if opens is not None and closes is not None:
        assert calendar.is_working_day(day)
        assert opens < closes
        assert opens.astimezone(calendar.zone).date() == day
    else:
        assert opens is closes is None
    earlier = calendar.earlier_working_day(day)
    assert earlier <= day
    assert calendar.is_working_day(earlier)


@settings(max_examples=30, deadline=None)
@given(calendars, moments)
def test_a_year_is_the_sum_of_its_days(calendar: OfficeCalendar, at: datetime) -> None:
    """The table with its cumulative sums agrees with days counted one by one."""
    days = [at.date() + timedelta(n) for n in range(60)]
    worked = timedelta()
    for day in days:
        opens, closes = calendar.opens_at(day), calendar.closes_at(day)
        if opens is not None and closes is not None:
            worked += calendar.between(opens, closes)
    start = datetime.combine(days[0], datetime.min.time(), calendar.zone)
    end = datetime.combine(days[-1] + timedelta(1), datetime.min.time(), calendar.zone)
    assert calendar.between(start, end) == worked
