"""Intake put together: which handler hears which command, and which answer meets which question."""

from __future__ import annotations

from services.intake import answers, handlers, tables
from shared.commands import SubmitLead, SubmitRows
from shared.questions import CountIntakeProgress, ExplainRecognition, ListRejectedRows
from shared.service import Room

ROOM = Room(
    name="intake",
    metadata=tables.metadata,
    handlers={SubmitLead: handlers.submit_leads, SubmitRows: handlers.submit_rows},
    answers={
        CountIntakeProgress: answers.count_intake_progress,
        ListRejectedRows: answers.list_rejected_rows,
        ExplainRecognition: answers.explain_recognition,
    },
    watches=(),
)
