"""A file somebody sent (CSV, XLSX, XLSB, XLS, ODS), made into rows of leads."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo

from estafeta.lists import guard
from estafeta.lists.deciding import Ask, Decider, goes_on
from estafeta.lists.headings import COMMENT, OWN, SEARCHED_ROWS, Column, Header, Vocabulary, plain
from estafeta.lists.judging import Ignored, Judge, Rejected, clean
from estafeta.lists.limits import LIMITS, Limits
from estafeta.lists.pouring import Poured, PouredSheet
from estafeta.lists.spool import Leads, Part, Spool, SpooledRow
from estafeta.lists.trouble import (
    EmptyFile,
    FileTooLarge,
    NoHeaderFound,
    UnknownEncoding,
    UnknownHeading,
    UnreadableFile,
    UnsafeArchive,
)
from estafeta.trouble import near

__all__ = [
    "EmptyFile",
    "FileList",
    "FileTooLarge",
    "Ignored",
    "ListSheet",
    "NoHeaderFound",
    "Rejected",
    "UnknownEncoding",
    "UnknownHeading",
    "UnreadableFile",
    "UnsafeArchive",
    "read_list",
]

_LOOKED_AT = SEARCHED_ROWS + 400  # rows of a sheet by whose cells its columns are understood
_PERSON = frozenset({"contact", "surname", "first_name", "patronymic"})

Kind = Literal["list", "questionnaire", "catalogue"]


@dataclass(frozen=True, slots=True)
class ListSheet:
    """One sheet that holds a list (a text file is one sheet without a name).

    `header_row` is the number of the (last) row of headings as the user sees it, from 1; without headings, of the row
    above the first lead. `kind`: a questionnaire has an interest, a wish to be called or a term; a catalogue has
    firms without persons.
    """

    name: str
    header_row: int
    columns: tuple[Column, ...]
    kind: Kind
    poured: PouredSheet = field(repr=False)


@dataclass(frozen=True, slots=True)
class FileList:
    """What a file holds: leads as rows, what was left out or could not be read and why, and how it was understood.

    `rows` are made anew from a temporary file each time they are asked for, so that a long list does not fill the memory.
    """

    path: Path
    format: str
    encoding: str | None
    delimiter: str | None
    sheets: tuple[ListSheet, ...]
    rows: Leads
    ignored: list[Ignored]
    rejected: list[Rejected]
    warnings: list[str]
    spool: Spool = field(repr=False)

    @property
    def mapping(self) -> dict[str, str]:
        """Heading (or letter) → field of all sheets; a column that is no field has `comment`, as it goes there."""
        return {
            column.name: column.field or COMMENT
            for sheet in self.sheets
            for column in sheet.columns
            if (column.heading or column.field) and column.field != OWN
        }

    def cells(self, sheet: ListSheet) -> Iterator[tuple[int, list[str]]]:
        """The rows of a sheet as they came: the number that the user sees, and the cells."""
        for row in self.spool.rows(sheet.poured):
            yield row.number, row.cells


def read_list(
    path: Path,
    *,
    sheet: str | None = None,
    column_map: Mapping[str, str] | None = None,
    ask: Ask | None = None,
    tell: Callable[[int], None] = lambda _rows: None,
    limits: Limits = LIMITS,
    clock: ZoneInfo | None = None,
) -> FileList:
    """Read the list in `path`: every sheet that is a list, or only the sheet called `sheet`.

    `column_map` names the field of headings that are not understood, or of columns by their letter
    (`{"Наш спец": "curator", "C": "phone"}`); `ask` is asked about columns that are not understood beyond doubt.
    `tell` hears now and then how many rows have been read.
    With `clock` it is an agent's list: columns of meetings are read by that clock; else they go into the comment alone.
    A `Row.number` is the number the user sees in a spreadsheet program.
    Nothing of a row is lost: a column without a field goes into its comment as `heading: value`.
    Raises UnreadableFile, EmptyFile, FileTooLarge, UnknownEncoding, UnsafeArchive, NoHeaderFound, UnknownHeading;
    ValueError for a field in `column_map` that does not exist.
    """
    vocabulary, spool = Vocabulary(column_map), Spool()
    guard.look_at(path, limits)
    poured = guard.pour_guarded(path, spool.file, limits, sheet=sheet, headings=column_map, tell=tell)
    if sheet is not None and not any(one.filled for one in poured.sheets if one.name == sheet):
        sheet = _sheet_called(path, sheet, poured)
        spool = Spool()
        poured = guard.pour_guarded(path, spool.file, limits, sheet=sheet, headings=column_map, tell=tell)
    warnings: list[str] = []
    chosen = _choose(path, poured, sheet, warnings)
    decider = Decider(vocabulary, column_map or {}, ask)
    lists: list[tuple[PouredSheet, Header]] = []
    for one in chosen:
        header = decider.header(one.name, _first_rows(spool, one))
        if header is None:
            warnings.append(f"the sheet «{one.name}» has no headings that are understood and was passed over")
        else:
            lists.append((one, header))
    for one, header in list(lists):
        if not goes_on(header, [other for _, other in lists]):
            lists.remove((one, header))
            warnings.append(
                f"the sheet «{one.name}» has no headings, and not the columns of the others: it was passed over; "
                f'--sheet "{one.name}" reads it'
            )
    if not lists:
        first = [(one.name, row.cells) for one in chosen for row in islice(spool.rows(one), 10) if any(row.cells)]
        raise NoHeaderFound(path, first, vocabulary.examples)
    if unused := decider.unused():
        headings = [column.name for _, header in lists for column in header.columns]
        raise UnknownHeading(path, unused, headings)
    result = FileList(
        path, poured.format, poured.encoding, poured.delimiter, (), Leads(spool, ()), [], [], warnings, spool
    )
    sheets, parts = [], []
    for one, header in lists:
        judge = Judge(one, header, limits, text=poured.delimiter is not None, clock=clock)
        parts.append(_read_sheet(one, judge, result, tell))
        sheets.append(ListSheet(one.name, header.last + 1, judge.columns, _kind(judge.columns), one))
        _note_unknown(one.name, judge.columns, warnings)
        warnings += decider.notes.get(one.name, ())
    return FileList(
        path,
        poured.format,
        poured.encoding,
        poured.delimiter,
        tuple(sheets),
        Leads(spool, parts),
        result.ignored,
        result.rejected,
        warnings,
        spool,
    )


def _read_sheet(sheet: PouredSheet, judge: Judge, into: FileList, tell: Callable[[int], None]) -> Part:
    part = Part(sheet, judge.lead)
    for row in into.spool.rows(sheet):
        verdict = judge.judge(row)
        if isinstance(verdict, Ignored):
            into.ignored.append(verdict)
        elif isinstance(verdict, Rejected):
            into.rejected.append(verdict)
        elif not judge.is_heading(row.number):
            part.add(row)
        if not row.number % 10_000:
            tell(row.number)
    return part


def _sheet_called(path: Path, wanted: str, poured: Poured) -> str:
    """The name of the sheet that is meant by `wanted`, written a little otherwise."""
    for one in poured.sheets:
        if plain(one.name) == plain(wanted) and one.name != wanted:
            return one.name
    names = [one.name for one in poured.sheets]
    if wanted in names:
        raise EmptyFile(path, f"the sheet «{wanted}» has no filled cell.", "Name another sheet, or ask for it again.")
    hint = next((f"Did you mean «{name}»? " for name in near(wanted, names, most=1)), "")
    listed = ", ".join(f"«{name}»" for name in names if name) or "none: it is a text file"
    raise UnreadableFile(path, f"it has no sheet «{wanted}».", f"{hint}Its sheets are {listed}.")


def _choose(path: Path, poured: Poured, wanted: str | None, warnings: list[str]) -> list[PouredSheet]:
    filled = [one for one in poured.sheets if one.filled]
    if not filled:
        raise EmptyFile(path, "it has no filled cell.", "Ask for it again.")
    if wanted is not None:
        return [one for one in filled if one.name == wanted]
    visible = [one for one in filled if not one.hidden] or filled
    warnings += [f"the hidden sheet «{one.name}» was passed over" for one in filled if one not in visible]
    return visible


def _first_rows(spool: Spool, sheet: PouredSheet) -> list[list[str]]:
    """The first rows of a sheet, cleaned, with every heading that is merged sideways written into all it covers."""
    top = []
    for row in islice(spool.rows(sheet), _LOOKED_AT):
        cells = [clean(cell) if cell else "" for cell in row.cells]
        top.append(_widened(row, cells) if row.number <= SEARCHED_ROWS else cells)
    return top


def _widened(row: SpooledRow, cells: list[str]) -> list[str]:
    for left, right in row.wide:
        if left < len(cells):
            cells += [""] * (right + 1 - len(cells))
            cells[left : right + 1] = [cells[left]] * (right + 1 - left)
    return cells


def _kind(columns: tuple[Column, ...]) -> Kind:
    fields = {column.field for column in columns}
    if fields & {"callback", "term", "filled_on"} or ("interest" in fields and fields & _PERSON):
        return "questionnaire"
    return "catalogue" if "company" in fields and not fields & _PERSON else "list"


def _note_unknown(sheet: str, columns: tuple[Column, ...], warnings: list[str]) -> None:
    unknown = [column.heading for column in columns if column.field is None and column.heading]
    if unknown:
        where = f"sheet «{sheet}»: " if sheet else ""
        warnings.append(f"{where}columns that are no field go into the comment: {', '.join(unknown)}")
