"""What every room can be asked to do, whatever else it does."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from shared.message import EACH, Command


class SettleLetter(Command, owner=EACH):
    """Settle a dead letter: handle it again (all of them if `letter` is empty), or close it with a reason."""

    letter: int | None = None
    action: Literal["again", "close"]
    why: Annotated[str, Field(max_length=500)] = ""


class RebuildCopies(Command, owner=EACH):
    """Drop what the room keeps only by hearing, and hear it again from who said it; told by `CopiesRebuilt`."""
