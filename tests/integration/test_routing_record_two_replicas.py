"""Two replicas that route at once, each over a connection of its own: one order of decisions, and the bound at each of them."""

from __future__ import annotations

import asyncio
import random
from collections import defaultdict
from itertools import pairwise
from typing import Any

import pytest
from sqlalchemy.engine import URL

from services.routing import handlers
from services.routing.rules.fair_share import UNIT
from shared.database import engine_for, fetch
from shared.events import LeadAccepted
from shared.words import Source
from tests.conftest import url_of
from tests.integration.routing_house import DbOf, batch, company, lead, managers

POOLS = ("duty:msk", "home", "region:spb")


def leads_of(replica: str, count: int, dice: random.Random) -> list[LeadAccepted]:
    kinds = (
        {"source": Source.EVENT},
        {"source": Source.EVENT, "region": "RU-SPE"},
        {"source": Source.WEBSITE},
        {"source": Source.AGENT, "submitter": "agata"},
    )
    return [lead(f"{replica} {n}", **dice.choice(kinds)) for n in range(count)]


def balances_after(rows: list[dict[str, Any]]) -> dict[str, dict[str, int]]:
    """Follow the ledgers decision by decision: each must begin where the one before it ended, and keep the bound."""
    ledgers: dict[str, dict[str, int]] = defaultdict(dict)
    for row in rows:
        ledger, moved = ledgers[row["pool"]], row["ledger"]
        for who, balance in moved["before"].items():
            assert ledger.get(who, 0) == balance, f"decision {row['nth']} did not see the one before it"
        ledger |= moved["after"]
        assert max(abs(balance) for balance in ledger.values()) < UNIT, f"decision {row['nth']} passed the bound"
        assert sum(ledger.values()) == 0
    return ledgers


@pytest.mark.rule("G6")
async def test_the_bound_holds_at_every_decision_of_two_replicas_in_the_order_they_were_made(
    db_of: DbOf, database: URL
) -> None:
    async with db_of("routing") as db:
        await handlers.apply_company(batch(company()), db)

    engines = {
        name: engine_for(url_of(database, "routing"), "routing", replica=name, pool_size=1) for name in ("one", "two")
    }
    dice = {name: random.Random(name) for name in engines}
    waiting = {name: leads_of(name, 160, dice[name]) for name in engines}

    async def step(name: str) -> None:
        size = dice[name].randint(1, 9)
        if here := waiting[name][:size]:
            async with engines[name].begin() as db:
                await handlers.assign_leads(batch(*here, of=name), db)
                await asyncio.sleep(0)
        del waiting[name][:size]

    try:
        while any(waiting.values()):  # side by side, however long one of them takes to connect
            await asyncio.gather(*map(step, engines))
    finally:
        for engine in engines.values():
            await engine.dispose()
    async with db_of("routing") as db:
        rows = [dict(row) for row in await fetch(db, "select * from decisions order by nth")]
        kept = {(row["pool_id"], row["staff_id"]): row["balance"] for row in await fetch(db, "select * from ledger")}
    assert len(rows) == 320
    of_one = {one.lead_id for one in leads_of("one", 160, random.Random("one"))}
    turns = [row["lead_id"] in of_one for row in rows]
    switches = sum(1 for before, after in pairwise(turns) if before != after)
    assert switches > 20, "the two did not route at once"
    ledgers = balances_after(rows)
    assert set(ledgers) == set(POOLS)
    assert kept == {(pool, who): balance for pool, those in ledgers.items() for who, balance in those.items()}


@pytest.mark.rule("G6")
async def test_who_comes_second_to_a_pool_waits_and_shares_on_from_where_the_first_ended(
    db_of: DbOf, database: URL
) -> None:
    async with db_of("routing") as db:
        await handlers.apply_company(batch(company()), db)
    engines = [engine_for(url_of(database, "routing"), "routing", replica=name, pool_size=1) for name in ("one", "two")]
    first, second = (batch(*leads_of(name, 20, random.Random(3)), of=name) for name in ("one", "two"))
    try:
        async with engines[1].begin() as two:
            async with engines[0].begin() as one:
                given = managers(await handlers.assign_leads(first, one))
                late = asyncio.create_task(handlers.assign_leads(second, two))
                done, _ = await asyncio.wait([late], timeout=0.5)
                assert not done, "it shared out from a ledger that was about to change"
            given += managers(await asyncio.wait_for(late, 20))
    finally:
        for engine in engines:
            await engine.dispose()
    async with db_of("routing") as db:
        rows = [dict(row) for row in await fetch(db, "select * from decisions order by nth")]
    assert [row["receiver"] for row in rows] == given
    balances_after(rows)
