"""By when a receiver must answer, and what follows when he has not, also after the room was down."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.reminders.rules import sla
from services.reminders.rules.answer import DEFAULTS, Turn, Waiting, waiting_from, what_comes
from services.reminders.rules.catch_up import LATE
from services.reminders.rules.sla import Term, first_reaction_due
from shared.words import Source
from shared.working_time import OfficeCalendar

CALENDAR = OfficeCalendar.of("Europe/Moscow", "Mon-Fri 09:00-18:00", "RU")
MONDAY = datetime(2026, 11, 23, 8, tzinfo=UTC)  # 11:00 in Moscow
MINUTE = timedelta(minutes=1)
WEBSITE = Term(10, "working_minutes")
LEAD = UUID(int=7)


@pytest.mark.rule("SLA")
def test_half_of_the_time_is_for_himself_and_the_other_half_after_he_was_reminded() -> None:
    assert waiting_from(WEBSITE, MONDAY, CALENDAR) == Waiting(MONDAY + 5 * MINUTE, MONDAY + 10 * MINUTE)
    friday = datetime(2026, 11, 27, 14, 56, tzinfo=UTC)  # four minutes before they close
    monday = datetime(2026, 11, 30, 6, tzinfo=UTC)
    assert waiting_from(WEBSITE, friday, CALENDAR) == Waiting(monday + MINUTE, monday + 6 * MINUTE)


@pytest.mark.rule("SLA")
@pytest.mark.parametrize("source", [one for one in Source if one is not Source.INBOUND_CALL])
def test_the_next_receiver_can_still_react_in_time(source: Source) -> None:
    asked = MONDAY
    due = waiting_from(DEFAULTS[source], asked, CALENDAR).due_at
    reaction = first_reaction_due(sla.DEFAULTS[source], asked, CALENDAR)
    assert due < reaction
    assert waiting_from(DEFAULTS[source], due, CALENDAR).warn_at < reaction


@pytest.mark.rule("SLA")
def test_he_is_reminded_and_then_his_time_is_over() -> None:
    waiting = waiting_from(WEBSITE, MONDAY, CALENDAR)
    warned = what_comes(LEAD, "warning", waiting, waiting, waiting.warn_at, CALENDAR)
    assert warned == Turn("warning", "expired", waiting.due_at, waiting.due_at)
    assert what_comes(LEAD, "expired", waiting, waiting, waiting.due_at, CALENDAR) == Turn(
        "expired", None, None, waiting.due_at
    )


@pytest.mark.rule("SLA")
def test_a_day_off_that_was_entered_meanwhile_gives_him_more_time_and_nothing_gives_him_less() -> None:
    waiting = waiting_from(WEBSITE, MONDAY, CALENDAR)
    longer = waiting_from(Term(60, "working_minutes"), MONDAY, CALENDAR)
    assert what_comes(LEAD, "expired", waiting, longer, waiting.due_at, CALENDAR) == Turn(
        None, "expired", longer.due_at, longer.due_at
    )
    shorter = waiting_from(Term(1, "working_minutes"), MONDAY, CALENDAR)
    assert what_comes(LEAD, "warning", waiting, shorter, waiting.warn_at, CALENDAR).due_at == waiting.due_at


@pytest.mark.rule("SLA")
@given(
    st.sampled_from(["warning", "expired"]),
    st.integers(16, 60 * 24 * 9),
    st.sampled_from([WEBSITE, Term(180, "working_minutes"), Term(1, "working_days")]),
)
def test_after_downtime_nobody_loses_a_lead_without_the_second_half_of_his_time(
    step: str, late: int, term: Term
) -> None:
    waiting = waiting_from(term, MONDAY, CALENDAR)
    planned = waiting.warn_at if step == "warning" else waiting.due_at
    now = planned + LATE + late * MINUTE
    turn = what_comes(LEAD, "warning" if step == "warning" else "expired", waiting, waiting, now, CALENDAR)
    assert turn.says != "expired"
    assert turn.next_at is not None
    if CALENDAR.next_working_moment(now) > now:
        assert turn.says is None, "outside office hours nobody is told"
        assert turn.next_step == step
        assert turn.next_at >= CALENDAR.next_working_moment(now)
    else:
        assert turn.next_step == "expired"
        assert CALENDAR.between(now, turn.next_at) >= CALENDAR.between(waiting.warn_at, waiting.due_at)
