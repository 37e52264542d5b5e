"""The dictionaries of the normalisers: plain text that a person can read and mend, read once when intake starts.

Rules do no I/O when they are called.
They read these files while they are imported, because a dictionary is part of the program as its code is:
it comes with the package, it never changes while the program runs, and a missing one must stop the start and not a lead.

A line that begins with `#` is a comment; every file says in its first lines where its content comes from.
"""

from __future__ import annotations

from functools import cache
from importlib import resources


def lines(name: str) -> list[str]:
    """The lines of the dictionary `name` that carry something, without comments."""
    text = resources.files(__name__).joinpath(name).read_text(encoding="utf-8")
    return [line for line in text.splitlines() if line.strip() and not line.startswith("#")]


def words(name: str) -> list[str]:
    """All words of a dictionary whose lines hold many of them."""
    return [word for line in lines(name) for word in line.split()]


def table(name: str, columns: int) -> list[list[str]]:
    """The rows of a tab-separated dictionary; a row of another width is a mistake in the file and is named."""
    rows = [[cell.strip() for cell in line.split("\t")] for line in lines(name)]
    for row in rows:
        if len(row) != columns:
            raise ValueError(f"{name}: {columns} columns wanted, {len(row)} found in {row!r}")
    return rows


@cache
def _word_sets() -> dict[str, frozenset[str]]:
    return {name: frozenset(cell.split()) for name, cell in table("word_sets.tsv", 2)}


def word_set(name: str) -> frozenset[str]:
    """One of the small sets of `word_sets.tsv`."""
    return _word_sets()[name]
