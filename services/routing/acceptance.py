"""What routing does when receivers answer or are silent: the lead is theirs, or goes to the next one by the same rules.

Whoever holds the row of the decision that holds has the word: of two who click at once one is first, and the other is
told that it is taken. Locks are taken in the room's order: company, clients, decisions, pools.
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
from services.routing.handing_on import Turn, go_on, hold, ledgers_of_share, move_share, said_of
from services.routing.rules.acceptance import (
    OPEN,
    Asked,
    as_said,
    faults_of_accepting,
    faults_of_declining,
    field_tried,
    first_of_each,
    with_next,
)
from services.routing.rules.field import Field
from shared.commands import AcceptLead, DeclineLead
from shared.events import (
    AnswerDue,
    AnswerRefused,
    Fault,
    HandOnAnswered,
    LeadHandedOn,
    TouchRecorded,
)
from shared.message import Batch, Cause, Heard, Said, id_of
from shared.words import TouchResult

AT_ONCE = 200
"""Waiting leads tried in one step of the watch."""


# ── what people say ─────────────────────────────────────────────────────────────────────────────────────────────────


async def accept_leads(wishes: Batch[AcceptLead], db: AsyncConnection) -> Said:
    """The receiver takes the lead, or whoever comes first takes it from its queue; what cannot be is refused (SLA, G8)."""
    said: Said = []
    for heard in wishes:
        wish = heard.message
        if wish.import_id is not None:
            said += await _accept_list(heard, wish.import_id, wishes.now, db)
    waiting = [heard for heard in wishes if heard.message.import_id is None]
    while waiting:
        places = first_of_each(heard.message.lead_id for heard in waiting)
        said += await _accept([waiting[place] for place in places], wishes.now, db)
        waiting = [heard for place, heard in enumerate(waiting) if place not in places]
    return said


async def _accept_list(heard: Heard[AcceptLead], import_id: UUID, now: datetime, db: AsyncConnection) -> Said:
    taken = await store.accept_import(db, import_id, heard.message.by, now)
    if not taken:
        fault = Fault(
            field="import_id",
            problem=f"Nothing of this list waits for an answer of {heard.message.by}.",
            remedy="`estafeta lead waiting --of STAFF` shows what does.",
        )
        return [heard.says(AnswerRefused(answer_id=heard.new_id("answer"), faults=[fault]))]
    return [heard.says(as_said({**row})) for row in taken]


async def _accept(wishes: Sequence[Heard[AcceptLead]], now: datetime, db: AsyncConnection) -> Said:
    held = await hold(db, [heard.message.lead_id for heard in wishes], now)
    said: Said = []
    rows, moved = [], []
    for heard in wishes:
        wish = heard.message
        asked = held.asked.get(wish.lead_id) if wish.lead_id else None
        if faults := faults_of_accepting(asked, wish.by, held.field) or held.faults_of_place(asked):
            said.append(heard.says(_refused(heard, wish.lead_id, faults)))
            continue
        if asked is None or asked.answer not in OPEN:
            continue  # he has accepted it before
        rows.append({"lead_id": asked.lead.lead_id, "answer": "accepted", "by": wish.by})
        said.append(heard.says(said_of(asked, "accepted", by=wish.by)))
        if asked.answer == "waiting" and wish.by != asked.receiver:
            client = held.clients[asked.home]
            curator = client.curator or wish.by
            held.clients[asked.home] = with_next(client, asked, wish.by, curator)
            moved.append(asked.home)
            said.append(heard.says(_taken(asked, wish.by, held.field)))
    await store.keep_answers(db, rows, now)
    await store.save_clients(db, [held.clients[home] for home in dict.fromkeys(moved)])
    return said


def _taken(asked: Asked, by: str, field: Field) -> LeadHandedOn:
    return LeadHandedOn(
        lead_id=asked.lead.lead_id,
        client_id=asked.home,
        attempt=asked.attempt,
        from_manager=asked.receiver,
        manager=by,
        office_id=field.people[by].office,
        rule=asked.rule,
        because="taken",
        told=[asked.receiver],
    )


async def decline_leads(wishes: Batch[DeclineLead], db: AsyncConnection) -> Said:
    """The receiver does not take the lead: it goes to the next one, both are told, the share is given back once (SLA, G6)."""
    said: Said = []
    waiting = list(wishes)
    while waiting:
        places = first_of_each(heard.message.lead_id for heard in waiting)
        said += await _decline([waiting[place] for place in places], wishes.now, db)
        waiting = [heard for place, heard in enumerate(waiting) if place not in places]
    return said


async def _decline(wishes: Sequence[Heard[DeclineLead]], now: datetime, db: AsyncConnection) -> Said:
    held = await hold(db, [heard.message.lead_id for heard in wishes], now)
    said: Said = []
    turns = []
    for heard in wishes:
        wish = heard.message
        asked = held.asked.get(wish.lead_id)
        faults = faults_of_declining(asked, wish.by, held.field) or held.faults_of_place(asked)
        if faults or asked is None:
            said.append(heard.says(_refused(heard, wish.lead_id, faults)))
        else:
            turns.append(Turn(heard, asked, "declined", wish.by, wish.reason))
    return said + await go_on(turns, held, now, db)


def _refused(heard: Heard[AcceptLead] | Heard[DeclineLead], lead_id: UUID | None, faults: list[Fault]) -> AnswerRefused:
    return AnswerRefused(answer_id=heard.new_id("answer"), lead_id=lead_id, faults=faults)


# ── what the clock says, and what happens elsewhere ─────────────────────────────────────────────────────────────────


async def hear_due(answers: Batch[AnswerDue], db: AsyncConnection) -> Said:
    """Time is up: the silent one is marked, his head is told, and the lead goes to the next one (SLA).

    Whoever answered meanwhile was in time; of a warning only the one it tells need know. A queue that nobody has taken
    from goes up to the next who answers for it.
    """
    expired = [heard for heard in answers if heard.message.step == "expired"]
    held = await hold(db, [heard.message.lead_id for heard in expired], answers.now)
    turns = []
    for heard in expired:
        asked = held.asked.get(heard.message.lead_id)
        if asked is not None and asked.attempt == heard.message.attempt and asked.answer in OPEN:
            turns.append(Turn(heard, asked, "silent"))
    return await go_on(turns, held, answers.now, db)


async def note_touched(touches: Batch[TouchRecorded], db: AsyncConnection) -> Said:
    """Whoever works a lead has taken it: a touch is an answer (R0-13); and it may say that a meeting fell through."""
    fell_through = [
        touch.client_id for touch in touches.map(lambda touch: touch) if touch.result is TouchResult.CANCELLED
    ]
    if fell_through:
        await store.free_meetings_of_clients(db, fell_through, touches.now)
    by = {touch.client_id: touch.by for touch in touches.map(lambda touch: touch)}
    causes = {heard.message.client_id: heard for heard in touches}
    taken = await store.accept_touched(db, by, touches.now)
    return [causes[row["client_id"]].says(as_said({**row})) for row in taken]


async def give_waiting(now: datetime, db: AsyncConnection) -> tuple[Said, bool]:
    """Give leads that wait in a queue as soon as somebody can receive them (G8).

    Each is tried again whenever the field of play is another than it was tried on; where people have caps, or where it
    comes with a meeting, every minute.
    """
    if not await store.is_waiting(db):
        return [], False
    field = await store.field_of_play(db, now)
    if field is None:
        return [], False
    key = field_tried(field, now)
    leads = await store.waiting_to_try(db, key, now, AT_ONCE)
    if not leads:
        return [], False
    held = await hold(db, leads, now, field)
    turns = [
        Turn(Cause(id_of(asked.lead.lead_id, f"given/{asked.attempt}"), asked.lead.lead_id), asked, "given")
        for asked in held.asked.values()
        if asked.answer == "waiting"
    ]
    said = await go_on(turns, held, now, db)
    await store.mark_tried(db, leads, key, now)
    return said, bool(said)


async def waiting_seconds(db: AsyncConnection) -> float:
    """How long the lead has waited that waits longest in a queue: a figure for ops (G8)."""
    return await store.waiting_for(db)


# ── process has the word ────────────────────────────────────────────────────────────────────────────────────────────


async def note_handed_on(answers: Batch[HandOnAnswered], db: AsyncConnection) -> Said:
    """The sale has gone to its new manager; or it stays with one who touched it in time, and so does the share (R1-42, G6)."""
    clients = await store.clients_of(db, answers.map(lambda answer: answer.client_id))
    attempts = await store.lock_attempts(db, answers.map(lambda answer: answer.lead_id))
    said: Said = []
    over: list[Mapping[str, Any]] = []
    again: dict[UUID, int] = {}
    back: list[RowMapping] = []
    retaken: list[RowMapping] = []
    for heard in answers:
        answer = heard.message
        holding = next((row for row in attempts.get(answer.lead_id, ()) if not row["passed_on"]), None)
        if holding is None or holding["attempt"] != answer.attempt or answer.stays == "gone":
            continue  # of what has gone on since, the last answer says how it is
        client = clients[answer.client_id]
        if client.given_lead == answer.lead_id:
            client = replace(client, given_to=None, given_lead=None)
        if client.process_id == answer.process_id:  # else that sale has ended meanwhile: its manager has nothing open
            client = replace(client, open_with=answer.manager)
        if answer.stays is not None:
            keeper = _keeper(attempts[answer.lead_id], answer)
            if keeper is not holding:
                over.append({"lead_id": answer.lead_id, "answer": "withdrawn", "passed_on": keeper is not None})
                back.append(holding)
                said.append(heard.says(as_said({**holding, "answer": "withdrawn"})))
            if keeper is not None:
                again[answer.lead_id] = keeper["attempt"]
                retaken += [keeper] if keeper is not holding else []
                by = keeper["receiver"]
                said.append(heard.says(as_said({**keeper, "answer": "accepted", "answered_by": by})))
            if client.curator == holding["receiver"]:
                client = replace(client, curator=holding["inputs"]["client"].get("curator") or answer.manager)
        clients[answer.client_id] = client
    await store.save_clients(db, clients.values())
    await _move_back(back, retaken, answers.now, db)
    await store.keep_answers(db, over, answers.now)
    await store.hold_again(db, again, answers.now)
    return said


def _keeper(attempts: Sequence[RowMapping], answer: HandOnAnswered) -> RowMapping | None:
    """The last attempt by which the lead went to the one who has touched it; None if it joined a sale of another's."""
    if answer.stays != "touched":
        return None
    return next((row for row in reversed(attempts) if row["receiver"] == answer.manager), None)


async def _move_back(
    back: Sequence[RowMapping], retaken: Sequence[RowMapping], now: datetime, db: AsyncConnection
) -> None:
    """Give the shares of hand-overs back that came to nothing, and take those again that had been given back for them."""
    back = [row for row in back if row["ledger"] and row["given_back_at"] is None]
    retaken = [row for row in retaken if row["ledger"] and row["given_back_at"] is not None]
    if not back and not retaken:
        return
    ledgers = await store.ledgers_of(db, {pool for row in (*back, *retaken) for pool in ledgers_of_share(row)})
    for row in back:
        move_share(ledgers, row, back=True)
    for row in retaken:
        move_share(ledgers, row, back=False)
    await store.save_ledgers(db, ledgers)
    await store.mark_given_back(db, [row["lead_id"] for row in back], now)
