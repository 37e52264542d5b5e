"""What moves of sales mean to the diary: a meeting is set or moved, or will not take place (R1-28, stages)."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from shared.events import SetMeeting, StageMoved
from shared.words import Stage

Agreed = tuple[UUID, SetMeeting]
"""A client, and the meeting that was agreed with him."""


def in_diary(moves: Iterable[StageMoved]) -> tuple[dict[UUID, Agreed], set[UUID]]:
    """The meetings that stand after these moves, by sale, and the sales whose meeting will not take place.

    A sale that goes on from `meeting_set` to `meeting_held` has had its meeting; one that leaves it for anything else has
    none. Who tells the move without its meeting is of an older version, and changes nothing.
    """
    stands: dict[UUID, Agreed] = {}
    off: set[UUID] = set()
    for move in moves:
        if move.to_stage is Stage.MEETING_SET:
            if move.meeting is not None:
                stands[move.process_id] = move.client_id, move.meeting
                off.discard(move.process_id)
        elif move.from_stage is Stage.MEETING_SET and move.to_stage is not Stage.MEETING_HELD:
            stands.pop(move.process_id, None)
            off.add(move.process_id)
    return stands, off
