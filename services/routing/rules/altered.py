"""The field of play as it would have been, had the company file said something else: presence and roster stay as they were.

What somebody wants to try is told by two company files, the one in force and a changed one. What the two say alike stays
as it really was at each moment, whatever it was; what they say otherwise is taken from the changed one.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

from services.routing.rules.field import Away, Field, Office, Person
from services.routing.rules.moment import Calendar
from services.routing.rules.presence import Presence
from shared.commands import ApplyCompany

T = TypeVar("T", Person, Office)


class Altered:
    """Two company files through time, and what their difference makes of a field of play."""

    def __init__(self, now: ApplyCompany, changed: ApplyCompany) -> None:
        """`now` is the file in force, `changed` the one to try; both must be free of faults (`company.faults_in`)."""
        self._now, self._changed = Calendar(now), Calendar(changed)
        self._moments = sorted({*self._now.changes(), *self._changed.changes()})
        self._made: dict[tuple[UUID, int], Field] = {}
        self._pairs: dict[int, tuple[Field, Field]] = {}

    def field(self, real: Field, at: datetime) -> Field:
        """`real`, the field of play as it was at `at`, as it would have been; itself where nothing would differ."""
        stretch = bisect_right(self._moments, at)  # between two of the moments neither file changes by itself
        if stretch not in self._pairs:
            self._pairs[stretch] = (self._now.field_at(at, Presence()), self._changed.field_at(at, Presence()))
        now, changed = self._pairs[stretch]
        if now is changed or now.id == changed.id:
            return real
        key = (real.id, stretch)
        if key not in self._made:
            altered = _altered(real, now, changed)
            self._made[key] = real if altered.id == real.id else altered
        return self._made[key]


def _altered(real: Field, now: Field, changed: Field) -> Field:
    return Field(
        changed.home_region if changed.home_region != now.home_region else real.home_region,
        _each(real.offices, now.offices, changed.offices, lambda office: None),
        _each(real.people, now.people, changed.people, lambda person: replace(person, active=False)),
    )


def _each(
    real: Mapping[str, T], now: Mapping[str, T], changed: Mapping[str, T], gone: Callable[[T], T | None]
) -> list[T]:
    """One by one; `gone` is what becomes of those whom the changed file no longer names. Whom neither names stays."""
    found: list[T | None] = []
    for id_ in dict.fromkeys([*real, *changed]):
        if id_ in changed and id_ not in now:
            found.append(changed[id_])
        elif id_ not in real:
            continue  # not there yet at that moment, and nothing that is tried
        elif id_ in changed:
            found.append(_one(real[id_], now[id_], changed[id_]))
        else:
            found.append(gone(real[id_]) if id_ in now else real[id_])
    return [one for one in found if one is not None]


def _one(real: T, now: T, changed: T) -> T:
    """What the files say otherwise as the changed one says it; all the rest as it was."""
    tried: dict[str, Any] = {}
    for name in (field.name for field in fields(real)):
        was, would = getattr(now, name), getattr(changed, name)
        if was != would:
            tried[name] = _value(getattr(real, name), was, would)
    return replace(real, **tried) if tried else real


def _value(real: object, was: object, would: object) -> object:
    if isinstance(real, tuple) and isinstance(was, tuple) and isinstance(would, tuple):
        return tuple(sorted({*real} - ({*was} - {*would}) | ({*would} - {*was})))
    if would is None and isinstance(was, Away) and real != was:
        return real  # he was not away as the file had it, but busy, or ill: presence is as it was
    return would
