"""A promise has a deadline: reminders counts it in working time, warns, and tells the head what was missed.

Hears: TaskSet, TaskClosed, TaskMoved, AssignmentAnswered, AssignmentReopened, EntryDelayed, OfficeChanged, StaffChanged
Says: DeadlineSet, DeadlineReached, AnswerDue, LateEntryTold
Keeps: deadlines, timers, notifications, awaited, offices, staff, sla_policies, acceptance_policies
Rules: sla, promise, steps, catch_up, escalation, answer
"""
