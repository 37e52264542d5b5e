"""The words that invented firms and people are named with, read from the tables beside this module."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from itertools import accumulate


@dataclass(frozen=True, slots=True)
class Town:
    """A town: the area code of its telephones (with the country's where that is not Russia), its region in two forms."""

    name: str
    area: str
    region: str
    region_name: str

    @property
    def country(self) -> str:
        """ISO 3166 code of its country."""
        return self.region[:2]


@dataclass(frozen=True, slots=True)
class Form:
    """A legal form: as it is written short, long, and in Latin letters."""

    short: str
    long: str
    latin: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Words:
    """All word lists; `town_weights` and `form_weights` are cumulative, as `random.choices` takes them."""

    lists: dict[str, list[str]]
    towns: list[Town]
    town_weights: list[int]
    forms: dict[str, list[Form]]
    form_weights: dict[str, list[int]]


@cache
def words() -> Words:
    """The word lists of `names.tsv` and `firms.tsv`."""
    lists: dict[str, list[str]] = {}
    towns: list[Town] = []
    weights: list[int] = []
    forms: dict[str, list[Form]] = {}
    form_weights: dict[str, list[int]] = {}
    for table in ("names.tsv", "firms.tsv"):
        for line in (files("estafeta.sample") / table).read_text("utf-8").splitlines():
            if not line or line.startswith("#"):
                continue
            kind, text = line.split("\t")
            entry = [word.replace("_", " ") for word in text.split()]
            if kind == "town":
                name, area, weight, region, region_name = entry
                towns.append(Town(name, area, region, region_name))
                weights.append(int(weight))
            elif kind == "form":
                country, short, weight, long, latin = entry
                forms.setdefault(country, []).append(Form(short, long, tuple(latin.split(","))))
                form_weights.setdefault(country, []).append(int(weight))
            else:
                lists.setdefault(kind, []).extend(entry)
    return Words(
        lists=lists,
        towns=towns,
        town_weights=list(accumulate(weights)),
        forms=forms,
        form_weights={country: list(accumulate(found)) for country, found in form_weights.items()},
    )
