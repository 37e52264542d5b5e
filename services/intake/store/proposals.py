"""Merges of clients with weight that wait for a second person."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection

from services.intake import tables
from shared.database import execute, fetch, insert, to_json

_PROPOSAL = """
select id, pairs::text as pairs, reviews::text as reviews, survivor_id, reasons::text as reasons, proposed_by, proposed_at,
       note, state, settled_by
from proposals
"""


async def propose(db: AsyncConnection, row: Mapping[str, Any]) -> None:
    """Keep what one person wishes until a second one has said something to it."""
    await insert(db, tables.proposals, [row])


async def proposals_of(db: AsyncConnection, pairs: Sequence[tuple[UUID, UUID]]) -> Sequence[RowMapping]:
    """The waiting proposals to make just these pairs one, locked; the oldest first."""
    wanted = to_json(sorted([str(one), str(other)] for one, other in pairs))
    return await fetch(
        db,
        f"{_PROPOSAL} where state = 'waiting' and pairs = $1::jsonb order by proposed_at, id for update",
        wanted,
    )


async def hold_proposal(db: AsyncConnection, proposal_id: UUID) -> RowMapping | None:
    """One proposal, kept from being settled by anybody else until we commit."""
    rows = await fetch(db, f"{_PROPOSAL} where id = $1 for update", proposal_id)
    return rows[0] if rows else None


async def settle_proposal(
    db: AsyncConnection, proposal_id: UUID, state: str, by: str, now: datetime, note: str
) -> None:
    """A proposal was confirmed or declined."""
    await execute(
        db,
        "update proposals set state = $2, settled_by = $3, settled_at = $4, settled_note = $5 where id = $1",
        proposal_id,
        state,
        by,
        now,
        note,
    )


async def waiting_proposals(db: AsyncConnection) -> Sequence[RowMapping]:
    """The proposals that wait for a second person, the oldest first; at most 200."""
    return await fetch(db, f"{_PROPOSAL} where state = 'waiting' order by proposed_at, id limit 200")
