"""What is a company called, without its legal form, and what tells it from its sister companies? (key 1, MATCHING §2)"""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from dataclasses import replace

from services.intake.rules.company_city import CITY_MARKS, QUOTE, QUOTES, take_city
from services.intake.rules.company_form import (
    BESIDE_A_PERSON,
    Form,
    Token,
    find_form,
    find_inside,
    form_of,
    is_only_a_form,
    may_be_form,
)
from services.intake.rules.company_words import descriptors_of, is_descriptor, letters_of, shorten, take_wrappers
from services.intake.rules.keys import CompanyName
from services.intake.rules.person_name import given_of_trader, reads_like_a_person
from services.intake.rules.placeholder import is_placeholder
from services.intake.rules.places import CITY_ENDS, CITY_TOKENS, COUNTRY_NAMES, LONGEST_CITY, PLAIN_CITIES
from services.intake.rules.script import clean, lower, repair_look_alikes, skeleton

_ANY_APOSTROPHE = re.compile("['’ʼ`´]")
_APOSTROPHE = re.compile(r"(?<=[^\W\d_])['’ʼ`´](?=[^\W\d_])")
_CLOSING_APOSTROPHE = re.compile(r"['’`´](?![^\W_])")
_WORDS = re.compile(r"[\w&+]+")
_BRACKETS = re.compile(r"\(([^()]*)\)|\[([^\[\]]*)\]")
_DOTTED = re.compile(r"(?<![^\W_])(?:[^\W\d_]\.[ ]?){2,}(?:[^\W\d_](?![^\W_]))?\.?")
_GLUED = re.compile(
    rf"[\s{QUOTES}]*(?:(?:ООО|OOO|LLC|ОАО|OAO|ЗАО|ZAO|ПАО|НАО|ТОО|CJSC|OJSC|PJSC|JSC|Ltd|АО|ИП"
    r"|ОсОО|ЧУП|ЧТУП|ГУП|МУП|ФГУП|ТОВ|TOO)(?=[А-ЯЁA-Z][а-яёa-z])|IP(?=[A-Z][a-z]+\s+[A-Z])"
    r"|ООО(?=[А-ЯЁ]{3})|ооо(?=[а-яё]{3}))"
)
_SPACED = re.compile(r"^[\s«\"']*(?:([ОO])\s[ОO]\s[ОO]|([ЗОПНзопн])\s[АA]\s[ОO])(?=[\s«\"'])")
_SPACED_TRADER = re.compile(r"^\W*[ИI]\s[ПP]\s(?=[А-ЯЁA-Z][а-яёa-z]+\s+[А-ЯЁA-Z])")
_BY_SLASH = re.compile(r"(?<!\w)(?:[KК]\s?\(\s?[ФF]\s?\)\s?[XХ]|A/S|А/О|З/А/О|И/П)(?!\w)", re.IGNORECASE)
_IDEOGRAPH = re.compile("[\u3040-\ud7ff]")
_EASTERN = re.compile("股份有限公司|有限责任公司|有限公司|株式会社|有限会社|合同会社|주식회사")
_GLUED_BEHIND = re.compile(
    r"(?<=[а-яёa-z])(?=(?:ООО|OOO|LLC|ОАО|OAO|ЗАО|ZAO|ПАО|PJSC|CJSC|OJSC|JSC|АО|GmbH|SRL|LTD|Ltd|AG)\W*$)"
)
_SURNAME = re.compile("..(?:[ое]ва?|ская|ский|енко|ин|ина|ov|ova|ev|eva|skiy|sky|skaya|enko)$")
_FORMER = re.compile(r"^(?:быв(?:ш(?:ий|ая|ее|ие)?)?|ранее|прежде|экс|ex|formerly|former)\b[.:]?\s*", re.IGNORECASE)
_TAX_ID = re.compile(
    r"[,;]?\s*\b(?:ИНН|INN|КПП|ОГРН(?:ИП)?|УНП|БИН|ИИН|IDNO|ЕГРПОУ)\b[\s:№/КП]*\d{8,15}(?:\s*/\s*\d{9})?\b",
    re.IGNORECASE,
)
_LONG_NUMBER = re.compile(r"\d{8}")
_NUMBER_MARK = re.compile(r"(?<![^\W_])[Nn]\s?[o°º]?\.?\s?(?=\d)")


def normalise(raw: str) -> tuple[CompanyName | None, tuple[str, ...]]:
    """The name in `raw` made regular, and flags on what was done; None when there is no name in it.

    Flags: form_glued, form_misspelt, look_alikes, wrapper, alias, city, tax_id.
    """
    if is_placeholder(raw):
        return None, ()
    flags: list[str] = []
    text = clean(html.unescape(raw) if "&" in raw and ";" in raw else raw)
    if _ANY_APOSTROPHE.search(text) and not _CLOSING_APOSTROPHE.search(text):
        text = _APOSTROPHE.sub("", text)
    repaired = repair_look_alikes(text)
    if repaired != text:
        flags.append("look_alikes")
        text = repaired
    if _LONG_NUMBER.search(text):
        cut = _TAX_ID.sub(" ", text)
        if cut != text:
            flags.append("tax_id")
            text = cut
    name = _read(text, flags)
    if name is not None and name.form is None and is_placeholder(name.core):
        name = None  # «0/», «компания нет»
    return name, tuple(dict.fromkeys(flags))


def _read(text: str, flags: list[str]) -> CompanyName | None:
    aliases: list[str] = []
    city, bracket_form = "", None
    if "(" in text:
        text = _BY_SLASH.sub(lambda match: "".join(filter(str.isalpha, match.group())), text)
    if "(" in text or "[" in text:
        text, aliases, city, bracket_form = _open_brackets(text, flags)
    if "_" in text:
        text = text.replace("_", " ")
    text = _part_forms(text)
    if (text[-1:].isupper() or text.endswith("Ltd")) and _GLUED_BEHIND.search(text):
        flags.append("form_glued")
        text = _GLUED_BEHIND.sub(" ", text)
    glued = _GLUED.match(text)
    if glued:
        flags.append("form_glued")
        text = f"{text[: glued.end()]} {text[glued.end() :]}"
    tokens = _tokens(text)
    if not tokens:
        return None
    tokens, found_city = take_city(tokens)
    if found_city:
        flags.append("city")
        city = city or found_city
    tokens, form = _take_form(tokens, bracket_form, flags)
    count = len(tokens)
    tokens = take_wrappers(tokens, flags)
    if form is None and len(tokens) < count:
        tokens, form = _take_form(tokens, bracket_form, flags)
    trader = form is not None and form.kind == "IP"
    words = [token.word for token in tokens] if trader or "." not in text else _join_letters(tokens)
    if len(words) == 1 and is_only_a_form(words[0]):
        return None
    if not trader:
        words = shorten(words)
        words = _one_of_two_scripts(words, text)
    if not "".join(words).strip("&+"):
        return None
    place = "" if trader or city or tokens[-1].quoted else _place_behind(words)
    return _compose(words, form, tuple(dict.fromkeys(aliases)), city, place)


def _place_behind(words: Sequence[str]) -> str:
    """The city with which a name ends, unless the name is nothing else: «Оптилит Пермь» may be Оптилит in Пермь."""
    if len(words) > 1 and words[-1] in CITY_ENDS:
        for size in range(min(LONGEST_CITY, len(words) - 1), 0, -1):
            city = " ".join(words[-size:])
            if city in PLAIN_CITIES:
                return city
    return ""


def _join_letters(tokens: Sequence[Token]) -> list[str]:
    """«A.B.C.» is one word, so that it is ABC and not C.B.A.; but the initials of a person are his."""
    words = [token.word for token in tokens]
    if reads_like_a_person(words):
        return words
    joined = words[:1]
    for token, last in zip(tokens[1:], tokens, strict=False):
        one_script = token.word.isascii() == last.word.isascii()
        if len(token.word) == len(last.word) == 1 and token.before == "." and token.word.isalpha() and one_script:
            joined[-1] += token.word
        else:
            joined.append(token.word)
    return joined


def _part_forms(text: str) -> str:
    """Forms that are written with blanks, slashes or brackets in them, or, in the East, with no blank before them."""
    if "/" in text:
        text = _BY_SLASH.sub(lambda match: "".join(filter(str.isalpha, match.group())), text)
    if len(text) > 4 and text.lstrip("«\"' ")[1:2] == " ":
        text = _SPACED.sub(lambda match: match.group().replace(" ", "") + " ", text)
        text = _SPACED_TRADER.sub("ИП ", text)
    if not text.isascii() and _IDEOGRAPH.search(text):
        text = _EASTERN.sub(lambda match: f" {match.group()} ", text)
    return text


def _compose(words: list[str], form: Form | None, aliases: tuple[str, ...], city: str, place: str) -> CompanyName:
    sounds = [skeleton(word) for word in words]
    initials: tuple[str, ...] = ()
    letters: list[str] = []
    descriptors: frozenset[str] = frozenset()
    if form is not None and form.kind == "IP" and reads_like_a_person(words):
        at, initials = given_of_trader(words)
        sounds = [sounds[at], *sounds[:at], *sounds[at + 1 :]]
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
        place=place,
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
    quotes = [match.start() for match in QUOTE.finditer(text)]
    first = quotes[0] if quotes else len(text)
    last = quotes[-1] if len(quotes) > 1 else len(text)
    lowered = text.lower().replace("ё", "е")
    as_long = len(lowered) == len(text)  # but for letters like İ, whose mark lower case leaves loose
    tokens: list[Token] = []
    end = 0
    for match in _WORDS.finditer(text):
        start, stop = match.span()
        word = lowered[start:stop] if as_long else lower(text[start:stop])
        tokens.append(Token(text[start:stop], word, text[end:start], first < start < last, word in dotted))
        end = stop
    return tokens


def _join_dotted(text: str) -> tuple[str, frozenset[str]]:
    joined: set[str] = set()
    trader = _TRADER.match(text) is not None  # «IP Petrov S.A.» is no S.A.

    def join(match: re.Match[str]) -> str:
        run = match.group()
        word = "".join(character for character in run if character.isalpha())
        known = form_of(lower(word)) or is_descriptor(lower(word)) or lower(word) in _MARKS_OF_RO
        at_front = not text[: match.start()].strip(QUOTES + " ,")
        if lower(word) in ("ii", "is") and not QUOTE.match(text, match.end()) and text[match.end() :][:1] not in QUOTES:
            return run  # «I.I. Rusu» has initials
        if not known or (
            len(word) == 2 and not at_front and (trader or not word.isascii() or lower(word) not in _DOTTED_PAIRS)
        ):
            return run
        joined.add(lower(word))
        return f" {word} "

    return _DOTTED.sub(join, text), frozenset(joined)


_DOTTED_PAIRS = frozenset({"sa", "as", "ag", "nv", "bv", "ab", "kg", "ad", "dd", "kk", "sl", "se", "ek", "eg", "lp"})
_TRADER = re.compile(r"\W*(?:ип|ip|чп|ie|фоп|пбоюл|предприниматель)\b|.*\b(?:ип|ip|чп|фоп)\W*$", re.IGNORECASE)


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
        marked = words[0] in CITY_MARKS
        if marked:
            words = words[1:]
        if " ".join(words) in (CITY_TOKENS if marked else PLAIN_CITIES):
            cities.append(" ".join(words))
            flags.append("city")
            return " "
        if former == content and " ".join(words) in COUNTRY_NAMES:
            return f" {content} "  # the house of one group in one country is not its house in another
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
            edge = tokens[0] if at_front else tokens[-1]
            person = edge.word in BESIDE_A_PERSON and _is_of_a_person(tokens[1:] if at_front else tokens[:-1])
            found = find_form(tokens, at_front, person)
            if found is None:
                continue
            what, size, misspelt = found
            if not _stands_alone(tokens, at_front, size, what):
                continue
            if outside is not None and what.kind != outside.kind and (outside.words, what.words) != (("oy",), ("ab",)):
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
    if (
        form is not None
        and len(tokens) > 1
        and tokens[0].word in _MARKS_OF_RO
        and form.words[0] in ("srl", "срл", "sa")
    ):
        return tokens[1:], replace(form, country="RO/MD")
    return tokens, form


_MARKS_OF_RO = frozenset({"sc", "îcs", "îm", "ics"})
"""What stands before a Romanian or Moldavian firm's name: «commercial company», «with foreign capital», «mixed»."""


def _is_of_a_person(rest: Sequence[Token]) -> bool:
    """Whether what stands beside a form is a person: with first name or initials, or a surname that can be nothing else."""
    if len(rest) == 1:
        only = rest[0]
        return not only.quoted and only.written[0].isupper() and _SURNAME.search(only.word) is not None
    return len(rest) > 1 and reads_like_a_person([token.word for token in rest])


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
