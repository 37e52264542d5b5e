"""Who is asked whether he takes a lead, who may say so, and who is passed over when it goes to the next one (SLA, G6).

Whoever did not take a lead is out of its reach from then on, as if he were absent for this lead alone: the same rules
decide again, so a named manager's caller is served by those on duty (R1-23), a curator stays curator (R1-34), a current
client's owner is answered for by his head (R1-09), and nobody is ever offered the same lead twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal
from uuid import UUID, uuid5

from msgspec import structs

from services.routing.rules.assignment import Decision
from services.routing.rules.availability import why_not
from services.routing.rules.case import Client, Lead
from services.routing.rules.fallback import chain_of
from services.routing.rules.field import Away, Field, Person
from shared.events import AssignmentAnswered, Fault
from shared.words import Function

Answer = Literal["awaited", "waiting", "accepted", "declined", "silent", "withdrawn", "given"]
OPEN = ("awaited", "waiting")
"""Answers that may still be given: the receiver is asked, or the lead waits in a queue and can be taken."""

_ABOVE = (Function.HEAD_OF_SALES, Function.DIRECTOR)


@dataclass(frozen=True, slots=True)
class Asked:
    """A lead as its holding decision left it: what the rules were given, who received it, and what he has said.

    `refused` are those who did not take it before: who → declined or silent. `client` is what was known of the client
    before the lead; `home` the client it belongs to now, after merges.
    """

    lead: Lead
    client: Client
    home: UUID
    attempt: int
    import_id: UUID | None
    received_at: datetime | None
    receiver: str
    office: str
    rule: str
    queue: str | None
    answer: Answer | None
    answered_by: str | None
    refused: Mapping[str, str]


def asks(decision: Decision) -> Answer | None:
    """What is awaited of a decision's receiver; None when he is not asked: his sale goes on (R1-33, R1-42)."""
    if "R1-33" in decision.rules:
        return None
    return "awaited" if decision.queue is None else "waiting"


def field_tried(field: Field, at: datetime) -> UUID:
    """The mark of a waiting lead that was tried on `field`: another field, and where people have caps another minute, may do."""
    return uuid5(field.id, f"{at:%Y-%m-%d %H:%M}" if field.capped else "")


def out_of_reach(field: Field, refused: Mapping[str, str]) -> Field:
    """The field as a lead meets it that `refused` have not taken (who → declined or silent)."""
    if not refused:
        return field
    return Field(
        field.home_region,
        field.offices.values(),
        (
            replace(person, away=Away(refused[person.id], "")) if person.id in refused else person
            for person in field.people.values()
        ),
    )


def without_it(client: Client, asked: Asked) -> Client:
    """What is known of a client but for this lead: its sale is put aside, and who became curator by it is none."""
    curator = asked.client.curator if client.curator == asked.receiver else client.curator
    return structs.replace(
        client,
        known=asked.client.known,
        curator=curator,
        process_id=None,
        open_with=None,
        given_to=None,
        given_lead=None,
    )


def with_next(client: Client, asked: Asked, receiver: str, curator: str | None) -> Client:
    """What is known of a client once the lead, and with it the sale it opened, goes to `receiver`."""
    if not receiver:
        return client
    if client.process_id is not None:
        return structs.replace(client, curator=curator, open_with=receiver)
    return structs.replace(client, curator=curator, given_to=receiver, given_lead=asked.lead.lead_id)


def head_of(person: Person | None, field: Field) -> str | None:
    """Who is told that somebody was silent: the first of those above him who is here, else the first of them."""
    if person is None:
        return None
    above = [one for one in chain_of(person.office, field) if one.id != person.id]
    here = [one for one in above if why_not(one) is None]
    return next((one.id for one in [*here, *above]), None)


def as_said(row: Mapping[str, Any]) -> AssignmentAnswered:
    """What is told of an answer: a decision's `lead_id, client_id, attempt, receiver, answer, answered_by, answer_reason`."""
    return AssignmentAnswered(
        lead_id=row["lead_id"],
        client_id=row["client_id"],
        attempt=row["attempt"],
        receiver=row["receiver"],
        answer=row["answer"],
        by=row.get("answered_by"),
        reason=row.get("answer_reason") or "",
    )


# ── who may say it ──────────────────────────────────────────────────────────────────────────────────────────────────


def faults_of_accepting(asked: Asked | None, by: str, field: Field) -> list[Fault]:
    """What forbids `by` to take the lead; empty if he may, or has taken it already."""
    faults = _faults(asked, by, field)
    if faults or asked is None or asked.answer not in OPEN:
        return faults
    person = field.people[by]
    if _answers_for(person, asked, field):
        return []
    is_a_current_clients = (asked.queue or "").startswith("account")  # never to whoever is on duty (R1-09)
    sells = person.office == asked.office and person.function is not Function.AGENT
    if asked.answer == "waiting" and sells and not is_a_current_clients:
        return []
    return [_not_his(asked, "accepts it")]


def faults_of_declining(asked: Asked | None, by: str, field: Field) -> list[Fault]:
    """What forbids `by` to decline the lead; empty if he may."""
    faults = _faults(asked, by, field)
    if faults or asked is None:
        return faults
    if asked.answer == "accepted":
        return [
            Fault(
                field="lead_id",
                problem=f"The lead was accepted by {asked.answered_by or asked.receiver}.",
                remedy="Ask the head to hand the client over.",
            )
        ]
    if asked.answer == "waiting":
        return [
            Fault(
                field="lead_id",
                problem=f"The lead waits in a queue, and {asked.receiver} answers for it until somebody takes it (G8).",
                remedy="Let somebody who is available accept it; as soon as one comes back it is given by itself.",
            )
        ]
    return [] if _answers_for(field.people[by], asked, field) else [_not_his(asked, "declines it")]


def _faults(asked: Asked | None, by: str, field: Field) -> list[Fault]:
    """What stands against any answer: nobody of that name, no such lead, or nothing to be answered any more."""
    person = field.people.get(by)
    if person is None or not person.active:
        problem = f"Nobody with the id `{by}` works here." if person is None else f"`{by}` works here no more."
        return [Fault(field="by", problem=problem, remedy="Give the id of the lead's receiver.")]
    if asked is None:
        return [
            Fault(
                field="lead_id",
                problem="There is no such lead, or it has no receiver yet.",
                remedy="Check the id: `estafeta lead` prints it when the lead comes.",
            )
        ]
    if asked.answer is None:
        return [
            Fault(
                field="lead_id",
                problem=f"The client's sale is open with {asked.receiver}, who alone may work it (R1-33, R1-42).",
                remedy="There is nothing to accept; if it cannot stay with him, let the head hand the client over.",
            )
        ]
    if asked.answer == "accepted" and (asked.answered_by or asked.receiver) != by:
        return [
            Fault(
                field="by",
                problem=f"{asked.answered_by or asked.receiver} has accepted the lead already.",
                remedy="One has it: leave it to him.",
            )
        ]
    if asked.answer == "withdrawn":
        return [
            Fault(
                field="lead_id",
                problem="The lead was taken back, or joined a sale that was open already.",
                remedy="There is nothing to accept or decline any more.",
            )
        ]
    return []


def _answers_for(person: Person, asked: Asked, field: Field) -> bool:
    """Whether the word of `person` counts for the receiver: his own, his head's, the head of sales'."""
    if person.id == asked.receiver or person.function in _ABOVE:
        return True
    receiver = field.people.get(asked.receiver)
    return person.function is Function.HEAD and receiver is not None and person.office == receiver.office


def _not_his(asked: Asked, what: str) -> Fault:
    went_on = f" It has gone on from {', '.join(asked.refused)}." if asked.refused else ""
    return Fault(
        field="by",
        problem=f"The lead is with {asked.receiver}.{went_on}",
        remedy=f"Only {asked.receiver} or his head {what}.",
    )


def first_of_each(leads: Iterable[UUID | None]) -> list[int]:
    """The places of those that name a lead for the first time: what comes second must see what the first has done."""
    seen: set[UUID | None] = set()
    places = []
    for place, lead in enumerate(leads):
        if lead is None or lead not in seen:
            places.append(place)
        seen.add(lead)
    return places
