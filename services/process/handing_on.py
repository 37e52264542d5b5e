"""What process does when a lead goes to its next receiver: its sale follows, unless somebody has touched it (R1-42, SLA)."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from services.process import store
from services.process.rules.handing_on import why_it_stays
from services.process.rules.joining import set_anew
from services.process.rules.sale import Sale, Task
from shared.events import HandOnAnswered, LeadHandedOn, TaskClosed, TaskSet
from shared.message import Batch, Event, Heard, NotYet, Said


async def hand_on(leads: Batch[LeadHandedOn], db: AsyncConnection) -> Said:
    """Give each lead's sale and its next task to the new manager, and say so; process has the word (R1-42, R4-11).

    A sale that was touched stays with its manager: whoever worked the lead before it went on was first.
    Raises NotYet while a lead has not been heard of.
    """
    found = await store.lock_recalled(db, leads.map(lambda lead: lead.lead_id))
    sales: dict[UUID, Sale] = {}
    wanted = {lead.process_id for lead in found.values()}
    while wanted:  # a sale may have been joined into another, and that one again
        sales |= {sale.id: sale for sale in await store.lock_sales(db, wanted, ())}
        wanted = {sale.joined_into for sale in sales.values() if sale.joined_into} - sales.keys()
    said: Said = []
    going: list[store.Row] = []
    tasks: list[store.Row] = []
    for heard in leads:
        facts = heard.message
        if facts.lead_id not in found:
            raise NotYet(f"the lead {facts.lead_id} was handed on and has not been heard of")
        lead = found[facts.lead_id]
        sale = sales[lead.process_id]
        stays = why_it_stays(lead, sale, facts.from_manager)
        worked = sale
        while worked.joined_into:
            worked = sales[worked.joined_into]
        if stays is None:
            assert sale.task is not None  # noqa: S101  # an open sale has one (R4-11)
            task = set_anew(sale.task, heard.new_id(f"task/{facts.lead_id}/{facts.attempt}"))
            going.append(
                {
                    "id": sale.id,
                    "lead_id": facts.lead_id,
                    "manager": facts.manager,
                    "office_id": facts.office_id,
                    "queue": facts.queue,
                    "rule": facts.rule,
                    "next_task": task.id,
                }
            )
            tasks.append(_row(facts, sale, task, leads))
            said += [heard.says(event) for event in _moved(heard, sale, task, leads)]
        said.append(
            heard.says(
                HandOnAnswered(
                    lead_id=facts.lead_id,
                    client_id=facts.client_id,
                    attempt=facts.attempt,
                    process_id=worked.id,
                    manager=worked.manager if stays else facts.manager,
                    stays=stays,
                )
            )
        )
    if going:
        await store.hand_on(db, going, tasks, leads.now)
    return said


def _row(facts: LeadHandedOn, sale: Sale, task: Task, leads: Batch[LeadHandedOn]) -> store.Row:
    return {
        "id": task.id,
        "process_id": sale.id,
        "lead_id": facts.lead_id,
        "manager": facts.manager,
        "kind": task.kind,
        "note": task.note,
        "due_at": task.due_at,
        "named_date": task.named_date,
        "meeting_at": task.meeting_at,
        "set_at": leads.now,
    }


def _moved(heard: Heard[LeadHandedOn], sale: Sale, task: Task, leads: Batch[LeadHandedOn]) -> list[Event]:
    facts = heard.message
    assert sale.task is not None  # noqa: S101  # an open sale has one (R4-11)
    return [
        TaskClosed(
            task_id=sale.task.id,
            process_id=sale.id,
            client_id=sale.client_id,
            closed_at=leads.now,
            how="replaced",
        ),
        TaskSet(
            task_id=task.id,
            process_id=sale.id,
            client_id=sale.client_id,
            lead_id=facts.lead_id,
            manager=facts.manager,
            office_id=facts.office_id,
            kind=task.kind,
            due_at=task.due_at,
            source=sale.source,
            received_at=sale.received_at,
            named_date=task.named_date,
            company=sale.company,
            note=task.note,
            awaits=facts.awaits,
            meeting_at=task.meeting_at,
        ),
    ]
