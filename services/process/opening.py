"""A lead opens a sale with its first task, or joins the one that its client has."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from services.process import store
from services.process.rules.deferral import asked_for_later
from services.process.rules.next_task import first_task, in_words
from services.process.rules.sale import Office, Task
from shared.events import LeadAssigned, LeadJoined, ProcessOpened, TaskSet
from shared.message import Batch, Event, Heard, NotYet, Said


async def open_or_join(leads: Batch[LeadAssigned], db: AsyncConnection) -> Said:
    """Open a sale with its first task for each lead, or add the lead to the client's open sale (R1-33, R1-42, R4-11).

    A lead that joins changes neither the sale's manager nor its next task.
    """
    first = await _first_tasks(leads, db)
    homes = await store.open_or_find(db, [_opening(lead, task) for lead, task in first], leads.now)
    said: Said = []
    joining = []
    for lead, task in first:
        home, process_id = homes[lead.message.client_id], lead.new_id("process")
        if home.process_id == process_id:
            said += [lead.says(event) for event in _opened(lead.message, process_id, task)]
        else:
            joining.append((lead, home))
            said.append(lead.says(_joined(lead, home)))
    await store.put_leads(db, await _joining_rows(joining, leads.now, db))
    return said


def _opening(lead: Heard[LeadAssigned], task: Task) -> store.Row:
    facts = lead.message
    return {
        "process_id": lead.new_id("process"),
        "task_id": task.id,
        "client_id": facts.client_id,
        "lead_id": facts.lead_id,
        "source": facts.source,
        "import_id": facts.import_id,
        "received_at": facts.received_at,
        "company": facts.company,
        "manager": facts.manager,
        "office_id": facts.office_id,
        "queue": facts.queue,
        "kind": task.kind,
        "note": task.note,
        "due_at": task.due_at,
        "named_date": task.named_date,
        "meeting_at": task.meeting_at,
        "campaign": facts.campaign,
        "rule": facts.rule,
        "contact": facts.contact,
        "phone": facts.phone,
        "email": facts.email,
        "interest": facts.interest,
    }


async def _first_tasks(leads: Batch[LeadAssigned], db: AsyncConnection) -> list[tuple[Heard[LeadAssigned], Task]]:
    """What is to be done first with each lead, if it opens a sale; deferred if its client named a later day (R4-12).

    Raises NotYet while the office of a lead that named a day has not been heard of: its calendar is needed.
    """
    later = [lead.office_id for lead in leads.map(lambda lead: lead) if lead.named_date]
    offices = await store.offices(db, later) if later else {}
    if unheard := sorted(set(later) - offices.keys()):
        raise NotYet(f"the calendar of {', '.join(unheard)} has not been heard of, and a client named a later day")
    return [(lead, _first_task(lead, offices.get(lead.message.office_id), leads.now)) for lead in leads]


def _first_task(lead: Heard[LeadAssigned], office: Office | None, now: datetime) -> Task:
    facts, due_at, note = lead.message, None, lead.message.interest
    if office is not None:
        due_at = asked_for_later(facts.named_date, facts.spoken_on, facts.received_at, now, office.calendar)
    if facts.named_date is not None:
        named = f"Клиент назвал {facts.named_date:%d.%m.%Y} / the client named {facts.named_date:%Y-%m-%d}"
        note = f"{note}; {named}" if note else named
    if facts.meeting is not None:
        note = "; ".join(filter(None, (note, in_words(facts.meeting))))
    kind = first_task(
        facts.source,
        phone=facts.phone,
        email=facts.email,
        wishes_call=facts.wishes_call,
        meets=facts.meeting is not None,
    )
    meeting_at = facts.meeting.at if facts.meeting else None
    return Task(lead.new_id("task"), kind, due_at, note, facts.named_date if due_at else None, meeting_at)


def _joining_row(lead: Heard[LeadAssigned], process_id: UUID, assigned_to: str, now: datetime) -> store.Row:
    facts = lead.message
    return {
        "id": facts.lead_id,
        "process_id": process_id,
        "joined": True,
        "import_id": facts.import_id,
        "source": facts.source,
        "campaign": facts.campaign,
        "assigned_to": assigned_to,
        "rule": facts.rule,
        "contact": facts.contact,
        "phone": facts.phone,
        "email": facts.email,
        "interest": facts.interest,
        "received_at": facts.received_at,
        "taken_at": now,
    }


async def _joining_rows(
    joining: Sequence[tuple[Heard[LeadAssigned], store.Home]], now: datetime, db: AsyncConnection
) -> list[store.Row]:
    """Rows of leads that join a sale, each with whom it is by now.

    Routing may have given it to the next manager, to whom the sale was about to go and did not: then it is with whoever
    kept the sale (R1-33), as routing will find as soon as it hears that the lead has joined. Of one who has left the
    leads go to whom routing named.
    """
    astray = {
        home.manager for lead, home in joining if lead.message.rule == "R1-33" and lead.message.manager != home.manager
    }
    keepers = {id_ for id_, person in (await store.people(db, astray)).items() if person.active} if astray else set()
    rows = []
    for lead, home in joining:
        is_kept = lead.message.rule == "R1-33" and home.manager in keepers
        rows.append(_joining_row(lead, home.process_id, home.manager if is_kept else lead.message.manager, now))
    return rows


def _opened(facts: LeadAssigned, process_id: UUID, task: Task) -> list[Event]:
    return [
        ProcessOpened(
            process_id=process_id,
            client_id=facts.client_id,
            lead_id=facts.lead_id,
            manager=facts.manager,
            office_id=facts.office_id,
            source=facts.source,
            import_id=facts.import_id,
        ),
        TaskSet(
            task_id=task.id,
            process_id=process_id,
            client_id=facts.client_id,
            lead_id=facts.lead_id,
            import_id=facts.import_id,
            manager=facts.manager,
            office_id=facts.office_id,
            kind=task.kind,
            due_at=task.due_at,
            source=facts.source,
            received_at=facts.received_at,
            named_date=task.named_date,
            company=facts.company,
            note=task.note,
            awaits=facts.awaits,
            meeting_at=task.meeting_at,
        ),
    ]


def _joined(lead: Heard[LeadAssigned], home: store.Home) -> Event:
    facts = lead.message
    return LeadJoined(
        process_id=home.process_id,
        client_id=facts.client_id,
        lead_id=facts.lead_id,
        manager=home.manager,
        import_id=facts.import_id,
    )
