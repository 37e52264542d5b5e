"""Who may work a sale: its manager alone, and those who answer for him (R1-42)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from shared.events import Fault
from shared.words import Function


@dataclass(frozen=True, slots=True)
class Person:
    """A member of staff, as the directory last told."""

    id: str
    name: str
    office_id: str
    function: Function
    active: bool


def faults_of_right(
    by: str, *, manager: str, office_id: str, office_head: str | None, staff: Mapping[str, Person]
) -> list[Fault]:
    """What forbids `by` to work a sale of `manager`; empty if he may.

    The manager may; so may the head of the manager's office and the head of sales.
    """
    person = staff.get(by)
    if person is None and by != manager:
        return [
            Fault(
                field="by",
                problem=f"Nobody with the id `{by}` is known.",
                remedy="Give the id of a member of staff as the company file has it; who was just added is known in a moment.",
            )
        ]
    if person is not None and not person.active:
        return [
            Fault(
                field="by",
                problem=f"`{by}` no longer works here.",
                remedy="The head of the office hands the sale over, or records the touch himself.",
            )
        ]
    if by in (manager, office_head):
        return []
    if person is not None and (
        person.function is Function.HEAD_OF_SALES
        or (person.function is Function.HEAD and person.office_id == office_id)
    ):
        return []
    return [
        Fault(
            field="by",
            problem=f"The sale belongs to `{manager}`, who alone has the right to work it (R1-42).",
            remedy=f"Let `{manager}`, the head of the office or the head of sales record the touch.",
        )
    ]
