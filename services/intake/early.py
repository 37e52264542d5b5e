"""How intake keeps contacts that are no leads yet, and finds them again when the lead comes (R1-31, R1-26)."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from services.intake import store
from services.intake.rules.early_contact import EarlyContact, Met, met_by
from services.intake.rules.keys import NORM_VERSION, RegularLead
from services.intake.rules.match import decide
from services.intake.rules.recognition import Known, Recognised
from services.intake.rules.submission import Submission
from services.intake.rules.survivorship import Arrival
from shared.events import ContactKept
from shared.events import EarlierContact as Told
from shared.message import Said

OUTCOME = "early"


@dataclass(frozen=True, slots=True)
class Early:
    """A submission that is no lead yet by `rule`, and what it says of whoever it is of."""

    given: Submission
    arrival: Arrival
    rule: str

    @property
    def contact(self) -> EarlyContact:
        """What is kept of it beside its raw cells."""
        one = self.given
        return EarlyContact(one.id, self.rule, one.source, one.campaign, one.received_at, self.arrival.record)


async def keep(early: Sequence[Early], db: AsyncConnection, now: datetime) -> None:
    """Store what is no lead yet, with its outcome: each is found by the leads that come after it (R0-10)."""
    if not early:
        return
    await store.keep_early_contacts(db, [one.contact for one in early], NORM_VERSION, now)
    await store.keep_decisions(db, [_row(one, now) for one in early])


async def find_again(
    recognised: Sequence[Recognised],
    known: Known,
    places: Mapping[UUID, int],
    db: AsyncConnection,
    now: datetime,
) -> dict[UUID, list[Told]]:
    """Join leads to the contacts that came before them, and return what each lead says of that, if anything.

    `places` says where in the batch each submission stands: what stands behind a lead came after it.
    """
    by_key = await store.early_contacts_by(db, (key for one in recognised for key in one.arrival.keys))
    if not by_key:
        return {}
    joins: list[dict[str, Any]] = []
    told: dict[UUID, list[Told]] = {}
    for one in recognised:
        contacts = {
            contact.id: contact
            for key in one.arrival.keys
            for contact in by_key.get(key.address, ())
            if places.get(contact.id, -1) < places[one.arrival.lead_id]
        }
        met = met_by(one.arrival.record, contacts.values(), known.frequencies, one.arrival.region) if contacts else []
        joins += [_join(each, one.card.client_id, one.arrival.lead_id, now) for each in met]
        if met:
            told[one.arrival.lead_id] = [as_told(each) for each in met]
    await store.join_early_contacts(db, joins)
    return told


async def tell(
    early: Sequence[Early], known: Known, met_since: Collection[tuple[UUID, UUID]], db: AsyncConnection, now: datetime
) -> Said:
    """Say what was kept, and join at once what is of a client whom we knew already.

    `met_since` are the (contact, card) that leads of the same batch have brought together: they came behind it.
    """
    said: Said = []
    joins: list[dict[str, Any]] = []
    for one in early:
        arrival = one.arrival
        decision = decide(
            arrival.record, known.candidates(arrival.keys), known.frequencies, arrival.region, known.apart
        )
        client_id = None
        if decision.client_id is not None and (one.given.id, decision.client_id) not in met_since:
            client_id = known.cards[decision.client_id].belongs_to
            joins.append(_join(Met(one.contact, "same", decision.rule), decision.client_id, None, now))
        said.append(
            one.given.cause.says(
                ContactKept(
                    contact_id=one.given.id,
                    rule=one.rule,
                    source=one.given.source,
                    campaign=one.given.campaign,
                    submitter=one.given.submitter,
                    received_at=one.given.received_at,
                    client_id=client_id,
                )
            )
        )
    await store.join_early_contacts(db, joins)
    return said


async def look(record: RegularLead, arrival: Arrival, known: Known, db: AsyncConnection) -> list[Met]:
    """The contacts that came before of whoever `record` is of; nothing is stored."""
    by_key = await store.early_contacts_by(db, arrival.keys)
    contacts = {contact.id: contact for found in by_key.values() for contact in found}
    return met_by(record, contacts.values(), known.frequencies, arrival.region)


def as_told(met: Met) -> Told:
    """A contact found again as it is told of."""
    contact = met.contact
    return Told(
        contact_id=contact.id,
        rule=contact.rule,
        outcome=met.outcome,
        source=contact.source,
        campaign=contact.campaign,
        received_at=contact.received_at,
    )


def _join(met: Met, client_id: UUID, lead_id: UUID | None, now: datetime) -> dict[str, Any]:
    return {
        "contact_id": met.contact.id,
        "client_id": client_id,
        "lead_id": lead_id,
        "outcome": met.outcome,
        "rule": met.rule,
        "joined_at": now,
    }


def _row(one: Early, now: datetime) -> dict[str, Any]:
    """Its one recorded outcome."""
    arrival = one.arrival
    flags = (*arrival.record.flags, *arrival.region_flags)
    place = {"region": arrival.region, "region_by": arrival.region_by}
    return store.decision_row(one.given, OUTCOME, one.rule, now, {"flags": flags}, **place)
