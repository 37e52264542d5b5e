"""Wishes that a room has stored by itself, before it said yes to whoever brought them: served like those of the bus.

A wish that comes by another way than the bus must not be lost, and the bus may be away when it comes.
The room stores it, and this loop serves it: by the same unit, with the same gate, the same dead letters.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from shared.letter import Letter, encode_command
from shared.message import Command
from shared.unit import Settlement, Unit

AT_ONCE = 100


@dataclass(frozen=True, slots=True)
class Stored:
    """One stored wish: its id as a message, when it came, how often it has been claimed (this time counts)."""

    id: UUID
    command: Command
    at: datetime
    tries: int


@dataclass(frozen=True)
class Letterbox:
    """How a room gives its stored wishes out and takes back what became of them.

    `claim(db, most)` gives the next ones and keeps them from others for a while, so that what a killed replica held
    comes again. `settle(db, done, later)` ends those that are done with, and puts the rest off by so many seconds.
    """

    claim: Callable[[AsyncConnection, int], Awaitable[Sequence[Stored]]]
    settle: Callable[[AsyncConnection, Sequence[UUID], Mapping[UUID, float]], Awaitable[None]]


async def work_off(box: Letterbox, unit: Unit) -> Settlement:
    """Serve what waits, at most `AT_ONCE`.

    The unit marks a wish as done in the transaction of its effects. Whoever dies before `settle` leaves a wish that is
    claimed again and found done: it has its effects exactly once.
    """
    async with unit.book.open() as ledger:
        stored = await box.claim(ledger.db, AT_ONCE)
    if not stored:
        return Settlement()
    settlement = await unit.serve([_letter(one) for one in stored])
    async with unit.book.open() as ledger:
        later = {letter.id: delay for letter, delay in settlement.later}
        await box.settle(ledger.db, [letter.id for letter in settlement.done], later)
    return settlement


def _letter(one: Stored) -> Letter:
    subject, payload, headers = encode_command(one.command, id=one.id, sender="door")
    return Letter(subject, headers | {"ce-time": one.at.isoformat()}, payload, one.tries)
