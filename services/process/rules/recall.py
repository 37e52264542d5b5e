"""May a lead be taken back when its import is undone? Only if nobody has touched its sale since (R4-11, R0-10)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

UNDONE = "Лид отозван / the lead was taken back"
"""Why a sale ended with the lead that opened it: its import was undone, or it had been joined to a wrong client."""


@dataclass(frozen=True, slots=True)
class LeadInSale:
    """A lead and the sale it is in, as far as taking it back needs it.

    `touches` are those recorded in the sale (since the lead joined, if it joined), `last_by` who made the last;
    `others` are the other leads in the sale that were not taken back.
    """

    lead_id: UUID
    process_id: UUID
    joined: bool
    withdrawn: bool
    stage: str
    closed_at: datetime | None
    touches: int
    last_by: str | None
    others: int


Way = Literal["nothing", "leave_sale", "end_sale", "keep"]


def way_back(lead: LeadInSale) -> tuple[Way, str]:
    """What becomes of a recalled lead, and why it is kept if it is.

    `nothing`: it was taken back before; `leave_sale`: only the lead goes, the sale is older than it; `end_sale`: the
    sale it opened ends with it.
    """
    if lead.withdrawn:
        return "nothing", ""
    if lead.closed_at is not None:
        return "keep", f"its sale has ended: {lead.stage} on {lead.closed_at:%Y-%m-%d}"
    if lead.touches:
        times = "once" if lead.touches == 1 else f"{lead.touches} times"
        return "keep", f"the client was touched {times} since, last by {lead.last_by}"
    if lead.joined:
        return "leave_sale", ""
    if lead.others:
        more = "another lead has" if lead.others == 1 else f"{lead.others} other leads have"
        return "keep", f"{more} joined its sale since"
    return "end_sale", ""
