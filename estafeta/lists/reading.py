"""A file somebody sent (CSV, XLSX and kin), made into rows of leads."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from estafeta.lists.columns import plan
from estafeta.lists.headings import SEARCHED_ROWS, Column, Header, Vocabulary, find_header, plain
from estafeta.lists.plain_text import decode, find_delimiter, read_records
from estafeta.lists.trouble import (
    EmptyFile,
    FileTooLarge,
    NoHeaderFound,
    UnknownEncoding,
    UnreadableFile,
    UnsafeArchive,
)
from estafeta.lists.workbook import Sheet, check_archive, read_workbook
from estafeta.trouble import near
from shared.commands import LeadFields, Row

__all__ = [
    "EmptyFile",
    "FileList",
    "FileTooLarge",
    "Ignored",
    "ListSheet",
    "NoHeaderFound",
    "Rejected",
    "UnknownEncoding",
    "UnreadableFile",
    "UnsafeArchive",
    "read_list",
]

MAX_BYTES = 100 * 1024**2
MAX_ROWS = 1_000_000
MAX_CELL = 2_000
_FOOTER = re.compile(
    r"(?:итого|всего|total|subtotal|составил\w*|подпись|конец списка)\b(?:[^:]{0,40}:.*|[\d\s.,]*)",
    re.IGNORECASE | re.DOTALL,
)
_KINDS = (
    (b"%PDF", "a PDF document"),
    (b"\xff\xd8\xff", "a picture"),
    (b"\x89PNG", "a picture"),
    (b"Rar!", "an archive"),
    (b"7z\xbc\xaf", "an archive"),
    (b"\x1f\x8b", "an archive"),
    (b"{\\rtf", "a text document"),
)
_WEB_PAGE = re.compile(rb"\s*(?:\xef\xbb\xbf)?\s*<(?:!doctype html|html|table|\?xml)", re.IGNORECASE)
_BLANK = dict.fromkeys(LeadFields.model_fields, "")
_NO_TEXT = re.compile(r"[\ud800-\udfff]")
_UNSEEN = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\u200b\ufeff]")
_SHEET_ESCAPE = re.compile(r"'(?=[=+\-@\t\r])")


@dataclass(frozen=True, slots=True)
class ListSheet:
    """One sheet that holds a list (a text file is one sheet without a name).

    `header_row` is the number of the (last) row of headings as the user sees it, from 1.
    """

    name: str
    header_row: int
    columns: tuple[Column, ...]
    cells: list[list[str]] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Ignored:
    """A row that is no lead: `reason` is `blank`, `title`, `footer` or `headings again`."""

    sheet: str
    number: int
    reason: str


@dataclass(frozen=True, slots=True)
class Rejected:
    """A row that cannot go in as it is: why, and how to mend it. The other rooms' refusals are told in it as well."""

    sheet: str
    number: int
    reason: str
    remedy: str


@dataclass(frozen=True, slots=True)
class FileList:
    """What a file holds: leads as rows, what was left out or could not be read and why, and how it was understood."""

    path: Path
    format: str
    encoding: str | None
    delimiter: str | None
    sheets: tuple[ListSheet, ...]
    rows: list[Row]
    ignored: list[Ignored]
    rejected: list[Rejected]
    warnings: list[str]

    @property
    def mapping(self) -> dict[str, str]:
        """Heading → field of all sheets; a column that is no field has `comment`, as that is where it goes."""
        return {
            column.heading: column.field or "comment"
            for sheet in self.sheets
            for column in sheet.columns
            if column.heading and column.field != "own"
        }

    def cells(self, sheet: str, number: int) -> list[str]:
        """The cells of a row as they came, by the sheet's name and the number the user sees; [] if there is none."""
        for found in self.sheets:
            if found.name == sheet and 0 < number <= len(found.cells):
                return found.cells[number - 1]
        return []


def read_list(path: Path, *, sheet: str | None = None, column_map: Mapping[str, str] | None = None) -> FileList:
    """Read the list in `path`: every sheet with a row of headings, or only the sheet called `sheet`.

    `column_map` names the field of headings that are not understood (`{"Наш спец": "curator"}`).
    A `Row.number` is the number the user sees in a spreadsheet program.
    Nothing of a row is lost: a column without a field goes into its comment as `heading: value`.
    Raises UnreadableFile, EmptyFile, FileTooLarge, UnknownEncoding, UnsafeArchive, NoHeaderFound;
    ValueError for a field in `column_map` that does not exist.
    """
    vocabulary = Vocabulary(column_map)
    head = _first_bytes(path)
    if head.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        file_format, encoding, delimiter, unclosed = path.suffix.lower().lstrip(".") or "xlsx", None, None, set[int]()
        if head.startswith(b"PK"):
            check_archive(path)
        sheets = read_workbook(path)
    else:
        text = decode(path, path.read_bytes())
        file_format, encoding, delimiter = "csv", text.encoding, find_delimiter(text.text, vocabulary)
        records = []
        unclosed = set()
        for record in read_records(text.text, delimiter):
            records.append(record.cells)
            if record.unclosed:
                unclosed.add(len(records))
            if len(records) > MAX_ROWS:
                break
        sheets = [Sheet("", records, hidden=False, spans={})]
    if sum(len(one.rows) for one in sheets) > MAX_ROWS:
        raise FileTooLarge(path, f"it has more than {MAX_ROWS:,} rows.", "Split it and import the parts.")
    warnings: list[str] = []
    chosen = _choose(path, sheets, sheet, warnings)
    result = FileList(path, file_format, encoding, delimiter, (), [], [], [], warnings)
    lists = []
    passed_over: list[Sheet] = []
    for one in chosen:
        rows = [[_clean(cell) if cell else "" for cell in row] for row in one.rows]
        header = find_header(_with_wide_headings(rows, one.spans), vocabulary)
        if header is None:
            passed_over.append(one)
            continue
        lists.append(ListSheet(one.name, header.last + 1, header.columns, one.rows))
        _read_sheet(Sheet(one.name, rows, one.hidden, one.spans), header, unclosed, result)
    if not lists:
        first = [row for one in chosen for row in one.rows if any(row)]
        raise NoHeaderFound(path, first[:5], vocabulary.examples)
    warnings += [f"the sheet «{one.name}» has no row of headings and was passed over" for one in passed_over]
    return FileList(
        path, file_format, encoding, delimiter, tuple(lists), result.rows, result.ignored, result.rejected, warnings
    )


def _first_bytes(path: Path) -> bytes:
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            problem = f"it has {size / 1024**2:,.0f} MiB; at most {MAX_BYTES // 1024**2} are read."
            raise FileTooLarge(path, problem, "Split it and import the parts; delete pictures and unused sheets.")
        with path.open("rb") as content:
            head = content.read(1024)
    except OSError as error:
        reason = error.strerror or str(error)
        raise UnreadableFile(path, f"it cannot be opened ({reason}).", "Check the name and the rights.") from None
    if size <= len(head) and not head.strip(b'\0 \t\r\n;,|"\xef\xbb\xbf\xff\xfe'):
        raise EmptyFile(path, "it is empty.", "Ask for it again.")
    for magic, what in _KINDS:
        if head.startswith(magic):
            raise UnreadableFile(path, f"this is {what}, not a list.", "Save the list as XLSX or CSV (UTF-8).")
    if _WEB_PAGE.match(head):
        raise UnreadableFile(
            path,
            "this is a web page or XML under the name of a table, as some CRM systems export it.",
            "Open it in a spreadsheet program and save it as XLSX.",
        )
    return head


def _choose(path: Path, sheets: list[Sheet], wanted: str | None, warnings: list[str]) -> list[Sheet]:
    filled = [one for one in sheets if any(cell for row in one.rows for cell in row)]
    if not filled:
        raise EmptyFile(path, "it has no filled cell.", "Ask for it again.")
    if wanted is not None:
        for one in filled:
            if plain(one.name) == plain(wanted):
                return [one]
        names = [one.name for one in filled]
        hint = next((f"Did you mean «{name}»? " for name in near(wanted, names, most=1)), "")
        listed = ", ".join(f"«{name}»" for name in names if name) or "none: it is a text file"
        raise UnreadableFile(path, f"it has no sheet «{wanted}».", f"{hint}Its sheets are {listed}.")
    visible = [one for one in filled if not one.hidden] or filled
    warnings += [f"the hidden sheet «{one.name}» was passed over" for one in filled if one not in visible]
    return visible


def _clean(cell: str) -> str:
    if not cell.isprintable():
        cell = _UNSEEN.sub("", cell.replace("\r\n", "\n").replace("\r", "\n"))
    if cell.startswith("'"):
        cell = _SHEET_ESCAPE.sub("", cell, count=1)  # the mark that keeps a spreadsheet program from calculating
    return cell.strip()


def _with_wide_headings(rows: list[list[str]], spans: dict[int, list[tuple[int, int]]]) -> list[list[str]]:
    """The first rows with every cell that is merged sideways written into all columns it covers."""
    top = [list(row) for row in rows[:SEARCHED_ROWS]]
    for at, row in enumerate(top):
        for left, right in spans.get(at, ()):
            row[left : right + 1] = [row[left]] * (min(right + 1, len(row)) - left)
    return top


# ── one sheet ───────────────────────────────────────────────────────────────────────────────────────────────────────


def _read_sheet(sheet: Sheet, header: Header, unclosed: set[int], into: FileList) -> None:
    width = len(header.columns)
    beyond = sum(1 for row in sheet.rows[header.last + 1 :] if any(row[width:]))
    # a few rows longer than the headings hold a stray delimiter; many of them hold a column without a heading
    ragged_is_wrong = into.delimiter is not None and beyond * 5 <= len(sheet.rows)
    columns = list(header.columns)
    if not ragged_is_wrong:
        columns += [Column(index, "", None) for index in range(width, max(map(len, sheet.rows), default=width))]
    unknown = [column.heading for column in columns if column.field is None and column.heading]
    if unknown:
        into.warnings.append(f"columns that are no field go into the comment: {', '.join(unknown)}")
    fields_of = plan(columns)
    headings = [cell for cell in sheet.rows[header.last] if cell]
    numbers = {column.index for column in columns if column.field in ("row_id", "own")}
    for at, row in enumerate(sheet.rows):
        number = at + 1
        if header.first <= at <= header.last:
            continue
        reason = _no_lead(row, at, header, headings, numbers)
        if reason is None and any(right - left >= 2 for left, right in sheet.spans.get(at, ())):
            filled = [cell for cell in row if cell]
            reason = _title(filled) if len(filled) == 1 else None
        if reason:
            into.ignored.append(Ignored(sheet.name, number, reason))
        elif fault := _fault(row, columns, number in unclosed, width if ragged_is_wrong else None):
            into.rejected.append(Rejected(sheet.name, number, *fault))
        else:
            fields, curator = fields_of(row)
            if wrong := next((name for name, value in fields.items() if len(value) > MAX_CELL), None):
                reason = f"{wrong} is {len(fields[wrong])} characters long with all columns that go into it"
                into.rejected.append(Rejected(sheet.name, number, reason, f"Shorten it to {MAX_CELL}."))
                continue
            # everything that the models would check has been checked; building them unchecked is 10 times faster
            known = LeadFields.model_construct(None, **(_BLANK | fields))
            into.rows.append(Row.model_construct(sheet=sheet.name, number=number, curator=curator, fields=known))


def _no_lead(row: list[str], at: int, header: Header, headings: list[str], numbers: set[int]) -> str | None:
    """Why a row is no lead, or None when it is one."""
    filled = [cell for cell in row if cell]
    if not filled:
        return "blank"
    if at < header.first:
        return "title"
    if filled == headings:
        return "headings again"
    if len(filled) <= len(numbers) and not any(cell for index, cell in enumerate(row) if index not in numbers):
        # a number alone is a form that nobody filled in; words in its column are a title over a part of the list
        return _title(filled) if any(re.search(r"[^\W\d_]{2}", cell) for cell in filled) else "blank"
    # a firm may be called «Всего хорошего»: only a colon or a sum makes it a footer
    if _is_footer(filled) and all(re.fullmatch(r"[\d\s.,%]{1,9}", cell) for cell in filled[1:]):
        return "footer"
    return None


def _is_footer(filled: list[str]) -> bool:
    return bool(_FOOTER.fullmatch(filled[0]))


def _title(filled: list[str]) -> str:
    return "footer" if _is_footer(filled) else "title"


def _fault(row: list[str], columns: list[Column], unclosed: bool, width: int | None) -> tuple[str, str] | None:
    """What makes a row impossible to take as it is, and how to mend it."""
    if unclosed:
        return "a quotation mark is opened and never closed", 'Close it, or write it twice ("") where it is meant.'
    if width is not None and any(row[width:]):
        return (
            f"it has {len(row)} cells under {width} headings, so it is not clear which is which",
            "Put the cell that holds a delimiter into quotation marks.",
        )
    whole = "".join(row)
    if len(whole) <= MAX_CELL and not _NO_TEXT.search(whole):
        return None
    for index, cell in enumerate(row):
        if len(cell) > MAX_CELL:
            name = columns[index].heading or columns[index].letter
            return f"the cell «{name}» is {len(cell)} characters long", f"Shorten it to {MAX_CELL}."
        if _NO_TEXT.search(cell):
            name = columns[index].heading or columns[index].letter
            return f"the cell «{name}» holds bytes that are no text", "Type the cell anew."
    return None
