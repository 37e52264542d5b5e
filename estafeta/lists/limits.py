"""How much of a file somebody sent is taken: what is beyond is refused, and told."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """The guards of one reading. `memory`, `cpu`, `wall` and `spool` bind the child process that opens the file."""

    bytes: int = 100 * 1024**2
    rows: int = 1_000_000
    """All sheets together; the rows after the last filled one do not count."""
    columns: int = 1_000
    sheets: int = 100
    cell: int = 32_767
    """Characters; no spreadsheet program writes more into a cell. What a lead takes of it is less: 2,000."""
    line: int = 1_000_000
    """Characters of one line of a text file."""
    merged: int = 100_000
    """Merged cells of one sheet."""
    parts: int = 2_000
    """Parts of a workbook (it is a ZIP archive)."""
    inflated: int = 1024**3
    """Bytes of a workbook unpacked."""
    ratio: int = 150
    """How much a part may unpack to: an honest sheet of one word repeated packs about 1 : 60."""
    small: int = 10 * 1024**2
    """A part that unpacks to less than this does no harm, whatever its ratio."""
    memory: int = 2 * 1024**3
    """Bytes of address space."""
    cpu: int = 120
    """Seconds of processor time."""
    wall: float = 180.0
    """Seconds by the clock."""
    spool: int = 2 * 1024**3
    """Bytes of rows written to disk."""


LIMITS = Limits()
MAX_CELL = 2_000
"""Characters of one field of a lead, as `shared.commands` has it."""
