"""A lead accepted, declined and taken from a queue, and who is here, as an operator types it, in a house of real servers."""

from __future__ import annotations

import asyncio
import re

import pytest

from tests.e2e.conftest import Furnished
from tests.e2e.test_commands import UUID, run


async def lead_of(furnished: Furnished, company: str, phone: str) -> str:
    """A lead of a company that nobody knows; its id."""
    code, said = await run(
        furnished.house, "lead", "--company", company, "--phone", phone, "--city", "Москва", "--source", "event"
    )
    assert code == 0, said
    found = re.search(rf"^lead +({UUID})", said, re.MULTILINE)
    assert found
    return found[1]


async def sale_of(furnished: Furnished, lead: str) -> str:
    """Who works the sale of a lead."""
    [[manager]] = await furnished.query(
        "select p.manager from process.processes p join process.leads l on l.process_id = p.id where l.id = :lead",
        lead=lead,
    )
    return str(manager)


async def receiver_of(furnished: Furnished, lead: str) -> tuple[str, str]:
    """Who has a lead, and what he has answered."""
    [[receiver, answer]] = await furnished.query(
        "select receiver, answer from routing.decisions where lead_id = :lead and not passed_on", lead=lead
    )
    return str(receiver), str(answer)


@pytest.mark.rule("SLA")
async def test_a_lead_is_declined_goes_on_and_is_accepted_and_explained(furnished: Furnished) -> None:
    house = furnished.house
    lead = await lead_of(furnished, "ООО «Гранит-Сервис Плюс»", "+7 495 640-11-22")
    first, answer = await receiver_of(furnished, lead)
    assert answer == "awaited"
    code, said = await run(house, "lead", "waiting", "--of", first)
    assert code == 0, said
    assert lead in said

    code, said = await run(house, "lead", "decline", lead)
    assert code == 2
    assert "--reason" in said
    code, said = await run(house, "lead", "decline", lead, "--reason", "не мой профиль")
    assert code == 0, said
    second, answer = await receiver_of(furnished, lead)
    assert second != first
    assert answer == "awaited"
    for _ in range(100):
        if await sale_of(furnished, lead) == second:
            break
        await asyncio.sleep(0.1)
    assert await sale_of(furnished, lead) == second

    code, said = await run(house, "lead", "accept", lead, "--by", first)
    assert code == 1
    assert second in said
    code, said = await run(house, "lead", "accept", lead)
    assert code == 0, said
    assert (await receiver_of(furnished, lead))[1] == "accepted"
    code, said = await run(house, "lead", "accept", lead)
    assert code == 0
    assert "already" in said
    code, said = await run(house, "lead", "decline", lead, "--reason", "передумал")
    assert code == 1
    assert "accepted" in said

    code, said = await run(house, "explain", "lead", lead, "--lang", "ru")
    assert code == 0, said
    assert "отказался" in said
    assert "не мой профиль" in said
    assert "принял" in said
    code, said = await run(house, "explain", "lead", lead, "--lang", "en")
    assert "declined it" in said


@pytest.mark.rule("R1-24")
async def test_presence_is_said_shown_and_taken_back(furnished: Furnished) -> None:
    house = furnished.house
    [[who]] = await furnished.query("select id from routing.staff where function = 'sales' order by id limit 1")
    code, said = await run(house, "presence", "set", who, "busy")
    assert code == 0, said
    assert "until" in said
    code, said = await run(house, "presence")
    assert code == 0, said
    assert re.search(rf"\({who}\) +sales +busy", said), said
    code, said = await run(house, "presence", "set", who, "free")
    assert code == 0, said
    code, said = await run(house, "presence", "set", who, "here")
    assert code == 2
    assert "off_shift" in said
    code, said = await run(house, "presence", "set", who, "back", "--until", "2031-01-01 10:00")
    assert code == 1
    assert "Nobody is back until a moment" in said
    code, said = await run(house, "presence", "--office", "nowhere")
    assert code == 2
