"""Reading a list before somebody's eyes: how far it is, and what is asked about columns that are not understood."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from zoneinfo import ZoneInfo

from rich.console import Console

from estafeta.lists.deciding import Ask, Doubt, read_map
from estafeta.lists.headings import COMMENT, FIELDS, NO_FIELD
from estafeta.lists.reading import FileList, read_list
from estafeta.trouble import near


def read_before_eyes(
    path: Path, console: Console, *, sheet: str | None = None, maps: Sequence[str] = (), clock: ZoneInfo | None = None
) -> FileList:
    """`read_list` with the `--map` options, with progress and questions where `console` is a terminal.

    Where it is none, nothing is asked: a column in doubt goes into the comment, and the report says so.
    Raises Trouble for a map that cannot be meant, and what `read_list` raises.
    """
    named = read_map(maps)
    with _progress(path, console) as (tell, ask):
        return read_list(path, sheet=sheet, column_map=named, ask=ask, tell=tell, clock=clock)


@contextmanager
def _progress(path: Path, console: Console) -> Iterator[tuple[Callable[[int], None], Ask | None]]:
    if not console.is_terminal:
        yield (lambda _rows: None), None
        return
    with console.status(f"Reading {path.name}") as status:

        def tell(rows: int) -> None:
            status.update(f"Reading {path.name}: {rows:,} rows")

        def ask(doubt: Doubt) -> str | None:
            status.stop()
            try:
                return asked(doubt, console.input, console.print)
            finally:
                status.start()

        yield tell, ask if sys.stdin.isatty() else None


def asked(doubt: Doubt, answer: Callable[[str], str], say: Callable[[str], object]) -> str | None:
    """Ask for the field of a column until the answer is one; Enter takes what it looks like, `-` or the end is none."""
    where = f" of the sheet «{doubt.sheet}»" if doubt.sheet else ""
    say(f"The column «{doubt.column.name}»{where} is not understood. In it, for example: {'; '.join(doubt.examples)}")
    while True:
        try:
            name = answer(f"  Which field is it? Enter: {doubt.guess}; -: none, it goes into the comment. ").strip()
        except EOFError:
            return None
        if not name:
            return doubt.guess
        if name in (NO_FIELD, COMMENT):
            return None
        if name in FIELDS:
            return name
        meant = near(name, FIELDS, most=1)
        say(f"  {f'Did you mean {meant[0]}? ' if meant else ''}Fields: {', '.join(FIELDS)}.")
