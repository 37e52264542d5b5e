"""When nobody can take a lead, somebody answers for it: the region's head, the head of sales, a director (G8)."""

from __future__ import annotations

from services.routing.rules.availability import why_not
from services.routing.rules.case import Case
from services.routing.rules.field import Field, Person
from services.routing.rules.region import territory
from shared.words import Function


def answers_for(office: str | None, case: Case) -> Person | None:
    """Who answers for a queue of `office` (None: of the company).

    The first of the chain who is here; if none is, the first of it who has not left, with a note that he is not here.
    A directory in which the chain is empty is refused when it is applied; None, with a note, only where it was not.
    """
    chain = chain_of(office, case.field)
    for person in chain:
        if (reason := why_not(person)) is None:
            return person
        case.passed[person.id] = reason
    working = [person for person in chain if case.passed[person.id]["why"] != "left"]
    case.note("answerer_away", working[0].id) if working else case.note("nobody_answers")
    return working[0] if working else None


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
