"""Opening a sale, or finding the one that is open."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection

from services.process import tables
from services.process.rules.lifecycle import NEWEST, OPENED
from shared.database import Writing, fetch, giving, insert
from shared.message import NotYet
from shared.together import together

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Home:
    """The open sale of a client: its id and its manager."""

    process_id: UUID
    manager: str


async def open_or_find(db: AsyncConnection, openings: Sequence[Row], now: datetime) -> dict[UUID, Home]:
    """Open a sale for each client who has none: client → his open sale.

    `openings` are rows of what `_OPENING` names: a lead with the sale and the first task that may come of it; the lead of
    a sale that is opened is kept with it.

    Clients are taken in the order of their ids, so two replicas never wait for each other in a ring. Whoever comes
    second to a client waits for the first to commit, and finds its sale. A found sale cannot close before we commit.
    """
    wanted = {opening["client_id"]: opening for opening in openings}
    homes: dict[UUID, Home] = {}
    for _ in range(5):  # a sale may close between our not opening one and our looking for it: then it is our turn again
        found = [*await _open(db, [*wanted.values()], now)]
        found += await _hold_open(db, [*(wanted.keys() - {row["client_id"] for row in found})])
        for row in found:
            homes[row["client_id"]] = Home(row["id"], row["manager"])
            del wanted[row["client_id"]]
        if not wanted:
            return homes
    raise NotYet("sales of these clients open and close faster than they can be joined")


_OPENING = {
    **{"process_id": "uuid", "task_id": "uuid", "client_id": "uuid", "lead_id": "uuid", "source": "text"},
    **{"import_id": "uuid", "received_at": "timestamptz", "company": "text", "manager": "text", "office_id": "text"},
    **{"queue": "text", "kind": "text", "note": "text", "due_at": "timestamptz", "named_date": "date"},
    **{"meeting_at": "timestamptz", "campaign": "text", "rule": "text", "contact": "text", "phone": "text"},
    **{"email": "text", "interest": "text"},
}


async def _open(db: AsyncConnection, openings: Sequence[Row], now: datetime) -> Sequence[RowMapping]:
    """Insert sales where the client has no open one (R1-42), each with its first task (R4-11) and the lead that opens it."""
    return await together(
        db,
        Writing("select id, client_id, manager from opened", [], has_rows=True),
        given=giving(openings, **_OPENING),
        opened=Writing(_OPEN, [NEWEST, OPENED, now]),
        first_tasks=Writing(_FIRST_TASKS, [now]),
        first_leads=Writing(_FIRST_LEADS, [now]),
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

_OPEN = """
    insert into processes (id, client_id, lead_id, source, import_id, received_at, company, manager, office_id, queue,
                           next_task, pipeline, stage, opened_at)
    select process_id, client_id, lead_id, source, import_id, received_at, company, manager, office_id, queue,
           task_id, $1::text, $2::text, $3::timestamptz
      from given order by client_id
    on conflict (client_id, product_line) where closed_at is null do nothing returning id, client_id, manager
    """
_FIRST_TASKS = """
    insert into tasks (id, process_id, lead_id, import_id, manager, kind, note, due_at, named_date, meeting_at, set_at)
    select task_id, process_id, lead_id, import_id, g.manager, kind, note, due_at, named_date, meeting_at, $1::timestamptz
      from given g join opened o on o.id = g.process_id
    """
_FIRST_LEADS = f"""
    insert into leads (id, process_id, joined, import_id, source, campaign, assigned_to, rule, contact, phone, email,
                       interest, received_at, taken_at)
    select lead_id, process_id, false, import_id, source, campaign, g.manager, rule, contact, phone, email,
           interest, received_at, $1::timestamptz
      from given g join opened o on o.id = g.process_id
    {_AGAIN}"""
