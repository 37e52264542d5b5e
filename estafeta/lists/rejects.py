"""Rejected rows, written beside the file they came from as a workbook, each with its reason and its remedy."""

from __future__ import annotations

import re
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

import xlsxwriter
from xlsxwriter.exceptions import XlsxWriterException

from estafeta.lists.headings import COMMENT, OWN, Column, Vocabulary
from estafeta.lists.reading import FileList, ListSheet, Rejected
from estafeta.trouble import Trouble

# These headings are known to the reader (field `own`), so a mended file can be imported as it is.
_ROW = "Строка исходного файла / Row of the input"
_REASON = "Причина отказа / Why rejected"
_REMEDY = "Как исправить / How to mend it"
_OWN = (_ROW, _REASON, _REMEDY)
_NAMELESS = "Отказы"
_ACTIVE = ("=", "+", "-", "@", "\t", "\r")
_NUMBER = re.compile(r"[+-][\d\s()+.,;/–-]*")
_NO_TEXT = re.compile(r"[\ud800-\udfff]")
_NO_NAME = re.compile(r"[\[\]:*?/\\]")
_MOST = 32_000
"""Characters of a cell; a workbook takes 32,767."""
_NO_URLS = {
    "constant_memory": True,
    "strings_to_formulas": False,
    "strings_to_urls": False,
    "strings_to_numbers": False,
}


class RejectsNotWritten(Trouble):
    """The file of rejected rows could not be written beside the input."""


def write_rejects(listed: FileList, refused: Iterable[Rejected] = ()) -> Path | None:
    """Write what the reader and the rooms rejected into `<name>-rejected.xlsx` beside the input; None without rejects.

    Each sheet of the input that holds a list and has rejects is a sheet: its own columns, then the row, the reason and
    the remedy. Every cell is text, none is a formula; one that a spreadsheet program would calculate if it were
    saved as CSV has a `'` before it, which the reader takes off again. A column that only the operator or its cells
    made understood bears its field in the heading (`Поле 7 [=phone]`). So the file can be mended and imported as it
    is. An older file of rejects is replaced. Raises RejectsNotWritten.
    """
    by_row: dict[str, dict[int, list[Rejected]]] = {}
    for fault in (*listed.rejected, *refused):
        by_row.setdefault(fault.sheet, {}).setdefault(fault.number, []).append(fault)
    if not by_row:
        return None
    target = listed.path.with_name(f"{listed.path.stem}-rejected.xlsx")
    new = target.with_name(f"{target.name}.part")
    try:
        with xlsxwriter.Workbook(new, _NO_URLS) as book:
            # text that stays text when somebody types over it
            text = book.add_format({"num_format": "@", "quote_prefix": True})
            bold = book.add_format({"num_format": "@", "bold": True})
            for sheet in listed.sheets:
                if faults := by_row.get(sheet.name):
                    _write_sheet(book, listed, sheet, faults, text, bold)
        # a file that is there is whole: nobody mends half of one
        new.replace(target)
    except (OSError, XlsxWriterException) as error:
        with suppress(OSError):
            new.unlink(missing_ok=True)
        reason = getattr(error, "strerror", None) or str(error)
        raise RejectsNotWritten(
            f"{target} cannot be written ({reason}); {sum(map(len, by_row.values()))} rejected rows are not on disk.",
            "Close it if it is open, give the right to write there, and import again: nothing goes in twice.",
        ) from None
    return target


def _write_sheet(
    book: xlsxwriter.Workbook,
    listed: FileList,
    sheet: ListSheet,
    faults: dict[int, list[Rejected]],
    text: object,
    bold: object,
) -> None:
    page = book.add_worksheet(_NO_NAME.sub(" ", sheet.name)[:31].strip("' ") or _NAMELESS)
    # an own column of a file of rejects that was mended and rejected again is written anew
    columns = [column for column in sheet.columns if column.field != OWN]
    page.set_column(0, len(columns) - 1, 22)
    page.set_column(len(columns), len(columns), 12)
    page.set_column(len(columns) + 1, len(columns) + 2, 60)
    page.freeze_panes(1, 0)
    known = Vocabulary()
    for index, heading in enumerate((*(_heading(column, known) for column in columns), *_OWN)):
        page.write_string(0, index, _safe(heading), bold)
    at = 0
    for number, cells in listed.cells(sheet):
        if number not in faults:
            continue
        at += 1
        reason = "; ".join(dict.fromkeys(fault.reason for fault in faults[number]))
        remedy = " ".join(dict.fromkeys(fault.remedy for fault in faults[number]))
        own = [cells[column.index] if column.index < len(cells) else "" for column in columns]
        # cells that stand under no heading follow: nothing of a row is lost
        beyond = " | ".join(cells[len(sheet.columns) :])
        for index, cell in enumerate((*own, str(number), reason, remedy, *([beyond] if beyond else []))):
            if cell:
                page.write_string(at, index, _safe(cell), text)


def _heading(column: Column, known: Vocabulary) -> str:
    """The heading, with its field behind it when the heading alone would not be understood so."""
    if column.by == "heading" or column.field is None:
        return column.heading
    if column.field != COMMENT and known.meaning(column.heading)[0] == column.field:
        return column.heading
    return f"{column.name} [={column.field}]"


def _safe(cell: str) -> str:
    """A cell that no program takes for a formula, even if the workbook is saved as CSV; telephones keep their plus."""
    cell = _NO_TEXT.sub("\ufffd", cell)
    if len(cell) > _MOST:
        cell = f"{cell[:_MOST]} … (cut here: the whole cell is in the input)"
    return f"'{cell}" if cell.startswith(_ACTIVE) and not _NUMBER.fullmatch(cell) else cell
