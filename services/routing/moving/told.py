"""What is asked about moves: who would get how many, how far one is, who owns a client and how it came so."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from services.routing import store
from services.routing.moving.walk import AT_ONCE
from services.routing.moving.wishes import (
    faults_of_dismissing,
    faults_of_handover,
    faults_of_transfer,
    leaving_of_client,
    warnings_of_handover,
)
from services.routing.rules.case import Client
from services.routing.rules.fair_share import UNIT, Ledger, in_leads
from services.routing.rules.field import Field
from services.routing.rules.meeting import Diary
from services.routing.rules.moving import (
    Leaving,
    Tally,
    for_moving,
    hand_out,
    is_leaving,
    leaving_of_office,
    place,
    pools_of,
)
from services.routing.rules.moving_diary import Clash, clashes, in_words
from services.routing.rules.moving_owner import owner_of
from services.routing.rules.moving_rights import warnings_of
from services.routing.rules.wording import passed_over
from shared.clock import database_now
from shared.events import Fault
from shared.questions import ListMoves, PreviewMove, TellMove, TellOwner

_MOST_LEFT = 1000


async def preview_move(question: PreviewMove, db: AsyncConnection) -> dict[str, Any]:
    """Who would get how many if it were done now, by the code that does it; nothing is stored or locked.

    `{people: [{id, name, office, clients, sales, shared, fair_share, queued}], clients, sales, queued, warnings, faults}`.
    """
    now = await database_now(db)
    field = await store.field_of_play(db, now)
    if field is None:
        fault = Fault(field="", problem="no company file has been applied yet", remedy="`estafeta apply company.toml`")
        return _previewed(Tally.empty(), [], [fault], None)
    leaving, warnings, faults = await _meant(question, field, db)
    tally = Tally.empty()
    if not faults:
        diary = await store.diary_of_clients(db, None, now)
        warnings = [*warnings, *in_words(await _count(tally, question, leaving, field, diary, db), diary, field)]
    return _previewed(tally, warnings, faults, field)


async def _meant(question: PreviewMove, field: Field, db: AsyncConnection) -> tuple[Leaving, list[str], list[Fault]]:
    if question.client_id is not None:
        found = await store.held_clients(db, [question.client_id], lock=False)
        faults = faults_of_transfer(question.client_id, found, question.to, question.by, question.by, field)
        leaving = leaving_of_client(found[0], question.to) if found else Leaving(frozenset())
        return leaving, warnings_of(question.to, field), faults
    if question.staff is not None:
        faults = await faults_of_dismissing(db, question.staff, question.to, question.by, field)
        return Leaving(frozenset([question.staff]), to=question.to), warnings_of(question.to, field), faults
    if question.office is not None and question.to is not None:
        people = await store.people_of(db, question.office)
        faults = faults_of_handover(question.office, question.to, question.by, field, has_people=bool(people))
        return leaving_of_office(people, question.to), warnings_of_handover(question.office, field), faults
    fault = Fault(
        field="staff", problem="It is not said whose clients are meant.", remedy="Name a client, a person or an office."
    )
    return Leaving(frozenset()), [], [fault]


async def _count(
    tally: Tally, question: PreviewMove, leaving: Leaving, field: Field, diary: Diary | None, db: AsyncConnection
) -> list[Clash]:
    """Count what a move comes to; the meetings that new owners would not be free for."""
    unfit: list[Clash] = []
    ground = for_moving(field, leaving, gone=question.office is None)
    ledgers: dict[str, Ledger] = {}
    async for found in _parts(question, leaving, db):
        placed = [
            place(client, leaving, ground) for client in found if leaving.everything or is_leaving(client, leaving)
        ]
        new = pools_of(placed) - ledgers.keys()
        ledgers |= await store.ledgers_as_they_stand(db, new)
        moves = hand_out(placed, leaving, ledgers)
        tally.add(moves)
        unfit += clashes(moves, leaving, diary, field) if diary else []
        await asyncio.sleep(0)  # the room may do something else between two parts
    return unfit


async def _parts(question: PreviewMove, leaving: Leaving, db: AsyncConnection) -> Any:
    """The clients of a move in the parts and the order in which it would take them."""
    if question.client_id is not None:
        yield await store.held_clients(db, [question.client_id], lock=False)
        return
    last: UUID | None = None
    while True:
        found, last = await store.clients_of_people(db, leaving.people, last, AT_ONCE, lock=False)
        if last is None:
            return
        yield found


def _previewed(tally: Tally, warnings: list[str], faults: list[Fault], field: Field | None) -> dict[str, Any]:
    people = field.people if field is not None else {}
    return {
        "people": [
            {
                "id": who,
                "name": people[who].name if who in people else who,
                "office": people[who].office if who in people else None,
                "clients": tally.clients.get(who, 0),
                "sales": tally.sales.get(who, 0),
                "shared": tally.shared.get(who, 0),
                "fair_share": in_leads(tally.owed.get(who, 0) + UNIT * tally.shared.get(who, 0)),
                "queued": tally.queued.get(who, 0),
            }
            for who in sorted({*tally.clients, *tally.owed})
        ],
        "clients": sum(tally.clients.values()),
        "sales": sum(tally.sales.values()),
        "queued": sum(tally.queued.values()),
        "warnings": warnings,
        "faults": [fault.model_dump() for fault in faults],
    }


async def list_moves(question: ListMoves, db: AsyncConnection) -> dict[str, Any]:
    """`{moves: [...]}`: the last operations with their counts, the newest first."""
    return {"moves": [dict(row) for row in await store.moves_so_far(db, question.most, question.staff)]}


async def tell_move(question: TellMove, db: AsyncConnection) -> dict[str, Any]:
    """`{found, move, people, left}`: how far an operation is, who received how many, what an undo left and why."""
    move = await store.one_move(db, question.move_id)
    if move is None:
        return {"found": False, "move": None, "people": [], "left": []}
    received: dict[str, int] = {}
    for row in await store.counts_of(db, question.move_id):
        if row["state"] != "back":
            received[row["receiver"]] = received.get(row["receiver"], 0) + row["clients"]
    field = await store.field_of_play(db, await database_now(db))
    people = field.people if field is not None else {}
    return {
        "found": True,
        "move": dict(move),
        "people": [
            {
                "id": who,
                "name": people[who].name if who in people else who,
                "office": people[who].office if who in people else None,
                "clients": clients,
            }
            for who, clients in sorted(received.items())
        ],
        "left": [dict(row) for row in await store.left_in_place(db, question.move_id, _MOST_LEFT)],
    }


async def tell_owner(question: TellOwner, db: AsyncConnection) -> dict[str, Any]:
    """`{found, owner, name, office, curator, works, queue, process_id, moves}`: who owns a client now, and since when."""
    found: Sequence[Client] = await store.held_clients(db, [question.client_id], lock=False)
    now: datetime = await database_now(db)
    field = await store.field_of_play(db, now)
    if not found or field is None:
        return {"found": False, "moves": []}
    client, owner = found[0], owner_of(found[0], field)
    person = field.people.get(owner.person or "")
    return {
        "found": True,
        "owner": owner.person,
        "name": person.name if person else None,
        "office": person.office if person else None,
        "queue": owner.queue,
        "curator": client.curator or client.stated_curator,
        "works": client.open_with or client.given_to,
        "process_id": client.process_id,
        "moves": [_told(dict(row)) for row in await store.moves_of_client(db, question.client_id)],
    }


def _told(row: dict[str, Any]) -> dict[str, Any]:
    record = row.pop("record")
    return {
        **row,
        "candidates": [one["id"] for one in record["candidates"]],
        "excluded": {who: passed_over(why, "en") for who, why in record["excluded"].items()},
        "excluded_ru": {who: passed_over(why, "ru") for who, why in record["excluded"].items()},
    }
