"""A roster in the making: what is to be filled and by whom, who has which place, and what is wrong with it (R1-08, G6)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

from services.routing.rules.roster_cover import OnDuty, Slot, Watch, inside, on_duty_in, stretches
from services.routing.rules.roster_load import Expected


class Place(NamedTuple):
    """One of the places of a slot, by the slot's number and its own."""

    slot: int
    nth: int


class Cost(NamedTuple):
    """What is wrong with a roster, the worst first; leads in millionths."""

    alone: int
    """Leads that nobody is there for."""
    missing: int
    """Minutes of empty places."""
    beyond: int
    """Deviations, as far as they are more than one shift."""
    unwished: int
    uneven: int
    """The sum of the squared deviations."""


@dataclass(frozen=True, slots=True)
class Problem:
    """What the search knows; people and stretches of time by number.

    `segments` are the stretches each slot consists of, `leads` what each brings, `standing` who serves it already.
    `limits` are minutes in a week, None: none; `worked` are minutes of shifts that stand, by person and week.
    """

    people: tuple[str, ...]
    weights: tuple[int, ...]
    slots: tuple[Slot, ...]
    places: tuple[Place, ...]
    minutes: tuple[int, ...]
    weeks: tuple[tuple[int, int], ...]
    clashes: tuple[frozenset[int], ...]
    cannot: tuple[Mapping[int, str], ...]
    unwished: tuple[frozenset[int], ...]
    segments: tuple[tuple[int, ...], ...]
    leads: tuple[int, ...]
    standing: tuple[frozenset[str], ...]
    strangers: Mapping[str, int]
    owed: tuple[int, ...]
    limits: tuple[int | None, ...]
    worked: Mapping[tuple[int, tuple[int, int]], int]
    one_shift: int

    def is_unwished(self, place: Place, who: str) -> bool:
        """Whether `who` wished not to have this place."""
        return place.slot in self.unwished[self.people.index(who)]

    @classmethod
    def of(
        cls,
        watch: Watch,
        slots: Sequence[Slot],
        places: Sequence[Place],
        expected: Expected,
        since: datetime,
        until: datetime,
        against: Mapping[str, frozenset[int]],
        carried: Mapping[str, int],
    ) -> Problem:
        """The problem of filling `places`; a week is the office's, and a shift belongs to the one it begins in.

        Of what is `carried` over, one shift at most is made good at once.
        """
        zone = ZoneInfo(watch.office.time_zone)
        people = tuple(watch.people)
        parts = [part for shift in watch.shifts for part in watch.present(shift)]
        spans = stretches([*slots, *parts, *watch.turns()], slots)
        leads = tuple(expected.between(start, end) for start, end in spans)
        standing = tuple(map(frozenset, on_duty_in(spans, parts)))
        segments = tuple(tuple(inside(spans, slot)) for slot in slots)
        needed, credited, able = [0] * len(spans), dict[frozenset[str], int](), watch.able()
        for slot, those in zip(slots, segments, strict=True):
            for n in those:
                needed[n] += slot.people
        for (start, end), brings in zip(spans, leads, strict=True):
            credited[able(start, end)] = credited.get(able(start, end), 0) + brings
        owed = [0] * len(people)
        for who_can, brings in credited.items():
            total = sum(map(watch.weight, who_can))
            for k, who in enumerate(people):
                owed[k] += brings * watch.weight(who) // total if who in who_can else 0
        one_shift = max((sum(leads[n] // needed[n] for n in those) for those in segments), default=0)
        for k, who in enumerate(people):
            owed[k] += max(-one_shift, min(one_shift, carried.get(who, 0)))
        worked: dict[tuple[int, tuple[int, int]], int] = {}
        for shift in (*watch.shifts, *watch.elsewhere):
            if shift.staff in watch.people:
                key = people.index(shift.staff), _week(shift.start, zone)
                worked[key] = worked.get(key, 0) + _minutes(shift)
        return cls(
            people=people,
            weights=tuple(watch.weight(who) for who in people),
            slots=tuple(slots),
            places=tuple(places),
            minutes=tuple(map(_minutes, slots)),
            weeks=tuple(_week(slot.start, zone) for slot in slots),
            clashes=tuple(
                frozenset(n for n, other in enumerate(slots) if other.start < slot.end and slot.start < other.end)
                for slot in slots
            ),
            cannot=tuple(_cannot(watch, slot, people) for slot in slots),
            unwished=tuple(against.get(who, frozenset()) for who in people),
            segments=segments,
            leads=leads,
            standing=standing,
            strangers={who: watch.weight(who) for who in sorted(frozenset[str]().union(*standing) - set(people))},
            owed=tuple(owed),
            limits=tuple(
                None if (hours := watch.people[who].duty_hours) is None else round(hours * 60) for who in people
            ),
            worked=worked,
            one_shift=one_shift,
        )


def _cannot(watch: Watch, slot: Slot, people: Sequence[str]) -> dict[int, str]:
    """Those who cannot serve a slot whatever else happens, each with why."""
    found = {k: why for k, who in enumerate(people) if (why := watch.away(who, slot.start, slot.end)) is not None}
    for shift in (*watch.shifts, *watch.elsewhere):
        if shift.start < slot.end and slot.start < shift.end and shift.staff in watch.people:
            found.setdefault(people.index(shift.staff), "on_duty")
    return found


def _minutes(span: Slot | OnDuty) -> int:
    return int((span.end - span.start).total_seconds()) // 60


def _week(at: datetime, zone: ZoneInfo) -> tuple[int, int]:
    year, week, _ = at.astimezone(zone).isocalendar()
    return year, week


class Board:
    """A roster in the making: who has which place, and what is wrong with it, kept up to date with every change."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.has: dict[Place, int] = {}
        self.of: list[dict[int, Place]] = [{} for _ in problem.people]  # person → slot → place
        number = {who: k for k, who in enumerate(problem.people)}
        self._worked = dict(problem.worked)
        self._on = [{number[who] for who in those if who in number} for those in problem.standing]
        self._weight = [
            sum(problem.weights[number[who]] if who in number else problem.strangers[who] for who in those)
            for those in problem.standing
        ]
        self._gets = [0] * len(problem.people)
        self._beyond = self._uneven = self._unwished = 0
        self._alone = sum(leads for leads, weight in zip(problem.leads, self._weight, strict=True) if not weight)
        self._missing = sum(problem.minutes[place.slot] for place in problem.places)
        for k in range(len(problem.people)):
            self._count(k, 1)
        for n, (those, weight) in enumerate(zip(self._on, self._weight, strict=True)):
            for k in those:
                self._give(k, problem.leads[n] * problem.weights[k] // weight)

    def cost(self) -> Cost:
        """What is wrong with the roster as it stands."""
        return Cost(self._alone, self._missing, self._beyond, self._unwished, self._uneven)

    def filled(self) -> Iterator[tuple[Place, str]]:
        """The places that are filled, each with whom."""
        return ((place, self.problem.people[self.has[place]]) for place in self.problem.places if place in self.has)

    def empty(self) -> list[Place]:
        """The places that are not."""
        return [place for place in self.problem.places if place not in self.has]

    def surplus(self, k: int) -> int:
        """How many leads more than his share he gets so far, in millionths."""
        return self._gets[k] - self.problem.owed[k]

    def brings(self, place: Place) -> int:
        """The leads that the place brings to whoever has it, in millionths."""
        problem, weight = self.problem, self.problem.weights[self.has[place]]
        return sum(problem.leads[n] * weight // self._weight[n] for n in problem.segments[place.slot])

    def worth_trying(self, mine: int, his: int, moved: int, *slots: int) -> bool:
        """Whether it may be better that `moved` leads go from one to another: towards whom less is due, and not too many.

        Between equals in weight that is exact, because nobody else is touched: of two numbers with one sum the nearer
        ones have the smaller squares. A wish is a reason of its own.
        """
        problem = self.problem
        if problem.weights[mine] != problem.weights[his]:
            return True
        if any((slot in problem.unwished[mine]) != (slot in problem.unwished[his]) for slot in slots):
            return True
        apart = self.surplus(mine) - self.surplus(his)
        return 0 < moved < apart or apart < moved < 0

    def why_not(self, slot: int, who: str) -> str:
        """Why `who` cannot take a place of `slot` as things stand; `free`: he could."""
        k = self.problem.people.index(who)
        if (why := self.problem.cannot[slot].get(k)) is not None:
            return why
        if self.in_the_way(slot, k):
            return "on_duty"
        return "free" if self._has_hours(slot, k) else "hours"

    def may(self, slot: int, k: int) -> bool:
        """Whether he can take a place of `slot` as things stand."""
        return k not in self.problem.cannot[slot] and not self.in_the_way(slot, k) and self._has_hours(slot, k)

    def in_the_way(self, slot: int, k: int) -> list[Place]:
        """His places at the same time."""
        return [place for other, place in self.of[k].items() if other in self.problem.clashes[slot]]

    def _has_hours(self, slot: int, k: int) -> bool:
        limit = self.problem.limits[k]
        worked = self._worked.get((k, self.problem.weeks[slot]), 0)
        return limit is None or worked + self.problem.minutes[slot] <= limit

    def put(self, place: Place, k: int) -> None:
        """Give him the place; he must be able to take it."""
        self.has[place] = k
        self._change(place, k, 1)
        self.of[k][place.slot] = place

    def take(self, place: Place) -> int:
        """Take the place from whoever has it, and say from whom."""
        k = self.has.pop(place)
        del self.of[k][place.slot]
        self._change(place, k, -1)
        return k

    def _change(self, place: Place, k: int, sign: int) -> None:
        problem, slot = self.problem, place.slot
        week = k, problem.weeks[slot]
        self._worked[week] = self._worked.get(week, 0) + sign * problem.minutes[slot]
        self._missing -= sign * problem.minutes[slot]
        self._unwished += sign * (slot in problem.unwished[k])
        weights = problem.weights
        for n in problem.segments[slot]:
            leads, before = problem.leads[n], self._weight[n]
            after = before + sign * weights[k]
            self._on[n].discard(k)
            for other in self._on[n]:
                self._give(other, leads * weights[other] // after - leads * weights[other] // before)
            if sign > 0:
                self._give(k, leads * weights[k] // after)
                self._on[n].add(k)
                self._alone -= 0 if before else leads
            else:
                self._give(k, -(leads * weights[k] // before))
                self._alone += 0 if after else leads
            self._weight[n] = after

    def _give(self, k: int, leads: int) -> None:
        self._count(k, -1)
        self._gets[k] += leads
        self._count(k, 1)

    def _count(self, k: int, sign: int) -> None:
        off = abs(self._gets[k] - self.problem.owed[k])
        self._uneven += sign * off * off
        self._beyond += sign * max(0, off - self.problem.one_shift)
