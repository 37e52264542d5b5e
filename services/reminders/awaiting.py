"""What reminders does for answers that are awaited: it reminds the receiver, and tells routing when his time is over (SLA)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import structlog
from sqlalchemy import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection

from services.reminders import store
from services.reminders.rules import answer
from services.reminders.rules.answer import Turn, Waiting, waiting_from, what_comes
from services.reminders.rules.escalation import whom_to_tell
from services.reminders.rules.steps import Step
from shared.events import AnswerDue, AssignmentAnswered, AssignmentReopened
from shared.message import Batch, Cause, NotYet, Said, Saying, id_of
from shared.words import Source

AT_ONCE = 500
log = structlog.get_logger()


async def end_answers(answers: Batch[AssignmentAnswered], db: AsyncConnection) -> Said:
    """Nobody need be reminded any more; an answer that comes before its question is kept (SLA)."""
    await store.end_answers(
        db,
        [
            {
                "lead_id": heard.message.lead_id,
                "attempt": heard.message.attempt,
                "client_id": heard.message.client_id,
                "manager": heard.message.receiver,
                "ended_at": answers.now,
                "correlation": heard.correlation,
            }
            for heard in answers
        ],
    )
    return []


async def ask_again(answers: Batch[AssignmentReopened], db: AsyncConnection) -> Said:
    """A lead has come back to its receiver: his time to answer begins anew (SLA, R2-23).

    Raises NotYet while an office has not been heard of.
    """
    offices = await store.offices_by_id(db, answers.map(lambda answer: answer.office_id))
    if unheard := sorted(set(answers.map(lambda answer: answer.office_id)) - offices.keys()):
        raise NotYet(f"office {unheard[0]!r} has not been heard of; it comes with the company file")
    terms = await store.acceptance_terms(db)
    rows = {}
    for heard in answers:
        answer_ = heard.message
        waiting = waiting_from(terms[answer_.source], answers.now, offices[answer_.office_id].calendar)
        rows[answer_.lead_id] = {
            "lead_id": answer_.lead_id,
            "attempt": answer_.attempt,
            "client_id": answer_.client_id,
            "manager": answer_.receiver,
            "state": "open",
            "office_id": answer_.office_id,
            "source": answer_.source.value,
            "bulk": heard.bulk,
            "counted_from": answers.now,
            "warn_at": waiting.warn_at,
            "due_at": waiting.due_at,
            "step": "warning",
            "fire_at": waiting.warn_at,
            "correlation": heard.correlation,
        }
    await store.ask_again(db, list(rows.values()))
    return []


async def answers_fall_due(now: datetime, db: AsyncConnection) -> tuple[Said, bool]:
    """Remind receivers who have not answered, and say whose time is over; routing decides what follows (SLA)."""
    claimed = await store.claim_answers(db, now, AT_ONCE)
    if not claimed:
        return [], False
    offices = await store.offices_by_id(db, (row["office_id"] for row in claimed))
    people = await store.people(
        db, {row["manager"] for row in claimed} | {office.head for office in offices.values() if office.head}
    )
    terms = await store.acceptance_terms(db)
    said: Said = []
    rows: list[dict[str, Any]] = []
    for row in claimed:
        office = offices[row["office_id"]]
        again = waiting_from(terms[Source(row["source"])], row["counted_from"], office.calendar)
        waiting = Waiting(row["warn_at"], row["due_at"])
        turn = what_comes(row["lead_id"], row["step"], waiting, again, now, office.calendar)
        if turn.says is not None:
            step = Step.ESCALATED if turn.says == "expired" else Step.WARNING
            tells = whom_to_tell(step, row["manager"], office.office_id, office.head, people)
            said.append(_due(row, turn, turn.says, tells))
        rows.append(
            {
                "lead_id": row["lead_id"],
                "state": "open" if turn.next_step else "expired",
                "due_at": turn.due_at,
                "warned_at": now if turn.says == "warning" else None,
                "ended_at": None if turn.next_step else now,
                "step": turn.next_step,
                "fire_at": turn.next_at,
            }
        )
    await store.set_answers(db, rows)
    log.info("reminders.answers_fell_due", answers=len(rows), said=len(said))
    return said, len(claimed) == AT_ONCE


def _due(row: RowMapping, turn: Turn, says: answer.Step, tells: str) -> Saying:
    # the id comes of lead, attempt and step: said again after a crash, it is the same event
    cause = Cause(id_of(row["lead_id"], f"{says}/{row['attempt']}"), row["correlation"], bulk=row["bulk"])
    return cause.says(
        AnswerDue(
            lead_id=row["lead_id"],
            client_id=row["client_id"],
            attempt=row["attempt"],
            step=says,
            tells=tells,
            due_at=turn.due_at,
        )
    )
