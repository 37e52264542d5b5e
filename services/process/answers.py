"""What the process room answers when it is asked."""

from __future__ import annotations

from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from services.process import store
from services.process.rules.lifecycle import allowed, way_to_won
from shared.questions import CountProcessProgress, ReportSales, ShowProcess
from shared.words import Stage


async def count_process_progress(question: CountProcessProgress, db: AsyncConnection) -> dict[str, Any]:
    """How far the process room is with an import: `{opened, joined, withdrawn, tasks, last_at}`."""
    return await store.progress(db, question.import_id)


async def report_sales(question: ReportSales, db: AsyncConnection) -> dict[str, Any]:
    """`{sources: [...]}`: what became of what each source and campaign brought (REGULATION §6, reports)."""
    return {"sources": await store.sales_by_source(db, question.since, question.until)}


async def show_process(question: ShowProcess, db: AsyncConnection) -> dict[str, Any]:
    """The sale of a client, a lead or a process (R2-12).

    `{found, process, open_task, last_touch, can_go: [{move, to, needs}], to_close: [{move, to, needs}],
    leads, tasks, touches, moves}`; `last_touch` carries what the client demands or objects to, `to_close` what must be
    done to win the sale.
    """
    process = await store.find_process(db, question.id)
    if process is None:
        return {"found": False, "process": None, "leads": [], "tasks": [], "touches": [], "moves": []}
    tasks = await store.tasks_of(db, process["id"])
    touches = await store.touches_of(db, process["id"])
    before = process["stage_before_deferral"]
    at = (Stage(process["stage"]), Stage(before) if before else None, process["pipeline"])
    return {
        "found": True,
        "process": process,
        "open_task": next((task for task in tasks if task["is_open"]), None),
        "last_touch": touches[0] if touches else None,
        "can_go": allowed(*at),
        "to_close": way_to_won(*at),
        "leads": await store.leads_of(db, process["id"]),
        "tasks": tasks,
        "touches": touches,
        "moves": await store.moves_of(db, process["id"]),
    }
