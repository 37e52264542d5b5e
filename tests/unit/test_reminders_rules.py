"""What reminders decides: terms, steps, catching up, and who is told."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from services.reminders.rules.catch_up import LATE, what_falls_due
from services.reminders.rules.escalation import Person, whom_to_tell
from services.reminders.rules.promise import first_reaction, given_moment
from services.reminders.rules.sla import DEFAULTS, Term, first_reaction_due
from services.reminders.rules.steps import ORDER, Plan, Step, following, plan_steps
from shared.words import Function, Source
from shared.working_time import OfficeCalendar

MOSCOW = OfficeCalendar.of("Europe/Moscow", "Mon-Fri 09:00-18:00", "RU")
YEKATERINBURG = OfficeCalendar.of("Asia/Yekaterinburg", "Mon-Fri 09:00-18:00", "RU")
ALMATY = OfficeCalendar.of("Asia/Almaty", "Mon-Fri 09:00-18:00", "KZ")
TASK = UUID("00000000-0000-4000-8000-000000000007")


def msk(month: int, day: int, hour: int = 0, minute: int = 0, year: int = 2026) -> datetime:
    return datetime(year, month, day, hour, minute, tzinfo=ZoneInfo("Europe/Moscow"))


def due(source: Source, received_at: datetime, calendar: OfficeCalendar = MOSCOW) -> datetime:
    return first_reaction_due(DEFAULTS[source], received_at, calendar)


@pytest.mark.rule("SLA")
@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (Source.INBOUND_CALL, msk(11, 23, 10, 0)),
        (Source.WEBSITE, msk(11, 23, 10, 30)),
        (Source.REFERRAL, msk(11, 23, 14, 0)),
        (Source.AGENT, msk(11, 24, 18, 0)),
        (Source.EVENT, msk(11, 26, 18, 0)),
        (Source.OTHER, msk(11, 24, 18, 0)),
    ],
)
def test_each_source_has_its_term_for_the_first_reaction(source: Source, expected: datetime) -> None:
    assert due(source, msk(11, 23, 10, 0)) == expected


@pytest.mark.rule("SLA")
def test_every_source_has_a_default_and_the_migration_seeds_just_these() -> None:
    assert set(DEFAULTS) == set(Source)
    migration = Path(__file__).parents[2] / "services/reminders/migrations/versions/0001_first.py"
    seeded = re.findall(r"\('(\w+)', (\d+), '(\w+)'\)", migration.read_text(encoding="utf-8"))
    assert {(source, int(amount), unit) for source, amount, unit in seeded} == {
        (source.value, term.amount, term.unit) for source, term in DEFAULTS.items()
    }


@pytest.mark.rule("SLA")
def test_a_web_request_on_friday_evening_is_answered_on_monday_morning() -> None:
    assert due(Source.WEBSITE, msk(11, 20, 17, 45)) == msk(11, 23, 9, 15)
    assert due(Source.WEBSITE, msk(11, 21, 13, 0)) == msk(11, 23, 9, 30)


@pytest.mark.rule("SLA")
def test_a_call_outside_office_hours_is_entered_at_the_opening() -> None:
    assert due(Source.INBOUND_CALL, msk(11, 22, 13, 0)) == msk(11, 23, 9, 0)


@pytest.mark.rule("SLA")
def test_three_working_days_step_over_the_new_year_holidays_of_2026() -> None:
    assert due(Source.EVENT, msk(12, 29, 16, 0, 2025)) == msk(1, 13, 18, 0)


@pytest.mark.rule("SLA")
def test_an_exhibition_lead_of_may_steps_over_both_may_holidays() -> None:
    assert due(Source.EVENT, msk(4, 30, 12, 0)) == msk(5, 6, 18, 0), "Friday the 1st is off"
    assert due(Source.EVENT, msk(5, 7, 12, 0)) == msk(5, 13, 18, 0), "Monday the 11th is off for Saturday the 9th"


@pytest.mark.rule("SLA")
def test_the_same_request_is_due_at_other_moments_in_other_offices() -> None:
    received = datetime(2026, 11, 23, 12, 45, tzinfo=UTC)  # 15:45 in Moscow, 17:45 in Yekaterinburg and Almaty
    assert due(Source.WEBSITE, received, MOSCOW) == datetime(2026, 11, 23, 13, 15, tzinfo=UTC)
    assert due(Source.WEBSITE, received, YEKATERINBURG) == datetime(2026, 11, 24, 4, 15, tzinfo=UTC)
    before_republic_day = datetime(2026, 10, 23, 12, 45, tzinfo=UTC)  # the 25th is a Sunday in 2026: Monday is off
    assert due(Source.WEBSITE, before_republic_day, ALMATY) == datetime(2026, 10, 27, 4, 15, tzinfo=UTC)


def test_a_term_reads_as_people_say_it() -> None:
    assert str(DEFAULTS[Source.WEBSITE]) == "30 working minutes"
    assert str(DEFAULTS[Source.REFERRAL]) == "4 working hours"
    assert str(DEFAULTS[Source.AGENT]) == "1 working day"
    assert str(DEFAULTS[Source.EVENT]) == "3 working days"
    assert str(DEFAULTS[Source.INBOUND_CALL]) == "0 working minutes"
    assert str(Term(60, "working_minutes")) == "1 working hour"


@pytest.mark.rule("R4-12")
def test_deferred_demand_keeps_its_moment_and_the_date_the_client_named() -> None:
    promise = given_moment(msk(5, 4, 18), msk(4, 22, 12), date(2026, 5, 10))
    assert promise.due_at == msk(5, 4, 18)
    assert promise.by_rule == "R4-12: two thirds of the way to 2026-05-10"


@pytest.mark.rule("R4-11")
def test_what_was_promised_for_a_moment_is_due_at_that_moment_even_at_night() -> None:
    promise = given_moment(msk(11, 21, 20), msk(11, 20, 12), None)
    assert promise.due_at == msk(11, 21, 20)
    plan = plan_steps(promise.counted_from, promise.due_at, MOSCOW)
    assert plan.due_at == msk(11, 21, 20)
    assert plan.overdue_at == msk(11, 23, 11), "people are reproached in office hours only"


@pytest.mark.rule("SLA")
def test_a_first_reaction_names_its_rule_source_and_term() -> None:
    promise = first_reaction(Source.WEBSITE, DEFAULTS[Source.WEBSITE], msk(11, 23, 10), MOSCOW)
    assert promise.by_rule == "SLA: website, 30 working minutes"


@pytest.mark.rule("SLA")
def test_a_meeting_is_confirmed_within_its_term_and_at_the_latest_when_it_begins() -> None:
    came, term = msk(11, 23, 10), DEFAULTS[Source.AGENT]
    soon = first_reaction(Source.AGENT, term, came, MOSCOW, msk(11, 23, 15))
    assert (soon.due_at, soon.by_rule) == (msk(11, 23, 15), "SLA: agent, before the meeting")
    later = first_reaction(Source.AGENT, term, came, MOSCOW, msk(11, 30, 15))
    assert later == first_reaction(Source.AGENT, term, came, MOSCOW)
    assert first_reaction(Source.AGENT, term, came, MOSCOW, msk(11, 23, 9)) == later, "told of too late"


@pytest.mark.rule("R4-08")
def test_the_steps_of_a_web_lead_stand_in_its_half_hour() -> None:
    plan = plan_steps(msk(11, 23, 10), msk(11, 23, 10, 30), MOSCOW)
    assert plan.warn_at == msk(11, 23, 10, 22) + timedelta(seconds=30)
    assert plan.overdue_at == msk(11, 23, 11, 0)
    assert plan.escalate_at == msk(11, 23, 11, 30)


@pytest.mark.rule("R4-08")
def test_the_steps_of_a_long_promise_stand_at_most_four_hours_off() -> None:
    plan = plan_steps(msk(11, 20, 10), msk(11, 25, 18), MOSCOW)
    assert plan.warn_at == msk(11, 25, 14)
    assert plan.overdue_at == msk(11, 26, 11)
    assert plan.escalate_at == msk(11, 26, 13)


@pytest.mark.rule("R4-08")
def test_what_is_due_at_once_has_no_warning_and_an_hour_until_the_head_hears() -> None:
    plan = plan_steps(msk(11, 23, 10), msk(11, 23, 10), MOSCOW)
    assert plan.warn_at is None
    assert plan.first_step(msk(11, 23, 9)) is Step.DUE
    assert plan.escalate_at == msk(11, 23, 11)


def test_a_promise_for_a_moment_before_it_was_given_still_has_ordered_steps() -> None:
    plan = plan_steps(msk(11, 23, 10), msk(11, 16, 10), MOSCOW)
    assert plan.warn_at is None
    assert plan.due_at < plan.overdue_at < plan.escalate_at


def test_a_warning_whose_moment_has_passed_is_not_begun_with() -> None:
    plan = plan_steps(msk(11, 23, 10), msk(11, 23, 10, 30), MOSCOW)
    assert plan.first_step(msk(11, 23, 10, 5)) is Step.WARNING
    assert plan.first_step(msk(11, 23, 10, 25)) is Step.DUE


@pytest.mark.rule("R4-09")
def test_steps_come_in_their_order_and_end_with_the_head() -> None:
    assert ORDER == (Step.WARNING, Step.DUE, Step.OVERDUE, Step.ESCALATED)
    assert [following(step) for step in ORDER] == [*ORDER[1:], None]


# ── catching up ─────────────────────────────────────────────────────────────────────────────────────────────────────

PLAN = plan_steps(msk(11, 23, 10), msk(11, 23, 14), MOSCOW)  # warning 13:00, due 14:00, overdue 16:00, head 18:00


@pytest.mark.rule("R4-08")
def test_in_quiet_times_each_step_is_said_at_its_moment_and_the_next_is_set() -> None:
    said = []
    step: Step | None = Step.WARNING
    now = PLAN.at(Step.WARNING)
    while step is not None:
        turn = what_falls_due(TASK, step, PLAN, now, MOSCOW)
        assert turn.plan == PLAN
        assert not turn.is_late
        said.append((turn.says, now))
        step, now = turn.next_step, turn.next_at or now
    assert said == [
        (Step.WARNING, msk(11, 23, 13)),
        (Step.DUE, msk(11, 23, 14)),
        (Step.OVERDUE, msk(11, 23, 16)),
        (Step.ESCALATED, msk(11, 23, 18)),
    ]


@pytest.mark.rule("R4-08")
def test_after_three_days_down_only_the_last_step_for_the_manager_is_said() -> None:
    turn = what_falls_due(TASK, Step.WARNING, PLAN, msk(11, 26, 10), MOSCOW)
    assert (turn.says, turn.is_late) == (Step.OVERDUE, True)
    assert (turn.next_step, turn.next_at) == (Step.ESCALATED, msk(11, 26, 12)), "two hours from now, as was planned"
    assert turn.plan.escalate_at == msk(11, 26, 12)
    assert turn.plan.due_at == PLAN.due_at


@pytest.mark.rule("R4-08")
def test_what_the_manager_was_told_before_the_downtime_goes_to_the_head_after_it() -> None:
    turn = what_falls_due(TASK, Step.ESCALATED, PLAN, msk(11, 26, 10), MOSCOW)
    assert (turn.says, turn.next_step) == (Step.ESCALATED, None)


@pytest.mark.rule("R4-08")
def test_steps_after_one_said_late_keep_their_distance_in_working_time() -> None:
    turn = what_falls_due(TASK, Step.DUE, PLAN, msk(11, 23, 15), MOSCOW)
    assert (turn.says, turn.next_step, turn.next_at) == (Step.DUE, Step.OVERDUE, msk(11, 23, 17))
    assert turn.plan.escalate_at == msk(11, 24, 10)


@pytest.mark.rule("R4-08")
def test_a_few_minutes_of_slowness_move_nothing() -> None:
    turn = what_falls_due(TASK, Step.DUE, PLAN, PLAN.due_at + LATE, MOSCOW)
    assert (turn.says, turn.next_at, turn.plan) == (Step.DUE, PLAN.overdue_at, PLAN)


@pytest.mark.rule("R4-08")
@pytest.mark.parametrize("now", [msk(11, 24, 3), msk(11, 28, 12), msk(1, 4, 12, year=2027)])
def test_nothing_late_is_said_outside_office_hours_and_the_morning_is_not_flooded(now: datetime) -> None:
    moments = set()
    for n in range(50):
        turn = what_falls_due(UUID(int=n * 7919), Step.WARNING, PLAN, now, MOSCOW)
        assert (turn.says, turn.next_step) == (None, Step.WARNING)
        assert turn.next_at is not None
        opens = MOSCOW.next_working_moment(now)
        assert opens <= turn.next_at <= opens + timedelta(minutes=15)
        moments.add(turn.next_at)
        again = what_falls_due(UUID(int=n * 7919), Step.WARNING, PLAN, turn.next_at, MOSCOW)
        assert again.says is Step.OVERDUE, "in the morning it is said"
    assert len(moments) > 40


def test_a_meeting_promised_for_the_evening_is_reminded_of_in_the_evening() -> None:
    plan = plan_steps(msk(11, 23, 10), msk(11, 23, 20), MOSCOW)
    turn = what_falls_due(TASK, Step.DUE, plan, msk(11, 23, 20), MOSCOW)
    assert turn.says is Step.DUE


def test_a_missed_warning_is_left_out_when_its_deadline_has_come() -> None:
    plan = Plan(msk(11, 23, 13, 50), msk(11, 23, 14), msk(11, 23, 16), msk(11, 23, 18))
    turn = what_falls_due(TASK, Step.WARNING, plan, msk(11, 23, 14), MOSCOW)
    assert (turn.says, turn.next_step) == (Step.DUE, Step.OVERDUE)


# ── who is told ─────────────────────────────────────────────────────────────────────────────────────────────────────


def people(*rows: tuple[str, str, Function, bool]) -> dict[str, Person]:
    return {row[0]: Person(*row) for row in rows}


STAFF = people(
    ("petrova", "msk", Function.SALES, True),
    ("orlov", "msk", Function.HEAD, True),
    ("kim", "ala", Function.HEAD, True),
    ("sokolova", "msk", Function.HEAD_OF_SALES, True),
    ("direktor", "msk", Function.DIRECTOR, True),
)


@pytest.mark.rule("R4-08")
@pytest.mark.parametrize("step", [Step.WARNING, Step.DUE, Step.OVERDUE])
def test_the_manager_is_told_until_it_is_escalated(step: Step) -> None:
    assert whom_to_tell(step, "petrova", "msk", "orlov", STAFF) == "petrova"
    assert whom_to_tell(step, "somebody new", "msk", "orlov", STAFF) == "somebody new"


@pytest.mark.rule("R4-08")
@pytest.mark.parametrize(
    ("manager", "office", "head", "told"),
    [
        ("petrova", "msk", "orlov", "orlov"),
        ("petrova", "msk", None, "orlov"),
        ("petrova", "spb", None, "sokolova"),
        ("orlov", "msk", "orlov", "sokolova"),
        ("sokolova", "msk", "sokolova", "orlov"),
        ("petrova", "spb", "not heard of yet", "not heard of yet"),
    ],
)
def test_the_head_is_told_and_nobody_about_himself(manager: str, office: str, head: str | None, told: str) -> None:
    assert whom_to_tell(Step.ESCALATED, manager, office, head, STAFF) == told


@pytest.mark.rule("R4-08")
def test_a_head_who_has_left_is_passed_over() -> None:
    staff = {**STAFF, **people(("orlov", "msk", Function.HEAD, False))}
    assert whom_to_tell(Step.ESCALATED, "petrova", "msk", "orlov", staff) == "sokolova"


@pytest.mark.rule("R4-08")
def test_what_a_manager_who_has_left_would_be_told_his_head_is_told() -> None:
    staff = {**STAFF, **people(("petrova", "msk", Function.SALES, False))}
    assert whom_to_tell(Step.DUE, "petrova", "msk", "orlov", staff) == "orlov"


def test_with_nobody_above_the_manager_is_told_himself() -> None:
    assert (
        whom_to_tell(Step.ESCALATED, "direktor", "msk", None, people(("direktor", "msk", Function.DIRECTOR, True)))
        == "direktor"
    )
