"""Whatever the clock does, each step is said at most once and in order, and the chain ends with the head."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.reminders.rules.catch_up import what_falls_due
from services.reminders.rules.steps import ORDER, Step, plan_steps
from shared.working_time import OfficeCalendar

CALENDARS = [
    OfficeCalendar.of("Europe/Moscow", "Mon-Fri 09:00-18:00", "RU"),
    OfficeCalendar.of("Asia/Almaty", "Mon-Sat 10:00-13:00, 14:00-19:00", "KZ"),
    OfficeCalendar.of("America/New_York", "Mon-Sun 00:00-24:00", "US"),
]
unhurried = settings(deadline=None)  # a busy machine is no fault of the rules
moments = st.datetimes(datetime(2025, 1, 1), datetime(2026, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001


@pytest.mark.rule("R4-08")
@unhurried
@given(
    st.sampled_from(CALENDARS),
    moments,
    st.timedeltas(timedelta(days=-10), timedelta(days=60)),
    st.lists(st.timedeltas(timedelta(), timedelta(days=5)), max_size=20),
    st.uuids(),
)
def test_a_chain_of_steps_survives_any_downtime(
    calendar: OfficeCalendar, given_at: datetime, until: timedelta, waits: list[timedelta], task: UUID
) -> None:
    plan = plan_steps(given_at, given_at + until, calendar)
    moments = [plan.at(step) for step in ORDER]
    assert moments == sorted(moments)
    step: Step | None = plan.first_step(given_at)
    assert step is not None
    fires_at, said, now = plan.at(step), [], given_at
    delays = iter(waits)
    for _ in range(12):
        if step is None:
            break
        now = max(now, fires_at) + next(delays, timedelta())
        turn = what_falls_due(task, step, plan, now, calendar)
        assert turn.plan.due_at == plan.due_at, "a deadline is never moved by being late"
        assert turn.plan.overdue_at <= turn.plan.escalate_at
        if turn.says is not None:
            assert plan.at(turn.says) <= now
            said.append(turn.says)
        elif turn.next_at is not None:
            assert turn.next_at > now
        step, plan = turn.next_step, turn.plan
        fires_at = turn.next_at or fires_at
    assert said == sorted(set(said), key=ORDER.index)
    assert Step.ESCALATED not in said or said[-2:] == [Step.OVERDUE, Step.ESCALATED]
    assert step is not None or said[-1] is Step.ESCALATED
