"""How a move is taken back: each client to whom he had been, if process says that nobody has touched him since (R2-23)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from msgspec.structs import replace
from sqlalchemy import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection

from services.routing import store
from services.routing.rules.fair_share import Ledger
from services.routing.rules.moving import given_back, share_back, why_not_back
from shared.events import AssignmentReopened, MoveRecalled, MoveReturned, MoveUndone
from shared.message import Batch, Cause, Heard, Said, id_of
from shared.words import Source

AT_ONCE = 100


async def take_back(move: RowMapping, now: datetime, db: AsyncConnection) -> tuple[Said, bool]:
    """Ask process for the next clients of a move that is being undone; what has gone on since is left here already."""
    field = await store.field_of_play(db, now)  # before the clients: locks are always taken in this order
    due = await store.next_to_return(db, move["id"], move["after"], AT_ONCE)
    if not due:
        return await _end(move, now, db)
    clients = {one.client_id: one for one in await store.held_clients(db, due)}
    rows = (await store.moved_of(db, [(move["id"], one) for one in due])).values()
    states: list[tuple[UUID, UUID, str, str | None]] = []
    said: Said = []
    for row in rows:
        client_id = row["client_id"]
        why = why_not_back(clients.get(client_id), row["before"], row["after"], field) if field is not None else ""
        states.append((move["id"], client_id, "left" if why else "recalled", why or None))
        if not why:
            recalled = MoveRecalled(move_id=move["id"], client_id=client_id, moved_at=row["moved_at"])
            said.append(_cause(move, f"recall/{client_id}").says(recalled))
    await store.set_moved(db, states)
    await store.set_move(db, move["id"], now, after=due[-1])
    return said, not said


async def _end(move: RowMapping, now: datetime, db: AsyncConnection) -> tuple[Said, bool]:
    counts: dict[str, int] = {}
    for row in await store.counts_of(db, move["id"]):
        counts[row["state"]] = counts.get(row["state"], 0) + row["clients"]
    if counts.get("recalled"):
        await store.set_move(db, move["id"], now)  # process has the word, and has not said it yet
        return [], False
    if counts.get("asked") or counts.get("followed"):
        await store.set_move(db, move["id"], now, after=None)
        return [], True
    await store.set_move(db, move["id"], now, state="undone", ended_at=now)
    undone = MoveUndone(move_id=move["id"], back=counts.get("back", 0), left=counts.get("left", 0))
    return [_cause(move, "undone").says(undone)], True


async def settle_returns(answers: Batch[MoveReturned], db: AsyncConnection) -> Said:
    """Give the curator and the share of each client back whom process has given back; note of the others why they stay.

    Whoever was asked whether he takes a lead when it moved, and works it again, is asked again.
    """
    facts = answers.map(lambda one: one)
    clients = {one.client_id: one for one in await store.held_clients(db, [one.client_id for one in facts])}
    rows = await store.moved_of(db, [(one.move_id, one.client_id) for one in facts])
    states: list[tuple[UUID, UUID, str, str | None]] = []
    returned = []
    causes: dict[tuple[UUID, UUID], Heard[MoveReturned]] = {}
    for heard in answers:
        one = heard.message
        row, client = rows[one.move_id, one.client_id], clients.get(one.client_id)
        if client is not None:
            back = given_back(client, row["before"], row["after"]) if one.given_back else client
            clients[one.client_id] = replace(back, process_id=one.process_id, open_with=one.manager)
        if one.given_back:
            returned.append(row)
            causes[one.move_id, one.client_id] = heard
        states.append((one.move_id, one.client_id, "back" if one.given_back else "left", one.reason or None))
    await store.save_clients(db, clients.values())
    await store.set_moved(db, states)
    asked = (
        await store.ask_again(db, [(*pair, heard.message.manager) for pair, heard in causes.items()]) if causes else ()
    )
    await _give_shares_back(db, returned)
    return [
        causes[row["move_id"], row["client_id"]].says(
            AssignmentReopened(
                lead_id=row["lead_id"],
                client_id=row["client_id"],
                attempt=row["attempt"],
                receiver=row["receiver"],
                office_id=row["office_id"],
                source=Source(row["source"]),
            )
        )
        for row in asked
    ]


async def _give_shares_back(db: AsyncConnection, rows: Sequence[RowMapping]) -> None:
    shares = [(row["pool"], share_back(row["record"])) for row in rows if row["pool"] is not None]
    ledgers: dict[str, Ledger] = await store.ledgers_of(db, {pool for pool, _ in shares})
    for pool, parts in shares:
        ledgers[pool].give_back(parts)
    await store.save_ledgers(db, ledgers)


def _cause(move: RowMapping, what: str) -> Cause:
    return Cause(id_of(move["cause"], what), move["correlation"], bulk=move["kind"] != "transfer")
