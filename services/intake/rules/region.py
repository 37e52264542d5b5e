"""From which region does a client come? Stated → city → area code → postal code → country → unknown (R1-43)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Literal

from msgspec import Struct

from services.intake.rules.keys import Phone, RegularLead
from services.intake.rules.placeholder import is_placeholder
from services.intake.rules.places import (
    AREA_CODES,
    BARE_NAMES,
    CITIES,
    CODES,
    NAMES,
    POSTAL_CODES,
    ZONES,
    in_sounds,
    place_key,
    region_key,
)
from shared.commands import LeadFields

By = Literal["stated", "city", "area_code", "postal_code", "country", "unknown"]

_PARTS = re.compile(r"[,;/\n()|]+")
_CITY_MARK = re.compile(r"^(?:г|гор|город|пгт|п|пос|с|д|ст-ца|city of)\b\.?\s*|\s+(?:г|гор|город|city)\.?$")
_POSTAL = re.compile(r"(?<!\d)(\d{6})(?!\d)")
_NOT_A_PLACE = frozenset({"россия", "рф", "российская федерация", "russia", "russian federation", "ru", "снг"})
_HOME = "RU"


class Region(Struct, frozen=True):
    """Where a client is: ISO 3166-2 of Russia (`RU-MOW`), a whole country (`KZ`) or `unknown`; and what told it.

    Flags: `unknown_region`, something was stated that is no region we know; the derivation went on without it.
    """

    code: str
    by: By
    flags: tuple[str, ...] = ()


UNKNOWN = "unknown"


def derive(
    *,
    stated: str = "",
    city: str = "",
    phones: Sequence[Phone] = (),
    postal_code: str = "",
    domains: Sequence[str] = (),
) -> Region:
    """The region by the first thing that tells it. A mobile or toll-free number tells none; a Russian one no country.

    Whoever is Russian without more to go by is `unknown`, which routing treats as the home region.
    """
    flags: tuple[str, ...] = ()
    if stated:
        code = named_region(stated)
        if code:
            return Region(code, "stated")
        if not is_placeholder(stated) and place_key(stated) not in _NOT_A_PLACE:
            flags = ("unknown_region",)
    if city and (code := city_region(city)):
        return Region(code, "city", flags)
    for phone in phones:
        if phone.e164.startswith("+7") and (area := AREA_CODES.get(phone.e164[2:5])):
            return Region(area, "area_code", flags)
    if postal_code and (code := postal_region(postal_code)):
        return Region(code, "postal_code", flags)
    for phone in phones:
        if phone.country and phone.country != _HOME:
            return Region(phone.country, "country", flags)
    for domain in domains:
        if country := ZONES.get(domain.partition("/")[0].rpartition(".")[2]):
            return Region(country, "country", flags)
    return Region(UNKNOWN, "unknown", flags)


def of_lead(fields: LeadFields, lead: RegularLead) -> Region:
    """The region of a lead: `derive` over its cells, with city and postal code read out of the address where they are missing."""
    address_city, address_code = read_address(fields.address) if fields.address else ("", "")
    return derive(
        stated=fields.region,
        city=fields.city or address_city or (lead.company.city if lead.company else ""),
        phones=lead.phones,
        postal_code=fields.postal_code or address_code,
        domains=(*(box.domain for box in lead.mailboxes if box.domain), *lead.sites),
    )


def read_address(address: str) -> tuple[str, str]:
    """The city (or region) and the six-digit postal code that an address holds; empty where it holds none."""
    postal = _POSTAL.search(address)
    city = next((part.strip() for part in _PARTS.split(address) if _city_of_part(part)), "")
    return city, postal.group(1) if postal else ""


@lru_cache(maxsize=1 << 13)
def named_region(stated: str) -> str:
    """The code of the region, country or city that `stated` names, else an empty string."""
    code = stated.strip().upper()
    if code in CODES:
        return code
    key = place_key(stated)
    found = _region_of_key(key, region_key(stated)) or _city_of_part(stated)
    if found:
        return found
    for part in _PARTS.split(stated):
        if part != stated and (found := _region_of_key(place_key(part), region_key(part)) or _city_of_part(part)):
            return found
    return ""


@lru_cache(maxsize=1 << 13)
def city_region(city: str) -> str:
    """The code of the region or country that the city lies in, else an empty string."""
    for part in (city, *_PARTS.split(city)):
        if found := _city_of_part(part):
            return found
    return next(
        (found for part in (city, *_PARTS.split(city)) if (found := _region_of_key(place_key(part), region_key(part)))),
        "",
    )


def postal_region(postal_code: str) -> str:
    """The region of a six-digit postal code, also one that a spreadsheet turned into a number; else an empty string."""
    found = _POSTAL.search(postal_code.replace(" ", ""))
    return POSTAL_CODES.get(found.group(1)[:3], "") if found else ""


def _region_of_key(key: str, bare: str) -> str:
    if not key:
        return ""
    return (
        NAMES.get(key)
        or (BARE_NAMES.get(bare) if bare else "")
        or NAMES.get(in_sounds(key))
        or BARE_NAMES.get(in_sounds(bare))
        or ""
    )


def _city_of_part(part: str) -> str:
    key = place_key(_CITY_MARK.sub("", part.strip().lower()))
    return CITIES.get(key) or CITIES.get(in_sounds(key)) or "" if key else ""
