"""Sales of clients that turned out to be one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection

from services.process import tables
from services.process.rules.sale import Sale, Task
from services.process.store.opening import Row
from services.process.store.sales import PARTS, as_task, lock_sales
from shared.database import execute, fetch, insert


async def note_merges(db: AsyncConnection, rows: Sequence[Row]) -> None:
    """Remember that the losers of these merges have told all that came before."""
    await insert(
        db,
        tables.merges,
        [{**row, "state": "told"} for row in sorted(rows, key=lambda row: row["id"].bytes)],
        then="on conflict do nothing",
    )


async def merges_of(db: AsyncConnection, ids: Iterable[UUID]) -> dict[UUID, RowMapping]:
    """These merges, locked in id order: `id, state`."""
    rows = await fetch(
        db,
        "select id, state from merges where id = any($1::uuid[]) order by id for update",
        sorted(set(ids)),
    )
    return {row["id"]: row for row in rows}


async def survivors_of(db: AsyncConnection, clients: Iterable[UUID]) -> dict[UUID, UUID]:
    """Whom these clients were merged into, as far as they were: client → the client who goes on."""
    rows = await fetch(
        db,
        """
        with recursive way (client, now) as (
            select given.id, given.id from unnest($1::uuid[]) as given (id)
            union all
            select way.client, made.survivor_id from way
            join merges as made on made.loser_id = way.now and made.state = 'followed'
        )
        select client, now from way where now <> client
          and not exists (select from merges where loser_id = way.now and state = 'followed')
        """,
        sorted(set(clients)),
    )
    return {row["client"]: row["now"] for row in rows}


async def lock_clients(db: AsyncConnection, clients: Iterable[UUID]) -> dict[UUID, list[UUID]]:
    """All sales of these clients, locked in id order: client → his sales."""
    found: dict[UUID, list[UUID]] = {}
    for row in await fetch(
        db,
        "select id, client_id from processes where client_id = any($1::uuid[]) order by id for no key update",
        sorted(set(clients)),
    ):
        found.setdefault(row["client_id"], []).append(row["id"])
    return found


async def leads_in(db: AsyncConnection, process_id: UUID) -> list[UUID]:
    """The leads of a sale and of those joined to it."""
    rows = await fetch(
        db,
        f"{PARTS} select leads.id from leads where process_id in (select id from part) order by leads.id",
        [process_id],
    )
    return [row["id"] for row in rows]


async def join_sale(db: AsyncConnection, joined: UUID, kept: UUID, now: datetime) -> None:
    """Add a (locked) sale to another: it is open no longer, its next task is replaced."""
    await execute(
        db,
        "with sale as (select id, next_task from processes where id = $1), "
        "closed as (update tasks set is_open = false, closed_at = $3, how = 'replaced' from sale where tasks.id = next_task) "
        "update processes p set joined_into = $2, closed_at = $3, next_task = null from sale where p.id = sale.id",
        joined,
        kept,
        now,
    )


async def move_sales(db: AsyncConnection, sales: Sequence[UUID], client: UUID) -> None:
    """These (locked) sales are another client's now; each remembers whose it was at first."""
    await execute(
        db,
        "update processes set client_id = $2, home = nullif(coalesce(home, client_id), $2) where id = any($1::uuid[])",
        list(sales),
        client,
    )


async def sales_from(db: AsyncConnection, client: UUID, homes: Sequence[UUID]) -> list[UUID]:
    """The sales of a client that were opened for one of `homes` and came to him by merges."""
    rows = await fetch(
        db,
        "select id from processes where client_id = $1 and home = any($2::uuid[]) order by id",
        client,
        list(homes),
    )
    return [row["id"] for row in rows]


async def replace_task(db: AsyncConnection, sale: Sale, task: Task, now: datetime, *, parted: bool = False) -> None:
    """Give a (locked) sale a new next task for the one it has, or had until it was joined (`parted`: it is open again)."""
    if not parted:
        await execute(
            db,
            "update tasks set is_open = false, closed_at = $2, how = 'replaced' where process_id = $1 and is_open",
            sale.id,
            now,
        )
    await insert(
        db,
        tables.tasks,
        [
            {
                "id": task.id,
                "process_id": sale.id,
                "manager": sale.manager,
                "kind": task.kind,
                "note": task.note,
                "due_at": task.due_at,
                "named_date": task.named_date,
                "meeting_at": task.meeting_at,
                "set_at": now,
            }
        ],
    )
    await execute(
        db,
        "update processes set next_task = $2, closed_at = case when joined_into is null then closed_at end, "
        "joined_into = null where id = $1",
        sale.id,
        task.id,
    )


async def last_task(db: AsyncConnection, process_id: UUID) -> Task:
    """What was to be done next in a sale when it was joined to another."""
    (row,) = await fetch(
        db,
        "select id, kind, due_at, note, named_date, meeting_at from tasks where process_id = $1 and how = 'replaced' "
        "order by closed_at desc, set_at desc limit 1",
        process_id,
    )
    return as_task(row)


async def open_sale_of(db: AsyncConnection, client: UUID) -> Sale | None:
    """The open sale of a client, locked, if he has one."""
    return next(iter(await lock_sales(db, (), (client,))), None)


async def strays_of(db: AsyncConnection, client: UUID) -> list[UUID]:
    """Sales of a client that are joined to one which is another's now."""
    rows = await fetch(
        db,
        "select p.id from processes p join processes k on k.id = p.joined_into "
        "where p.client_id = $1 and k.client_id <> p.client_id order by p.id",
        client,
    )
    return [row["id"] for row in rows]


async def rejoin(db: AsyncConnection, joined: Sequence[UUID], kept: UUID) -> None:
    """Sales that were joined to one are joined to another now."""
    await execute(db, "update processes set joined_into = $2 where id = any($1::uuid[])", list(joined), kept)


async def set_merge(db: AsyncConnection, merge: UUID, state: str) -> None:
    """Write how a (locked) merge stands."""
    await execute(db, "update merges set state = $2 where id = $1", merge, state)
