"""The process room put together."""

from services.process import answers, handlers, tables
from shared.commands import RecordTouch
from shared.events import LeadAssigned, OfficeChanged, StaffChanged
from shared.questions import CountProcessProgress, ShowProcess
from shared.service import Room

ROOM = Room(
    name="process",
    metadata=tables.metadata,
    handlers={
        LeadAssigned: handlers.open_or_join,
        OfficeChanged: handlers.learn_offices,
        StaffChanged: handlers.learn_staff,
        RecordTouch: handlers.record_touches,
    },
    answers={
        CountProcessProgress: answers.count_process_progress,
        ShowProcess: answers.show_process,
    },
    watches=(),
    copies={OfficeChanged: tables.offices, StaffChanged: tables.staff},
)
