"""What every room answers and does, whatever else it does: health, outcomes, dead letters, histories, copies."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from shared.bus import Bus
from shared.commands import RebuildCopies, SettleLetter
from shared.dead_letters import OperatorsLedger
from shared.health import Health
from shared.ledger import Ledger
from shared.ledger_told import history_of, ledger_health, open_letters, outcome_of
from shared.letter import encode_outbox
from shared.masking import masked
from shared.message import Batch, Question, Said
from shared.questions import ListLetters, TellHealth, TellHistory, TellOutcome, TellWatermarks
from shared.rebuild import PAGE, Copies, rebuild
from shared.unit import Handler

Answer = Callable[[Any, AsyncConnection], Awaitable[Mapping[str, Any]]]
_PATIENCE = 10.0  # half of the time after which the bus would bring the command again


class EveryRoom:
    """The questions (`answers`) and commands (`handlers`) that a room has without saying so."""

    def __init__(
        self, room: str, bus: Bus, health: Health, *, copies: Copies, copiers: Mapping[type[Any], Handler]
    ) -> None:
        self.room, self.bus, self.health = room, bus, health
        self.copies, self.copiers = copies, copiers
        self.answers: dict[type[Question], Answer] = {
            TellHealth: self.tell_health,
            TellOutcome: self.tell_outcome,
            ListLetters: self.list_letters,
            TellWatermarks: self.tell_watermarks,
            TellHistory: self.tell_history,
        }
        self.handlers: dict[type[Any], Handler] = {
            SettleLetter: self.settle_letters,
            RebuildCopies: self.rebuild_copies,
        }

    async def tell_health(self, _: TellHealth, db: AsyncConnection) -> Mapping[str, Any]:
        """See `TellHealth`."""
        return await self.health.tell(db)

    async def tell_outcome(self, question: TellOutcome, db: AsyncConnection) -> Mapping[str, Any]:
        """See `TellOutcome`."""
        found = await outcome_of(db, question.command_id)
        said = [{**one, "payload": json.loads(one["payload"])} for one in found["said"]]
        return {**found, "said": said}

    async def list_letters(self, question: ListLetters, db: AsyncConnection) -> Mapping[str, Any]:
        """See `ListLetters`; personal data is masked here, so that it never leaves the room."""
        rows, counts = await open_letters(db, question.letter), await ledger_health(db)
        letters = [{**row, "payload": masked(row["payload"])} for row in rows]
        return {"letters": letters, "dead": counts["dead"], "waiting": counts["waiting"]}

    async def tell_watermarks(self, question: TellWatermarks, db: AsyncConnection) -> Mapping[str, Any]:
        """See `TellWatermarks`."""
        return await Ledger(db, self.room).watermarks(question.source, question.said)

    async def tell_history(self, question: TellHistory, db: AsyncConnection) -> Mapping[str, Any]:
        """See `TellHistory`."""
        rows = await history_of(db, question.kind, question.after_aggregate, question.after_sequence, PAGE)
        wire = [encode_outbox(self.room, row) for row in rows]
        return {"messages": [[subject, headers, payload.decode()] for subject, payload, headers in wire]}

    async def settle_letters(self, wishes: Batch[SettleLetter], db: AsyncConnection) -> Said:
        """Settle dead letters as an operator wishes; what is to be tried again is picked up within a second."""
        ledger = OperatorsLedger(db, self.room)
        for wish in wishes:
            if wish.message.action == "again":
                await ledger.revive(wish.message.letter)
            elif wish.message.letter is not None:
                await ledger.give_up(wish.message.letter, wish.message.why or "closed by an operator")
        return []

    async def rebuild_copies(self, wishes: Batch[RebuildCopies], db: AsyncConnection) -> Said:
        """Drop what is kept only by hearing and hear it again."""
        told = await rebuild(self.room, self.copies, self.copiers, self._ask, db)
        return [wish.says(told) for wish in wishes]

    async def _ask(self, subject: str, payload: bytes) -> Any:
        return await self.bus.ask(subject, payload, wait=_PATIENCE)
