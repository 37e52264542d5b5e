"""Online and bulk are one code path: one list fed lead by lead, and in chunks, gives every row the same answer (MATCHING §10)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from estafeta.sample.generator import base_fields, exhibition, world
from estafeta.sample.trials import trial_rows
from services.intake import handlers
from shared.commands import LeadFields, Row, SubmitLead, SubmitRows
from shared.database import execute, fetch
from shared.message import Batch, Command, Heard
from shared.words import Source

Room = Callable[[str], AbstractAsyncContextManager[AsyncConnection]]
NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
LIST = uuid5(NAMESPACE_URL, "one list")
TABLES = ("submissions", "decisions", "clients", "contacts", "client_keys", "key_stats", "imports")


def cells() -> list[LeadFields]:
    """A base, a list that partly repeats it, and hard cases, as one list of 260 rows."""
    base = world(90, 11)
    rows = [base_fields(one) for one in base.clients]
    rows += [row.fields for row in (*exhibition(base, 110, 12), *trial_rows(base, 60, 13))]
    return [LeadFields.model_validate({name: cell for name, cell in row.items() if name != "curator"}) for row in rows]


async def hear(room: Room, *commands: Command) -> None:
    handle: Any = handlers.submit_leads if isinstance(commands[0], SubmitLead) else handlers.submit_rows
    heard = []
    for one in commands:
        cause = uuid5(NAMESPACE_URL, repr(one))
        heard.append(Heard(id=cause, correlation=cause, is_command=True, message=one, at=NOW))
    async with room("intake") as db:
        await handle(Batch(heard, NOW), db)


async def answers(room: Room, order: str) -> list[dict[str, Any]]:
    """What was decided of each row, its client named by the first row that stands on the card."""
    async with room("intake") as db:
        found = await fetch(
            db,
            "select made.outcome, made.rule, made.score, made.region, made.told::json ->> 'flags' as flags,"
            " made.client_id, json_array_length(made.told::json -> 'candidates') as candidates"
            f" from decisions as made join submissions as given on given.id = made.lead_id order by {order}",
        )
        stats = await fetch(db, "select h, df from key_stats where df > 0 order by h")
        for name in TABLES:
            await execute(db, f"delete from {name}")
    first: dict[UUID, int] = {}
    rows = [dict(row) for row in found]
    for number, row in enumerate(rows):
        row["client_id"] = first.setdefault(row["client_id"], number)
    return [*rows, {"frequencies": [tuple(row.values()) for row in stats]}]


def chunk(rows: Sequence[LeadFields], start: int) -> SubmitRows:
    numbered = [Row(number=start + n + 1, fields=one) for n, one in enumerate(rows)]
    return SubmitRows(import_id=LIST, file_name="list.xlsx", campaign="Expo", rows=numbered)


@pytest.mark.rule("R1-40")
@pytest.mark.rule("R1-37")
async def test_a_list_gets_the_same_answers_lead_by_lead_and_in_chunks_matching_10(db_of: Room) -> None:
    rows = cells()
    for number, one in enumerate(rows):
        await hear(
            db_of, SubmitLead(source_system="site", external_id=f"{number:04}", source=Source.WEBSITE, fields=one)
        )
    online = await answers(db_of, "given.external_id")
    for size in (97, len(rows)):
        for start in range(0, len(rows), size):
            await hear(db_of, chunk(rows[start : start + size], start))
        bulk = await answers(db_of, "given.row_number")
        assert len(bulk) == len(rows) + 1
        for number, (alone, together) in enumerate(zip(online, bulk, strict=True)):
            assert alone == together, (number, rows[number] if number < len(rows) else "frequencies")
    outcomes = {row.get("outcome") for row in online}
    assert {"same", "possible", "new"} <= outcomes, "a list that proves nothing"
