"""When nobody can take a lead, somebody answers for it: the region's head, the head of sales, a director (G8)."""

from __future__ import annotations

from services.routing.rules.availability import why_not
from services.routing.rules.case import Case
from services.routing.rules.field import Field, Person
from services.routing.rules.region import territory
from shared.words import Function


def answers_for(office: str | None, case: Case) -> Person:
    """Who answers for a queue of `office` (None: of the company).

    The first of the chain who is here; if all are absent the first of the chain, with a note. A directory in which the
    chain is empty is refused when it is applied, so there is always somebody.
    """
    chain = chain_of(office, case.field)
    for person in chain:
        if (reason := why_not(person)) is None:
            return person
        case.passed[person.id] = reason
    case.note("answerer_away", chain[0].id)
    return chain[0]


def chain_of(office: str | None, field: Field) -> list[Person]:
    """The heads of `office`, then heads of sales, directors, and the heads of the home office."""
    home = territory("unknown", field).office
    return list(
        dict.fromkeys(
            [
                *(field.staff_of(office, Function.HEAD) if office else ()),
                *field.everybody(Function.HEAD_OF_SALES),
                *field.everybody(Function.DIRECTOR),
                *(field.staff_of(home, Function.HEAD) if home else ()),
            ]
        )
    )
