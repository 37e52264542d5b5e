"""Who sits on which bench: the duty roster, a region's managers, the home managers (R1-08, R1-45, R1-46, R1-37).

Only `sales` take net-new leads; agents win meetings, account managers serve, heads answer for what nobody can take.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from services.routing.rules.availability import why_not_new
from services.routing.rules.case import Bench, Passed
from services.routing.rules.fair_share import weights_of
from services.routing.rules.field import Field, Person
from services.routing.rules.region import Territory, serving_office
from shared.words import Function

HOME = "home"
"""The pool of the home managers, for everything that does not go by the roster."""


def by_roster(where: Territory, field: Field) -> bool:
    """Whether calls and website leads go by a roster here: always at home, elsewhere if the office draws one up."""
    return where.office is not None and (where.home or field.offices[where.office].rostered)


def is_on_duty(person: Person, field: Field) -> bool:
    """Whether `person` is on duty: on a roster now, or of an office that draws none up and is not the home office."""
    if any(person.id in office.on_duty for office in field.offices.values()):
        return True
    office = field.offices.get(person.office)
    return office is not None and not office.rostered and office.id != serving_office(field.home_region, field)


@lru_cache(maxsize=256)  # a field never changes, and a whole batch asks the same of it
def on_duty(office: str, field: Field) -> Bench:
    """Those on duty in `office` at this moment; its other managers are off duty (R1-08)."""
    named = [field.people[who] for who in field.offices[office].on_duty if who in field.people]
    resting = [p for p in field.staff_of(office, Function.SALES) if p not in named]
    bench = _bench(f"duty:{office}", office, named)
    off: dict[str, Passed] = {p.id: why_not_new(p) or {"why": "off_duty"} for p in resting}
    return Bench(bench.pool, office, bench.weights, {**off, **bench.passed})


@lru_cache(maxsize=256)
def of_region(office: str, field: Field) -> Bench:
    """The managers of a regional office (R1-46)."""
    return _bench(f"region:{office}", office, field.staff_of(office, Function.SALES))


@lru_cache(maxsize=256)
def at_home(office: str | None, field: Field) -> Bench:
    """The managers of the home office (R1-37, R1-30)."""
    return _bench(HOME, office, field.staff_of(office, Function.SALES) if office else ())


def _bench(pool: str, office: str | None, people: Iterable[Person]) -> Bench:
    able, passed = [], dict[str, Passed]()
    for person in people:
        if (reason := why_not_new(person)) is not None:
            passed[person.id] = reason
        elif person.function is not Function.SALES:
            passed[person.id] = {"why": "function", "function": person.function}
        else:
            able.append((person.id, person.weight))
    return Bench(pool, office, weights_of(able), passed)
