"""A promise has a deadline: reminders counts it in working time, warns, and tells the head what was missed.

Hears: TaskSet, TaskClosed, OfficeChanged, StaffChanged
Says: DeadlineSet, DeadlineReached
Keeps: deadlines, timers, notifications, offices, staff, sla_policies
Rules: sla, promise, steps, catch_up, escalation
"""
