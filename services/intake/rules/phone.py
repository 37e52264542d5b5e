"""Which telephone numbers stand in a cell? Each whole, and without country and city code (key 3, MATCHING §4)."""

from __future__ import annotations

import re
from functools import lru_cache

import phonenumbers

from services.intake.rules.keys import Phone
from services.intake.rules.placeholder import is_placeholder
from services.intake.rules.places import AREA_CODES
from services.intake.rules.script import clean

SHORTEST, LOCAL, SHORT_LOCAL, LONG_NATIONAL = 5, 7, 6, 9
"""A local part has 5 digits or more; it is the last 7 of a national number of 9 digits or more, else the last 6."""
TWO_IN_ONE = 11
"""More digits than this may be two numbers."""
MOST_GROUPS = 24
LONGEST = 15
"""E.164 has no longer number."""

_PLAIN = re.compile(r"\+?[78][\s(-]*(\d{3})[\s)-]*(\d{3})[\s-]?(\d{2})[\s-]?(\d{2})")
_EXTENSION = re.compile(
    r"[\s,;.(]{0,6}(?:доп(?:олнительн\w*)?|доб(?:авочн\w*|ав)?|вн(?:утр(?:енн\w*)?)?|тон(?:альн\w*)?|ext(?:ension)?|extn|int|x|х|#|\*)"
    r"[\s.:№#]*(\d{1,6})(?!\d)\)?",
    re.IGNORECASE,
)
_EXCEL_FLOAT = re.compile(r"(?<![\d.,])(\d{5,15})[.,]0+(?!\d)")
_EXCEL_POWER = re.compile(r"(?<!\d)(\d)[.,](\d{1,14})\s?[eEеЕ]\s?\+?(\d{1,2})(?!\d)")
_OH = re.compile(r"(?<![^\W\d_])[OoОо]*\d[\dOoОо]*(?![^\W\d_])")
_NOUGHTS = str.maketrans("OoОо", "0000")
_HARD = re.compile(r"[;\n\r|]+")
_SOFT = re.compile(r"\s*(?:,|/|\\|&|\bили\b|\bи\b|\bor\b|\band\b)\s*", re.IGNORECASE)
_LONE_CODE = re.compile(r"\s*\(?\s*(?:8[\s(-]*)?0?[3489]\d{2,4}\s*\)?\s*|\s*\+\d[\d\s()-]{2,9}")
_HOURS = re.compile(
    r"\b(?:с|c|from)\s*\d{1,2}(?:[:.]\d\d)?\s*(?:до|по|to|-|–)\s*\d{1,2}(?:[:.]\d\d)?|(?<![\d:])\d{1,2}:\d\d(?![\d:])",
    re.IGNORECASE,
)
_BLANKS = re.compile(r"[^\S\n\r]{2,}")
_WORDS = re.compile(r"[^\W\d_]+[.:]?")
_DIGITS = re.compile(r"\d+")
_PLUS_INSIDE = re.compile(r"(?<=\d)[\s,]*(?=\+\s?\d)")
_ZERO_IN_BRACKETS = re.compile(r"(\+\d{1,3}\s*)\(0\)")

_RU_AREAS = frozenset(AREA_CODES) | {"336", "800", "804", "808", "801", "803", "805", "806", "807", "809"}
_CIS = {"375": 9, "380": 9, "373": 8, "374": 8, "992": 9, "993": 8, "994": 9, "995": 9, "996": 9, "998": 9}
_COUNTRY_OF = {
    **{"375": "BY", "380": "UA", "373": "MD", "374": "AM", "992": "TJ"},
    **{"993": "TM", "994": "AZ", "995": "GE", "996": "KG", "998": "UZ"},
}


def normalise(raw: str, country: str = "RU") -> tuple[tuple[Phone, ...], tuple[str, ...]]:
    """The numbers in `raw`, each once, read as people of `country` write them (ISO 3166-1).

    Flags: excel, excel_lost_digits (nothing can be repaired), tail, odd_number (no such area), not_a_phone.
    """
    if not raw:
        return (), ()
    quick = _read_plain(raw) if country in ("RU", "KZ") else None
    if quick is not None:
        return quick, ()
    return ((), ()) if is_placeholder(raw) else _read(raw, country)


def _read_plain(raw: str) -> tuple[Phone, ...] | None:
    """The usual cell, whole numbers of the plan at home parted by `;` or a new line; None when there is more to it."""
    phones: dict[str, Phone] = {}
    for piece in raw.replace("\n", ";").split(";"):
        whole = _PLAIN.fullmatch(piece.strip())
        phone = _russian("".join(whole.groups())) if whole else None
        if phone is None:
            return None
        phones.setdefault(phone.e164, phone)
    return tuple(phones.values())


def _read(raw: str, country: str) -> tuple[tuple[Phone, ...], tuple[str, ...]]:
    flags: list[str] = []
    text = _BLANKS.sub(" ", _repair(clean(raw), flags))
    found: dict[tuple[str, str], Phone] = {}
    for part in _HARD.split(text):
        for digits, plus, extension in _numbers(part, country, flags):
            phone = _number(digits, plus, country)
            if phone is None:
                continue
            if not phone.e164 and len(digits) > LOCAL:
                flags.append("odd_number")
            if extension:
                phone = Phone(phone.local, phone.e164, extension, phone.country)
            found.setdefault((phone.e164, phone.local), phone)
    if not found and not flags and any(character.isdigit() for character in text):
        flags.append("not_a_phone")
    whole = {phone.local for phone in found.values() if phone.e164}
    phones = tuple(phone for phone in found.values() if phone.e164 or phone.local not in whole)
    return phones, tuple(dict.fromkeys(flags))


def _repair(text: str, flags: list[str]) -> str:
    """What spreadsheets and typists did to a number, undone where it can be."""
    if "." in text or "," in text:
        repaired = _EXCEL_FLOAT.sub(r"\1", text)
        repaired = _EXCEL_POWER.sub(lambda match: _whole_number(match, flags), repaired)
        if repaired != text:
            flags.append("excel")
            text = repaired
    if "O" in text or "o" in text or "О" in text or "о" in text:
        text = _OH.sub(lambda match: match.group().translate(_NOUGHTS), text)
    if ":" in text or "с " in text or "from" in text:
        text = _HOURS.sub(" ", text)
    if "(0)" in text:
        text = _ZERO_IN_BRACKETS.sub(r"\1", text)
    return text


def _whole_number(match: re.Match[str], flags: list[str]) -> str:
    first, rest, power = match.group(1), match.group(2), int(match.group(3))
    if power > LONGEST or len(rest) > power or power - len(rest) > 1:
        flags.append("excel_lost_digits")
        return " "
    return first + rest.ljust(power, "0")


def _numbers(part: str, country: str, flags: list[str]) -> list[tuple[str, bool, str]]:
    """The numbers of one part: digits, whether a plus led them, extension."""
    numbers: list[tuple[str, bool, str]] = []
    for piece in _PLUS_INSIDE.split(part):
        end = 0
        for match in _EXTENSION.finditer(piece):
            before = _soft_parts(piece[end : match.start()], country, numbers, flags)
            if before and len(numbers[-1][0]) >= SHORTEST:
                numbers[-1] = (*numbers[-1][:2], match.group(1))
            end = match.end()
        _soft_parts(piece[end:], country, numbers, flags)
    return numbers


def _soft_parts(text: str, country: str, numbers: list[tuple[str, bool, str]], flags: list[str]) -> bool:
    """Numbers parted by commas, slashes or words; a short tail («…40/41») is a second number with another end."""
    before = len(numbers)
    code = ""
    for piece in _SOFT.split(text):
        digits, plus = "", False
        if code:
            piece, code = f"{code} {piece}", ""  # noqa: PLW2901 - «846/201-30-40»: the first is the area of the second
        elif len(numbers) == before and _LONE_CODE.fullmatch(piece):
            code = piece
            continue
        position = 0
        for match in [*_WORDS.finditer(piece), None]:
            chunk = piece[position : match.start() if match else len(piece)]
            found = "".join(_DIGITS.findall(chunk))
            if found and not digits:
                plus = "+" in chunk or chunk.lstrip(" (").startswith("00")
            digits += found
            position = match.end() if match else position
            if len(digits) >= SHORTEST or (match is None and digits):
                if len(digits) > TWO_IN_ONE and (two := _segments(_DIGITS.findall(chunk), plus, country)):
                    for number, one in enumerate(two):
                        _enter(one, plus and not number, numbers, flags)
                else:
                    _enter(digits, plus, numbers, flags)
                digits, plus = "", False
    return len(numbers) > before


def _segments(groups: list[str], plus: bool, country: str) -> list[str]:
    """Several numbers with nothing but a blank between them, each whole or of seven digits; empty when they are one or none.

    What is left behind the last and too short for a number («… (41)») is dropped.
    """
    if len(groups) < 2 or len(groups) > MOST_GROUPS or _at_home("".join(groups), plus, country):
        return []
    found: list[str] = []
    first = 0
    while first < len(groups):
        for last in range(len(groups), first, -1):
            digits = "".join(groups[first:last])
            if len(digits) == LOCAL or (len(digits) > LONG_NATIONAL and _at_home(digits, plus and not first, country)):
                found.append(digits)
                first = last
                break
        else:
            return found if found and len("".join(groups[first:])) < SHORTEST else []
    return found


def _enter(digits: str, plus: bool, numbers: list[tuple[str, bool, str]], flags: list[str]) -> None:
    if len(digits) < SHORTEST:
        if numbers and len(numbers[-1][0]) > len(digits) + 2 and len(digits) > 1 and not numbers[-1][2]:
            previous, had_plus, _ = numbers[-1]
            numbers.append((previous[: -len(digits)] + digits, had_plus, ""))
            flags.append("tail")
        return
    if len(digits) == 22 and digits[0] in "78" and digits[11] in "78":
        numbers += [(digits[:11], plus, ""), (digits[11:], plus, "")]
        return
    numbers.append((digits, plus, ""))


@lru_cache(maxsize=1 << 12)
def _number(digits: str, plus: bool, country: str) -> Phone | None:
    if len(set(digits)) == 1 or len(digits) > LONGEST + 3 or (len(digits) >= 10 and len(set(digits[-10:])) == 1):
        return None
    if plus and digits.startswith("00"):
        digits = digits[2:]
    if digits.startswith("810") and len(digits) > 12:
        digits, plus = digits[3:], True
    national = _at_home(digits, plus, country)
    if national is not None:
        at_home = national.e164[1] == "7" or national.e164[1:4] in _CIS
        return None if at_home and _is_invented(national.e164[-LOCAL:]) else national
    if len(digits) == LONG_NATIONAL + 1 and digits[0] in "78" and not plus:
        return None  # a digit is missing, and nobody knows where
    if len(digits) < LONG_NATIONAL + 1 and not plus:
        if len(digits) <= LOCAL:
            return None if _is_invented(digits) else Phone(digits)
        if digits[0] in "78" and len(digits) == LOCAL + 1:
            digits = digits[1:]
    if len(digits) > LONGEST:
        return None
    local = digits[-LOCAL:]
    return None if _is_invented(local) else Phone(local)


def _at_home(digits: str, plus: bool, country: str) -> Phone | None:
    """A number with its area: by the plan of `country`, then as Russian, then by its country code; None when none fits."""
    size = len(digits)
    if plus or country not in ("RU", "KZ"):
        found = _international(digits) if plus and digits[0] != "8" else None
        if found:
            return found
        if not plus and (found := _foreign(digits, country)):
            return found
    if size == 12 and digits[:2] in ("78", "87", "77") and (found := _russian(digits[2:])):
        return found
    if digits[:2] == "80" and country not in ("RU", "KZ", "BY") and (found := _foreign(digits[1:], country)):
        return found
    if size == 11 and digits[:2] == "80":
        return _russian(digits[1:]) or _foreign(digits, "BY")
    if size == 11 and digits[0] in "78" and (found := _russian(digits[1:])):
        return found
    if size == 10 and not plus and (found := _russian(digits)):
        return found
    if _CIS.get(digits[:3]) == size - 3:
        return _international(digits)
    return None


def _russian(national: str) -> Phone | None:
    """A number of the plan that Russia and Kazakhstan share, by its ten national digits."""
    if len(set(national)) == 1 or national[3:] in _INVENTED:
        return None
    first = national[0]
    if first == "9" or national[:3] in _RU_AREAS:
        return Phone(national[-LOCAL:], f"+7{national}", "", "RU")
    if first == "7" and national[1] in "0123457689" and national[:2] not in ("73", "78", "79"):
        return Phone(national[-LOCAL:], f"+7{national}", "", "KZ")
    return None


def _international(digits: str) -> Phone | None:
    if digits[0] == "7" and len(digits) == 11:
        return _russian(digits[1:])
    return _parse(f"+{digits}", None)


def _foreign(digits: str, country: str) -> Phone | None:
    return _parse(digits, country)


@lru_cache(maxsize=1 << 13)
def _parse(text: str, country: str | None) -> Phone | None:
    """What the numbering plans of the world say; about 70 µs, which is why the plan at home is read without them."""
    try:
        number = phonenumbers.parse(text, country)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_valid_number(number):
        return None
    national = phonenumbers.national_significant_number(number)
    local = national[-LOCAL:] if len(national) >= LONG_NATIONAL else national[-SHORT_LOCAL:]
    where = phonenumbers.region_code_for_number(number) or _COUNTRY_OF.get(str(number.country_code), "")
    return Phone(local, f"+{number.country_code}{national}", "", where if where != "001" else "")


_INVENTED = frozenset(
    ["0000000", "000000", "1111111", "111111", "1234567", "123456", "12345", "0123456", "7654321", "2345678"]
)


def _is_invented(local: str) -> bool:
    """What people type when a field insists: it is nobody's number, whatever the area."""
    return local in _INVENTED
