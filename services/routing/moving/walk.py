"""How a person's clients, or an office's, go to others: part by part, by a watch, in the line of lists (R2-23).

Whoever is dismissed has left in the transaction that begins it; what of his has not been moved yet stands in the queue of
his office, and his head answers for it (`rules/moving_owner`). So nothing is ownerless, wherever the walk stops.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from msgspec.structs import replace
from sqlalchemy import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection

from services.routing import store
from services.routing.moving.returning import take_back
from services.routing.rules.acceptance import as_said
from services.routing.rules.case import Client
from services.routing.rules.field import Field
from services.routing.rules.moving import (
    Leaving,
    Move,
    Placed,
    for_moving,
    hand_out,
    has_left,
    is_leaving,
    leaving_of_office,
    place,
    pools_of,
)
from services.routing.rules.moving_diary import Clash, as_told, clashes, in_words
from services.routing.rules.moving_rights import faults_of_dismissal
from shared.events import ClientMoved, MoveFinished, MoveFollowed, MoveRefused
from shared.message import Batch, Cause, Event, Said, id_of
from shared.words import Function

AT_ONCE = 100
"""Clients moved in one transaction: a lead of one of them waits for it, so it is kept short."""

PAUSE = 0.2
"""Seconds between two steps: a base moves at no more than some 500 clients a second, and single leads hardly notice."""

Row = RowMapping | Mapping[str, Any]
"""An operation, kept or about to be."""


async def move_on(now: datetime, db: AsyncConnection) -> tuple[Said, bool]:
    """Take the next step of an operation that is under way; whether there is more to do at once.

    After a step that moved something there is not: nobody waits for the rest, and single leads want the rooms meanwhile.
    """
    move = await store.claim_move(db, now)
    if move is None:
        return [], False
    if move["state"] == "undoing":
        return await take_back(move, now, db)
    if move["state"] == "planned":
        return [_cause(move, "begin").says(event) for event in await _begin_on_its_day(move, now, db)], True
    return await _step(move, now, db)


async def look_back(now: datetime, db: AsyncConnection) -> tuple[Said, bool]:
    """Let a dismissal go on whose person has got something since: by a split, a base that names him, a late word."""
    await store.wake_dismissals(db)
    return [], False


async def _begin_on_its_day(move: RowMapping, now: datetime, db: AsyncConnection) -> list[Event]:
    """Begin what was planned, unless by now nobody would answer without him (G8)."""
    await store.directory(db)
    field = await store.field_of_play(db, now)
    faults = faults_of_dismissal(move["staff_id"], field) if field is not None else []
    if faults:
        await store.set_move(db, move["id"], now, state="cancelled")
        return [MoveRefused(move_id=move["id"], faults=faults)]
    return await begin_dismissal(db, move, now)


async def begin_dismissal(db: AsyncConnection, move: Row, now: datetime) -> list[Event]:
    """Somebody works here no more, from now on; what is his begins to move. The directory is held."""
    told = await store.retire_person(db, move["staff_id"], now)
    await store.set_move(db, move["id"], now, state="moving", began_at=now)
    return list(told)


async def leaving_of(db: AsyncConnection, move: Row) -> Leaving:
    """Whose clients an operation moves, and where to."""
    if move["staff_id"] is not None:
        return Leaving(frozenset([move["staff_id"]]), to=move["to_staff"])
    return leaving_of_office(await store.people_of(db, move["office_id"]), move["to_office"])


async def _step(move: RowMapping, now: datetime, db: AsyncConnection) -> tuple[Said, bool]:
    field = await store.field_of_play(db, now)  # before the clients: locks are always taken in this order
    leaving = await leaving_of(db, move)
    found, last = await store.clients_of_people(db, leaving.people, move["after"], AT_ONCE)
    if last is None:
        return await _pass_over(move, now, db)
    said: Said = []
    if field is not None:
        said, _, _ = await move_clients(db, move, leaving, found, field, now)
    await store.set_move(db, move["id"], now, after=last, again=move["again"] or bool(said))
    return said, not said


async def _pass_over(move: RowMapping, now: datetime, db: AsyncConnection) -> tuple[Said, bool]:
    """All clients have been looked at: once more, as long as something has come behind the walk, or is on its way."""
    if move["again"]:
        await store.set_move(db, move["id"], now, after=None, again=False)
        return [], True
    if await store.is_under_way(db, move["id"]):
        await store.set_move(db, move["id"], now, after=None)
        return [], False
    return await _end(move, now, db), True


async def _end(move: RowMapping, now: datetime, db: AsyncConnection) -> Said:
    await store.set_move(db, move["id"], now, state="done", ended_at=now)
    received: dict[str, int] = {}
    queued = 0
    for row in await store.counts_of(db, move["id"]):
        received[row["receiver"]] = received.get(row["receiver"], 0) + row["clients"]
        queued += row["queued"]
    # told again when something has come later, and then with another name
    cause = _cause(move, f"finished/{sum(received.values())}/{now.isoformat()}")
    return [cause.says(MoveFinished(move_id=move["id"], received=received, queued=queued))]


async def move_clients(
    db: AsyncConnection, move: Row, leaving: Leaving, found: Sequence[Client], field: Field, now: datetime
) -> tuple[Said, list[Move], list[str]]:
    """Give these (locked) clients to whom they go, and tell process of each, in his own history.

    What was said, the moves, and in words the meetings that their new owners are not free for.
    """
    ground = for_moving(field, leaving, gone=move["kind"] != "handover")
    before = await store.placed_before(db, move["id"], [client.client_id for client in found])
    placed = [
        _again(client, before[client.client_id], leaving, ground)
        if client.client_id in before
        else place(client, leaving, ground)
        for client in found
        if (leaving.everything or is_leaving(client, leaving)) and not _is_placed(client, before, leaving)
    ]
    # whoever was asked whether he takes a lead is asked no more: it is another's now
    asked = await store.awaiting_of(
        db, [one.client.client_id for one in placed], None if leaving.everything else leaving.people
    )
    ended = await store.end_awaiting(db, asked, now, move["id"]) if asked else []
    ledgers = await store.ledgers_of(db, pools_of(placed))
    moves = hand_out(placed, leaving, ledgers)
    diary = await store.diary_of_clients(db, [one.client.client_id for one in moves], now)
    unfit = clashes(moves, leaving, diary, field) if diary else []
    await store.save_ledgers(db, ledgers)
    await store.save_clients(db, [one.then for one in moves])
    await store.remember_moves(db, move["id"], moves, ground, now)
    causes = {one.client.client_id: _cause(move, f"{now.isoformat()}/{one.client.client_id}") for one in placed}
    said = [
        causes[one.client.client_id].says(
            _moved(move, one, leaving, field, [clash for clash in unfit if clash.client_id == one.client.client_id])
        )
        for one in moves
    ]
    said += [causes[row["client_id"]].says(as_said({**row})) for row in ended]
    return said, moves, in_words(unfit, diary, field)


def _is_placed(client: Client, before: Mapping[UUID, RowMapping], leaving: Leaving) -> bool:
    """Whether a client's move is on its way, or he is with his receiver, who may be of the office that is handed over."""
    row = before.get(client.client_id)
    if row is None:
        return False
    holders = {client.curator, client.open_with, client.given_to}
    return row["state"] == "asked" or {who for who in holders if leaving.has(who)} == {row["receiver"]}


def _again(client: Client, row: RowMapping, leaving: Leaving, field: Field) -> Placed:
    """Something of a client who was moved has come later: it goes to whoever received him, if he is still here."""
    person = field.people.get(row["receiver"])
    if person is None or has_left(person):
        return place(client, leaving, field)
    return Placed(client, row["rule"], person, None, row["queue"], ())


def _moved(move: Row, one: Move, leaving: Leaving, field: Field, unfit: Sequence[Clash]) -> ClientMoved:
    holders = (one.client.curator, one.client.open_with, one.client.given_to)
    had = {who for who in holders if who is not None and leaving.has(who)}
    offices = {one.office} | {field.people[who].office for who in had if who in field.people}
    heads = {head.id for office in offices for head in field.staff_of(office, Function.HEAD)[:1]}
    told = {who for who in had | heads if not has_left(field.people.get(who))}
    return ClientMoved(
        move_id=move["id"],
        client_id=one.client.client_id,
        kind=move["kind"],
        from_managers=[] if leaving.everything else sorted(leaving.people),
        to_manager=one.receiver,
        office_id=one.office,
        queue=one.queue,
        rule=one.rule,
        by=move["asked_by"],
        reason=move["reason"],
        told=sorted(told - {one.receiver}),
        clashes=as_told(unfit),
    )


async def note_followed(moves: Batch[MoveFollowed], db: AsyncConnection) -> Said:
    """Process has followed: who works a client's sale now is known from it alone (R1-33)."""
    facts = moves.map(lambda move: move)
    clients = {client.client_id: client for client in await store.held_clients(db, [one.client_id for one in facts])}
    for one in facts:
        if one.client_id in clients:
            clients[one.client_id] = replace(clients[one.client_id], process_id=one.process_id, open_with=one.manager)
    await store.save_clients(db, clients.values())
    await store.note_followed(db, [(one.move_id, one.client_id) for one in facts])
    return []


def _cause(move: Row, what: str) -> Cause:
    """What is said in the course of a person's or an office's move is part of a list, and comes of the wish."""
    return Cause(id_of(move["cause"], what), move["correlation"], bulk=move["kind"] != "transfer" and what != "begin")
