"""A caller who worked with one of us before goes to that employee, if he still works and is on duty (R1-16)."""

from __future__ import annotations

from services.routing.rules.availability import why_not
from services.routing.rules.case import Case, Passed, To, Verdict
from services.routing.rules.duty import is_on_duty
from services.routing.rules.field import Person
from shared.words import Function, Source


def with_whom_he_worked(case: Case) -> Verdict | None:
    """The employee the caller names as the one he worked with; else the call goes on to the receiver, and he is noted.

    On duty is who is on the roster of his office now, or is here where no roster is drawn up.
    """
    if case.lead.source is not Source.INBOUND_CALL or not case.lead.worked_with:
        return None
    employee = case.field.find(case.lead.worked_with)
    if employee is None:
        case.note("colleague_unknown", case.lead.worked_with)
        return None
    if (reason := _why_not_him(employee, case)) is None:
        case.rules.append("R1-16")
        return To("R1-16", employee)
    case.passed[employee.id] = reason
    case.note(f"colleague_{reason['why']}", employee.id)
    return None


def _why_not_him(employee: Person, case: Case) -> Passed | None:
    if (reason := why_not(employee)) is not None:
        return reason
    if employee.function is Function.AGENT:
        return {"why": "function", "function": employee.function}
    return None if is_on_duty(employee, case.field) else {"why": "off_duty"}
