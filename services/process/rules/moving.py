"""May a client's move be taken back? Only if nobody has touched him since (R2-23)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID


@dataclass(frozen=True, slots=True)
class MovedSale:
    """A sale that a move took along, as far as taking it back needs it.

    `received_by` is who got it then, `manager` who has it now; `same_client` is false when a merge has brought it to
    another. `touches` are those recorded since, `last_by` who made the last. `next_task` is None once it is closed.
    """

    process_id: UUID
    received_by: str
    manager: str
    same_client: bool
    stage: str
    closed_at: datetime | None
    joined: bool
    touches: int
    last_by: str | None
    next_task: UUID | None


def why_kept(sale: MovedSale | None, *, opened_since: bool) -> str:
    """Why a client stays with whoever received him; "" if he may go back. `sale` is None when he had none open then."""
    if sale is None:
        return "с тех пор открыта продажа / a sale was opened for him since" if opened_since else ""
    if sale.joined or not sale.same_client:
        return "с тех пор клиент объединён с другим / he was merged with another client since"
    if sale.closed_at is not None:
        return f"продажа с тех пор завершена: {sale.stage} / his sale has ended since: {sale.stage}"
    if sale.touches:
        return f"с тех пор были контакты: {sale.touches}, последний — {sale.last_by} / touched since, last by {sale.last_by}"
    if sale.manager != sale.received_by:
        return f"с тех пор продажа передана дальше: {sale.manager} / his sale has gone on since, to {sale.manager}"
    return ""
