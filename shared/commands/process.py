"""What process can be asked to do: a touch, and what follows of it."""

from __future__ import annotations

from datetime import date
from typing import Annotated
from uuid import UUID

from pydantic import AwareDatetime, Field

from shared.commands.parts import Cell, Part, StaffId
from shared.message import Command
from shared.words import Direction, Stage, TaskKind, TouchKind, TouchResult


class NextAction(Part):
    """What will be done next, and when (R4-11)."""

    kind: TaskKind
    due_at: AwareDatetime
    note: Cell = ""


class Ending(Part):
    """How a process ends: lost with a reason. Winning is the move `won`, with its contract."""

    reason: Annotated[str, Field(min_length=1, max_length=500)]


class Deferral(Part):
    """The client named a later date; the next task is set at 2/3 of the way to it (R4-12)."""

    named_date: date


class MeetingFacts(Part):
    """What `meeting_set` needs to know; it lasts `minutes`, an hour if that is not said."""

    at: AwareDatetime
    minutes: Annotated[int, Field(ge=5, le=24 * 60)] | None = None
    place: Annotated[str, Field(min_length=1, max_length=500)]
    holder: StaffId


class ContractFacts(Part):
    """What `won` needs to know; `amount` is in minor units of `currency`."""

    number: Annotated[str, Field(min_length=1, max_length=100)]
    signed_on: date
    amount: Annotated[int, Field(gt=0)]
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")] = "RUB"


class RecordTouch(Command, owner="process"):
    """Record one contact with a client, and with it the next action, a deferral, or the end (R0-13, R4-10, R4-11).

    Name the process by `process_id`, or by `client_id` (his one open process).
    `move_to` asks for a stage as well; what its guard needs comes in `meeting` or `contract`.
    """

    process_id: UUID | None = None
    client_id: UUID | None = None
    by: StaffId
    kind: TouchKind
    direction: Direction = Direction.OUTBOUND
    touched_at: AwareDatetime | None = None
    result: TouchResult | None = None
    comment: Cell = ""
    resources: Cell = ""
    next: NextAction | None = None
    end: Ending | None = None
    deferral: Deferral | None = None
    move_to: Stage | None = None
    meeting: MeetingFacts | None = None
    contract: ContractFacts | None = None
