"""`estafeta routing replay`: a company file and a list of arrivals in, one decision a line out, by routing's own rules."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from estafeta.company.reading import read_company
from services.routing import offline
from shared.commands import ApplyCompany

COMPANY = """\
[company]
name = "Насосы"
home_region = "RU-MOW"
time_zone = "Europe/Moscow"
"""
OFFICES = {"msk": ["RU-MOW", "RU-MOS"], "spb": ["RU-SPE", "RU-LEN"], "kzn": ["RU-TA"]}
STAFF = {
    "anna": ("msk", "sales"), "boris": ("msk", "sales"), "vera": ("msk", "sales"), "akim": ("msk", "account"),
    "head_msk": ("msk", "head"), "boss": ("msk", "head_of_sales"), "sofia": ("spb", "sales"), "stepan": ("spb", "sales"),
    "head_spb": ("spb", "head"), "head_kzn": ("kzn", "head"),
}  # fmt: skip
DUTY = ("anna", "boris")
START = datetime.fromisoformat("2026-11-23T10:00:00+03:00")  # a Monday
Answers = dict[str, dict[str, Any]]
Replay = Callable[..., Answers]


def company_text(extra: str = "", staff: dict[str, tuple[str, str]] = STAFF, more: dict[str, str] | None = None) -> str:
    """The text of a company file; `more` adds lines to people of the staff."""
    text = COMPANY
    for office, regions in OFFICES.items():
        text += f'[[offices]]\nid = "{office}"\nname = "{office}"\nregions = {json.dumps(regions)}\n'
    for who, (office, function) in staff.items():
        text += f'[[staff]]\nid = "{who}"\nname = "Имя {who}"\noffice = "{office}"\nfunction = "{function}"\n'
        text += (more or {}).get(who, "")
    for who in DUTY:
        text += f'[[duty]]\noffice = "msk"\nstaff = "{who}"\nfrom = 2026-11-23T09:00:00\nto = 2026-11-23T18:00:00\n'
    return text + extra


@pytest.fixture
def company(tmp_path: Path) -> Callable[..., ApplyCompany]:
    """The company of such a file."""

    def made(*args: Any, **kwargs: Any) -> ApplyCompany:
        path = tmp_path / "company.toml"
        path.write_text(company_text(*args, **kwargs), "utf-8")
        return read_company(path)

    return made


@pytest.fixture
def replay(company: Callable[..., ApplyCompany], capsys: pytest.CaptureFixture[str]) -> Replay:
    """Run the command on these lines, which must all be good; the answers by id, in order."""

    def run(*lines: dict[str, Any], of: ApplyCompany | None = None) -> Answers:
        source = io.BytesIO("\n".join(json.dumps(line) for line in lines).encode())
        assert offline.run(of or company(), "arrivals.jsonl", source) == 0
        out, err = capsys.readouterr()
        assert err == ""
        return {line["id"]: line for line in map(json.loads, out.splitlines())}

    return run


def arrival(
    id: str, minute: float = 0, source: str = "website", region: str | None = "RU-MOW", **more: Any
) -> dict[str, Any]:
    """An arrival so many minutes after ten."""
    return {"id": id, "at": (START + timedelta(minutes=minute)).isoformat(), "source": source, "region": region, **more}


def change(staff: str, what: str, minute: float = 0, until: float | None = None) -> dict[str, Any]:
    """A change of presence so many minutes after ten."""
    end = None if until is None else (START + timedelta(minutes=until)).isoformat()
    return {"at": (START + timedelta(minutes=minute)).isoformat(), "change": what, "staff": staff, "until": end}


CALL = "inbound_call"
NEW = {"owner": None, "open_process": None, "current": False}


def test_each_arrival_is_answered_with_exactly_what_was_promised(replay: Replay) -> None:
    full = {"campaign": "c", "named": None, "worked_with": None, "submitter": None, "client": None, "list": None}
    (answer,) = replay(arrival("a1") | full).values()
    assert answer == {
        "id": "a1", "to": "anna", "queue": None, "rule": "R1-45", "told": [], "excluded": {"vera": "not on duty now"}
    }  # fmt: skip


@pytest.mark.rule("R1-33")
@pytest.mark.rule("R1-34")
@pytest.mark.rule("R1-16")
@pytest.mark.rule("R1-09")
@pytest.mark.rule("R1-10")
@pytest.mark.rule("R1-08")
@pytest.mark.rule("R1-45")
@pytest.mark.rule("R1-46")
@pytest.mark.rule("R1-37")
@pytest.mark.rule("R1-39")
@pytest.mark.rule("R1-28")
@pytest.mark.rule("R1-30")
@pytest.mark.rule("G8")
@pytest.mark.parametrize(
    ("line", "to", "rule", "queue"),
    [
        (arrival("x", client={**NEW, "open_process": "sofia"}), ["sofia"], "R1-33", None),
        (arrival("x", source=CALL, worked_with="boris"), ["boris"], "R1-16", None),
        (arrival("x", source=CALL, worked_with="vera"), ["anna"], "R1-08", None),
        (arrival("x", source=CALL, client={"owner": "akim", "current": True}), ["akim"], "R1-09", None),
        (arrival("x", source=CALL, named="vera"), ["vera"], "R1-10", None),
        (arrival("x", source=CALL), ["anna"], "R1-08", None),
        (arrival("x", region=None), ["anna"], "R1-45", None),
        (arrival("x", source=CALL, region="RU-LEN"), ["sofia"], "R1-46", None),
        (arrival("x", region="RU-SPE"), ["sofia"], "R1-46", None),
        (arrival("x", source="event", region="RU-SPE"), ["sofia"], "R1-37", None),
        (arrival("x", source="event"), ["anna"], "R1-37", None),
        (arrival("x", source="other", submitter="stepan"), ["stepan"], "R1-39", None),
        (arrival("x", source="referral", submitter="vera"), ["vera"], "R1-39", None),
        (arrival("x", source="agent", region="RU-SPE", submitter="akim"), ["sofia"], "R1-28", None),
        (arrival("x", source="agent"), ["anna"], "R1-30", None),
        (arrival("x", source="agent", region="RU-TA"), ["anna"], "R1-30", None),
        (arrival("x", source="agent", region="RU-SAK"), ["anna"], "R1-30", None),
        (arrival("x", minute=600), ["head_msk"], "G8", "duty:msk"),
        (arrival("x", source="event", region="RU-TA"), ["head_kzn"], "G8", "region:kzn"),
        (arrival("x", region="RU-SAK"), ["boss"], "G8", "region:RU-SAK"),
        (arrival("x", source="event", client={**NEW, "owner": "vera"}), ["vera"], "R1-34", None),
        (arrival("x", client={**NEW, "owner": "vera"}), ["anna"], "R1-45", None),
    ],
)
def test_each_rule_of_the_regulation_names_its_receiver(
    replay: Replay, line: dict[str, Any], to: list[str], rule: str, queue: str | None
) -> None:
    answer = replay(line)["x"]
    assert ([answer["to"]], answer["rule"], answer["queue"]) == (to, rule, queue)


@pytest.mark.rule("R1-23")
@pytest.mark.parametrize("what", ["busy", "absent"])
def test_changes_count_from_their_moment_until_they_end(replay: Replay, what: str) -> None:
    calls = [arrival(str(n), n, CALL, named="vera") for n in range(8)]
    told = replay(calls[0], change("vera", what, 1, until=3), *calls[1:4], change("vera", what, 4), *calls[4:6],
                  change("vera", {"busy": "free", "absent": "back"}[what], 6), *calls[6:])  # fmt: skip
    assert [line["rule"] for line in told.values()] == [
        "R1-10", "R1-23", "R1-23", "R1-10", "R1-23", "R1-23", "R1-10", "R1-10"
    ]  # fmt: skip
    for id in "1245":
        assert told[id]["told"] == ["vera"]
        assert told[id]["to"] in DUTY
        assert told[id]["excluded"]["vera"].startswith(what)


@pytest.mark.rule("R1-24")
def test_who_leaves_is_passed_over_from_then_on_and_lines_are_taken_in_the_order_of_their_moments(
    replay: Replay,
) -> None:
    told = replay(
        arrival("late", 30, "event"), change("vera", "leave", 10), *(arrival(f"e{n}", n, "event") for n in range(3)),
        arrival("after", 11, CALL, named="vera"), arrival("his", 12, client={**NEW, "open_process": "vera"}),
    )  # fmt: skip
    assert list(told) == ["late", "e0", "e1", "e2", "after", "his"], "answers come in the order of the lines"
    assert {told[f"e{n}"]["to"] for n in range(3)} == {"anna", "boris", "vera"}
    assert told["late"]["excluded"] == {"vera": "has left"}
    assert (told["after"]["rule"], told["after"]["told"], told["after"]["excluded"]["vera"]) == (
        "R1-08",
        [],
        "has left",
    )
    assert (told["his"]["to"], told["his"]["queue"], told["his"]["rule"]) == ("head_msk", "handover:msk", "G8")


@pytest.mark.rule("R1-24")
def test_absences_and_shifts_of_the_company_file_count_to_the_minute(replay: Replay, company: Any) -> None:
    vacation = '[[absences]]\nstaff = "anna"\nfrom = 2026-11-23T10:10:00\nto = 2026-11-23T10:20:00\n'
    told = replay(*(arrival(str(n), n) for n in (0, 9, 10, 19, 20, 480)), of=company(vacation))
    assert [line["to"] for line in told.values()] == ["anna", "boris", "boris", "boris", "anna", "head_msk"]
    assert told["10"]["excluded"]["anna"] == "absent until 2026-11-23 07:20: vacation"


@pytest.mark.rule("G8")
def test_if_nobody_who_answers_is_here_the_lead_waits_in_its_queue_without_a_receiver(replay: Replay) -> None:
    away = [change(who, "absent") for who in ("head_kzn", "boss", "head_msk")]
    answer = replay(*away, arrival("x", 1, "event", "RU-TA"))["x"]
    assert (answer["to"], answer["queue"], answer["rule"]) == (None, "region:kzn", "G8")
    assert set(answer["excluded"]) == {"head_kzn", "boss", "head_msk"}
    answer = replay(*away[:1], arrival("x", 1, "event", "RU-TA"))["x"]
    assert (answer["to"], answer["queue"]) == ("boss", "region:kzn")


@pytest.mark.rule("G8")
def test_a_company_without_any_head_still_names_a_queue(replay: Replay, company: Any) -> None:
    staff = {who: what for who, what in STAFF.items() if what[1] == "sales"}
    answer = replay(arrival("x", 600), of=company(staff=staff))["x"]
    assert (answer["to"], answer["queue"], answer["rule"]) == (None, "duty:msk", "G8")


@pytest.mark.rule("G6")
@pytest.mark.rule("R1-37")
def test_lines_of_one_list_are_split_as_a_whole_wherever_they_stand(replay: Replay) -> None:
    lines = [arrival(f"w{n}", n, "event") for n in range(4)]  # leaves somebody ahead and somebody behind
    regions = ["RU-MOW", "RU-MOS", "RU-SPE", "RU-LEN", "RU-MOW"]
    for n in range(50):
        lines += [
            arrival(f"l{n}", 5 + n / 10, "event", regions[n % 5], list="expo"),
            arrival(f"c{n}", 5 + n / 10, CALL),
        ]
    lines.insert(40, change("vera", "absent", 6.5))
    told = replay(*lines)
    mine = {id: line for id, line in told.items() if id.startswith("l")}
    got = Counter(line["to"] for line in mine.values())
    assert sorted([got["sofia"], got["stepan"]]) == [10, 10]
    # 10 rows of the home region came while Vera was there, 20 after she had gone
    before = [line["to"] for id, line in mine.items() if int(id[1:]) < 15 and line["to"] not in ("sofia", "stepan")]
    after = [line for id, line in mine.items() if int(id[1:]) > 15 and line["to"] not in ("sofia", "stepan")]
    assert max(Counter(before).values()) <= 4
    assert all(line["to"] != "vera" and "vera" in line["excluded"] for line in after)
    owed = len(before) / 3 + (30 - len(before)) / 2
    assert max(got["anna"], got["boris"]) <= -(-owed // 1)


@pytest.mark.rule("G6")
def test_calls_and_lists_are_even_each_in_its_pool(replay: Replay) -> None:
    told = replay(*(arrival(str(n), n / 10, CALL if n % 2 else "event") for n in range(60)))
    for rule, count in (("R1-08", 15), ("R1-37", 10)):
        got = Counter(line["to"] for line in told.values() if line["rule"] == rule)
        assert set(got.values()) == {count}


@pytest.mark.rule("G6")
def test_a_cap_of_the_company_file_counts_by_the_day_of_the_office(replay: Replay, company: Any) -> None:
    capped = company(more={"anna": "per_day = 1\n", "boris": "notice = 2026-11-24\n"})
    lines = [arrival(str(n), n, "event") for n in range(4)] + [
        arrival(f"next day {n}", 16 * 60, "event") for n in range(4)
    ]
    told = replay(*lines, of=capped)
    got = [line["to"] for line in told.values()]
    assert (got[:4].count("anna"), got[4:].count("anna")) == (1, 1)
    assert told["3"]["excluded"] == {"anna": "has received his 1 leads of today"}
    assert told["next day 0"]["excluded"] == {"boris": "has given notice and takes no new leads"}


@pytest.mark.rule("R1-28")
@pytest.mark.rule("R1-30")
def test_meetings_of_agents_go_to_who_is_free_and_nobody_has_two_at_a_time(replay: Replay, company: Any) -> None:
    vacation = '[[absences]]\nstaff = "vera"\nfrom = 2026-11-24T09:00:00\nto = 2026-11-24T16:00:00\n'
    three = {"at": "2026-11-24T15:00:00+03:00"}
    later = {"at": "2026-11-24T16:00:00+03:00", "minutes": 30}
    told = replay(
        *(arrival(str(n), n, "agent", meeting=three) for n in range(3)), arrival("later", 4, "agent", meeting=later),
        change("vera", "back", 5), arrival("region", 6, "agent", "RU-SPE", meeting=three), of=company(vacation),
    )  # fmt: skip
    assert {told["0"]["to"], told["1"]["to"]} == {"anna", "boris"}
    assert (told["2"]["to"], told["2"]["queue"], told["2"]["rule"]) == ("head_msk", "home", "G8")
    assert told["2"]["excluded"]["vera"].startswith("absent at the time of the meeting, until 2026-11-24 13:00")
    assert told["2"]["excluded"]["anna"] == "has another meeting from 2026-11-24 12:00 to 2026-11-24 13:00 UTC"
    assert told["later"]["excluded"] == {}, "her absence is over, and so are their meetings"
    assert (told["region"]["rule"], told["region"]["excluded"]) == ("R1-28", {})


BAD = [
    (b'{"id": "x", "at": "2026-11-23T10:00:00Z", "source": "agent", "meeting": {}}', "meeting.at: it is missing"),
    (
        b'{"id": "x", "at": "2026-11-23T10:00:00Z", "source": "agent", "meeting": {"at": "2026-11-24T10:00:00"}}',
        'meeting.at: "2026-11-24T10:00:00" does not say its time zone',
    ),
    (
        b'{"id": "x", "at": "2026-11-23T10:00:00Z", "source": "agent", "meeting": {"at": "2026-11-23T09:00:00Z"}}',
        "meeting.at: it is not after",
    ),
    (b"nonsense", "line: this is no JSON"),
    (b"[1]", "line: [1] is no object"),
    (b'{"id": "\xff"}', "is not UTF-8"),
    (b'{"id": "x", "source": "website"}', "at: it is missing"),
    (b'{"id": "x", "at": "2026-11-23T10:00:00", "source": "website"}', 'at: "2026-11-23T10:00:00" does not say its'),
    (b'{"id": "x", "at": "noon", "source": "website"}', 'at: "noon" is no moment'),
    (b'{"at": "2026-11-23T10:00:00Z", "source": "website"}', "id: it is missing"),
    (b'{"id": "x", "at": "2026-11-23T10:00:00Z"}', "source: it is missing. Write one of inbound_call, agent"),
    (b'{"id": "x", "at": "2026-11-23T10:00:00Z", "source": "fax"}', 'source: there is no source "fax"'),
    (
        b'{"id": "x", "at": "2026-11-23T10:00:00Z", "source": "website", "region": "Moscow"}',
        "region: 'Moscow' is no region",
    ),
    (b'{"id": "x", "at": "2026-11-23T10:00:00Z", "source": "website", "client": 5}', "client: 5 is no object"),
    (
        b'{"id": "x", "at": "2026-11-23T10:00:00Z", "source": "website", "client": {"current": "yes"}}',
        'client.current: "yes" is neither',
    ),
    (b'{"id": "x", "at": "2026-11-23T10:00:00Z", "source": "website", "named": 5}', "named: 5 is no text"),
    (b'{"at": "2026-11-23T10:00:00Z", "change": "gone", "staff": "anna"}', 'change: there is no change "gone"'),
    (b'{"at": "2026-11-23T10:00:00Z", "change": "busy", "staff": "nemo"}', "staff: nobody has the id 'nemo'"),
    (b'{"at": "2026-11-23T10:00:00Z", "change": "busy"}', "staff: it is missing"),
    (
        b'{"at": "2026-11-23T10:00:00Z", "change": "busy", "staff": "anna", "until": "2026-11-23T09:00:00Z"}',
        "until: it is not after",
    ),
    (b'"' + b"x" * (offline.LONGEST_LINE + 5) + b'"', "line: it is longer than"),
]


@pytest.mark.parametrize(("line", "complaint"), BAD)
def test_a_bad_line_is_named_with_its_field_and_remedy_and_the_others_go_on(
    company: Callable[..., ApplyCompany], capsys: pytest.CaptureFixture[str], line: bytes, complaint: str
) -> None:
    good = [json.dumps(arrival(id)).encode() for id in "ab"]
    assert offline.run(company(), "arrivals.jsonl", io.BytesIO(b"\n\n".join([good[0], line, good[1]]) + b"\n")) == 1
    out, err = capsys.readouterr()
    assert [json.loads(answer)["id"] for answer in out.splitlines()] == ["a", "b"]
    assert err.startswith("arrivals.jsonl:3: ")
    assert complaint in err
    assert err.count("\n") == 1


def test_the_command_reads_the_files_that_are_named(tmp_path: Path) -> None:
    (tmp_path / "company.toml").write_text(company_text(), "utf-8")
    (tmp_path / "arrivals.jsonl").write_text(json.dumps(arrival("a")) + "\nnonsense\n", "utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "estafeta", "routing", "replay", "company.toml", "arrivals.jsonl"],
        cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60,
        env={"PYTHONPATH": str(Path(__file__).parents[2]), "PATH": ""},
    )  # fmt: skip
    assert done.returncode == 1
    assert json.loads(done.stdout)["to"] == "anna"
    assert "arrivals.jsonl:2: line: this is no JSON" in done.stderr
    assert "no office serves RU-AD" in done.stderr


def test_a_company_that_contradicts_itself_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "company.json").write_text('{"name": "x"}')
    assert offline.main(["replay", str(tmp_path / "company.json"), "-"]) == 2
    assert "home_region: Field required" in capsys.readouterr().err
    assert offline.main(["replay"]) == 2
    assert offline.main(["replay", str(tmp_path / "none"), "-"]) == 2
