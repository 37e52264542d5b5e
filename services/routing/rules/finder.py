"""Who found a lead by himself keeps it: personal links, directories, the press, referrals (R1-39, R0-06)."""

from __future__ import annotations

from services.routing.rules.availability import why_not
from services.routing.rules.case import Case, To, Verdict
from shared.words import Function, Source


def with_the_finder(case: Case) -> Verdict | None:
    """The one who submitted the lead, if he may work a sale and can take it; else it goes the way of a website lead.

    An absent or busy finder is told who serves his find (R1-24: only the available receive).
    """
    if case.lead.source not in (Source.OTHER, Source.REFERRAL):
        return None
    case.rules.append("R1-39")
    if not case.lead.submitter:
        case.note("finder_unnamed")
        return None
    finder = case.field.find(case.lead.submitter)
    if finder is None:
        case.note("finder_unknown", case.lead.submitter)
        return None
    reason = why_not(finder)
    if reason is None and finder.function is Function.AGENT:
        reason = {"why": "function", "function": finder.function}
    if reason is None:
        return To("R1-39", finder)
    case.passed[finder.id] = reason
    case.note(f"finder_{reason['why']}", finder.id)
    if reason["why"] in ("absent", "busy"):
        case.tell(finder.id)
    return None
