"""What is an agreement worth? Bits: log2 of how much likelier it is for one client than for two (MATCHING §8).

The weights rank candidates and explain; the rules of `match` decide.
A value that more clients hold is worth one bit less each time their number doubles.
"""

from __future__ import annotations

from math import log2

BITS: dict[tuple[str, str], float] = {
    ("name", "exact"): 16.6,
    ("name", "typo"): 11.0,
    ("name", "variant"): 3.0,
    ("name", "differs"): -7.0,
    ("form", "exact"): 0.6,
    ("form", "differs"): -5.0,
    ("phone", "exact"): 15.0,
    ("phone", "local"): 11.0,
    ("email", "exact"): 16.0,
    ("domain", "exact"): 14.3,
    ("domain", "differs"): -3.0,
    ("surname", "exact"): 6.0,
    ("surname", "differs"): -1.5,
    ("tax_id", "exact"): 30.0,
    ("tax_id", "differs"): -30.0,
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
}
"""Keys that say the same thing twice are one group, and a group counts once: mailbox, domain and site are one event."""


def weigh(key: str, level: str, holders: int) -> float:
    """The bits of one comparison; `holders` is how many clients hold the value. Agreement never falls below nothing."""
    bits = BITS[key, level]
    return round(max(bits - log2(max(holders, 1)), 0.0), 1) if bits > 0 else bits
