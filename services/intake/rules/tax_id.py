"""Is this the number under which the state knows the firm? Accepted only when its check digits are right (MATCHING §8)."""

from __future__ import annotations

import re

_RUNS = re.compile(r"(?<!\d)\d{9,15}(?!\d)")
_TEN = (2, 4, 10, 3, 5, 9, 4, 6, 8)
_ELEVEN = (7, *_TEN)
_TWELVE = (3, *_ELEVEN)
_BELARUS = (29, 23, 19, 17, 13, 7, 5, 3)
_MOLDOVA = (7, 3, 1) * 4


def normalise(raw: str) -> tuple[str, tuple[str, ...]]:
    """The tax number in `raw`: a Russian ИНН bare, a Kazakh БИН as `KZ…`, a Belarusian УНП as `BY…`, a Moldavian
    IDNO as `MD…`; empty when none is valid. A number that decides (MATCHING §8) must be beyond doubt, so one that two countries
    could have given, and one of a country whose numbers cannot be checked, is none.

    Flags: tax_id_invalid, when there were digits but no number that checks; tax_id_padded, when a spreadsheet had
    dropped the leading nought; tax_id_ambiguous, when two countries could have given it.
    """
    if not raw:
        return "", ()
    runs = _RUNS.findall(raw.replace(" ", "").replace("\u00a0", ""))
    for run in runs:
        if is_inn(run):
            return run, ()
        if is_kazakh(run):
            return f"KZ{run}", ()
    for run in runs:
        padded = len(run) in (9, 11) and is_inn(f"0{run}")
        if is_belarusian(run):
            return ("", ("tax_id_ambiguous",)) if padded else (f"BY{run}", ())
        if padded:
            return f"0{run}", ("tax_id_padded",)
        if is_moldavian(run):
            return f"MD{run}", ()
    return "", ("tax_id_invalid",) if any(character.isdigit() for character in raw) and raw.strip("0 -./") else ()


def _check(digits: str, weights: tuple[int, ...], modulus: int = 11) -> int:
    return sum(int(digit) * weight for digit, weight in zip(digits, weights, strict=False)) % modulus


def is_inn(digits: str) -> bool:
    """A Russian ИНН: ten digits of a company or twelve of a person, with right check digits."""
    if not digits.isascii() or len(set(digits)) == 1:
        return False
    if len(digits) == 10:
        return _check(digits, _TEN) % 10 == int(digits[9])
    if len(digits) == 12:
        return _check(digits, _ELEVEN) % 10 == int(digits[10]) and _check(digits, _TWELVE) % 10 == int(digits[11])
    return False


def is_kazakh(digits: str) -> bool:
    """A Kazakh БИН or ИИН: twelve digits, the last of them a check."""
    if not digits.isascii() or len(digits) != 12 or len(set(digits)) == 1:
        return False
    check = _check(digits, tuple(range(1, 12)))
    if check == 10:
        check = _check(digits, (3, 4, 5, 6, 7, 8, 9, 10, 11, 1, 2))
    return check == int(digits[11]) and 1 <= int(digits[2:4]) <= 12


def is_belarusian(digits: str) -> bool:
    """A Belarusian УНП of a company: nine digits, the last of them a check."""
    if not digits.isascii() or len(digits) != 9 or len(set(digits)) == 1 or digits[0] not in "1234567":
        return False
    return _check(digits, _BELARUS) == int(digits[8])


def is_moldavian(digits: str) -> bool:
    """A Moldavian IDNO of a company: thirteen digits, the first 1, the last a check; and no Russian ОГРН."""
    if not digits.isascii() or len(digits) != 13 or digits[0] != "1" or len(set(digits)) < 4:
        return False
    return _check(digits, _MOLDOVA, 10) == int(digits[12]) and int(digits[:12]) % 11 % 10 != int(digits[12])
