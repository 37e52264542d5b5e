"""What routing knows of each client, and how loaded people are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection

from services.routing.rules.caps import NOT_RECEIVED, Loads
from services.routing.rules.case import Client
from shared.database import Writing, execute, fetch


async def clients_of(db: AsyncConnection, ids: Iterable[UUID]) -> dict[UUID, Client]:
    """What was heard of these clients, locked in id order; the ones never heard of come back with `known` false."""
    wanted = sorted(set(ids))
    rows = list(await fetch(db, _LOCK_OR_PUT, wanted))
    here = {row["client_id"] for row in rows}
    if missing := [client for client in wanted if client not in here]:  # another has put them just now
        rows += await fetch(db, _LOCK_CLIENTS, missing)
    return {row["client_id"]: _client(row) for row in rows}


async def clients_of_new_leads(db: AsyncConnection, ids: Iterable[UUID]) -> dict[UUID, Client]:
    """The same, but whoever was never heard of is not put yet: `adding_clients` writes him once, with what is decided.

    Nothing is locked of him. Who was decided on twice at once is refused to the second by his key, and tried again.
    """
    wanted = set(ids)
    here = {row["client_id"]: _client(row) for row in await fetch(db, _LOCK_CLIENTS, list(wanted))}
    return here | {client: Client(client) for client in wanted - here.keys()}


def _client(row: RowMapping) -> Client:
    # that he has bought is heard of; that he has not is never said
    return Client(**{**row, "current": row["current"] or None})


_FACTS = "client_id, region, curator, stated_curator, current, process_id, open_with, given_to, given_lead"
_CLIENTS = f"select {_FACTS}, true as known from clients where client_id = any($1::uuid[])"
_LOCK_CLIENTS = f"{_CLIENTS} order by client_id for update"
_LOCK_OR_PUT = f"""
    with here as materialized ({_LOCK_CLIENTS}),
    put as (insert into clients (client_id)
            select id from unnest($1::uuid[]) id where id not in (select client_id from here)
                on conflict do nothing returning {_FACTS})
    select * from here union all select *, false from put
"""


def adding_clients(clients: Iterable[Client]) -> Writing | None:
    """The statement that puts clients who were never heard of, with what is known of them by now; None for nobody.

    Where another has put one of them at the same moment it fails by his key: who decides again finds him.
    """
    rows = sorted(clients, key=lambda client: client.client_id.int)
    return Writing(f"insert into clients ({_FACTS}) select n.* from {_GIVEN}", _columns(rows)) if rows else None


async def save_clients(db: AsyncConnection, clients: Iterable[Client]) -> None:
    """Write what is known of these clients, who are locked."""
    if (saving := saving_clients(clients)) is not None:
        await execute(db, saving.sql, *saving.values)


def saving_clients(clients: Iterable[Client]) -> Writing | None:
    """The statement that writes what is known of these clients, who are locked; None for nobody."""
    rows = list(clients)
    if not rows:
        return None
    return Writing(
        f"""
        update clients c
           set region = n.region, curator = n.curator, stated_curator = n.stated_curator, current = n.current,
               process_id = n.process_id, open_with = n.open_with, given_to = n.given_to, given_lead = n.given_lead
          from {_GIVEN} where c.client_id = n.client_id
        """,
        _columns(rows),
    )


_GIVEN = (
    "unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::boolean[], $6::uuid[], $7::text[], $8::text[], $9::uuid[])"
    f" n({_FACTS})"
)


def _columns(rows: Sequence[Client]) -> list[list[Any]]:
    return [
        [c.client_id for c in rows],
        [c.region for c in rows],
        [c.curator for c in rows],
        [c.stated_curator for c in rows],
        [bool(c.current) for c in rows],
        [c.process_id for c in rows],
        [c.open_with for c in rows],
        [c.given_to for c in rows],
        [c.given_lead for c in rows],
    ]


async def open_sales(db: AsyncConnection, sales: Iterable[tuple[UUID, UUID, UUID, str]]) -> None:
    """Note the sale that each client has open now: rows of client, sale, the lead it was opened for, its manager.

    That lead waits for process no more. It may have gone on to somebody else meanwhile: then the sale is his, process
    will follow and say so.
    """
    rows = sorted(sales)
    await execute(
        db,
        """
        merge into clients c
        using (select * from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[]) n(client_id, process_id, lead_id, manager)
                order by client_id) n on c.client_id = n.client_id
         when matched and c.given_lead = n.lead_id then
              update set process_id = n.process_id, open_with = coalesce(c.given_to, n.manager), given_to = null,
                         given_lead = null
         when matched then update set process_id = n.process_id, open_with = n.manager
         when not matched then insert (client_id, process_id, open_with) values (n.client_id, n.process_id, n.manager)
        """,
        *([row[place] for row in rows] for place in range(4)),
    )


async def unknown_curators(db: AsyncConnection) -> Sequence[RowMapping]:
    """Curators that were named and are not in the directory: `name, clients`, the most frequent first."""
    return await fetch(
        db,
        """
        select stated_curator as name, count(*) clients from clients
         where curator is null and stated_curator is not null
         group by 1 order by 2 desc, 1
        """,
    )


async def find_curators(db: AsyncConnection, known: Mapping[str, str]) -> None:
    """Give clients whose curator was unknown the one that the directory now knows by that name."""
    await execute(
        db,
        """
        with found as (
            select client_id, n.id from clients c join unnest($1::text[], $2::text[]) n(stated, id)
                on c.curator is null and c.stated_curator = n.stated
             order by client_id for update of c)
        update clients c set curator = found.id from found where c.client_id = found.client_id
        """,
        list(known),
        list(known.values()),
    )


async def left_behind(db: AsyncConnection) -> Sequence[RowMapping]:
    """Open sales whose manager has left: `manager, sales`, by manager."""
    return await fetch(
        db,
        """
        select open_with as manager, count(*) sales from clients join staff on staff.id = open_with
         where staff.retired_at is not null group by 1 order by 1
        """,
    )


async def loads_of(db: AsyncConnection, capped: Iterable[str], at: datetime) -> Loads:
    """What these people have received in the day of their office that `at` lies in, and hold open."""
    who = list(capped)
    if not who:
        return Loads()
    today = await fetch(
        db,
        """
        select s.id, (select count(*) from decisions d
                       where d.receiver = s.id and not d.passed_on and d.rule <> all($3::text[]) and d.at <= $2
                         and d.at >= date_trunc('day', $2 at time zone o.time_zone) at time zone o.time_zone) leads
          from staff s join offices o on o.id = s.office_id where s.id = any($1::text[])
        """,
        who,
        at,
        list(NOT_RECEIVED),
    )
    held = await fetch(
        db,
        """
        select coalesce(open_with, given_to) as id, count(*) leads from clients
         where coalesce(open_with, given_to) = any($1::text[]) group by 1
        """,
        who,
    )
    return Loads({row["id"]: row["leads"] for row in today}, {row["id"]: row["leads"] for row in held})


async def clients_as_heard(db: AsyncConnection, ids: Iterable[UUID]) -> dict[UUID, Client]:
    """What was heard of these clients, without locking them; the ones never heard of come back with `known` false."""
    wanted = set(ids)
    rows = await fetch(db, _CLIENTS, list(wanted))
    here = {row["client_id"]: _client(row) for row in rows}
    return here | {client: Client(client) for client in wanted - here.keys()}


async def forget_clients(db: AsyncConnection, ids: Iterable[UUID]) -> None:
    """Drop the copies of these clients who have no open sale."""
    await execute(
        db,
        "delete from clients where client_id in (select client_id from clients where client_id = any($1::uuid[])"
        " and process_id is null and given_to is null order by client_id for update)",
        list(ids),
    )
