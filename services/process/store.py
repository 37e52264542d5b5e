"""Everything the process room says to PostgreSQL, each statement with its caption."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection

from services.process import tables
from services.process.rules.exclusive_right import Person
from services.process.rules.recall import LeadInSale
from services.process.rules.sale import Office, Sale, Task, Work
from shared.database import execute, fetch, insert, to_json
from shared.message import NotYet
from shared.words import Function, Source, Stage, TaskKind
from shared.working_time import OfficeCalendar

Row = Mapping[str, Any]


# ── opening ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Home:
    """The open sale of a client: its id and its manager."""

    process_id: UUID
    manager: str


async def open_or_find(db: AsyncConnection, openings: Sequence[tuple[Row, Row]]) -> dict[UUID, Home]:
    """Open a sale for each client who has none: client → his open sale. `openings` are rows (process, its first task).

    Clients are taken in the order of their ids, so two replicas never wait for each other in a ring. Whoever comes
    second to a client waits for the first to commit, and finds its sale. A found sale cannot close before we commit.
    """
    wanted = {process["client_id"]: (process, task) for process, task in openings}
    homes: dict[UUID, Home] = {}
    for _ in range(5):  # a sale may close between our not opening one and our looking for it: then it is our turn again
        waiting = [wanted[client] for client in sorted(wanted.keys() - homes.keys())]
        found = [*await _open(db, waiting)]
        found += await _hold_open(db, [*(wanted.keys() - homes.keys() - {row["client_id"] for row in found})])
        homes |= {row["client_id"]: Home(row["id"], row["manager"]) for row in found}
        if len(homes) == len(wanted):
            return homes
    raise NotYet("sales of these clients open and close faster than they can be joined")


async def _open(db: AsyncConnection, openings: Sequence[tuple[Row, Row]]) -> Sequence[RowMapping]:
    """Insert sales where the client has no open one (R1-42), each with its first task (R4-11)."""
    opened = await insert(
        db,
        tables.processes,
        [process for process, _ in openings],
        then="on conflict (client_id, product_line) where closed_at is null do nothing "
        "returning id, client_id, manager, next_task",
    )
    first_tasks = {row["next_task"] for row in opened}
    await insert(db, tables.tasks, [task for _, task in openings if task["id"] in first_tasks])
    return opened


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
    await insert(
        db,
        tables.leads,
        leads,
        then="on conflict (id) do update set process_id = excluded.process_id, joined = excluded.joined, "
        "assigned_to = excluded.assigned_to, rule = excluded.rule, taken_at = excluded.taken_at",
    )


# ── touching ────────────────────────────────────────────────────────────────────────────────────────────────────────


async def lock_sales(db: AsyncConnection, processes: Collection[UUID], clients: Collection[UUID]) -> list[Sale]:
    """The sales with these ids and the open ones of these clients, locked in id order."""
    rows = await fetch(
        db,
        "select id, client_id, company, manager, office_id, source, received_at, pipeline, stage, "
        "stage_before_deferral, closed_at, reason, next_task, joined_into from processes "
        "where id = any($1::uuid[]) or (client_id = any($2::uuid[]) and closed_at is null) order by id for no key update",
        list(processes),
        list(clients),
    )
    # what hangs on a locked sale is read by a later statement, which sees what the lock has waited for
    open_tasks = {row["id"]: _task(row) for row in await _tasks(db, [row["next_task"] for row in rows])}
    proven = {row["process_id"]: row for row in await _proven(db, [row["id"] for row in rows])}
    return [
        Sale(
            id=row["id"],
            client_id=row["client_id"],
            company=row["company"],
            manager=row["manager"],
            office_id=row["office_id"],
            source=Source(row["source"]),
            received_at=row["received_at"],
            pipeline=row["pipeline"],
            stage=Stage(row["stage"]),
            task=open_tasks.get(row["next_task"]),
            stage_before_deferral=Stage(row["stage_before_deferral"]) if row["stage_before_deferral"] else None,
            held_meeting=row["id"] in proven and proven[row["id"]]["held_meeting"],
            sent_offer=row["id"] in proven and proven[row["id"]]["sent_offer"],
            closed_at=row["closed_at"],
            reason=row["reason"],
            joined_into=row["joined_into"],
        )
        for row in rows
    ]


async def _tasks(db: AsyncConnection, ids: Sequence[UUID | None]) -> Sequence[RowMapping]:
    """Tasks by their ids."""
    return await fetch(db, "select id, kind, due_at, note, named_date from tasks where id = any($1::uuid[])", ids)


def _task(row: RowMapping) -> Task:
    return Task(row["id"], TaskKind(row["kind"]), row["due_at"], row["note"], row["named_date"])


async def _proven(db: AsyncConnection, processes: Sequence[UUID]) -> Sequence[RowMapping]:
    """What the touches of each sale, and of those joined to it, prove: a held meeting, a sent offer."""
    return await fetch(
        db,
        f"{_PARTS} select part.top process_id, bool_or(kind = 'meeting' and result = 'held') held_meeting, "
        "bool_or(kind = 'offer' and result = 'sent') sent_offer "
        "from part join touches on touches.process_id = part.id group by part.top",
        processes,
    )


_PARTS = (
    "with recursive part (id, top) as (select id, id from unnest($1::uuid[]) id union all "
    "select p.id, part.top from part join processes p on p.joined_into = part.id) "
)
"""A sale and all that were joined to it: what happened in them is its history."""


async def people(db: AsyncConnection, ids: Iterable[str]) -> dict[str, Person]:
    """Members of staff by their ids, as far as they have been heard of."""
    rows = await fetch(
        db, "select id, name, office_id, function, active from staff where id = any($1::text[])", sorted(set(ids))
    )
    return {
        row["id"]: Person(row["id"], row["name"], row["office_id"], Function(row["function"]), row["active"])
        for row in rows
    }


async def offices(db: AsyncConnection, ids: Iterable[str]) -> dict[str, Office]:
    """Offices by their ids, as far as they have been heard of."""
    rows = await fetch(
        db,
        "select id, time_zone, hours, calendar, days_off, working_days, head from offices where id = any($1::text[])",
        sorted(set(ids)),
    )
    return {
        row["id"]: Office(
            row["id"],
            row["head"],
            OfficeCalendar.of(
                row["time_zone"], row["hours"], row["calendar"], _days(row["days_off"]), _days(row["working_days"])
            ),
        )
        for row in rows
    }


def _days(stored: list[str]) -> list[date]:
    return [date.fromisoformat(day) for day in stored]


async def save(db: AsyncConnection, works: Sequence[Work], now: datetime) -> None:
    """Write what the touches made of their sales: one statement per table.

    Of several touches of one sale the last one says how it stands, and tasks between them are stored as closed.
    """
    if not works:
        return
    closed = {work.closed.id: work for work in works}
    fresh = {work.sale.task.id: work for work in works if work.sale.task}
    await _close_tasks(db, list(closed.values()), now)
    await insert(db, tables.tasks, [_task_row(work, closed.get(id_), now) for id_, work in fresh.items()])
    await insert(db, tables.touches, [_touch_row(work, now) for work in works])
    await insert(
        db,
        tables.moves,
        [
            {
                "process_id": work.sale.id,
                "touch_id": work.touch_id,
                "move": arrow.move,
                "from_stage": arrow.source,
                "to_stage": arrow.target,
                "staff_id": work.touch.by,
                "moved_at": now,
            }
            for work in works
            for arrow in work.moves
        ],
    )
    await _update_sales(db, list({work.sale.id: work.sale for work in works}.values()))


def _task_row(work: Work, closed_by: Work | None, now: datetime) -> Row:
    task = work.sale.task
    assert task is not None  # noqa: S101  # only works that set a task come here
    return {
        "id": task.id,
        "process_id": work.sale.id,
        "manager": work.sale.manager,
        "kind": task.kind,
        "note": task.note,
        "due_at": task.due_at,
        "named_date": task.named_date,
        "set_at": now,
        "is_open": closed_by is None,
        "closed_at": now if closed_by else None,
        "how": closed_by.how if closed_by else None,
    }


def _touch_row(work: Work, now: datetime) -> Row:
    touch = work.touch
    return {
        "id": work.touch_id,
        "process_id": work.sale.id,
        "task_id": work.closed.id,
        "staff_id": touch.by,
        "kind": touch.kind,
        "direction": touch.direction,
        "touched_at": work.touched_at,
        "recorded_at": now,
        "result": touch.result,
        "comment": touch.comment,
        "resources": touch.resources,
        "meeting": touch.meeting and touch.meeting.model_dump(mode="json"),
        "contract": touch.contract and touch.contract.model_dump(mode="json"),
    }


async def _close_tasks(db: AsyncConnection, works: Sequence[Work], now: datetime) -> None:
    """Close the tasks that the touches have done or replaced."""
    await execute(
        db,
        "update tasks set is_open = false, closed_at = $3, how = done.how "
        "from unnest($1::uuid[], $2::text[]) done (id, how) where tasks.id = done.id",
        [work.closed.id for work in works],
        [work.how for work in works],
        now,
    )


async def _update_sales(db: AsyncConnection, sales: Sequence[Sale]) -> None:
    """Write how the (locked) sales stand now."""
    await execute(
        db,
        "update processes set stage = now.stage, stage_before_deferral = now.stage_before_deferral, "
        "closed_at = now.closed_at, reason = now.reason, contract = now.contract::jsonb, next_task = now.next_task "
        "from unnest($1::uuid[], $2::text[], $3::text[], $4::timestamptz[], $5::text[], $6::text[], $7::uuid[]) "
        "now (id, stage, stage_before_deferral, closed_at, reason, contract, next_task) where processes.id = now.id",
        [sale.id for sale in sales],
        [sale.stage for sale in sales],
        [sale.stage_before_deferral for sale in sales],
        [sale.closed_at for sale in sales],
        [sale.reason for sale in sales],
        [sale.contract and to_json(sale.contract.model_dump(mode="json")) for sale in sales],
        [sale.task and sale.task.id for sale in sales],
    )


# ── the directory ───────────────────────────────────────────────────────────────────────────────────────────────────


async def put_offices(db: AsyncConnection, rows: Sequence[Row]) -> None:
    """Keep the offices as routing told them."""
    await insert(
        db,
        tables.offices,
        rows,
        then="on conflict (id) do update set name = excluded.name, time_zone = excluded.time_zone, "
        "hours = excluded.hours, calendar = excluded.calendar, days_off = excluded.days_off, "
        "working_days = excluded.working_days, head = excluded.head, active = excluded.active",
    )


async def put_staff(db: AsyncConnection, rows: Sequence[Row]) -> None:
    """Keep the members of staff as routing told them."""
    await insert(
        db,
        tables.staff,
        rows,
        then="on conflict (id) do update set name = excluded.name, office_id = excluded.office_id, "
        "function = excluded.function, active = excluded.active",
    )


# ── answering ───────────────────────────────────────────────────────────────────────────────────────────────────────


async def progress(db: AsyncConnection, import_id: UUID) -> dict[str, Any]:
    """How many leads of an import opened a sale or joined one, how many first tasks they got, and when the last came."""
    (row,) = await fetch(
        db,
        "select count(*) filter (where not joined) opened, count(*) filter (where joined) joined, "
        "count(withdrawn_at) withdrawn, "
        "(select count(*) from tasks where import_id = $1) tasks, max(taken_at) last_at "
        "from leads where import_id = $1",
        import_id,
    )
    return dict(row)


async def find_process(db: AsyncConnection, id_: UUID) -> dict[str, Any] | None:
    """The sale with this id, or of this lead, or of this client (the open one, else the last); a joined one leads on."""
    rows = await fetch(
        db,
        "with recursive found (id) as (select $1 union all select id from processes where client_id = $1 "
        "union all select process_id from leads where id = $1 "
        "union all select p.joined_into from found join processes p on p.id = found.id where p.joined_into is not null) "
        "select p.*, s.name manager_name from processes p left join staff s on s.id = p.manager "
        "where p.id in (select id from found) "
        "order by p.closed_at is not null, p.joined_into is not null, p.opened_at desc limit 1",
        id_,
    )
    return dict(rows[0]) if rows else None


async def tasks_of(db: AsyncConnection, process_id: UUID) -> list[dict[str, Any]]:
    """The tasks of a sale, the newest first."""
    rows = await fetch(
        db,
        f"{_PARTS} select id, kind, note, manager, due_at, named_date, set_at, is_open, closed_at, how "
        "from tasks where process_id in (select id from part) order by is_open desc, set_at desc, closed_at desc",
        [process_id],
    )
    return [dict(row) for row in rows]


async def touches_of(db: AsyncConnection, process_id: UUID) -> list[dict[str, Any]]:
    """The touches of a sale, the newest first."""
    rows = await fetch(
        db,
        f"{_PARTS} select id, staff_id, kind, direction, touched_at, recorded_at, result, comment, resources, meeting, contract "
        "from touches where process_id in (select id from part) order by touched_at desc, recorded_at desc",
        [process_id],
    )
    return [dict(row) for row in rows]


async def moves_of(db: AsyncConnection, process_id: UUID) -> list[dict[str, Any]]:
    """The history of a sale's stages, the oldest first."""
    rows = await fetch(
        db,
        f"{_PARTS} select move, from_stage, to_stage, staff_id, moved_at, touch_id from moves "
        "where process_id in (select id from part) order by id",
        [process_id],
    )
    return [dict(row) for row in rows]


async def leads_of(db: AsyncConnection, process_id: UUID) -> list[dict[str, Any]]:
    """The leads of a sale, in the order they came."""
    rows = await fetch(
        db,
        f"{_PARTS} select id, joined, source, campaign, assigned_to, rule, contact, phone, email, interest, received_at, "
        "taken_at from leads where process_id in (select id from part) order by joined, taken_at, id",
        [process_id],
    )
    return [dict(row) for row in rows]


async def sales_by_source(db: AsyncConnection, since: datetime, until: datetime) -> list[dict[str, Any]]:
    """What became of the leads received in a time, by source and campaign; what was taken back is left out."""
    rows = await fetch(
        db,
        "with came as (select l.source, coalesce(l.campaign, '') campaign, l.joined, p.stage, "
        "p.contract ->> 'currency' currency, (p.contract ->> 'amount')::bigint amount "
        "from leads l join processes p on p.id = l.process_id "
        "where l.received_at >= $1 and l.received_at < $2 and l.withdrawn_at is null) "
        "select source, campaign, count(*) filter (where not joined) opened, count(*) filter (where joined) joined, "
        "count(*) filter (where not joined and stage = 'won') won, "
        "count(*) filter (where not joined and stage = 'lost') lost, "
        "count(*) filter (where not joined and stage not in ('won', 'lost')) open, "
        "(select coalesce(jsonb_object_agg(currency, total), '{}') from (select currency, sum(amount) total from came c "
        "where (c.source, c.campaign) = (came.source, came.campaign) and not c.joined and c.stage = 'won' "
        "group by currency) sums) amounts from came group by source, campaign order by source, campaign",
        since,
        until,
    )
    return [dict(row) for row in rows]


# ── taking leads back ───────────────────────────────────────────────────────────────────────────────────────────────


async def lock_recalled(db: AsyncConnection, lead_ids: Sequence[UUID]) -> dict[UUID, LeadInSale]:
    """These leads with what happened in their sales, which are locked in id order: whoever touches them waits for us."""
    await fetch(
        db,
        "select id from processes where id in (select process_id from leads where id = any($1::uuid[])) "
        "order by id for no key update",
        lead_ids,
    )
    rows = await fetch(
        db,
        "select l.id lead_id, l.process_id, l.joined, l.withdrawn_at is not null withdrawn, p.stage, p.closed_at, "
        "t.touches, t.last_by, (select count(*) from leads o where o.process_id = l.process_id and o.id <> l.id "
        "and o.withdrawn_at is null) others from leads l join processes p on p.id = l.process_id "
        "cross join lateral (select count(*) touches, (array_agg(staff_id order by recorded_at desc))[1] last_by "
        "from touches t where t.process_id = l.process_id and (not l.joined or t.recorded_at >= l.taken_at)) t "
        "where l.id = any($1::uuid[])",
        lead_ids,
    )
    return {row["lead_id"]: LeadInSale(**row) for row in rows}


async def withdraw(
    db: AsyncConnection, leads: Sequence[UUID], sales: Sequence[UUID], reason: str, now: datetime
) -> dict[UUID, RowMapping]:
    """Mark leads as taken back and end these (locked) sales with their tasks: sale → (task_id, manager)."""
    await execute(db, "update leads set withdrawn_at = $2 where id = any($1::uuid[])", leads, now)
    if not sales:
        return {}
    ended = await fetch(
        db,
        "with ended as (select id, next_task, manager from processes where id = any($1::uuid[])), "
        "closed as (update tasks set is_open = false, closed_at = $2, how = 'cancelled' "
        "from ended where tasks.id = ended.next_task) "
        "update processes p set stage = 'lost', stage_before_deferral = null, closed_at = $2, reason = $3, "
        "next_task = null from ended where p.id = ended.id returning p.id, ended.next_task task_id, p.manager",
        sales,
        now,
        reason,
    )
    return {row["id"]: row for row in ended}


# ── merges ──────────────────────────────────────────────────────────────────────────────────────────────────────────


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
        f"{_PARTS} select leads.id from leads where process_id in (select id from part) order by leads.id",
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
        "select id, kind, due_at, note, named_date from tasks where process_id = $1 and how = 'replaced' "
        "order by closed_at desc, set_at desc limit 1",
        process_id,
    )
    return _task(row)


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
