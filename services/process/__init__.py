"""A lead becomes a sale, and the sale moves.

Hears: LeadAssigned, LeadHandedOn, AssignmentRecalled, MergeRelayed, SplitRelayed, ClientMoved, MoveRecalled, OfficeChanged,
    StaffChanged, RecordTouch
Says: ProcessOpened, LeadJoined, TaskSet, TaskClosed, TouchRecorded, StageMoved, ProcessClosed, TouchRefused, LeadWithdrawn,
    RecallAnswered, SalesJoined, SalesParted, MoveFollowed, MoveReturned, TaskMoved, HandOnAnswered
Keeps: processes, tasks, touches, moves, leads, merges, moved_sales, offices, staff
Rules: lifecycle, guards, sale, touch, next_task, deferral, exclusive_right, recall, joining, moving,
    handing_on, meeting
"""
