"""A lead becomes a sale, and the sale moves.

Hears: LeadAssigned, AssignmentRecalled, MergeRelayed, SplitRelayed, OfficeChanged, StaffChanged, RecordTouch
Says: ProcessOpened, LeadJoined, TaskSet, TaskClosed, TouchRecorded, StageMoved, ProcessClosed, TouchRefused, LeadWithdrawn,
    RecallAnswered, SalesJoined, SalesParted
Keeps: processes, tasks, touches, moves, leads, merges, offices, staff
Rules: lifecycle, guards, sale, touch, next_task, deferral, exclusive_right, recall, joining
"""
