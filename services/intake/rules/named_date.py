"""When does he want it, by what he wrote? «Через 2 месяца» from the day the questionnaire was filled in (R4-12).

Russian, English and Romanian, as questionnaires have them.
What names no day («сейчас», «когда-нибудь») gives none: such a lead is called within the term of its source.
"""

from __future__ import annotations

import re
from calendar import monthrange
from datetime import date, timedelta

_SPACE = re.compile(r"\s+")
_DAY = re.compile(r"(?<![\d-])(\d{1,2})(?:[./](\d{1,2})(?:[./](\d{4}|\d{2}))?|-(\d{1,2})-(\d{4}))\b")
_ISO = re.compile(r"\b(\d{4})-(\d{1,2})-(\d{1,2})(?!\d)")
_QUARTER = re.compile(r"\b([1-4]|i{1,3}|iv)\s*-?(?:й|ый|ом|th|st|nd|rd)?\s*(?:кв\w*|quarter|trim\w*)|\bq([1-4])\b")
_YEAR = re.compile(r"\b(20\d\d)\b")
_ROMAN = {"i": 1, "ii": 2, "iii": 3, "iv": 4}

_UNITS: tuple[tuple[str, str], ...] = (
    ("day", r"дн\w*|день|сут\w*|days?|zile?|zi"),
    ("week", r"нед\w*|weeks?|săptămân\w*|saptaman\w*"),
    ("month", r"мес\w*|months?|lun[iăa]\w*"),
    ("quarter", r"квартал\w*|quarters?|trimestr\w*"),
    ("half", r"полугоди\w*"),
    ("year", r"год\w*|лет|years?|ani?"),
)
_NUMBERS = {
    "один": 1, "одну": 1, "одна": 1, "пару": 2, "пара": 2, "два": 2, "две": 2, "три": 3, "четыре": 4, "пять": 5,
    "шесть": 6, "семь": 7, "восемь": 8, "девять": 9, "десять": 10, "полтора": 1.5, "полторы": 1.5, "пол": 0.5,
    "a": 1, "an": 1, "one": 1, "two": 2, "couple": 2, "three": 3, "four": 4, "five": 5, "six": 6, "half": 0.5,
    "o": 1, "un": 1, "două": 2, "doua": 2, "doi": 2, "trei": 3, "patru": 4, "cinci": 5, "șase": 6, "sase": 6,
}  # fmt: skip
_WORDS = "|".join(sorted(_NUMBERS, key=len, reverse=True))
_COUNT = rf"(?:(?P<low>\d+)\s*[-–—]\s*)?(?P<number>\d+(?:[.,]\d)?)|(?P<word>{_WORDS})"
_TERMS = tuple(
    (unit, re.compile(rf"(?:(?:{_COUNT})\s*-?(?:х|ти|ми)?\s*(?:a\s|of\s|de\s)?)?\b(?:{names})\b"))
    for unit, names in _UNITS
)
_HALF_YEAR = re.compile(r"\bполгода?\b|\bпол\s?года\b|half a year|\bjumătate de an\b")
_WAITS = re.compile(
    r"\b(?:через|спустя|после|не раньше|в течение|in|after|within|peste|după|dupa|în|следующ\w*|next)\b"
)
_MONTHS: tuple[re.Pattern[str], ...] = tuple(
    re.compile(rf"\b(?:{names})\b")
    for names in (
        r"январ\w*|янв|january|jan|ianuarie", r"феврал\w*|фев|february|feb|februarie", r"март\w*|мар|march|mar|martie",
        r"апрел\w*|апр|april|apr|aprilie", r"ма[йяею]|may|mai", r"июн[ьяею]\w*|june|jun|iunie",
        r"июл[ьяею]\w*|july|jul|iulie", r"август\w*|авг|august|aug", r"сентябр\w*|сент?|september|sept?|septembrie",
        r"октябр\w*|окт|october|oct|octombrie", r"ноябр\w*|ноя|november|nov|noiembrie",
        r"декабр\w*|дек|december|dec|decembrie",
    )
)  # fmt: skip
_SEASONS: tuple[tuple[re.Pattern[str], int], ...] = (
    (re.compile(r"\b(?:весн\w*|spring|primăvar\w*)\b"), 3),
    (re.compile(r"\b(?:лет(?:о|ом|а|у)|summer|var[aă])\b"), 6),
    (re.compile(r"\b(?:осен\w*|autumn|toamn\w*)\b"), 9),
    (re.compile(r"\b(?:зим\w*|winter|iarn\w*)\b"), 12),
)
_BEGINNING = re.compile(r"\b(?:начал\w*|early|beginning|început\w*)\b")
_MIDDLE = re.compile(r"\b(?:середин\w*|mid\w*|mijloc\w*)\b")
_END = re.compile(r"\b(?:кон(?:ец|ца|це|цу)|late|end|sfârșit\w*)\b")
_NOT_YET = re.compile(r"\b(?:не раньше|не ранее|после|after|după|dupa)\b")
_LONGEST = 3 * 366


def day_of(text: str, near: date) -> date | None:
    """The day that is written as `22.04.2026`, `22.04` or `2026-04-22`; a day without a year is the nearest to `near`."""
    if found := _ISO.search(text):
        year, month, day = map(int, found.groups())
        return _real(year, month, day)
    if not (found := _DAY.search(text)):
        return None
    day, month, written = int(found[1]), int(found[2] or found[4]), found[3] or found[5]
    if written:
        return _real(int(written) + (2000 if len(written) == 2 else 0), month, day)
    days = [one for year in (near.year - 1, near.year, near.year + 1) if (one := _real(year, month, day))]
    return min(days, key=lambda one: abs(one - near), default=None)


def named_date(term: str, spoken_on: date) -> date | None:
    """The day that `term` names, counted from `spoken_on`: always later than that day, and at most three years later.

    A span («2–3 месяца») names its near end, a month its middle unless it says its beginning or its end.
    None when it names no day to come.
    """
    text = _SPACE.sub(" ", term.casefold().replace("ё", "е")).strip()
    if not text:
        return None
    for read in (_a_day, _a_quarter, _a_span, _a_day_of_a_month, _a_month):
        if (named := read(text, spoken_on)) is not None:
            return named if spoken_on < named <= spoken_on + timedelta(days=_LONGEST) else None
    return None


def _a_day(text: str, spoken_on: date) -> date | None:
    if not (_ISO.search(text) or (found := _DAY.search(text))):
        return None
    if _ISO.search(text) or (found and (found[3] or found[5])):
        return day_of(text, spoken_on)
    named = day_of(text, spoken_on)
    if named is not None and named <= spoken_on:  # «10.05», said in autumn: the next one
        return _real(named.year + 1, named.month, named.day)
    return named


def _a_span(text: str, spoken_on: date) -> date | None:
    """«через 2 месяца», «2-3 недели», «в следующем квартале», «полгода»."""
    if _HALF_YEAR.search(text):
        return _months_after(spoken_on, 6)
    for unit, pattern in _TERMS:
        found = pattern.search(text)
        if not found:
            continue
        typed = found["low"] or found["number"]
        if not typed and not found["word"] and not _WAITS.search(text):
            continue  # «в этом месяце», «раз в год» name no day
        count = float(typed.replace(",", ".")) if typed else _NUMBERS.get(found["word"] or "", 1)
        if unit == "year" and typed and count > 100:
            continue  # «2027 год»
        if unit == "day":
            return spoken_on + timedelta(days=min(round(count), _LONGEST + 1))
        if unit == "week":
            return spoken_on + timedelta(days=min(round(7 * count), _LONGEST + 1))
        months = count * {"month": 1, "quarter": 3, "half": 6, "year": 12}[unit]
        return _months_after(spoken_on, min(months, 1000))
    return None


def _a_quarter(text: str, spoken_on: date) -> date | None:
    found = _QUARTER.search(text)
    if not found or re.search(r"через|peste|\bin\b|after|within", text[: found.start()]):
        return None  # «через 3 квартала» is a span
    number = int(found[2]) if found[2] else _ROMAN.get(found[1]) or int(found[1])
    return _within(text, spoken_on, 3 * number - 2, 3)


def _a_day_of_a_month(text: str, spoken_on: date) -> date | None:
    """«около 10 мая», "May 10"."""
    for number, month in enumerate(_MONTHS, 1):
        found = month.search(text)
        if not found:
            continue
        before = re.search(r"\b(\d{1,2})(?:-?го|-?е|st|nd|rd|th)?\s*$", text[: found.start()])
        after = re.match(r"\s*(\d{1,2})(?:st|nd|rd|th)?\b(?!\d)", text[found.end() :])
        if not (near := before or after):
            return None
        year = _YEAR.search(text)
        if year:
            return _real(int(year[1]), number, int(near[1]))
        named = _real(spoken_on.year, number, int(near[1]))
        return named if named is None or named > spoken_on else _real(spoken_on.year + 1, number, int(near[1]))
    return None


def _a_month(text: str, spoken_on: date) -> date | None:
    for number, month in enumerate(_MONTHS, 1):
        if month.search(text):
            return _within(text, spoken_on, number, 1)
    for season, first in _SEASONS:
        if season.search(text):
            return _within(text, spoken_on, first, 3, first_day=True)
    return None


def _within(text: str, spoken_on: date, month: int, months: int, *, first_day: bool = False) -> date | None:
    """A day in the period that begins with `month`: its beginning, middle or end, as the text says."""
    year = _YEAR.search(text)
    for candidate in [int(year[1])] if year else [spoken_on.year, spoken_on.year + 1]:
        begins = date(candidate, month, 1)
        ends = _months_after(begins, months) - timedelta(days=1)
        if _END.search(text):
            named = ends
        elif _NOT_YET.search(text):
            named = ends + timedelta(days=1)
        elif _BEGINNING.search(text) or first_day:
            named = begins
        else:
            named = begins + (ends - begins) / 2
        if named > spoken_on:
            return named
    return None


def _months_after(day: date, months: float) -> date:
    whole = int(months)
    number = day.year * 12 + day.month - 1 + whole
    year, month = divmod(number, 12)
    if not 1 <= year <= 9998:
        return date.max
    last = monthrange(year, month + 1)[1]
    return date(year, month + 1, min(day.day, last)) + timedelta(days=round((months - whole) * 30))


def _real(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None
