"""The words of reports, in both languages."""

from __future__ import annotations

import string

import pytest

from estafeta.report_words import _WORDS, pool_name, span, words_of


def test_both_languages_tell_the_same_facts() -> None:
    def facts(text: str) -> set[str]:
        return {name for _, name, _, _ in string.Formatter().parse(text) if name}

    assert [key for key, (english, russian) in _WORDS.items() if facts(english) != facts(russian)] == []
    assert [key for key, (english, russian) in _WORDS.items() if english == russian] == []


@pytest.mark.parametrize(
    ("seconds", "english", "russian"),
    [(0.04, "0.0 s", "0.0 с"), (89, "89.0 s", "89.0 с"), (90, "2 min", "2 мин"), (5400, "1.5 h", "1.5 ч")],
)
def test_seconds_are_said_as_people_say_them(seconds: float, english: str, russian: str) -> None:
    assert (span(seconds, words_of("en")), span(seconds, words_of("ru"))) == (english, russian)


def test_pools_are_named_as_people_name_them() -> None:
    say = words_of("ru")
    assert pool_name("home", say) == "менеджеры головного офиса"
    assert pool_name("duty:msk", say) == "дежурные, msk"
    assert pool_name("region:spb", say) == "менеджеры, spb"
    assert pool_name("something else", say) == "something else"
