"""Who is told about a step of a deadline? (R4-08, R4-09)

The manager, until it is escalated; then the head: of his office, else whoever stands above.
Nobody is told about himself: a head who works a task himself is answered for by the head of sales.
What a manager who has left would be told, his head is told.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from services.reminders.rules.steps import Step
from shared.words import Function


@dataclass(frozen=True, slots=True)
class Person:
    """A member of staff as far as telling him matters."""

    staff_id: str
    office_id: str
    function: Function
    active: bool


def whom_to_tell(
    step: Step, manager: str, office_id: str, office_head: str | None, people: Mapping[str, Person]
) -> str:
    """The id of whoever is to be told; the manager himself when there is nobody above him.

    `people` holds at least the manager, the office's head and everybody who heads anything, by id.
    """
    known = people.get(manager)
    if step is not Step.ESCALATED and (known is None or known.active):
        return manager
    return next((head for head in _heads(office_id, office_head, people) if head != manager), manager)


def _heads(office_id: str, office_head: str | None, people: Mapping[str, Person]) -> Sequence[str]:
    heads = []
    if office_head is not None:
        named = people.get(office_head)
        if named is None or named.active:  # a head not heard of yet is still the head
            heads.append(office_head)
    for function, anywhere in ((Function.HEAD, False), (Function.HEAD_OF_SALES, True), (Function.DIRECTOR, True)):
        heads += sorted(
            person.staff_id
            for person in people.values()
            if person.function is function and person.active and (anywhere or person.office_id == office_id)
        )
    return heads
