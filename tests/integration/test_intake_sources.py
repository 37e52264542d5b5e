"""What sources bring with a lead: the call script's answers, the referral, the wish of a questionnaire; and the report."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from services.intake import answers, handlers
from shared.commands import CallForm, LeadFields, Referral, Row, SubmitLead, SubmitRows
from shared.events import LeadAccepted
from shared.message import Batch, Heard
from shared.questions import ExplainRecognition, ReportSources
from shared.words import Source

Room = Callable[[str], AbstractAsyncContextManager[AsyncConnection]]
NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
LIST = uuid5(NAMESPACE_URL, "questionnaires")


async def hear(room: Room, message: SubmitLead | SubmitRows, now: datetime = NOW) -> list[LeadAccepted]:
    handle: Any = handlers.submit_leads if isinstance(message, SubmitLead) else handlers.submit_rows
    cause = uuid5(NAMESPACE_URL, repr(message))
    async with room("intake") as db:
        said = await handle(Batch([Heard(cause, cause, is_command=True, message=message, at=now)], now), db)
    return [saying.event for saying in said if isinstance(saying.event, LeadAccepted)]


def lead(name: str, source: Source = Source.INBOUND_CALL, **more: Any) -> SubmitLead:
    fields = {"company": f"ООО «{name}»", **more.pop("fields", {})}
    return SubmitLead(
        source_system="test", external_id=name, source=source, fields=LeadFields.model_validate(fields), **more
    )


async def told(room: Room, event: LeadAccepted) -> dict[str, Any]:
    async with room("intake") as db:
        story = await answers.explain_recognition(ExplainRecognition(id=event.lead_id), db)
    found: dict[str, Any] = story["lead"]
    return found


@pytest.mark.rule("R1-13")
@pytest.mark.rule("R1-21")
async def test_each_question_of_the_script_is_given_refused_or_not_asked_and_a_refusal_is_no_blank(db_of: Room) -> None:
    form = CallForm(worked_with="anna", meeting="theirs", refused=["fax", "email", "phone"])
    fields = {"interest": "насосы", "phone": "+7 495 201-30-40"}
    [event] = await hear(db_of, lead("Фрезер", fields=fields, call=form))
    assert event.worked_with == "anna"
    script = (await told(db_of, event))["call"]["answers"]
    assert [one["question"] for one in script] == [
        "interest", "worked_with", "fax", "email", "phone", "contact", "company", "activity", "learned_from", "meeting",
    ]  # fmt: skip
    states = {one["question"]: (one["state"], one["answer"]) for one in script}
    assert states["interest"] == ("given", "насосы")
    assert states["meeting"] == ("given", "theirs")
    assert states["fax"] == states["email"] == ("refused", "")
    assert states["activity"] == states["contact"] == states["learned_from"] == ("not_asked", "")
    assert states["phone"] == ("given", "+7 495 201-30-40"), "he gave it after all"


@pytest.mark.rule("R1-22")
async def test_the_lag_from_the_end_of_a_call_to_its_entry_is_kept_and_reported(db_of: Room) -> None:
    for minutes in (0, 4, 50):
        form = CallForm(ended_at=NOW - timedelta(minutes=minutes))
        [event] = await hear(db_of, lead(f"Завод {minutes}", call=form))
        assert (await told(db_of, event))["call"]["entry_lag_s"] == 60.0 * minutes
    [early] = await hear(db_of, lead("Во время разговора", call=CallForm(ended_at=NOW + timedelta(minutes=1))))
    assert (await told(db_of, early))["call"]["entry_lag_s"] == 0
    await hear(db_of, lead("Сайт", Source.WEBSITE))
    span = {"since": NOW - timedelta(days=1), "until": NOW + timedelta(days=1)}
    async with db_of("intake") as db:
        report = await answers.report_sources(ReportSources.model_validate(span), db)
    calls, site = report["sources"]
    assert (calls["source"], calls["entry_lag_s"], calls["longest_lag_s"]) == ("inbound_call", 120.0, 3000.0)
    assert (site["source"], site["entry_lag_s"]) == ("website", None)


@pytest.mark.rule("R0-09")
async def test_a_referral_links_who_recommended_us_the_contact_and_who_obtained_it(db_of: Room) -> None:
    [client] = await hear(db_of, lead("Фрезер"))
    referral = Referral(client_id=client.client_id, obtained_by="boris")
    [event] = await hear(db_of, lead("Лазурный берег", Source.REFERRAL, referral=referral))
    assert event.submitter == "boris"
    kept = (await told(db_of, event))["referral"]
    assert kept == {"client_id": str(client.client_id), "by": "", "obtained_by": "boris"}
    assert (await told(db_of, client))["referral"] is None


@pytest.mark.rule("R4-12")
async def test_the_day_that_a_questionnaire_names_goes_with_the_lead(db_of: Room) -> None:
    cells = [
        {"company": "ООО «Вектор»", "term": "через 2 месяца", "filled_on": "20.11.2026", "callback": "да"},
        {"company": "ООО «Тензор»", "term": "срочно"},
    ]
    rows = [Row(number=n, fields=LeadFields.model_validate(one)) for n, one in enumerate(cells, 1)]
    later, now = await hear(db_of, SubmitRows(import_id=LIST, file_name="q.xlsx", campaign="Expo", rows=rows))
    assert (later.named_date, later.spoken_on, later.wishes_call) == (date(2027, 1, 20), date(2026, 11, 20), True)
    assert (now.named_date, now.spoken_on, now.wishes_call) == (None, None, None)


@pytest.mark.rule("R1-07")
async def test_sources_are_told_apart_by_campaign_and_by_time(db_of: Room) -> None:
    await hear(db_of, lead("Фрезер", Source.WEBSITE, campaign="Форма"))
    await hear(db_of, lead("Фрезер снова", Source.WEBSITE, campaign="Форма", fields={"company": "-", "phone": "нет"}))
    await hear(db_of, lead("Давно", Source.WEBSITE, campaign="Форма", received_at=NOW - timedelta(days=90)))
    await hear(db_of, lead("Вектор", Source.OTHER, campaign="Форма", submitter="anna"))
    span = {"since": NOW - timedelta(days=1), "until": NOW + timedelta(days=1)}
    async with db_of("intake") as db:
        report = await answers.report_sources(ReportSources.model_validate(span), db)
    names = ("source", "campaign", "leads", "accepted", "new", "rejected", "submitters")
    assert [tuple(one[name] for name in names) for one in report["sources"]] == [
        ("website", "Форма", 2, 1, 1, 1, 0),
        ("other", "Форма", 1, 1, 1, 0, 1),
    ]
