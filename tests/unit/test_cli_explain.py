"""An explanation in plain words: keys, weights, candidates, conflicts, the ledger, the excluded, the deadline."""

from __future__ import annotations

import string
from typing import Any

import pytest

from estafeta.explain import Story, language
from estafeta.explain_words import _WORDS, Words
from estafeta.trouble import Trouble
from shared.words import Outcome, Source, Stage, TaskKind, TouchKind, TouchResult

DIRECTORY = {
    "company": {"name": "Насосы", "time_zone": "Europe/Moscow"},
    "offices": [{"id": "ekb", "time_zone": "Asia/Yekaterinburg"}],
    "staff": [
        {"id": "petrova", "name": "Петрова Анна", "office": "ekb", "active": True},
        {"id": "orlov", "name": "Орлов Пётр", "office": "ekb", "active": True},
    ],
}
EVIDENCE = {"key": "name", "level": "exact", "lead": "ромашка", "client": "ромашка", "weight": 9.4, "df": 3}
KNOWN: dict[str, Any] = {
    "found": True,
    "lead": {
        "id": "lead-1",
        "source": "event",
        "campaign": "ПромЭкспо",
        "submitter": "orlov",
        "file_name": "list.xlsx",
        "sheet": "Участники",
        "row": 12,
        "received_at": "2026-11-21T10:00:00+00:00",
        "raw": {"company": "ООО «Ромашка»", "phone": "+7 495 123-45-67"},
        "keys": {
            "company": {"core": "ромашка"},
            "phones": [{"local": "1234567", "e164": "+74951234567"}],
            "mailboxes": [{"email": "a@romashka.ru", "domain": "romashka.ru"}],
        },
    },
    "decision": {
        "outcome": "possible",
        "rule": "P-reach",
        "because": "a phone, an e-mail or the site agrees, and no more than that",
        "score": 9.4,
        "evidence": [EVIDENCE],
        "candidates": [
            {
                "client_id": "card-2",
                "name": "Ромашка-Юг",
                "for_review": True,
                "rule": "P-conflict",
                "score": 4.0,
                "conflicts": ["numbers"],
                "evidence": [{**EVIDENCE, "level": "typo", "client": "ромашк", "df": 1}],
            }
        ],
        "flags": ["phone_repaired"],
        "norm_is_current": True,
    },
    "client": {"id": "card-1", "name": "Ромашка", "region": "RU-SVE", "region_by": "city", "curator": "orlov"},
}
DECISION: dict[str, Any] = {
    "lead_id": "lead-1",
    "rule": "R1-37",
    "reason": "From an event list: shared evenly.",
    "reason_ru": "Из списка с мероприятия: делится поровну.",
    "receiver": "petrova",
    "candidates": [
        {"id": "petrova", "weight": 1.0, "owed_before": 0.5, "owed_after": -0.25},
        {"id": "orlov", "weight": 0.5, "owed_before": -0.5, "owed_after": -0.25},
    ],
    "excluded": [{"id": "ivanov", "why": "has left", "why_ru": "больше не работает"}],
    "ledger": {"pool": "home"},
}
SALE: dict[str, Any] = {
    "found": True,
    "process": {"id": "sale-1", "stage": "opened", "manager": "petrova", "closed_at": None},
    "tasks": [
        {"id": "task-1", "kind": "call", "manager": "petrova", "note": "насосы", "is_open": True},
        {"id": "task-0", "kind": "offer", "manager": "petrova", "note": "", "is_open": False},
    ],
    "to_close": [{"to": "contacted"}, {"to": "won"}],
}
DEADLINES = {
    "deadlines": [
        {
            "task_id": "task-1",
            "manager": "petrova",
            "due_at": "2026-11-25T07:00:00+00:00",
            "by_rule": "SLA",
            "state": "open",
            "steps": [{"step": "due", "at": "2026-11-25T07:00:00+00:00", "told_at": None, "tells": None}],
        }
    ]
}


def told(lang: str, *parts: str) -> str:
    story = Story(language(lang), DIRECTORY)
    lines = {
        "recognition": lambda: story.recognition(KNOWN),
        "routing": lambda: story.routing({"decisions": [DECISION]}),
        "sale": lambda: story.sale(SALE, DEADLINES),
    }
    return "\n".join(line for part in parts for line in lines[part]())


@pytest.mark.rule("R1-40")
def test_the_card_is_explained_by_keys_weights_candidates_and_conflicts() -> None:
    text = told("en", "recognition")
    for fact in (
        "ООО «Ромашка»",
        "file list.xlsx, sheet Участники, row 12",
        "brought by Орлов Пётр (orlov)",
        "(P-reach)",
        "+9.4  ромашка (equal; held by 3 cards)",
        "phone: 1234567 (+74951234567)",
        "domain: romashka.ru",
        "Ромашка-Юг (card-2): +4.0, P-conflict, for a person to decide",
        "but: numbers",
        "ромашка ~ ромашк (equal but for a slip of the pen; held by one card)",
        "region: RU-SVE, by the city",
        "phone repaired",
    ):
        assert fact in text


@pytest.mark.rule("G6")
def test_the_manager_is_explained_by_rule_shares_and_who_was_excluded() -> None:
    text = told("en", "routing")
    for fact in (
        "Петрова Анна (petrova), by rule R1-37",
        "From an event list",
        "Петрова Анна (petrova): weight 1, owed +0.50 before, -0.25 after ← receives",
        "Орлов Пётр (orlov): weight 0.5",
        "ivanov: has left",
    ):
        assert fact in text


def test_the_sale_shows_its_task_with_the_deadline_by_the_office_clock() -> None:
    text = told("en", "sale")
    assert "next: call, by Петрова Анна (petrova) (насосы)" in text
    assert "deadline 2026-11-25 12:00 +05 (SLA, open)" in text
    assert "offer" not in text
    assert "to win it: contacted → won" in text


def test_russian_is_russian() -> None:
    text = told("ru", "recognition", "routing", "sale")
    for fact in (
        "Почему эта карточка",
        "совпадает телефон, почта или сайт",
        "больше не работает",
        "делится поровну",
        "срок",
    ):
        assert fact in text
    assert "because" not in text


@pytest.mark.parametrize(("lang", "expected"), [("ru_RU.UTF-8", "ru"), ("en_GB.UTF-8", "en"), ("C", "en"), ("", "en")])
def test_the_language_is_the_terminals_unless_asked(lang: str, expected: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LC_ALL", "LC_MESSAGES"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LANG", lang)
    assert language(None).language == expected
    assert language("ru").language == "ru"
    with pytest.raises(Trouble):
        language("de")


@pytest.mark.parametrize("words", [Outcome, Source, Stage, TaskKind, TouchKind, TouchResult])
def test_every_word_of_the_language_is_known_in_russian(words: type[Any]) -> None:
    assert [word for word in words if word not in _WORDS] == []


@pytest.mark.rule("R2-23")
@pytest.mark.rule("R1-28")
def test_an_explanation_tells_of_moves_and_of_the_meeting_by_the_office_clock() -> None:
    move = {
        "at": "2026-11-24T07:00:00+00:00", "kind": "dismissal", "receiver": "orlov", "rule": "R1-37", "state": "left",
        "left_because": "touched since", "reason": "dismissal", "before": {"open_with": "petrova", "curator": None},
    }  # fmt: skip
    older = {**move, "at": "2026-11-20T07:00:00+00:00", "kind": "transfer", "rule": "named", "state": "followed"}
    story = Story(language("en"), DIRECTORY)
    first, second = story.moves({"moves": [move, older]})[2:]
    assert "2026-11-20" in first
    assert "transfer: Петрова Анна (petrova) → Орлов Пётр (orlov) (named; dismissal)" in first
    assert second.endswith("(R1-37; dismissal); not taken back: touched since")
    assert story.moves({"moves": []}) == []
    meeting = ["2026-11-25T05:00:00+00:00", "2026-11-25T06:30:00+00:00"]
    other = {"id": "petrova", "why": "…", "code": "meeting", "from": meeting[0], "until": meeting[1]}
    lines = story.routing({"decisions": [{**DECISION, "meeting": meeting, "excluded": [other]}]})
    assert any("has another meeting from 2026-11-25 10:00 +05 to" in line for line in lines)
    assert any("the meeting: 2026-11-25 10:00 +05 to 2026-11-25 11:30 +05" in line for line in lines)


def test_both_languages_tell_the_same_facts() -> None:
    def facts(text: str) -> set[str]:
        return {name for _, name, _, _ in string.Formatter().parse(text) if name}

    assert [key for key, (english, russian) in _WORDS.items() if facts(english) != facts(russian)] == []


def test_a_word_nobody_knows_comes_through_as_it_is() -> None:
    assert Words("ru")("brand_new_thing") == "brand new thing"
