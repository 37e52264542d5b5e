"""Composition root: what reminders handles, answers and does by the clock."""

from services.reminders import answers, awaiting, handlers, late_entries, moving, store, tables, watch
from shared.events import (
    AssignmentAnswered,
    AssignmentReopened,
    EntryDelayed,
    OfficeChanged,
    StaffChanged,
    TaskClosed,
    TaskMoved,
    TaskSet,
)
from shared.questions import CountRemindersProgress, ShowDeadlines
from shared.service import Room, Watch

ROOM = Room(
    name="reminders",
    metadata=tables.metadata,
    handlers={
        TaskSet: handlers.set_deadlines,
        TaskClosed: handlers.close_deadlines,
        TaskMoved: moving.move_deadlines,
        AssignmentAnswered: awaiting.end_answers,
        AssignmentReopened: awaiting.ask_again,
        EntryDelayed: late_entries.tell_of_late_entries,
        OfficeChanged: handlers.learn_offices,
        StaffChanged: handlers.learn_staff,
    },
    answers={
        CountRemindersProgress: answers.count_progress,
        ShowDeadlines: answers.show_deadlines,
    },
    watches=(
        Watch(step=watch.by_a_steady_clock(watch.fall_due), every=1.0),
        Watch(step=watch.by_a_steady_clock(awaiting.answers_fall_due), every=1.0),
        Watch(step=watch.count_anew, every=5.0),
    ),
    copies={OfficeChanged: tables.offices, StaffChanged: tables.staff},
    measures={"deadline_lag_seconds": store.deadline_lag},
)
