"""A call for a named manager goes to him; while he is absent or busy the duty manager serves, and he is told (R1-10, R1-23)."""

from __future__ import annotations

from services.routing.rules.availability import why_not
from services.routing.rules.case import Case, To, Verdict
from shared.words import Function, Source


def with_the_named_one(case: Case) -> Verdict | None:
    """The one the caller asks for, if he can take the call.

    An absent or busy one is told, and the duty manager serves; the curator stays as he is. So it is if he does not take it.
    A name that is not in the directory is put aside with an alarm.
    """
    if case.lead.source is not Source.INBOUND_CALL or not case.lead.named:
        return None
    named = case.field.find(case.lead.named)
    if named is None:
        case.note("named_unknown", case.lead.named)
        return None
    reason = why_not(named)
    if reason is None and named.function is Function.AGENT:
        reason = {"why": "function", "function": named.function}
    if reason is None:
        case.rules.append("R1-10")
        return To("R1-10", named)
    case.passed[named.id] = reason
    case.note(f"named_{reason['why']}", named.id)
    if reason["why"] in ("absent", "busy", "declined", "silent"):
        case.rules.append("R1-23")
        case.tell(named.id)
    return None
