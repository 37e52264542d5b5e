"""What can be wrong with a whole file somebody sent: each says what, where, and how to mend it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from estafeta.trouble import Trouble, near


class FileTrouble(Trouble):
    """A file that cannot be read as a list; `path` is the file, `problem` and `remedy` are whole sentences.

    `bare` is the problem without the name of the file.
    """

    def __init__(self, path: Path, problem: str, remedy: str) -> None:
        super().__init__(f"{path.name}: {problem}", remedy)
        self.path, self.bare = path, problem

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


class UnknownHeading(FileTrouble):
    """The operator named the field of a heading that the file does not have."""

    def __init__(self, path: Path, unknown: Sequence[str], headings: Sequence[str]) -> None:
        named = ", ".join(f"«{heading}»" for heading in unknown)
        hints = [f"«{meant}»" for heading in unknown for meant in near(heading, headings, most=1)]
        hint = f"Did you mean {', '.join(hints)}? " if hints else ""
        listed = ", ".join(f"«{heading}»" for heading in dict.fromkeys(headings))
        super().__init__(path, f"--map names {named}, which is no heading of it.", f"{hint}Its headings are {listed}.")


class NoHeaderFound(FileTrouble):
    """No row of the file looks like a row of headings, and its cells do not tell who the leads are."""

    def __init__(self, path: Path, first_rows: Iterable[tuple[str, list[str]]], understood: dict[str, str]) -> None:
        """`first_rows` are the filled rows at the top of each sheet, with the sheet's name."""
        shown = [
            (f"{sheet}: " if sheet else "") + " | ".join(cell for cell in row if cell)[:120]
            for sheet, row in first_rows
        ]
        self.first_rows = shown[:5]
        self.understood = understood
        examples = "; ".join(f"{field}: {heading}" for field, heading in understood.items())
        super().__init__(
            path,
            "no row of headings was found. The first rows are:" + "".join(f"\n    {row}" for row in self.first_rows),
            f"Put a row of headings over the data. Headings that are understood, for example: {examples}. "
            'Or name the columns by their letters: --map "A=company,B=phone".',
        )
