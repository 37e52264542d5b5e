"""Rejected rows, written beside the file they came from, each with its reason and its remedy."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from estafeta.lists.reading import FileList, ListSheet, Rejected
from estafeta.trouble import Trouble

# These headings are known to the reader (field `own`), so a mended file can be imported as it is.
_ROW = "Строка исходного файла / Row of the input"
_SHEET = "Лист исходного файла / Sheet of the input"
_REASON = "Причина отказа / Why rejected"
_REMEDY = "Как исправить / How to mend it"
_ACTIVE = ("=", "+", "-", "@", "\t", "\r")


class RejectsNotWritten(Trouble):
    """The file of rejected rows could not be written beside the input."""


def write_rejects(listed: FileList, refused: Iterable[Rejected] = ()) -> Path | None:
    """Write what the reader and the rooms rejected into `<name>-rejected.csv` beside the input; None without rejects.

    The columns are those of the input (of all its sheets, if several hold lists), then the row, the reason and the
    remedy. UTF-8 with a mark and semicolons, as a Russian Excel opens it; a cell that a spreadsheet program would
    calculate gets a `'` before it. An older file of rejects is replaced. Raises RejectsNotWritten.
    """
    by_row: dict[tuple[str, int], list[Rejected]] = {}
    order = {sheet.name: at for at, sheet in enumerate(listed.sheets)}
    for fault in sorted((*listed.rejected, *refused), key=lambda one: (order.get(one.sheet, len(order)), one.number)):
        by_row.setdefault((fault.sheet, fault.number), []).append(fault)
    if not by_row:
        return None
    target = listed.path.with_name(f"{listed.path.stem}-rejected.csv")
    headings, places = _columns(listed.sheets)
    several = len(listed.sheets) > 1
    new = target.with_name(f"{target.name}.part")
    try:
        with new.open("w", encoding="utf-8-sig", errors="replace", newline="") as out:
            table = csv.writer(out, delimiter=";")
            table.writerow(
                [_safe(cell) for cell in (*headings, *([_SHEET] if several else []), _ROW, _REASON, _REMEDY)]
            )
            for (sheet, number), faults in by_row.items():
                row = [""] * len(headings)
                for index, cell in enumerate(listed.cells(sheet, number)):
                    row[places[sheet, index]] = cell
                reason = "; ".join(dict.fromkeys(fault.reason for fault in faults))
                remedy = " ".join(dict.fromkeys(fault.remedy for fault in faults))
                own = (*([sheet] if several else []), str(number), reason, remedy)
                table.writerow([_safe(cell) for cell in (*row, *own)])
        # a file that is there is whole: nobody mends half of one
        new.replace(target)
    except OSError as error:
        with suppress(OSError):
            new.unlink(missing_ok=True)
        raise RejectsNotWritten(
            f"{target} cannot be written ({error.strerror}); {len(by_row)} rejected rows are not on disk.",
            "Close it if it is open, give the right to write there, and import again: nothing goes in twice.",
        ) from None
    return target


def _columns(sheets: Iterable[ListSheet]) -> tuple[list[str], dict[tuple[str, int], int]]:
    """The columns of all sheets together, and where each column of each sheet goes; equal headings share one."""
    headings: list[str] = []
    known: dict[tuple[str, int], int] = {}
    places: dict[tuple[str, int], int] = {}
    for sheet in sheets:
        seen: dict[str, int] = {}
        by_index = {column.index: column.heading for column in sheet.columns}
        width = max((len(row) for row in sheet.cells), default=0)
        for index in range(max(width, len(sheet.columns))):
            heading = by_index.get(index, "")
            nth = seen[heading] = seen.get(heading, 0) + 1
            if (heading, nth) not in known:
                known[heading, nth] = len(headings)
                headings.append(heading)
            places[sheet.name, index] = known[heading, nth]
    return headings, places


def _safe(cell: str) -> str:
    """A cell that no spreadsheet program takes for a formula."""
    return f"'{cell}" if cell.startswith(_ACTIVE) else cell
