"""The rows of one sheet, judged: which are leads, which are none, and which cannot go in as they are."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal
from zoneinfo import ZoneInfo

from estafeta.lists.columns import plan
from estafeta.lists.headings import OWN, Column, Header
from estafeta.lists.limits import MAX_CELL, Limits
from estafeta.lists.meetings import Meetings, Unclear
from estafeta.lists.pouring import PouredSheet
from estafeta.lists.spool import SpooledRow
from shared.commands import LeadFields, Row

_FOOTER = re.compile(
    r"(?:итого|всего|total|subtotal|составил\w*|подпись|конец списка)\b(?:[^:]{0,40}:.*|[\d\s.,]*)",
    re.IGNORECASE | re.DOTALL,
)
_BLANK = dict.fromkeys(LeadFields.model_fields, "")
_NO_TEXT = re.compile(r"[\ud800-\udfff]")
_UNSEEN = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\u200b\ufeff]")
_SHEET_ESCAPE = re.compile(r"'(?=[=+\-@\t\r\n])")

Why = Literal["blank", "title", "footer", "headings again"]


@dataclass(frozen=True, slots=True)
class Ignored:
    """A row that is no lead: `reason` is `blank`, `title`, `footer` or `headings again`."""

    sheet: str
    number: int
    reason: Why


@dataclass(frozen=True, slots=True)
class Rejected:
    """A row that cannot go in as it is: why, and how to mend it. The other rooms' refusals are told in it as well."""

    sheet: str
    number: int
    reason: str
    remedy: str


def clean(cell: str) -> str:
    """A cell without what nobody sees: signs that do not print, blanks at its ends, the mark against calculating."""
    if not cell.isprintable():
        cell = _UNSEEN.sub("", cell.replace("\r\n", "\n").replace("\r", "\n"))
    if cell.startswith("'"):
        cell = _SHEET_ESCAPE.sub("", cell, count=1)
    return cell.strip()


class Judge:
    """Judges the rows of one sheet and makes leads of them; `columns` are all it has, those without a heading too."""

    def __init__(
        self, sheet: PouredSheet, header: Header, limits: Limits, *, text: bool, clock: ZoneInfo | None = None
    ) -> None:
        self._sheet, self._header, self._limits = sheet.name, header, limits
        width = len(header.columns)
        beyond = sum(count for cells, count in sheet.widths.items() if cells > width)
        # a few rows longer than the headings hold a stray delimiter; many of them hold a column without a heading
        self._most = width if text and beyond * 5 <= sheet.rows else None
        columns = list(header.columns)
        if self._most is None:
            widest = min(max(sheet.widths, default=width), limits.columns)
            columns += [Column(index, "", None) for index in range(width, widest)]
        self.columns = tuple(columns)
        self._fields_of = plan(columns)
        meetings = Meetings(columns, clock) if clock else None
        self._meetings = meetings or None  # most lists have none
        self._headings = [column.heading for column in header.columns if column.heading]
        self._numbers = {column.index for column in columns if column.field in ("row_id", OWN)}
        self._lower: list[str] | None = None

    def judge(self, row: SpooledRow) -> Ignored | Rejected | None:
        """What keeps a row from being a lead; None when nothing does. Rows come in order."""
        at = row.number - 1
        cells = [clean(cell) if cell else "" for cell in row.cells]
        if self._header.first <= at <= self._header.last:
            self._lower = [cell for cell in cells if cell]
            return None
        why = self._no_lead(cells, at)
        if why is None and any(right - left >= 2 for left, right in row.wide):
            filled = [cell for cell in cells if cell]
            why = _title(filled) if len(filled) == 1 else None
        if why:
            return Ignored(self._sheet, row.number, why)
        fault = self._fault(cells, row.flaw)
        if fault is None:
            fields, _ = self._fields_of(cells)
            wrong = next((name for name, value in fields.items() if len(value) > MAX_CELL), None)
            if wrong:
                reason = f"{wrong} is {len(fields[wrong])} characters long with all columns that go into it"
                fault = reason, f"Shorten it to {MAX_CELL}."
        if fault is None and self._meetings:
            try:
                self._meetings.of(cells)
            except Unclear as unclear:
                fault = unclear.reason, unclear.remedy
        return Rejected(self._sheet, row.number, *fault) if fault else None

    def is_heading(self, number: int) -> bool:
        """Whether the row with this number is (one of) the headings."""
        return self._header.first < number <= self._header.last + 1

    def lead(self, row: SpooledRow) -> Row:
        """The lead of a row that was judged to be one."""
        cells = [clean(cell) if cell else "" for cell in row.cells]
        fields, curator = self._fields_of(cells)
        # everything that the models would check has been checked; building them unchecked is 10 times faster
        known = LeadFields.model_construct(None, **(_BLANK | fields))
        call = self._meetings.of(cells) if self._meetings else None
        return Row.model_construct(sheet=self._sheet, number=row.number, curator=curator, fields=known, call=call)

    def _no_lead(self, row: list[str], at: int) -> Why | None:
        filled = [cell for cell in row if cell]
        if not filled:
            return "blank"
        if at < self._header.first:
            return "title"
        if filled in (self._lower, self._headings):
            return "headings again"
        if len(filled) <= len(self._numbers) and not any(
            cell for index, cell in enumerate(row) if index not in self._numbers
        ):
            # a number alone is a form that nobody filled in; words in its column are a title over a part of the list
            return _title(filled) if any(re.search(r"[^\W\d_]{2}", cell) for cell in filled) else "blank"
        # a firm may be called «Всего хорошего»: only a colon or a sum makes it a footer
        if _is_footer(filled) and all(re.fullmatch(r"[\d\s.,%]{1,9}", cell) for cell in filled[1:]):
            return "footer"
        return None

    def _fault(self, row: list[str], flaw: str) -> tuple[str, str] | None:
        """What makes a row impossible to take as it is, and how to mend it."""
        if flaw == "unclosed":
            return "a quotation mark is opened and never closed", 'Close it, or write it twice ("") where it is meant.'
        if flaw == "line":
            return "its line is too long to be a row of a list", "Break it into rows; look for lost line ends."
        if flaw:
            return f"it has {flaw}; at most {self._limits.columns:,} are read", "Delete the columns behind the table."
        if self._most is not None and any(row[self._most :]):
            return (
                f"it has {len(row)} cells under {self._most} headings, so it is not clear which is which",
                "Put the cell that holds a delimiter into quotation marks.",
            )
        whole = "".join(row)
        if len(whole) <= MAX_CELL and not _NO_TEXT.search(whole):
            return None
        for index, cell in enumerate(row):
            name = self.columns[index].name if index < len(self.columns) else Column(index, "", None).letter
            if len(cell) > MAX_CELL:
                many = f"{len(cell)} characters" if len(cell) < self._limits.cell else "far too many characters"
                return f"the cell «{name}» is {many} long", f"Shorten it to {MAX_CELL}."
            if _NO_TEXT.search(cell):
                return f"the cell «{name}» holds bytes that are no text", "Type the cell anew."
        return None


def _is_footer(filled: Sequence[str]) -> bool:
    return bool(_FOOTER.fullmatch(filled[0]))


def _title(filled: Sequence[str]) -> Why:
    return "footer" if _is_footer(filled) else "title"
