"""Two clients are one: which of their open sales goes on, and what becomes of the next task? (R1-33, R1-42, R4-11)"""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from services.process.rules.lifecycle import WORKED
from services.process.rules.sale import Sale, Task
from shared.words import Stage


def which_goes_on(one: Sale | None, other: Sale | None) -> tuple[Sale | None, Sale | None]:
    """(the sale that goes on, the one that is joined to it): the further one, of two equally far the one that came first.

    How far a deferred sale is, is how far it had come.
    """
    if one is None or other is None:
        return one or other, None
    first, second = by_progress((one, other))
    return first, second


def by_progress(sales: Iterable[Sale]) -> list[Sale]:
    """Sales in the order in which they would go on."""
    return sorted(sales, key=lambda sale: (-_reached(sale), sale.received_at, sale.id.bytes))


def _reached(sale: Sale) -> int:
    stage = sale.stage_before_deferral if sale.stage is Stage.DEFERRED else sale.stage
    return WORKED.index(stage) if stage in WORKED else -1


def set_anew(task: Task, task_id: UUID) -> Task:
    """The same thing to be done, as a new task: a closed one is never opened again, and a task never changes its client."""
    return Task(task_id, task.kind, task.due_at, task.note, task.named_date, task.meeting_at)
