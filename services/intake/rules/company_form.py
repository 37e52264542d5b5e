"""Which legal form does a company name bear? Found at either end of the name, never inside it (MATCHING §2)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from rapidfuzz import process
from rapidfuzz.distance import OSA

from services.intake.rules import data
from services.intake.rules.script import skeleton

MISSPELT = 2
"""So many slips are forgiven in each long word of a form written out."""
LONG_WORD = 6
SHORTEST_WRITTEN_OUT = 3
"""A form written out has two words at least, and then comes the name."""


class Token(NamedTuple):
    """One word of a company name: as written, folded, what stands before it, and whether it is inside the quotes."""

    written: str
    word: str
    before: str = ""
    quoted: bool = False
    dotted: bool = False


@dataclass(frozen=True, slots=True)
class Form:
    """A way to write a legal form: `kind` is LLC, JSC, IP …; `country` is empty when many countries have it."""

    kind: str
    country: str
    where: str
    words: tuple[str, ...]


def _load() -> tuple[dict[tuple[str, ...], list[Form]], dict[tuple[str, ...], Form]]:
    by_words: dict[tuple[str, ...], list[Form]] = {}
    by_sound: dict[tuple[str, ...], Form] = {}
    for kind, country, where, phrase in data.table("legal_forms.tsv", 4):
        words = tuple(phrase.split())
        form = Form(kind, "" if country == "-" else country, where, words)
        by_words.setdefault(words, []).append(form)
        if any(len(word) > LONG_WORD for word in words):
            by_sound.setdefault(tuple(skeleton(word) for word in words), form)
    return by_words, by_sound


_BY_WORDS, _BY_SOUND = _load()
_LONGEST = max(map(len, _BY_WORDS))
_FIRST, _LAST = frozenset(words[0] for words in _BY_WORDS), frozenset(words[-1] for words in _BY_WORDS)
_LONG_FIRST = tuple({sound[0] for sound in _BY_SOUND})
_LONG_LAST = tuple({sound[-1] for sound in _BY_SOUND})
_OF_LENGTH: dict[int, list[tuple[tuple[str, ...], Form]]] = {}
for _sound, _form in _BY_SOUND.items():
    if len(_sound) > 1:
        _OF_LENGTH.setdefault(len(_sound), []).append((_sound, _form))
_UNMISTAKABLE = frozenset({"ооо", "оао", "зао", "пао", "тоо", "ooo"})
"""These are no words of any language: outside quotes they are the form even in the middle of a name."""


def _fits(form: Form, tokens: Sequence[Token], person: bool) -> bool:
    where = form.where
    if "p" in where and not person:
        return False
    dotted = tokens[0].dotted
    if "u" in where and not dotted and not all(token.written.isupper() for token in tokens):
        return False
    return "d" not in where or dotted or len(tokens) > 1


def may_be_form(token: Token, at_front: bool, count: int) -> bool:
    """Whether it is worth looking for a form at this end of a name of `count` words: most ends are only names."""
    return token.word in (_FIRST if at_front else _LAST) or (
        len(token.word) > LONG_WORD and count >= SHORTEST_WRITTEN_OUT
    )


def find_form(tokens: Sequence[Token], at_front: bool, person: bool) -> tuple[Form, int, bool] | None:
    """The longest form at the front or back of `tokens`: the form, its number of words, and whether it was misspelt.

    `person` says that the rest of the name reads like a person's, which makes «IP» and «ЧП» a sole trader.
    """
    edge = tokens[0] if at_front else tokens[-1]
    side = "f" if at_front else "b"
    if edge.word in (_FIRST if at_front else _LAST):
        for size in range(min(_LONGEST, len(tokens)), 0, -1):
            part = tokens[:size] if at_front else tokens[-size:]
            for form in _BY_WORDS.get(tuple(token.word for token in part), ()):
                written_here = side in form.where or ("d" in form.where and not at_front)
                if written_here and _fits(form, part, person):
                    return form, size, False
    if len(edge.word) <= LONG_WORD or len(tokens) < SHORTEST_WRITTEN_OUT:
        return None
    if (
        process.extractOne(
            skeleton(edge.word), _LONG_FIRST if at_front else _LONG_LAST, scorer=OSA.distance, score_cutoff=MISSPELT
        )
        is None
    ):
        return None
    for size in range(min(_LONGEST, len(tokens)), 0, -1):
        part = tokens[:size] if at_front else tokens[-size:]
        sounds = tuple(skeleton(token.word) for token in part)
        exact = _BY_SOUND.get(sounds)
        if exact and side in exact.where:
            return exact, size, False
        for phrase, form in _OF_LENGTH.get(size, ()):
            if side in form.where and all(map(_nearly, sounds, phrase)):
                return form, size, True
    return None


def find_inside(tokens: Sequence[Token]) -> int | None:
    """Where an unmistakable form stands in the middle of a name, outside quotes and hyphens: «СП ООО Санта»."""
    for place in range(1, len(tokens) - 1):
        token, following = tokens[place], tokens[place + 1]
        if token.word in _UNMISTAKABLE and not token.quoted and "-" not in token.before + following.before:
            return place
    return None


def form_of(word: str) -> Form | None:
    """The form that a single word always means, if it does."""
    forms = _BY_WORDS.get((word,))
    return forms[0] if forms else None


def _nearly(written: str, meant: str) -> bool:
    if len(meant) < LONG_WORD:
        return written == meant or (len(meant) == 1 and len(written) == 1)
    return OSA.distance(written, meant, score_cutoff=MISSPELT) <= MISSPELT
