"""Leads by HTTP in a whole house: told to the end when all is well, accepted when everything else is away."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from estafeta.client import Bus, line_to_house
from estafeta.company.directory import apply_company
from estafeta.company.reading import read_company
from estafeta.demo import COMPANY
from estafeta.feeds import door_of_house, open_feed, revoke_feed
from estafeta.house.house import House
from tests.e2e.conftest import look

FRESH = {"fields": {"company": "ООО «Дверной завод»", "phone": "+7 846 201-77-41", "city": "Самара"}}


@pytest.fixture(scope="module")
async def staffed(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    """A house with a company, and a key for this machine."""
    async with House(tmp_path_factory.mktemp("door"), durable=False) as house:
        await house.wait_ready()
        async with Bus(line_to_house(house.state.place)) as bus:
            await apply_company(bus, read_company(COMPANY), COMPANY)
        yield house


def visitor(house: House) -> httpx.AsyncClient:
    """Somebody with the key that lies beside the sources file."""
    (address,) = json.loads((house.state.place / "house.json").read_text())["leads"]
    key = (house.state.place / "local.key").read_text().strip()
    return httpx.AsyncClient(base_url=address, headers={"Authorization": f"Bearer {key}"}, timeout=15)


async def until(http: httpx.AsyncClient, where: str, **wanted: Any) -> Any:
    """Look until the receipt tells all of `wanted` (`...`: anything but nothing)."""
    async with asyncio.timeout(60):
        while True:
            told = (await http.get(where)).json()
            if all(told.get(k) if v is ... else told.get(k) == v for k, v in wanted.items()):
                return told
            await asyncio.sleep(0.3)


@pytest.mark.rule("R1-07")
async def test_a_lead_by_http_has_a_client_a_manager_and_a_deadline_soon(staffed: House) -> None:
    async with visitor(staffed) as http:
        answer = await http.post("/v1/leads", json={"external_id": "1", **FRESH})
        assert answer.status_code == 202
        told = await until(http, answer.json()["look"], state="accepted", manager=..., deadline=...)
    assert (told["recognised"], told["stage"], told["unanswered"]) == ("new", "opened", [])
    rows = await look(staffed, "select manager from process.processes where client_id = :id", id=told["client"])
    assert [row.manager for row in rows] == [told["manager"]]


@pytest.mark.rule("R0-10")
async def test_a_lead_is_accepted_while_the_bus_and_all_other_rooms_are_away_and_comes_through_later(
    staffed: House,
) -> None:
    away = [*staffed.rooms.values(), staffed.servers["nats"]]
    pids = [one.pid for one in away if one.pid and one.name != "intake"]
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        async with visitor(staffed) as http:
            lead = {"external_id": "2", "fields": {"company": "ООО «Ночной склад»", "phone": "+7 495 201-77-42"}}
            answer = await asyncio.wait_for(http.post("/v1/leads", json=lead), 5)
            assert answer.status_code == 202
            told = await until(http, answer.json()["look"], state="accepted")
            assert told["client"], "intake knows its own part"
            assert sorted(told["unanswered"]) == ["process", "reminders"]
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)
    async with visitor(staffed) as http:
        await until(http, answer.json()["look"], manager=..., deadline=..., unanswered=[])


async def test_a_door_that_dies_is_there_again_and_brings_nothing_in_twice(staffed: House) -> None:
    lead = {"external_id": "3", "fields": {"company": "ООО «Вторая смена»", "phone": "+7 495 201-77-43"}}
    async with visitor(staffed) as http:
        first = await http.post("/v1/leads", json=lead)
        await staffed.kill("intake")
        async with asyncio.timeout(60):
            while True:
                try:
                    second = await http.post("/v1/leads", json=lead)
                    break
                except httpx.TransportError:
                    await asyncio.sleep(0.2)
        assert second.json() == {**first.json(), "repeated": True}
        told = await until(http, first.json()["look"], state="accepted", manager=...)
    rows = await look(staffed, "select count(*) as n from process.leads where id = :id", id=told["lead"])
    assert rows[0].n == 1


@pytest.mark.rule("R1-44")
async def test_a_calendar_is_opened_read_by_its_address_and_revoked(staffed: House) -> None:
    door = door_of_house(staffed.state.place)
    async with Bus(line_to_house(staffed.state.place)) as bus, httpx.AsyncClient(timeout=15) as http:
        address, told = await open_feed(bus, None, "msk", lang="ru", label="", by=None, door=door)
        answer = await http.get(address)
        assert (answer.status_code, answer.text.count("BEGIN:VEVENT") > 20) == (200, True)
        assert (await http.get(address, headers={"If-None-Match": answer.headers["etag"]})).status_code == 304
        await revoke_feed(bus, told.split("revoke ")[1][:8], None)
        assert (await http.get(address)).status_code == 410
    log = (staffed.state.logs / "routing.log").read_text()
    assert "calendar_read" in log
    assert address.rpartition("/")[2][:20] not in log, "an address is a secret"
