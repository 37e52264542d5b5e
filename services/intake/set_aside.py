"""Web forms in which a field was filled in that only machines see: kept, shown, and released by a person (R0-10)."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from services.intake import store
from shared.commands import ReleaseReceipt
from shared.events import ReceiptReleased
from shared.message import Batch, Said, Unfit
from shared.questions import ListSetAside

MOST = 200


async def release_receipts(wishes: Batch[ReleaseReceipt], db: AsyncConnection) -> Said:
    """Take a form that was set aside in, as if it had never been; releasing it twice takes it in once.

    Raises Unfit for a receipt that was never set aside.
    """
    said: Said = []
    for heard in wishes:  # a person's wish, one at a time
        wish = heard.message
        found = await store.release_receipt(db, wish.receipt_id, wish.by, wishes.now)
        if found is None:
            raise Unfit(f"no form that was set aside has the receipt {wish.receipt_id}")
        if found:
            said.append(heard.says(ReceiptReleased(receipt_id=wish.receipt_id, by=wish.by)))
    return said


async def list_set_aside(question: ListSetAside, db: AsyncConnection) -> dict[str, Any]:
    """`{waiting, forms: [{receipt_id, campaign, received_at, fields}]}`, the newest first, at most 200."""
    rows = await store.set_aside(db, question.receipt_id, MOST)
    forms = []
    for row in rows:
        command = json.loads(row["command"])
        forms.append(
            {
                "receipt_id": row["id"],
                "source_system": row["source_system"],
                "campaign": command.get("campaign") or "",
                "received_at": row["received_at"],
                "fields": {name: cell for name, cell in command["fields"].items() if cell},
            }
        )
    return {"waiting": await store.count_set_aside(db), "forms": forms}
