"""What the flood is made of: leads in lists, and touches that move the sales they opened. The same seed gives the same."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from itertools import islice
from uuid import UUID, uuid5

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from estafeta.client import Bus
from estafeta.importing import Intent, commands
from estafeta.sample.generator import World, base_fields, exhibition
from shared.clock import host_now
from shared.commands import LeadFields, NextAction, RecordTouch, Row
from shared.words import TaskKind, TouchKind, TouchResult

_SPACE = UUID("0c4e2a9d-6a57-5c0e-8a35-4a0d5f7be201")
_AT_ONCE = 100


def strangers(base: World) -> list[Row]:
    """A list of firms that nobody knows yet: each opens a sale of its own."""
    return _rows(base_fields(client) for client in base.clients)


def acquaintances(base: World, count: int, seed: int) -> list[Row]:
    """A list of which half are known by then: their leads join the sales that are open."""
    return _rows(row.fields for row in exhibition(base, count, seed))


def _rows(all_cells: Iterable[dict[str, str]]) -> list[Row]:
    known = LeadFields.model_fields
    return [
        Row(number=number, fields=LeadFields(**{name: cell for name, cell in cells.items() if name in known}))
        for number, cells in enumerate(all_cells, 2)
    ]


async def pour_list(bus: Bus, rows: Sequence[Row], name: str) -> None:
    """Put a whole list into the stream of commands, without waiting for anybody to read it."""
    for id_, command in commands(uuid5(_SPACE, name), name, rows, Intent(name)):
        await bus.send(command, id_)


async def pour_touches(bus: Bus, db: AsyncEngine, most: int, nth: int) -> int:
    """Reach the clients of at most `most` sales once; return how many there were. `nth` makes each round a new one.

    A first touch says four events (recorded, moved, task closed, task set), a later one three.
    """
    async with db.connect() as line:
        sales = (
            await line.execute(
                text("select id, manager from process.processes where closed_at is null order by id limit :most"),
                {"most": most},
            )
        ).all()
    due = host_now() + timedelta(days=2)
    waiting = iter(sales)
    while some := list(islice(waiting, _AT_ONCE)):
        wishes = ((_reached(sale, manager, due), uuid5(_SPACE, f"{nth}/{sale}")) for sale, manager in some)
        await asyncio.gather(*(bus.send(wish, id_) for wish, id_ in wishes))
    return len(sales)


def _reached(sale: UUID, manager: str, due: datetime) -> RecordTouch:
    return RecordTouch.model_validate({
        "process_id": sale,
        "by": manager,
        "kind": TouchKind.CALL,
        "result": TouchResult.REACHED,
        "comment": "flood",
        "next": NextAction.model_validate({"kind": TaskKind.CALL, "due_at": due}),
    })  # fmt: skip
