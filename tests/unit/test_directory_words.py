"""Who was it then, in words: the answer of routing told to people, in English and in Russian."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from estafeta.cli import run
from estafeta.explain_words import Language
from estafeta.who import _WORDS, told

THEN = datetime(2026, 11, 3, 8, tzinfo=UTC)
MOSCOW = ZoneInfo("Europe/Moscow")
ANNA, BORIS = {"id": "anna", "name": "Анна"}, {"id": "boris", "name": "Борис"}
OFFICE: dict[str, Any] = {
    "id": "msk",
    "name": "Москва",
    "regions": ["RU-MOS", "RU-MOW"],
    "rostered": True,
    "head": {"id": "head", "name": "Глава"},
    "on_duty": [ANNA, BORIS],
    "absent": [{**BORIS, "reason": "vacation", "until": "2026-11-10T21:00:00+00:00"}],
    "staff": [{**ANNA, "notice": True}, {**BORIS, "notice": False}],
}
REGION: dict[str, Any] = {
    "code": "RU-MOW",
    "office": "msk",
    "home": True,
    "assumed": False,
    "by": "roster",
    "takers": [ANNA],
    "passed": [{**BORIS, "why": "absent", "why_ru": "отсутствует"}],
    "answers": None,
}
LATER = {"kind": "absence", "name": "Анна", "reason": "sick", "entered_at": "2026-11-04T07:00:00+00:00"}
ANSWER: dict[str, Any] = {
    "history_from": "2026-11-01T09:00:00+00:00",
    "in_force": {"version": 3, "since": "2026-11-02T09:00:00+00:00"},
    "offices": [OFFICE, {**OFFICE, "id": "spb", "name": "СПб"}],
    "region": REGION,
    "later": [LATER],
}


def say(answer: dict[str, Any], lang: Language, office: str | None = None) -> list[str]:
    return told(answer, THEN, MOSCOW, office, _WORDS[lang], lang)


def test_a_moment_is_told_whole_by_the_clock_of_the_company() -> None:
    assert say(ANSWER, "en") == [
        "On 2026-11-03 11:00 (Europe/Moscow): version 3 of the directory was in force, since 2026-11-02 12:00.",
        "RU-MOW: office Москва (home region), calls and site leads go by the duty roster.",
        "  received net-new leads: Анна",
        "  did not: Борис (absent)",
        "Москва (msk): RU-MOS, RU-MOW",
        "  head: Глава",
        "  on duty: Анна, Борис",
        "  absent: Борис (vacation, until 2026-11-11 00:00)",
        "  under notice: Анна",
        "Entered afterwards, on 2026-11-04 10:00: Анна was absent then (sick).",
    ]


def test_it_is_told_in_russian_with_the_reasons_in_russian() -> None:
    lines = say({**ANSWER, "region": {**REGION, "takers": [], "answers": BORIS}}, "ru")
    assert lines[0] == "2026-11-03 11:00 (Europe/Moscow): действовала версия 3 справочника, с 2026-11-02 12:00."
    assert lines[2:5] == ["  получать было некому", "  не получал: Борис (отсутствует)", "  за очередь отвечал: Борис"]
    assert _WORDS["ru"].keys() == _WORDS["en"].keys()


def test_without_a_region_every_office_is_told_and_one_alone_if_it_is_named() -> None:
    whole = {**ANSWER, "region": None, "later": []}
    assert [line for line in say(whole, "en") if line.endswith("RU-MOW")] == [
        "Москва (msk): RU-MOS, RU-MOW",
        "СПб (spb): RU-MOS, RU-MOW",
    ]
    assert [line for line in say(whole, "en", "spb") if line.endswith("RU-MOW")] == ["СПб (spb): RU-MOS, RU-MOW"]


def test_what_is_not_known_is_said_so() -> None:
    nothing = {**ANSWER, "in_force": None, "offices": [], "region": None, "later": []}
    assert say(nothing, "en") == [
        "Nothing is known of 2026-11-03 11:00: the directory is known since 2026-11-01 12:00."
    ]
    assert say({**nothing, "history_from": None}, "en") == ["No company file has been applied yet."]
    unserved = {**REGION, "code": "RU-PRI", "office": None, "by": "nobody", "takers": [], "passed": [], "answers": ANNA}
    assert say({**ANSWER, "region": unserved, "later": []}, "en")[1:3] == [
        "RU-PRI: no office served it.",
        "  answered for the queue: Анна",
    ]


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        (["roster", "check", "--weeks", "0"], "--weeks"),
        (["roster", "make"], "Missing argument"),
        (["roster", "import", "msk"], "Missing argument"),
        (["roster", "check", "--lang", "de"], "is no language"),
        (["who", "--lang", "de"], "is no language"),
        (["absence", "anna", "--from", "2026-12-01"], "--to"),
        (["staff", "change", "anna", "--weight", "much"], "--weight"),
    ],
)
def test_what_cannot_be_meant_is_one_message_and_code_two(
    typed: list[str], said: str, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(typed) == 2
    out, err = capsys.readouterr()
    assert said in err
    assert "Traceback" not in out + err
