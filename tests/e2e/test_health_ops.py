"""What ops does with a house that runs: looks at its doors, watches it, settles dead letters, rebuilds copies."""

from __future__ import annotations

import asyncio
import json
import signal
import urllib.error
import urllib.request
from uuid import uuid4

from prometheus_client.parser import text_string_to_metric_families

from estafeta.client import Bus, fresh_id, line_to_house
from estafeta.house.house import House
from shared.commands import LeadFields, SubmitLead
from shared.message import ROOMS
from shared.questions import ListLetters
from shared.words import Source
from tests.e2e.conftest import Furnished, look
from tests.e2e.test_commands import _forget, run, start

COPIES = {
    "process": ("process.offices", "process.staff"),
    "reminders": ("reminders.offices", "reminders.staff", "reminders.deadlines"),
}


async def get(url: str) -> tuple[int, str]:
    """Status and body of one page."""

    def fetch() -> tuple[int, str]:
        try:
            with urllib.request.urlopen(url, timeout=10) as answer:  # noqa: S310 - a door of our own
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as refusal:
            with refusal:
                return refusal.code, refusal.read().decode()

    return await asyncio.to_thread(fetch)


def doors(house: House) -> dict[str, str]:
    """Where each room can be looked into, from the house's card."""
    card: dict[str, dict[str, str]] = json.loads((house.state.place / "house.json").read_text())
    return card["http"]


async def test_every_room_is_alive_ready_and_measured_at_a_door_of_its_own(furnished: Furnished) -> None:
    assert set(doors(furnished.house)) == set(ROOMS)
    for room, door in doors(furnished.house).items():
        shown, *others = str(furnished.house.rooms[room].address).split(", ")
        assert shown == door.removeprefix("http://")
        expected = {"intake": ["leads"], "routing": ["calendars"]}.get(room, [])
        assert [other.split()[0] for other in others] == expected, "the doors to the world outside"
        assert await get(f"{door}/livez") == (200, "alive\n")
        assert await get(f"{door}/readyz") == (200, "ready\n")
        status, said = await get(f"{door}/metrics")
        assert status == 200
        figures = {s.name: s.value for f in text_string_to_metric_families(said) for s in f.samples}
        assert figures[f"estafeta_{room}_ready"] == 1
        assert figures[f"estafeta_{room}_relay_leader"] == 1
        assert figures[f"estafeta_{room}_letters_applied_total"] > 0
        assert figures[f"estafeta_{room}_messages_sent_total"] > 0
        assert figures[f"estafeta_{room}_outbox_unsent_messages"] >= 0
        assert ("deadline_lag_seconds" in said) == (room == "reminders")
        assert "Traceback" not in said
        assert "@" not in said, "no personal data in figures"


async def test_status_can_be_watched_until_ctrl_c(furnished: Furnished) -> None:
    process = await start(furnished.house, "status", "--watch")
    assert process.stdout is not None
    seen = 0
    async with asyncio.timeout(60):
        while seen < 2:
            seen += b"All is well." in await process.stdout.readline()
    process.send_signal(signal.SIGINT)
    _, err = await process.communicate()
    assert process.returncode == 130
    assert b"Traceback" not in err


async def test_copies_are_rebuilt_while_leads_come_in(furnished: Furnished) -> None:
    house = furnished.house

    async def snapshot(table: str) -> list[str]:
        rows = await look(house, f"select t::text as whole from {table} t order by 1")
        return [row.whole for row in rows]

    before = {name: await snapshot(name) for names in COPIES.values() for name in names}
    done = asyncio.Event()
    sent: list[str] = []

    async def traffic() -> None:
        async with Bus(line_to_house(house.state.place)) as bus:
            while not done.is_set():
                name = f"Верфь{uuid4().int % 10**9}"
                fields = LeadFields(company=f"ООО {name}", city="Москва")
                wish = SubmitLead(source_system="test", external_id=name, source=Source.WEBSITE, fields=fields)
                await bus.send(wish, fresh_id())
                sent.append(name)
                await asyncio.sleep(0.02)

    coming = asyncio.create_task(traffic())
    try:
        for room in COPIES:
            code, said = await run(house, "rebuild", room)
            assert code == 0, said
            assert said.count("all as before") == 2
            assert "messages again" in said
    finally:
        done.set()
        await coming
    for name in ("process.offices", "process.staff", "reminders.offices", "reminders.staff"):
        assert before[name], name
        assert await snapshot(name) == before[name], name
    whole = (
        "select count(*) from intake.submissions s join intake.decisions c on c.lead_id = s.id"
        " join process.leads l on l.id = s.id join process.tasks t on t.lead_id = l.id"
        " join reminders.deadlines d on d.task_id = t.id where s.source_system = 'test' and s.external_id = any(:names)"
    )
    for _ in range(300):
        [(arrived,)] = await look(house, whole, names=sent)
        if arrived == len(sent):
            break
        await asyncio.sleep(0.2)
    assert arrived == len(sent)
    assert set(before["reminders.deadlines"]) <= set(await snapshot("reminders.deadlines"))
    code, said = await run(house, "rebuild", "routing")
    assert (code, "nothing to rebuild" in said) == (0, True)
    assert (await run(house, "rebuild", "kitchen"))[0] == 2


async def test_a_dead_letter_shows_what_waits_behind_it_and_settling_it_sets_that_free(furnished: Furnished) -> None:
    house = furnished.house
    client = str(uuid4())
    try:
        await _poison(house, client)
        async with Bus(line_to_house(house.state.place)) as bus:
            letter = await _dead(bus)
            code, said = await run(house, "dead")
            assert code == 0, said
            line = next(line for line in said.splitlines() if line.startswith(f"process/{letter} "))
            assert "LeadAssigned" in line
            assert " 2, " in line, "two wait behind it"
            assert "process: 1 dead, 2 waiting" in said
            code, said = await run(house, "status")
            assert code == 1
            assert "2 messages wait behind them" in said
            code, said = await run(house, "dead", "show", f"process/{letter}")
            assert code == 0, said
            assert "behind it       2, " in said
            assert "Секретов" not in said
            code, said = await run(house, "dead", "again", "process")
            assert code == 0, said
            assert "process: 1 letters are being handled again" in said
            letter = await _dead(bus)
            code, said = await run(house, "dead", "close", f"process/{letter}", "--why", "только проверка")
            assert code == 0, said
            for _ in range(300):
                if not (await bus.ask(ListLetters(), room="process"))["waiting"]:
                    break
                await asyncio.sleep(0.1)
            assert (await run(house, "dead"))[1].strip() == "No dead letters."
    finally:
        await _forget(house)


async def _poison(house: House, client: str) -> None:
    """Three things said about one client, of which process cannot understand the first; the others it need not act on."""
    import nats

    nc = await nats.connect(house.nats_url, user=house.admin.user, password=house.admin.password)
    payload = json.dumps({"client_id": client, "contact": "Секретов Иван"}).encode()
    for number, kind in enumerate(("LeadAssigned", "LeadNoted", "LeadNoted"), 1):
        id_ = str(uuid4())
        headers = {
            "Nats-Msg-Id": id_,
            "ce-id": id_,
            "ce-type": f"{kind}.v1",
            "ce-subject": f"client/{client}",
            "ce-sequence": str(number),
        }
        await nc.jetstream().publish("evt.routing.lead.assigned", payload, headers=headers)
    await nc.close()


async def _dead(bus: Bus) -> int:
    async with asyncio.timeout(30):
        while True:
            told = await bus.ask(ListLetters(), room="process")
            if told["dead"] == 1 and told["waiting"] == 2:
                return int(told["letters"][0]["id"])
            await asyncio.sleep(0.05)
