"""The gazetteer: regions, countries, their cities, area codes, postal codes and zones, ready to be looked up."""

from __future__ import annotations

import re

from services.intake.rules import data
from services.intake.rules.script import fold, skeleton

_KIND = re.compile(
    r"\b(?:область|обл|республика|респ|край|автономн\w*|округ|ао|аобл|город|гор|г|region|oblast|republic|krai|kray|okrug|city)\b"
)
_SEPARATORS = re.compile(r"[\W_]+")


def place_key(name: str) -> str:
    """How two spellings of a place are compared: folded, words joined by one blank."""
    return _SEPARATORS.sub(" ", fold(name)).strip()


def region_key(name: str) -> str:
    """As `place_key`, without «область», «республика», «край» and their kin; empty when nothing else stands there."""
    return " ".join(_KIND.sub(" ", place_key(name)).split())


def in_sounds(key: str) -> str:
    """A place key in any script."""
    return " ".join(map(skeleton, key.split()))


def _cells(cell: str) -> list[str]:
    return [] if cell == "-" else cell.split("|")


def _prefixes(cell: str) -> list[str]:
    """The three-digit postal prefixes of `160-162|166`."""
    found = []
    for span in _cells(cell):
        first, _, last = span.partition("-")
        found += [f"{number:03d}" for number in range(int(first), int(last or first) + 1)]
    return found


NAMES: dict[str, str] = {}
"""Region or country by `place_key`, and by `in_sounds` of it."""
BARE_NAMES: dict[str, str] = {}
"""The same by `region_key`: «московская» without «область»."""
CITIES: dict[str, str] = {}
"""Region or country of a city, by `place_key` and by `in_sounds` of it."""
AREA_CODES: dict[str, str] = {}
POSTAL_CODES: dict[str, str] = {}
ZONES: dict[str, str] = {}
DIAL_CODES: dict[str, str] = {}
CODES: set[str] = set()
CITY_TOKENS: set[str] = set()
"""Every city as folded words: a company name looks for a city beside it here."""


def _add(table: dict[str, str], key: str, code: str) -> None:
    table.setdefault(key, code)


def _load() -> None:
    rows = [(code, names, cities, areas, posts) for code, names, cities, areas, posts in data.table("regions.tsv", 5)]
    for code, names, cities, areas, posts in rows:
        _enter(code, names, cities, posts)
        AREA_CODES.update(dict.fromkeys(_cells(areas), code))
    for code, names, cities, dials, zones, posts in data.table("countries.tsv", 6):
        _enter(code, names, cities, posts)
        DIAL_CODES.update(dict.fromkeys(_cells(dials), code))
        ZONES.update((zone.encode("idna").decode(), code) for zone in _cells(zones))
    for table in (NAMES, BARE_NAMES, CITIES):
        for key, code in list(table.items()):
            _add(table, in_sounds(key), code)


def _enter(code: str, names: str, cities: str, posts: str) -> None:
    CODES.add(code)
    for name in _cells(names):
        _add(NAMES, place_key(name), code)
        if bare := region_key(name):
            _add(BARE_NAMES, bare, code)
    for city in _cells(cities):
        key = place_key(city)
        _add(CITIES, key, code)
        CITY_TOKENS.add(key)
    POSTAL_CODES.update(dict.fromkeys(_prefixes(posts), code))


_load()
PLAIN_CITIES = frozenset(CITY_TOKENS - data.word_set("cities_like_words"))
"""Cities that are known as such without «г.» before them."""
LONGEST_CITY = max(len(city.split()) for city in CITY_TOKENS)
CITY_ENDS = frozenset(city.rpartition(" ")[2] for city in CITY_TOKENS)
"""The last words of all cities: a name that ends otherwise need not be searched for one."""
COUNTRY_NAMES = frozenset(key for key, code in NAMES.items() if len(code) == 2) | frozenset(
    name.replace("_", " ") for name in data.word_set("more_countries")
)
"""Countries by `place_key`: in brackets behind a name they tell the firms of a group apart."""
