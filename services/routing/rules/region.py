"""Which office serves a region: its own entry first, then its country; an unknown region is the home region (R1-43)."""

from __future__ import annotations

from functools import lru_cache

from msgspec import Struct

from services.routing.rules.field import Field


class Territory(Struct, frozen=True):
    """Where a lead belongs: the office that serves it (None: nobody does), whether that is the home office.

    `assumed` says that the region is not known and the home region stands in for it.
    """

    region: str
    office: str | None
    home: bool
    assumed: bool = False


def serving_office(region: str, field: Field) -> str | None:
    """The office that names `region`, else the one that names its country, else None."""
    return field.office_of.get(region) or field.office_of.get(region.partition("-")[0])


@lru_cache(
    maxsize=256
)  # a field never changes, and a whole list asks the same of it; few are kept, for each keeps its field
def territory(region: str, field: Field) -> Territory:
    """The territory of a lead from `region` (ISO 3166-2 subject, ISO 3166-1 country, or `unknown`).

    A bare country that no office serves as a whole, and that is the home country, says no more than `unknown` does.
    """
    home = serving_office(field.home_region, field)
    office = serving_office(region, field)
    if office is None and region in ("unknown", "", field.home_region.partition("-")[0]):
        return Territory(field.home_region, home, home=True, assumed=True)
    return Territory(region, office, home=office is not None and office == home)
