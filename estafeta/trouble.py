"""Trouble: what an operator is told when a command cannot go on: what, where, how to mend it; never a traceback."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class Trouble(Exception):
    """Something the operator can mend: `problem` says what and where, `remedy` how.

    What keeps a house from standing on this machine has a word of its own: `estafeta.house.trouble`.

    `code` is what the command exits with: 2 for bad input, 1 for a house that is not well.
    """

    def __init__(self, problem: str, remedy: str, *, code: int = 2) -> None:
        super().__init__(problem)
        self.problem, self.remedy, self.code = problem, remedy, code


class Silence(Trouble):
    """Nobody answered: the house is not there, or one of its rooms is not."""

    def __init__(self, problem: str, remedy: str) -> None:
        super().__init__(problem, remedy, code=1)


def near(word: str, known: Iterable[str], most: int = 3) -> list[str]:
    """The words of `known` that `word` may have been meant to be, nearest first; at most `most`."""
    by_fold = {entry.casefold(): entry for entry in known}
    return [by_fold[fold] for fold in difflib.get_close_matches(word.casefold(), by_fold, n=most, cutoff=0.6)]


def choose(word: str, known: Iterable[str], what: str) -> str:
    """`word` if it is one of `known`; otherwise a `Trouble` that lists them, the near ones first."""
    choices = list(known)
    if word in choices:
        return word
    meant = near(word, choices, most=1)
    hint = f"Did you mean {meant[0]}? " if meant else ""
    raise Trouble(f"{word!r} is no {what}.", f"{hint}It is one of: {', '.join(choices)}.")
