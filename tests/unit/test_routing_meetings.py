"""An agent's meeting goes to a manager who is free at its time, evenly among those who are (R1-28, R1-30)."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.routing.rules.assignment import ALARMS, MEETINGS, Decision, assign_all, pools_needed
from services.routing.rules.case import Client, Lead, Meeting
from services.routing.rules.fair_share import Ledger, Standing
from services.routing.rules.field import Field
from services.routing.rules.meeting import Calendars, Diary, Given
from services.routing.rules.meeting_retold import Elsewhere
from services.routing.rules.record import as_kept, recompute, record_of, told_otherwise
from services.routing.rules.wording import passed_over
from shared.words import Source
from shared.working_time import OfficeCalendar
from tests.unit.test_routing_rules import field, lead, uid

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)  # Monday, 11:00 in Moscow
HOUR = timedelta(hours=1)
TUESDAY = Meeting(NOW + timedelta(days=1), NOW + timedelta(days=1) + HOUR)
OFFICE = OfficeCalendar.of("Europe/Moscow", "Mon-Fri 09:00-18:00", "RU")
HOURS = {"msk": OFFICE, "spb": OFFICE}


def agents(name: str, meeting: Meeting | None = TUESDAY, region: str = "RU-MOW", **more: Any) -> Lead:
    return lead(Source.AGENT, region, name=name, meeting=meeting, **more)


def diary(*given: Given, now: datetime = NOW, **known: Any) -> Diary:
    return Diary(now, Calendars(**{"absences": {}, "back": {}, "shifts": {}, "hours": HOURS, **known}), given)


def has(staff: str, meeting: Meeting = TUESDAY) -> Given:
    return Given(uid(f"lead of {staff}"), uid(f"client of {staff}"), staff, meeting)


def decide(
    *leads: Lead,
    where: Field | None = None,
    ledgers: dict[str, Ledger] | None = None,
    times: Diary | None = None,
    **of: Any,
) -> list[Decision]:
    where = where or field()
    clients = {one.client_id: Client(one.client_id, **of) for one in leads}
    ledgers = {pool: Ledger() for pool in pools_needed(leads, clients, where)} | (ledgers or {})
    return assign_all(leads, clients, where, ledgers, diary=times or diary())


def why(made: Decision) -> dict[str, str]:
    return {who: reason["why"] for who, reason in made.excluded.items()}


@pytest.mark.rule("R1-28")
@pytest.mark.parametrize(
    ("known", "meeting", "reason"),
    [
        ({"absences": {"sofia": [(TUESDAY.until - HOUR / 2, NOW + timedelta(days=9), "sick")]}}, TUESDAY, "away_then"),
        (
            {"absences": {"sofia": [(NOW - HOUR, NOW + timedelta(days=9), "sick")]}, "back": {"sofia": NOW}},
            TUESDAY,
            None,
        ),
        ({"absences": {"sofia": [(TUESDAY.until, NOW + timedelta(days=9), "sick")]}}, TUESDAY, None),
        ({}, Meeting(NOW + 6.5 * HOUR, NOW + 7.5 * HOUR), "off_hours"),  # 17:30 to 18:30 in Moscow
        ({}, Meeting(NOW + 6 * HOUR, NOW + 7 * HOUR), None),
        ({}, Meeting(NOW + timedelta(days=5), NOW + timedelta(days=5) + HOUR), "off_hours"),  # a Saturday
        (
            {"shifts": {"sofia": [(NOW + timedelta(days=5), NOW + timedelta(days=5) + 3 * HOUR)]}},
            Meeting(NOW + timedelta(days=5), NOW + timedelta(days=5) + HOUR),
            None,
        ),
    ],
)
def test_who_is_not_there_at_the_time_of_a_meeting_is_passed_over(
    known: dict[str, Any], meeting: Meeting, reason: str | None
) -> None:
    (made,) = decide(agents("x", meeting, "RU-SPE"), times=diary(has("stepan", meeting), **known))
    assert why(made).get("sofia") == reason
    assert why(made)["stepan"] in ("meeting", "off_hours")
    assert (made.receiver == "sofia") == (reason is None)


@pytest.mark.rule("R1-28")
@pytest.mark.rule("R1-30")
@pytest.mark.rule("G8")
def test_nobody_gets_two_meetings_at_one_time_and_when_all_have_one_somebody_is_alarmed() -> None:
    made = decide(*(agents(str(n), region="RU-SPE") for n in range(6)))
    assert {one.receiver for one in made[:2]} == {"sofia", "stepan"}
    assert {one.receiver for one in made[2:5]} == {"anna", "boris", "vera"}, "the home managers help out"
    assert [one.rule for one in made] == ["R1-28"] * 2 + ["R1-30"] * 3 + ["G8"]
    last = made[-1]
    assert (last.queue, last.receiver) == ("home", "head_msk")
    assert set(why(last).values()) == {"meeting"}
    assert {note.code for note in last.notes} & ALARMS == {"nobody_free"}
    later = Meeting(TUESDAY.until, TUESDAY.until + HOUR)
    both = decide(agents("y", region="RU-SPE"), agents("z", later, "RU-SPE"), times=diary(has("sofia")))
    assert [one.receiver for one in both] == ["stepan", "sofia"], "one may begin when another ends"


@pytest.mark.rule("G6")
def test_the_ledger_is_fair_among_those_who_are_free_and_who_is_not_neither_earns_nor_owes() -> None:
    owed = Ledger({"anna": Standing(0, 3), "boris": Standing(-1, 1), "vera": Standing(1, 2)})
    (made,) = decide(agents("x"), ledgers={"home": owed}, times=diary(has("vera")))
    assert (made.receiver, {who for who, _ in made.candidates}) == ("anna", {"anna", "boris"})
    assert made.share is not None
    assert "vera" not in made.share.after
    assert owed.balance("vera") == 1


@pytest.mark.rule("R1-34")
def test_a_curator_who_is_not_free_is_told_and_the_others_share() -> None:
    (made,) = decide(agents("x"), times=diary(has("vera")), known=True, curator="vera")
    assert (made.rule, made.told) == ("R1-30", ("vera",))
    assert "curator_meeting" in {note.code for note in made.notes}
    (made,) = decide(agents("x"), known=True, curator="vera")
    assert (made.receiver, made.rule) == ("vera", "R1-34")


@pytest.mark.rule("R1-33")
def test_an_open_sale_stays_with_its_manager_who_must_agree_on_another_time() -> None:
    (made,) = decide(agents("x"), times=diary(has("vera")), known=True, open_with="vera")
    assert (made.receiver, made.rule) == ("vera", "R1-33")
    assert {note.code for note in made.notes} & ALARMS == {"manager_engaged"}
    mine = Given(uid("another lead"), uid("client x"), "vera", TUESDAY)
    (made,) = decide(agents("x"), times=diary(mine), known=True, open_with="vera")
    assert not {note.code for note in made.notes} & ALARMS, "the same client's meeting, told twice, is one"


@pytest.mark.rule("R1-28")
def test_only_an_agents_meeting_to_come_binds_and_any_occupies_its_receiver() -> None:
    over = diary(has("sofia"), has("stepan"), now=TUESDAY.until)
    (made,) = decide(agents("x", region="RU-SPE"), times=over)
    assert made.receiver in ("sofia", "stepan")
    assert made.engaged == {}
    call = lead(Source.INBOUND_CALL, "RU-SPE", name="call", meeting=TUESDAY)
    first, second = decide(call, agents("x", region="RU-SPE"))
    assert {first.receiver, second.receiver} == {"sofia", "stepan"}
    assert MEETINGS in pools_needed([call], {call.client_id: Client(call.client_id)}, field())
    assert pools_needed([agents("y", None)], {uid("client y"): Client(uid("client y"))}, field()) == {"home"}


@pytest.mark.rule("G6")
def test_a_record_with_a_meeting_makes_its_decision_again_and_says_why_in_both_languages() -> None:
    away = {"boris": [(TUESDAY.at, TUESDAY.until, "sick")]}
    (made,) = decide(agents("x"), times=diary(has("anna"), absences=away))
    kept = json.loads(json.dumps(as_kept(made), default=str))
    kept |= {"lead_id": made.lead.lead_id, "client_id": made.lead.client_id}
    record = record_of(kept, field())
    assert record.lead == made.lead
    assert (recompute(record), told_otherwise(kept, field())) == ("vera", ())
    assert told_otherwise({**kept, "inputs": {**kept["inputs"], "engaged": {}}}, field())
    said = [passed_over(made.excluded[who], language) for who in ("anna", "boris") for language in ("en", "ru")]
    assert said == [
        "has another meeting from 2026-11-24 08:00 to 2026-11-24 09:00 UTC",
        "занят другой встречей с 2026-11-24 08:00 до 2026-11-24 09:00 UTC",
        "absent at the time of the meeting, until 2026-11-24 09:00: sick",
        "на время встречи отсутствует, до 2026-11-24 09:00: sick",
    ]


def test_a_period_told_again_knows_whose_meetings_would_be_whose() -> None:
    tried, taken, other = Elsewhere(), agents("taken"), agents("other")
    was = {"anna": {"why": "meeting", "lead": str(taken.lead_id)}, "boris": {"why": "off_hours"}}
    assert tried.engaged(other, was, NOW) is was
    tried.note(taken, "anna", "vera", NOW + HOUR)
    would = tried.engaged(other, was, NOW)
    assert {who: one["why"] for who, one in would.items()} == {"boris": "off_hours", "vera": "meeting"}
    assert set(tried.engaged(other, was, NOW + 2 * HOUR)) == {"boris"}, "it was freed by then"
    tried.note(taken, "anna", "anna", None)
    assert tried.engaged(other, was, NOW) is was
