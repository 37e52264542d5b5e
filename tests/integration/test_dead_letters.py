"""Dead letters as an operator sees them: what waits behind each, for how long, and what settling one sets free."""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.clock import database_now
from shared.commands import SettleLetter
from shared.events import StaffChanged
from shared.letter import Letter
from shared.message import Batch, Heard, Said, Unfit
from shared.questions import ListLetters, TellHealth
from shared.service import Room, Service
from shared.settings import Settings
from tests.conftest import PASSWORDS, url_of

POISON: set[str] = set()
HEARD: list[str] = []


async def learn(batch: Batch[StaffChanged], db: AsyncConnection) -> Said:
    if POISON & {one.message.staff_id for one in batch}:
        raise Unfit("cannot be learnt")
    HEARD.extend(one.message.name for one in batch)
    return []


def letter(staff_id: str, sequence: int) -> Letter:
    """The `sequence`th thing said about somebody, with a name and a phone in it that an operator need not read."""
    payload = {"staff_id": staff_id, "name": f"Анна Петрова {sequence}", "office_id": "msk", "function": "sales"}
    headers = {"ce-id": str(uuid4()), "ce-type": "StaffChanged.v1", "ce-subject": f"staff/{staff_id}"}
    return Letter("evt.routing.staff.changed", {**headers, "ce-sequence": str(sequence)}, json.dumps(payload).encode())


@pytest.fixture
async def service(database: URL) -> Service:
    """A replica of process that is not on the bus: it answers and settles, and hears what it is given."""
    from services.process import tables

    POISON.clear()
    HEARD.clear()
    url = url_of(database, "process").set(drivername="postgresql").render_as_string(hide_password=False)
    room = Room("process", tables.metadata, {StaffChanged: learn})
    return Service(room, Settings(database_url=url, database_password=PASSWORDS["process"]))


async def listed(service: Service, number: int | None = None) -> dict[str, Any]:
    answer = json.loads(await service.answer(ListLetters, ListLetters(letter=number).model_dump_json().encode()))
    assert answer["ok"], answer
    told: dict[str, Any] = answer["answer"]
    return told


async def settle(service: Service, wish: SettleLetter) -> None:
    async with service.book.open() as ledger:
        now = await database_now(ledger.db)
        handle = service.unit.handlers["SettleLetter"][1]
        await handle(Batch([Heard(uuid4(), uuid4(), message=wish, at=now)], now), ledger.db)


async def test_what_waits_behind_each_dead_letter_is_counted_with_its_age(service: Service) -> None:
    POISON.update({"anna", "boris"})
    try:
        await service.unit.serve([letter("anna", n) for n in (1, 2, 3)] + [letter("vera", 1)], "routing")
        await service.unit.serve([letter("anna", 4), letter("boris", 1)], "routing")
        async with service.engine.begin() as db:
            await db.execute(text("update dead_letters set died_at = died_at - interval '90 s' where sequence = 2"))
        told = await listed(service)
        letters: list[dict[str, Any]] = told["letters"]
        assert (told["dead"], told["waiting"]) == (2, 3)
        assert [(one["aggregate"], one["state"], one["behind"]) for one in letters] == [
            ("staff/anna", "dead", 3),
            ("staff/boris", "dead", 0),
            ("staff/anna", "waiting", 0),
            ("staff/anna", "waiting", 0),
            ("staff/anna", "waiting", 0),
        ]
        assert 90 <= float(str(letters[0]["behind_oldest_s"])) < 120
        assert letters[1]["behind_oldest_s"] is None
        assert letters[0]["handler"] == "StaffChanged"
        assert letters[0]["reason"] == "Unfit: cannot be learnt"
        assert HEARD == ["Анна Петрова 1"], "a neighbour is neither held nor lost"
    finally:
        await service.engine.dispose()


async def test_personal_data_is_masked_in_the_list_and_in_the_letter(service: Service) -> None:
    POISON.add("anna")
    try:
        await service.unit.serve([letter("anna", 1)], "routing")
        for told in (await listed(service), await listed(service, 1)):
            assert "Петрова" not in json.dumps(told, ensure_ascii=False)
            assert "office_id" in json.dumps(told)
    finally:
        await service.engine.dispose()


async def test_settling_a_letter_sets_free_what_waits_behind_it_in_order(service: Service) -> None:
    POISON.update({"anna", "boris"})
    try:
        for who in ("anna", "boris"):
            await service.unit.serve([letter(who, n) for n in (1, 2, 3)], "routing")
        assert (await listed(service))["waiting"] == 4
        POISON.clear()
        await settle(service, SettleLetter(letter=1, action="again"))
        await service.unit.revive()
        await service.unit.revive()
        assert [f"Анна Петрова {n}" for n in (1, 2, 3)] == HEARD
        told = await listed(service)
        assert (told["dead"], told["waiting"]) == (1, 2)
        HEARD.clear()
        await settle(service, SettleLetter(letter=_dead(told), action="close", why="he has left"))
        await service.unit.revive()
        assert HEARD == ["Анна Петрова 2", "Анна Петрова 3"]
        assert (await listed(service))["letters"] == []
        [closed] = (await listed(service, _dead(told)))["letters"]
        assert (closed["state"], closed["settled_why"]) == ("settled", "he has left")
    finally:
        await service.engine.dispose()


def _dead(told: dict[str, Any]) -> int:
    letters: list[dict[str, Any]] = told["letters"]
    return next(int(str(one["id"])) for one in letters if one["state"] == "dead")


async def test_all_letters_of_a_room_are_sent_back_with_one_wish(service: Service) -> None:
    POISON.update({"anna", "boris"})
    try:
        await service.unit.serve([letter(who, n) for who in ("anna", "boris") for n in (1, 2)], "routing")
        POISON.clear()
        await settle(service, SettleLetter(action="again"))
        while await service.unit.revive():
            pass
        assert sorted(HEARD) == ["Анна Петрова 1"] * 2 + ["Анна Петрова 2"] * 2
        assert (await listed(service))["letters"] == []
    finally:
        await service.engine.dispose()


async def test_health_tells_the_age_of_the_oldest_dead_letter_and_of_the_oldest_unsent_message(
    service: Service,
) -> None:
    POISON.add("anna")
    try:
        assert (await _health(service))["oldest_dead_s"] == 0
        await service.unit.serve([letter("anna", n) for n in (1, 2)], "routing")
        async with service.engine.begin() as db:
            await db.execute(text("update dead_letters set died_at = died_at - interval '1 h'"))
            await db.execute(text("update outbox set said_at = said_at - interval '5 min'"))
        told = await _health(service)
        assert (told["dead"], told["waiting"], told["unsent"]) == (1, 1, 1)
        assert 3600 <= told["oldest_dead_s"] < 3660
        assert 300 <= told["oldest_unsent_s"] < 360
        assert told["ready"] is False, "it is not on the bus"
        assert "no connection to NATS" in str(told["problems"])
    finally:
        await service.engine.dispose()


async def _health(service: Service) -> dict[str, float]:
    answer = json.loads(await service.answer(TellHealth, b"{}"))
    assert answer["ok"], answer
    told: dict[str, float] = answer["answer"]
    return told


async def test_a_room_whose_database_is_away_says_so_at_its_door() -> None:
    from services.process import tables

    lost = Settings(database_url="postgresql://estafeta_process@127.0.0.1:1/estafeta")
    service = Service(Room("process", tables.metadata, {StaffChanged: learn}), lost)
    starting = await service.health.readyz()
    assert (starting.status, b"starting" in starting.body) == (503, True)
    service.pulse.begun = True
    service.health._last = None
    page = await service.health.readyz()
    assert page.status == 503
    assert b"the database does not answer" in page.body
    assert (await service.health.livez()).status == 200, "to be started anew would not help it"
    assert b"estafeta_process_ready 0.0" in (await service.health.metrics_page()).body
    await service.engine.dispose()


async def test_a_loop_that_has_ended_or_does_not_come_round_is_a_problem() -> None:
    import asyncio

    from shared.health import STUCK, Pulse

    async def ends() -> None:
        return

    pulse = Pulse()
    pulse.begin("relay", ends())
    pulse.turn("process_commands")
    assert (pulse.ended(), pulse.stuck()) == ([], [])
    await asyncio.sleep(0.01)
    assert pulse.ended() == ["relay has ended"]
    pulse.turns["process_commands"] -= STUCK + 1
    assert pulse.stuck() == [f"process_commands has not come round for {STUCK + 1:.0f} s"]
    pulse.stopping.set()
    assert pulse.ended() == []
