"""Which words of a company name tell it from its sister companies, and which say nothing? (MATCHING §2)"""

from __future__ import annotations

import re
from collections.abc import Sequence

from services.intake.rules import data
from services.intake.rules.company_form import Token
from services.intake.rules.script import letter, roman, skeleton

_AND = frozenset({"и", "&", "and", "und", "și", "si"})
_WRAPPERS = frozenset(tuple(line.split()) for line in data.lines("wrappers.txt"))
_LONGEST_WRAPPER = max(map(len, _WRAPPERS))
_WRAPPER_FIRST = frozenset(words[0] for words in _WRAPPERS)
_WRAPPER_LAST = frozenset(words[-1] for words in _WRAPPERS)


def _load_descriptors() -> tuple[dict[str, str], dict[tuple[str, ...], str]]:
    by_sound: dict[str, str] = {}
    phrases: dict[tuple[str, ...], str] = {}
    for short, spellings in data.table("descriptors.tsv", 2):
        for spelling in spellings.split("|"):
            words = tuple(spelling.split())
            if len(words) == 1:
                by_sound.setdefault(skeleton(spelling), short)
            else:
                phrases[tuple(skeleton(word) for word in words)] = short
    return by_sound, phrases


_DESCRIPTORS, _DESCRIPTOR_PHRASES = _load_descriptors()
_PHRASE_FIRST = frozenset(phrase[0] for phrase in _DESCRIPTOR_PHRASES)
_LONGEST_PHRASE = max(map(len, _DESCRIPTOR_PHRASES))


def descriptors_of(parts: Sequence[str]) -> frozenset[str]:
    """The short forms of all descriptors among the skeletons of a name's words."""
    return frozenset([_DESCRIPTORS[part] for part in parts if part in _DESCRIPTORS])


def is_descriptor(word: str) -> bool:
    """Whether a folded word is a descriptor in any script."""
    return skeleton(word) in _DESCRIPTORS


_LETTER_RUNS = re.compile(r"[^\W\d_]+")


def letters_of(words: Sequence[str]) -> list[str]:
    """Single letters that tell companies apart, in Cyrillic; a conjunction between two words is none."""
    letters = []
    last = len(words) - 1
    for place, word in enumerate(words):
        if word.isalpha():
            if len(word) > 4 or (len(word) > 1 and place == 0):
                continue
            if not (word in _AND and 0 < place < last) and not roman(word) and (sign := letter(word)):
                letters.append(sign)
        elif len(word) > 1:
            letters += [sign for run in _LETTER_RUNS.findall(word) if len(run) == 1 and (sign := letter(run))]
    return letters


def take_wrappers(tokens: list[Token], flags: list[str]) -> list[Token]:
    """The name without the words around it that say nothing; one word always remains. Adds the flag `wrapper`."""
    for at_front in (True, False):
        while len(tokens) > 1 and tokens[0 if at_front else -1].word in (_WRAPPER_FIRST if at_front else _WRAPPER_LAST):
            for size in range(min(_LONGEST_WRAPPER, len(tokens) - 1), 0, -1):
                part = tokens[:size] if at_front else tokens[-size:]
                if tuple(token.word for token in part) in _WRAPPERS and not _belongs_to_the_name(
                    tokens, at_front, size
                ):
                    tokens = tokens[size:] if at_front else tokens[:-size]
                    flags.append("wrapper")
                    break
            else:
                break
    return tokens


def _belongs_to_the_name(tokens: Sequence[Token], at_front: bool, size: int) -> bool:
    """Whether the wrapper at the back belongs to the name: «Рассвет, торговая компания», «Смит и компания»."""
    if at_front or len(tokens) <= size:
        return False
    if tokens[-size - 1].word in _AND:
        return True  # «Smith & Co» is two of them
    for length in range(2, min(_LONGEST_PHRASE, len(tokens)) + 1):
        if tuple(skeleton(token.word) for token in tokens[-length:]) in _DESCRIPTOR_PHRASES:
            return True
    return False


def shorten(words: list[str]) -> list[str]:
    """Descriptors written out become their short form: «торговый дом рассвет» → «тд рассвет»."""
    if len(words) < 2:
        return words
    for place, word in enumerate(words[:-1]):
        if skeleton(word) not in _PHRASE_FIRST:
            continue
        for size in range(min(_LONGEST_PHRASE, len(words) - place), 1, -1):
            short = _DESCRIPTOR_PHRASES.get(tuple(skeleton(part) for part in words[place : place + size]))
            if short is not None:
                short = skeleton(short) if word.isascii() else short
                return shorten([*words[:place], short, *words[place + size :]])
    return words
