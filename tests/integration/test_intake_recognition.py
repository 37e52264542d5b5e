"""Submissions become leads of the right clients, whatever the order, the chunks and the haste they come in."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from services.intake import answers, handlers
from shared.commands import LeadFields, Row, SubmitLead, SubmitRows
from shared.database import execute, fetch
from shared.events import ClientRegistered, LeadAccepted, LeadRejected
from shared.message import Batch, Command, Event, Heard
from shared.questions import CountIntakeProgress, ExplainRecognition, ListRejectedRows
from shared.words import Outcome, Source

Room = Callable[[str], AbstractAsyncContextManager[AsyncConnection]]
NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
IMPORT, BASE = uuid5(NAMESPACE_URL, "a list"), uuid5(NAMESPACE_URL, "a base")


def heard(message: Any, name: str = "once") -> Heard[Any]:
    cause = uuid5(NAMESPACE_URL, f"{name} {message!r}")
    return Heard(id=cause, correlation=cause, is_command=True, message=message, at=NOW)


def lead(external_id: str, **fields: str) -> SubmitLead:
    return SubmitLead(
        source_system="site", external_id=external_id, source=Source.WEBSITE, fields=LeadFields.model_validate(fields)
    )


def rows(cells: Sequence[dict[str, str]], first: int = 1, **more: Any) -> SubmitRows:
    return SubmitRows(
        import_id=more.pop("import_id", IMPORT),
        file_name="list.xlsx",
        campaign="Expo",
        rows=[Row(number=first + n, fields=LeadFields.model_validate(row)) for n, row in enumerate(cells)],
        **more,
    )


async def hear(room: Room, *commands: Command, name: str = "once") -> list[Event]:
    """Handle the commands as one batch in one transaction."""
    handle: Any = handlers.submit_leads if isinstance(commands[0], SubmitLead) else handlers.submit_rows
    async with room("intake") as db:
        said = await handle(Batch([heard(one, name) for one in commands], NOW), db)
    return [saying.event for saying in said]


async def accepted(room: Room, *commands: Command, name: str = "once") -> list[LeadAccepted]:
    events = await hear(room, *commands, name=name)
    assert all(isinstance(event, LeadAccepted) for event in events), events
    return [event for event in events if isinstance(event, LeadAccepted)]


async def contents(room: Room) -> dict[str, list[dict[str, Any]]]:
    """All that intake keeps, row by row."""
    names = ("imports", "submissions", "decisions", "clients", "contacts", "client_keys", "key_stats")
    async with room("intake") as db:
        return {name: [dict(row) for row in await fetch(db, f"select * from {name} order by 1, 2")] for name in names}


FREZER = {
    "company": "ООО «Фрезер»",
    "contact": "Дёмин Роман",
    "phone": "+7 (846) 201-30-40",
    "email": "demin@frezer.ru",
    "website": "www.frezer.ru",
    "city": "Самара",
}

LIST = [
    FREZER,
    {"company": "Frezer LLC", "contact": "Tihomirova I.", "email": "info@frezer.ru"},
    {"company": "Торговый дом «Фрезер»", "phone": "+7 846 201-30-40", "email": "td@frezer.ru"},
    {"company": "ООО «Лазурный берег»", "phone": "8 (812) 333-12-21"},
    {"company": "ЛАЗУРНЫЙ БЕРЕГ ООО", "phone": "+78123331221; +79277001020"},
    {"company": "Лазурный берег", "phone": "8-927-700-10-20", "contact": "Лапина"},
    {"contact": "Дёмин", "phone": "8 846 201 30 40"},
    {"company": "-", "phone": "нет"},
    {"company": "ТД Фрезер", "email": "zakaz@frezer.ru"},
    {"company": "ООО «Вектор»"},
    {"company": "ЗАО «Вектор»", "phone": "499 201-30-41"},
    {"email": "demin@frezer.ru"},
    {"company": "ООО «Вектор»", "phone": "не указан"},
]


@pytest.mark.rule("R1-35")
async def test_an_unknown_lead_opens_a_card_with_everything_known(db_of: Room) -> None:
    [event] = await accepted(db_of, lead("1", **FREZER))
    assert (event.outcome, event.company, event.received_at) == (Outcome.NEW, "ООО «Фрезер»", NOW)
    kept = await contents(db_of)
    [client] = kept["clients"]
    assert (client["id"], client["name"], client["form"]) == (event.client_id, "ООО «Фрезер»", "LLC")
    assert not client["provisional"]
    assert {row["kind"] for row in kept["client_keys"]} == {"n", "s", "p", "e", "d"}
    assert kept["contacts"][0]["name"] == "Дёмин Роман"


@pytest.mark.rule("R1-43")
async def test_the_region_is_derived_or_flagged_as_unknown(db_of: Room) -> None:
    [of_city, unknown] = await accepted(db_of, lead("1", **FREZER), lead("2", email="lapina@mail.ru", contact="Лапина"))
    assert (of_city.region, of_city.region_by) == ("RU-SAM", "city")
    assert unknown.region_by == "unknown"


@pytest.mark.rule("R1-43")
async def test_a_known_client_is_routed_by_the_region_of_his_card(db_of: Room) -> None:
    await hear(db_of, lead("1", **FREZER))
    [event] = await accepted(db_of, lead("2", company="Фрезер", email="x@frezer.ru"))
    assert (event.outcome, event.region, event.region_by) == (Outcome.SAME, "RU-SAM", "city")


@pytest.mark.rule("R1-40")
async def test_a_lead_of_a_known_client_joins_his_card_and_adds_what_was_not_there(db_of: Room) -> None:
    [first] = await accepted(db_of, lead("1", **FREZER))
    [second] = await accepted(db_of, lead("2", company="Frezer LLC", email="frezer@frezer.ru", phone="+79277001020"))
    [third] = await accepted(db_of, lead("3", company="ООО Фрезер", phone="8 927 700-10-20"))
    assert (second.outcome, second.client_id) == (Outcome.SAME, first.client_id)
    assert (third.outcome, third.client_id) == (Outcome.SAME, first.client_id), (
        "found by the phone the second one brought"
    )
    kept = await contents(db_of)
    assert len(kept["clients"]) == 1
    assert {row["df"] for row in kept["key_stats"]} == {1}
    brought = {row["value"]: row["submission_id"] for row in kept["client_keys"]}
    assert brought["7001020"] == second.lead_id


async def test_a_sister_company_gets_a_provisional_card_and_its_lead_does_not_wait(db_of: Room) -> None:
    [first] = await accepted(db_of, lead("1", **FREZER))
    [sister] = await accepted(db_of, lead("2", **{**FREZER, "company": "Торговый дом «Фрезер»"}))
    assert sister.outcome is Outcome.POSSIBLE
    kept = await contents(db_of)
    assert {row["id"]: row["provisional"] for row in kept["clients"]} == {
        first.client_id: False,
        sister.client_id: True,
    }
    told = {row["lead_id"]: json.loads(row["told"]) for row in kept["decisions"]}
    [candidate] = told[sister.lead_id]["candidates"]
    assert (candidate["client_id"], candidate["for_review"]) == (str(first.client_id), True)


@pytest.mark.rule("R0-10")
async def test_a_repeat_changes_nothing_and_says_nothing_even_with_another_payload(db_of: Room) -> None:
    await hear(db_of, lead("1", **FREZER))
    await hear(db_of, rows(LIST))
    before = await contents(db_of)
    assert await hear(db_of, lead("1", **FREZER), name="again") == []
    assert await hear(db_of, lead("1", company="ООО «Иное»"), name="again") == []
    assert await hear(db_of, rows(LIST), name="again") == []
    assert await hear(db_of, rows([{"company": "ООО «Иное»"}], first=3), name="again") == []
    assert await contents(db_of) == before


async def test_a_repeat_inside_one_batch_counts_once(db_of: Room) -> None:
    events = await accepted(db_of, lead("1", **FREZER), lead("1", company="ООО «Иное»"))
    assert [event.company for event in events] == ["ООО «Фрезер»"]


def shapes(events: Sequence[Event]) -> list[tuple[Any, ...]]:
    return [
        (event.row, event.lead_id, event.outcome, event.client_id, event.region)
        if isinstance(event, LeadAccepted)
        else (event.row, event.lead_id, "rejected")
        for event in events
        if isinstance(event, LeadAccepted | LeadRejected)
    ]


@pytest.mark.rule("R1-07")
@pytest.mark.parametrize("size", [1, 2, 5])
async def test_a_list_gives_the_same_outcomes_in_any_chunks(db_of: Room, size: int) -> None:
    chunks = [rows(LIST[n : n + size], first=n + 1) for n in range(0, len(LIST), size)]
    split = [event for chunk in chunks for event in await hear(db_of, chunk)]
    apart = await contents(db_of)
    async with db_of("intake") as db:
        for name in ("submissions", "decisions", "clients", "contacts", "client_keys", "key_stats"):
            await execute(db, f"delete from {name}")
    whole = await hear(db_of, rows(LIST))
    assert shapes(split) == shapes(whole)
    assert len(whole) == len(LIST)
    together = await contents(db_of)
    for name in ("decisions", "clients", "client_keys"):
        assert together[name] == apart[name]
    assert {row["h"]: row["df"] for row in together["key_stats"] if row["df"]} == {
        row["h"]: row["df"] for row in apart["key_stats"] if row["df"]
    }


@pytest.mark.rule("R0-10")
async def test_every_submission_ends_in_exactly_one_outcome(db_of: Room) -> None:
    await hear(db_of, rows(LIST))
    await hear(db_of, *(lead(str(n), **cells) for n, cells in enumerate(LIST)))
    async with db_of("intake") as db:
        [count] = await fetch(
            db,
            "select count(*) as handed_in, count(made.lead_id) as decided, count(card.id) as cards,"
            " count(*) filter (where made.outcome = 'rejected') as rejected"
            " from submissions as given left join decisions as made on made.lead_id = given.id"
            " left join clients as card on card.id = made.client_id",
        )
    assert dict(count) == {"handed_in": 26, "decided": 26, "cards": 24, "rejected": 2}


async def test_frequencies_count_the_clients_of_each_key(db_of: Room) -> None:
    await hear(db_of, rows(LIST))
    await hear(db_of, *(lead(str(n), **cells) for n, cells in enumerate(LIST)))
    async with db_of("intake") as db:
        wrong = await fetch(
            db,
            "select * from (select h, count(*) as holders from client_keys group by h) as held"
            " full join key_stats using (h) where coalesce(holders, 0) <> df",
        )
    assert not wrong


@pytest.mark.rule("R0-10")
async def test_rejected_rows_are_kept_with_what_is_wrong_and_how_to_mend_it(db_of: Room) -> None:
    events = await hear(db_of, rows([FREZER, {"company": "-", "phone": "нет"}, {"comment": "позвонить"}]))
    refused = [event for event in events if isinstance(event, LeadRejected)]
    assert [event.row for event in refused] == [2, 3]
    assert [fault.field for fault in refused[0].faults] == ["company", "phone"]
    assert all(fault.problem and fault.remedy for event in refused for fault in event.faults)
    async with db_of("intake") as db:
        listed = await answers.list_rejected_rows(ListRejectedRows(import_id=IMPORT), db)
        later = await answers.list_rejected_rows(ListRejectedRows(import_id=IMPORT, after_row=2), db)
        progress = await answers.count_intake_progress(CountIntakeProgress(import_id=IMPORT), db)
        raw = await fetch(db, "select raw from submissions where row_number = 2")
    assert listed["rejected"][0] == {
        "sheet": "",
        "row": 2,
        "faults": [fault.model_dump() for fault in refused[0].faults],
    }
    assert [one["row"] for one in later["rejected"]] == [3]
    assert raw[0]["raw"] == {"company": "-", "phone": "нет"}
    counted = {"rows": 3, "accepted": 1, "rejected": 2, "new": 1, "same": 0, "possible": 0, "registered": 0}
    assert progress == {**counted, "last_at": NOW}


async def test_a_phone_that_is_none_does_not_reject_a_row_that_has_another_key(db_of: Room) -> None:
    [event] = await accepted(db_of, rows([{"company": "ООО «Фрезер»", "phone": "123", "region": "Неведомая область"}]))
    async with db_of("intake") as db:
        [decision] = await fetch(db, "select json_array_length(told::json -> 'flags') as flags from decisions")
    assert event.region_by == "unknown"
    assert decision["flags"] >= 2


async def test_a_client_base_fills_cards_with_curators_and_makes_no_leads(db_of: Room) -> None:
    base = SubmitRows(
        import_id=BASE,
        file_name="base.csv",
        purpose="clients",
        campaign="base",
        rows=[
            Row(number=1, curator="petrova", fields=LeadFields.model_validate(FREZER)),
            Row(number=2, fields=LeadFields(company="ООО «Лазурный берег»", phone="+7 812 333-12-21")),
            Row(number=3, curator="ivanov", fields=LeadFields(company="Лазурный берег", phone="+7 812 333-12-21")),
            Row(number=4, curator="sidorov", fields=LeadFields(company="Фрезер", website="frezer.ru")),
            Row(number=5, fields=LeadFields(company="ТД Фрезер", website="frezer.ru")),
        ],
    )
    events = await hear(db_of, base)
    assert all(isinstance(event, ClientRegistered) for event in events)
    registered = [(event.row, event.name, event.curator) for event in events if isinstance(event, ClientRegistered)]
    assert registered == [
        (1, "ООО «Фрезер»", "petrova"),
        (2, "ООО «Лазурный берег»", None),
        (3, "ООО «Лазурный берег»", "ivanov"),
        (5, "ТД Фрезер", None),
    ], "a duplicate joins, and says so only when it brings the card its curator"
    kept = await contents(db_of)
    assert len(kept["clients"]) == 3
    async with db_of("intake") as db:
        progress = await answers.count_intake_progress(CountIntakeProgress(import_id=BASE), db)
    assert (progress["rows"], progress["registered"], progress["accepted"]) == (5, 5, 0)


@pytest.mark.rule("R1-40")
async def test_two_arrivals_of_one_unknown_client_at_the_same_instant_give_one_card(db_of: Room) -> None:
    first = lead("1", company="ООО «Фрезер»", phone="+7 846 201-30-40")
    second = lead("2", company="Фрезер", phone="8 846 201 30 40", contact="Лапина")
    went_in = asyncio.Event()
    may_commit = asyncio.Event()

    async def slowly() -> list[LeadAccepted]:
        async with db_of("intake") as db:
            said = await handlers.submit_leads(Batch([heard(first)], NOW), db)
            went_in.set()
            await may_commit.wait()
        return [saying.event for saying in said if isinstance(saying.event, LeadAccepted)]

    async def after() -> list[LeadAccepted]:
        await went_in.wait()
        return await accepted(db_of, second)

    one, other = asyncio.create_task(slowly()), asyncio.create_task(after())
    await went_in.wait()
    await asyncio.sleep(0.3)
    assert not other.done(), "the second must wait for what the first makes of their common keys"
    may_commit.set()
    [event], [another] = await one, await other
    assert (event.outcome, another.outcome) == (Outcome.NEW, Outcome.SAME)
    assert event.client_id == another.client_id


async def test_two_leads_that_join_one_card_at_once_both_leave_their_mark(db_of: Room) -> None:
    [known] = await accepted(db_of, lead("0", **FREZER))
    by_phone = lead("1", company="Фрезер", phone="+7 846 201-30-40; +7 927 700-10-20")
    by_site = lead("2", contact="Дёмин", email="demin@frezer.ru; roman@mail.ru")
    events = await asyncio.gather(accepted(db_of, by_phone), accepted(db_of, by_site))
    assert {event.client_id for [event] in events} == {known.client_id}
    async with db_of("intake") as db:
        answer = await answers.explain_recognition(ExplainRecognition(id=known.client_id), db)
    record = answer["client"]["record"]
    assert [one["local"] for one in record["phones"]] == ["2013040", "7001020"]
    assert [one["mailbox"] for one in record["mailboxes"]] == ["demin@frezer.ru", "roman@mail.ru"]


async def test_many_arrivals_at_once_end_neither_in_a_ring_of_locks_nor_in_doubled_cards(db_of: Room) -> None:
    crowd = [
        lead(f"{k}-{n}", company=f"ООО «Фирма{name}»", phone=f"+7 846 201-30-{10 + name}")
        for k in range(4)
        for n, name in enumerate(range(12) if k % 2 else reversed(range(12)))
    ]
    await asyncio.gather(*(hear(db_of, *crowd[n : n + 12]) for n in range(0, len(crowd), 12)))
    kept = await contents(db_of)
    assert len(kept["decisions"]) == 48
    assert len(kept["clients"]) == 12


async def test_the_explanation_tells_raw_cells_keys_evidence_and_candidates(db_of: Room) -> None:
    [known] = await accepted(db_of, lead("1", **FREZER))
    [sister] = await accepted(db_of, lead("2", **{**FREZER, "company": "ТД Фрезер"}))
    async with db_of("intake") as db:
        same = await answers.explain_recognition(ExplainRecognition(id=known.lead_id), db)
        possible = await answers.explain_recognition(ExplainRecognition(id=sister.lead_id), db)
        client = await answers.explain_recognition(ExplainRecognition(id=known.client_id), db)
        nobody = await answers.explain_recognition(ExplainRecognition(id=UUID(int=1)), db)
        parts = ("evidence", "candidates", "flags", "faults")
        as_before = ", ".join(f"{one} = coalesce(told::jsonb -> '{one}', '[]')" for one in parts)
        await execute(db, f"update decisions set told = null, {as_before}")
        told_before = await answers.explain_recognition(ExplainRecognition(id=sister.lead_id), db)
    assert told_before["decision"] == possible["decision"]  # decided before all that was one text
    assert same["found"]
    assert same["lead"]["raw"] == FREZER
    assert same["lead"]["keys"]["phones"][0]["e164"] == "+78462013040"
    assert (same["decision"]["outcome"], same["decision"]["rule"]) == ("new", "N-unknown")
    assert possible["decision"]["because"]
    [candidate] = possible["decision"]["candidates"]
    assert (candidate["name"], candidate["rule"]) == ("ООО «Фрезер»", "P-conflict")
    assert candidate["conflicts"]
    assert {"name", "phone", "email", "domain"} <= {item["key"] for item in possible["decision"]["evidence"]}
    assert client["client"]["name"] == "ООО «Фрезер»"
    assert [one["lead"]["id"] for one in client["leads"]] == [known.lead_id]
    assert not nobody["found"]
