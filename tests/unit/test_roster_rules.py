"""What a roster must cover, where it has gaps, what it is expected to bring, and how that is said."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from services.routing.rules.company import faults_in, warnings_about
from services.routing.rules.roster_cover import OnDuty, Slot, Watch
from services.routing.rules.roster_load import LEAD, Expected, expected
from services.routing.rules.roster_make import draw_up
from services.routing.rules.roster_shares import shares
from services.routing.rules.roster_wishes import unwished
from services.routing.rules.roster_words import gaps_in_words, what_is_unmet
from shared.commands import ApplyCompany
from shared.shifts import shifts_between, weekdays
from shared.working_time import OfficeCalendar

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
BERLIN, MOSCOW = ZoneInfo("Europe/Berlin"), ZoneInfo("Europe/Moscow")
MONDAY = date(2026, 11, 30)


def at(day: int, clock: str, zone: ZoneInfo = MOSCOW, first: date = MONDAY) -> datetime:
    """A time of the nth day from `first` by the clock of `zone`."""
    return datetime.combine(first + timedelta(days=day), time.fromisoformat(clock), zone).astimezone(UTC)


def company(zone: str = "Europe/Moscow", people: int = 3, **parts: Any) -> ApplyCompany:
    staff = [
        {"id": f"p{n}", "name": f"Человек {n}", "office": "msk", "function": "sales", **parts.get(f"p{n}", {})}
        for n in range(people)
    ]
    head = {"id": "boss", "name": "Boss", "office": "msk", "function": "head_of_sales"}
    office = {"id": "msk", "name": "Москва", "regions": ["RU-MOW"], "time_zone": zone, **parts.pop("office", {})}
    return ApplyCompany.model_validate(
        {
            "name": "X",
            "home_region": "RU-MOW",
            "time_zone": zone,
            "offices": [office, {"id": "spb", "name": "СПб", "regions": ["RU-SPE"], "time_zone": zone}],
            "staff": [*staff, head],
            **{key: value for key, value in parts.items() if not key.startswith("p")},
        }
    )


def cover(hours: str = "09:00-18:00", days: str = "Mon-Fri", people: int = 1, **more: Any) -> dict[str, Any]:
    return {"office": "msk", "days": days, "hours": hours, "people": people, **more}


def duty(who: str, start: datetime, end: datetime, office: str = "msk") -> dict[str, Any]:
    return {"office": office, "staff": who, "starts_at": start, "ends_at": end}


def away(who: str, start: datetime, end: datetime, reason: str = "vacation") -> dict[str, Any]:
    return {"staff": who, "starts_at": start, "ends_at": end, "reason": reason}


# ── what must be covered ────────────────────────────────────────────────────────────────────────────────────────────


def test_slots_follow_the_clock_of_the_office_over_a_change_of_time() -> None:
    first = date(2027, 3, 26)  # a Friday; on Sunday the clocks of Berlin go forward
    watch = Watch(company("Europe/Berlin", cover=[cover("09:00-18:00", "Mon-Sun")], office={"calendar": "DE"}), "msk")
    slots = watch.slots(at(1, "00:00", BERLIN, first), at(4, "00:00", BERLIN, first))
    assert [slot.start.hour for slot in slots] == [8, 7], (
        "Saturday by winter time, Sunday by summer time; Monday is Easter"
    )
    night = Watch(company("Europe/Berlin", cover=[cover("00:00-06:00", "Sun")], office={"calendar": "KZ"}), "msk")
    (slot,) = night.slots(at(1, "00:00", BERLIN, first), at(4, "00:00", BERLIN, first))
    assert slot.end - slot.start == 5 * HOUR, "the night in which an hour is left out is an hour shorter"


def test_slots_leave_out_public_holidays_days_off_and_the_time_before_and_after() -> None:
    said = company(
        cover=[cover(since=date(2026, 12, 30), until=date(2027, 1, 12))],
        office={"days_off": [date(2026, 12, 30)], "working_days": []},
    )
    slots = Watch(said, "msk").slots(at(0, "00:00"), at(60, "00:00"))
    assert [slot.start.astimezone(MOSCOW).date() for slot in slots] == [date(2027, 1, 11), date(2027, 1, 12)]


def test_where_nothing_is_said_somebody_must_be_there_in_the_hours_of_an_office_with_a_roster() -> None:
    said = company(office={"hours": "Mon-Thu 09:00-13:00, 14:00-18:00; Fri 09:00-17:00"})
    slots = Watch(said, "msk").slots(at(3, "00:00"), at(5, "00:00"))
    assert [(slot.start, slot.end, slot.people) for slot in slots] == [
        (at(3, "09:00"), at(3, "18:00"), 1),
        (at(4, "09:00"), at(4, "17:00"), 1),
    ]
    assert Watch(said, "spb").slots(at(3, "00:00"), at(5, "00:00")) == [], (
        "calls there go to all managers of the region"
    )
    assert Watch(said, "spb", rostered=True).slots(at(3, "00:00"), at(5, "00:00")) != []


def test_shifts_come_again_every_third_week_and_weekdays_may_go_round_the_week() -> None:
    calendar = OfficeCalendar.of("Europe/Moscow", "Mon-Fri 09:00-18:00", "RU")
    days = [start.date() for start, _ in shifts_between(calendar, "Mon", MONDAY, MONDAY + 30 * DAY, (2, 3))]
    assert days == [date(2026, 12, 7), date(2026, 12, 28)]
    assert weekdays("Sat-Mon") == {5, 6, 0}
    assert weekdays("Someday") == frozenset()


# ── gaps ────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.rule("R1-08")
def test_a_gap_is_where_fewer_are_there_than_needed_with_absences_cut_out() -> None:
    said = company(
        cover=[cover(), cover("12:00-15:00")],
        duty=[duty("p0", at(0, "08:00"), at(0, "14:00")), duty("p1", at(0, "11:00"), at(0, "18:00"))],
        absences=[
            away("p1", at(0, "12:30"), at(0, "13:00"), "doctor"),
            away("p0", at(0, "11:30"), at(0, "12:00"), "busy"),
        ],
    )
    gaps = Watch(said, "msk").gaps(at(0, "00:00"), at(1, "00:00"))
    assert [(gap.start, gap.end, gap.needed, gap.there, gap.away) for gap in gaps] == [
        (at(0, "12:30"), at(0, "13:00"), 2, 1, {"p1": "doctor"}),
        (at(0, "14:00"), at(0, "15:00"), 2, 1, {}),
    ]


def test_one_person_on_two_shifts_at_once_is_one_and_who_has_given_notice_is_none() -> None:
    said = company(
        cover=[cover(people=2)],
        duty=[
            duty("p0", at(0, "09:00"), at(0, "18:00")),
            duty("p0", at(0, "09:00"), at(0, "12:00")),
            duty("p1", at(0, "09:00"), at(0, "18:00")),
            duty("boss", at(0, "09:00"), at(0, "18:00")),
        ],
        p1={"notice_at": at(0, "12:00")},
    )
    gaps = Watch(said, "msk").gaps(at(0, "00:00"), at(1, "00:00"))
    assert [(gap.start, gap.end, gap.there, gap.away) for gap in gaps] == [
        (at(0, "12:00"), at(0, "18:00"), 1, {"boss": "left", "p1": "notice"})
    ]


def test_the_time_before_the_question_is_not_asked_about() -> None:
    watch = Watch(company(cover=[cover()]), "msk")
    assert [(gap.start, gap.end) for gap in watch.gaps(at(0, "11:00"), at(1, "10:00"))] == [
        (at(0, "11:00"), at(0, "18:00")),
        (at(1, "09:00"), at(1, "10:00")),
    ]


def test_gaps_alike_are_said_once_in_both_languages() -> None:
    said = company(cover=[cover(people=2)], duty=[duty("p0", at(n, "09:00"), at(n, "18:00")) for n in range(5)])
    watch = Watch(said, "msk")
    gaps = watch.gaps(at(0, "00:00"), at(7, "00:00"))
    assert len(gaps) == 5
    assert gaps_in_words(gaps, watch, "en") == [
        "Mon 2026-11-30 09:00–18:00: 1 on duty instead of 2 (and 4 more like it until 2026-12-04)"
    ]
    assert gaps_in_words(gaps, watch, "ru") == [
        "пн 2026-11-30 09:00–18:00: дежурит 1, а нужно 2 (и ещё 4 таких до 2026-12-04)"
    ]


# ── what is expected ────────────────────────────────────────────────────────────────────────────────────────────────


def test_what_is_expected_is_the_mean_of_the_weekday_drawn_a_week_towards_the_mean_of_all() -> None:
    open_days = [MONDAY - n * DAY for n in range(1, 29) if (MONDAY - n * DAY).weekday() < 5]
    mondays = [day for day in open_days if day.weekday() == 0]
    load = expected(MOSCOW, [(day, 10, 10) for day in mondays], open_days)
    assert (load.leads, load.weeks) == (40, 4)
    # 4 Mondays of 10 leads, 20 days in all: the mean of the hour is 2
    assert load.between(at(0, "10:00"), at(0, "11:00")) == (40 + 2) * LEAD // 5
    assert load.between(at(1, "10:00"), at(1, "11:00")) == (0 + 2) * LEAD // 5
    assert load.between(at(0, "10:30"), at(0, "10:45")) == (40 + 2) * LEAD // 5 // 4
    assert load.between(at(5, "10:00"), at(5, "11:00")) == 0, "nothing ever came on a day off"
    assert load.between(at(0, "11:00"), at(0, "18:00")) == 0


def test_without_history_every_hour_is_worth_the_same() -> None:
    load = expected(MOSCOW, [], [MONDAY])
    assert load.leads == 0
    assert load.between(at(0, "09:00"), at(0, "13:30")) == 4.5 * LEAD


def test_an_hour_that_the_clock_repeats_counts_twice_and_one_that_it_leaves_out_not_at_all() -> None:
    load = Expected(BERLIN, {(6, 2): LEAD}, 1)
    back, forward = date(2026, 10, 25), date(2027, 3, 28)
    assert load.between(at(0, "00:00", BERLIN, back), at(0, "06:00", BERLIN, back)) == 2 * LEAD
    assert load.between(at(0, "00:00", BERLIN, forward), at(0, "06:00", BERLIN, forward)) == 0
    half = Expected(ZoneInfo("Asia/Kolkata"), {(0, 9): LEAD, (0, 10): 3 * LEAD}, 1)
    zone = ZoneInfo("Asia/Kolkata")
    assert half.between(at(0, "09:30", zone), at(0, "10:30", zone)) == 2 * LEAD, "whose hours begin at half past ours"


@pytest.mark.rule("G6")
def test_shares_credit_everybody_able_and_give_to_those_on_duty_by_weight() -> None:
    said = company(
        p0={"weight": 2.0},
        absences=[away("p2", at(0, "12:00"), at(1, "00:00"))],
    )
    watch = Watch(said, "msk")
    shifts = [OnDuty(at(0, "09:00"), at(0, "15:00"), "p0"), OnDuty(at(0, "09:00"), at(0, "12:00"), "p1")]
    given = shares(watch, shifts, expected(MOSCOW, [], []), at(0, "00:00"), at(1, "00:00"))
    assert {who: (share.minutes, share.expected, share.fair) for who, share in given.items()} == {
        "p0": (360, 2 * LEAD + 3 * LEAD, 3 * LEAD * 2 // 4 + 3 * LEAD * 2 // 3),
        "p1": (180, LEAD, 3 * LEAD // 4 + LEAD),
        "p2": (0, 0, 3 * LEAD // 4),
    }


# ── drawn up ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_wishes_are_by_the_clock_on_the_wall_and_by_their_days() -> None:
    said = company(
        wishes=[
            {"staff": "p0", "days": "Mon", "hours": "13:00-18:00", "wish": "off"},
            {"staff": "p1", "days": "Mon-Fri", "hours": "09:00-13:00", "wish": "on", "until": MONDAY + 7 * DAY},
            {"staff": "p2", "days": "Tue", "wish": "off", "since": MONDAY + 7 * DAY},
        ]
    )
    slots = [
        Slot(at(n, opens), at(n, closes), 1)
        for n in (0, 1, 8)
        for opens, closes in (("09:00", "13:00"), ("13:00", "18:00"))
    ]
    assert unwished(Watch(said, "msk"), slots) == {"p0": {1}, "p1": {1, 3}, "p2": {4, 5}}


@pytest.mark.rule("R1-08")
def test_what_could_not_be_done_is_said_with_the_reason_of_each() -> None:
    said = company(
        people=3,
        cover=[cover(people=2, days="Mon-Tue")],
        p0={"duty_hours": 9},
        absences=[away("p1", at(1, "08:00"), at(1, "20:00"), "sick leave")],
        wishes=[{"staff": "p2", "days": "Mon", "wish": "off"}],
    )
    watch, load = Watch(said, "msk"), expected(MOSCOW, [], [])
    since, until = at(0, "00:00"), at(7, "00:00")
    draft = draw_up(watch, load, since, until)
    assert [(shift.start, shift.staff) for shift in draft.shifts] == [
        (at(0, "09:00"), "p1"),
        (at(0, "09:00"), "p2"),
        (at(1, "09:00"), "p0"),
        (at(1, "09:00"), "p2"),
    ], "p2 serves against his wish, because coverage goes before wishes"
    assert what_is_unmet(draft, watch, load, since, until, "en") == [
        "Человек 2: on duty against the wish, Mon 2026-11-30 09:00–18:00",
        "no leads have come by roster here yet: every hour counts the same",
    ]
    fewer = company(
        people=2,
        cover=[cover(people=2, days="Mon-Wed")],
        p0={"duty_hours": 9},
        absences=[away("p1", at(1, "08:00"), at(1, "20:00"), "sick leave")],
    )
    watch = Watch(fewer, "msk")
    draft = draw_up(watch, load, since, until)
    assert what_is_unmet(draft, watch, load, since, until, "en")[:2] == [
        "Mon 2026-11-30 09:00–18:00: 1 of 2 places stay empty: Человек 0 has 9 hours in that week already, "
        "Человек 1 is on duty elsewhere or already (and 1 more like it until 2026-12-02)",
        "Tue 2026-12-01 09:00–18:00: 1 of 2 places stay empty: Человек 0 is on duty elsewhere or already, "
        "Человек 1 is absent (sick leave)",
    ], "the one with few hours serves when nobody else can"
    assert "уже имеет свои 9 ч за эту неделю" in what_is_unmet(draft, watch, load, since, until, "ru")[0]


def test_limited_hours_are_spent_where_more_leads_come() -> None:
    said = company(people=1, cover=[cover("09:00-13:00", "Mon"), cover("14:00-18:00", "Mon")], p0={"duty_hours": 4})
    load = Expected(MOSCOW, {(0, 15): 5 * LEAD, (0, 10): LEAD}, 9, 8)
    draft = draw_up(Watch(said, "msk"), load, at(0, "00:00"), at(7, "00:00"))
    assert [shift.start for shift in draft.shifts] == [at(0, "14:00")]


def test_shifts_that_stand_fill_places_and_count_in_hours_and_shares() -> None:
    said = company(
        people=2,
        cover=[cover("09:00-13:00", "Mon-Tue"), cover("13:00-18:00", "Mon-Tue")],
        duty=[
            duty("p0", at(0, "09:00"), at(0, "18:00")),
            duty("p1", at(1, "12:00"), at(1, "13:00"), "spb"),
        ],
    )
    watch = Watch(said, "msk")
    draft = draw_up(watch, expected(MOSCOW, [], []), at(0, "00:00"), at(7, "00:00"))
    assert [(shift.start, shift.staff) for shift in draft.shifts] == [(at(1, "09:00"), "p0"), (at(1, "13:00"), "p1")], (
        "p1 is in another office at noon, and is owed more"
    )


# ── the company file ────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("parts", "field", "problem"),
    [
        ({"cover": [cover(office="tula")]}, "cover[0].office", "'tula'"),
        ({"cover": [cover(days="Someday")]}, "cover[0].days", "no weekdays"),
        ({"cover": [cover("18:00-09:00")]}, "cover[0].hours", "closes before it opens"),
        ({"cover": [cover("09:00-12:00, 13:00-18:00")]}, "cover[0].hours", "more than one shift"),
        ({"cover": [cover(since=MONDAY, until=MONDAY - DAY)]}, "cover[0].to", "ends before"),
        ({"wishes": [{"staff": "nobody", "days": "Mon"}]}, "wishes[0].staff", "'nobody'"),
        ({"wishes": [{"staff": "p0", "days": "Mon", "hours": "9-18"}]}, "wishes[0].hours", "not understood"),
    ],
)
def test_cover_and_wishes_that_cannot_be_meant_are_faults(parts: dict[str, Any], field: str, problem: str) -> None:
    (fault,) = faults_in(company(**parts))
    assert fault.field == field
    assert problem in fault.problem
    assert fault.remedy


def test_cover_that_asks_for_more_than_work_there_is_a_warning() -> None:
    assert any("asks for 4 on duty: 3 work there" in text for text in warnings_about(company(cover=[cover(people=4)])))


@pytest.mark.rule("G6")
def test_who_is_far_from_his_share_is_told_and_the_limit_only_where_it_is_in_the_way() -> None:
    load = Expected(MOSCOW, {(weekday, 10): 4 * LEAD for weekday in range(5)}, 9, 8)
    since, until = at(0, "00:00"), at(5, "00:00")
    for limit, because in ((9, "; the limit of 9 hours a week stands in the way"), (45, "")):
        said = company(
            people=2,
            cover=[cover(days="Mon-Fri")],
            p0={"duty_hours": limit},
            absences=[] if limit == 9 else [away("p0", at(n, "09:00"), at(n, "09:30"), "training") for n in range(5)],
        )
        watch = Watch(said, "msk")
        lines = what_is_unmet(draw_up(watch, load, since, until), watch, load, since, until, "en")
        gets, off = ("4.0", "6.0") if limit == 9 else ("0.0", "10.0")
        assert (
            lines[0] == f"Человек 0: {gets} leads expected, fair share 10.0: −{off}, more than one shift (4.0){because}"
        )
        assert len(lines) == 2


def test_a_gap_names_the_absent_only_in_the_hours_of_his_shift() -> None:
    said = company(
        cover=[cover()],
        duty=[duty("p0", at(0, "10:00"), at(0, "16:00"))],
        absences=[away("p0", at(-1, "00:00"), at(3, "00:00"), "sick leave")],
    )
    gaps = Watch(said, "msk").gaps(at(0, "00:00"), at(1, "00:00"))
    assert [(gap.start, gap.end, gap.away) for gap in gaps] == [
        (at(0, "09:00"), at(0, "10:00"), {}),
        (at(0, "10:00"), at(0, "16:00"), {"p0": "sick leave"}),
        (at(0, "16:00"), at(0, "18:00"), {}),
    ]
