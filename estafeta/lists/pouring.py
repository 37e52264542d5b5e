"""A file poured into a spool as rows of cells, one JSON line each: what the child process does, and nothing else.

A line of the spool is the list of a row's cells as they came, without the blank ones at its end; a row about which more
is known is `{"cells", "flaw", "wide"}`. Where each sheet lies is told in the `Poured` that is returned.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from estafeta.lists.encoding import find_encoding
from estafeta.lists.headings import Vocabulary
from estafeta.lists.limits import Limits
from estafeta.lists.plain_text import Record, find_delimiter, read_records
from estafeta.lists.trouble import FileTooLarge
from estafeta.lists.workbook import Workbook, WorkbookRow, check_archive

ARCHIVE, OLD_WORKBOOK = b"PK\x03\x04", b"\xd0\xcf\x11\xe0"
_EVERY = 2_000  # rows between two tidings of progress


@dataclass(frozen=True, slots=True)
class PouredSheet:
    """A sheet in the spool: the bytes from `start` to `end`, its rows up to the last filled one, and their widths."""

    name: str
    hidden: bool
    start: int
    end: int
    rows: int
    widths: dict[int, int]
    """How many rows have so many cells; 0 is a blank row."""

    @property
    def filled(self) -> bool:
        """Whether any cell holds anything."""
        return any(self.widths)


@dataclass(frozen=True, slots=True)
class Poured:
    """What a file turned out to be; `encoding` and `delimiter` only of a text."""

    format: str
    encoding: str | None
    delimiter: str | None
    sheets: tuple[PouredSheet, ...]


def pour(
    path: Path,
    into: BinaryIO,
    limits: Limits,
    *,
    sheet: str | None = None,
    headings: Mapping[str, str] | None = None,
    tell: Callable[[int], None] = lambda _rows: None,
) -> Poured:
    """Pour the rows of `path` into `into`: all sheets, or the one whose name is exactly `sheet`.

    `headings` are those the operator named; they help to find the delimiter. `tell` hears now and then how many rows
    there are. Raises FileTooLarge, UnknownEncoding, UnreadableFile, UnsafeArchive.
    """
    with path.open("rb") as content:
        head = content.read(8)
        if not head.startswith((ARCHIVE, OLD_WORKBOOK)):
            encoding = find_encoding(path, content)
            delimiter = find_delimiter(content, encoding, Vocabulary(headings))
            pourer = _Pourer(path, into, limits, tell)
            pourer.sheet("", False, read_records(content, encoding, delimiter, limits))
            return Poured("csv", encoding, delimiter, tuple(pourer.sheets))
    if head.startswith(ARCHIVE):
        check_archive(path, limits)
    book, pourer = Workbook(path, limits), _Pourer(path, into, limits, tell)
    for name, hidden in book.sheets():
        if sheet is None or name == sheet:
            pourer.sheet(name, hidden, book.rows(name))
        else:
            pourer.name_only(name, hidden)
    return Poured(path.suffix.lower().lstrip(".") or "xlsx", None, None, tuple(pourer.sheets))


class _Pourer:
    def __init__(self, path: Path, into: BinaryIO, limits: Limits, tell: Callable[[int], None]) -> None:
        self._path, self._into, self._limits, self._tell = path, into, limits, tell
        self._told = self._rows = self._place = 0
        self.sheets: list[PouredSheet] = []

    def name_only(self, name: str, hidden: bool) -> None:
        self.sheets.append(PouredSheet(name, hidden, self._place, self._place, 0, {}))

    def sheet(self, name: str, hidden: bool, rows: Iterable[Record | WorkbookRow]) -> None:
        start, count, blank = self._place, 0, 0
        widths: Counter[int] = Counter()
        for row in rows:
            cells = row.cells
            while cells and not cells[-1]:
                cells.pop()
            if not cells:
                blank += 1  # written when a filled row follows: what lies behind the last one is no row
                continue
            if self._rows + count + blank >= self._limits.rows:
                where = f"with the sheet «{name}» " if name else ""
                problem = f"{where}it has more than {self._limits.rows:,} rows."
                raise FileTooLarge(self._path, problem, "Split it and import the parts.")
            if blank:
                self._write("[]\n" * blank)
                widths[0] += blank
                count, blank = count + blank, 0
            widths[len(cells)] += 1
            count += 1
            self._write(self._line(row, cells))
            if self._rows + count - self._told >= _EVERY:
                self._told = self._rows + count
                self._tell(self._told)
        self._rows += count
        self.sheets.append(PouredSheet(name, hidden, start, self._place, count, dict(widths)))

    def _line(self, row: Record | WorkbookRow, cells: list[str]) -> str:
        flaw = row.flaw if isinstance(row, Record) else ""
        wide = row.wide if isinstance(row, WorkbookRow) else ()
        if len(cells) > self._limits.columns:
            flaw = f"{len(cells)} cells"
            del cells[self._limits.columns :]
        if max(map(len, cells)) > self._limits.cell:
            cells = [cell[: self._limits.cell] for cell in cells]
        if flaw or wide:
            return json.dumps({"cells": cells, "flaw": flaw, "wide": wide}, ensure_ascii=False) + "\n"
        return json.dumps(cells, ensure_ascii=False) + "\n"

    def _write(self, text: str) -> None:
        self._place += self._into.write(text.encode("utf-8", "surrogatepass"))
