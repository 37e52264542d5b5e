"""What can be wrong with a whole file somebody sent: each says what, where, and how to mend it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from estafeta.trouble import Trouble


class FileTrouble(Trouble):
    """A file that cannot be read as a list; `path` is the file, `problem` and `remedy` are whole sentences."""

    def __init__(self, path: Path, problem: str, remedy: str) -> None:
        super().__init__(f"{path.name}: {problem}", remedy)
        self.path = path

    def __str__(self) -> str:
        return f"{self.problem} {self.remedy}"


class UnreadableFile(FileTrouble):
    """The file cannot be opened, or it is not a table at all."""


class EmptyFile(FileTrouble):
    """The file has no rows."""


class FileTooLarge(FileTrouble):
    """The file has more bytes or more rows than one import takes."""


class UnknownEncoding(FileTrouble):
    """The bytes of a text file are in no encoding that is known here."""


class UnsafeArchive(FileTrouble):
    """A workbook that would unpack to far more than its size promises."""


class NoHeaderFound(FileTrouble):
    """No row of the file looks like a row of headings."""

    def __init__(self, path: Path, first_rows: Iterable[list[str]], understood: dict[str, str]) -> None:
        shown = [" | ".join(cell for cell in row if cell)[:120] for row in first_rows]
        self.first_rows = [row for row in shown if row][:5]
        self.understood = understood
        examples = "; ".join(f"{field}: {heading}" for field, heading in understood.items())
        super().__init__(
            path,
            "no row of headings was found. The first rows are:" + "".join(f"\n    {row}" for row in self.first_rows),
            f"Put a row of headings over the data. Headings that are understood, for example: {examples}.",
        )
