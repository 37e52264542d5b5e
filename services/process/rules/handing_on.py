"""May a sale go to the next receiver of its lead? Only if nobody has touched it: whoever works it keeps it (R1-42, SLA)."""

from __future__ import annotations

from typing import Literal

from services.process.rules.recall import LeadInSale
from services.process.rules.sale import Sale

Stays = Literal["touched", "joined", "moved", "gone"]


def why_it_stays(lead: LeadInSale, sale: Sale, from_manager: str) -> Stays | None:
    """Why a lead that was handed on stays where it is; None: its sale goes along.

    `joined`: it is part of a sale that was open before, and that is not its own to move; `moved`: the client was given to
    somebody else meanwhile; `gone`: the lead was taken back, or its sale has ended.
    """
    if lead.withdrawn:
        return "gone"
    if lead.joined or sale.joined_into is not None:
        return "joined"
    if lead.touches:
        return "touched"
    if not sale.is_open:
        return "gone"
    return None if sale.manager == from_manager else "moved"
