"""Work that moves: what was asked, whom it concerns, what became of each client."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection

from services.routing import tables
from services.routing.rules.case import Client
from services.routing.rules.field import Field
from services.routing.rules.moving import Move, stood
from services.routing.store.field import put_fields
from shared.database import execute, fetch, insert
from shared.words import Function

# ── the operations ──────────────────────────────────────────────────────────────────────────────────────────────────


async def put_move(db: AsyncConnection, row: Mapping[str, Any]) -> None:
    """Keep what was asked."""
    await insert(db, tables.moves, [row])


async def hold_move(db: AsyncConnection, move_id: UUID) -> RowMapping | None:
    """An operation, locked."""
    rows = await fetch(db, "select * from moves where id = $1 for update", move_id)
    return rows[0] if rows else None


async def claim_move(db: AsyncConnection, now: datetime) -> RowMapping | None:
    """An operation that has work to do now, locked; the one that has waited longest, so that none waits for a long one.

    Another replica passes it over.
    """
    rows = await fetch(
        db,
        """
        select * from moves
         where state in ('planned', 'moving', 'undoing') and (state <> 'planned' or starts_at <= $1)
         order by worked_at nulls first, asked_at, id limit 1 for update skip locked
        """,
        now,
    )
    return rows[0] if rows else None


async def set_move(db: AsyncConnection, move_id: UUID, now: datetime, **facts: Any) -> None:
    """Write how a (locked) operation stands; `now` is when it was last worked at."""
    names = list(facts)
    sets = ", ".join(f"{name} = ${n}" for n, name in enumerate(names, 3))
    await execute(
        db,
        f"update moves set worked_at = $2{', ' if sets else ''}{sets} where id = $1",
        move_id,
        now,
        *facts.values(),
    )


async def people_of(db: AsyncConnection, office_id: str) -> dict[str, Function]:
    """Everybody who belongs to an office, or did when he left, with his function."""
    rows = await fetch(db, "select id, function from staff where office_id = $1", office_id)
    return {row["id"]: Function(row["function"]) for row in rows}


async def is_under_way(db: AsyncConnection, move_id: UUID) -> bool:
    """Whether process has not followed all of an operation yet."""
    rows = await fetch(db, "select exists(select from moved where move_id = $1 and state = 'asked') as so", move_id)
    return bool(rows[0]["so"])


# ── the clients ─────────────────────────────────────────────────────────────────────────────────────────────────────

_CLIENT = "client_id, region, curator, stated_curator, current, process_id, open_with, given_to, given_lead"

# Both ways to have a client are indexed in the order of clients, so a step costs what it moves, whatever is left to move.
_OF_PEOPLE = """
    select client_id from (
        select c.client_id from unnest($1::text[]) who cross join lateral (
            select client_id from clients where curator = who and client_id > $2 order by client_id limit $3) c
        union
        select c.client_id from unnest($1::text[]) who cross join lateral (
            select client_id from clients where open_with = who and client_id > $2 order by client_id limit $3) c
    ) u order by client_id limit $3
    """
_FIRST = UUID(int=0)


async def clients_of_people(
    db: AsyncConnection, people: Iterable[str], after: UUID | None, limit: int, *, lock: bool = True
) -> tuple[list[Client], UUID | None]:
    """The next clients that these people have, in order of id, locked; and the last id that was looked at, if any."""
    wanted = [row["client_id"] for row in await fetch(db, _OF_PEOPLE, sorted(people), after or _FIRST, limit)]
    return await held_clients(db, wanted, lock=lock), wanted[-1] if wanted else None


async def held_clients(db: AsyncConnection, ids: Iterable[UUID], *, lock: bool = True) -> list[Client]:
    """What is known of these clients as far as they are known, in order of id, locked."""
    rows = await fetch(
        db,
        f"select {_CLIENT} from clients where client_id = any($1::uuid[]) order by client_id{' for update' if lock else ''}",
        sorted(set(ids)),
    )
    return [Client(**{**row, "current": row["current"] or None}, known=True) for row in rows]


async def placed_before(db: AsyncConnection, move_id: UUID, clients: Iterable[UUID]) -> dict[UUID, RowMapping]:
    """Those of these clients whom this operation has moved before: `client_id, state, receiver, rule, queue`."""
    rows = await fetch(
        db,
        "select client_id, state, receiver, rule, queue from moved where move_id = $1 and client_id = any($2::uuid[])",
        move_id,
        list(clients),
    )
    return {row["client_id"]: row for row in rows}


async def awaiting_of(db: AsyncConnection, clients: Iterable[UUID], receivers: Iterable[str] | None) -> list[UUID]:
    """The leads of these clients whose receivers, if they are among these (None: all), have not answered yet."""
    rows = await fetch(
        db,
        "select lead_id from decisions where client_id = any($1::uuid[]) and not passed_on"
        " and answer in ('awaited', 'waiting') and ($2::text[] is null or receiver = any($2)) order by lead_id",
        list(clients),
        None if receivers is None else sorted(receivers),
    )
    return [row["lead_id"] for row in rows]


async def remember_moves(db: AsyncConnection, move_id: UUID, moves: Sequence[Move], field: Field, at: datetime) -> None:
    """Keep why each of these went where he went, and how he stood before.

    Of one whom the operation moves again, it is kept how he stood the first time, and the share that was taken then.
    """
    await put_fields(db, [field], at)
    await insert(
        db,
        tables.moved,
        [
            {
                "move_id": move_id,
                "client_id": move.client.client_id,
                "state": "asked",
                "receiver": move.receiver,
                "rule": move.rule,
                "queue": move.queue,
                "pool": move.pool,
                "record": move.record,
                "field_id": field.id,
                "before": stood(move.client),
                "after": stood(move.then),
                "moved_at": at,
            }
            for move in moves
        ],
        then="""
        on conflict (move_id, client_id) do update
           set state = 'asked', receiver = excluded.receiver, rule = excluded.rule, queue = excluded.queue,
               after = excluded.after, left_because = null
        """,
    )


async def moved_of(db: AsyncConnection, pairs: Iterable[tuple[UUID, UUID]]) -> dict[tuple[UUID, UUID], RowMapping]:
    """What became of these (move, client), locked in that order."""
    wanted = sorted(set(pairs))
    rows = await fetch(
        db,
        """
        select d.move_id, d.client_id, d.state, d.pool, d.record, d.before, d.after, d.moved_at
          from moved d join unnest($1::uuid[], $2::uuid[]) n(move_id, client_id) using (move_id, client_id)
         order by d.move_id, d.client_id for update of d
        """,
        [move for move, _ in wanted],
        [client for _, client in wanted],
    )
    return {(row["move_id"], row["client_id"]): row for row in rows}


async def next_to_return(db: AsyncConnection, move_id: UUID, after: UUID | None, limit: int) -> list[UUID]:
    """The next clients of a move that are still to be taken back, in order of id."""
    rows = await fetch(
        db,
        "select client_id from moved where move_id = $1 and client_id > $2 and state in ('asked', 'followed')"
        " order by client_id limit $3",
        move_id,
        after or _FIRST,
        limit,
    )
    return [row["client_id"] for row in rows]


async def set_moved(db: AsyncConnection, rows: Sequence[tuple[UUID, UUID, str, str | None]]) -> None:
    """Write what became of (locked) moves of clients: `(move, client, state, why it was left)`."""
    await execute(
        db,
        """
        update moved d set state = n.state, left_because = n.why
          from unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[]) n(move_id, client_id, state, why)
         where (d.move_id, d.client_id) = (n.move_id, n.client_id)
        """,
        [row[0] for row in rows],
        [row[1] for row in rows],
        [row[2] for row in rows],
        [row[3] for row in rows],
    )


async def note_followed(db: AsyncConnection, pairs: Sequence[tuple[UUID, UUID]]) -> None:
    """Process has followed these moves; those that are being taken back already stay so."""
    await execute(
        db,
        """
        with held as (
            select d.move_id, d.client_id
              from moved d join unnest($1::uuid[], $2::uuid[]) n(move_id, client_id) using (move_id, client_id)
             where d.state = 'asked' order by 1, 2 for update of d)
        update moved d set state = 'followed' from held
         where (d.move_id, d.client_id) = (held.move_id, held.client_id)
        """,
        [move for move, _ in pairs],
        [client for _, client in pairs],
    )


# ── what is asked ───────────────────────────────────────────────────────────────────────────────────────────────────


async def counts_of(db: AsyncConnection, move_id: UUID) -> Sequence[RowMapping]:
    """How many clients of a move each received, by state: `receiver, state, clients, queued`."""
    return await fetch(
        db,
        """
        select receiver, state, count(*) clients, count(queue) queued from moved
         where move_id = $1 group by receiver, state order by receiver, state
        """,
        move_id,
    )


_TOLD = """
    select m.id, m.kind, m.state, m.staff_id as staff, m.office_id as office, m.client_id, m.to_staff, m.to_office,
           m.asked_by as by, m.reason, m.warnings, m.asked_at, m.starts_at, m.began_at, m.ended_at, m.undo_until,
           m.undone_at, m.undone_by, made.*
      from ({which}) m
     cross join lateral (
           select count(*) clients, count(*) filter (where d.state <> 'asked') followed,
                  count(*) filter (where d.state = 'recalled') recalled,
                  count(*) filter (where d.state = 'back') back, count(*) filter (where d.state = 'left') "left",
                  count(d.queue) queued
             from moved d where d.move_id = m.id) made
     order by m.asked_at desc, m.id
    """


async def moves_so_far(db: AsyncConnection, most: int, staff_id: str | None) -> Sequence[RowMapping]:
    """The last operations with their counts, the newest first."""
    which = "select * from moves where $2::text is null or staff_id = $2 order by asked_at desc, id limit $1"
    return await fetch(db, _TOLD.format(which=which), most, staff_id)


async def one_move(db: AsyncConnection, move_id: UUID) -> RowMapping | None:
    """One operation with its counts."""
    rows = await fetch(db, _TOLD.format(which="select * from moves where id = $1"), move_id)
    return rows[0] if rows else None


async def left_in_place(db: AsyncConnection, move_id: UUID, most: int) -> Sequence[RowMapping]:
    """Those whom an undo left where they are: `client_id, receiver, why`."""
    return await fetch(
        db,
        "select client_id, receiver, left_because as why from moved where move_id = $1 and state = 'left'"
        " order by client_id limit $2",
        move_id,
        most,
    )


async def moves_of_client(db: AsyncConnection, client_id: UUID) -> Sequence[RowMapping]:
    """When a client was moved, the newest first, with why it was that one."""
    return await fetch(
        db,
        """
        select d.move_id, m.kind, d.moved_at as at, d.receiver, d.rule, d.queue, d.state, d.left_because, d.before,
               d.record, m.asked_by as by, m.reason
          from moved d join moves m on m.id = d.move_id where d.client_id = $1 order by d.moved_at desc, d.move_id
        """,
        client_id,
    )
