"""Opening a sale, or finding the one that is open."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection

from services.process import tables
from shared.database import Writing, fetch, insert, inserting
from shared.message import NotYet
from shared.together import together

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Home:
    """The open sale of a client: its id and its manager."""

    process_id: UUID
    manager: str


async def open_or_find(db: AsyncConnection, openings: Sequence[tuple[Row, Row, Row]]) -> dict[UUID, Home]:
    """Open a sale for each client who has none: client → his open sale.

    `openings` are rows (process, its first task, the lead that opens it); the lead of a sale that is opened is kept with it.

    Clients are taken in the order of their ids, so two replicas never wait for each other in a ring. Whoever comes
    second to a client waits for the first to commit, and finds its sale. A found sale cannot close before we commit.
    """
    wanted = {opening[0]["client_id"]: opening for opening in openings}
    homes: dict[UUID, Home] = {}
    for _ in range(5):  # a sale may close between our not opening one and our looking for it: then it is our turn again
        waiting = [wanted[client] for client in sorted(wanted.keys() - homes.keys())]
        found = [*await _open(db, waiting)]
        found += await _hold_open(db, [*(wanted.keys() - homes.keys() - {row["client_id"] for row in found})])
        homes |= {row["client_id"]: Home(row["id"], row["manager"]) for row in found}
        if len(homes) == len(wanted):
            return homes
    raise NotYet("sales of these clients open and close faster than they can be joined")


async def _open(db: AsyncConnection, openings: Sequence[tuple[Row, Row, Row]]) -> Sequence[RowMapping]:
    """Insert sales where the client has no open one (R1-42), each with its first task (R4-11) and the lead that opens it."""
    processes, tasks, leads = zip(*openings, strict=True)
    return await together(
        db,
        Writing("select id, client_id, manager from opened", [], has_rows=True),
        opened=inserting(
            tables.processes,
            processes,
            then="on conflict (client_id, product_line) where closed_at is null do nothing returning id, client_id, manager",
        ),
        first_tasks=inserting(tables.tasks, tasks, only="join opened o on o.id = n.process_id"),
        first_leads=inserting(tables.leads, leads, only="join opened o on o.id = n.process_id", then=_AGAIN),
    )


async def _hold_open(db: AsyncConnection, clients: Sequence[UUID]) -> Sequence[RowMapping]:
    """The open sales of these clients, kept from closing until we commit."""
    if not clients:
        return []
    return await fetch(
        db,
        "select id, client_id, manager from processes "
        "where client_id = any($1::uuid[]) and product_line = '' and closed_at is null order by id for share",
        clients,
    )


async def put_leads(db: AsyncConnection, leads: Sequence[Row]) -> None:
    """Remember which sale each lead is in; a lead that is given again is in the newer sale."""
    await insert(db, tables.leads, leads, then=_AGAIN)


_AGAIN = """
    on conflict (id) do update set process_id = excluded.process_id, joined = excluded.joined,
        assigned_to = excluded.assigned_to, rule = excluded.rule, taken_at = excluded.taken_at
    """
