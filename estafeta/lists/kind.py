"""What kind of entry a file is: a list, a questionnaire, a catalogue (R1-07). Its columns tell."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

Kind = Literal["list", "questionnaire", "catalogue"]

_ASKED = ("interest", "callback", "term", "filled_on")
"""What only somebody who was asked has answered."""
_NAMED_ALIKE = {"interest": "interest", "callback": "wish to be called", "term": "term", "filled_on": "day filled in"}


def kind_of(fields: Iterable[str]) -> Kind:
    """The kind of a file with columns for these fields of a lead: answers make a questionnaire, no persons a catalogue."""
    known = set(fields)
    if known.intersection(_ASKED):
        return "questionnaire"
    return "list" if "contact" in known else "catalogue"


def in_words(fields: Iterable[str]) -> str:
    """The kind and how it was known, for the report of an import."""
    known = set(fields)
    kind = kind_of(known)
    if kind == "questionnaire":
        answered = ", ".join(_NAMED_ALIKE[name] for name in _ASKED if name in known)
        return f"Taken as a questionnaire: it has answers ({answered})."
    if kind == "catalogue":
        return "Taken as a catalogue: companies without persons."
    return "Taken as a list: companies with persons."
