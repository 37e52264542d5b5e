"""May this be moved, there, by him? A client has one owner, and whoever answers for that owner may say so (R1-42, R2-10)."""

from __future__ import annotations

from collections.abc import Iterable

from services.routing.rules.fallback import chain_of
from services.routing.rules.field import Field, Person
from services.routing.rules.moving import has_left
from shared.events import Fault
from shared.words import Function

_ABOVE_ALL = (Function.HEAD_OF_SALES, Function.DIRECTOR)


def may_say(person: Person | None, office: str | None) -> bool:
    """Whether somebody answers for the people of an office: its head, the head of sales, a director."""
    if person is None or has_left(person):
        return False
    return person.function in _ABOVE_ALL or (person.function is Function.HEAD and person.office == office)


def faults_of_word(by: str | None, consent: str | None, office: str | None, field: Field) -> list[Fault]:
    """What forbids `by` to move work of an office; the operator (None) may, anybody else with the head's consent."""
    if by is None:
        return []
    if (speaker := field.people.get(by)) is None or has_left(speaker):
        return [_nobody("by", by)]
    if may_say(speaker, office):
        return []
    if consent is not None and may_say(field.people.get(consent), office):
        return []
    heads = sorted(person.id for person in field.people.values() if may_say(person, office))
    return [
        Fault(
            field="by" if consent is None else "consent",
            problem=f"`{consent or by}` does not answer for the clients of {office or 'nobody'}.",
            remedy=f"Ask one of {', '.join(heads) or 'the heads'} to say so, or for his consent.",
        )
    ]


def faults_of_successor(to: str | None, leaving: Iterable[str], field: Field) -> list[Fault]:
    """What forbids a named successor: he must work here, be another, and not be an agent, who only wins meetings."""
    if to is None:
        return []
    person = field.people.get(to)
    if person is None or has_left(person):
        return [_nobody("to", to)]
    if to in set(leaving):
        return [Fault(field="to", problem=f"It is `{to}` himself.", remedy="Name somebody else.")]
    if person.function is Function.AGENT:
        return [
            Fault(
                field="to",
                problem=f"`{to}` is an agent, who only wins meetings (R1-26).",
                remedy="Name a manager, an account manager or a head.",
            )
        ]
    return []


def faults_of_dismissal(staff: str, field: Field) -> list[Fault]:
    """What forbids a dismissal: nobody of that id, or nobody left to answer for what no manager can take (G8)."""
    if staff not in field.people:
        return [_nobody("staff", staff)]
    left = Field(field.home_region, field.offices.values(), (p for p in field.people.values() if p.id != staff))
    if any(not has_left(person) for person in chain_of(None, left)):
        return []
    return [
        Fault(
            field="staff",
            problem=f"Without `{staff}` nobody would answer for leads that no manager can take (G8).",
            remedy="Name another head_of_sales, director, or head of the home office in the company file first.",
        )
    ]


def warnings_of(to: str | None, field: Field) -> list[str]:
    """What of a successor somebody should know: that he is away."""
    person = field.people.get(to or "")
    if person is None or person.away is None:
        return []
    until = f" until {person.away.until}" if person.away.until else ""
    return [f"{person.id} is away ({person.away.reason}{until})"]


def _nobody(field: str, who: str) -> Fault:
    return Fault(
        field=field,
        problem=f"Nobody with the id `{who}` works here.",
        remedy="Give the id of a member of staff as the company file has it.",
    )
