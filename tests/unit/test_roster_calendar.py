"""The roster as iCalendar: what is published is read back as it was, and what others publish is understood."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from estafeta.roster_calendar import Reading, published, read_calendar
from estafeta.trouble import Trouble

MSK = {"id": "msk", "name": "Москва", "time_zone": "Europe/Moscow", "hours": "Mon-Fri 09:00-18:00", "calendar": "RU"}
BER = {"id": "ber", "name": "Berlin", "time_zone": "Europe/Berlin", "hours": "Mon-Fri 09:00-18:00", "calendar": "DE"}
STAFF: list[dict[str, Any]] = [
    {"id": "petrova", "name": "Петрова Анна"},
    {"id": "orlov", "name": "Орлов Иван"},
    {"id": "orlova", "name": "Орлова Ирина"},
    {"id": "gone", "name": "Ушедший Пётр", "active": False},
    {"id": "petrova2", "name": "Петрова Юлия"},
]
SINCE, UNTIL = datetime(2026, 10, 1, tzinfo=UTC), datetime(2027, 5, 1, tzinfo=UTC)
NOW = datetime(2026, 11, 22, 8, tzinfo=UTC)


def read(tmp_path: Path, text: str | bytes, office: dict[str, Any] = MSK, **span: datetime) -> Reading:
    file = tmp_path / "duty.ics"
    file.write_bytes(text if isinstance(text, bytes) else text.replace("\n", "\r\n").encode())
    return read_calendar(file, office, STAFF, span.get("since", SINCE), span.get("until", UNTIL))


def calendar(*events: str, before: str = "") -> str:
    inside = "".join(
        f"BEGIN:VEVENT\nUID:{n}@x\nDTSTAMP:20261101T000000Z\n{event}\nEND:VEVENT\n" for n, event in enumerate(events)
    )
    return f"BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:-//x//EN\n{before}{inside}END:VCALENDAR\n"


def times(reading: Reading) -> list[tuple[str, str, str]]:
    return [(s.staff, f"{s.starts_at:%m-%d %H:%M}", f"{s.ends_at:%m-%d %H:%M}") for s in reading.shifts]


# ── there and back ──────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.rule("R1-44")
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["petrova", "orlov", "orlova"]),
            st.integers(0, 200 * 24 * 3600).map(lambda s: SINCE + timedelta(seconds=s)),
            st.integers(1, 3000),
        ),
        max_size=8,
    ),
    st.sampled_from([MSK, BER]),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_is_published_is_read_back_as_it_was(tmp_path: Path, shifts: list[Any], office: dict[str, Any]) -> None:
    said = [
        {
            "staff": who,
            "name": f"Имя; с, запятыми\\ и очень длинное, чтобы строка была свёрнута, {who}",
            "starts_at": start.isoformat(),
            "ends_at": (start + timedelta(minutes=minutes)).isoformat(),
        }
        for who, start, minutes in shifts
    ]
    reading = read(tmp_path, published(office, said, NOW), office)
    once = {(one["staff"], one["starts_at"], one["ends_at"]) for one in said}
    assert {(s.staff, s.starts_at.isoformat(), s.ends_at.isoformat()) for s in reading.shifts} == once
    assert len(reading.shifts) == len(once)
    assert all(shift.office == office["id"] for shift in reading.shifts)
    assert all("twice at once" in text for text in reading.left_out)


@pytest.mark.rule("R1-44")
def test_a_shift_keeps_its_uid_however_often_it_is_published() -> None:
    shift = {
        "staff": "petrova",
        "name": "П",
        "starts_at": "2026-11-23T06:00:00+00:00",
        "ends_at": "2026-11-23T15:00:00+00:00",
    }
    other = {**shift, "staff": "orlov"}
    uids = [
        [line for line in published(MSK, shifts, now).decode().splitlines() if line.startswith("UID")]
        for shifts, now in (([shift, other], NOW), ([other, shift], NOW + timedelta(days=1)))
    ]
    assert set(uids[0]) == set(uids[1])
    assert len(set(uids[0])) == 2


# ── what others publish ─────────────────────────────────────────────────────────────────────────────────────────────


def test_a_weekly_shift_keeps_its_hours_by_the_clock_when_the_clock_changes(tmp_path: Path) -> None:
    event = (
        "SUMMARY:orlova\nDTSTART;TZID=Europe/Berlin:20270318T090000\nDTEND;TZID=Europe/Berlin:20270318T180000\n"
        "RRULE:FREQ=WEEKLY;BYDAY=TH;COUNT=3\nEXDATE;TZID=Europe/Berlin:20270325T090000"
    )
    assert times(read(tmp_path, calendar(event), BER)) == [
        ("orlova", "03-18 08:00", "03-18 17:00"),
        ("orlova", "04-01 07:00", "04-01 16:00"),
    ]


def test_one_of_a_series_may_be_moved_or_cancelled(tmp_path: Path) -> None:
    series = "SUMMARY:orlov\nDTSTART:20261123T060000Z\nDTEND:20261123T150000Z\nRRULE:FREQ=DAILY;UNTIL=20261125T235959Z"
    text = calendar(series)
    moved = (
        "BEGIN:VEVENT\nUID:0@x\nDTSTAMP:20261101T000000Z\nRECURRENCE-ID:20261124T060000Z\nSUMMARY:petrova\n"
        "DTSTART:20261124T100000Z\nDTEND:20261124T150000Z\nEND:VEVENT\n"
        "BEGIN:VEVENT\nUID:0@x\nDTSTAMP:20261101T000000Z\nRECURRENCE-ID:20261125T060000Z\nSUMMARY:orlov\n"
        "DTSTART:20261125T060000Z\nDTEND:20261125T150000Z\nSTATUS:CANCELLED\nEND:VEVENT\n"
    )
    assert times(read(tmp_path, text.replace("END:VCALENDAR\n", moved + "END:VCALENDAR\n"))) == [
        ("orlov", "11-23 06:00", "11-23 15:00"),
        ("petrova", "11-24 10:00", "11-24 15:00"),
    ]


def test_a_time_without_a_zone_is_by_the_clock_of_the_office_and_a_day_means_its_hours(tmp_path: Path) -> None:
    floating = "SUMMARY:orlov\nDTSTART:20261123T090000\nDURATION:PT9H"
    day = "SUMMARY:orlova\nDTSTART;VALUE=DATE:20261124\nDTEND;VALUE=DATE:20261125"
    closed = "SUMMARY:orlova\nDTSTART;VALUE=DATE:20261129"
    reading = read(tmp_path, calendar(floating, day, closed))
    assert times(reading) == [("orlov", "11-23 06:00", "11-23 15:00"), ("orlova", "11-24 06:00", "11-24 15:00")]
    assert reading.left_out == ["orlova (2026-11-29): the office is closed that day"]


@pytest.mark.parametrize("tzid", ["Russian Standard Time", "/custom/Moscow"])
def test_zones_of_other_programs_are_understood(tmp_path: Path, tzid: str) -> None:
    zone = (
        "BEGIN:VTIMEZONE\nTZID:/custom/Moscow\nBEGIN:STANDARD\nDTSTART:19700101T000000\nTZOFFSETFROM:+0300\n"
        "TZOFFSETTO:+0300\nTZNAME:MSK\nEND:STANDARD\nEND:VTIMEZONE\n"
    )
    event = f"SUMMARY:orlov\nDTSTART;TZID={tzid}:20261123T090000\nDTEND;TZID={tzid}:20261123T180000"
    assert times(read(tmp_path, calendar(event, before=zone))) == [("orlov", "11-23 06:00", "11-23 15:00")]


@pytest.mark.parametrize(
    ("said", "who"),
    [
        ("SUMMARY:Дежурство: Орлова Ирина", ["orlova"]),
        ("SUMMARY:Ирина Орлова, телефон", ["orlova"]),
        ("SUMMARY:дежурит Орлов", ["orlov"]),
        ("SUMMARY:ORLOVA", ["orlova"]),
        ("SUMMARY:Петрова", []),
        ("SUMMARY:Петрова Анна", ["petrova"]),
        ("SUMMARY:Ушедший Пётр", []),
        (
            "SUMMARY:shift\nATTENDEE;CN=X:mailto:orlov@example.com\nATTENDEE:MAILTO:petrova@example.com",
            ["orlov", "petrova"],
        ),
        ("SUMMARY:orlova\nATTENDEE;CN=Орлов Иван:mailto:io@example.com", ["orlov"]),
        ("SUMMARY:orlova\nATTENDEE;PARTSTAT=DECLINED:mailto:orlov@example.com", ["orlova"]),
        ("SUMMARY:orlova\nX-ESTAFETA-STAFF:petrova2", ["petrova2"]),
        ("DESCRIPTION:nobody", []),
    ],
)
def test_who_is_meant_is_found_by_id_attendee_or_name(tmp_path: Path, said: str, who: list[str]) -> None:
    reading = read(tmp_path, calendar(f"{said}\nDTSTART:20261123T060000Z\nDTEND:20261123T150000Z"))
    assert [shift.staff for shift in reading.shifts] == who
    assert bool(reading.left_out) == (not who)
    assert all("names nobody who works here" in text for text in reading.left_out)


def test_only_shifts_that_begin_in_the_time_are_taken(tmp_path: Path) -> None:
    event = "SUMMARY:orlov\nDTSTART:20261120T060000Z\nDTEND:20261120T150000Z\nRRULE:FREQ=DAILY"
    reading = read(
        tmp_path,
        calendar(event),
        since=datetime(2026, 11, 23, 6, tzinfo=UTC),
        until=datetime(2026, 11, 25, 6, tzinfo=UTC),
    )
    assert [begins for _, begins, _ in times(reading)] == ["11-23 06:00", "11-24 06:00"]


def test_two_shifts_of_one_person_at_once_are_told(tmp_path: Path) -> None:
    event = "SUMMARY:orlov\nDTSTART:20261123T060000Z\nDTEND:20261123T150000Z"
    reading = read(tmp_path, calendar(event, event.replace("T060000", "T090000")))
    assert len(reading.shifts) == 2
    assert reading.left_out == ["orlov is on duty twice at once from 2026-11-23 09:00 UTC: both stand"]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "no iCalendar file"),
        (b"staff;day\r\norlov;monday\r\n", "no iCalendar file"),
        (b"\xff\xfe\x00", "no iCalendar file"),
        (b"BEGIN:VEVENT\r\nSUMMARY:orlov\r\nEND:VEVENT\r\n", "no iCalendar file"),
        (b"BEGIN:VCALENDAR\r\nVERSION:2.0\r\n", "no iCalendar file"),
        (b"x" * (11 << 20), "bytes"),
        (b"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nBEGIN:VEVENT\r\nEND:VCALENDAR\r\n", "no iCalendar file"),
    ],
)
def test_a_file_that_is_none_is_one_clear_trouble(tmp_path: Path, content: bytes, problem: str) -> None:
    with pytest.raises(Trouble, match=problem):
        read(tmp_path, content)


def test_an_event_without_a_beginning_is_no_shift(tmp_path: Path) -> None:
    try:
        reading = read(tmp_path, calendar("SUMMARY:orlov"))
    except Trouble as trouble:
        assert "cannot be read" in trouble.problem
    else:
        assert reading.shifts == []


@pytest.mark.parametrize(
    "rule",
    ["FREQ=SECONDLY", "FREQ=HOURLY;COUNT=2", "FREQ=DAILY;BYHOUR=9,10,11", "FREQ=SECONDLY;BYMONTHDAY=30;BYMONTH=2"],
)
def test_what_comes_again_within_a_day_is_refused_at_once(tmp_path: Path, rule: str) -> None:
    event = f"SUMMARY:orlov\nDTSTART:20261123T060000Z\nDTEND:20261123T060001Z\nRRULE:{rule}"
    with pytest.raises(Trouble, match=r"'orlov' comes again within a day"):
        read(tmp_path, calendar(event))


def test_a_series_without_end_is_read_as_far_as_the_time_goes(tmp_path: Path) -> None:
    event = "SUMMARY:orlov\nDTSTART:20200106T060000Z\nDTEND:20200106T150000Z\nRRULE:FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR"
    reading = read(tmp_path, calendar(event))
    weekdays = sum((SINCE + timedelta(days=n)).weekday() < 5 for n in range((UNTIL - SINCE).days))
    assert len(reading.shifts) == weekdays
    assert reading.left_out == []
