"""The meeting that a call has led to: when it is, how long, and what cannot be (R1-21, R1-26)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from services.intake.rules.agreed_meeting import faults_of_meeting, meeting_of
from services.intake.rules.early_contact import no_lead_yet
from shared.commands import CallForm, LeadFields
from shared.words import Source

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
TOMORROW = NOW + timedelta(days=1)


@pytest.mark.rule("R1-28")
def test_a_meeting_takes_an_hour_unless_it_is_said_and_keeps_the_clock_it_was_agreed_at() -> None:
    said = CallForm.model_validate({"meeting": "theirs", "meeting_at": "2026-11-25T10:00:00+05:00"})
    met = meeting_of(said)
    assert met is not None
    assert (met.until - met.at, met.place) == (timedelta(hours=1), "theirs")
    assert f"{met.at:%H:%M %z}" == "10:00 +0500"
    longer = meeting_of(CallForm(meeting_at=TOMORROW, meeting_minutes=90))
    assert longer is not None
    assert longer.until == TOMORROW + timedelta(minutes=90)
    assert meeting_of(CallForm(meeting="ours")) is meeting_of(None) is None


@pytest.mark.rule("R1-26")
def test_an_agent_who_tells_when_the_meeting_is_has_won_one() -> None:
    assert no_lead_yet(Source.AGENT, LeadFields(), None, CallForm(meeting_at=TOMORROW)) is None
    assert no_lead_yet(Source.AGENT, LeadFields(), None, CallForm(meeting="declined")) == "R1-26"
    assert no_lead_yet(Source.AGENT, LeadFields(), None, CallForm(worked_with="anna")) == "R1-26"


@pytest.mark.rule("R1-28")
@pytest.mark.parametrize(
    ("said", "field", "problem"),
    [
        ({"meeting_at": NOW}, "call.meeting_at", "which is over"),
        ({"meeting_at": NOW + timedelta(days=400)}, "call.meeting_at", "more than a year away"),
        ({"meeting_at": TOMORROW, "meeting": "declined"}, "call.meeting_at", "was declined"),
        ({"meeting_minutes": 30}, "call.meeting_minutes", "not when"),
    ],
)
def test_a_meeting_that_cannot_be_is_named_with_its_remedy(said: dict[str, Any], field: str, problem: str) -> None:
    (fault,) = faults_of_meeting(CallForm(**said), NOW)
    assert fault.field == field
    assert problem in fault.problem
    assert fault.remedy
    assert faults_of_meeting(CallForm(meeting_at=TOMORROW), NOW) == faults_of_meeting(None, NOW) == []


def test_a_meeting_without_a_time_zone_is_not_understood() -> None:
    with pytest.raises(ValidationError, match="timezone"):
        CallForm.model_validate({"meeting_at": "2026-11-25T10:00:00"})
