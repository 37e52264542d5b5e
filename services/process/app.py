"""The process room put together."""

from services.process import answers, handlers, merges, tables
from shared.commands import RecordTouch
from shared.events import AssignmentRecalled, LeadAssigned, MergeRelayed, OfficeChanged, SplitRelayed, StaffChanged
from shared.questions import CountProcessProgress, ReportSales, ShowProcess
from shared.service import Room

ROOM = Room(
    name="process",
    metadata=tables.metadata,
    handlers={
        LeadAssigned: handlers.open_or_join,
        AssignmentRecalled: handlers.take_back,
        MergeRelayed: merges.join_sales,
        SplitRelayed: merges.part_sales,
        OfficeChanged: handlers.learn_offices,
        StaffChanged: handlers.learn_staff,
        RecordTouch: handlers.record_touches,
    },
    answers={
        CountProcessProgress: answers.count_process_progress,
        ShowProcess: answers.show_process,
        ReportSales: answers.report_sales,
    },
    watches=(),
    copies={OfficeChanged: tables.offices, StaffChanged: tables.staff},
)
