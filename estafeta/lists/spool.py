"""The rows of a file on disk: written once by the child process, read again row by row, never all in memory."""

from __future__ import annotations

import json
import tempfile
import weakref
from array import array
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO, cast, overload

from estafeta.lists.pouring import PouredSheet
from shared.commands import Row

_PIECE = 512 * 1024


@dataclass(frozen=True, slots=True)
class SpooledRow:
    """A row as it came: where it lies in the spool, its number from 1, its cells, what is wrong with it."""

    place: int
    number: int
    cells: list[str]
    flaw: str = ""
    wide: tuple[tuple[int, int], ...] = ()


class Spool:
    """A temporary file without a name: it is gone when nobody holds the spool any more, or the program ends."""

    def __init__(self) -> None:
        self.file = cast("BinaryIO", tempfile.TemporaryFile(buffering=0))  # noqa: SIM115
        weakref.finalize(self, self.file.close)

    def rows(self, sheet: PouredSheet) -> Iterator[SpooledRow]:
        """The rows of a sheet in order; several may be read at once, and some of them not to the end."""
        rest, place, number, at = b"", sheet.start, 0, sheet.start
        while place < sheet.end:
            self.file.seek(place)
            piece = self.file.read(min(_PIECE, sheet.end - place))
            if not piece:
                return
            place += len(piece)
            *lines, rest = (rest + piece).split(b"\n")
            for line in lines:
                number += 1
                yield _row(line, at, number)
                at += len(line) + 1

    def row(self, place: int, number: int) -> SpooledRow:
        """The row that lies at `place`."""
        self.file.seek(place)
        line = b""
        while b"\n" not in line:
            piece = self.file.read(4096)
            if not piece:
                break
            line += piece
        return _row(line.partition(b"\n")[0], place, number)


def _row(line: bytes, place: int, number: int) -> SpooledRow:
    found = json.loads(line)
    if isinstance(found, list):
        return SpooledRow(place, number, found)
    wide = tuple((left, right) for left, right in found["wide"])
    return SpooledRow(place, number, found["cells"], found["flaw"], wide)


class Part:
    """The leads of one sheet: where their rows lie, their numbers, and how a row of cells is made into a lead."""

    def __init__(self, sheet: PouredSheet, make: Callable[[SpooledRow], Row]) -> None:
        self.sheet, self.make = sheet, make
        self.places, self.numbers = array("Q"), array("L")

    def add(self, row: SpooledRow) -> None:
        """Count `row` among the leads."""
        self.places.append(row.place)
        self.numbers.append(row.number)


class Leads(Sequence[Row]):
    """The leads of a list, in order: made anew from the spool each time they are asked for; 12 bytes of memory each."""

    def __init__(self, spool: Spool, parts: Sequence[Part]) -> None:
        self._spool, self._parts = spool, tuple(parts)

    def __len__(self) -> int:
        return sum(len(part.places) for part in self._parts)

    @overload
    def __getitem__(self, index: int) -> Row: ...
    @overload
    def __getitem__(self, index: slice) -> list[Row]: ...
    def __getitem__(self, index: int | slice) -> Row | list[Row]:
        if isinstance(index, slice):
            return [self[at] for at in range(*index.indices(len(self)))]
        at = index + len(self) if index < 0 else index
        for part in self._parts:
            if 0 <= at < len(part.places):
                return part.make(self._spool.row(part.places[at], part.numbers[at]))
            at -= len(part.places)
        raise IndexError(index)

    def __iter__(self) -> Iterator[Row]:
        for part in self._parts:
            wanted = iter(part.places)
            place = next(wanted, None)
            for row in self._spool.rows(part.sheet):
                if place is None:
                    break
                if row.place == place:
                    place = next(wanted, None)
                    yield part.make(row)
