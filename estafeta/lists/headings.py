"""Which field a heading means, and where in a sheet the row of headings stands."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

# those of shared.commands.LeadFields, in its order: named again so that the child process loads no more than it needs
LEAD_FIELDS = (
    *("company", "contact", "phone", "fax", "email", "website", "city", "region", "postal_code", "address", "tax_id"),
    *("position", "activity", "interest", "comment", "callback", "term", "filled_on"),
)
READER_FIELDS = ("curator", "surname", "first_name", "patronymic", "extension", "country", "row_id")
MEETING_FIELDS = ("meeting_on", "meeting_at", "meeting_minutes")
FIELDS = (*LEAD_FIELDS, *READER_FIELDS, *MEETING_FIELDS)
"""What a column may be mapped to."""
COMMENT, OWN, NO_FIELD = "comment", "own", "-"

KEYS = frozenset({"company", "contact", "surname", "first_name", "phone", "fax", "email", "website", "tax_id"})
"""Who the lead is: a list has a column of one of them."""
SEARCHED_ROWS = 60  # a cover page over a list is rarely longer than a printed page
_SURE, _LIKELY = 1.0, 0.6
_NUMBER = re.compile(r"\d{5}")
_ACCENT = re.compile(r"(?<=[a-z])[\u0300-\u036f]+")
_NAMED = re.compile(r"\[=\s*(\w+)\s*\]\s*$")


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a sheet: its place from 0, its heading, and its field (None: goes into the comment).

    `by` tells what named the field: `heading`, `content` (the cells under it) or `operator` (`--map`, or asked).
    """

    index: int
    heading: str
    field: str | None
    by: str = "heading"

    @property
    def name(self) -> str:
        """What the column is called to people: its heading, or else its letter."""
        return _NAMED.sub("", self.heading).strip() or self.letter

    @property
    def letter(self) -> str:
        """The name a spreadsheet program gives the column: 0 → A, 26 → AA."""
        name, number = "", self.index + 1
        while number:
            number, rest = divmod(number - 1, 26)
            name = chr(65 + rest) + name
        return name


@dataclass(frozen=True, slots=True)
class Header:
    """Where the headings are: `first` and `last` row from 0 (they may stand in two rows), and the columns.

    A list without headings begins at row `first`, and `last` is the row before it.
    """

    first: int
    last: int
    columns: tuple[Column, ...]
    score: float


def plain(heading: str) -> str:
    """A heading as it is compared: lower case, ё = е, no accents on Latin letters, words of
    letters and digits parted by single spaces.
    """
    text = heading.replace("№", " номер ").replace("#", " номер ")
    text = unicodedata.normalize("NFKC", text).casefold().replace("ё", "е")
    if not text.isascii():
        bare = _ACCENT.sub("", unicodedata.normalize("NFD", text))
        text = unicodedata.normalize("NFC", bare)
    text = re.sub(r"ф\.\s*и\.\s*о\b", "фио", text)
    return " ".join(re.findall(r"[^\W_]+", text))


class Vocabulary:
    """The headings that are understood: the shipped ones, and what the operator adds for one file."""

    def __init__(self, added: Mapping[str, str] | None = None) -> None:
        """`added` maps headings to fields; a field that does not exist is a ValueError that lists the fields."""
        wrong = sorted(set((added or {}).values()) - {*FIELDS, NO_FIELD})
        if wrong:
            raise ValueError(f"no such field: {', '.join(wrong)}; fields are {', '.join(FIELDS)}")
        whole, self._beginnings, self.examples = _shipped()
        self._added = {plain(heading): field for heading, field in (added or {}).items() if len(heading) > 1}
        self._whole = whole | self._added
        self._known: dict[str, tuple[str, float]] = {}

    def meaning(self, heading: str) -> tuple[str | None, float]:
        """The field that `heading` means and how sure that is (0 … 1); `(None, 0)` when it is not understood."""
        field, sure = self._found(heading)
        return (field if sure else None), sure

    def is_turned_away(self, heading: str) -> bool:
        """Whether `heading` is understood, and means that its column is no field: a date, a size, a consent."""
        return self._found(heading)[0] == NO_FIELD

    def is_named(self, heading: str) -> bool:
        """Whether it was the operator who named the field of `heading`."""
        return any(form in self._added for form in self._forms(heading)) or bool(_NAMED.search(heading))

    def _found(self, heading: str) -> tuple[str, float]:
        found = self._known.get(heading)
        if found is None:
            found = self._known[heading] = self._look_up(heading)
        return found

    def _look_up(self, heading: str) -> tuple[str, float]:
        if not heading or len(heading) > 200 or "@" in heading:
            return "", 0.0
        if (named := _NAMED.search(heading)) and named[1] in FIELDS:
            return named[1], _SURE  # as a file of rejected rows has it where the heading alone says nothing
        for form in self._forms(heading):
            if field := self._whole.get(form):
                return field, 0.0 if field == NO_FIELD else _SURE
        if len(heading) > 80 or _NUMBER.search(heading):
            return "", 0.0
        words = plain(heading).split()
        for beginning, field in self._beginnings:
            if any(word.startswith(beginning) for word in words):
                return field, 0.0 if field == NO_FIELD else _LIKELY
        return "", 0.0

    @staticmethod
    def _forms(heading: str) -> list[str]:
        """The heading as it stands, without brackets, without a number at its end, and each part of `a / b`."""
        bare = re.sub(r"\([^)]*\)|\[[^]]*\]", " ", heading)
        forms = [plain(heading), plain(bare)]
        forms += [re.sub(r"(?:\s+номер)?\s*\d+$", "", form) for form in forms]
        forms += [plain(part) for part in re.split(r"[/|\n]", bare)] if re.search(r"[/|\n]", bare) else []
        return [form for form in forms if form]


@cache
def _shipped() -> tuple[dict[str, str], list[tuple[str, str]], dict[str, str]]:
    whole: dict[str, str] = {}
    beginnings: list[tuple[str, str]] = []
    examples: dict[str, str] = {}
    for line in (files("estafeta.lists") / "headings.tsv").read_text("utf-8").splitlines():
        if not line or line.startswith("#"):
            continue
        field, heading = line.split("\t")
        if heading.endswith("…"):
            beginnings.append((heading[:-1], field))
        else:
            whole.setdefault(plain(heading), field)
            if field in LEAD_FIELDS or field == "curator":
                examples.setdefault(field, heading)
    return whole, beginnings, examples


def known_words() -> frozenset[str]:
    """The words of all shipped headings, as they are compared: they betray in which encoding a text file is."""
    return frozenset(word for heading in _shipped()[0] for word in heading.split() if len(word) > 2)


def find_header(rows: Sequence[Sequence[str]], vocabulary: Vocabulary) -> Header | None:
    """The row of headings among the first rows of a sheet, or two rows that make one; None when there is none.

    It must name two different fields, one of which tells who the lead is; one field is enough when it is named
    beyond doubt, and other headings stand beside it or the sheet has one column.
    """
    best: Header | None = None
    for at, row in enumerate(rows[:SEARCHED_ROWS]):
        if sum(map(bool, row)) == 0:
            continue
        single = _header(at, at, list(row), vocabulary)
        best = _better(best, single, rows)
        below = rows[at + 1] if at + 1 < len(rows) else ()
        if below and not any("@" in cell or _NUMBER.search(cell) for cell in below):
            double = _header(at, at + 1, _joined(row, below, vocabulary), vocabulary)
            alone = _header(at + 1, at + 1, list(below), vocabulary)
            if double.score > max(single.score, alone.score) and _carries(below, double, single):
                best = _better(best, double, rows)
    return best


def _carries(below: Sequence[str], double: Header, single: Header) -> bool:
    """Whether the lower row is a part of the headings: it made columns understood."""
    alone = {column.index: column.field for column in single.columns}
    understood = {column.index: column.field for column in double.columns if column.field}
    cells = [index for index, cell in enumerate(below) if cell]
    won = [index for index in cells if index in understood and understood[index] != alone.get(index)]
    return bool(won) and sum(index in understood for index in cells) * 2 >= len(cells)


def _joined(upper: Sequence[str], lower: Sequence[str], vocabulary: Vocabulary) -> list[str]:
    """Two rows of headings as one: an upper heading reaches over the blank cells to its right that have a lower one."""
    joined: list[str] = []
    over = ""
    for index in range(max(len(upper), len(lower))):
        top = upper[index] if index < len(upper) else ""
        bottom = lower[index] if index < len(lower) else ""
        over = top or (over if bottom else "")
        both = f"{over} {bottom}".strip()
        if not bottom or bottom == over:
            joined.append(over)
        elif vocabulary.meaning(bottom)[1] >= max(vocabulary.meaning(both)[1], vocabulary.meaning(over)[1] - 0.5):
            joined.append(bottom)
        else:
            joined.append(both)
    return joined


def _header(first: int, last: int, headings: list[str], vocabulary: Vocabulary) -> Header:
    columns = []
    best: dict[str, float] = {}
    for index, heading in enumerate(headings):
        field, sure = vocabulary.meaning(heading)
        by = "operator" if field and vocabulary.is_named(heading) else "heading"
        columns.append(Column(index, heading, field, by))
        if field:
            best[field] = max(best.get(field, 0.0), sure)
    # a second column of the same field (Телефон 2) is a heading as well, but a weaker sign
    again = sum(1 for column in columns if column.field) - len(best)
    return Header(first, last, tuple(columns), sum(best.values()) + again / 10)


def _better(best: Header | None, other: Header, rows: Sequence[Sequence[str]]) -> Header | None:
    if best is not None and other.score <= best.score:
        return best
    fields = {column.field for column in other.columns if column.field}
    if not fields & KEYS:
        return best
    width = max(sum(map(bool, row)) for row in rows[:SEARCHED_ROWS])
    beside = sum(1 for column in other.columns if column.heading)
    wanted = 2 * _LIKELY if len(fields) > 1 else _SURE if width == 1 or beside > 1 else 99
    return other if other.score >= wanted else best
