"""A lead is with somebody who takes it: accepted, declined, passed over in silence, through all four rooms."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from sqlalchemy.engine import URL

from shared.commands import AcceptLead, DeclineLead, SetPresence
from shared.database import engine_for
from shared.events import AnswerDue, AnswerRefused, ProcessOpened
from shared.message import ROOMS
from shared.words import Source
from tests.conftest import url_of
from tests.integration.acceptance_house import MINUTE, Acceptance, answered, handed_on
from tests.integration.routing_house import NOW, company


@pytest.fixture
async def house(database: URL, request: pytest.FixtureRequest) -> AsyncIterator[Acceptance]:
    engines = {room: engine_for(url_of(database, room), room, pool_size=1) for room in ROOMS}
    made = Acceptance(engines, getattr(request, "param", 1))
    await made.tell(company(), "routing")
    await made.settle()
    made.now = NOW
    yield made
    for engine in engines.values():
        await engine.dispose()


def other(who: str) -> str:
    return {"anna": "boris", "boris": "anna"}[who]


@pytest.mark.rule("SLA")
async def test_whoever_accepts_keeps_the_lead(house: Acceptance) -> None:
    lead = await house.come("a")
    await house.settle()
    first = (await house.standing(lead))["receiver"]
    said = await house.say(AcceptLead(lead_id=lead.lead_id, by=first))
    assert answered(said) == [(first, "accepted")]
    await house.settle()
    await house.wait(NOW + timedelta(hours=3))
    assert await house.attempts(lead) == [(first, "accepted", True)]
    assert not handed_on(house.heard)
    assert not await house.say(AcceptLead(lead_id=lead.lead_id, by=first)), "once more says nothing new"
    await house.is_sound()


@pytest.mark.rule("SLA")
@pytest.mark.rule("G6")
@pytest.mark.parametrize("house", range(1, 6), indirect=True)
async def test_a_declined_lead_goes_to_the_next_and_the_share_with_it(house: Acceptance) -> None:
    lead = await house.come("a")
    first = (await house.standing(lead))["receiver"]
    said = await house.say(DeclineLead(lead_id=lead.lead_id, by=first, reason="не мой профиль"))
    [went] = handed_on(said)
    assert (went.from_manager, went.manager, went.because, went.told) == (first, other(first), "declined", [first])
    await house.settle()
    assert await house.attempts(lead) == [(first, "declined", False), (other(first), "awaited", True)]
    assert (await house.sale(lead))["manager"] == other(first)
    assert (await house.deadline(lead))["manager"] == other(first)
    await house.is_sound()
    again = await house.say(DeclineLead(lead_id=lead.lead_id, by=first, reason="правда не мой"))
    assert [type(event) for event in again] == [AnswerRefused]
    await house.is_sound()
    [up] = handed_on(await house.say(DeclineLead(lead_id=lead.lead_id, by=other(first), reason="занят")))
    assert (up.manager, up.queue, up.rule) == ("head_msk", "duty:msk", "G8")
    await house.settle()
    await house.is_sound()
    assert not await house.balances("duty:msk"), "nobody has received, nobody is owed"


@pytest.mark.rule("R1-33")
async def test_until_process_has_followed_the_clients_next_lead_goes_to_the_next_receiver_too(
    house: Acceptance,
) -> None:
    lead = await house.come("a", client="c")
    first = (await house.standing(lead))["receiver"]
    await house.say(DeclineLead(lead_id=lead.lead_id, by=first, reason="нет"))  # before anybody has opened a sale
    told = house.waiting["process", f"routing:client/{lead.client_id}"]
    await house._handle("process", told.popleft())
    answers = house.waiting["routing", f"process:client/{lead.client_id}"]
    opened = answers.popleft()
    assert isinstance(opened.message, ProcessOpened)
    assert opened.message.manager == first
    await house._handle("routing", opened)
    more = await house.come("b", client="c")
    assert ((await house.standing(more))["receiver"], (await house.standing(more))["rule"]) == (other(first), "R1-33")
    await house.settle()
    assert (await house.sale(more))["manager"] == other(first)
    await house.is_sound()


@pytest.mark.rule("SLA")
async def test_a_silent_receiver_is_reminded_marked_and_his_head_told(house: Acceptance) -> None:
    lead = await house.come("a")
    await house.settle()
    first = (await house.standing(lead))["receiver"]
    await house.wait(NOW + 6 * MINUTE)
    assert [(e.step, e.tells) for e in house.heard if isinstance(e, AnswerDue)] == [("warning", first)]
    await house.wait(NOW + 12 * MINUTE)
    [went] = handed_on(house.heard)
    assert (went.because, went.manager, went.told) == ("silent", other(first), [first, "head_msk"])
    assert await house.attempts(lead) == [(first, "silent", False), (other(first), "awaited", True)]
    assert (await house.sale(lead))["manager"] == other(first)
    await house.is_sound()


@pytest.mark.rule("G8")
async def test_what_nobody_can_take_goes_up_and_is_given_as_soon_as_somebody_is_there(house: Acceptance) -> None:
    for who in ("anna", "boris"):
        await house.say(SetPresence(staff=who, state="absent", by=who))
    lead = await house.come("a")
    await house.settle()
    assert (await house.standing(lead))["answer"] == "waiting"
    await house.wait(NOW + 13 * MINUTE)
    assert (await house.standing(lead))["receiver"] == "boss", "the head of the office did not look"
    await house.say(SetPresence(staff="boris", state="back", by="boris"))
    await house.wait(house.now + MINUTE)
    assert await house.attempts(lead) == [
        ("head_msk", "silent", False),
        ("boss", "given", False),
        ("boris", "awaited", True),
    ]
    assert (await house.sale(lead))["manager"] == "boris"
    await house.is_sound()
    assert (await house.sale(lead))["source"] == Source.WEBSITE


@pytest.mark.rule("R1-28")
@pytest.mark.rule("SLA")
async def test_an_agents_meeting_is_the_first_task_and_goes_on_with_its_lead(house: Acceptance) -> None:
    begins = NOW + timedelta(hours=3)
    agreed = {"at": begins, "until": begins + timedelta(hours=1), "place": "ours"}
    lead = await house.come("a", source=Source.AGENT, region="RU-SPE", meeting=agreed)
    await house.settle()
    first = (await house.standing(lead))["receiver"]
    second = ({"sofia", "stepan"} - {first}).pop()
    deadline = await house.deadline(lead)
    assert (deadline["kind"], deadline["due_at"], deadline["by_rule"]) == (
        "meeting",
        begins,
        "SLA: agent, before the meeting",
    )
    await house.say(DeclineLead(lead_id=lead.lead_id, by=first, reason="в отпуске"))
    await house.settle()
    deadline = await house.deadline(lead)
    assert (deadline["manager"], deadline["due_at"]) == (second, begins)
    [task] = await house.rows("process", "select * from tasks where is_open")
    assert (task["manager"], task["meeting_at"]) == (second, begins)
    assert "у нас / meeting on 2026-11-23 11:00 (UTC+0000), 60 min, at our office" in task["note"]
    one = await house.come("b", source=Source.AGENT, region="RU-SPE", meeting=agreed)
    assert (await house.standing(one))["receiver"] == first, "he has not got that meeting any more"
    await house.settle()
    await house.is_sound()
