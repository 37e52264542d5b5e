"""What does a questionnaire ask of us? Whether he wishes to be called, and the day he named (R4-12, R1-37)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date

from services.intake.rules.named_date import day_of, named_date
from services.intake.rules.placeholder import is_placeholder
from shared.commands import LeadFields

_NO = re.compile(r"\s*(?:нет|не\b.*|no\b.*|nu\b.*|n|0|false|отказ\w*|-+)\s*", re.IGNORECASE)

_HOUR = re.compile(r"\b\d{1,2}[.:]\d{2}\b(?![.\d])")


@dataclass(frozen=True, slots=True)
class Wish:
    """What was wished: `named_date` is the day he named on `spoken_on`; `wishes_call` None when nothing was said of it."""

    named_date: date | None = None
    spoken_on: date | None = None
    wishes_call: bool | None = None


def wish_of(fields: LeadFields, received_on: date) -> Wish:
    """Read `callback`, `term` and `filled_on`; a term counts from the day of filling in, else from that of arrival.

    A day of filling in that is later than the arrival is a slip of the pen and is not believed.
    A `callback` that names a day («после 15 мая») is a term as well; one that names an hour («10.30») is not.
    """
    filled_on = day_of(fields.filled_on, received_on) if fields.filled_on else None
    spoken_on = filled_on if filled_on and filled_on <= received_on else received_on
    named = (named_date(fields.term, spoken_on) if fields.term else None) or (
        named_date(fields.callback, spoken_on) if fields.callback and not _HOUR.search(fields.callback) else None
    )
    asked = fields.callback.strip()
    wishes = None if not asked else not (_NO.fullmatch(asked) or is_placeholder(asked))
    return Wish(named, spoken_on if named else None, wishes)
