"""Who can take a lead now: one who has not left and is not absent (R1-24).

Being on shift is asked for only where the roster decides (`duty`): lists and regions are shared among all who work.
"""

from __future__ import annotations

from services.routing.rules.case import Passed
from services.routing.rules.field import Person


def why_not(person: Person) -> Passed | None:
    """Why `person` cannot take a lead now; None when he can."""
    if not person.active:
        return {"why": "left"}
    if person.away is not None:
        return {"why": "absent", "reason": person.away.reason, "until": person.away.until}
    return None
