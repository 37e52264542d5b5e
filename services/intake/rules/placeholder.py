"""Does a cell say nothing? «нет», «-», «n/a» and their kin are empty cells (MATCHING §1)."""

from __future__ import annotations

import re

from services.intake.rules import data
from services.intake.rules.script import fold

_EDGES = " \t\r\n\xa0.,;:!?-–—_()[]«»\"'"
_WORDS = frozenset(word for line in data.lines("placeholders.txt") for word in (fold(line), fold(line).strip(_EDGES)))
_LONGEST = max(map(len, _WORDS))
_SOMETHING = re.compile(r"[^\W_]")


def is_placeholder(raw: str) -> bool:
    """Whether `raw` stands for an empty cell: nothing, only punctuation, or a word of the dictionary."""
    text = raw.strip(_EDGES)
    if len(text) > _LONGEST:
        return _SOMETHING.search(text) is None
    if not text:
        return True
    text = text.lower()
    return text in _WORDS or (text.isprintable() is False and fold(text) in _WORDS) or _SOMETHING.search(text) is None
