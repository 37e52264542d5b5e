"""A text file as records of cells: its delimiter, its lines, and what is wrong with them; read in pieces."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter, deque
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain
from typing import BinaryIO

from estafeta.lists.encoding import errors_of
from estafeta.lists.headings import Vocabulary, find_header
from estafeta.lists.limits import Limits

_SAMPLE = 200_000
_DELIMITERS = (";", ",", "\t", "|")
_LOOKED_AT = 60
_LONGEST_RECORD = 40  # lines; a cell with more of them is a quotation mark that nobody closed
_DECLARED = re.compile(r"sep=(.)(?:\r\n|\r|\n|$)")  # a line that Excel writes and understands


@dataclass(frozen=True, slots=True)
class Record:
    """A record of a text file. `flaw`: `unclosed` (a quotation mark was opened and not closed), `line` (too long)."""

    cells: list[str]
    flaw: str = ""


class _TooManyLines(Exception):
    """The record reaches over more lines than any that somebody typed."""


def find_delimiter(content: BinaryIO, encoding: str, vocabulary: Vocabulary) -> str:
    """The delimiter with which the first rows make the best headings and the most even rows."""
    opened = _opened(content, encoding)
    text = opened.read(_SAMPLE)
    opened.detach()  # or it would close the file with itself
    if declared := _DECLARED.match(text):
        return declared[1]
    lines = list(io.StringIO(text.replace("\0", ""), newline=""))[:_LOOKED_AT]
    best, best_value = ",", (0.0, 0.0)
    for delimiter in _DELIMITERS:
        rows = [[cell.strip() for cell in record.cells] for record in _records(lines, delimiter)]
        header = find_header(rows, vocabulary)
        widths = Counter(len(row) for row in rows if any(row))
        width, times = max(widths.items(), key=lambda found: (found[1], found[0]), default=(1, 0))
        even = times / max(len(rows), 1) if width > 1 else 0.0
        value = (header.score if header else 0.0, even)
        if value > best_value:
            best, best_value = delimiter, value
    return best


def read_records(content: BinaryIO, encoding: str, delimiter: str, limits: Limits) -> Iterator[Record]:
    """The records of a text in order; a blank line is a record without cells, as in a spreadsheet program."""
    opened = _opened(content, encoding)
    try:
        lines = _lines(opened, limits.line)
        first = next(lines, None)
        if first is None:
            return
        if _DECLARED.fullmatch(first):
            yield Record([])
        else:
            lines = chain((first,), lines)
        yield from _records(lines, delimiter, limits.line)
    finally:
        with suppress(ValueError):  # somebody who did not read to the end has closed the file before
            opened.detach()


def _opened(content: BinaryIO, encoding: str) -> io.TextIOWrapper:
    content.seek(0)
    return io.TextIOWrapper(content, encoding, errors_of(encoding), newline="")


def _lines(text: io.TextIOWrapper, longest: int) -> Iterator[str]:
    """The lines with their ends; a line over `longest` characters is cut there, and the rest of it is let go."""
    while line := text.readline(longest):
        whole = line
        while len(whole) == longest and not whole.endswith(("\n", "\r")):
            whole = text.readline(longest)
            if not whole:
                break
        yield line.replace("\0", "") if "\0" in line else line


def _records(lines: Iterable[str], delimiter: str, longest: int = _SAMPLE) -> Iterator[Record]:
    """Read records; one stray quotation mark spoils its own line and no other.

    The csv module takes everything up to the next quotation mark into the cell, which may be the rest of the file.
    So a record over too many lines is read again as one line in which the mark means itself.
    """
    coming, put_back, taken = iter(lines), deque[str](), list[str]()

    def source() -> Iterator[str]:
        while True:
            if len(taken) > _LONGEST_RECORD:
                raise _TooManyLines
            line = put_back.popleft() if put_back else next(coming, None)
            if line is None:
                return
            taken.append(line)
            yield line

    while True:
        reader = csv.reader(source(), delimiter=delimiter)
        while True:
            taken.clear()
            cells: list[str] | None
            try:
                cells = next(reader)
            except StopIteration:
                return
            except (csv.Error, _TooManyLines):  # a cell beyond the module's limit, or a record beyond ours
                cells = None
            if cells is not None and len(taken) > 1 and not put_back:
                # a quotation mark left open at the end of the file is closed silently
                following = next(coming, None)
                if following is not None:
                    put_back.append(following)
                elif "".join(taken).count('"') % 2 == 1:
                    cells = None
            if cells is None:
                break
            yield Record(cells)
        first, *others = taken
        put_back.extendleft(reversed(others))
        if len(first) >= min(longest, csv.field_size_limit()):
            yield Record([first[: csv.field_size_limit() // 2]], flaw="line")
            continue
        literal = next(csv.reader([first], delimiter=delimiter, quoting=csv.QUOTE_NONE), [])
        yield Record(literal, flaw="unclosed")
