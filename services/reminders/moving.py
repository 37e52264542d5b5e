"""What becomes of deadlines when a task is another's to do: he is told from now on, by the calendar of his office (R2-23)."""

from __future__ import annotations

from sqlalchemy.ext.asyncio import AsyncConnection

from services.reminders import store
from shared.events import TaskMoved
from shared.message import Batch, NotYet, Said


async def move_deadlines(tasks: Batch[TaskMoved], db: AsyncConnection) -> Said:
    """Let each open deadline remind the one who has its task now; under another office it is counted anew by the watch (SLA).

    Raises NotYet while an office has not been heard of.
    """
    facts = tasks.map(lambda task: task)
    offices = await store.offices_by_id(db, (task.office_id for task in facts))
    if unheard := sorted({task.office_id for task in facts} - offices.keys()):
        raise NotYet(f"office {unheard[0]!r} has not been heard of; it comes with the company file")
    await store.move_deadlines(
        db,
        [task.task_id for task in facts],
        [task.manager for task in facts],
        [task.office_id for task in facts],
    )
    return []
