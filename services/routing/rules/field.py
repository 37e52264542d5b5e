"""The field of play: offices and people as they stand at one moment, which is all a decision may look at.

A field is a value. Equal fields have the same id, so a decision can name the field it was made on, and anybody can make
the same decision again later, whatever has changed since.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any
from uuid import UUID, uuid5

from shared.words import Function

BUSY = "busy"
"""The reason of an absence that is none: he is here, and has somebody else on the line (R1-24)."""
LEFT = "left"
"""The reason of an absence without end: he has left, though the company file still names him."""
DECLINED, SILENT = "declined", "silent"
"""The reasons of being out of reach of one lead only: it was offered to him, and he did not take it (SLA)."""

_FIELDS = UUID("6d0a6d3e-58f0-5c1c-9d83-6a5a0f2f7f0e")


@dataclass(frozen=True, slots=True)
class Away:
    """An absence that covers the moment: why (`BUSY` and `LEFT` are not just any), until when (ISO 8601, UTC; "": open)."""

    reason: str
    until: str


@dataclass(frozen=True, slots=True)
class Person:
    """A member of staff at that moment; `weight` in thousandths, `active` is false for one who has left.

    `per_day` and `open_leads` are his caps, None: none. `notice`: he has given notice and takes no net-new leads.
    """

    id: str
    name: str
    office: str
    function: Function
    weight: int = 1000
    active: bool = True
    away: Away | None = None
    per_day: int | None = None
    open_leads: int | None = None
    notice: bool = False


@dataclass(frozen=True, slots=True)
class Office:
    """An office at that moment: the regions it serves, whether it draws up a duty roster, and who is on duty by it."""

    id: str
    name: str
    regions: tuple[str, ...]
    rostered: bool = False
    on_duty: tuple[str, ...] = ()


class Field:
    """Offices in work and all people ever named, at one moment. It never changes."""

    def __init__(self, home_region: str, offices: Iterable[Office], people: Iterable[Person]) -> None:
        self.home_region = home_region
        self.offices: Mapping[str, Office] = {o.id: o for o in sorted(offices, key=lambda o: o.id)}
        self.people: Mapping[str, Person] = {p.id: p for p in sorted(people, key=lambda p: p.id)}

    @cached_property
    def office_of(self) -> Mapping[str, str]:
        """Region → the office that serves it."""
        return {region: office.id for office in self.offices.values() for region in office.regions}

    @cached_property
    def _staff_of(self) -> Mapping[tuple[str, Function], tuple[Person, ...]]:
        found: dict[tuple[str, Function], list[Person]] = {}
        for person in self.people.values():
            if person.active:
                found.setdefault((person.office, person.function), []).append(person)
        return {key: tuple(people) for key, people in found.items()}

    def staff_of(self, office: str, function: Function) -> tuple[Person, ...]:
        """Those of an office who have this function and have not left, by id."""
        return self._staff_of.get((office, function), ())

    def everybody(self, function: Function) -> tuple[Person, ...]:
        """Those of the whole company who have this function and have not left, by id."""
        return tuple(p for p in self.people.values() if p.active and p.function is function)

    @cached_property
    def capped(self) -> tuple[Person, ...]:
        """Those who have a cap on the leads they receive."""
        return tuple(p for p in self.people.values() if p.active and not p.per_day is p.open_leads is None)

    def find(self, said: str | None) -> Person | None:
        """The person somebody means by `said`: an id, else a full name that only one person bears.

        One who works here goes before one who has left.
        """
        if not said:
            return None
        if said in self.people:
            return self.people[said]
        bearers = self._bearers.get(plain_name(said), ())
        working = [person for person in bearers if person.active]
        if len(working) == 1:
            return working[0]
        return bearers[0] if len(bearers) == 1 else None

    @cached_property
    def _bearers(self) -> Mapping[str, tuple[Person, ...]]:
        found: dict[str, list[Person]] = {}
        for person in self.people.values():
            found.setdefault(plain_name(person.name), []).append(person)
        return {name: tuple(people) for name, people in found.items()}

    @cached_property
    def id(self) -> UUID:
        """The same for equal fields, and for no others."""
        return uuid5(_FIELDS, json.dumps(self.as_json(), ensure_ascii=False, sort_keys=True))

    def as_json(self) -> dict[str, Any]:
        """The field as a JSON object; `Field.from_json` reads it."""
        return {
            "home_region": self.home_region,
            "offices": [asdict(office) for office in self.offices.values()],
            "people": [asdict(person) for person in self.people.values()],
        }

    @classmethod
    def from_json(cls, said: Mapping[str, Any]) -> Field:
        """The field that `as_json` told of."""
        return cls(
            said["home_region"],
            [Office(**{**o, "regions": tuple(o["regions"]), "on_duty": tuple(o["on_duty"])}) for o in said["offices"]],
            [
                Person(**{**p, "function": Function(p["function"]), "away": Away(**p["away"]) if p["away"] else None})
                for p in said["people"]
            ],
        )


def plain_name(name: str) -> str:
    """A person's name as it is compared: case, `ё` and spacing put aside."""
    return " ".join(name.casefold().replace("ё", "е").split())
