"""What a batch writes on a card is what stands there plus what it brings, whoever has written meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime
from uuid import NAMESPACE_URL, uuid5

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from services.intake import store
from services.intake.rules.keys import RegularLead
from services.intake.rules.survivorship import Card
from shared.database import execute, fetch
from shared.together import together

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
SAME, CHANGED, GONE = (uuid5(NAMESPACE_URL, f"card {name}") for name in ("same", "changed", "gone"))
_READ = "select id, xmin::text as version from clients"


@pytest.mark.rule("R1-40")
async def test_a_card_is_read_again_only_when_somebody_has_changed_it(
    db_of: Callable[[str], AbstractAsyncContextManager[AsyncConnection]],
) -> None:
    async with db_of("intake") as db:
        opened = store.opening_cards([Card(id_, "Фрезер", RegularLead()) for id_ in (SAME, CHANGED, GONE)], NOW)
        assert opened
        await together(db, opened)
    async with db_of("intake") as db:
        versions = {row["id"]: row["version"] for row in await fetch(db, _READ)}
        async with db_of("intake") as other:
            await execute(other, "update clients set name = 'Фрезер-М' where id = $1", CHANGED)
            await execute(other, "delete from clients where id = $1", GONE)
            holding = asyncio.create_task(store.hold_cards(db, versions, versions))
            await asyncio.sleep(0.1)
            assert not holding.done(), "whoever changes a card is waited for"
        held = await holding
    assert held[SAME] is None
    changed = held[CHANGED]
    assert changed is not None
    assert changed.name == "Фрезер-М", "it is read as the other has left it"
    assert GONE not in held


async def test_a_fault_beside_a_statement_leaves_a_connection_that_can_be_rolled_back(
    db_of: Callable[[str], AbstractAsyncContextManager[AsyncConnection]],
) -> None:
    with pytest.raises(ValueError, match="of the body"):
        async with asyncio.timeout(20), db_of("intake") as db:
            try:
                async with store.under_way(execute(db, "select pg_sleep(60)")):
                    raise ValueError("of the body")
            finally:
                await db.rollback()
                [answer] = await fetch(db, "select 1 as one")
                assert answer["one"] == 1
