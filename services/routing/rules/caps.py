"""How many leads somebody may receive in a day and hold open: who has reached his cap is passed over (R1-24, G6).

A cap neither earns nor owes: who has reached it is not eligible, as one who is absent.
"""

from __future__ import annotations

from collections.abc import Mapping

from services.routing.rules.case import Passed
from services.routing.rules.field import Field, Person

NOT_RECEIVED = ("R1-33", "G8")
"""The rules by which nothing new is received: an open sale goes on, a queue is only answered for."""


class Loads:
    """What those with a cap have received today and hold open; it moves on as leads are given."""

    __slots__ = ("held", "today")

    def __init__(self, today: Mapping[str, int] | None = None, held: Mapping[str, int] | None = None) -> None:
        self.today, self.held = dict(today or {}), dict(held or {})

    def left(self, person: Person) -> int | None:
        """How many more leads he may receive now; None: as many as come."""
        room = [
            cap - counted.get(person.id, 0)
            for cap, counted in ((person.per_day, self.today), (person.open_leads, self.held))
            if cap is not None
        ]
        return max(0, min(room)) if room else None

    def full(self, field: Field) -> dict[str, Passed]:
        """Those who have reached a cap, each with which."""
        found = {person.id: self.reached(person) for person in field.capped}
        return {who: reached for who, reached in found.items() if reached is not None}

    def reached(self, person: Person) -> Passed | None:
        """Which cap somebody has reached; None if he may receive."""
        if person.per_day is not None and self.today.get(person.id, 0) >= person.per_day:
            return {"why": "per_day", "cap": str(person.per_day)}
        if person.open_leads is not None and self.held.get(person.id, 0) >= person.open_leads:
            return {"why": "open_leads", "cap": str(person.open_leads)}
        return None

    def counted(self, field: Field) -> dict[str, tuple[int, int]]:
        """What those with a cap have received today and hold open."""
        return {person.id: (self.today.get(person.id, 0), self.held.get(person.id, 0)) for person in field.capped}

    def count(self, receiver: str, rule: str) -> None:
        """Somebody has received a lead by `rule`."""
        if rule not in NOT_RECEIVED:
            self.today[receiver] = self.today.get(receiver, 0) + 1
            self.held[receiver] = self.held.get(receiver, 0) + 1
