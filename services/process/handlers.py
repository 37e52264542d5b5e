"""What the process room does with what it hears: record touches, take leads back, learn the directory."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from services.process import store
from services.process.rules.meeting import set_meeting
from services.process.rules.recall import UNDONE, way_back
from services.process.rules.sale import Sale, Task, Work, work
from services.process.rules.touch import faults_of_touch
from shared.commands import RecordTouch
from shared.events import (
    AssignmentRecalled,
    Fault,
    LeadWithdrawn,
    OfficeChanged,
    ProcessClosed,
    RecallAnswered,
    StaffChanged,
    StageMoved,
    TaskClosed,
    TaskSet,
    TouchRecorded,
    TouchRefused,
)
from shared.message import Batch, Event, Said
from shared.words import Stage


async def record_touches(touches: Batch[RecordTouch], db: AsyncConnection) -> Said:
    """Record each touch with all that follows from it, or refuse it with every fault and do nothing (R4-10, R4-11).

    A client who was merged is followed to the one who goes on: whoever noted the old id means him.
    """
    now = touches.now
    named = await _followed(touches, db)
    sales = _Sales(
        await store.lock_sales(
            db,
            {touch.process_id for touch in named if touch.process_id},
            {touch.client_id for touch in named if touch.client_id and not touch.process_id},
        )
    )
    staff = await store.people(
        db, [*(touch.by for touch in named), *(touch.meeting.holder for touch in named if touch.meeting)]
    )
    offices = await store.offices(db, [sale.office_id for sale in sales])
    said: Said = []
    works: list[Work] = []
    for heard, touch in zip(touches, named, strict=True):
        sale = sales.named_by(touch)
        if isinstance(sale, Fault):
            result: Work | list[Fault] = [sale, *faults_of_touch(touch, heard.at, now)]
        else:
            result = work(
                touch,
                sale,
                touch_id=heard.new_id("touch"),
                task_id=heard.new_id("task"),
                said_at=heard.at,
                now=now,
                staff=staff,
                offices=offices,
            )
        if isinstance(result, Work):
            works.append(result)
            sales.put(result.sale)
            said += [heard.says(event) for event in _told(result, now)]
        else:
            process_id = sale.id if isinstance(sale, Sale) else heard.message.process_id
            said.append(heard.says(TouchRefused(touch_id=heard.new_id("touch"), process_id=process_id, faults=result)))
    await store.save(db, works, now)
    return said


async def take_back(leads: Batch[AssignmentRecalled], db: AsyncConnection) -> Said:
    """Take leads of an undone import out of their sales; a sale that nobody has touched ends with the lead that opened it.

    What was touched stays as it is, and the answer says why.
    """
    found = await store.lock_recalled(db, leads.map(lambda lead: lead.lead_id))
    ways = {id_: way_back(lead) for id_, lead in found.items()}
    leaving = [id_ for id_, (way, _) in ways.items() if way in ("leave_sale", "end_sale")]
    ending = [found[id_].process_id for id_, (way, _) in ways.items() if way == "end_sale"]
    ended = await store.withdraw(db, leaving, ending, UNDONE, leads.now) if leaving else {}
    said: Said = []
    for heard in leads:
        lead = heard.message
        way, reason = ways.get(lead.lead_id, ("nothing", ""))
        names = {"lead_id": lead.lead_id, "client_id": lead.client_id, "import_id": lead.import_id}
        if way == "end_sale":
            sale = ended[found[lead.lead_id].process_id]
            about = {"process_id": sale["id"], "client_id": lead.client_id}
            said += [
                heard.says(TaskClosed(task_id=sale["task_id"], closed_at=leads.now, how="cancelled", **about)),
                heard.says(ProcessClosed(manager=sale["manager"], ended="lost", reason=UNDONE, **about)),
            ]
        if way in ("leave_sale", "end_sale"):
            said.append(heard.says(LeadWithdrawn(**names)))
        said.append(heard.says(RecallAnswered(taken_back=way != "keep", reason=reason, **names)))
    return said


async def learn_offices(offices: Batch[OfficeChanged], db: AsyncConnection) -> Said:
    """Keep each office as told: its head records touches for his managers, its calendar sets deferred tasks."""
    await store.put_offices(
        db,
        [
            {
                "id": office.office_id,
                "name": office.name,
                "time_zone": office.time_zone,
                "hours": office.hours,
                "calendar": office.calendar,
                "days_off": office.days_off,
                "working_days": office.working_days,
                "head": office.head,
                "active": office.active,
            }
            for office in offices.map(lambda office: office)
        ],
    )
    return []


async def learn_staff(staff: Batch[StaffChanged], db: AsyncConnection) -> Said:
    """Keep each member of staff as told: who records a touch must be known."""
    await store.put_staff(
        db,
        [
            {
                "id": person.staff_id,
                "name": person.name,
                "office_id": person.office_id,
                "function": person.function,
                "active": person.active,
            }
            for person in staff.map(lambda person: person)
        ],
    )
    return []


# ── touching ────────────────────────────────────────────────────────────────────────────────────────────────────────


async def _followed(touches: Batch[RecordTouch], db: AsyncConnection) -> list[RecordTouch]:
    """The touches with the clients they mean: a client who was merged is the one who goes on."""
    named = touches.map(lambda touch: touch)
    clients = {touch.client_id for touch in named if touch.client_id}
    merged = await store.survivors_of(db, clients) if clients else {}
    if not merged:
        return named
    return [
        touch.model_copy(update={"client_id": merged[touch.client_id]}) if touch.client_id in merged else touch
        for touch in named
    ]


class _Sales:
    """The sales of a batch as they stand while its touches are applied, one after the other."""

    def __init__(self, sales: Iterable[Sale]) -> None:
        self._sales = {sale.id: sale for sale in sales}
        self._of_client: dict[UUID, list[UUID]] = defaultdict(list)
        for sale in self._sales.values():
            self._of_client[sale.client_id].append(sale.id)

    def __iter__(self) -> Iterator[Sale]:
        return iter(self._sales.values())

    def put(self, sale: Sale) -> None:
        self._sales[sale.id] = sale

    def named_by(self, touch: RecordTouch) -> Sale | Fault:
        """The sale that the touch names, or why there is none."""
        if touch.process_id is not None:
            return self._sales.get(touch.process_id) or Fault(
                field="process_id",
                problem=f"There is no sale {touch.process_id}.",
                remedy="Check the id, or name the client by `client_id`.",
            )
        if touch.client_id is None:
            return Fault(
                field="process_id",
                problem="The touch does not say which sale it belongs to.",
                remedy="Add `process_id`, or the `client_id` of a client with an open sale.",
            )
        found = [self._sales[id_] for id_ in self._of_client[touch.client_id] if self._sales[id_].is_open]
        if len(found) == 1:
            return found[0]
        if found:
            return Fault(
                field="client_id",
                problem=f"The client {touch.client_id} has {len(found)} open sales.",
                remedy=f"Add `process_id`: one of {', '.join(str(sale.id) for sale in found)}.",
            )
        return Fault(
            field="client_id",
            problem=f"The client {touch.client_id} has no open sale.",
            remedy="Check the id; if it is right, send a lead of this client in first: it opens a sale.",
        )


def _told(done: Work, now: datetime) -> list[Event]:
    """What is told of a recorded touch, in the order in which it happened."""
    sale, touch = done.sale, done.touch
    assert touch.result is not None  # noqa: S101  # a touch without a result is refused
    told: list[Event] = [
        TouchRecorded(
            touch_id=done.touch_id,
            process_id=sale.id,
            client_id=sale.client_id,
            by=touch.by,
            kind=touch.kind,
            result=touch.result,
            touched_at=done.touched_at,
        )
    ]
    told += [
        StageMoved(
            process_id=sale.id,
            client_id=sale.client_id,
            from_stage=arrow.source,
            to_stage=arrow.target,
            by=touch.by,
            reason=sale.reason if arrow.target is Stage.LOST else "",
            meeting=set_meeting(touch.meeting, sale) if arrow.target is Stage.MEETING_SET else None,
        )
        for arrow in done.moves
    ]
    told.append(
        TaskClosed(task_id=done.closed.id, process_id=sale.id, client_id=sale.client_id, closed_at=now, how=done.how)
    )
    told.append(_task_set(sale, sale.task) if sale.task else _closed(sale))
    return told


def _task_set(sale: Sale, task: Task) -> TaskSet:
    return TaskSet(
        task_id=task.id,
        process_id=sale.id,
        client_id=sale.client_id,
        manager=sale.manager,
        office_id=sale.office_id,
        kind=task.kind,
        due_at=task.due_at,
        source=sale.source,
        received_at=sale.received_at,
        named_date=task.named_date,
        company=sale.company,
        note=task.note,
    )


def _closed(sale: Sale) -> ProcessClosed:
    return ProcessClosed(
        process_id=sale.id,
        client_id=sale.client_id,
        manager=sale.manager,
        ended="won" if sale.stage is Stage.WON else "lost",
        reason=sale.reason,
    )
