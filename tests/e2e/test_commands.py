"""The operator's commands as they are typed, against a house that runs."""

from __future__ import annotations

import asyncio
import atexit
import os
import re
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from hashlib import sha256
from itertools import count
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from estafeta.client import Bus, line_to_house
from estafeta.demo import COMPANY
from estafeta.house.house import House
from estafeta.importing import Intent, import_id_of, run_import
from estafeta.lists.reading import read_list
from estafeta.trouble import Silence
from tests.e2e.conftest import Furnished, look
from tests.e2e.typed import Terminal

ROOT = Path(__file__).parent.parent.parent
_LISTS = count(101)
UUID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"


def _env(house: House) -> dict[str, str]:
    env = {name: value for name, value in os.environ.items() if not name.startswith("ESTAFETA_")}
    return env | {"ESTAFETA_STATE": str(house.state.place), "LANG": "C.UTF-8", "PYTHONPATH": str(ROOT)}


async def start(house: House, *typed: str) -> Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "estafeta",
        *typed,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=PIPE,
        stderr=PIPE,
        env=_env(house),
    )


async def run(house: House, *typed: str) -> tuple[int, str]:
    """Exit code and everything said, of one command."""
    code, said = await _terminal().type(_env(house), *typed)
    assert "Traceback" not in said
    return code, said


@cache
def _terminal() -> Terminal:
    terminal = Terminal()
    atexit.register(terminal.close)
    return terminal


def a_list(folder: Path, name: str, rows: int) -> Path:
    """A list of `rows` companies that nobody knows, each with a phone of its own; none is like one of another list."""
    code = next(_LISTS)
    seed = int(sha256(str(code).encode()).hexdigest()[:12], 16) % 10**9
    lines = ["Компания;Телефон;Город"]
    lines += [f"ООО Завод{seed}цех{n};+7 495 {code}-{n // 100:02}-{n % 100:02};Москва" for n in range(rows)]
    file = folder / name
    file.write_text("\n".join(lines), encoding="utf-8")
    return file


@pytest.fixture
def full(furnished: Furnished) -> House:
    """The house with its company and its clients."""
    return furnished.house


# ── the house ───────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_status_of_a_house_that_is_well_is_one_table(full: House) -> None:
    code, said = await run(full, "status")
    assert code == 0, said
    assert [line.split()[0] for line in said.splitlines()[1:5]] == ["intake", "routing", "process", "reminders"]
    assert "All is well." in said


async def test_applying_the_company_again_changes_nothing(full: House) -> None:
    code, said = await run(full, "apply", str(COMPANY))
    assert code == 0, said
    assert re.search(r"Changed: 0 offices, 0 staff, 0 duty, 0 absences|nothing to change", said)


async def test_a_mistake_in_the_company_file_is_told_with_its_line(full: House, tmp_path: Path) -> None:
    wrong = tmp_path / "company.toml"
    wrong.write_text(COMPANY.read_text().replace('function = "sales"', 'function = "seller"', 1))
    code, said = await run(full, "apply", str(wrong))
    assert code == 2
    assert re.search(r"company\.toml:\d+: ", said)
    assert "seller" in said


# ── lists ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.rule("R1-37", "R0-10")
async def test_an_import_ends_with_its_report_and_a_second_one_takes_nothing_in_twice(
    full: House, tmp_path: Path
) -> None:
    file = a_list(tmp_path, "list.csv", 30)
    with file.open("a") as out:
        out.write("\n;нет;\n")
    code, said = await run(full, "import", str(file), "--campaign", "Тест")
    assert code == 0, said
    assert "Every row is accounted for." in said
    assert re.search(r"rows in the file +31", said)
    assert re.search(r"new clients +30", said)
    assert re.search(r"rejected +1", said)
    assert "fair share" in said
    rejects = read_list(tmp_path / "list-rejected.xlsx")
    assert ["32" in cells for _, cells in rejects.cells(rejects.sheets[0])] == [False, True]
    code, said = await run(full, "import", str(file), "--campaign", "Тест")
    assert code == 0, said
    assert re.search(r"here already +31 rows", said)
    assert re.search(r"new clients +30", said)


async def test_an_interrupted_import_goes_on_without_a_doubled_lead(full: House, tmp_path: Path) -> None:
    file = a_list(tmp_path, "long.csv", 1000)
    import_id = import_id_of(file.read_bytes(), "Прервано", "leads")
    count = "select count(*) from intake.submissions where import_id = :id"
    async with _frozen(full, "process"):  # so that it is not over before it is interrupted
        process = await start(full, "import", str(file), "--campaign", "Прервано")
        for _ in range(300):
            if (await look(full, count, id=import_id))[0][0]:
                break
            await asyncio.sleep(0.05)
        process.send_signal(signal.SIGINT)
        _, err = await process.communicate()
    assert process.returncode == 130
    assert "Run the same import again" in err.decode()
    code, said = await run(full, "import", str(file), "--campaign", "Прервано")
    assert code == 0, said
    assert "here already" in said
    sums = "select count(*), count(distinct l.id) from process.leads l where l.import_id = :id"
    assert [tuple(row) for row in await look(full, count, id=import_id)] == [(1000,)]
    assert [tuple(row) for row in await look(full, sums, id=import_id)] == [(1000, 1000)]


async def test_a_list_that_stands_still_names_the_room_that_holds_it(full: House, tmp_path: Path) -> None:
    file = a_list(tmp_path, "still.csv", 20)
    import_id = import_id_of(file.read_bytes(), "Стоит", "leads")
    rows = read_list(file).rows
    async with Bus(line_to_house(full.state.place)) as bus, _frozen(full, "reminders"):
        with pytest.raises(Silence, match="held by the room reminders"):
            # Asking a frozen room takes its whole time-out, so the others are seen only every two seconds or so.
            await run_import(bus, rows, Intent("Стоит"), import_id, file_name=file.name, stall=8.0)
    code, said = await run(full, "import", str(file), "--campaign", "Стоит")
    assert code == 0, said
    assert "Every row is accounted for." in said


@asynccontextmanager
async def _frozen(full: House, room: str) -> AsyncIterator[None]:
    async with Bus(line_to_house(full.state.place)) as bus:
        from shared.questions import TellHealth

        pid = (await bus.ask(TellHealth(), room=room))["pid"]
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("empty.csv", b"", "empty"),
        ("plain.csv", b"1;2\n3;4\n", "headings"),
        ("picture.xlsx", b"\x89PNG\r\n", "not a list"),
    ],
)
async def test_a_file_that_is_no_list_is_refused(
    full: House, tmp_path: Path, name: str, content: bytes, said: str
) -> None:
    file = tmp_path / name
    file.write_bytes(content)
    code, answer = await run(full, "import", str(file), "--campaign", "Тест")
    assert code == 2
    assert said in answer
    assert "→" in answer


async def test_a_submitter_whom_nobody_knows_is_refused_before_anything_is_sent(full: House, tmp_path: Path) -> None:
    file = a_list(tmp_path, "list.csv", 3)
    code, said = await run(full, "import", str(file), "--campaign", "Тест", "--submitter", "petrowa")
    assert code == 2
    assert "petrova" in said
    import_id = import_id_of(file.read_bytes(), "Тест", "leads")
    assert await look(full, "select 1 from intake.imports where id = :id", id=import_id) == []


# ── one lead ────────────────────────────────────────────────────────────────────────────────────────────────────────


async def submitted(full: House) -> tuple[str, str, str]:
    """A lead of a company nobody knows: its id, its client's, its manager's."""
    name = f"Верфь{uuid4().int % 10**9}"
    code, said = await run(full, "lead", "--company", f"ООО {name}", "--city", "Москва", "--source", "event")
    assert code == 0, said
    lead = re.search(rf"^lead +({UUID})", said, re.MULTILINE)
    card = re.search(rf"^card +.*\(({UUID})\)", said, re.MULTILINE)
    manager = re.search(r"^manager +.*\((\S+)\)", said, re.MULTILINE)
    assert lead
    assert card
    assert manager
    for line in ("outcome    new", "rule       R1-37", "sale       stage opened", "task ", "deadline "):
        assert line in said
    return lead[1], card[1], manager[1]


@pytest.mark.rule("R1-35", "SLA")
async def test_one_lead_is_followed_to_its_deadline(full: House) -> None:
    await submitted(full)


async def test_a_lead_with_a_known_external_id_is_taken_in_once(full: House) -> None:
    number = str(uuid4())
    typed = ["lead", "--company", "ООО Единожды", "--phone", "+7 495 777-00-01", "--external-id", number]
    (first, said), (second, again) = await run(full, *typed), await run(full, *typed)
    assert first == second == 0
    assert re.findall(rf"^lead +({UUID})", said, re.MULTILINE) == re.findall(rf"^lead +({UUID})", again, re.MULTILINE)
    changed, answer = await run(full, *typed, "--comment", "ещё раз")
    assert changed == 0
    assert "taken in before" in answer
    count = await look(full, "select count(*) from intake.submissions where external_id = :id", id=number)
    assert [tuple(row) for row in count] == [(1,)]


async def test_a_lead_without_any_key_is_kept_and_its_faults_are_told(full: House) -> None:
    code, said = await run(full, "lead", "--comment", "позвонить", "--phone", "нет")
    assert code == 2
    assert re.search(rf"lead {UUID}", said)
    assert "→" in said


async def test_a_manager_who_does_not_exist_is_refused_with_the_near_ids(full: House) -> None:
    code, said = await run(full, "lead", "--company", "ООО Ромашка", "--manager", "petrowa")
    assert code == 2
    assert "--manager: nobody here has the id 'petrowa'" in said
    assert "petrova" in said


@pytest.fixture(scope="session")
async def known(furnished: Furnished) -> tuple[str, str, str]:
    """A lead that several tests look at: its id, its client's, its manager's."""
    return await submitted(furnished.house)


# ── touches ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.rule("R4-10", "R4-11")
async def test_a_touch_without_comment_and_next_action_is_refused_with_each_fault(
    full: House, known: tuple[str, str, str]
) -> None:
    lead, _, manager = known
    code, said = await run(full, "touch", "--lead", lead, "--by", manager, "--kind", "call", "--result", "reached")
    assert code == 1
    assert "refused" in said
    assert "comment:" in said
    assert "next:" in said


@pytest.mark.rule("R4-11")
async def test_a_touch_is_recorded_with_its_next_action(full: House, known: tuple[str, str, str]) -> None:
    _, client, manager = known
    whole = ["--by", manager, "--kind", "call", "--result", "reached", "--comment", "просит цены"]
    code, said = await run(full, "touch", "--client", client, *whole, "--next", "offer 2036-11-25 10:00 прайс")
    assert code == 0, said
    assert "recorded   call, reached" in said
    assert re.search(r"next       offer, Tue 25 Nov 2036 10:00", said)


@pytest.mark.rule("R4-11")
async def test_a_sale_is_lost_with_a_reason(full: House) -> None:
    lead, _, manager = await submitted(full)
    whole = ["--by", manager, "--kind", "call", "--result", "refused", "--comment", "не нужно"]
    code, said = await run(full, "touch", "--lead", lead, *whole, "--end", "купили у других")
    assert code == 0, said
    assert "lost" in said
    assert "купили у других" in said


async def test_a_move_the_stage_machine_does_not_allow_is_refused(full: House, known: tuple[str, str, str]) -> None:
    lead, _, manager = known
    whole = [
        "--by",
        manager,
        "--kind",
        "call",
        "--result",
        "agreed",
        "--comment",
        "да",
        "--next",
        "call 2036-11-25 10:00",
    ]
    code, said = await run(full, "touch", "--lead", lead, *whole, "--move", "won")
    assert code == 1
    assert "move_to:" in said


# ── explaining ──────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.rule("R1-40", "G6")
async def test_a_lead_is_explained_in_both_languages(full: House, known: tuple[str, str, str]) -> None:
    lead, client, manager = known
    code, said = await run(full, "explain", "lead", lead)
    assert code == 0, said
    for fact in ("Why this card", "New: a card was opened", client, "Why this manager", "R1-37", manager, "deadline"):
        assert fact in said
    code, said = await run(full, "explain", "lead", lead, "--lang", "ru")
    assert code == 0, said
    for fact in ("Почему эта карточка", "Почему этот менеджер", "R1-37", "срок"):
        assert fact in said
    code, said = await run(full, "explain", "client", client)
    assert code == 0, said
    assert lead in said


async def test_the_id_of_a_client_is_not_taken_for_a_lead(full: House, known: tuple[str, str, str]) -> None:
    _, client, _ = known
    code, said = await run(full, "explain", "lead", client)
    assert code == 2
    assert f"estafeta explain client {client}" in said
    code, said = await run(full, "explain", "lead", str(uuid4()))
    assert code == 2
    assert "No lead has the id" in said


# ── dead letters ────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_dead_letter_is_listed_shown_sent_again_and_closed(full: House) -> None:
    code, said = await run(full, "dead")
    assert (code, said.strip()) == (0, "No dead letters.")
    async with Bus(line_to_house(full.state.place)) as bus:
        letter = await _bury(bus)
        try:
            code, said = await run(full, "dead", "list")
            assert code == 0, said
            assert letter in said
            code, said = await run(full, "status")
            assert code == 1
            assert "1 dead letters" in said
            code, said = await run(full, "dead", "show", letter)
            assert code == 0, said
            assert "RecordTouch" in said
            code, said = await run(full, "dead", "again", letter)
            assert code == 0, said
            await _until_dead(bus)
            code, said = await run(full, "dead", "close", letter, "--why", "только проверка")
            assert code == 0, said
            assert (await run(full, "status"))[0] == 0
            assert (await run(full, "dead", "close", "process/999999", "--why", "нет такого"))[0] == 2
        finally:
            await _forget(full)


async def _bury(bus: Bus) -> str:
    """A touch of a version nobody here knows: it becomes a dead letter of the process room."""
    id_ = str(uuid4())
    headers = {"Nats-Msg-Id": id_, "ce-id": id_, "ce-type": "RecordTouch.v99", "ce-specversion": "1.0"}
    await bus._stream.publish("cmd.process.touch.record", b"{}", headers=headers)
    return f"process/{await _until_dead(bus)}"


async def _until_dead(bus: Bus) -> int:
    from shared.questions import ListLetters

    for _ in range(200):
        letters = (await bus.ask(ListLetters(), room="process"))["letters"]
        if letters and letters[0]["state"] == "dead":
            return int(letters[0]["id"])
        await asyncio.sleep(0.05)
    raise AssertionError("nothing died")


async def _forget(full: House) -> None:
    """Leave the shared house without a trace of the letter: others assert that nothing ever died in it."""
    engine = create_async_engine(full.database)
    async with engine.begin() as db:
        await db.execute(text("delete from process.dead_letters"))
    await engine.dispose()
