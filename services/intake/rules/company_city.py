"""Does a city stand beside a company's name? After «г.», behind the closing quote, after a comma (MATCHING §2)."""

from __future__ import annotations

import re
from collections.abc import Sequence

from services.intake.rules.company_form import Token, stands_for_itself
from services.intake.rules.places import CITY_ENDS, CITY_TOKENS, LONGEST_CITY, PLAIN_CITIES

QUOTES = "«»\"“”„‟‹›″'‘’‚`"
QUOTE = re.compile(f"[{QUOTES}]")
_CITY_STARTS = frozenset(city.partition(" ")[0] for city in PLAIN_CITIES)
_REGION_ENDS = frozenset({"область", "обл", "край", "район"})
_OF_A_CITY = frozenset(
    {"администрация", "мэрия", "дума", "управа", "прокуратура", "суд", "библиотека", "школа", "больница", "поликлиника"}
)
"""A name of one such word says nothing without its city."""
CITY_MARKS = frozenset({"г", "гор", "город"})


def take_city(tokens: list[Token]) -> tuple[list[Token], str]:
    """The name without the city beside it, and the city; the city stays in a name that says nothing without it."""
    rest, city = _split(tokens)
    return (tokens if len(rest) == 1 and rest[0].word in _OF_A_CITY else rest), city


def _split(tokens: list[Token]) -> tuple[list[Token], str]:
    """A city that stands beside the name: after «г.», after a comma, or behind the closing quote; never a part of the name."""
    if tokens[0].word in CITY_MARKS and len(tokens) > 2 and "." in tokens[1].before:
        for size in range(min(LONGEST_CITY, len(tokens) - 2), 0, -1):
            city = " ".join(token.word for token in tokens[1 : 1 + size])
            if city in CITY_TOKENS:
                return tokens[1 + size :], city
    if tokens[0].word in _CITY_STARTS and len(tokens) > 2:
        for size in range(min(LONGEST_CITY, len(tokens) - 2), 0, -1):
            city = " ".join(token.word for token in tokens[:size])
            if city in PLAIN_CITIES and stands_for_itself(tokens[size]):
                return tokens[size:], city
    if tokens[-1].word in _REGION_ENDS and len(tokens) > 2 and not tokens[-2].quoted and tokens[-3].quoted:
        return tokens[:-2], ""
    if tokens[-1].word not in CITY_ENDS and not any(token.word in CITY_MARKS for token in tokens):
        return tokens, ""
    for size in range(min(LONGEST_CITY, len(tokens) - 1), 0, -1):
        part = tokens[-size:]
        city = " ".join(token.word for token in part)
        marked = tokens[-size - 1].word in CITY_MARKS and len(tokens) > size + 1
        if city in CITY_TOKENS:
            if marked:
                return _without_preposition(tokens[: -size - 1]), city
            apart = "," in part[0].before or QUOTE.search(part[0].before)
            if apart and not part[0].quoted and city in PLAIN_CITIES:
                return tokens[:-size], city
        elif marked and "." in part[0].before and size <= 3 and _names_a_place(part):
            return tokens[: -size - 1], city
    return tokens, ""


def _without_preposition(tokens: list[Token]) -> list[Token]:
    """«Филиал Рассвет в г. Казань» ends before its «в»."""
    return tokens[:-1] if len(tokens) > 1 and tokens[-1].word in ("в", "во", "in") else tokens


def _names_a_place(part: Sequence[Token]) -> bool:
    return len(part[0].word) > 2 and all(token.written[0].isupper() or "-" in token.before for token in part)
