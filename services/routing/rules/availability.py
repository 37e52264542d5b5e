"""Who can take a lead now: one who has not left, is neither absent nor busy, and has not declined it (R1-24, SLA).

Being on shift is asked for only where the roster decides (`duty`): lists and regions are shared among all who work.
"""

from __future__ import annotations

from services.routing.rules.case import Passed
from services.routing.rules.field import BUSY, DECLINED, LEFT, SILENT, Person


def why_not(person: Person) -> Passed | None:
    """Why `person` cannot take a lead now; None when he can."""
    if not person.active or (person.away is not None and person.away.reason == LEFT):
        return {"why": "left"}
    if person.away is None:
        return None
    if person.away.reason in (DECLINED, SILENT):
        return {"why": person.away.reason}
    if person.away.reason == BUSY:
        return {"why": "busy", "until": person.away.until}
    return {"why": "absent", "reason": person.away.reason, "until": person.away.until}


def why_not_new(person: Person) -> Passed | None:
    """Why `person` cannot take a net-new lead now: also because he has given notice and is to hand his clients over."""
    reason = why_not(person)
    return {"why": "notice"} if reason is None and person.notice else reason
