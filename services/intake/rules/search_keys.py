"""Under which keys is a record searched? The same for a lead that asks and a client who is to be found (REGULATION §2)."""

from __future__ import annotations

import re
from functools import lru_cache

import xxhash
from msgspec import Struct

from services.intake.rules.company_words import descriptors_of
from services.intake.rules.compare_names import without_place
from services.intake.rules.keys import CompanyName, RegularLead, Surname
from services.intake.rules.script import letter, skeleton

NAME, SURNAME, PHONE, MAILBOX, DOMAIN, TAX_ID = "n", "s", "p", "e", "d", "x"

STRONG = frozenset({NAME, PHONE, MAILBOX, DOMAIN, TAX_ID})
"""The kinds that can join a lead to a card: whoever decides on one of them must be alone with it."""

LONGEST_INITIAL = 2
"""«Ю» is «Yu» in Latin letters."""

MOST_HOLDERS = 20
"""A value held by more clients than this brings no candidates; it stays in the evidence with a low weight."""
RARE_NAME = 3
"""A name that no more clients than this bear is worth a person's look even when nothing else agrees."""
HOLDERS: dict[str, int] = {NAME: RARE_NAME, SURNAME: 3}
"""Where fewer holders are the limit, because of what such a key alone can decide.

A namesake who shares nothing else is another firm as soon as `RARE_NAME` clients bear the name: he need not be read.
Whoever does share more is found by that. What a surname and the beginning of a name find is right in one case of eight when
one or two hold it, in one of sixty when three do, and hardly ever beyond (100,000 clients).
"""
OWN_SOUNDS = 4
"""So many consonants of a firm's name go with a surname: enough to part Стройкомплект from Стройинвест, and most slips of
the pen, a vowel lost or two letters swapped around one, leave them as they are."""


class SearchKey(Struct, frozen=True, order=True, cache_hash=True, gc=False):
    """One thing a client can be found by: its kind (`n s p e d x`) and its regular value."""

    kind: str
    value: str

    @property
    def address(self) -> int:
        """Where the key stands in the index: a signed 64-bit hash. Whoever finds a card by it compares the values again."""
        unsigned = xxhash.xxh3_64_intdigest(f"{self.kind}:{self.value}".encode())
        return unsigned - (1 << 64) if unsigned >= 1 << 63 else unsigned


def most_holders(kind: str) -> int:
    """How many clients may hold a key of this kind for it to bring them all as candidates."""
    return HOLDERS.get(kind, MOST_HOLDERS)


def brings_candidates(key: SearchKey, holders: int) -> bool:
    """Whether the cards that hold a key are compared, when so many of them do."""
    return 0 < holders <= HOLDERS.get(key.kind, MOST_HOLDERS)


def search_keys(record: RegularLead) -> tuple[SearchKey, ...]:
    """All keys of `record`, each once. E-mail domain and web site are one kind: each is searched across the other."""
    keys = [SearchKey(NAME, value) for value in name_values(record.company)]
    if record.company is not None:
        if record.company.place:
            keys.append(name_key(without_place(record.company)))
        keys += [SearchKey(SURNAME, surname_value(one, record.company)) for one in record.surnames]
    keys += [SearchKey(PHONE, phone.local) for phone in record.phones]
    keys += [SearchKey(MAILBOX, one.mailbox) for one in record.mailboxes]
    keys += [SearchKey(DOMAIN, domain) for domain in domains_of(record)]
    if record.tax_id:
        keys.append(SearchKey(TAX_ID, record.tax_id))
    return tuple(dict.fromkeys(keys))


def name_values(company: CompanyName | None) -> tuple[str, ...]:
    """What a company name is searched by; a sole trader also by surname and first initial: the rest is written in many ways."""
    if company is None:
        return ()
    if company.initials:
        return (company.sorted_skeleton, f"{company.skeleton.split(' ')[0]}|{company.initials[0]}")
    if company.letters and (trader := _trader(company)):
        return (company.sorted_skeleton, trader)
    return (company.sorted_skeleton,)


def _trader(company: CompanyName) -> str:
    """What «Дёмин Р. А.» would be searched by if he had not left out that he is a sole trader; else empty."""
    words = company.core.split()
    long = [word for word in words if len(word) > LONGEST_INITIAL]
    short = [word for word in words if len(word) <= LONGEST_INITIAL]
    if company.form or len(long) != 1 or not 0 < len(short) <= LONGEST_INITIAL or not all(map(letter, short)):
        return ""
    return f"{skeleton(long[0])}|{letter(short[0])}"


def name_key(company: CompanyName) -> SearchKey:
    """The key that says how many clients bear this name."""
    return SearchKey(NAME, name_values(company)[-1])


def surname_value(person: Surname, company: CompanyName | None) -> str:
    """A surname alone would bring half the base, and decides nothing: it is searched with the beginning of the firm's name.

    So a common name with its contact is found, and a name with a slip of the pen, and a sister of the firm.
    """
    return f"{person.skeleton}|{_beginning(company.skeleton) if company else ''}"


_VOWELS = re.compile("[aeiou]")


@lru_cache(maxsize=1 << 12)
def _beginning(name: str) -> str:
    """The first consonants of the first word that is the firm's own: no descriptor and no number."""
    words = name.split()
    own = (word for word in words if not word.isdigit() and not descriptors_of((word,)))
    word = next(own, words[0])
    return (_VOWELS.sub("", word) or word)[:OWN_SOUNDS]


def domains_of(record: RegularLead) -> tuple[str, ...]:
    """The corporate domains of a record, whether they came as a site or inside an e-mail address."""
    domains = [box.domain for box in record.mailboxes if box.domain]
    return tuple(dict.fromkeys([*domains, *record.sites])) if domains else record.sites
