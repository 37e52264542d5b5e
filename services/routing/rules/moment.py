"""The company at a moment: who is away, who is on duty, who has given notice; what a decision looks at (R1-08, R1-24)."""

from __future__ import annotations

from bisect import bisect_right
from datetime import datetime

from services.routing.rules.company import weight_in_thousandths
from services.routing.rules.field import Away, Field, Office, Person
from services.routing.rules.presence import Presence
from shared.commands import ApplyCompany
from shared.words import Function


class Calendar:
    """A company file through time. Equal moments give the same field, so that what is known of it is found again."""

    def __init__(self, company: ApplyCompany) -> None:
        """`company` must be free of faults (`company.faults_in`)."""
        self._company = company
        self._fields: dict[tuple[object, ...], Field] = {}
        self._absences: dict[str, list[tuple[datetime, datetime, str]]] = {p.id: [] for p in company.staff}
        for absence in company.absences:
            self._absences[absence.staff].append((absence.starts_at, absence.ends_at, absence.reason))
        self._rostered = frozenset(shift.office for shift in company.duty)
        self._moments = self.changes()
        self._on_duty: dict[int, frozenset[tuple[str, str]]] = {}

    def field_at(self, at: datetime, presence: Presence) -> Field:
        """The field of play at `at`, with what was said of people's `presence` by then."""
        away = tuple(presence.away(p.id, at, self._absences[p.id]) for p in self._company.staff)
        stretch = bisect_right(self._moments, at)  # between two of the moments nobody comes on duty and nobody goes off
        if stretch not in self._on_duty:
            now = (shift for shift in self._company.duty if shift.starts_at <= at < shift.ends_at)
            self._on_duty[stretch] = frozenset((shift.office, shift.staff) for shift in now)
        duty = self._on_duty[stretch]
        notice = tuple(p.notice_at is not None and p.notice_at <= at for p in self._company.staff)
        key = (away, duty, notice)
        if key not in self._fields:
            self._fields[key] = self._field(away, duty, notice)
        return self._fields[key]

    def changes(self) -> list[datetime]:
        """Every moment at which the file itself changes who is away, on duty or under notice, in order."""
        moments = {moment for shift in self._company.duty for moment in (shift.starts_at, shift.ends_at)}
        moments |= {moment for spans in self._absences.values() for start, end, _ in spans for moment in (start, end)}
        return sorted(moments | {person.notice_at for person in self._company.staff if person.notice_at is not None})

    def _field(
        self, away: tuple[Away | None, ...], duty: frozenset[tuple[str, str]], notice: tuple[bool, ...]
    ) -> Field:
        return Field(
            self._company.home_region,
            [
                Office(
                    o.id,
                    o.name,
                    tuple(sorted(o.regions)),
                    o.id in self._rostered,
                    tuple(sorted(who for office, who in duty if office == o.id)),
                )
                for o in self._company.offices
            ],
            [
                Person(
                    p.id,
                    p.name,
                    p.office,
                    Function(p.function),
                    weight_in_thousandths(p.weight) or 1,
                    away=how,
                    per_day=p.per_day,
                    open_leads=p.open_leads,
                    notice=leaving,
                )
                for p, how, leaving in zip(self._company.staff, away, notice, strict=True)
            ],
        )
