"""A workbook (XLSX, XLSB, XLS, ODS) as rows of text cells; and the guard before it is opened."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from estafeta.lists.limits import Limits
from estafeta.lists.trouble import FileTooLarge, FileTrouble, UnreadableFile, UnsafeArchive

if TYPE_CHECKING:
    import python_calamine as calamine

_CHUNK = 1024**2
_SAVE_AGAIN = "Open it in a spreadsheet program and save it again as XLSX, or save the sheet as CSV UTF-8."
_PASSWORD = "Take the password off (in Excel: File → Info → Protect) and save it."  # noqa: S105 - a remedy
_ENCRYPTED = "EncryptedPackage".encode("utf-16-le")
_MANIFEST = "META-INF/manifest.xml"  # of an ODS file
_TRUTHS = {True: "да", False: "нет"}


@dataclass(frozen=True, slots=True)
class WorkbookRow:
    """A row as text cells; `wide` names the first and last column of each cell that is merged sideways."""

    cells: list[str]
    wide: tuple[tuple[int, int], ...] = ()


def check_archive(path: Path, limits: Limits) -> None:
    """Refuse an archive that unpacks to more than is sane, before anything of it is opened.

    The directory at the archive's end is read first; then the contents are unpacked to nowhere, because a
    directory can lie. Raises UnsafeArchive, or UnreadableFile for a damaged one.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
            _check_directory(path, entries, limits)
            for entry in entries:
                if entry.flag_bits & 1:
                    raise UnreadableFile(path, "it is protected by a password.", _PASSWORD)
                with archive.open(entry) as content:
                    while content.read(_CHUNK):
                        pass
            if _MANIFEST in archive.namelist():
                with archive.open(_MANIFEST) as content:
                    if b"encryption-data" in content.read(limits.small):
                        raise UnreadableFile(path, "it is protected by a password.", _PASSWORD)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, OSError) as error:
        raise UnreadableFile(
            path, f"the workbook is damaged ({error}).", "Ask for it again, or save it anew."
        ) from None


def _check_directory(path: Path, entries: list[zipfile.ZipInfo], limits: Limits) -> None:
    remedy = f"If you trust the sender: {_SAVE_AGAIN[0].lower()}{_SAVE_AGAIN[1:]}"
    if len(entries) > limits.parts:
        problem = f"the workbook holds {len(entries)} parts; at most {limits.parts} are opened."
        raise UnsafeArchive(path, problem, remedy)
    total = sum(entry.file_size for entry in entries)
    if total > limits.inflated:
        problem = (
            f"the workbook unpacks to {total / 1024**2:,.0f} MiB; at most {limits.inflated // 1024**2} are opened."
        )
        raise UnsafeArchive(path, problem, remedy)
    for entry in entries:
        if entry.file_size > max(limits.small, limits.ratio * entry.compress_size):
            ratio = entry.file_size // max(entry.compress_size, 1)
            problem = f"the part {entry.filename} unpacks to {ratio} times its size; at most {limits.ratio} is opened."
            raise UnsafeArchive(path, problem, remedy)


class Workbook:
    """An opened workbook: `sheets()` are its worksheets by name, `rows(name)` the text cells of one.

    Values are read, formulas are not: a cell holds what the spreadsheet program calculated last.
    Raises UnreadableFile, FileTooLarge.
    """

    def __init__(self, path: Path, limits: Limits) -> None:
        import python_calamine as calamine

        self._path, self._limits = path, limits
        try:
            self._book = calamine.CalamineWorkbook.from_path(path)
        except calamine.PasswordError:
            raise UnreadableFile(path, "it is protected by a password.", _PASSWORD) from None
        except (calamine.CalamineError, OSError) as error:
            raise self._no_workbook(error) from None
        self._kinds = calamine

    def _no_workbook(self, error: Exception) -> FileTrouble:
        with self._path.open("rb") as content:
            if _ENCRYPTED in content.read(self._limits.small):
                return UnreadableFile(self._path, "it is protected by a password.", _PASSWORD)
        return UnreadableFile(self._path, f"it is no workbook that can be read ({error}).", _SAVE_AGAIN)

    def sheets(self) -> list[tuple[str, bool]]:
        """The name of each worksheet, and whether it is hidden; charts and macro sheets are none."""
        found = [
            (meta.name, meta.visible != self._kinds.SheetVisibleEnum.Visible)
            for meta in self._book.sheets_metadata
            if meta.typ == self._kinds.SheetTypeEnum.WorkSheet
        ]
        if len(found) > self._limits.sheets:
            problem = f"it has {len(found)} sheets; at most {self._limits.sheets} are read."
            raise FileTooLarge(self._path, problem, "Split the workbook, or copy the list into one of its own.")
        return found

    def rows(self, name: str) -> Iterator[WorkbookRow]:
        """The rows from the very first on (so that numbers are those the user sees), merged cells filled downwards."""
        try:
            sheet = self._book.get_sheet_by_name(name)
        except (self._kinds.CalamineError, OSError) as error:
            problem = f"the sheet «{name}» cannot be read ({error})."
            raise UnreadableFile(self._path, problem, _SAVE_AGAIN) from None
        merged = _Merged(self._path, name, sheet, self._limits)
        for at, row in enumerate(sheet.iter_rows()):
            while row and row[-1] == "":
                row.pop()  # one stray cell far to the right makes every row as wide
            cells = [cell if type(cell) is str else text_of(cell) for cell in row]
            yield WorkbookRow(cells, merged.fill(at, cells))


class _Merged:
    """The merged cells of a sheet, met row by row: one that reaches down is written into every row it covers."""

    def __init__(self, path: Path, name: str, sheet: calamine.CalamineSheet, limits: Limits) -> None:
        ranges = sheet.merged_cell_ranges or []
        if len(ranges) > limits.merged:
            problem = f"the sheet «{name}» has {len(ranges):,} merged cells; at most {limits.merged:,} are read."
            raise FileTooLarge(path, problem, "Select the sheet and take the merging off, or save it as CSV UTF-8.")
        self._begin: dict[int, list[tuple[int, int, int]]] = {}
        for (top, left), (bottom, right) in ranges:
            self._begin.setdefault(top, []).append((left, right, bottom))
        self._open: dict[int, tuple[str, int]] = {}

    def fill(self, at: int, cells: list[str]) -> tuple[tuple[int, int], ...]:
        """Fill `cells` of row `at`; returns the columns of the cells that are merged sideways."""
        for left, (value, bottom) in list(self._open.items()):
            if at > bottom:
                del self._open[left]
            else:
                cells += [""] * (left + 1 - len(cells))
                cells[left] = cells[left] or value
        wide = []
        for left, right, bottom in self._begin.pop(at, ()):
            if left >= len(cells):
                continue
            if right > left:
                wide.append((left, right))
            elif cells[left]:
                self._open[left] = (cells[left], bottom)
        return tuple(wide)


def text_of(cell: Any) -> str:
    """A cell as the user sees it: a phone that was stored as a number has no exponent and no `.0`; dates as ISO 8601."""
    if isinstance(cell, str):
        return cell
    if isinstance(cell, bool):
        return _TRUTHS[cell]
    if isinstance(cell, float):
        return str(int(cell)) if cell.is_integer() and abs(cell) < 1e18 else f"{cell:.15g}"
    if isinstance(cell, datetime):
        return cell.date().isoformat() if not (cell.hour or cell.minute) else cell.isoformat(" ", "minutes")
    if isinstance(cell, date):
        return cell.isoformat()
    return str(cell)
