"""What an operator sees of contacts that are no leads yet, of joins that are audited, of merges and forms that want a person."""

from __future__ import annotations

import asyncio
import json
import re
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from estafeta.house.house import House
from tests.e2e.conftest import Furnished
from tests.e2e.test_commands import UUID, run


@pytest.fixture
def full(furnished: Furnished) -> House:
    """The house with its company and its clients."""
    return furnished.house


@pytest.fixture
async def people(furnished: Furnished) -> tuple[str, str]:
    """Two members of staff."""
    one, other = await furnished.query("select id from routing.staff order by id limit 2")
    return one[0], other[0]


async def said(house: House, *typed: str, code: int = 0) -> str:
    done, text = await run(house, *typed)
    assert done == code, text
    return text


@pytest.mark.rule("R1-31")
async def test_a_registration_is_kept_and_the_lead_that_comes_later_tells_of_it(full: House) -> None:
    who = ("--contact", "Ветрова Алла", "--email", "alla.vetrova@mail.ru")
    told = await said(full, "lead", *who, "--source", "website", "--campaign", "Клуб", "--occasion", "registration")
    assert "registration alone is no lead" in told
    contact = re.search(rf"^contact +({UUID})", told, re.MULTILINE)
    assert contact
    assert "is no lead" in await said(full, "explain", "lead", contact[1])
    assert "registered on" in await said(full, "lookup", *who)

    told = await said(full, "lead", *who, "--company", "ООО «Ветрострой»", "--phone", "+7 495 660-71-82")
    assert re.search(r"^before +registered on \d{4}-\d\d-\d\d \(website, Клуб\)$", told, re.MULTILINE), told
    lead = re.search(rf"^lead +({UUID})", told, re.MULTILINE)
    assert lead
    assert "зарегистрировался" in await said(full, "explain", "lead", lead[1], "--lang", "ru")
    assert "Ветрострой" in await said(full, "explain", "lead", contact[1])
    assert "is no occasion" in await said(full, "lead", *who, "--occasion", "party", code=2)


@pytest.mark.rule("R1-26")
async def test_an_agents_contact_without_a_meeting_is_kept(full: House) -> None:
    told = await said(
        full, "lead", "--company", "ООО «Агентстрой»", "--phone", "+7 495 660-71-83", "--source", "agent",
        "--meeting", "declined",
    )  # fmt: skip
    assert "when a meeting is agreed" in told


@pytest.mark.rule("R1-22")
async def test_a_call_that_was_entered_late_is_told_at_once_and_among_the_sources(full: House) -> None:
    ended = (datetime.now(UTC) - timedelta(hours=2)).isoformat()
    told = await said(
        full, "lead", "--company", "ООО «Поздний звонок»", "--phone", "+7 495 660-71-84", "--source", "inbound_call",
        "--campaign", "Звонки", "--call-ended", ended,
    )  # fmt: skip
    assert "entered    120 min after the call ended; 5 are allowed" in told
    assert "inbound_call, Звонки: 1 of 1 calls were entered later than 5 min" in await said(full, "sources")


async def test_clients_of_two_curators_are_merged_by_two_people(
    full: House, furnished: Furnished, people: tuple[str, str]
) -> None:
    rows = await furnished.query(
        "select distinct on (curator) id from intake.clients where curator is not null and root is null limit 2"
    )
    one, other = (str(row[0]) for row in rows)
    told = await said(full, "review", "merge", one, other, "--by", people[0], "--note", "одна фирма")
    assert "nothing is merged yet, because their curators are" in told
    proposal = re.search(rf"review confirm ({UUID})", told)
    assert proposal
    assert proposal[1] in await said(full, "review", "list")
    refused = await said(full, "review", "confirm", proposal[1], "--by", people[0], code=2)
    assert "cannot confirm it as well" in refused
    merge = re.search(rf"review split ({UUID})", await said(full, "review", "confirm", proposal[1], "--by", people[1]))
    assert merge
    assert proposal[1] not in await said(full, "review", "list")
    assert "is a client of its own again" in await said(full, "review", "split", merge[1], "--by", people[1])


async def test_joins_wait_for_a_look_and_what_is_said_of_them_gives_the_precision(
    full: House, people: tuple[str, str]
) -> None:
    await said(full, "lead", "--company", "ООО «Рябинстрой»", "--contact", "Рябинин", "--email", "ryabinin.v@mail.ru")
    told = await said(full, "lead", "--contact", "Рябинин", "--email", "ryabinin.v@mail.ru")
    assert "outcome    same" in told
    lead = re.search(rf"^lead +({UUID})", told, re.MULTILINE)
    assert lead
    told = await said(full, "review", "audit", "--limit", "200")
    assert lead[1] in told
    assert "joins wait for a person's look" in told
    assert "1 judged: right" in await said(full, "review", "right", lead[1], "--by", people[0])
    told = await said(full, "review", "audit", "--limit", "200")
    assert lead[1] not in told
    assert re.search(r"^S3 .* 1 +0 +20\.65% … 100\.00%", told, re.MULTILINE), told


@pytest.mark.rule("R0-10")
async def test_a_form_taken_for_a_machines_is_shown_and_released(full: House, people: tuple[str, str]) -> None:
    file = full.state.place / "sources.toml"
    page = "https://page.example"
    file.write_text(
        file.read_text(encoding="utf-8")
        + f'\n[sources.page]\nkind = "website"\n\n[forms.trap]\nsource = "page"\norigins = ["{page}"]\n',
        encoding="utf-8",
    )
    (address,) = json.loads((full.state.place / "house.json").read_text())["leads"]
    filled = {"company": "ООО «Живые люди»", "phone": "+7 495 660-71-85", "homepage": "filled by the browser"}
    async with httpx.AsyncClient(base_url=address, timeout=15) as http:
        for _ in range(30):  # the file is read again within a second or two
            answer = await http.post("/v1/forms/trap", data=filled, headers={"Origin": page})
            if answer.status_code == 202:
                break
            await asyncio.sleep(0.3)
    assert answer.status_code == 202, answer.text
    receipt = answer.json()["receipt"]
    told = await said(full, "caught")
    assert receipt in told
    assert "Живые люди" in told
    assert "becomes a lead" in await said(full, "release", receipt, "--by", people[0])
    assert "is set aside" in await said(full, "release", receipt, "--by", people[0], code=2)
    for _ in range(50):
        found = await run(full, "lookup", "--phone", "+7 495 660-71-85", "--company", "Живые люди")
        if found[1].startswith("same"):
            break
        await asyncio.sleep(0.2)
    assert found[1].startswith("same"), found
