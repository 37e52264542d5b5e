"""A sale as it stands, and what a touch makes of it: all of it, or nothing and every fault at once (R4-10, R4-11)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from uuid import UUID

from services.process.rules.deferral import call_at
from services.process.rules.exclusive_right import Person, faults_of_right
from services.process.rules.guards import Case, is_held_meeting, is_sent_offer
from services.process.rules.lifecycle import Arrow, arrows_from, step, step_by_itself
from services.process.rules.next_task import How, how_closed
from services.process.rules.touch import faults_of_touch, moment_of
from shared.commands import ContractFacts, RecordTouch
from shared.events import Fault
from shared.message import NotYet
from shared.words import Source, Stage, TaskKind
from shared.working_time import OfficeCalendar


@dataclass(frozen=True, slots=True)
class Task:
    """Something to be done by the manager of a sale; a first reaction has no `due_at` of its own (SLA).

    `meeting_at` is when the meeting begins that the lead came with: it is confirmed before.
    """

    id: UUID
    kind: TaskKind
    due_at: datetime | None = None
    note: str = ""
    named_date: date | None = None
    meeting_at: datetime | None = None

    @property
    def is_first(self) -> bool:
        """Whether it is the first reaction to a lead."""
        return self.due_at is None


@dataclass(frozen=True, slots=True)
class Sale:
    """One sale: whose it is, how far it has come, and what is to be done next (none once it is closed)."""

    id: UUID
    client_id: UUID
    company: str
    manager: str
    office_id: str
    source: Source
    received_at: datetime
    pipeline: str
    stage: Stage
    task: Task | None
    stage_before_deferral: Stage | None = None
    held_meeting: bool = False
    sent_offer: bool = False
    closed_at: datetime | None = None
    reason: str = ""
    contract: ContractFacts | None = None
    joined_into: UUID | None = None

    @property
    def is_open(self) -> bool:
        """Whether it is still being worked or deferred."""
        return self.closed_at is None


@dataclass(frozen=True, slots=True)
class Office:
    """An office as the directory last told: who answers for it, and when it works."""

    id: str
    head: str | None
    calendar: OfficeCalendar


@dataclass(frozen=True, slots=True)
class Work:
    """What a touch makes of a sale: the sale as it stands afterwards, and everything that changed on the way."""

    touch_id: UUID
    touch: RecordTouch
    touched_at: datetime
    sale: Sale
    moves: list[Arrow]
    closed: Task
    how: How


def work(
    touch: RecordTouch,
    sale: Sale,
    *,
    touch_id: UUID,
    task_id: UUID,
    said_at: datetime,
    now: datetime,
    staff: Mapping[str, Person],
    offices: Mapping[str, Office],
) -> Work | list[Fault]:
    """Apply `touch` to `sale`, or say all that stands against it.

    `staff` and `offices` need to hold at least whom and what the touch and the sale name, as far as they are known.
    Raises NotYet when a deferral needs the calendar of an office that has not been heard of.
    """
    faults = _faults_of_place(touch, sale) + faults_of_touch(touch, said_at, now)
    if not sale.is_open or sale.task is None:
        return faults
    office = offices.get(sale.office_id)
    faults += faults_of_right(
        touch.by,
        manager=sale.manager,
        office_id=sale.office_id,
        office_head=office.head if office else None,
        staff=staff,
    )
    moves, moved, more = _moves(touch, sale, now, office, staff)
    if faults or more:
        return faults + more
    touched_at = moment_of(touch, said_at, now)
    next_task = _next_task(touch, task_id, touched_at, now, office)
    return Work(
        touch_id=touch_id,
        touch=touch,
        touched_at=touched_at,
        sale=replace(
            moved,
            task=next_task,
            closed_at=now if next_task is None else None,
            reason=touch.end.reason if touch.end else "",
            contract=touch.contract if moved.stage is Stage.WON else None,
        ),
        moves=moves,
        closed=sale.task,
        how=how_closed(sale.task.kind, touch.kind, is_first=sale.task.is_first, ends=next_task is None),
    )


def _faults_of_place(touch: RecordTouch, sale: Sale) -> list[Fault]:
    """What is wrong with the sale that the touch names."""
    faults = []
    if touch.client_id is not None and touch.client_id != sale.client_id:
        faults.append(
            Fault(
                field="client_id",
                problem=f"The sale {sale.id} belongs to the client {sale.client_id}, not to {touch.client_id}.",
                remedy="Name the sale by `process_id` or by `client_id`, not by both.",
            )
        )
    if sale.joined_into is not None:
        faults.append(
            Fault(
                field="process_id",
                problem="Its client was merged with another, and the sale goes on as one with his.",
                remedy=f"Name the sale {sale.joined_into}.",
            )
        )
    elif not sale.is_open:
        faults.append(
            Fault(
                field="process_id",
                problem=f"The sale is closed: it was {sale.stage} on {sale.closed_at:%Y-%m-%d}.",
                remedy="Send a new lead of this client in: it opens a new sale.",
            )
        )
    return faults


def _moves(
    touch: RecordTouch, sale: Sale, now: datetime, office: Office | None, staff: Mapping[str, Person]
) -> tuple[list[Arrow], Sale, list[Fault]]:
    """The arrows that the touch takes the sale along: first what happens by itself, then what it asks for."""
    case = Case(
        stage=sale.stage,
        touch=touch,
        now=now,
        today=(now.astimezone(office.calendar.zone) if office else now).date(),
        stage_before_deferral=sale.stage_before_deferral,
        held_meeting=sale.held_meeting or is_held_meeting(touch),
        sent_offer=sale.sent_offer or is_sent_offer(touch),
        staff=[person.id for person in staff.values() if person.active],
    )
    moves: list[Arrow] = []
    faults: list[Fault] = []

    def go(target: Stage) -> bool:
        before = case.stage
        taken = step(case, target, sale.pipeline)
        if isinstance(taken, list):
            faults.extend(taken)
            return False
        moves.append(taken)
        if target is not Stage.DEFERRED:
            case.stage_before_deferral = None
        elif before is not Stage.DEFERRED:
            case.stage_before_deferral = before
        return True

    while (by_itself := step_by_itself(case)) and go(by_itself):
        pass
    wish = touch.move_to
    if wish is not None and wish not in (Stage.LOST, Stage.DEFERRED) and not _is_there(case, wish, sale.pipeline):
        go(wish)
    if case.stage is Stage.WON:
        pass
    elif touch.end is not None or wish is Stage.LOST:
        go(Stage.LOST)
    elif touch.deferral is not None or wish is Stage.DEFERRED:
        go(Stage.DEFERRED)
    moved = replace(
        sale,
        stage=case.stage,
        stage_before_deferral=case.stage_before_deferral,
        held_meeting=case.held_meeting,
        sent_offer=case.sent_offer,
    )
    return moves, moved, faults


def _is_there(case: Case, wish: Stage, pipeline: str) -> bool:
    """Whether the sale is where it is wished to be, with nothing to do again there (as rearranging a meeting is)."""
    return case.stage is wish and all(arrow.target is not wish for arrow in arrows_from(wish, pipeline))


def _next_task(
    touch: RecordTouch, task_id: UUID, touched_at: datetime, now: datetime, office: Office | None
) -> Task | None:
    """What is to be done next; None when the touch ends the sale."""
    if touch.next is not None:
        return Task(task_id, touch.next.kind, due_at=touch.next.due_at, note=touch.next.note)
    if touch.deferral is None:
        return None
    if office is None:
        raise NotYet("the calendar of the sale's office has not been heard of, and a deferral needs it")
    named = touch.deferral.named_date
    return Task(
        task_id,
        TaskKind.CALL,
        due_at=call_at(touched_at, named, now, office.calendar),
        note=f"Клиент назвал {named:%d.%m.%Y} / the client named {named:%Y-%m-%d}",
        named_date=named,
    )
