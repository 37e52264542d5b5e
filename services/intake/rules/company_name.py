"""What is a company called, without its legal form, and what tells it from its sister companies? (key 1, MATCHING §2)"""

from __future__ import annotations

import html
import re
from collections.abc import Sequence

from services.intake.rules.company_form import Form, Token, find_form, find_inside, form_of, may_be_form
from services.intake.rules.company_words import descriptors_of, is_descriptor, letters_of, shorten, take_wrappers
from services.intake.rules.keys import CompanyName
from services.intake.rules.person_name import given_of_trader, reads_like_a_person
from services.intake.rules.placeholder import is_placeholder
from services.intake.rules.places import CITY_ENDS, CITY_TOKENS, LONGEST_CITY, PLAIN_CITIES
from services.intake.rules.script import clean, lower, repair_look_alikes, skeleton

_APOSTROPHES = ("'", "’", "ʼ", "`", "´")
_APOSTROPHE = re.compile(r"(?<=[^\W\d_])['’ʼ`´](?=[^\W\d_])")
_CLOSING_APOSTROPHE = re.compile(r"['’`´](?![^\W_])")
_WORDS = re.compile(r"[\w&+]+")
_QUOTES = "«»\"“”„‟‹›″'‘’‚`"
_QUOTE = re.compile(f"[{_QUOTES}]")
_BRACKETS = re.compile(r"\(([^()]*)\)|\[([^\[\]]*)\]")
_DOTTED = re.compile(r"(?<![^\W_])(?:[^\W\d_]\.[ ]?){2,}(?:[^\W\d_](?![^\W_]))?\.?")
_GLUED = re.compile(
    rf"[\s{_QUOTES}]*(?:(?:ООО|OOO|LLC|ОАО|OAO|ЗАО|ZAO|ПАО|НАО|ТОО|CJSC|OJSC|PJSC|JSC|Ltd|АО|ИП)(?=[А-ЯЁA-Z][а-яёa-z])"
    r"|ООО(?=[А-ЯЁ]{3})|ооо(?=[а-яё]{3}))"
)
_FORMER = re.compile(r"^(?:быв(?:ш(?:ий|ая|ее|ие)?)?|ранее|прежде|экс|ex|formerly|former)\b[.:]?\s*", re.IGNORECASE)
_TAX_ID = re.compile(r"[,;]?\s*\b(?:ИНН|инн|INN)\b[\s:№]*\d{9,12}(?:\s*/\s*\d{9})?\b")
_CITY_MARKS = frozenset({"г", "гор", "город"})
_NUMBER_MARK = re.compile(r"(?<![^\W_])[Nn]\s?[o°º]?\.?\s?(?=\d)")


def normalise(raw: str) -> tuple[CompanyName | None, tuple[str, ...]]:
    """The name in `raw` made regular, and flags on what was done; None when there is no name in it.

    Flags: form_glued, form_misspelt, look_alikes, wrapper, alias, city, tax_id.
    """
    if is_placeholder(raw):
        return None, ()
    flags: list[str] = []
    text = clean(html.unescape(raw) if "&" in raw and ";" in raw else raw)
    repaired = repair_look_alikes(text)
    if repaired != text:
        flags.append("look_alikes")
        text = repaired
    if "ИНН" in text or "инн" in text or "INN" in text:
        cut = _TAX_ID.sub(" ", text)
        if cut != text:
            flags.append("tax_id")
            text = cut
    name = _read(text, flags)
    return name, tuple(dict.fromkeys(flags))


def _read(text: str, flags: list[str]) -> CompanyName | None:
    aliases: list[str] = []
    city, bracket_form = "", None
    if "(" in text or "[" in text:
        text, aliases, city, bracket_form = _open_brackets(text, flags)
    if any(mark in text for mark in _APOSTROPHES) and not _CLOSING_APOSTROPHE.search(text):
        text = _APOSTROPHE.sub("", text)
    if "_" in text:
        text = text.replace("_", " ")
    glued = _GLUED.match(text)
    if glued:
        flags.append("form_glued")
        text = f"{text[: glued.end()]} {text[glued.end() :]}"
    tokens = _tokens(text)
    if not tokens:
        return None
    tokens, found_city = _take_city(tokens)
    if found_city:
        flags.append("city")
        city = city or found_city
    tokens, form = _take_form(tokens, bracket_form, flags)
    tokens = take_wrappers(tokens, flags)
    if form is None and tokens:
        tokens, form = _take_form(tokens, bracket_form, flags)
    trader = form is not None and form.kind == "IP"
    words = [token.word for token in tokens]
    if not trader:
        words = shorten(words)
        words = _one_of_two_scripts(words, text)
    if not any(word.strip("&+") for word in words):
        return None
    return _compose(words, form, tuple(dict.fromkeys(aliases)), city)


def _compose(words: list[str], form: Form | None, aliases: tuple[str, ...], city: str) -> CompanyName:
    sounds = [skeleton(word) for word in words]
    initials: tuple[str, ...] = ()
    letters: list[str] = []
    descriptors: frozenset[str] = frozenset()
    if form is not None and form.kind == "IP" and reads_like_a_person(words):
        place, initials = given_of_trader(words)
        sounds = [sounds[place], *sounds[:place], *sounds[place + 1 :]]
        parts = " ".join(sounds).split()
    else:
        letters = letters_of(words)
        parts = " ".join(sounds).split()
        descriptors = descriptors_of(parts)
    return CompanyName(
        core=" ".join(words),
        skeleton=" ".join(parts),
        sorted_skeleton=" ".join(sorted(parts)),
        form=form.kind if form else None,
        form_country=(form.country or None) if form else None,
        descriptors=descriptors,
        numbers=tuple(sorted([part for part in parts if part.isdigit()])),
        letters=tuple(sorted(letters)),
        aliases=aliases,
        city=city,
        initials=initials,
    )


def _tokens(text: str) -> list[Token]:
    """The words of a name with what stands between them; dotted forms (О.О.О., S.R.L.) become one word."""
    if "." in text:
        text, dotted = _join_dotted(text)
    else:
        dotted = frozenset()
    if "n" in text or "N" in text:
        text = _NUMBER_MARK.sub(" ", text)
    quotes = [match.start() for match in _QUOTE.finditer(text)]
    first = quotes[0] if quotes else len(text)
    last = quotes[-1] if len(quotes) > 1 else len(text)
    tokens: list[Token] = []
    end = 0
    for match in _WORDS.finditer(text):
        start, stop = match.span()
        written = text[start:stop]
        word = lower(written)
        if word:
            tokens.append(Token(written, word, text[end:start], first < start < last, word in dotted))
            end = stop
    return tokens


def _join_dotted(text: str) -> tuple[str, frozenset[str]]:
    joined: set[str] = set()

    def join(match: re.Match[str]) -> str:
        run = match.group()
        word = "".join(character for character in run if character.isalpha())
        known = form_of(lower(word)) or is_descriptor(lower(word)) or lower(word) in ("sc", "îi")
        at_front = not text[: match.start()].strip(_QUOTES + " ,")
        if not known or (len(word) == 2 and not at_front and not (word.isascii() and lower(word) in _DOTTED_PAIRS)):
            return run
        joined.add(lower(word))
        return f" {word} "

    return _DOTTED.sub(join, text), frozenset(joined)


_DOTTED_PAIRS = frozenset({"sa", "as", "ag", "nv", "bv", "ab", "kg", "ad", "dd"})


def _open_brackets(text: str, flags: list[str]) -> tuple[str, list[str], str, Form | None]:
    """The text without its brackets, and what they held: other names, a city, a form; what distinguishes stays in place."""
    aliases: list[str] = []
    cities: list[str] = []
    forms: list[Form] = []

    def take(match: re.Match[str]) -> str:
        content = (match.group(1) or match.group(2) or "").strip()
        former = _FORMER.sub("", content)
        words = [lower(word) for word in _WORDS.findall(former)]
        if not words:
            return " "
        only = form_of(words[0]) if len(words) == 1 else None
        if only is not None:
            if former == content:
                forms.append(only)
            return " "
        marked = words[0] in _CITY_MARKS
        if marked:
            words = words[1:]
        if " ".join(words) in (CITY_TOKENS if marked else PLAIN_CITIES):
            cities.append(" ".join(words))
            flags.append("city")
            return " "
        if former == content and all(len(word) == 1 or word.isdigit() or is_descriptor(word) for word in words):
            return f" {content} "
        other = _read(former, [])
        if other is not None:
            aliases.append(other.core)
            flags.append("alias")
        return " "

    outside = _BRACKETS.sub(take, text)
    if not _WORDS.search(outside):
        return text.translate(str.maketrans("()[]", "    ")), [], "", None
    return outside, aliases, cities[0] if cities else "", forms[0] if forms else None


def _take_city(tokens: list[Token]) -> tuple[list[Token], str]:
    """A city that stands beside the name: after «г.», after a comma, or behind the closing quote; never a part of the name."""
    if tokens[0].word in _CITY_MARKS and len(tokens) > 2 and "." in tokens[1].before:
        for size in range(min(LONGEST_CITY, len(tokens) - 2), 0, -1):
            city = " ".join(token.word for token in tokens[1 : 1 + size])
            if city in CITY_TOKENS:
                return tokens[1 + size :], city
    if tokens[-1].word not in CITY_ENDS and not any(token.word in _CITY_MARKS for token in tokens):
        return tokens, ""
    for size in range(min(LONGEST_CITY, len(tokens) - 1), 0, -1):
        part = tokens[-size:]
        city = " ".join(token.word for token in part)
        marked = tokens[-size - 1].word in _CITY_MARKS and len(tokens) > size + 1
        if city in CITY_TOKENS:
            if marked:
                return _without_preposition(tokens[: -size - 1]), city
            apart = "," in part[0].before or _QUOTE.search(part[0].before)
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


def _take_form(tokens: list[Token], form: Form | None, flags: list[str]) -> tuple[list[Token], Form | None]:
    """The name without the forms at its ends. Inside quotes a form is taken only while none was found outside."""
    if len(tokens) > 1:
        inside = find_inside(tokens)
        if inside is not None and form is None:
            outer = find_form(tokens, True, False) or find_form(tokens, False, False)
            if outer is None:
                form = form_of(tokens[inside].word)
                tokens = [*tokens[:inside], *tokens[inside + 1 :]]
    outside = form
    for _ in range(4):
        taken = False
        for at_front in (True, False):
            if not tokens or not may_be_form(tokens[0 if at_front else -1], at_front, len(tokens)):
                continue
            person = len(tokens) > 2 and reads_like_a_person(
                [t.word for t in (tokens[1:] if at_front else tokens[:-1])]
            )
            found = find_form(tokens, at_front, person)
            if found is None:
                continue
            what, size, misspelt = found
            if not _stands_alone(tokens, at_front, size, what):
                continue
            edge = tokens[0] if at_front else tokens[-1]
            if outside is not None and what.kind != outside.kind:
                continue
            if outside is not None and edge.quoted and (len(tokens) == size or what.words != outside.words):
                continue
            if what.words == ("000",) and len(tokens) > 1 and tokens[1].word[0].isdigit():
                continue
            if misspelt:
                flags.append("form_misspelt")
            tokens = tokens[size:] if at_front else tokens[:-size]
            form = outside = outside or what
            taken = True
        if not taken:
            break
    if form is not None and form.country == "RO/MD" and len(tokens) > 1 and tokens[0].word == "sc":
        tokens = tokens[1:]
    return tokens, form


def _stands_alone(tokens: Sequence[Token], at_front: bool, size: int, form: Form) -> bool:
    """A form joined to the name by a hyphen is a part of the name, but for «ООО-», which is no word."""
    if len(tokens) <= size:
        return True
    gap = tokens[size].before if at_front else tokens[-size].before
    return "-" not in gap or gap != "-" or form.words == ("ооо",)


def _one_of_two_scripts(words: list[str], text: str) -> list[str]:
    """«Фрезер / Frezer» is one name written twice."""
    half = len(words) // 2
    if "/" in text and half * 2 == len(words) and [*map(skeleton, words[:half])] == [*map(skeleton, words[half:])]:
        return words[:half]
    return words
