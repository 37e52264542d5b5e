"""What is an agreement worth? Bits: log2 of how much likelier it is for one client than for two (MATCHING §8).

The weights rank candidates and explain; the rules of `match` decide.
A value that more clients hold is worth one bit less each time their number doubles.
"""

from __future__ import annotations

from math import log2

from services.intake.rules import data

BITS: dict[tuple[str, str], float] = {
    (key, level): float(bits) for key, level, bits, *_ in data.table("weights.tsv", 5)
}
"""Bits of (key, level) for a value that one client holds. A key that is missing on either side weighs nothing."""

GROUPS: dict[str, str] = {
    "name": "NAME",
    "form": "FORM",
    "phone": "PHONE",
    "email": "WEB",
    "domain": "WEB",
    "surname": "PERSON",
    "tax_id": "TAX",
    "region": "REGION",
}
"""Keys that say the same thing twice are one group, and a group counts once: mailbox, domain and site are one event."""


def weigh(key: str, level: str, holders: int) -> float:
    """The bits of one comparison; `holders` is how many clients hold the value. Agreement never falls below nothing."""
    bits = BITS[key, level]
    return round(max(bits - log2(holders), 0.0), 1) if bits > 0 and holders > 1 else bits
