"""The six keys of a record, made regular: what the normalisers give and the match compares (REGULATION §2).

A list makes dozens of these for every row: `Struct` is made, compared, and turned into JSON and back in a fraction of a
dataclass's time. What is empty is left out when it is stored.
"""

from __future__ import annotations

from msgspec import Struct

NORM_VERSION = 3


class CompanyName(Struct, frozen=True, omit_defaults=True):
    """Key 1. `core` is the name without its legal form in its own script; `skeleton` is the same in any script.

    `form` is LLC, JSC, IP, UP, COOP, INST, LP or None.
    `form_country` is the country whose law has that form (`RU`, `KZ`, `RO/MD`), None when many share it (LLC, Ltd, ОсОО).
    `descriptors` (тд, нпп, ук …), `numbers` and `letters` distinguish sister companies and are never lost (MATCHING §2);
    they are sorted, and `letters` and `initials` are always Cyrillic, so they compare whatever script the name came in.
    `city` is a place written beside the name, not in it; `place` is a city with which the name itself ends, and only where
    the firm is can tell whether it is a part of the name. A sole trader's `skeleton` begins with his surname;
    his `initials` follow the order of first name and patronymic.
    """

    core: str
    skeleton: str
    sorted_skeleton: str
    form: str | None = None
    form_country: str | None = None
    descriptors: frozenset[str] = frozenset()
    numbers: tuple[str, ...] = ()
    letters: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    city: str = ""
    place: str = ""
    initials: tuple[str, ...] = ()


class Surname(Struct, frozen=True, omit_defaults=True, gc=False):
    """Key 2. `key` is the folded surname in its own script, `skeleton` the same in any script; `given` helps to show."""

    key: str
    skeleton: str
    given: str = ""


class Phone(Struct, frozen=True, omit_defaults=True, gc=False):
    """Key 3. `local` is the number without country and city code; `e164` is empty when the area is not known."""

    local: str
    e164: str = ""
    extension: str = ""
    country: str = ""


class Mailbox(Struct, frozen=True, omit_defaults=True, gc=False):
    """Key 4 and the source of key 5. `mailbox` is what is searched; `domain` only when the address is corporate."""

    email: str
    mailbox: str
    domain: str = ""
    is_role: bool = False


class RegularLead(Struct, frozen=True, omit_defaults=True):
    """One record with all six keys made regular. `flags` tell what was repaired or moved between cells, in words of MATCHING."""

    company: CompanyName | None = None
    surnames: tuple[Surname, ...] = ()
    phones: tuple[Phone, ...] = ()
    mailboxes: tuple[Mailbox, ...] = ()
    sites: tuple[str, ...] = ()
    tax_id: str = ""
    contact: str = ""
    flags: tuple[str, ...] = ()

    @property
    def has_a_key(self) -> bool:
        """Whether any of the six keys is there at all; a record with none cannot be looked up (R1-40)."""
        return bool(self.company or self.surnames or self.phones or self.mailboxes or self.sites)
