"""What a newly applied company changes for other rooms: only what really differs is said."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from shared.commands import ApplyCompany
from shared.events import OfficeChanged, StaffChanged
from shared.words import Function

E = TypeVar("E", OfficeChanged, StaffChanged)


def offices_as_said(company: ApplyCompany) -> dict[str, OfficeChanged]:
    """Each office of `company` as other rooms are told of it; of several heads the first by id answers."""
    heads: dict[str, str] = {}
    for person in sorted(company.staff, key=lambda person: person.id):
        if person.function == "head":
            heads.setdefault(person.office, person.id)
    return {
        office.id: OfficeChanged(
            office_id=office.id,
            name=office.name,
            time_zone=office.time_zone,
            hours=office.hours,
            calendar=office.calendar,
            days_off=sorted(set(office.days_off)),
            working_days=sorted(set(office.working_days)),
            head=heads.get(office.id),
        )
        for office in company.offices
    }


def staff_as_said(company: ApplyCompany) -> dict[str, StaffChanged]:
    """Each member of staff of `company` as other rooms are told of him."""
    return {
        person.id: StaffChanged(
            staff_id=person.id, name=person.name, office_id=person.office, function=Function(person.function)
        )
        for person in company.staff
    }


def changes(before: Mapping[str, E], now: Mapping[str, E]) -> list[E]:
    """What differs, by id; what is no longer named is said once more, as not active."""
    return [
        said for key in sorted({*before, *now}) if (said := now.get(key) or _retired(before[key])) != before.get(key)
    ]


def _retired(said: E) -> E:
    return said.model_copy(update={"active": False, **({"head": None} if isinstance(said, OfficeChanged) else {})})
