"""Which legal form does a company name bear? Found at either end of the name, never inside it (MATCHING §2)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
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


def _sizes(end: int) -> dict[str, tuple[int, ...]]:
    """How many words the forms have that begin (`end` 0) or end (-1) with a word, the longest first."""
    sizes: dict[str, set[int]] = {}
    for words in _BY_WORDS:
        sizes.setdefault(words[end], set()).add(len(words))
    return {word: tuple(sorted(counts, reverse=True)) for word, counts in sizes.items()}


_FIRST, _LAST = _sizes(0), _sizes(-1)
BESIDE_A_PERSON = frozenset(
    words[end] for words, forms in _BY_WORDS.items() if any("p" in form.where for form in forms) for end in (0, -1)
)
"""The first and last words of forms that are forms beside a person's name only: whether it is one need not be asked else."""
_LONG_FIRST = tuple({sound[0] for sound in _BY_SOUND})
_LONG_LAST = tuple({sound[-1] for sound in _BY_SOUND})
_OF_LENGTH: dict[int, list[tuple[tuple[str, ...], Form]]] = {}
for _sound, _form in _BY_SOUND.items():
    if len(_sound) > 1:
        _OF_LENGTH.setdefault(len(_sound), []).append((_sound, _form))
_UNMISTAKABLE = frozenset({"ооо", "оао", "зао", "пао", "тоо", "ooo"})
"""These are no words of any language: outside quotes they are the form even in the middle of a name."""
_BEFORE_QUOTES = frozenset({"ао", "нао", "ип", "чуп", "чтуп", "уп", "муп", "гуп", "фгуп", "ано", "llc", "jsc"})
"""These are the form in the middle of a name when the name proper stands behind them in quotes."""


def _fits(form: Form, tokens: Sequence[Token], neighbour: Token | None, person: bool) -> bool:
    """Whether `tokens`, which are the words of `form`, are meant as the form; `neighbour` is the name's word beside them."""
    where = form.where
    if "p" in where and not person:
        return False
    if "q" in where and (neighbour is None or not neighbour.quoted or tokens[0].quoted):
        return False
    written = tokens[0].written
    dotted = tokens[0].dotted or (written[-1].isupper() and any(map(str.islower, written)))  # S.p.A., SpA
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
    count = len(tokens)
    for size in (_FIRST if at_front else _LAST).get(edge.word, ()):
        if size > count:
            continue
        part = tokens[:size] if at_front else tokens[count - size :]
        for form in _BY_WORDS.get(tuple([token.word for token in part]), ()):
            if side in form.where or ("d" in form.where and not at_front):
                neighbour = None if size == count else tokens[size] if at_front else tokens[-size - 1]
                if form.where == "fb" or _fits(form, part, neighbour, person):
                    return form, size, False
    if len(edge.word) <= LONG_WORD or count < SHORTEST_WRITTEN_OUT or not _sounds_like_a_form(edge.word, at_front):
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
        joined = "".join(sounds)
        for phrase, form in _OF_LENGTH.get(size + 1, ()):
            if size > 1 and side in form.where and _nearly(joined, "".join(phrase)):
                return form, size, True  # «обществос ограниченной …»: two of its words grew together
    return None


def find_inside(tokens: Sequence[Token]) -> int | None:
    """Where a form stands in the middle of a name, outside quotes and hyphens: «СП ООО Санта», «Филиал АО «Вектор»»."""
    for place in range(1, len(tokens) - 1):
        token, following = tokens[place], tokens[place + 1]
        if token.quoted or (
            token.word not in _UNMISTAKABLE and not (following.quoted and token.word in _BEFORE_QUOTES)
        ):
            continue
        if "-" not in token.before + following.before:
            return place
    return None


@lru_cache(maxsize=1 << 12)
def _sounds_like_a_form(word: str, at_front: bool) -> bool:
    """Whether a word may be, with its slips, the first or last one of a form written out."""
    words = _LONG_FIRST if at_front else _LONG_LAST
    return process.extractOne(skeleton(word), words, scorer=OSA.distance, score_cutoff=MISSPELT) is not None


def stands_for_itself(token: Token) -> bool:
    """Whether a word is the form wherever it stands outside quotes: ООО, ОАО, ТОО."""
    return token.word in _UNMISTAKABLE and not token.quoted


def form_of(word: str) -> Form | None:
    """The form that a single word means, if it does."""
    forms = _BY_WORDS.get((word,))
    return forms[0] if forms else None


def is_only_a_form(word: str) -> bool:
    """Whether a word is a form whatever stands around it, so that as a whole name it names nobody: «ООО «ООО»»."""
    return any(form.where in ("fb", "f") for form in _BY_WORDS.get((word,), ()))


def _nearly(written: str, meant: str) -> bool:
    if len(meant) < LONG_WORD:
        return written == meant or (len(meant) == 1 and len(written) == 1)
    return OSA.distance(written, meant, score_cutoff=MISSPELT) <= MISSPELT
