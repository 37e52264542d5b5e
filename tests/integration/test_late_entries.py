"""A call that was entered late is told to the head of whoever took it; how late is late is a setting."""

from __future__ import annotations

from datetime import timedelta

import pytest

from shared.commands import CallForm, LeadFields, SubmitLead
from shared.events import EntryDelayed, LateEntryTold
from shared.words import Source
from tests.integration.routing_house import DbOf, company
from tests.integration.test_undo_import import House


@pytest.fixture
async def house(db_of: DbOf) -> House:
    house = House(db_of)
    await house.hear(company())
    return house


async def told(house: House, lag: timedelta, submitter: str | None) -> list[tuple[str, float]]:
    """Who is told of a call that is entered `lag` after its end, and what was allowed."""
    call = CallForm(ended_at=house.now + timedelta(minutes=1) - lag)
    said = await house.hear(
        SubmitLead(
            source_system="pbx", external_id=f"{lag} {submitter}", source=Source.INBOUND_CALL, submitter=submitter,
            fields=LeadFields(company=f"ООО «Завод {submitter} {lag.seconds}»", region="Москва"), call=call,
        )
    )  # fmt: skip
    assert [one.lag_s for one in said if isinstance(one, EntryDelayed)] == [
        one.lag_s for one in said if isinstance(one, LateEntryTold)
    ]
    return [(one.tells, one.allowed_s) for one in said if isinstance(one, LateEntryTold)]


@pytest.mark.rule("R1-22", "R4-08")
async def test_the_head_of_whoever_took_the_call_is_told_and_nobody_about_himself(house: House) -> None:
    late = timedelta(minutes=6)
    assert await told(house, late, "sofia") == [("head_spb", 300.0)]
    assert await told(house, late, "head_spb") == [("boss", 300.0)]
    assert await told(house, late, None) == [("boss", 300.0)]
    assert await told(house, timedelta(minutes=5), "sofia") == []


@pytest.mark.rule("R1-22")
async def test_how_late_is_late_is_a_setting(house: House) -> None:
    async with house.db_of("intake") as db:
        await db.exec_driver_sql("update entry_policies set amount = 30")
    assert await told(house, timedelta(minutes=29), "sofia") == []
    assert await told(house, timedelta(minutes=31), "sofia") == [("head_spb", 1800.0)]
