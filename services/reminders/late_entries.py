"""Calls that were entered late: the head of whoever took them is told (R1-22, R4-08)."""

from __future__ import annotations

from sqlalchemy.ext.asyncio import AsyncConnection

from services.reminders import store
from services.reminders.rules.escalation import whom_to_tell
from services.reminders.rules.steps import Step
from shared.events import EntryDelayed, LateEntryTold
from shared.message import Batch, Said


async def tell_of_late_entries(delays: Batch[EntryDelayed], db: AsyncConnection) -> Said:
    """Tell the head of the person who took the call: of his office, else whoever stands above; nobody about himself.

    What was entered by nobody in the directory is told to the head of sales. With nobody to tell nothing is said.
    """
    people = await store.people(db, filter(None, delays.map(lambda delay: delay.submitter)))
    offices = await store.offices_by_id(db, {person.office_id for person in people.values()})
    people |= await store.people(db, (office.head for office in offices.values() if office.head))
    said: Said = []
    for heard in delays:
        delay = heard.message
        person = people.get(delay.submitter or "")
        office = offices.get(person.office_id) if person else None
        tells = whom_to_tell(
            Step.ESCALATED,
            delay.submitter or "",
            person.office_id if person else "",
            office.head if office else None,
            people,
        )
        if tells in ("", delay.submitter):
            continue
        told = LateEntryTold(
            lead_id=delay.lead_id,
            client_id=delay.client_id,
            submitter=delay.submitter,
            tells=tells,
            lag_s=delay.lag_s,
            allowed_s=delay.allowed_s,
        )
        said.append(heard.says(told))
    return said
