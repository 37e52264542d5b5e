"""The ledger of each pool, and the shares given back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection

from services.routing import tables
from services.routing.rules.fair_share import Ledger, Standing
from shared.database import Writing, execute, fetch, inserting, write

_LOCKED = "select id from pools where id in (select unnest($1::text[])) order by id for update"


async def ledgers_of(db: AsyncConnection, pool_ids: Iterable[str]) -> dict[str, Ledger]:
    """The ledgers of these pools, locked in id order until the transaction ends; a new pool begins empty."""
    wanted = sorted(set(pool_ids))
    if not wanted:
        return {}
    rows = await _standings(db, wanted)
    if {row["pool_id"] for row in rows} != {*wanted}:
        await execute(db, "insert into pools (id) select unnest($1::text[]) on conflict do nothing", wanted)
        rows = await _standings(db, wanted)
    standings: dict[str, dict[str, Standing]] = {pool: {} for pool in wanted}
    for row in rows:
        if row["staff_id"] is not None:
            standings[row["pool_id"]][row["staff_id"]] = Standing(row["balance"], row["turn"])
    return {pool: Ledger(those) for pool, those in standings.items()}


async def _standings(db: AsyncConnection, pools: Sequence[str]) -> Sequence[RowMapping]:
    """What stands in the ledgers of these pools once they are locked; a pool without any has one empty row."""
    # What is read must be a statement of its own: it sees what whoever held the lock has written.
    await write(db, f"with locked as materialized ({_LOCKED}) select from locked where id = ''", pools)
    return await fetch(
        db,
        "select p.id as pool_id, l.staff_id, l.balance, l.turn from pools p left join ledger l on l.pool_id = p.id"
        " where p.id in (select unnest($1::text[]))",
        pools,
    )


async def save_ledgers(db: AsyncConnection, ledgers: Mapping[str, Ledger]) -> None:
    """Write back what changed in these locked ledgers."""
    if (saving := saving_ledgers(ledgers)) is not None:
        await execute(db, saving.sql, *saving.values)


def saving_ledgers(ledgers: Mapping[str, Ledger]) -> Writing | None:
    """The statement that writes back what changed in these locked ledgers; None if nothing did."""
    rows = [
        {
            "pool_id": pool,
            "staff_id": who,
            "balance": ledger.standings[who].balance,
            "turn": ledger.standings[who].turn,
        }
        for pool, ledger in ledgers.items()
        for who in sorted(ledger.changed)
    ]
    if not rows:
        return None
    return inserting(
        tables.ledger,
        rows,
        then="on conflict (pool_id, staff_id) do update set balance = excluded.balance, turn = excluded.turn",
    )


async def shares_of(db: AsyncConnection, lead_ids: Iterable[UUID]) -> Sequence[RowMapping]:
    """The decisions among these that shared out and still count: `lead_id, import_id, pool, ledger`, locked in id order."""
    return await fetch(
        db,
        """
        select lead_id, import_id, pool, ledger from decisions
         where lead_id = any($1::uuid[]) and ledger is not null and given_back_at is null
         order by lead_id for update
        """,
        list(lead_ids),
    )


async def mark_given_back(db: AsyncConnection, lead_ids: Iterable[UUID], at: datetime) -> None:
    """These leads no longer count as shared out."""
    await execute(
        db,
        "update decisions set given_back_at = $2"
        " where lead_id = any($1::uuid[]) and ledger is not null and given_back_at is null",
        list(lead_ids),
        at,
    )


async def ledgers_as_they_stand(db: AsyncConnection, pool_ids: Iterable[str]) -> dict[str, Ledger]:
    """The ledgers of these pools, without locking them: to see what would be, not to write it."""
    standings: dict[str, dict[str, Standing]] = {pool: {} for pool in pool_ids}
    for row in await fetch(
        db, "select pool_id, staff_id, balance, turn from ledger where pool_id = any($1::text[])", list(standings)
    ):
        standings[row["pool_id"]][row["staff_id"]] = Standing(row["balance"], row["turn"])
    return {pool: Ledger(those) for pool, those in standings.items()}


async def mark_given_back_for(db: AsyncConnection, shares: Mapping[UUID, UUID], at: datetime) -> None:
    """These leads no longer count as shared out, each because of a merge: lead → merge."""
    await execute(
        db,
        "update decisions d set given_back_at = $3, given_back_for = n.merge_id"
        " from unnest($1::uuid[], $2::uuid[]) n(lead_id, merge_id) where d.lead_id = n.lead_id"
        " and d.ledger is not null and d.given_back_at is null",
        list(shares),
        list(shares.values()),
        at,
    )


async def retake_shares(db: AsyncConnection, merges: Iterable[UUID]) -> Sequence[RowMapping]:
    """Let the shares count again that were given back for these merges: `lead_id, pool, ledger`."""
    return await fetch(
        db,
        """
        with held as (select lead_id, attempt from decisions where given_back_for = any($1::uuid[])
                       order by lead_id for update)
        update decisions d set given_back_at = null, given_back_for = null from held
         where (d.lead_id, d.attempt) = (held.lead_id, held.attempt) returning d.lead_id, d.pool, d.ledger
        """,
        sorted(set(merges)),
    )
