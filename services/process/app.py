"""The process room put together."""

from services.process import answers, handing_on, handlers, merges, moving, opening, tables
from shared.commands import RecordTouch
from shared.events import (
    AssignmentRecalled,
    ClientMoved,
    LeadAssigned,
    LeadHandedOn,
    MergeRelayed,
    MoveRecalled,
    OfficeChanged,
    SplitRelayed,
    StaffChanged,
)
from shared.questions import CountProcessProgress, ReportSales, ShowProcess
from shared.service import Room

ROOM = Room(
    name="process",
    metadata=tables.metadata,
    handlers={
        LeadAssigned: opening.open_or_join,
        AssignmentRecalled: handlers.take_back,
        LeadHandedOn: handing_on.hand_on,
        MergeRelayed: merges.join_sales,
        SplitRelayed: merges.part_sales,
        ClientMoved: moving.follow_moves,
        MoveRecalled: moving.return_moves,
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
