"""The HTTP door on a real database, with neither a bus nor another room: what it accepts is stored, and comes in once."""

from __future__ import annotations

import asyncio
import json
from base64 import b64encode
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy import RowMapping
from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from estafeta.house.children import free_port
from services.intake import handlers, store
from services.intake.http import server
from services.intake.http.door import Door
from services.intake.http.signature import key_bytes, signature
from services.intake.http.sources import SourcesFile
from shared.bus import NoAnswer
from shared.commands import LeadFields, SubmitLead
from shared.database import engine_for, execute, fetch
from shared.ledger import Book
from shared.letter import Letter, encode_command
from shared.letterbox import Letterbox, work_off
from shared.message import Batch, Question, Said, Unfit
from shared.questions import ShowDeadlines, ShowProcess
from shared.settings import Settings
from shared.unit import Unit
from shared.web.pace import Pace
from shared.words import Source
from tests.conftest import url_of

HOOK = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
NEXT_HOOK = "whsec_" + b64encode(b"the next key, of 28 bytes ..").decode()
PAGE = "https://frezer.ru"
NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
BOX = Letterbox(claim=store.claim_receipts, settle=store.settle_receipts)
SOURCES = f"""
[sources.crm]
kind = "other"
campaign = "Partners"
keys = ["sha256:{sha256(b"crm-old").hexdigest()}", "sha256:{sha256(b"crm").hexdigest()}"]
burst = 5
per_minute = 60

[sources.erp]
kind = "other"
keys = ["sha256:{sha256(b"erp").hexdigest()}"]

[sources.site]
kind = "website"
keys = ["sha256:{sha256(b"site").hexdigest()}"]
webhook_keys = ["{HOOK}", "{NEXT_HOOK}"]
fields = {{contact = "data.person"}}

[forms.spring]
source = "site"
origins = ["{PAGE}"]
fields = {{company = "org"}}
per_address = 5
"""
LEAD = {"external_id": "4711", "fields": {"company": "ООО «Фрезер»", "phone": "+7 846 201-30-40"}}
KEY = {"Authorization": "Bearer crm"}


async def nobody(kind: type[Question], _: Mapping[str, Any]) -> Any:
    raise NoAnswer(kind.subject)


class Ground:
    """A door before a database of its own."""

    def __init__(self, engine: AsyncEngine, file: Path) -> None:
        self.engine = engine
        self.unit = Unit(Book(engine, "intake"), {SubmitLead: handlers.submit_leads})
        self.ticks = 0.0
        self.sources = SourcesFile(file)
        self.door = Door(engine, self.sources, nobody, now=lambda: NOW, pace=Pace(lambda: self.ticks))
        transport = httpx.ASGITransport(app=self.door.app(), raise_app_exceptions=True)
        self.http = httpx.AsyncClient(transport=transport, base_url="http://door")

    async def post(self, path: str, **what: Any) -> httpx.Response:
        return await self.http.post(path, **what)

    async def look(self, receipt: str, key: str = "crm") -> Any:
        answer = await self.http.get(f"/v1/leads/{receipt}", headers={"Authorization": f"Bearer {key}"})
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def webhook(self, body: bytes, *, id_: str = "msg_1", key: str = HOOK, at: datetime = NOW) -> httpx.Response:
        stamp = str(int(at.timestamp()))
        signed = signature(key_bytes(key), id_, stamp, body)
        named = {"webhook-id": id_, "webhook-timestamp": stamp, "webhook-signature": signed}
        headers = named | {"Content-Type": "application/json"}
        return await self.post("/v1/webhooks/site", content=body, headers=headers)

    async def query(self, sql: str, *values: Any) -> Sequence[RowMapping]:
        async with self.engine.connect() as db:
            return await fetch(db, sql, *values)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    place = tmp_path / "sources.toml"
    place.write_text(SOURCES, encoding="utf-8")
    return place


@pytest.fixture
async def ground(database: URL, file: Path) -> AsyncIterator[Ground]:
    engine = engine_for(url_of(database, "intake"), "intake")
    one = Ground(engine, file)
    async with one.http:
        yield one
    await engine.dispose()


def is_a_problem(answer: httpx.Response, status: int, kind: str) -> Any:
    told = answer.json()
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json"), answer.text
    assert (told["status"], told["type"]) == (status, f"/docs#{kind}")
    assert told["title"]
    assert told["detail"]
    return told


# ── what is accepted comes in ───────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.rule("R0-10")
@pytest.mark.rule("R1-07")
async def test_a_lead_is_stored_before_it_is_accepted_and_told_from_then_on(ground: Ground) -> None:
    answer = await ground.post("/v1/leads", json=LEAD, headers=KEY)
    assert answer.status_code == 202
    receipt = answer.json()["receipt"]
    assert answer.headers["location"] == answer.json()["look"] == f"/v1/leads/{receipt}"
    (kept,) = await ground.query("select way, state, source_system, external_id, body from receipts")
    assert (kept["way"], kept["state"], kept["source_system"], kept["external_id"]) == (
        "lead",
        "waiting",
        "crm",
        "4711",
    )
    assert json.loads(kept["body"]) == LEAD, "kept as it came"
    assert (await ground.look(receipt))["state"] == "waiting"

    settlement = await work_off(BOX, ground.unit)
    assert (settlement.applied, settlement.said) == (1, 1)
    told = await ground.look(receipt)
    assert (told["state"], told["recognised"], told["faults"]) == ("accepted", "new", [])
    assert told["client"]
    assert sorted(told["unanswered"]) == ["process", "reminders"], "nobody else was there, and it says so"
    (event,) = await ground.query("select subject, correlation, cause, by_command, payload from outbox")
    assert event["subject"] == "evt.intake.lead.accepted", "in the line of single leads"
    assert str(event["correlation"]) == str(event["cause"]) == receipt
    assert event["by_command"]
    assert (await work_off(BOX, ground.unit)).applied == 0


@pytest.mark.rule("R1-40")
async def test_a_lead_by_http_and_the_same_lead_by_command_have_the_same_outcome(ground: Ground) -> None:
    again = {
        "external_id": "4712",
        "campaign": "Expo",
        "named_manager": "anna",
        "fields": {"company": "Фрезер", "phone": "8 (846) 201 30 40"},
    }
    bad = {"external_id": "4713", "fields": {"phone": "12"}}
    for lead in (LEAD, again, bad):
        assert (await ground.post("/v1/leads", json=lead, headers=KEY)).status_code == 202
    await work_off(BOX, ground.unit)
    by_http = await outcome(ground)
    assert {row["outcome"] for row in by_http["decisions"]} == {"new", "same", "rejected"}

    receipts = await ground.query("select id, received_at from receipts order by received_at")
    async with ground.engine.begin() as db:
        await clear(db)
    letters = []
    for lead, kept in zip((LEAD, again, bad), receipts, strict=True):
        command = SubmitLead(
            source_system="crm",
            external_id=str(lead["external_id"]),
            source=Source.OTHER,
            campaign=str(lead.get("campaign", "Partners")),
            named_manager=lead.get("named_manager"),
            received_at=kept["received_at"],
            fields=LeadFields.model_validate(lead["fields"]),
        )
        letters.append(Letter(*_turned(encode_command(command, id=kept["id"]))))
    assert (await ground.unit.serve(letters)).applied == 3
    assert await outcome(ground) == by_http


def _turned(wire: tuple[str, bytes, dict[str, str]]) -> tuple[str, dict[str, str], bytes]:
    return wire[0], wire[2], wire[1]


async def outcome(ground: Ground) -> dict[str, list[dict[str, Any]]]:
    """Everything that came of it, without the moments at which it was done."""
    queries = {
        "submissions": "select * from submissions order by id",
        "decisions": "select * from decisions order by lead_id",
        "clients": "select * from clients order by id",
        "keys": "select * from client_keys order by h, client_id",
        "said": "select message_id, aggregate, sequence, subject, type, payload, cause, correlation from outbox order by id",
    }
    passing = ("stored_at", "decided_at", "created_at")
    return {
        name: [{key: value for key, value in row.items() if key not in passing} for row in await ground.query(sql)]
        for name, sql in queries.items()
    }


async def clear(db: AsyncConnection) -> None:
    kept = ("submissions", "decisions", "clients", "contacts", "client_keys", "key_stats")
    for table in (*kept, "outbox", "unsent", "unheard", "commands_done"):
        await execute(db, f"delete from {table}")


async def test_a_receipt_follows_its_client_through_a_merge(ground: Ground) -> None:
    other = {"external_id": "4712", "fields": {"company": "ООО «Другие»", "phone": "+7 495 201-30-41"}}
    receipts = [(await ground.post("/v1/leads", json=one, headers=KEY)).json()["receipt"] for one in (LEAD, other)]
    await work_off(BOX, ground.unit)
    first, second = [UUID((await ground.look(receipt))["client"]) for receipt in receipts]
    async with ground.engine.begin() as db:
        merge = "update clients set under = $1, root = $1, merge_id = $1, merged_at = clock_timestamp() where id = $2"
        await execute(db, merge, first, second)
    assert (await ground.look(receipts[1]))["client"] == str(first)


@pytest.mark.rule("R0-10")
async def test_a_lead_that_cannot_be_one_ends_rejected_with_what_is_wrong(ground: Ground) -> None:
    answer = await ground.post("/v1/leads", json={"fields": {"phone": "12"}}, headers=KEY)
    await work_off(BOX, ground.unit)
    told = await ground.look(answer.json()["receipt"])
    assert told["state"] == "rejected"
    assert told["client"] is None
    assert [fault["field"] for fault in told["faults"]] == ["phone"]
    assert all(fault["remedy"] for fault in told["faults"])


async def test_what_others_know_of_a_lead_is_told_with_it(ground: Ground) -> None:
    async def everybody(kind: type[Question], fields: Mapping[str, Any]) -> Any:
        asked[kind] = fields["id"]
        if kind is ShowProcess:
            return {"found": True, "process": {"manager": "anna", "stage": "opened"}}
        due = [
            {"due_at": f"2026-11-2{n}T09:00:00Z", "closed_at": closed}
            for n, closed in ((4, "then"), (6, None), (5, None))
        ]
        return {"deadlines": due}

    asked: dict[type[Question], str] = {}
    ground.door.ask = everybody
    answer = await ground.post("/v1/leads", json=LEAD, headers=KEY)
    await work_off(BOX, ground.unit)
    told = await ground.look(answer.json()["receipt"])
    assert (told["manager"], told["stage"], told["deadline"]) == ("anna", "opened", "2026-11-25T09:00:00Z")
    assert told["unanswered"] == []
    assert asked == {ShowProcess: told["lead"], ShowDeadlines: told["client"]}


async def test_a_receipt_is_shown_only_to_the_source_that_got_it(ground: Ground) -> None:
    receipt = (await ground.post("/v1/leads", json=LEAD, headers=KEY)).json()["receipt"]
    for key in ("erp", "site"):
        answer = await ground.http.get(f"/v1/leads/{receipt}", headers={"Authorization": f"Bearer {key}"})
        is_a_problem(answer, 404, "not-here")
    is_a_problem(await ground.http.get(f"/v1/leads/{uuid4()}", headers=KEY), 404, "not-here")
    is_a_problem(await ground.http.get("/v1/leads/4711", headers=KEY), 404, "not-here")
    is_a_problem(await ground.http.get(f"/v1/leads/{receipt}"), 401, "unknown-key")


# ── once, whatever happens ──────────────────────────────────────────────────────────────────────────────────────────


async def test_a_lead_brought_again_is_the_same_lead_even_at_the_same_instant(ground: Ground) -> None:
    answers = await asyncio.gather(*(ground.post("/v1/leads", json=LEAD, headers=KEY) for _ in range(5)))
    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.json()["receipt"] for answer in answers}) == 1
    assert sorted(answer.json()["repeated"] for answer in answers) == [False, True, True, True, True]
    assert len(await ground.query("select 1 from receipts")) == 1


async def test_another_lead_under_a_name_that_is_taken_is_refused_and_told_whose_it_is(ground: Ground) -> None:
    receipt = (await ground.post("/v1/leads", json=LEAD, headers=KEY)).json()["receipt"]
    other = {**LEAD, "fields": {"company": "Другие"}}
    refused = is_a_problem(await ground.post("/v1/leads", json=other, headers=KEY), 409, "name-taken")
    assert refused["receipt"] == receipt
    theirs = await ground.post("/v1/leads", json=other, headers={"Authorization": "Bearer erp"})
    assert theirs.status_code == 202, "each source has names of its own"


async def test_a_lead_may_be_named_by_a_header_and_one_without_a_name_is_known_again_for_a_while(
    ground: Ground,
) -> None:
    bare = {"fields": LEAD["fields"]}
    named = [
        await ground.post("/v1/leads", json=bare, headers={**KEY, "Idempotency-Key": k}) for k in ("k1", '"k1"', "k2")
    ]
    assert [answer.json()["repeated"] for answer in named] == [False, True, False]
    # Two, in case the clock goes from one window into the next between them.
    unnamed = [(await ground.post("/v1/leads", json=bare, headers=KEY)).json()["repeated"] for _ in range(2)]
    assert unnamed in ([False, True], [False, False])
    ground.ticks += 60
    third = await ground.post("/v1/leads", json=bare, headers=KEY)
    assert unnamed[1] or third.json()["repeated"]


async def test_a_lead_that_came_by_the_bus_as_well_is_told_as_the_one_lead_it_is(ground: Ground) -> None:
    command = SubmitLead(
        source_system="crm", external_id="4711", source=Source.OTHER, fields=LeadFields(company="Фрезер")
    )
    await ground.unit.serve([Letter(*_turned(encode_command(command, id=uuid4())))])
    receipt = (await ground.post("/v1/leads", json=LEAD, headers=KEY)).json()["receipt"]
    assert (await work_off(BOX, ground.unit)).said == 0
    assert (await ground.look(receipt))["state"] == "accepted"
    assert len(await ground.query("select 1 from submissions")) == 1


async def test_who_dies_after_the_effects_leaves_nothing_to_be_done_twice(ground: Ground) -> None:
    async def dies(db: AsyncConnection, done: Sequence[UUID], later: Mapping[UUID, float]) -> None:
        raise ConnectionError("the power went")

    await ground.post("/v1/leads", json=LEAD, headers=KEY)
    with pytest.raises(ConnectionError):
        await work_off(Letterbox(claim=store.claim_receipts, settle=dies), ground.unit)
    before = await outcome(ground)
    assert (await work_off(BOX, ground.unit)).done == [], "for a minute it belongs to who claimed it"
    async with ground.engine.begin() as db:
        await execute(db, "update receipts set next_at = clock_timestamp()")
    settlement = await work_off(BOX, ground.unit)
    assert (len(settlement.done), settlement.applied) == (1, 0)
    assert await outcome(ground) == before
    assert [row["state"] for row in await ground.query("select state from receipts")] == ["taken"]


async def test_one_that_can_never_be_taken_in_is_a_dead_letter_and_holds_nobody_up(ground: Ground) -> None:
    async def fussy(leads: Batch[SubmitLead], db: AsyncConnection) -> Said:
        if any(lead.fields.company == "яд" for lead in leads.map(lambda lead: lead)):
            raise Unfit("nobody can swallow this")
        return await handlers.submit_leads(leads, db)

    receipts = []
    for name, company in (("a", "ООО «Альфа»"), ("b", "яд"), ("c", "ООО «Бета»")):
        lead = {"external_id": name, "fields": {"company": company}}
        receipts.append((await ground.post("/v1/leads", json=lead, headers=KEY)).json()["receipt"])
    settlement = await work_off(BOX, Unit(Book(ground.engine, "intake"), {SubmitLead: fussy}))
    assert (settlement.applied, settlement.buried) == (2, 1)
    assert [(await ground.look(receipt))["state"] for receipt in receipts] == ["accepted", "stuck", "accepted"]


async def test_one_that_fails_comes_again_later_and_is_given_up_in_the_end(ground: Ground) -> None:
    async def broken(_: Batch[SubmitLead], __: AsyncConnection) -> Said:
        raise ZeroDivisionError("a bug in a handler")

    receipt = (await ground.post("/v1/leads", json=LEAD, headers=KEY)).json()["receipt"]
    unit = Unit(Book(ground.engine, "intake"), {SubmitLead: broken})
    for turn in range(1, 6):
        settlement = await work_off(BOX, unit)
        assert (len(settlement.later), settlement.buried) == ((1, 0) if turn < 5 else (0, 1))
        assert (await work_off(BOX, unit)).done == [], "its time has not come"
        async with ground.engine.begin() as db:
            await execute(db, "update receipts set next_at = clock_timestamp()")
    ground.ticks += 60
    assert (await ground.look(receipt))["state"] == "stuck"


async def test_nothing_is_accepted_while_nothing_can_be_stored(ground: Ground, file: Path) -> None:
    nowhere = URL.create("postgresql+asyncpg", host="127.0.0.1", port=free_port(), username="x", database="x")
    engine = engine_for(nowhere, "intake")
    app = Door(engine, SourcesFile(file), nobody).app()
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://door") as http:
        answer = await http.post("/v1/leads", json=LEAD, headers=KEY)
    is_a_problem(answer, 503, "not-now")
    assert int(answer.headers["retry-after"]) > 0
    await engine.dispose()


# ── who may, and how much ───────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("given", [None, "Bearer ", "Bearer nobody", "Basic crm", "crm", "Bearer site2"])
async def test_who_has_no_key_stays_outside(ground: Ground, given: str | None) -> None:
    answer = await ground.post("/v1/leads", json=LEAD, headers={} if given is None else {"Authorization": given})
    is_a_problem(answer, 401, "unknown-key")
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert await ground.query("select 1 from receipts") == []


async def test_the_old_key_and_the_new_one_are_the_same_source(ground: Ground) -> None:
    for key, repeated in (("crm-old", False), ("crm", True)):
        answer = await ground.post("/v1/leads", json=LEAD, headers={"Authorization": f"Bearer {key}"})
        assert answer.json()["repeated"] is repeated


async def test_a_source_that_brings_too_much_waits_and_the_others_do_not(ground: Ground) -> None:
    answers = [await ground.post("/v1/leads", json={**LEAD, "external_id": str(n)}, headers=KEY) for n in range(7)]
    assert [answer.status_code for answer in answers] == [202] * 5 + [429] * 2
    is_a_problem(answers[-1], 429, "too-many")
    assert answers[-1].headers["retry-after"] == "1"
    assert (await ground.post("/v1/leads", json=LEAD, headers={"Authorization": "Bearer erp"})).status_code == 202
    ground.ticks += 1
    assert (await ground.post("/v1/leads", json=LEAD, headers=KEY)).status_code == 202


async def test_a_crowd_is_sent_away_at_once(ground: Ground) -> None:
    ground.door._inside = 128
    answer = await ground.post("/v1/leads", json=LEAD, headers=KEY)
    is_a_problem(answer, 503, "not-now")
    assert answer.headers["retry-after"] == "1"


@pytest.mark.parametrize(
    ("content", "kind", "status", "problem"),
    [
        (b"{}", "text/plain", 415, "wrong-kind"),
        (b"x" * 70_000, "application/json", 413, "too-large"),
        (b"{", "application/json", 400, "unreadable"),
        (b"{}", "application/json", 422, "unfit"),
    ],
)
async def test_a_body_that_is_wrong_is_refused_in_words(
    ground: Ground, content: bytes, kind: str, status: int, problem: str
) -> None:
    answer = await ground.post("/v1/leads", content=content, headers={**KEY, "Content-Type": kind})
    is_a_problem(answer, status, problem)


async def test_addresses_and_methods_that_are_not_there_are_problems_as_well(ground: Ground) -> None:
    is_a_problem(await ground.http.get("/v2/leads"), 404, "not-here")
    answer = await ground.http.put("/v1/leads", json=LEAD, headers=KEY)
    is_a_problem(answer, 405, "wrong-method")
    assert answer.headers["allow"] == "POST"


# ── web forms ───────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.rule("R1-07")
async def test_a_web_form_is_a_lead_of_its_campaign_and_its_page_may_read_the_answer(ground: Ground) -> None:
    filled = {"org": "ООО «Фрезер»", "phone": "+7 846 201-30-40", "homepage": "", "utm_source": "mail"}
    answer = await ground.post("/v1/forms/spring", data=filled, headers={"Origin": PAGE})
    assert answer.status_code == 202
    assert answer.headers["access-control-allow-origin"] == PAGE
    assert answer.headers["vary"] == "Origin"
    await work_off(BOX, ground.unit)
    (given,) = await ground.query("select source, campaign, source_system, raw::text as raw from submissions")
    assert (given["source"], given["campaign"], given["source_system"]) == ("website", "spring", "site")
    assert json.loads(given["raw"]) == {"company": "ООО «Фрезер»", "phone": "+7 846 201-30-40"}
    assert (await ground.look(answer.json()["receipt"], "site"))["state"] == "accepted"
    (kept,) = await ground.query("select body from receipts")
    assert b"utm_source=mail" in kept["body"], "what nobody asked for is kept as well"


async def test_browsers_may_ask_first_and_only_for_pages_of_the_forms_origins(ground: Ground) -> None:
    ask = {"Access-Control-Request-Method": "POST"}
    answer = await ground.http.options("/v1/forms/spring", headers={"Origin": PAGE, **ask})
    assert (answer.status_code, answer.content) == (204, b"")
    assert answer.headers["access-control-allow-origin"] == PAGE
    assert answer.headers["access-control-allow-methods"] == "POST"
    for origin in ("https://frezer.ru.evil.com", "http://frezer.ru", "null", ""):
        for verb in ("OPTIONS", "POST"):
            refused = await ground.http.request(verb, "/v1/forms/spring", headers={"Origin": origin, **ask})
            is_a_problem(refused, 403, "wrong-origin")
            assert "access-control-allow-origin" not in refused.headers
    is_a_problem(await ground.post("/v1/forms/autumn", headers={"Origin": PAGE}), 404, "not-here")
    other = await ground.http.options("/v1/leads", headers={"Origin": PAGE, **ask})
    assert "access-control-allow-origin" not in other.headers, "only forms are for pages"


@pytest.mark.rule("R0-10")
async def test_what_a_machine_filled_in_is_kept_and_not_worked_and_the_machine_does_not_learn_it(
    ground: Ground,
) -> None:
    spam = {"org": "Cheap SEO", "email": "x@spam.example", "homepage": "http://spam.example"}
    answer = await ground.post("/v1/forms/spring", data=spam, headers={"Origin": PAGE})
    assert (answer.status_code, set(answer.json())) == (202, {"receipt", "repeated", "look"})
    assert (await work_off(BOX, ground.unit)).applied == 0
    assert (await ground.look(answer.json()["receipt"], "site"))["state"] == "set_aside"
    assert len(await ground.query("select 1 from receipts where state = 'set_aside'")) == 1


async def test_a_page_may_read_why_its_form_was_refused_and_one_visitor_does_not_shut_out_others(
    ground: Ground,
) -> None:
    long = await ground.post("/v1/forms/spring", data={"org": "x" * 2001}, headers={"Origin": PAGE})
    assert is_a_problem(long, 422, "unfit")["faults"][0]["field"] == "org"
    assert long.headers["access-control-allow-origin"] == PAGE
    posts = [
        await ground.post("/v1/forms/spring", data={"org": f"ООО {n}"}, headers={"Origin": PAGE}) for n in range(5)
    ]
    assert [post.status_code for post in posts] == [202] * 4 + [429]
    assert posts[-1].headers["access-control-allow-origin"] == PAGE
    transport = httpx.ASGITransport(app=ground.door.app(), client=("203.0.113.9", 1))
    async with httpx.AsyncClient(transport=transport, base_url="http://door") as neighbour:
        answer = await neighbour.post("/v1/forms/spring", data={"org": "ООО Сосед"}, headers={"Origin": PAGE})
        assert answer.status_code == 202


# ── webhooks ────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_signed_webhook_is_a_lead_known_again_by_its_id(ground: Ground) -> None:
    body = json.dumps(
        {"type": "lead.created", "data": {"company": "ООО «Фрезер»", "person": "Тихомирова Инна"}}
    ).encode()
    answers = [await ground.webhook(body), await ground.webhook(body, key=NEXT_HOOK, at=NOW - timedelta(minutes=4))]
    assert [(one.status_code, one.json()["repeated"]) for one in answers] == [(202, False), (202, True)]
    assert (await ground.webhook(body, id_="msg_2")).json()["repeated"] is False
    await work_off(BOX, ground.unit)
    given = await ground.query(
        "select external_id, source, raw ->> 'contact' as contact from submissions order by external_id"
    )
    assert [tuple(row.values()) for row in given] == [(f"msg_{n}", "website", "Тихомирова Инна") for n in (1, 2)]


async def test_a_webhook_that_is_not_signed_now_and_by_us_is_refused_and_not_stored(ground: Ground) -> None:
    body, stranger = b'{"data": {}}', "whsec_" + b64encode(b"the key of a stranger ..").decode()
    is_a_problem(await ground.webhook(body, key=stranger), 401, "unknown-key")
    is_a_problem(await ground.webhook(body, at=NOW - timedelta(minutes=6)), 401, "unknown-key")
    plain = {"Content-Type": "application/json"}
    for source in ("site", "crm", "nobody"):
        is_a_problem(await ground.post(f"/v1/webhooks/{source}", content=body, headers=plain), 401, "unknown-key")
    assert await ground.query("select 1 from receipts") == []


# ── the running server ──────────────────────────────────────────────────────────────────────────────────────────────


@asynccontextmanager
async def opened(database: URL, file: Path) -> AsyncIterator[int]:
    port = free_port()
    url = url_of(database, "intake")
    settings = Settings(
        database_url=url.set(drivername="postgresql").render_as_string(hide_password=False),
        http_door=f"127.0.0.1:{port}",
        http_sources=file,
    )
    task = asyncio.create_task(server.entrance(settings, nobody))
    try:
        async with asyncio.timeout(10):
            while True:
                with suppress(OSError):
                    _, writer = await asyncio.open_connection("127.0.0.1", port)
                    writer.close()
                    break
                await asyncio.sleep(0.02)
        yield port
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def test_the_running_door_takes_a_lead_without_any_bus_and_leaves_in_order(database: URL, file: Path) -> None:
    async with opened(database, file) as port, httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as http:
        answer = await http.post("/v1/leads", json=LEAD, headers=KEY)
        assert (answer.status_code, answer.headers.get("server")) == (202, None)
        assert (await http.get("/openapi.json")).json()["openapi"].startswith("3.1")
        page = await http.get("/docs")
        assert "script" not in page.text
        assert "POST" in page.text
        assert "default-src 'none'" in page.headers["content-security-policy"]
    with pytest.raises(OSError, match=r"refused|failed"):
        await asyncio.open_connection("127.0.0.1", port)


@pytest.mark.parametrize("said", [b"", b"POST /v1/leads HTTP/1.1\r\nX-Slow: "])
async def test_who_does_not_come_to_the_point_is_sent_away(
    database: URL, file: Path, said: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.web.server._PATIENCE", 0.1)
    async with opened(database, file) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(said)
        assert await asyncio.wait_for(reader.read(), 5) == b""
        writer.close()
