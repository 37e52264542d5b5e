"""A lead becomes a sale, and the sale moves.

Hears: LeadAssigned, OfficeChanged, StaffChanged, RecordTouch
Says: ProcessOpened, LeadJoined, TaskSet, TaskClosed, TouchRecorded, StageMoved, ProcessClosed, TouchRefused
Keeps: processes, tasks, touches, moves, leads, offices, staff
Rules: lifecycle, guards, sale, touch, next_task, deferral, exclusive_right
"""
