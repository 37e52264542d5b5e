"""What the door takes beside cells: calls, referrals, earlier moments, registrations; and forms that a person releases."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy.engine import URL

from services.intake import handlers, set_aside
from shared.clock import host_now
from shared.commands import ReleaseReceipt, SubmitLead
from shared.database import engine_for
from shared.ledger import Book
from shared.letter import Letter, encode_command
from shared.letterbox import work_off
from shared.questions import ListSetAside
from shared.unit import Unit
from tests.conftest import url_of
from tests.integration.test_intake_door import BOX, KEY, PAGE, SOURCES, Ground, is_a_problem

MORE = (
    SOURCES.replace("fields = {contact", 'occasions = {"user.registered" = "registration"}\nfields = {contact')
    + f"""
[forms.club]
source = "site"
origins = ["{PAGE}"]
occasion = "registration"
"""
)
CELLS = {"company": "ООО «Фрезер»", "phone": "+7 846 201-30-40"}
MARIA = {"contact": "Лапина Мария", "email": "maria.lapina@mail.ru"}


@pytest.fixture
async def ground(database: URL, tmp_path: Path) -> AsyncIterator[Ground]:
    file = tmp_path / "sources.toml"
    file.write_text(MORE, encoding="utf-8")
    engine = engine_for(url_of(database, "intake"), "intake")
    one = Ground(engine, file)
    one.unit = Unit(
        Book(engine, "intake"), {SubmitLead: handlers.submit_leads, ReleaseReceipt: set_aside.release_receipts}
    )
    async with one.http:
        yield one
    await engine.dispose()


async def post(ground: Ground, **lead: Any) -> Any:
    return await ground.post("/v1/leads", json={"fields": CELLS, **lead}, headers=KEY)


@pytest.mark.rule("R1-13")
@pytest.mark.rule("R1-22")
@pytest.mark.rule("R0-09")
async def test_a_lead_by_http_carries_its_call_its_referral_and_when_it_came(ground: Ground) -> None:
    earlier, ended = host_now() - timedelta(hours=3), host_now() - timedelta(minutes=20)
    client = str(uuid4())
    call = {"worked_with": "anna", "meeting": "theirs", "refused": ["fax"], "ended_at": ended.isoformat()}
    referral = {"client_id": client, "obtained_by": "boris"}
    answer = await post(ground, received_at=earlier.isoformat(), call=call, referral=referral)
    assert answer.status_code == 202, answer.text
    await work_off(BOX, ground.unit)
    (kept,) = await ground.query(
        "select submitter, received_at, call::text as call, referral::text as referral from submissions"
    )
    assert kept["received_at"] == earlier
    assert kept["submitter"] == "boris", "who obtained the referral brought the lead"
    told = json.loads(kept["call"])
    assert told["entry_lag_s"] == pytest.approx(1200, abs=60)
    states = {one["question"]: one["state"] for one in told["answers"]}
    assert (states["fax"], states["worked_with"], states["email"]) == ("refused", "given", "not_asked")
    assert json.loads(kept["referral"]) == {"client_id": client, "by": "", "obtained_by": "boris"}
    said = await ground.query("select subject from outbox order by subject")
    assert [row["subject"] for row in said] == ["evt.intake.entry.delayed", "evt.intake.lead.accepted"]


@pytest.mark.parametrize(
    ("what", "field"),
    [
        ({"received_at": "2999-01-01T00:00:00Z"}, "received_at"),
        ({"received_at": "2020-01-01T00:00:00Z"}, "received_at"),
        ({"received_at": "2026-11-23T09:00:00"}, "received_at"),
        ({"call": {"ended_at": "2999-01-01T00:00:00Z"}}, "call.ended_at"),
        ({"call": {"meeting_at": "2020-01-01T00:00:00Z"}}, "call.meeting_at"),
        ({"call": {"meeting_at": "2026-11-25T10:00:00"}}, "call.meeting_at"),
        ({"call": {"refused": ["shoe size"]}}, "call.refused.0"),
        ({"call": {"mood": "good"}}, "call.mood"),
        ({"referral": {"by": "Иванов"}}, "referral.obtained_by"),
        ({"referral": {"obtained_by": "boris"}}, "referral"),
        ({"occasion": "birthday"}, "occasion"),
    ],
)
async def test_what_cannot_be_is_refused_with_the_field_and_nothing_is_stored(
    ground: Ground, what: dict[str, Any], field: str
) -> None:
    told = is_a_problem(await post(ground, **what), 422, "unfit")
    assert [fault["field"] for fault in told["faults"]] == [field]
    assert all(fault["remedy"] for fault in told["faults"])
    assert await ground.query("select 1 from receipts") == []


async def test_a_lead_brought_before_the_door_knew_occasions_is_still_the_same_lead(ground: Ground) -> None:
    assert (await post(ground, external_id="1")).status_code == 202
    (kept,) = await ground.query("select command from receipts")
    command = SubmitLead.model_validate_json(kept["command"])
    before = command.model_dump_json(exclude={"external_id", "received_at", "occasion"})
    (row,) = await ground.query("select digest from receipts")
    assert row["digest"] == sha256(before.encode()).hexdigest()


# ── registrations ───────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.rule("R1-31")
async def test_a_form_a_webhook_and_a_program_may_bring_registrations(ground: Ground) -> None:
    form = await ground.post("/v1/forms/club", data=MARIA, headers={"Origin": PAGE})
    hook = await ground.webhook(json.dumps({"type": "user.registered", "data": {"email": "a.petrov@mail.ru"}}).encode())
    lead = await ground.webhook(json.dumps({"type": "user.asked", "data": {"email": "b@mail.ru"}}).encode(), id_="2")
    json_one = await ground.post(
        "/v1/leads",
        json={"occasion": "registration", "fields": {"email": "c@mail.ru"}},
        headers={"Authorization": "Bearer site"},
    )
    await work_off(BOX, ground.unit)
    states = [(await ground.look(one.json()["receipt"], "site"))["state"] for one in (form, hook, lead, json_one)]
    assert states == ["kept", "kept", "accepted", "kept"]
    assert len(await ground.query("select 1 from early_contacts")) == 3
    later = await post(ground, fields=MARIA | CELLS)
    await work_off(BOX, ground.unit)
    assert (await ground.look(later.json()["receipt"]))["state"] == "accepted"
    (said,) = await ground.query("select payload from outbox where payload::text like '%maria.lapina%'")
    assert '"rule":"R1-31"' in str(said["payload"]).replace(" ", "").replace("'", '"')


# ── what a machine is thought to have filled in ─────────────────────────────────────────────────────────────────────


async def release(ground: Ground, receipt: str, by: str = "orlova") -> Any:
    subject, body, headers = encode_command(ReleaseReceipt(receipt_id=UUID(receipt), by=by), id=uuid4())
    return await ground.unit.serve([Letter(subject, headers, body, 99)])


@pytest.mark.rule("R0-10")
async def test_a_form_that_was_set_aside_is_shown_and_becomes_a_lead_when_a_person_releases_it(ground: Ground) -> None:
    filled = {"org": "ООО «Фрезер»", "phone": "+7 846 201-30-40", "homepage": "http://spam"}
    receipt = (await ground.post("/v1/forms/spring", data=filled, headers={"Origin": PAGE})).json()["receipt"]
    assert (await work_off(BOX, ground.unit)).applied == 0
    async with ground.engine.connect() as db:
        told = await set_aside.list_set_aside(ListSetAside(), db)
    assert told["waiting"] == 1
    [form] = told["forms"]
    assert (str(form["receipt_id"]), form["campaign"]) == (receipt, "spring")
    assert form["fields"] == {"company": "ООО «Фрезер»", "phone": "+7 846 201-30-40"}

    assert (await release(ground, receipt)).said == 1
    assert (await release(ground, receipt)).said == 0, "once is enough"
    assert (await work_off(BOX, ground.unit)).applied == 1
    assert (await ground.look(receipt, "site"))["state"] == "accepted"
    (row,) = await ground.query("select released_by, state from receipts")
    assert (row["released_by"], row["state"]) == ("orlova", "taken")
    async with ground.engine.connect() as db:
        assert (await set_aside.list_set_aside(ListSetAside(), db))["waiting"] == 0


async def test_only_what_was_set_aside_can_be_released(ground: Ground) -> None:
    receipt = (await post(ground)).json()["receipt"]
    for one in (receipt, str(uuid4())):
        settlement = await release(ground, one)
        assert settlement.buried == 1
