"""The command line: one clear message and an exit code for whatever is typed, and never a traceback."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from estafeta.cli import run
from estafeta.client import line_to_house
from estafeta.house.trouble import HouseTrouble
from estafeta.letters import LetterId, age, letter_id
from estafeta.trouble import Trouble, near

NO_ID = "6f1c2a9e-0d7b-5c3e-9a44-0b1f6c2d7e88"


@pytest.fixture(autouse=True)
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory without a house, and no variable that names another one."""
    for name in ("ESTAFETA_STATE", "ESTAFETA_NATS_URL", "ESTAFETA_NATS_USER", "ESTAFETA_NATS_PASSWORD"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        (["import", "list.csv"], "--campaign"),
        (["import", "list.csv", "--campaign", "X", "--source", "fair"], "fair"),
        (["import", "nothing.csv", "--campaign", "X"], "nothing.csv"),
        (["apply", "nothing.toml"], "nothing.toml"),
        (["explain", "lead", "17"], "is no id of a lead"),
        (["explain", "invoice", NO_ID], "is no thing to explain"),
        (["explain", "lead", NO_ID, "--lang", "de"], "is no language"),
        (["dead", "show", "17"], "names no dead letter"),
        (["dead", "show", "cellar/17"], "is no room"),
        (["dead", "again"], "Which letter"),
        (["dead", "again", "process/1", "--all"], "Which letter"),
        (["dead", "close", "process/1"], "--why"),
        (["dead", "close", "process/1", "--why", " "], "--why is empty"),
        (["touch", "--by", "petrova", "--kind", "call"], "none is named"),
        (["touch", "--by", "petrova", "--kind", "fax", "--process", NO_ID], "is no kind of touch"),
        (["touch", "--kind", "call", "--process", NO_ID], "--by"),
        (["lead", "--company", "X" * 3000], "company"),
        (["lead", "--company", "X", "--country", "Russia"], "default_country"),
        (["dance"], "dance"),
    ],
)
def test_bad_input_is_one_message_and_code_two(typed: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(typed) == 2
    out, err = capsys.readouterr()
    assert said in err
    assert "Traceback" not in out + err


@pytest.mark.parametrize(
    "typed",
    [
        ["status"],
        ["dead"],
        ["lead", "--company", "Ромашка"],
        ["explain", "lead", NO_ID],
        ["touch", "--by", "petrova", "--kind", "call", "--process", NO_ID],
    ],
)
def test_without_a_house_every_command_says_how_to_start_one(
    typed: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(typed) == 1
    assert "estafeta up" in capsys.readouterr().err


def test_a_house_that_does_not_answer_is_told_from_one_that_is_not_there(
    nowhere: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ESTAFETA_NATS_URL", "nats://127.0.0.1:9")
    monkeypatch.setattr("estafeta.client.CONNECT_SECONDS", 0.4)
    assert run(["status"]) == 1
    assert "nats://127.0.0.1:9 does not answer" in capsys.readouterr().err


def test_the_line_to_the_house_comes_from_its_card(nowhere: Path) -> None:
    card = {"nats_url": "nats://127.0.0.1:4222", "operator": {"user": "estafeta_operator", "password": "p"}}
    (nowhere / "house.json").write_text(json.dumps(card))
    line = line_to_house(nowhere)
    assert (line.url, line.user, line.password) == ("nats://127.0.0.1:4222", "estafeta_operator", "p")


def test_the_environment_names_another_bus_before_the_card(nowhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ESTAFETA_NATS_URL", "nats://elsewhere:4222")
    monkeypatch.setenv("ESTAFETA_NATS_USER", "me")
    line = line_to_house(nowhere)
    assert (line.url, line.user, line.password) == ("nats://elsewhere:4222", "me", None)


def test_a_card_that_is_damaged_is_named(nowhere: Path) -> None:
    (nowhere / "house.json").write_text("{")
    with pytest.raises(Trouble, match=r"house\.json is not what"):
        line_to_house(nowhere)


def test_a_missing_card_is_a_trouble_of_the_house(nowhere: Path) -> None:
    with pytest.raises(HouseTrouble, match="No house stands"):
        line_to_house(nowhere)


def test_a_dead_letter_is_named_with_its_room() -> None:
    assert letter_id("process/12") == LetterId("process", 12)
    assert str(LetterId("process", 12)) == "process/12"
    with pytest.raises(Trouble) as refused:
        letter_id("proces/12")
    assert "Did you mean process?" in refused.value.remedy


def test_ages_are_told_in_the_largest_whole_unit() -> None:
    assert [age(seconds) for seconds in (-1, 59, 61, 7200, 200_000)] == ["0 s", "59 s", "1 min", "2 h", "2 d"]


def test_near_words_are_found_whatever_their_case() -> None:
    assert near("PETROWA", ["petrova", "orlov"]) == ["petrova"]
    assert near("qqq", ["petrova", "orlov"]) == []
