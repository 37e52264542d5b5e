"""Which field a column is by what stands in its cells: asked when its heading says nothing."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from itertools import pairwise

from estafeta.lists.headings import plain

LOOKED_AT = 300
"""Cells of a column that are looked at: more of them do not change the answer."""
_FEW = 3  # below so many cells nothing but an e-mail address is beyond doubt
_EMAIL = re.compile(r"[^\s@,;<>]+@[^\s@,;<>]+\.[^\W\d_]{2,}")
_SITE = re.compile(r"(?:https?://)?(?:www\.)?(?:[\w-]+\.)+[^\W\d_]{2,}(?:/\S*)?", re.IGNORECASE)
_PHONE = re.compile(r"[\d\s()+./,;–-]+")
_SUM = re.compile(r"\d{1,3}(?:[  ]\d{3})+(?:[.,]\d+)?|\d+[.,]\d+")
_EXTENSION = re.compile(r"(?:т\.|тел\.?|tel\.?|моб\.?|mob\.?|факс|fax|доб\.?|вн\.?|ext\.?|#)\s*:?", re.IGNORECASE)
_DATE = re.compile(r"\d{4}-\d\d-\d\d(?:[ T][\d:]+)?|\d{1,2}[./]\d{1,2}[./](?:\d\d|\d{4})(?:\s+\d{1,2}:\d\d)?")
_INITIALS = re.compile(r"[^\W\d_]{2,}\s+[^\W\d_]\.\s*(?:[^\W\d_]\.)?|[^\W\d_]\.\s*(?:[^\W\d_]\.\s*)?[^\W\d_]{2,}")
_PATRONYMIC = re.compile(r"[а-яё]{3,}(?:вич|вна|ична|инична|оглы|кызы)", re.IGNORECASE)
_SURNAME = re.compile(r"[а-яё-]{2,}(?:ов|ев|ёв|ин|ын|ова|ева|ёва|ина|ына|ский|цкий|ская|цкая|ко|юк|чук|ян|дзе|швили)")
_TERM = re.compile(
    r"(?:через|ближе к|около|до|после|в течение|in|within|after|peste|după)\s+.*"
    r"(?:дн|недел|месяц|мес\b|квартал|год|лет|day|week|month|quarter|year|zile|săptămân|lun[iă]|an[iu]?\b|\d)",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Guess:
    """The field that the cells of a column look like; `sure` when nearly all of them do, and there are enough."""

    field: str
    share: float
    sure: bool


def guess(cells: Sequence[str]) -> Guess | None:
    """The field of a column with these cells (blank ones do not count); None when they look like nothing known.

    `row_id` is a column of running numbers. Dates and plain quantities are no field.
    """
    filled = [cell for cell in cells if cell][:LOOKED_AT]
    if not filled:
        return None
    if len(filled) >= _FEW and _running(filled):
        return Guess("row_id", 1.0, sure=True)
    dates = _share(filled, lambda cell: bool(_DATE.fullmatch(cell)))
    if dates >= 0.5:
        return None
    likely: Guess | None = None
    for field, looks_so, sure, possible, alone in _SIGNS:
        share = _share(filled, looks_so)
        if share >= sure and (len(filled) >= _FEW or alone):
            return Guess(field, share, sure=True)
        if share >= possible and (likely is None or share > likely.share):
            likely = Guess(field, share, sure=False)
    return likely


def _share(cells: Sequence[str], looks_so: Callable[[str], bool]) -> float:
    return sum(map(looks_so, cells)) / len(cells)


def _running(cells: Sequence[str]) -> bool:
    if not all(cell.isdecimal() and len(cell) < 8 for cell in cells):
        return False
    numbers = [int(cell) for cell in cells]
    return all(after - before == 1 for before, after in pairwise(numbers))


# ── what a cell looks like ──────────────────────────────────────────────────────────────────────────────────────────


@cache
def _words(field: str) -> frozenset[str]:
    text = (files("estafeta.lists") / "contents.tsv").read_text("utf-8")
    lines = (line.split("\t") for line in text.splitlines() if line and not line.startswith("#"))
    return frozenset(plain(word) for name, words in lines if name == field for word in words.split("|"))


def _has_word(field: str) -> Callable[[str], bool]:
    return lambda cell: not _words(field).isdisjoint(plain(cell).split())


def _is_email(cell: str) -> bool:
    return bool(_EMAIL.search(cell)) and len(cell) < 200


def _is_site(cell: str) -> bool:
    return bool(_SITE.fullmatch(cell)) and "@" not in cell and not cell.replace(".", "").isdecimal()


def _is_phone(cell: str) -> bool:
    bare = _EXTENSION.sub(" ", cell).strip()
    if bare.isdecimal():
        return 10 <= len(bare) <= 12  # a shorter bare number may be anything: a sum, a number of staff
    digits = sum(char.isdecimal() for char in bare)
    return 5 <= digits <= 60 and bool(_PHONE.fullmatch(bare)) and not _SUM.fullmatch(bare)


def _is_tax_id(cell: str) -> bool:
    """A Russian tax number: 10 or 12 digits, the last ones of which check the others."""
    if not (cell.isdecimal() and cell.isascii() and len(cell) in (10, 12)):
        return False
    digits = [int(char) for char in cell]
    weights = (3, 7, 2, 4, 10, 3, 5, 9, 4, 6, 8)
    return all(
        sum(weight * digit for weight, digit in zip(weights[11 - at :], digits[:at], strict=True)) % 11 % 10
        == digits[at]
        for at in ((9,) if len(digits) == 10 else (10, 11))
    )


def _is_postal_code(cell: str) -> bool:
    return cell.isdecimal() and cell.isascii() and len(cell) == 6 and "100000" <= cell < "700000"


def _is_city(cell: str) -> bool:
    return plain(re.sub(r"^(?:г|гор|or|mun)\.\s*", "", cell, flags=re.IGNORECASE)) in _words("city")


def _is_person(cell: str) -> bool:
    words = re.findall(r"[^\W\d_]+(?:-[^\W\d_]+)?", cell)
    if not 1 < len(words) <= 5 or any(char.isdecimal() for char in cell) or _has_word("company")(cell):
        return False
    return bool(
        _INITIALS.fullmatch(cell)
        or any(_PATRONYMIC.fullmatch(word) for word in words)
        or any(plain(word) in _words("contact") for word in words)
        or (len(words) <= 3 and _SURNAME.fullmatch(words[0].lower()) and all(word[0].isupper() for word in words))
    )


def _is_address(cell: str) -> bool:
    return any(char.isdecimal() for char in cell) and _has_word("address")(cell)


# field, what a cell looks like, the share that is sure, the share that is possible, whether a single cell is enough
_SIGNS: tuple[tuple[str, Callable[[str], bool], float, float, bool], ...] = (
    ("email", _is_email, 0.7, 0.3, True),
    ("tax_id", _is_tax_id, 0.9, 0.6, False),
    ("postal_code", _is_postal_code, 0.95, 0.8, False),
    ("phone", _is_phone, 0.8, 0.4, False),
    ("website", _is_site, 0.8, 0.4, False),
    ("address", _is_address, 0.6, 0.3, False),
    ("city", _is_city, 0.6, 0.3, False),
    ("region", _has_word("region"), 0.7, 0.4, False),
    ("term", lambda cell: bool(_TERM.match(cell)), 0.7, 0.3, False),
    ("position", _has_word("position"), 0.7, 0.3, False),
    ("company", _has_word("company"), 0.5, 0.2, False),
    ("contact", _is_person, 0.7, 0.4, False),
)
