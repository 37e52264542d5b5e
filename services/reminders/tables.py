"""The tables of reminders."""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    Column,
    Date,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB, UUID

from shared.ledger import add_ledger

metadata = MetaData(schema="reminders")
add_ledger(metadata)
_AT = DateTime(timezone=True)

offices = Table(
    "offices",
    metadata,
    Column("office_id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("time_zone", Text, nullable=False),
    Column("hours", Text, nullable=False),
    Column("calendar", Text, nullable=False),
    Column("days_off", JSONB, nullable=False),
    Column("working_days", JSONB, nullable=False),
    Column("head", Text),
    Column("active", Boolean, nullable=False),
    Column("calendar_version", Integer, nullable=False),  # grows when hours or days change
)

staff = Table(
    "staff",
    metadata,
    Column("staff_id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("office_id", Text, nullable=False),
    Column("function", Text, nullable=False),
    Column("active", Boolean, nullable=False),
)

sla_policies = Table(
    "sla_policies",
    metadata,
    Column("source", Text, primary_key=True),
    Column("amount", Integer, nullable=False),
    Column("unit", Text, nullable=False),
)

deadlines = Table(
    "deadlines",
    metadata,
    Column("task_id", UUID, primary_key=True),
    Column("process_id", UUID, nullable=False),
    Column("client_id", UUID, nullable=False),
    Column("import_id", UUID),
    Column("manager", Text, nullable=False),
    # Deferrable, because offices are a copy: `estafeta rebuild` drops them and hears them again in one transaction.
    Column("office_id", Text, ForeignKey("reminders.offices.office_id", deferrable=True), nullable=False),
    Column("kind", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("is_first_reaction", Boolean, nullable=False),  # counted by the SLA of its source, not promised for a moment
    Column("counted_from", _AT, nullable=False),
    Column("warn_at", _AT),
    Column("due_at", _AT, nullable=False),
    Column("overdue_at", _AT, nullable=False),
    Column("escalate_at", _AT, nullable=False),
    Column("by_rule", Text, nullable=False),
    Column("named_date", Date),
    Column("meeting_at", _AT),  # a first reaction is due by then, however long its term is
    Column("state", Text, nullable=False),
    Column("set_at", _AT, nullable=False),
    Column("closed_at", _AT),
    Column("closed_how", Text),
    Column("version", Integer, nullable=False),  # grows when the deadline moves: what was armed for the old one is void
    Column("calendar_version", Integer, nullable=False),  # of the office, when the deadline was counted
    Column("correlation", UUID, nullable=False),
    Index("deadlines_of_client", "client_id"),
    Index("deadlines_of_import", "import_id", "set_at", postgresql_where=text("import_id is not null")),
    Index("deadlines_of_office", "office_id", "calendar_version", postgresql_where=text("state = 'open'")),
)

timers = Table(
    "timers",
    metadata,
    Column("task_id", UUID, ForeignKey("reminders.deadlines.task_id"), primary_key=True),
    Column("step", Text, nullable=False),  # a task has one timer, for the step that comes next
    Column("version", Integer, nullable=False),
    Column("fire_at", _AT, nullable=False),
    Index("timers_due", "fire_at"),
)

notifications = Table(
    "notifications",
    metadata,
    Column("id", UUID, primary_key=True),
    Column("task_id", UUID, ForeignKey("reminders.deadlines.task_id"), nullable=False),
    Column("step", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("tells", Text, nullable=False),
    Column("at", _AT, nullable=False),
    Column("is_late", Boolean, nullable=False),  # said after downtime, for all the steps that had passed
    UniqueConstraint("task_id", "step", "version", name="notifications_once"),
)

# How long a receiver may take to say whether he takes a lead.
acceptance_policies = Table(
    "acceptance_policies",
    metadata,
    Column("source", Text, primary_key=True),
    Column("amount", Integer, nullable=False),
    Column("unit", Text, nullable=False),
)

# A receiver who was asked whether he takes a lead; the row is its own timer. An answer that is heard before its question
# stands here as answered, and the question is not asked.
awaited = Table(
    "awaited",
    metadata,
    Column("lead_id", UUID, primary_key=True),
    Column("attempt", Integer, nullable=False),  # the how-manieth receiver of the lead
    Column("client_id", UUID, nullable=False),
    Column("manager", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("office_id", Text),
    Column("source", Text),
    Column("bulk", Boolean, nullable=False, server_default=text("false")),  # of a list
    Column("counted_from", _AT),
    Column("warn_at", _AT),
    Column("due_at", _AT),
    Column("warned_at", _AT),
    Column("ended_at", _AT),
    Column("step", Text),  # which comes next, at `fire_at`
    Column("fire_at", _AT),
    Column("correlation", UUID, nullable=False),
    Index("awaited_due", "fire_at", postgresql_where=text("fire_at is not null")),
    Index("awaited_of_client", "client_id"),
)
