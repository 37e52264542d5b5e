"""Which surname stands in a contact cell? Folded so that husband, wife and transliteration agree (key 2, MATCHING §3)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from services.intake.rules import data
from services.intake.rules.keys import Surname
from services.intake.rules.placeholder import is_placeholder
from services.intake.rules.script import clean, first_letter, fold, lower, repair_look_alikes, skeleton

_FIRST_NAMES = frozenset(lower(name) for name in data.words("first_names.txt"))
_SOUNDS_OF_NAMES = frozenset(skeleton(name) for name in _FIRST_NAMES if not name.isascii())
_SURNAMES = frozenset(skeleton(lower(name)) for name in data.words("surnames.txt"))
_POSITIONS = frozenset(fold(word) for word in data.words("positions.txt"))
_SONS = data.word_set("sons")
_PARTICLES = data.word_set("particles")
_DIGRAPHS = data.word_set("digraphs")
_STEMS = data.word_set("patronymic_stems")

_PERSONS = re.compile(r"[;\n\r/|]+|\s(?:и|and|&|\+)\s")
_BRACKETS = re.compile(r"\([^()]*\)?|\[[^\[\]]*\]?")
_NOISY = re.compile(r"[@\d]|www\.")
_NOISE = re.compile(r"\S*@\S*|(?:https?://|www\.)\S+|\+?\d[\d\s().-]*")
_GLUED_INITIALS = re.compile(r"(?<=[а-яёa-z])(?=[А-ЯЁA-Z]\.)")
_DEGREE = re.compile(r"\b[кд]\.\s?[а-я]{1,4}\.(?:-?[а-я]{1,3}\.)?\s?н\.?(?!\w)", re.IGNORECASE)
_LOOSE_HYPHEN = re.compile(r"([^\W\d_]{4,})\s+[-–—]\s+([^\W\d_]{4,})|([^\W\d_]{4,})(?:\s[-–—]|[-–—]\s)([^\W\d_]{4,})")
_WORD = re.compile(r"[^\W\d_]+(?:[-‐‑–'’ʼ`][^\W\d_]+)*\.?")
_DASHES = re.compile("[‐‑–]")
_APOSTROPHE = ("'", "’", "ʼ", "`")
_APOSTROPHES = re.compile("['’ʼ`]")
_FEMALE_PATRONYMIC = ("овна", "евна", "ична", "ovna", "evna", "ichna")
_MALE_PATRONYMIC = ("ович", "евич", "ьич", "ovich", "evich", "yich", "iich")
_RARE_PATRONYMICS = frozenset(
    {"ильич", "лукич", "кузьмич", "фомич", "никитич", "ilyich", "ilich", "kuzmich", "lukich", "fomich"}
)
_STEM_END = re.compile(r"(?:[ое]вич|ovich|y?evich|ьич|yich|iich)$")
_TELLING = tuple(data.words("surname_endings.txt"))
SHORT_STEM = 2
"""A feminine ending is folded only from a stem of so many letters: «Сова» is not the wife of «Сов»."""
SHORT_SURNAME = 4
"""A word of so few letters has no telling ending: «Лев» does not end in -ев."""


class _Word(NamedTuple):
    text: str
    folded: str
    initial: bool
    is_name: bool
    is_patronymic: bool
    is_of_a_name: bool
    is_son: bool
    is_position: bool
    is_capital: bool
    is_titled: bool
    is_pair: bool


def normalise(raw: str) -> tuple[tuple[Surname, ...], tuple[str, ...]]:
    """The surnames of all persons in `raw`, each once; a cell without a surname gives none. Flags: look_alikes, several."""
    if not raw or is_placeholder(raw):
        return (), ()
    flags: tuple[str, ...] = ()
    text = clean(raw)
    repaired = repair_look_alikes(text)
    if repaired != text:
        flags = ("look_alikes",)
        text = repaired
    if "(" in text or "[" in text:
        text = _BRACKETS.sub(" ", text)
    if _NOISY.search(text):
        text = _NOISE.sub(" ", text)
    if "." in text:
        text = _GLUED_INITIALS.sub(" ", _DEGREE.sub(" ", text)).strip(" ,")
    if "- " in text or " -" in text or "–" in text or "—" in text:
        text = _LOOSE_HYPHEN.sub(_join_double, text)
    found: dict[str, Surname] = {}
    for part in _PERSONS.split(text):
        for place, piece in enumerate(_at_commas(part)):
            words = _words(piece)
            if words and (place == 0 or _shows_a_person(words)) and (surname := _surname(words)):
                found.setdefault(surname.key, surname)
    return tuple(found.values()), flags if len(found) < 2 else (*flags, "several")


def _join_double(match: re.Match[str]) -> str:
    """«Римский - Корсаков» is one surname; «Иванов - директор» is a surname and what he is."""
    one, other = (word for word in match.groups() if word)
    folded, second = lower(one), lower(other)
    both = _looks_like_a_surname(folded) and _looks_like_a_surname(second)
    if not both or folded in _POSITIONS or second in _POSITIONS or second in _FIRST_NAMES or not other[0].isupper():
        return match.group()
    return f"{one}-{other}"


def fold_surname(word: str) -> str:
    """A folded surname in its masculine form, each part of a double one by itself: `белозерская` → `белозерский`."""
    return "-".join(map(_masculine, word.split("-"))) if "-" in word else _masculine(word)


def surname_skeleton(key: str) -> str:
    """The skeleton of a folded surname; «-ой» and «-ый», which transliteration and gender confuse, are one."""
    parts = [
        f"{part[:-2]}ый" if len(part) > SHORT_SURNAME and part.endswith(_STRESSED_ENDS) else part
        for part in key.split("-")
    ]
    return "-".join([skeleton(_as_russians_spell(part)) for part in parts])


_STRESSED_ENDS = ("ой", "oy", "oi", "oj")
_FOREIGN = str.maketrans({"ț": "ts", "ţ": "ts", "ș": "sh", "ş": "sh", "ü": "yu", "ö": "e", "ä": "e"})
_FOREIGN_SOUNDS = (
    (re.compile("^ci(?=[aou])"), "ch"),  # Ciobanu, Чобану
    (re.compile("^ce|c(?=enco$)"), lambda match: f"ch{match.group()[1:]}"),  # Ceban, Șevcenco
    (re.compile("gh(?=[ei])"), "g"),  # Gheorghiu
    (re.compile("eanu$"), "ianu"),  # Munteanu, Мунтяну
    (re.compile("ecov$"), "etsov"),  # Kuznecov
    (re.compile("(?<=[rln])z$"), "ts"),  # Schwarz, Шварц
)


def _as_russians_spell(part: str) -> str:
    """A Latin surname with what Romanian, German and the older transliterations spell otherwise."""
    if not ("a" <= part[:1] <= "z" or part[:1] in "țţșşüöä"):
        return part
    part = part.translate(_FOREIGN)
    for spelled, sound in _FOREIGN_SOUNDS:
        part = spelled.sub(sound, part)
    return part


def reads_like_a_person(words: Sequence[str]) -> bool:
    """Whether the folded words of a company name are a person's: surname with initials, first name or patronymic."""
    if not 2 <= len(words) <= 4 or not all(word.isalpha() for word in words):
        return False
    long = [word for word in words if len(word) > 1 and word not in _DIGRAPHS]
    if not long:
        return False
    if len(long) == 2 and len(words) == 4 and all(map(_looks_like_a_surname, long)):
        return True  # «Иванова-Петрова А.А.»
    return (len(long) == 1 < len(words)) or any(_is_first_name(word) or _is_patronymic(word) for word in long)


def given_of_trader(words: Sequence[str]) -> tuple[int, tuple[str, ...]]:
    """Where the surname stands in a sole trader's name, and the initials of the rest, in Cyrillic, in order."""
    marked = [_word(word, False)._replace(initial=len(word) == 1 or word in _DIGRAPHS) for word in words]
    surname = _choose([word for word in marked if not word.initial], sum(word.initial for word in marked))
    place = next((place for place, word in enumerate(marked) if word is surname), 0)
    given = [word for number, word in enumerate(words) if number != place and word not in _SONS]
    if len(given) > 2:  # the other half of a double surname is no first name
        sure = [word for word in given if len(word) == 1 or _is_first_name(word) or _is_patronymic(word)]
        given = sure if len(sure) > 1 else given
    return place, tuple(map(first_letter, given[:2]))


def _at_commas(part: str) -> list[str]:
    """Pieces between commas; «Demin, Roman» is one person, «Иванов И.И., главный инженер» is one with his position."""
    if "," not in part:
        return [part]
    pieces = part.split(",")
    first, second = _words(pieces[0]), _words(pieces[1])
    only_given = bool(second) and all(word.initial or word.is_name or word.is_patronymic for word in second)
    if len(first) == 1 and not first[0].initial and only_given:
        return [f"{pieces[0]} {pieces[1]}", *pieces[2:]]
    return pieces


@lru_cache(maxsize=1 << 12)
def _word(written: str, dotted: bool) -> _Word:
    """What one word can be. Names repeat much, so each is judged once."""
    folded = lower(written)
    if not folded.isalpha():
        folded = _APOSTROPHES.sub("", _DASHES.sub("-", folded))
    short = len(written) == 1 or (dotted and len(written) <= 4 and folded in _DIGRAPHS)
    patronymic = _is_patronymic(folded)
    return _Word(
        text=written,
        folded=folded,
        initial=short,
        is_name=_is_first_name(folded),
        is_patronymic=patronymic,
        is_of_a_name=patronymic and skeleton(folded) not in _SURNAMES and _made_of_a_name(folded),
        is_son=folded in _SONS,
        is_position=not short and (folded in _POSITIONS or (folded in _PARTICLES and written.islower())),
        is_capital=written[0].isupper() or (written[1:2] in _APOSTROPHE and written[2:3].isupper()),  # д'Артаньян
        is_titled=len(written) > 2 and written[0].isupper() and not written.isupper(),
        is_pair=len(written) == 2 and written.isupper(),
    )


def _words(text: str) -> list[_Word]:
    """The words that may be names: titles and positions dropped, and with them «отдела продаж» and its like."""
    words = [
        word
        for written in _WORD.findall(text)
        if not (word := _word(written[:-1], True) if written[-1] == "." else _word(written, False)).is_position
    ]
    if any(word.is_capital for word in words):
        if not all(word.is_capital for word in words):
            words = [word for word in words if word.is_capital or word.is_son]
        if any(word.is_pair for word in words) and any(word.is_titled for word in words):
            words = [word._replace(initial=True) if word.is_pair else word for word in words]
    return words


def _is_first_name(word: str) -> bool:
    return word in _FIRST_NAMES or (word.isascii() and skeleton(word) in _SOUNDS_OF_NAMES)


def _is_patronymic(word: str) -> bool:
    return word in _RARE_PATRONYMICS or (len(word) > 5 and word.endswith(_FEMALE_PATRONYMIC + _MALE_PATRONYMIC))


def _made_of_a_name(patronymic: str) -> bool:
    """Whether a word in -вич comes of a known first name, so that it may be a patronymic and not «Мицкевич»."""
    if patronymic in _RARE_PATRONYMICS or patronymic.endswith(_FEMALE_PATRONYMIC):
        return True
    stem = _STEM_END.sub("", patronymic)
    sound = skeleton(stem)
    if stem in _STEMS:
        return True
    return any(form in _SOUNDS_OF_NAMES for form in (sound, f"{sound}i", f"{sound}a", f"{sound}ei")) or sound.endswith(
        "i"
    )


def _shows_a_person(words: Sequence[_Word]) -> bool:
    return any(word.initial or word.is_name or word.is_patronymic for word in words) and any(
        not word.initial for word in words
    )


def _surname(words: list[_Word]) -> Surname | None:
    long = [word for word in words if not word.initial]
    chosen = _choose(long, len(words) - len(long))
    if chosen is None:
        return None
    key, sound = _key(chosen.folded)
    return Surname(key, sound, " ".join([word.text for word in words if word is not chosen]))


@lru_cache(maxsize=1 << 12)
def _key(folded: str) -> tuple[str, str]:
    key = fold_surname(folded)
    return key, surname_skeleton(key)


def _choose(words: list[_Word], initials: int) -> _Word | None:
    """The word that is the surname; a first name or a patronymic alone is none.

    Of two unknown words it is the first, unless only the second looks like a surname.
    """
    if len(words) > 1 and any(word.is_son for word in words):
        words = _without_sons(words)
    names: list[_Word] = []
    unknown: list[_Word] = []
    patronymics = 0
    for place, word in enumerate(words):
        if word.is_name:
            names.append(word)
        elif word.is_patronymic and len(words) > 2 and place and words[place - 1].is_name:
            patronymics += 1
        elif word.is_of_a_name and (place or len(words) + initials == 1 or word.folded.endswith(_FEMALE_PATRONYMIC)):
            patronymics += 1  # «Роман Абрамович»; but «Абрамович Роман» leads with a surname, and -вна is never one
        else:
            unknown.append(word)
    if unknown:
        if len(unknown) == 1:
            return unknown[0]
        return next((word for word in unknown if _looks_like_a_surname(word.folded)), unknown[0])
    if len(names) > 1:
        if patronymics:
            return names[0]
        return next((word for word in names if skeleton(word.folded) in _SURNAMES), None)
    return names[0] if names and initials > 1 else None


def _without_sons(words: list[_Word]) -> list[_Word]:
    """«Магомед оглы» is a patronymic of two words."""
    kept: list[_Word] = []
    for word in words:
        if not word.is_son:
            kept.append(word)
        elif len(kept) > 1:
            kept.pop()
    return kept


def _looks_like_a_surname(word: str) -> bool:
    return (len(word) > SHORT_SURNAME and word.endswith(_TELLING)) or skeleton(word) in _SURNAMES


_FEMININE = (
    ("ская", "ский"), ("цкая", "цкий"), ("ська", "ський"), ("цька", "цький"),
    ("ова", "ов"), ("ева", "ев"), ("ина", "ин"), ("ына", "ын"),
    ("няя", "ний"),
    ("кая", "кий"), ("гая", "гий"), ("хая", "хий"), ("жая", "жий"), ("шая", "ший"), ("чая", "чий"), ("щая", "щий"),
    ("ая", "ый"),
    ("skaya", "skiy"), ("skaia", "skiy"), ("skaja", "skiy"),
    ("ska", "ski"), ("cka", "cki"), ("ová", ""),
    ("ova", "ov"), ("eva", "ev"), ("ina", "in"), ("yna", "yn"), ("aya", "yy"),
)  # fmt: skip
_STRESSED = dict(data.table("stressed_surnames.tsv", 2))
_ENDS_IN_A = ("а", "я", "a", "á")


def _masculine(part: str) -> str:
    if not part.endswith(_ENDS_IN_A):
        return part
    if part in _STRESSED:
        return _STRESSED[part]
    for feminine, masculine in _FEMININE:
        if part.endswith(feminine) and len(part) - len(feminine) >= SHORT_STEM:
            return part[: -len(feminine)] + masculine
    return part
