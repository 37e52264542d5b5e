"""A workbook as sheets of text cells: the guard before it is opened, and a child process that opens it."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
import zlib
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

from estafeta.lists.trouble import UnreadableFile, UnsafeArchive

MAX_ENTRIES = 2_000
MAX_INFLATED = 1024**3
MAX_RATIO = 150  # an honest sheet of one word repeated packs about 1:60
_SMALL = 10 * 1024**2  # below this a high ratio does no harm
_MEMORY = 3 * 1024**3
_SECONDS = 120
_CHUNK = 1024**2
_DIED = "it could not be opened: the reader ran out of memory or time, as it does when a stray cell lies far off."
_CUT = "Delete the rows and columns behind the table (Ctrl+End shows where the sheet ends), or save it as CSV UTF-8."
_SAVE_AGAIN = "Open it in a spreadsheet program and save it again as XLSX, or save the sheet as CSV UTF-8."


@dataclass(frozen=True, slots=True)
class Sheet:
    """One sheet: its rows from the very first cell on (so that numbers are those the user sees), merged cells filled.

    `spans` names, per row from 0, the first and last column of each cell that is merged sideways.
    """

    name: str
    rows: list[list[str]]
    hidden: bool
    spans: dict[int, list[tuple[int, int]]]


def check_archive(path: Path) -> None:
    """Refuse an archive that unpacks to more than is sane, before anything of it is opened.

    The directory at the archive's end is read first; then the contents are unpacked to nowhere, because a
    directory can lie. Raises UnsafeArchive, or UnreadableFile for a damaged one.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
            _check_directory(path, entries)
            for entry in entries:
                if entry.flag_bits & 1:
                    raise UnreadableFile(path, "it is protected by a password.", "Take the password off and save it.")
                with archive.open(entry) as content:
                    while content.read(_CHUNK):
                        pass
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, OSError) as error:
        raise UnreadableFile(
            path, f"the workbook is damaged ({error}).", "Ask for it again, or save it anew."
        ) from None


def _check_directory(path: Path, entries: list[zipfile.ZipInfo]) -> None:
    remedy = f"If you trust the sender: {_SAVE_AGAIN[0].lower()}{_SAVE_AGAIN[1:]}"
    if len(entries) > MAX_ENTRIES:
        problem = f"the workbook holds {len(entries)} parts; at most {MAX_ENTRIES} are opened."
        raise UnsafeArchive(path, problem, remedy)
    total = sum(entry.file_size for entry in entries)
    if total > MAX_INFLATED:
        problem = f"the workbook unpacks to {total / 1024**2:,.0f} MiB; at most {MAX_INFLATED // 1024**2} are opened."
        raise UnsafeArchive(path, problem, remedy)
    for entry in entries:
        if entry.file_size > max(_SMALL, MAX_RATIO * entry.compress_size):
            ratio = entry.file_size // max(entry.compress_size, 1)
            problem = f"the part {entry.filename} unpacks to {ratio} times its size; at most {MAX_RATIO} is opened."
            raise UnsafeArchive(path, problem, remedy)


def read_workbook(path: Path) -> list[Sheet]:
    """All sheets of an XLSX, XLSB, XLS or ODS file, every cell as text: numbers without exponent, dates as in ISO 8601.

    A child process with a limit of memory and time reads it: one stray cell in the last corner of a sheet
    makes any reader ask for more memory than there is, and that must not take this process along.
    Raises UnreadableFile.
    """
    command = [sys.executable, "-m", "estafeta.lists.workbook", str(path.resolve())]
    try:
        child = subprocess.run(command, capture_output=True, timeout=_SECONDS, check=False, cwd=_home())
    except subprocess.TimeoutExpired:
        raise UnreadableFile(path, _DIED, _CUT) from None
    if child.returncode == _REFUSED:
        raise UnreadableFile(path, child.stderr.decode("utf-8", "replace").strip(), _SAVE_AGAIN)
    if child.returncode != 0:
        raise UnreadableFile(path, _DIED, _CUT)
    return [
        Sheet(name, rows, hidden, {int(row): [(left, right) for left, right in wide] for row, wide in spans.items()})
        for name, rows, hidden, spans in json.loads(child.stdout)
    ]


def _home() -> Path:
    return Path(__file__).resolve().parents[2]


# ── in the child ────────────────────────────────────────────────────────────────────────────────────────────────────

_REFUSED = 3
_Spans = dict[int, list[tuple[int, int]]]


def text_of(cell: Any) -> str:
    """A cell as the user sees it: a phone that was stored as a number has no exponent and no `.0`."""
    if isinstance(cell, str):
        return cell.replace("_x000D_", "")
    if isinstance(cell, bool):
        return "да" if cell else "нет"
    if isinstance(cell, float):
        return str(int(cell)) if cell.is_integer() and abs(cell) < 1e18 else f"{cell:.15g}"
    if isinstance(cell, datetime):
        return cell.isoformat(" ", "minutes")
    if isinstance(cell, date):
        return cell.isoformat()
    return str(cell)


def _sheets(path: str) -> list[tuple[str, list[list[str]], bool, _Spans]]:
    import python_calamine as calamine

    found = []
    with calamine.CalamineWorkbook.from_path(path) as book:
        for meta in book.sheets_metadata:
            if meta.typ != calamine.SheetTypeEnum.WorkSheet:
                continue
            sheet = book.get_sheet_by_name(meta.name)
            rows = [
                [cell if type(cell) is str and "_x" not in cell else text_of(cell) for cell in row]
                for row in sheet.to_python(skip_empty_area=False)
            ]
            spans = _fill_merged(rows, sheet.merged_cell_ranges or [])
            found.append((meta.name, rows, meta.visible != calamine.SheetVisibleEnum.Visible, spans))
    return found


def _fill_merged(rows: list[list[str]], ranges: list[tuple[tuple[int, int], tuple[int, int]]]) -> _Spans:
    """Write a cell that is merged downwards into every row it covers; tell where the ones merged sideways are."""
    spans: _Spans = {}
    for (top, left), (bottom, right) in ranges:
        if top >= len(rows) or left >= len(rows[top]):
            continue
        if right > left:
            spans.setdefault(top, []).append((left, right))
            continue
        value = rows[top][left]
        for row in rows[top + 1 : bottom + 1]:
            row[left] = row[left] or value
    return spans


def _limit() -> None:
    if sys.platform != "win32":
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
        resource.setrlimit(resource.RLIMIT_CPU, (_SECONDS, _SECONDS))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _child(path: str) -> int:
    import python_calamine as calamine

    _limit()
    try:
        found = _sheets(path)
    except calamine.PasswordError:
        sys.stderr.write("it is protected by a password.")
        return _REFUSED
    except (calamine.CalamineError, OSError) as error:
        sys.stderr.write(f"it is no workbook that can be read ({error}).")
        return _REFUSED
    sys.stdout.buffer.write(json.dumps(found, ensure_ascii=False).encode("utf-8", "replace"))
    return 0


if __name__ == "__main__":
    sys.exit(_child(sys.argv[1]))
