"""Doubts wait for a person; his word merges, tells apart, and can be taken back as if it had never been said."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from services.intake import answers, handlers, review
from shared.commands import JudgeReview, LeadFields, MergeClients, Row, SplitClients, SubmitLead, SubmitRows
from shared.database import fetch
from shared.events import ClientsMerged, ClientsSplit, JudgementRefused, LeadAccepted, ReviewJudged
from shared.message import Batch, Event, Heard, NotYet
from shared.questions import ListMerges, ListReviews, ShowReview
from shared.words import Outcome, Source

Room = Callable[[str], AbstractAsyncContextManager[AsyncConnection]]
NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
HANDLERS: dict[Any, Any] = {
    SubmitLead: handlers.submit_leads,
    SubmitRows: handlers.submit_rows,
    JudgeReview: review.judge_reviews,
    MergeClients: review.merge_clients,
    SplitClients: review.split_clients,
}
TABLES = ("clients", "contacts", "client_keys", "key_stats", "decisions", "submissions")
LIST = uuid5(NAMESPACE_URL, "a list")

FREZER = {
    "company": "ООО «Фрезер»",
    "contact": "Дёмин Роман",
    "phone": "+7 (846) 201-30-40",
    "email": "demin@frezer.ru",
}
HOUSE = {"company": "Торговый дом «Фрезер»", "phone": "+7 846 201-30-40", "email": "td@frezer.ru"}
NAMELESS = {"contact": "Лапина", "phone": "8 846 201 30 40"}


class Clock:
    """Every message comes a minute after the one before."""

    def __init__(self) -> None:
        self.now = NOW

    def tick(self) -> datetime:
        self.now += timedelta(minutes=1)
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


async def say(room: Room, clock: Clock, command: Any) -> list[Event]:
    at = clock.tick()
    cause = uuid5(NAMESPACE_URL, f"{at} {command!r}")
    one: Heard[Any] = Heard(id=cause, correlation=cause, is_command=True, message=command, at=at)
    async with room("intake") as db:
        return [saying.event for saying in await HANDLERS[type(command)](Batch([one], at), db)]


async def comes(room: Room, clock: Clock, **fields: str) -> LeadAccepted:
    name = str(clock.now)
    wish = SubmitLead(
        source_system="site", external_id=name, source=Source.WEBSITE, fields=LeadFields.model_validate(fields)
    )
    [event] = await say(room, clock, wish)
    assert isinstance(event, LeadAccepted)
    return event


async def asks(room: Room, question: Any) -> dict[str, Any]:
    known: dict[Any, Any] = {
        ListReviews: answers.list_reviews,
        ShowReview: answers.show_review,
        ListMerges: answers.list_merges,
    }
    answer = known[type(question)]
    async with room("intake") as db:
        found: dict[str, Any] = await answer(question, db)
    return found


async def kept(room: Room) -> dict[str, list[dict[str, Any]]]:
    async with room("intake") as db:
        return {name: [dict(row) for row in await fetch(db, f"select * from {name} order by 1, 2")] for name in TABLES}


async def the_doubt(room: Room) -> dict[str, Any]:
    waiting = await asks(room, ListReviews())
    assert waiting["waiting"] == 1, waiting
    found: dict[str, Any] = waiting["groups"][0]["reviews"][0]
    return found


def judged(doubt: dict[str, Any], verdict: Any, **more: Any) -> JudgeReview:
    return JudgeReview(reviews=[doubt["id"]], verdict=verdict, by="orlova", **more)


@pytest.mark.rule("R1-40")
async def test_a_doubt_shows_both_records_what_agrees_and_what_does_not(db_of: Room, clock: Clock) -> None:
    known = await comes(db_of, clock, **FREZER)
    lead = await comes(db_of, clock, **HOUSE)
    assert lead.outcome is Outcome.POSSIBLE  # it has its card and is on its way to a manager
    doubt = await the_doubt(db_of)
    assert (doubt["rule"], doubt["suggested"], doubt["lead_id"]) == ("P-conflict", "sister", lead.lead_id)
    for id_ in (doubt["id"], lead.lead_id):
        shown = await asks(db_of, ShowReview(id=id_))
        assert shown["card"]["id"] == lead.client_id
        assert shown["other"]["id"] == known.client_id
        assert {item["key"] for item in shown["agree"]} >= {"phone", "domain"}
        assert "name" in {item["key"] for item in shown["conflict"]}
        assert shown["review"]["conflicts"]


async def test_doubts_are_grouped_by_client_and_the_dearest_come_first(db_of: Room, clock: Clock) -> None:
    await comes(db_of, clock, **FREZER)
    rows = [
        {"company": "Торговый дом «Фрезер»", "email": "td@frezer.ru"},
        {"company": "Фрезер-Сервис", "phone": "+7 846 201-30-40"},
    ]
    await say(
        db_of,
        clock,
        SubmitRows(
            import_id=LIST,
            file_name="list.xlsx",
            campaign="Expo",
            rows=[Row(number=n, fields=LeadFields.model_validate(row)) for n, row in enumerate(rows, 1)],
        ),
    )
    await comes(db_of, clock, company="ООО «Лазурный берег»", phone="8 (812) 333-12-21")
    await comes(db_of, clock, contact="Лапина", phone="8 (812) 333-12-21")
    found = await asks(db_of, ListReviews())
    assert [group["label"] for group in found["groups"]][-1] == "frezer.ru"
    frezer = found["groups"][-1]
    assert frezer["leads"] == len(frezer["reviews"]) >= 2
    first = found["groups"][0]
    assert first["priority"] >= frezer["priority"]
    await say(db_of, clock, judged(first["reviews"][0], "skip"))
    again = await asks(db_of, ListReviews())
    assert again["groups"][-1]["client_id"] == first["client_id"]
    assert again["waiting"] == found["waiting"]
    alone = await asks(db_of, ListReviews(client_id=frezer["client_id"]))
    assert [one["id"] for one in alone["groups"][0]["reviews"]] == [one["id"] for one in frezer["reviews"]]


async def test_same_merges_and_the_next_lead_of_either_goes_to_the_survivor(db_of: Room, clock: Clock) -> None:
    known = await comes(db_of, clock, **FREZER)
    lead = await comes(db_of, clock, **HOUSE)
    events = await say(db_of, clock, judged(await the_doubt(db_of), "same", note="they said so"))
    assert isinstance(events[0], ReviewJudged)
    told = [event for event in events if isinstance(event, ClientsMerged)]
    assert [event.client_id for event in told] == [lead.client_id, known.client_id]
    assert (told[0].survivor_id, told[0].loser_id) == (known.client_id, lead.client_id)
    assert told[0].records == [lead.lead_id]
    assert (await asks(db_of, ListReviews()))["waiting"] == 0
    for fields in (FREZER, HOUSE, {"company": "ТД Фрезер", "email": "td@frezer.ru"}):
        later = await comes(db_of, clock, **fields)
        assert (later.outcome, later.client_id) == (Outcome.SAME, known.client_id), fields
    assert (await asks(db_of, ListReviews()))["waiting"] == 0
    stats = {row["h"]: row["df"] for row in (await kept(db_of))["key_stats"]}
    holders: dict[int, int] = {}
    for row in (await kept(db_of))["client_keys"]:
        holders[row["h"]] = holders.get(row["h"], 0) + 1
    assert {stats[h] for h in holders} == {1}, "two cards of one client are one holder"
    assert max(holders.values()) == 2


async def test_a_record_without_a_name_that_was_joined_by_hand_is_not_asked_about_again(
    db_of: Room, clock: Clock
) -> None:
    known = await comes(db_of, clock, **FREZER)
    assert (await comes(db_of, clock, **NAMELESS)).outcome is Outcome.POSSIBLE
    await say(db_of, clock, judged(await the_doubt(db_of), "same"))
    again = await comes(db_of, clock, **NAMELESS)
    assert (again.outcome, again.client_id) == (Outcome.SAME, known.client_id)


@pytest.mark.parametrize("verdict", ["different", "sister"])
async def test_not_the_same_holds_for_everybody_until_a_new_key_appears(
    db_of: Room, clock: Clock, verdict: str
) -> None:
    known = await comes(db_of, clock, company="ООО «Вектор»", phone="8 (812) 333-12-21")
    other = await comes(db_of, clock, company="Вектор-Сервис", phone="8 (812) 333-12-21")
    await say(db_of, clock, judged(await the_doubt(db_of), verdict))
    again = await comes(db_of, clock, phone="8 (812) 333-12-21", company="Вектор-Сервис", contact="Лапина")
    assert (again.outcome, again.client_id) == (Outcome.SAME, other.client_id)
    assert (await asks(db_of, ListReviews()))["waiting"] == 0
    nameless = await comes(db_of, clock, phone="8 (812) 333-12-21", email="vector@mail.ru")
    assert nameless.outcome is Outcome.POSSIBLE
    doubts = (await asks(db_of, ListReviews()))["groups"]
    assert len(doubts) == 1, "the other of the two was told apart from the best one, and nothing new speaks for it"
    cards = {row["id"]: row["provisional"] for row in (await kept(db_of))["clients"]}
    assert cards[other.client_id] is cards[known.client_id] is False


async def test_merging_and_splitting_leaves_everything_as_it_was(db_of: Room, clock: Clock) -> None:
    await comes(db_of, clock, **FREZER)
    await comes(db_of, clock, **HOUSE)
    before = await kept(db_of)
    events = await say(db_of, clock, judged(await the_doubt(db_of), "same"))
    merge_id = next(event.merge_id for event in events if isinstance(event, ClientsMerged))
    assert await kept(db_of) != before
    split = await say(db_of, clock, SplitClients(merge_id=merge_id, by="orlova", note="they were not"))
    assert [type(event) for event in split] == [ClientsSplit, ClientsSplit]
    assert await kept(db_of) == before
    [merge] = (await asks(db_of, ListMerges(id=merge_id)))["merges"]
    assert (merge["undone_by"], merge["undone_note"]) == ("orlova", "they were not")
    [refused] = await say(db_of, clock, SplitClients(merge_id=merge_id, by="orlova"))
    assert isinstance(refused, JudgementRefused)
    assert "undone already" in refused.faults[0].problem
    again = await comes(db_of, clock, **HOUSE)
    assert again.outcome is Outcome.SAME
    assert (await asks(db_of, ListReviews()))["waiting"] == 0, "what was split is not asked again"


async def test_what_came_after_the_merge_goes_with_its_own_card_and_is_listed(db_of: Room, clock: Clock) -> None:
    known = await comes(db_of, clock, **FREZER)
    house = await comes(db_of, clock, **HOUSE)
    events = await say(db_of, clock, judged(await the_doubt(db_of), "same"))
    merge_id = next(event.merge_id for event in events if isinstance(event, ClientsMerged))
    later_house = await comes(db_of, clock, company="ТД Фрезер", email="zakaz@frezer.ru", contact="Лапина")
    later_known = await comes(db_of, clock, company="Фрезер", email="x@frezer.ru")
    assert later_house.client_id == later_known.client_id == known.client_id
    [first, _] = await say(db_of, clock, SplitClients(merge_id=merge_id, by="orlova"))
    assert isinstance(first, ClientsSplit)
    assert set(first.came_later) == {later_house.lead_id, later_known.lead_id}
    assert set(first.records) == {house.lead_id, later_house.lead_id}
    cards = {row["lead_id"]: row["client_id"] for row in (await kept(db_of))["decisions"]}
    assert cards[later_house.lead_id] == house.client_id
    assert cards[later_known.lead_id] == known.client_id
    async with db_of("intake") as db:
        wrong = await fetch(
            db,
            "select s.h, s.df, count(k.h) from key_stats s left join client_keys k on k.h = s.h"
            " group by s.h, s.df having s.df <> count(k.h)",
        )
    assert not wrong, "apart again, every key counts each of its holders"


async def test_all_merges_of_a_list_are_undone_at_once(db_of: Room, clock: Clock) -> None:
    await comes(db_of, clock, **FREZER)
    names = ("Торговый дом «Фрезер»", "Фрезер-Сервис", "УК Фрезер")
    rows = [Row(number=n, fields=LeadFields(company=name, email=f"a{n}@frezer.ru")) for n, name in enumerate(names, 1)]
    await say(db_of, clock, SubmitRows(import_id=LIST, file_name="l.xlsx", campaign="Expo", rows=rows))
    before = await kept(db_of)
    found = await asks(db_of, ListReviews())
    ids = [one["id"] for group in found["groups"] for one in group["reviews"]]
    events = await say(db_of, clock, JudgeReview(reviews=ids, verdict="same", by="orlova"))
    merged = [event for event in events if isinstance(event, ClientsMerged)]
    assert len(merged) == 2 * len(names)
    survivors = {row["root"] or row["id"] for row in (await kept(db_of))["clients"]}
    assert len(survivors) == 1
    await say(db_of, clock, SplitClients(import_id=LIST, by="orlova"))
    assert await kept(db_of) == before


async def test_a_merge_that_cannot_be_is_refused_and_changes_nothing(db_of: Room, clock: Clock) -> None:
    known = await comes(db_of, clock, **FREZER)
    stranger = UUID(int=7)
    before = await kept(db_of)
    for command, problem in (
        (MergeClients(client_id=known.client_id, other_id=stranger, by="orlova"), "no client"),
        (MergeClients(client_id=known.client_id, other_id=known.client_id, by="orlova"), "one client already"),
        (JudgeReview(reviews=[stranger], verdict="same", by="orlova"), "no possible match"),
        (SplitClients(merge_id=stranger, by="orlova"), "no such merge"),
        (SplitClients(by="orlova"), "does not say what"),
    ):
        [refused] = await say(db_of, clock, command)
        assert isinstance(refused, JudgementRefused)
        assert problem in refused.faults[0].problem
    assert await kept(db_of) == before


async def test_the_survivor_can_be_chosen_by_hand(db_of: Room, clock: Clock) -> None:
    one = await comes(db_of, clock, company="ООО «Вектор»", phone="8 (812) 333-12-21")
    other = await comes(db_of, clock, company="ООО «Лазурный берег»", phone="8 (846) 201-30-40")
    pair = {"client_id": one.client_id, "other_id": other.client_id, "by": "orlova"}
    [told, _] = await say(db_of, clock, MergeClients(**pair, survivor_id=other.client_id))
    assert isinstance(told, ClientsMerged)
    assert (told.survivor_id, told.loser_id) == (other.client_id, one.client_id)
    assert (await comes(db_of, clock, company="Вектор", phone="8 (812) 333-12-21")).client_id == other.client_id


@pytest.mark.parametrize("attempt", range(4))
async def test_two_people_and_a_lead_at_the_same_instant_leave_one_client(
    db_of: Room, clock: Clock, attempt: int
) -> None:
    one = await comes(db_of, clock, company="ООО «Вектор»", phone="8 (812) 333-12-21")
    other = await comes(db_of, clock, company="ООО «Лазурный берег»", phone="8 (846) 201-30-40")

    async def merges(first: UUID, second: UUID) -> list[Event]:
        while True:
            try:
                return await say(db_of, clock, MergeClients(client_id=first, other_id=second, by="orlova"))
            except NotYet:  # the kernel would try it again as well
                await asyncio.sleep(0.05)

    told, again, lead = await asyncio.gather(
        merges(one.client_id, other.client_id),
        merges(other.client_id, one.client_id),
        comes(db_of, clock, company="Лазурный берег", phone="8 (846) 201-30-40", email="x@bereg.ru"),
    )
    assert sorted(type(events[0]).__name__ for events in (told, again)) == ["ClientsMerged", "JudgementRefused"]
    assert lead.outcome is Outcome.SAME
    assert lead.client_id in (one.client_id, other.client_id)
    rows = await kept(db_of)
    assert len({row["root"] or row["id"] for row in rows["clients"]}) == 1
    assert {row["df"] for row in rows["key_stats"]} == {1}
