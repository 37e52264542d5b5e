"""What was handed in, raw, and the imports it came with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from services.intake import tables
from services.intake.rules.call_script import ENTERED_WITHIN, as_kept
from services.intake.rules.submission import Submission
from shared.database import fetch, insert
from shared.words import Source


async def keep_submissions(db: AsyncConnection, submissions: Sequence[Submission], now: datetime) -> set[UUID]:
    """Store what was handed in, raw, before anything else happens to it; return the ids of what was not there before.

    Of two with one (source system, external id) the first is kept, whatever the second says (R0-10).
    """
    rows = [
        {
            "id": one.id,
            "source_system": one.source_system,
            "external_id": one.external_id,
            "purpose": one.purpose,
            "source": one.source.value,
            "campaign": one.campaign,
            "submitter": one.submitter,
            "named_manager": one.named_manager,
            "curator": one.curator,
            "import_id": one.import_id,
            "sheet": one.sheet,
            "row_number": one.row,
            "country": one.country,
            "raw": one.fields.model_dump(exclude_defaults=True),
            "received_at": one.received_at,
            "stored_at": now,
            "call": as_kept(one.fields, one.call, now),
            "referral": one.referral and one.referral.model_dump(mode="json"),
        }
        for one in sorted(submissions, key=lambda one: (one.source_system, one.external_id))
    ]
    kept = await insert(db, tables.submissions, rows, then="on conflict do nothing returning id")
    return {row["id"] for row in kept}


async def entry_term(db: AsyncConnection) -> timedelta:
    """How long after its end a call may be entered: a setting, at first `ENTERED_WITHIN` (R1-22)."""
    rows = await fetch(db, "select amount from entry_policies where source = $1", Source.INBOUND_CALL.value)
    return timedelta(minutes=rows[0]["amount"]) if rows else ENTERED_WITHIN


async def keep_imports(db: AsyncConnection, imports: Sequence[Mapping[str, Any]]) -> None:
    """Remember each import once; its first chunk says what it is."""
    await insert(db, tables.imports, sorted(imports, key=lambda one: one["id"].bytes), then="on conflict do nothing")
