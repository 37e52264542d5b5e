"""Answers, deadlines, touches, merges and recalls that meet each other: whatever comes first, exactly one has the lead."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from random import Random
from typing import Any
from uuid import uuid5

import pytest
from sqlalchemy.engine import URL

from services.reminders import awaiting
from services.routing import acceptance
from shared.commands import AcceptLead, DeclineLead, SetPresence
from shared.database import engine_for
from shared.events import AnswerDue, AnswerRefused, ClientsMerged, LeadAccepted, LeadRecalled
from shared.message import ROOMS, Batch, Command, Event, Heard
from shared.words import Source
from tests.conftest import url_of
from tests.integration.acceptance_house import MINUTE, Acceptance, answered, handed_on
from tests.integration.routing_house import NOW, company, shift, uid


@pytest.fixture
async def house(database: URL, request: pytest.FixtureRequest) -> AsyncIterator[Acceptance]:
    engines = {room: engine_for(url_of(database, room), room, pool_size=3) for room in ROOMS}
    made = Acceptance(engines, getattr(request, "param", 1))
    await made.tell(company(duty=[shift(who) for who in ("anna", "boris", "vera", "gleb")]), "routing")
    await made.settle()
    made.now = NOW
    yield made
    for engine in engines.values():
        await engine.dispose()


async def at_once(house: Acceptance, *commands: Command) -> list[list[Event]]:
    """Several commands, each in a transaction of its own, at the same moment; what each led to."""

    async def one(nth: int, command: Command) -> list[Event]:
        cause = uuid5(uid("at once"), f"{nth} {command!r}")
        return await house._handle("routing", Heard(cause, cause, is_command=True, message=command, at=house.now))

    return await asyncio.gather(*(one(nth, command) for nth, command in enumerate(commands)))


@pytest.mark.rule("SLA")
@pytest.mark.parametrize("house", range(4), indirect=True)
async def test_of_two_who_click_at_once_exactly_one_takes_the_lead_from_its_queue(house: Acceptance) -> None:
    everybody = ("anna", "boris", "vera", "gleb")
    for who in everybody:
        await house.say(SetPresence(staff=who, state="busy", by="telephony"))
    lead = await house.come("a")
    if house.chance.random() < 0.5:
        await house.settle()
    said = await at_once(house, *(AcceptLead(lead_id=lead.lead_id, by=who) for who in everybody))
    winners = [who for who, events in zip(everybody, said, strict=True) if answered(events)]
    refused = [events for events in said if any(isinstance(event, AnswerRefused) for event in events)]
    assert (len(winners), len(refused)) == (1, 3)
    await house.settle()
    assert (await house.sale(lead))["manager"] == winners[0]
    standing = await house.standing(lead)
    assert (standing["receiver"], standing["answered_by"], standing["answer"]) == ("head_msk", winners[0], "accepted")
    await house.is_sound()


@pytest.mark.rule("SLA")
@pytest.mark.parametrize("batched", [True, False])
async def test_of_one_who_accepts_and_declines_at_once_the_first_word_counts(house: Acceptance, batched: bool) -> None:
    lead = await house.come("a")
    await house.settle()
    first = (await house.standing(lead))["receiver"]
    wishes = [DeclineLead(lead_id=lead.lead_id, by=first, reason="нет"), AcceptLead(lead_id=lead.lead_id, by=first)]
    if batched:
        causes = [uuid5(uid("both"), str(n)) for n in range(2)]
        async with house.engines["routing"].begin() as db:
            twice: Any = [
                Heard(cause, cause, message=wish, at=house.now)
                for cause, wish in zip(causes, [wishes[0], wishes[0]], strict=True)
            ]
            said = await acceptance.decline_leads(Batch(twice, house.now), db)
        assert sum(type(one.event).__name__ == "LeadHandedOn" for one in said) == 1
        assert sum(isinstance(one.event, AnswerRefused) for one in said) == 1
        await house.shares_add_up()
        return
    said_of = await at_once(house, *wishes)
    await house.settle()
    assert sum(bool(answered(events)) for events in said_of) == 1
    assert sum(any(isinstance(event, AnswerRefused) for event in events) for events in said_of) == 1
    await house.is_sound()


@pytest.mark.rule("SLA")
@pytest.mark.parametrize("accept_first", [True, False])
async def test_an_answer_and_the_end_of_its_time_meet(house: Acceptance, accept_first: bool) -> None:
    lead = await house.come("a")
    await house.settle()
    first = (await house.standing(lead))["receiver"]
    await house.wait(NOW + 9 * MINUTE)
    house.now += 2 * MINUTE
    [due] = await house.watch("reminders", awaiting.answers_fall_due)
    assert isinstance(due, AnswerDue)
    assert due.step == "expired"
    if accept_first:  # the deadline is said already, and routing has not heard it
        said = await house.say(AcceptLead(lead_id=lead.lead_id, by=first))
        assert answered(said) == [(first, "accepted")]
        await house.settle()
        assert await house.attempts(lead) == [(first, "accepted", True)]
        assert not handed_on(house.heard)
    else:
        await house.settle()
        [went] = handed_on(house.heard)
        [refused] = await house.say(AcceptLead(lead_id=lead.lead_id, by=first))
        assert isinstance(refused, AnswerRefused)
        assert went.manager in refused.faults[0].problem
        assert first in refused.faults[0].problem
    await house.is_sound()


@pytest.mark.rule("SLA")
async def test_the_end_of_the_time_of_one_who_declined_is_not_held_against_the_next(house: Acceptance) -> None:
    lead = await house.come("a")
    await house.settle()
    first = (await house.standing(lead))["receiver"]
    await house.wait(NOW + 9 * MINUTE)
    house.now += 2 * MINUTE
    await house.watch("reminders", awaiting.answers_fall_due)  # said, and on its way
    [went] = handed_on(await house.say(DeclineLead(lead_id=lead.lead_id, by=first, reason="нет")))
    await house.settle()
    assert await house.attempts(lead) == [(first, "declined", False), (went.manager, "awaited", True)]
    await house.is_sound()


@pytest.mark.rule("R1-42")
@pytest.mark.rule("G6")
@pytest.mark.parametrize("lost", [False, True])
async def test_whoever_has_touched_the_client_before_his_time_was_over_keeps_the_lead_and_the_share(
    house: Acceptance, lost: bool
) -> None:
    lead = await house.come("a")
    await house.settle()
    first = (await house.standing(lead))["receiver"]
    before = await house.balances("duty:msk")
    await house.touch(lead, first)  # process has it; routing has not heard of it when the time is over
    if lost:
        await house.touch(lead, first, lost=True)
    house.now += 7 * MINUTE
    await house.watch("reminders", awaiting.answers_fall_due)
    house.now += 7 * MINUTE
    await house.watch("reminders", awaiting.answers_fall_due)
    line = ("routing", f"process:client/{lead.client_id}")
    delayed = house.waiting.pop(line)
    while not house.waiting[line]:  # until process has answered the hand-over, and that stands behind the touch
        await house.settle(1)
    [went] = handed_on(house.heard)
    assert went.manager != first
    assert await house.balances("duty:msk") != before
    house.waiting[line].extendleft(reversed(delayed))
    await house.settle()
    assert (await house.sale(lead))["manager"] == first
    assert await house.attempts(lead) == [(first, "accepted", True), (went.manager, "withdrawn", False)]
    assert await house.balances("duty:msk") == before
    await house.is_sound()


@pytest.mark.rule("R1-33")
@pytest.mark.parametrize("touched", [True, False])
async def test_a_lead_that_comes_while_another_goes_on_is_with_whoever_has_the_sale_in_the_end(
    house: Acceptance, touched: bool
) -> None:
    lead = await house.come("a", client="c")
    await house.settle()
    first = (await house.standing(lead))["receiver"]
    if touched:
        await house.touch(lead, first)  # routing has not heard it
    [went] = handed_on(await house.say(DeclineLead(lead_id=lead.lead_id, by=first, reason="нет")))
    more = await house.come("b", client="c")
    assert await house.attempts(more) == [(went.manager, None, False)], "process has not said yet that it stays"
    await house.settle()
    keeps = first if touched else went.manager
    assert (await house.sale(more))["manager"] == (await house.standing(lead))["receiver"] == keeps
    standing = await house.standing(more)
    assert (standing["receiver"], standing["rule"], standing["answer"]) == (keeps, "R1-33", None)
    assert await house.attempts(more) == [(went.manager, "withdrawn", False)] * touched + [(keeps, None, False)]
    assert ((went.manager, "withdrawn") in answered(house.heard[-4:])) is touched
    await house.is_sound()


@pytest.mark.rule("SLA")
@pytest.mark.parametrize("house", range(1, 5), indirect=True)
async def test_a_lead_that_is_recalled_while_it_goes_on_is_gone_for_good(house: Acceptance) -> None:
    lead = await house.come("a", source=Source.EVENT, import_id=uid("expo"), row=1)
    await house.settle()
    first = (await house.standing(lead))["receiver"]
    recall = LeadRecalled(lead_id=lead.lead_id, client_id=lead.client_id, import_id=uid("expo"))
    cause = uid("recall")
    await house._handle("routing", Heard(cause, cause, message=recall, at=house.now))
    await house.say(DeclineLead(lead_id=lead.lead_id, by=first, reason="не мой регион"))
    await house.settle()
    assert (await house.sale(lead))["closed_at"] is not None
    assert not await house.balances("home")
    assert (await house.standing(lead))["answer"] == "withdrawn"
    [refused] = await house.say(AcceptLead(lead_id=lead.lead_id, by=(await house.standing(lead))["receiver"]))
    assert isinstance(refused, AnswerRefused)
    await house.is_sound()


@pytest.mark.rule("R1-42")
@pytest.mark.parametrize("way", ["accept", "decline", "silence"])
async def test_a_client_who_was_moved_to_somebody_else_meanwhile_stays_there(house: Acceptance, way: str) -> None:
    lead = await house.come("a")
    await house.settle()
    first = (await house.standing(lead))["receiver"]
    to = next(who for who in ("vera", "gleb") if who != first)
    for room, sql in (
        ("routing", f"update clients set open_with = '{to}', curator = '{to}' where client_id = '{lead.client_id}'"),
        ("process", f"update processes set manager = '{to}' where client_id = '{lead.client_id}'"),
        ("process", f"update tasks set manager = '{to}' where is_open"),
        ("reminders", f"update deadlines set manager = '{to}'"),
    ):  # as a transfer leaves it
        async with house.engines[room].begin() as db:
            await db.exec_driver_sql(sql)
    before = await house.balances("duty:msk")
    if way == "silence":
        await house.wait(NOW + 15 * MINUTE)
        assert (await house.standing(lead))["answer"] == "withdrawn"
    else:
        wish: Command = AcceptLead(lead_id=lead.lead_id, by=first)
        if way == "decline":
            wish = DeclineLead(lead_id=lead.lead_id, by=first, reason="нет")
        [refused] = await house.say(wish)
        assert isinstance(refused, AnswerRefused)
        assert to in refused.faults[0].problem
        await house.settle()
    assert not handed_on(house.heard)
    assert (await house.sale(lead))["manager"] == to
    assert await house.balances("duty:msk") == before
    await house.is_sound()


def merged(survivor: LeadAccepted, loser: LeadAccepted, side: LeadAccepted) -> ClientsMerged:
    return ClientsMerged(
        merge_id=uid("merge"),
        client_id=side.client_id,
        survivor_id=survivor.client_id,
        loser_id=loser.client_id,
        cards=[loser.client_id],
        records=[loser.lead_id],
        name=survivor.company,
        region=survivor.region,
        by="boss",
        rule_version=1,
    )


@pytest.mark.rule("R1-42")
@pytest.mark.rule("G6")
@pytest.mark.parametrize("house", range(1, 6), indirect=True)
async def test_answers_about_clients_who_turn_out_to_be_one(house: Acceptance) -> None:
    one, other = await house.come("a"), await house.come("b")
    await house.settle()
    for side in (other, one):
        cause = uid(f"merge {side.client_id}")
        event = merged(one, other, side)
        house.queue_from("intake", event, cause)
    await house.settle(house.chance.randrange(6))
    for lead in (one, other):
        receiver = (await house.standing(lead))["receiver"]
        wish = DeclineLead(lead_id=lead.lead_id, by=receiver, reason="нет")
        await house.say(wish)
        await house.settle(house.chance.randrange(4))
    await house.settle()
    await house.wait(house.now + 50 * MINUTE, 5 * MINUTE)
    open_sales = await house.rows("process", "select * from processes where closed_at is null")
    assert [sale["client_id"] for sale in open_sales] == [one.client_id]
    await house.is_sound()


@pytest.mark.rule("SLA")
@pytest.mark.rule("G6")
@pytest.mark.parametrize("house", range(1, 7), indirect=True)
async def test_in_any_storm_of_answers_no_lead_is_lost_doubled_or_back_with_one_who_did_not_take_it(
    house: Acceptance,
) -> None:
    chance: Random = house.chance
    people = ["anna", "boris", "vera", "gleb", "sofia", "stepan", "head_msk", "head_spb", "boss"]
    leads: list[LeadAccepted] = []
    for n in range(60):
        what = chance.random()
        if what < 0.25 or not leads:
            source = chance.choice([Source.WEBSITE, Source.INBOUND_CALL, Source.EVENT, Source.REFERRAL])
            more: dict[str, Any] = {"region": chance.choice(["RU-MOW", "RU-SPE"])}
            if source is Source.EVENT:
                more |= {"import_id": uid("expo"), "row": n}
            if source is Source.INBOUND_CALL:
                more |= {"named_manager": chance.choice(people)}
            if source is Source.REFERRAL:
                more |= {"submitter": chance.choice(people)}
            leads.append(await house.come(f"{n}", source=source, **more))
        elif what < 0.75:
            lead = chance.choice(leads)
            holder = (await house.standing(lead))["receiver"]
            by = holder if chance.random() < 0.7 else chance.choice(people)
            if chance.random() < 0.6:
                await house.say(DeclineLead(lead_id=lead.lead_id, by=by, reason="нет"))
            elif chance.random() < 0.7:
                await house.say(AcceptLead(lead_id=lead.lead_id, by=by))
            else:
                await house.touch(lead, by)
        elif what < 0.9:
            state: Any = chance.choice(["busy", "free", "absent", "back"])
            await house.say(SetPresence(staff=chance.choice(people[:6]), state=state, by="telephony"))
        else:
            await house.wait(house.now + chance.choice([1, 4, 11]) * MINUTE, settle=False)
        await house.settle(chance.randrange(5))
        await house.shares_add_up()
    await house.settle()
    await house.is_sound()
    await house.wait(house.now + timedelta(hours=4), 10 * MINUTE)
    await house.is_sound()
    for lead in leads:
        refusers = [who for who, answer, _ in await house.attempts(lead) if answer in ("declined", "silent")]
        given_to = [who for who, _, _ in await house.attempts(lead)]
        top = {"boss", "head_msk", "head_spb"}  # somebody must answer for a queue, even when all have looked away
        for n, who in enumerate(given_to):
            assert who not in given_to[:n] or who in top or who not in refusers, (who, given_to)
