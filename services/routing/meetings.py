"""What routing does when managers set, move and call off meetings themselves: their diaries follow (R1-28)."""

from __future__ import annotations

from sqlalchemy.ext.asyncio import AsyncConnection

from services.routing import store
from services.routing.rules.meeting_in_sale import in_diary
from shared.events import StageMoved
from shared.message import Batch, Said


async def note_stages(moves: Batch[StageMoved], db: AsyncConnection) -> Said:
    """Keep the meetings that were set in sales, in place of those that stood with these clients; free what fell through."""
    stands, off = in_diary(moves.map(lambda move: move))
    if off:
        await store.free_meetings_to_come(db, off, moves.now)
    if stands:
        await store.set_meetings(db, stands, moves.now)
    return []
