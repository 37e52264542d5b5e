"""A telling of a period in figures: who received how much, how evenly, and how much there was to respond to at once (G6)."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from services.routing.rules.fair_share import UNIT, in_leads


class Tally:
    """Counts decision after decision; days and hours are those of each person's office."""

    def __init__(self, zones: Mapping[str, ZoneInfo], home: ZoneInfo) -> None:
        self._zones, self._home = zones, home
        self.decisions = 0
        self.queued = 0
        self._received: Counter[str] = Counter()
        self._days: Counter[tuple[str, str]] = Counter()
        self._hours: Counter[tuple[str, str]] = Counter()
        self._shared: Counter[tuple[str, str]] = Counter()
        self._moved: Counter[tuple[str, str]] = Counter()
        self._largest: dict[str, int] = defaultdict(int)

    def add(
        self,
        at: datetime,
        receiver: str,
        queue: str | None,
        pool: str | None = None,
        before: Mapping[str, int] | None = None,
        after: Mapping[str, int] | None = None,
        *,
        returned: bool = False,
    ) -> None:
        """One decision; with `before` and `after`, in units, if it moved the ledger of `pool`.

        A share that was `returned`, given back later, counts neither as received nor as owed.
        """
        self.decisions += 1
        self.queued += queue is not None
        self._received[receiver] += 1
        local = at.astimezone(self._zones.get(receiver, self._home))
        self._days[receiver, local.date().isoformat()] += 1
        self._hours[receiver, local.isoformat(" ", "hours")[:13]] += 1
        if pool is None or before is None or after is None:
            return
        self._largest[pool] = max(self._largest[pool], *(abs(balance) for balance in after.values()))
        if not returned:
            self._shared[pool, receiver] += 1
            for who, balance in after.items():
                self._moved[pool, who] += balance - before[who]

    def pools(self) -> dict[str, dict[str, Any]]:
        """Per pool `{largest, members: {id: {shared, fair_share, deviation}}}`, in leads.

        `deviation` is what was received less the fair share of the period, `largest` the most that anybody was ever owed
        or ahead when a lead of the pool was decided.
        """
        found: dict[str, dict[str, Any]] = {}
        for pool, who in sorted(self._moved):
            moved, shared = self._moved[pool, who], self._shared[pool, who]
            told = found.setdefault(pool, {"largest": in_leads(self._largest[pool]), "members": {}})
            told["members"][who] = {
                "shared": shared,
                "fair_share": in_leads(moved + UNIT * shared),
                "deviation": -in_leads(moved) or 0.0,
            }
        return found

    def people(self) -> dict[str, dict[str, Any]]:
        """Per person `{received, busiest_day, in_a_day, busiest_hour, in_an_hour}`: what there was to respond to."""
        found: dict[str, dict[str, Any]] = {who: {"received": count} for who, count in sorted(self._received.items())}
        for when, most, counted in (
            ("busiest_day", "in_a_day", self._days),
            ("busiest_hour", "in_an_hour", self._hours),
        ):
            for (who, moment), count in sorted(counted.items()):
                if count > found[who].get(most, 0):
                    found[who] |= {when: moment, most: count}
        return found

    def as_json(self) -> dict[str, Any]:
        """All of it: `{decisions, queued, pools, people}`."""
        return {"decisions": self.decisions, "queued": self.queued, "pools": self.pools(), "people": self.people()}
