"""Routing keeps the meetings it has given: freed and handed on with their clients, and never two at once for one."""

from __future__ import annotations

import asyncio
import json
from datetime import datetime, timedelta

import pytest
from sqlalchemy.engine import URL

from services.routing import acceptance, handlers, meetings, merges, store
from services.routing.rules.record import told_otherwise
from shared.commands import DeclineLead
from shared.database import engine_for
from shared.events import (
    ClientsMerged,
    LeadAccepted,
    LeadHandedOn,
    LeadWithdrawn,
    ProcessClosed,
    ProcessOpened,
    SetMeeting,
    StageMoved,
    TouchRecorded,
)
from shared.words import Source, Stage, TouchKind, TouchResult
from tests.conftest import url_of
from tests.integration.routing_house import NOW, DbOf, away, batch, company, lead, managers, only, said_of, uid
from tests.integration.test_routing_record_complete import stored

TUESDAY = NOW + timedelta(days=1)
HOUR = timedelta(hours=1)


def meeting(name: str, at: datetime = TUESDAY, region: str = "RU-SPE", **facts: object) -> LeadAccepted:
    """An agent's lead with a meeting of an hour."""
    agreed = {"at": at, "until": at + timedelta(hours=1), "place": "theirs"}
    return lead(name, source=Source.AGENT, region=region, submitter="agata", meeting=agreed, **facts)


async def given(db_of: DbOf, *leads: LeadAccepted, now: datetime = NOW) -> list[str]:
    async with db_of("routing") as db:
        return managers(await handlers.assign_leads(batch(*leads, now=now), db))


@pytest.fixture
async def house(db_of: DbOf) -> DbOf:
    """The company, with Saint Petersburg's two managers and Moscow's four."""
    async with db_of("routing") as db:
        await handlers.apply_company(batch(company()), db)
    return db_of


@pytest.mark.rule("R1-28")
@pytest.mark.rule("R1-30")
async def test_what_was_given_before_and_is_planned_counts_and_the_meeting_goes_on_with_the_lead(house: DbOf) -> None:
    (first,) = await given(house, meeting("one"))
    assert await given(house, meeting("two")) == list({"sofia", "stepan"} - {first})
    async with house("routing") as db:
        await handlers.apply_company(batch(company(absences=[away("anna"), away("boris", days=1.02)])), db)
    monday = NOW + timedelta(days=1.5)  # anna is away for ten days, boris until Tuesday's meeting has begun
    async with house("routing") as db:
        said = only(await handlers.assign_leads(batch(meeting("three"), now=NOW), db))
    assert said.meeting == meeting("three").meeting
    assert said.manager in ("vera", "gleb")
    late = TUESDAY + timedelta(days=1)
    assert await given(house, meeting("four", late, "RU-MOW"), now=monday) != ["anna"]


@pytest.mark.rule("R1-28")
@pytest.mark.parametrize("how", ["withdrawn", "closed", "declined", "merged"])
async def test_a_meeting_is_freed_by_whatever_takes_its_client_away(house: DbOf, how: str) -> None:
    first, second = await given(house, meeting("one"), meeting("two"))
    one, client, sale = uid("lead one"), uid("client of one"), uid("sale")
    opened = ProcessOpened(
        process_id=sale, client_id=client, lead_id=one, manager=first, office_id="spb", source=Source.AGENT
    )
    expected = first
    async with house("routing") as db:
        if how == "withdrawn":
            gone = LeadWithdrawn(lead_id=one, client_id=client, import_id=uid("import"))
            await handlers.note_withdrawn(batch(gone), db)
        elif how == "closed":
            await handlers.note_opened(batch(opened), db)
            closed = ProcessClosed(process_id=sale, client_id=client, manager=first, ended="lost")
            await handlers.note_closed(batch(closed), db)
        elif how == "declined":
            said = await acceptance.decline_leads(batch(DeclineLead(lead_id=one, by=first, reason="занята")), db)
            assert {one.manager for one in said_of(said, LeadHandedOn)} <= {"anna", "boris", "vera", "gleb"}
        else:  # its client is another's, whose sale sofia or stepan does not work
            await handlers.note_opened(batch(opened), db)
            held = uid("held by vera")
            theirs = opened.model_copy(update={"client_id": held, "manager": "vera", "lead_id": uid("old lead")})
            await handlers.note_opened(batch(theirs), db)
            for side in (client, held):
                told = ClientsMerged(
                    merge_id=uid("merge"), client_id=side, survivor_id=held, loser_id=client, cards=[client],
                    name="ООО", region="RU-SPE", by="boss", rule_version=1,
                )  # fmt: skip
                await merges.follow_merges(batch(told), db)
    assert await given(house, meeting("three")) == [expected]
    if how in ("withdrawn", "closed"):  # a what-if knows it too, whatever became of the share
        async with house("routing") as db:
            told_of = await store.decisions_between(db, NOW - HOUR, NOW + HOUR, after=0, last=9, most=9)
        freed = {told["lead_id"]: told["meeting_freed_at"] for told in (json.loads(row["told"]) for row in told_of)}
        assert [bool(freed[str(uid(f"lead {name}"))]) for name in ("one", "two", "three")] == [True, False, False]
    if how == "merged":
        rows = await stored(house)
        assert rows[-1][0]["excluded"][second]["why"] == "meeting"
        taken = await given(house, *(meeting(str(n), region="RU-MOW") for n in range(3)))
        assert set(taken) == {"anna", "boris", "gleb"}, "who works the merged client holds the meeting"


def moved(name: str, *, to: Stage = Stage.MEETING_SET, source: Stage = Stage.CONTACTED, **facts: object) -> StageMoved:
    """A manager has moved the sale of the client of `name`; with `at`, to a meeting."""
    meeting = SetMeeting.model_validate({"until": facts["at"] + HOUR, **facts}) if "at" in facts else None  # type: ignore[operator]
    about = {"process_id": uid(f"sale of {name}"), "client_id": uid(f"client of {name}"), "by": "sofia"}
    return StageMoved(from_stage=source, to_stage=to, meeting=meeting, **about)


@pytest.mark.rule("R1-28")
@pytest.mark.rule("stages")
async def test_a_meeting_that_a_manager_sets_moves_or_calls_off_himself_is_in_his_diary(house: DbOf) -> None:
    for who in ("sofia", "stepan"):
        sale = ProcessOpened(
            process_id=uid(f"sale of {who}"), client_id=uid(f"client of {who}"), lead_id=uid(who), manager=who,
            office_id="spb", source=Source.WEBSITE,
        )  # fmt: skip
        async with house("routing") as db:
            await handlers.note_opened(batch(sale), db)

    async def hear(*moves: StageMoved) -> None:
        async with house("routing") as db:
            await meetings.note_stages(batch(*moves), db)

    async def free_at(at: datetime) -> set[str]:
        """Who of Saint Petersburg would get a meeting then: asked, and forgotten."""
        free: set[str] = set()
        async with house("routing") as db:
            said = await handlers.assign_leads(batch(*(meeting(f"{at}/{n}", at) for n in range(2))), db)
            free = set(managers(said)) & {"sofia", "stepan"}
            await db.rollback()
        return free

    later = TUESDAY + 3 * HOUR
    await hear(moved("sofia", at=TUESDAY), moved("stepan", at=TUESDAY, holder="head_spb"))
    assert await free_at(TUESDAY + HOUR / 2) == {"stepan"}, "the head holds the other one"
    await hear(moved("sofia", source=Stage.MEETING_SET, at=later))
    assert (await free_at(TUESDAY), await free_at(later)) == ({"sofia", "stepan"}, {"stepan"})
    off = moved("sofia", to=Stage.CONTACTED, source=Stage.MEETING_SET)
    await hear(off)
    assert await free_at(later) == {"sofia", "stepan"}
    await hear(off, moved("sofia", at=later))
    assert await free_at(later) == {"stepan"}, "what was called off is agreed again"
    async with house("routing") as db:
        fell = TouchRecorded(
            touch_id=uid("touch"), process_id=uid("sale of sofia"), client_id=uid("client of sofia"), by="sofia",
            kind=TouchKind.CALL, result=TouchResult.CANCELLED, touched_at=NOW,
        )  # fmt: skip
        await acceptance.note_touched(batch(fell), db)
    assert await free_at(later) == {"sofia", "stepan"}


@pytest.mark.rule("R1-28")
async def test_the_meeting_that_a_manager_sets_takes_the_place_of_the_agents(house: DbOf) -> None:
    (first,) = await given(house, meeting("one"))
    async with house("routing") as db:
        await meetings.note_stages(batch(moved("one", at=TUESDAY + 4 * HOUR)), db)
    assert set(await given(house, meeting("two"), meeting("three"))) == {"sofia", "stepan"}, "the agent's was moved"
    assert await given(house, meeting("four", TUESDAY + 4 * HOUR)) == list({"sofia", "stepan"} - {first})


@pytest.mark.rule("G8")
async def test_a_meeting_that_nobody_is_free_for_waits_and_goes_to_the_first_who_is(house: DbOf) -> None:
    receivers = await given(house, *(meeting(str(n)) for n in range(7)))
    assert receivers[-1] == "head_msk"
    gone = LeadWithdrawn(lead_id=uid("lead 0"), client_id=uid("client of 0"), import_id=uid("import"))
    async with house("routing") as db:
        await handlers.note_withdrawn(batch(gone), db)
        said, _ = await acceptance.give_waiting(NOW + timedelta(seconds=30), db)
        assert said == [], "it was tried a moment ago"
        said, _ = await acceptance.give_waiting(NOW + timedelta(minutes=2), db)
    (went,) = said_of(said, LeadHandedOn)
    assert (went.manager, went.because) == (receivers[0], "given")
    for row, field in await stored(house):
        assert told_otherwise(row, field) == (), row["lead_id"]


@pytest.mark.rule("R1-28")
async def test_a_replica_waits_for_meetings_that_another_is_just_giving(house: DbOf, database: URL) -> None:
    # the first draws on no pool at all: the sale of its client is open
    sale = ProcessOpened(
        process_id=uid("sale"), client_id=uid("old"), lead_id=uid("older"), manager="sofia", office_id="spb",
        source=Source.AGENT,
    )  # fmt: skip
    async with house("routing") as db:
        await handlers.note_opened(batch(sale), db)
    engines = [engine_for(url_of(database, "routing"), "routing", replica=name, pool_size=1) for name in ("one", "two")]
    try:
        async with engines[1].begin() as two:
            async with engines[0].begin() as one:
                first = await handlers.assign_leads(batch(meeting("first", client="old")), one)
                late = asyncio.create_task(handlers.assign_leads(batch(meeting("second")), two))
                done, _ = await asyncio.wait([late], timeout=0.3)
                assert not done, "it looked at a diary that was about to change"
            second = await asyncio.wait_for(late, 20)
    finally:
        for engine in engines:
            await engine.dispose()
    assert (managers(first), managers(second)) == (["sofia"], ["stepan"])
