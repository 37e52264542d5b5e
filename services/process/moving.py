"""What becomes of sales when their clients go to another: the open one and its next task go along, and come back (R2-23)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection

from services.process import store
from services.process.rules.moving import why_kept
from shared.events import ClientMoved, MoveFollowed, MoveRecalled, MoveReturned, TaskMoved
from shared.message import Batch, Said


async def follow_moves(moves: Batch[ClientMoved], db: AsyncConnection) -> Said:
    """Give the open sale of each client, if it is with one of those it is taken from, to his new owner (R1-42, R4-11).

    What was done stays whose it was: touches, and with them the credit of a sale (R0-04), are not written again.
    """
    open_ones = _by_client(await store.hold_open_sales(db, moves.map(lambda move: move.client_id)))
    to_whom: list[dict[str, Any]] = []
    kept: list[dict[str, Any]] = []
    said: Said = []
    for heard in moves:
        move, sale = heard.message, open_ones.get(heard.message.client_id)
        manager = sale["manager"] if sale else None
        if sale and manager != move.to_manager and (not move.from_managers or manager in move.from_managers):
            manager = move.to_manager
            to_whom.append(
                {
                    "process_id": sale["id"],
                    "manager": move.to_manager,
                    "office_id": move.office_id,
                    "queue": move.queue,
                }
            )
            kept.append(
                {
                    "move_id": move.move_id,
                    "process_id": sale["id"],
                    "client_id": move.client_id,
                    "before": {name: sale[name] for name in ("manager", "office_id", "queue")},
                    "manager": move.to_manager,
                    "moved_at": moves.now,
                }
            )
            said.append(
                heard.says(
                    TaskMoved(
                        task_id=sale["next_task"],
                        process_id=sale["id"],
                        client_id=move.client_id,
                        manager=move.to_manager,
                        office_id=move.office_id,
                    )
                )
            )
        said.append(
            heard.says(
                MoveFollowed(
                    move_id=move.move_id,
                    client_id=move.client_id,
                    process_id=sale["id"] if sale else None,
                    manager=manager,
                )
            )
        )
    await store.move_sales_to(db, to_whom)
    await store.remember_moved(db, kept)
    return said


async def return_moves(moves: Batch[MoveRecalled], db: AsyncConnection) -> Said:
    """Give each client's sale back to whom it belonged, unless somebody has touched him since; say which (R2-23)."""
    facts = moves.map(lambda move: move)
    open_ones = _by_client(await store.hold_open_sales(db, (one.client_id for one in facts)))
    taken = await store.moved_sales_of(db, [(one.move_id, one.client_id) for one in facts])
    anew = await store.opened_since(db, {one.client_id: one.moved_at for one in facts})
    to_whom: list[dict[str, Any]] = []
    returned: list[tuple[UUID, UUID]] = []
    said: Said = []
    for heard in moves:
        move = heard.message
        sale, before = taken.get((move.move_id, move.client_id), (None, {}))
        open_one = open_ones.get(move.client_id)
        why = why_kept(sale, opened_since=move.client_id in anew)
        manager = open_one["manager"] if open_one else None
        if sale and not why:
            manager = before["manager"]
            to_whom.append({**before, "process_id": sale.process_id})
            returned.append((move.move_id, sale.process_id))
            assert sale.next_task is not None  # noqa: S101  # it is open (R4-11)
            said.append(
                heard.says(
                    TaskMoved(
                        task_id=sale.next_task,
                        process_id=sale.process_id,
                        client_id=move.client_id,
                        manager=before["manager"],
                        office_id=before["office_id"],
                    )
                )
            )
        said.append(
            heard.says(
                MoveReturned(
                    move_id=move.move_id,
                    client_id=move.client_id,
                    given_back=not why,
                    reason=why,
                    process_id=open_one["id"] if open_one else None,
                    manager=manager,
                )
            )
        )
    await store.move_sales_to(db, to_whom)
    await store.note_returned(db, returned, moves.now)
    return said


def _by_client(rows: Any) -> Mapping[UUID, RowMapping]:
    return {row["client_id"]: row for row in rows}
