"""A lead goes on to its next receiver: held still with its client, decided again by the same rules, its share moved (SLA, G6).

Locks are taken in the room's order: company, clients, decisions, pools.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from msgspec.structs import replace
from sqlalchemy import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection

from services.routing import store
from services.routing.rules.acceptance import (
    OPEN,
    Answer,
    Asked,
    as_said,
    asks,
    head_of,
    out_of_reach,
    with_next,
    without_it,
)
from services.routing.rules.assignment import Decision, assign_all, pools_needed
from services.routing.rules.case import Client
from services.routing.rules.fair_share import Ledger, parts_of
from services.routing.rules.field import Field
from services.routing.rules.record import alarm_of
from services.routing.rules.whole_list import list_pool
from shared.events import AssignmentAnswered, Fault, LeadHandedOn, LeadJoined
from shared.message import Cause, Heard, NotYet, Said


@dataclass(frozen=True, slots=True)
class Turn:
    """A lead that leaves its receiver: what he said of it, who said so, and what brought it about."""

    cause: Cause
    asked: Asked
    answer: Answer
    by: str | None = None
    reason: str = ""

    @property
    def refused(self) -> Mapping[str, str]:
        """Those who have not taken it, he among them; one who only answered for a queue until somebody came has not refused."""
        if self.answer == "given":
            return self.asked.refused
        return {**self.asked.refused, self.asked.receiver: self.answer}


@dataclass(frozen=True, slots=True)
class Held:
    """Leads and their clients as they stand, locked; `clients` by the id that is theirs now."""

    field: Field
    clients: dict[UUID, Client]
    asked: Mapping[UUID, Asked]

    def holder(self, asked: Asked) -> str | None:
        """Who holds the client now; another than the receiver, if the client was moved or his sales were joined."""
        client = self.clients[asked.home]
        return client.open_with or client.given_to

    def has_gone(self, asked: Asked) -> bool:
        """Whether the client has gone to somebody else by another way than through an answer."""
        return self.holder(asked) not in (None, asked.receiver)

    def faults_of_place(self, asked: Asked | None) -> list[Fault]:
        """What stands against any answer to a question that is still open, but whose client is another's by now."""
        if asked is None or asked.answer not in OPEN or not self.has_gone(asked):
            return []
        return [
            Fault(
                field="lead_id",
                problem=f"The client is with {self.holder(asked)} now.",
                remedy="There is nothing to answer any more: his leads went with him.",
            )
        ]


async def hold(db: AsyncConnection, leads: Iterable[UUID | None], now: datetime, field: Field | None = None) -> Held:
    """These leads with their clients, locked. Raises NotYet while no company is known, or a client is just being merged."""
    wanted = sorted({lead for lead in leads if lead is not None})
    field = field or await store.field_of_play(db, now)
    if field is None:
        raise NotYet("no company file has been applied yet: run `estafeta apply company.toml`")
    came_for = await store.clients_of_leads(db, wanted)
    homes = await store.homes_of(db, came_for.values())
    clients = await store.clients_of(db, {*homes, *homes.values()})
    if await store.homes_of(db, came_for.values()) != homes:
        raise NotYet("the client of one of these leads is just being merged")
    return Held(field, clients, await store.lock_asked(db, wanted, homes, field))


async def go_on(turns: Sequence[Turn], held: Held, now: datetime, db: AsyncConnection) -> Said:
    """Let leads go to the next one, with their shares; what is another's by now is withdrawn.

    A lead that waits stays where it is as long as the same one answers for it.
    """
    gone: list[Turn] = []
    going: list[Turn] = []
    for turn in turns:
        (gone if held.has_gone(turn.asked) else going).append(turn)
    await store.keep_answers(db, [{"lead_id": turn.asked.lead.lead_id, "answer": "withdrawn"} for turn in gone], now)
    said = [turn.cause.says(said_of(turn.asked, "withdrawn")) for turn in gone]
    if not going:
        return said
    fields = _fields(going, held.field)
    made = await _decide_again(going, fields, held, now, db)
    moving = [
        (turn, field, decision, _told(turn, decision, held.field))
        for turn, field, decision in zip(going, fields, made, strict=True)
        if not (
            turn.asked.answer == "waiting" and decision.queue is not None and decision.receiver == turn.asked.receiver
        )
    ]
    for turn, _, decision, told in moving:
        home = turn.asked.home
        held.clients[home] = with_next(held.clients[home], turn.asked, decision.receiver, decision.then.curator)
        said.append(turn.cause.says(said_of(turn.asked, turn.answer, by=turn.by, reason=turn.reason)))
        said.append(turn.cause.says(_handed_on(turn, decision, told)))
    await store.save_clients(db, {turn.asked.home: held.clients[turn.asked.home] for turn, *_ in moving}.values())
    await store.keep_answers(db, [_row(turn, told) for turn, _, _, told in moving], now)
    await store.remember(
        db,
        [decision for _, _, decision, _ in moving],
        [turn.asked.import_id for turn, *_ in moving],
        [turn.asked.received_at for turn, *_ in moving],
        [field for _, field, _, _ in moving],
        now,
        [turn.asked.attempt + 1 for turn, *_ in moving],
    )
    return said


async def follow_sales(leads: Sequence[Heard[LeadJoined]], now: datetime, db: AsyncConnection) -> Said:
    """A lead that was routed while another of its client's was going on is with whoever kept the sale after all (R1-33).

    Routing had the next manager in mind, and process has the word: the lead is decided again with the sale as it is, and
    the one it went to is told that it is not his.
    """
    by_lead = {heard.message.lead_id: heard for heard in leads}
    wrong = await store.astray(db, {lead: heard.message.manager for lead, heard in by_lead.items()})
    if not wrong:
        return []
    held = await hold(db, wrong, now)
    given = list(held.asked.values())
    clients = {}
    for one in given:
        sale = by_lead[one.lead.lead_id].message
        clients[one.home] = replace(
            held.clients[one.home], process_id=sale.process_id, open_with=sale.manager, given_to=None, given_lead=None
        )
    again = [replace(one.lead, client_id=one.home) for one in given]
    made = assign_all(again, clients, held.field, {}, diary=await store.diary_for(db, again, now))
    # The same receiver once more is the head of the sale's manager, who has left.
    moved = [(one, decision) for one, decision in zip(given, made, strict=True) if decision.receiver != one.receiver]
    if not moved:
        return []
    rows = [
        {"lead_id": one.lead.lead_id, "answer": "withdrawn", "told": [one.receiver], "passed_on": True}
        for one, _ in moved
    ]
    await store.keep_answers(db, rows, now)
    await store.remember(
        db,
        [decision for _, decision in moved],
        [one.import_id for one, _ in moved],
        [one.received_at for one, _ in moved],
        held.field,
        now,
        [one.attempt + 1 for one, _ in moved],
    )
    return [by_lead[one.lead.lead_id].says(said_of(one, "withdrawn")) for one, _ in moved]


def _fields(turns: Iterable[Turn], field: Field) -> list[Field]:
    """The field of play as each lead meets it, made once for all that meet the same."""
    made: dict[frozenset[tuple[str, str]], Field] = {}
    for turn in turns:
        refused = frozenset(turn.refused.items())
        if refused not in made:
            made[refused] = out_of_reach(field, turn.refused)
    return [made[frozenset(turn.refused.items())] for turn in turns]


async def _decide_again(
    turns: Sequence[Turn], fields: Sequence[Field], held: Held, now: datetime, db: AsyncConnection
) -> list[Decision]:
    """Give the shares back that were taken for these leads, then decide by the same rules and ledgers (G6)."""
    leads = [replace(turn.asked.lead, client_id=turn.asked.home) for turn in turns]
    before = {turn.asked.home: without_it(held.clients[turn.asked.home], turn.asked) for turn in turns}
    shares = await store.shares_of(db, [lead.lead_id for lead in leads])
    pools = {pool for share in shares for pool in ledgers_of_share(share)}
    ledgers = await store.ledgers_of(db, pools | pools_needed(leads, before, held.field))
    for share in shares:
        move_share(ledgers, share, back=True)
    await store.mark_given_back(db, [share["lead_id"] for share in shares], now)
    loads = await store.loads_of(db, [person.id for person in held.field.capped], now)
    made = assign_all(leads, before, fields, ledgers, loads, await store.diary_for(db, leads, now))
    await store.save_ledgers(db, ledgers)
    return made


def ledgers_of_share(share: RowMapping) -> list[str]:
    """The ledgers that a share moved: the pool's, and that of the list the lead belongs to."""
    own = [list_pool(share["pool"], str(share["import_id"]))] if share["import_id"] else []
    return [share["pool"], *own]


def move_share(ledgers: Mapping[str, Ledger], share: RowMapping, *, back: bool) -> None:
    """Give a share back in all the ledgers it moved, or take it again."""
    parts = parts_of(share["ledger"]["before"], share["ledger"]["after"])
    for pool in ledgers_of_share(share):
        ledgers[pool].give_back(parts if back else {who: -part for who, part in parts.items()})


def _told(turn: Turn, made: Decision, field: Field) -> list[str]:
    """Who is told besides the next receiver: the one before, the head of one who was silent, and whom the rules name."""
    asked = turn.asked
    above = head_of(field.people.get(asked.receiver), field) if turn.answer == "silent" else None
    return [who for who in dict.fromkeys((asked.receiver, above, *made.told)) if who and who != made.receiver]


def _row(turn: Turn, told: Sequence[str]) -> Mapping[str, Any]:
    return {
        "lead_id": turn.asked.lead.lead_id,
        "answer": turn.answer,
        "by": turn.by,
        "reason": turn.reason or None,
        "told": told,
        "passed_on": True,
    }


def _handed_on(turn: Turn, made: Decision, told: Sequence[str]) -> LeadHandedOn:
    asked, attempt = turn.asked, turn.asked.attempt + 1
    return LeadHandedOn(
        lead_id=asked.lead.lead_id,
        client_id=asked.home,
        attempt=attempt,
        from_manager=asked.receiver,
        manager=made.receiver,
        queue=made.queue,
        office_id=made.office,
        rule=made.rule,
        because="declined" if turn.answer == "declined" else "given" if turn.answer == "given" else "silent",
        reason=turn.reason,
        told=list(told),
        alarm=alarm_of(made),
        awaits=attempt if asks(made) else None,
    )


def said_of(asked: Asked, answer: Answer, *, by: str | None = None, reason: str = "") -> AssignmentAnswered:
    """What is told when a lead is answered for, by whom, and why."""
    return as_said(
        {
            "lead_id": asked.lead.lead_id,
            "client_id": asked.home,
            "attempt": asked.attempt,
            "receiver": asked.receiver,
            "answer": answer,
            "answered_by": by,
            "answer_reason": reason,
        }
    )
