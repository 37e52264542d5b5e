"""What is no lead yet is kept, and found again when the lead comes: registrations, and agents' contacts without a meeting."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from services.intake import answers, handlers, undo
from shared.commands import CallForm, LeadFields, Row, SubmitLead, SubmitRows, UndoImport
from shared.database import fetch
from shared.events import ContactKept, LeadAccepted, RecallAnswered
from shared.message import Batch, Event, Heard
from shared.questions import ExplainRecognition, LookupClient, ReportSources
from shared.words import Outcome, Source

Room = Callable[[str], AbstractAsyncContextManager[AsyncConnection]]
NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
MARIA = {"contact": "Лапина Мария", "email": "maria.lapina@mail.ru"}
FREZER = {"company": "ООО «Фрезер»", "phone": "+7 846 201-30-40"}


def wish(name: str, cells: dict[str, str], **more: Any) -> SubmitLead:
    facts = {"source_system": "site", "external_id": name, "source": Source.WEBSITE, **more}
    return SubmitLead(fields=LeadFields.model_validate(cells), **facts)


def registration(name: str, cells: dict[str, str], **more: Any) -> SubmitLead:
    return wish(name, cells, occasion="registration", **more)


async def hear(room: Room, *commands: SubmitLead, at: datetime = NOW) -> list[Event]:
    """All of them in one batch."""
    heard = [
        Heard(cause := uuid5(NAMESPACE_URL, repr(one)), cause, is_command=True, message=one, at=at) for one in commands
    ]
    async with room("intake") as db:
        return [saying.event for saying in await handlers.submit_leads(Batch(heard, at), db)]


async def one(room: Room, command: SubmitLead, kind: type[Any], at: datetime = NOW) -> Any:
    [event] = await hear(room, command, at=at)
    assert isinstance(event, kind), event
    return event


async def rows(room: Room, sql: str, *values: Any) -> list[dict[str, Any]]:
    async with room("intake") as db:
        return [dict(row) for row in await fetch(db, sql, *values)]


async def explained(room: Room, id_: UUID) -> dict[str, Any]:
    async with room("intake") as db:
        return await answers.explain_recognition(ExplainRecognition(id=id_), db)


@pytest.mark.rule("R1-31")
@pytest.mark.rule("R0-10")
async def test_a_registration_is_kept_and_is_neither_a_lead_nor_a_client(db_of: Room) -> None:
    kept = await one(db_of, registration("1", MARIA, campaign="Каталог"), ContactKept)
    assert (kept.rule, kept.campaign, kept.client_id) == ("R1-31", "Каталог", None)
    assert await rows(db_of, "select id from clients") == []
    assert await rows(db_of, "select outcome, rule, client_id from decisions") == [
        {"outcome": "early", "rule": "R1-31", "client_id": None}
    ]
    story = await explained(db_of, kept.contact_id)
    assert (story["lead"]["raw"], story["decision"]["outcome"]) == (MARIA, "early")
    assert "registration" in story["decision"]["because"]
    assert await hear(db_of, registration("1", MARIA, campaign="Каталог")) == [], "a repeat says nothing"


@pytest.mark.rule("R1-31")
@pytest.mark.parametrize(
    ("occasion", "cells"),
    [("download", {}), ("request", {}), (None, {}), ("registration", {"interest": "станки с ЧПУ"})],
)
async def test_who_downloads_or_asks_is_a_lead_though_he_registers_with_it(
    db_of: Room, occasion: Any, cells: dict[str, str]
) -> None:
    event = await one(db_of, wish("1", MARIA | cells, occasion=occasion), LeadAccepted)
    assert event.outcome is Outcome.NEW


@pytest.mark.rule("R1-31")
@pytest.mark.parametrize("lead", [MARIA | FREZER, {"company": "ООО «Фрезер»", "email": "MARIA.lapina@mail.ru"}])
async def test_the_lead_that_comes_later_says_when_and_where_he_registered(db_of: Room, lead: dict[str, str]) -> None:
    kept = await one(db_of, registration("1", MARIA, campaign="Каталог"), ContactKept, NOW - timedelta(days=40))
    await one(db_of, registration("2", {"email": "somebody@mail.ru"}), ContactKept)
    event = await one(db_of, wish("3", lead, source=Source.INBOUND_CALL), LeadAccepted)
    assert event.outcome is Outcome.NEW
    [earlier] = event.earlier
    assert (earlier.contact_id, earlier.outcome, earlier.campaign) == (kept.contact_id, "same", "Каталог")
    assert earlier.received_at == NOW - timedelta(days=40)
    for id_ in (event.lead_id, event.client_id):
        [told] = (await explained(db_of, id_))["earlier"]
        assert (told["contact_id"], told["lead_id"], told["source"]) == (kept.contact_id, event.lead_id, "website")
    assert [one["client_id"] for one in (await explained(db_of, kept.contact_id))["clients"]] == [event.client_id]


@pytest.mark.rule("R1-31")
async def test_a_shared_switchboard_makes_it_possible_and_a_namesake_makes_it_nothing(db_of: Room) -> None:
    await one(db_of, registration("1", {"contact": "Лапина Мария", "phone": "8 846 201-30-40"}), ContactKept)
    await one(db_of, registration("2", {"company": "ООО «Фрезер»", "email": "info@another.ru"}), ContactKept)
    event = await one(db_of, wish("3", FREZER | {"contact": "Дёмин Роман"}), LeadAccepted)
    assert [earlier.outcome for earlier in event.earlier] == ["possible"]


@pytest.mark.rule("R1-31")
async def test_who_registers_and_is_a_client_already_is_shown_with_him(db_of: Room) -> None:
    client = await one(db_of, wish("1", MARIA | FREZER), LeadAccepted)
    kept = await one(db_of, registration("2", MARIA), ContactKept, NOW + timedelta(days=1))
    assert kept.client_id == client.client_id
    assert [told["contact_id"] for told in (await explained(db_of, client.client_id))["earlier"]] == [kept.contact_id]
    assert await rows(db_of, "select id from clients") == [{"id": client.client_id}]


@pytest.mark.rule("R1-31")
async def test_a_batch_gives_what_its_messages_would_have_given_one_by_one(db_of: Room) -> None:
    later = MARIA | {"city": "Самара"}
    batch = [registration("1", MARIA), wish("2", MARIA | FREZER), registration("3", later)]
    events = await hear(db_of, *batch)
    kept, after = (event for event in events if isinstance(event, ContactKept))
    [accepted] = (event for event in events if isinstance(event, LeadAccepted))
    assert [each.contact_id for each in accepted.earlier] == [kept.contact_id]
    assert (kept.client_id, after.client_id) == (None, accepted.client_id)
    joins = "select contact_id, client_id, lead_id from early_contact_joins"
    assert {tuple(row.values()) for row in await rows(db_of, joins)} == {
        (kept.contact_id, accepted.client_id, accepted.lead_id),
        (after.contact_id, accepted.client_id, None),
    }


@pytest.mark.rule("R1-31")
@pytest.mark.rule("R1-40")
async def test_the_lookup_tells_of_a_registration_while_the_caller_is_talking(db_of: Room) -> None:
    await one(db_of, registration("1", MARIA, campaign="Каталог"), ContactKept)
    question = LookupClient(fields=LeadFields.model_validate(MARIA))
    async with db_of("intake") as db:
        found = await answers.lookup_client(question, db)
    assert found["outcome"] == "new"
    [earlier] = found["earlier"]
    assert (earlier["campaign"], earlier["outcome"], earlier["received_at"]) == ("Каталог", "same", NOW)
    assert await rows(db_of, "select * from early_contact_joins") == []


@pytest.mark.rule("R1-26")
@pytest.mark.rule("R1-27")
@pytest.mark.parametrize(("meeting", "counts"), [("ours", True), ("theirs", True), ("declined", False), (None, False)])
async def test_an_agents_contact_counts_when_a_meeting_is_agreed_and_its_refusal_is_recorded(
    db_of: Room, meeting: Any, counts: bool
) -> None:
    call = CallForm(meeting=meeting, refused=["email"])
    command = wish("1", FREZER, source=Source.AGENT, submitter="agent", call=call)
    event = await one(db_of, command, LeadAccepted if counts else ContactKept)
    assert event.submitter == "agent"
    story = await explained(db_of, event.lead_id if counts else event.contact_id)
    script = {answer["question"]: answer for answer in story["lead"]["call"]["answers"]}
    assert script["meeting"]["answer"] == (meeting or "")
    assert script["email"]["state"] == "refused"
    if not counts:
        assert event.rule == "R1-26"
        won = await one(
            db_of, command.model_copy(update={"external_id": "2", "call": CallForm(meeting="ours")}), LeadAccepted
        )
        assert [(met.rule, met.outcome) for met in won.earlier] == [("R1-26", "same")]


@pytest.mark.rule("R1-26")
async def test_an_agent_who_hands_in_no_answers_hands_in_a_meeting(db_of: Room) -> None:
    await one(db_of, wish("1", FREZER, source=Source.AGENT, submitter="agent"), LeadAccepted)


@pytest.mark.rule("R1-31")
async def test_sources_count_what_was_no_lead_apart(db_of: Room) -> None:
    await hear(db_of, registration("1", MARIA), wish("2", FREZER), registration("3", {"email": "нет"}))
    span = {"since": NOW - timedelta(days=1), "until": NOW + timedelta(days=1)}
    async with db_of("intake") as db:
        report = await answers.report_sources(ReportSources.model_validate(span), db)
    [site] = report["sources"]
    assert [site[name] for name in ("leads", "accepted", "early", "rejected")] == [3, 1, 1, 1]


@pytest.mark.rule("R1-31")
async def test_undoing_an_import_parts_what_its_leads_had_joined(db_of: Room) -> None:
    await one(db_of, registration("1", MARIA), ContactKept)
    list_id = uuid5(NAMESPACE_URL, "list")
    chunk = SubmitRows(
        import_id=list_id,
        file_name="list.xlsx",
        campaign="Expo",
        rows=[Row(number=1, fields=LeadFields.model_validate(MARIA | FREZER))],
    )
    cause = uuid5(NAMESPACE_URL, "chunk")
    async with db_of("intake") as db:
        [saying] = await handlers.submit_rows(Batch([Heard(cause, cause, message=chunk, at=NOW)], NOW), db)
    accepted = saying.event
    assert isinstance(accepted, LeadAccepted)
    assert len(accepted.earlier) == 1
    async with db_of("intake") as db:
        wishes = Batch([Heard(cause, cause, message=UndoImport(import_id=list_id), at=NOW)], NOW)
        await undo.undo_imports(wishes, db)
        await undo.recall(NOW, db)
    answer = RecallAnswered(
        lead_id=accepted.lead_id, client_id=accepted.client_id, import_id=list_id, taken_back=True, reason=""
    )
    async with db_of("intake") as db:
        await undo.settle_recalls(Batch([Heard(cause, cause, message=answer, at=NOW)], NOW), db)
    assert await rows(db_of, "select * from early_contact_joins") == []
    assert len(await rows(db_of, "select * from early_contacts")) == 1, "the registration itself stays"
