"""The tables of the process room; what must never be untrue stands here as constraints."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Computed,
    Date,
    DateTime,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB, UUID

from shared.ledger import add_ledger

metadata = MetaData(schema="process")
_AT = DateTime(timezone=True)
_EMPTY = text("''")

# One sale. R1-42: the index `processes_one_open` allows one open sale per client and product line.
# R4-11: `processes_next_task` is looked at when the transaction commits; `task_is_open` is always true, so an open sale
# whose next task is closed, missing or another sale's cannot be committed by anybody, on whichever way he came.
processes = Table(
    "processes",
    metadata,
    Column("id", UUID, primary_key=True),
    Column("client_id", UUID, nullable=False),
    Column("product_line", Text, nullable=False, server_default=_EMPTY),
    Column("lead_id", UUID, nullable=False),
    Column("source", Text, nullable=False),
    Column("import_id", UUID),
    Column("received_at", _AT, nullable=False),
    Column("company", Text, nullable=False, server_default=_EMPTY),
    Column("manager", Text, nullable=False),
    Column("office_id", Text, nullable=False),
    Column("queue", Text),
    Column("pipeline", Text, nullable=False),
    Column("stage", Text, nullable=False),
    Column("stage_before_deferral", Text),
    Column("opened_at", _AT, nullable=False),
    Column("closed_at", _AT),
    Column("reason", Text, nullable=False, server_default=_EMPTY),
    Column("contract", JSONB),
    Column("next_task", UUID),
    Column("home", UUID),  # the client it was opened for, when a merge has brought it to another
    Column("joined_into", UUID, ForeignKey("process.processes.id", name="processes_joined_into_fkey")),
    Column("task_is_open", Boolean, Computed("true", persisted=True), nullable=False),
    ForeignKeyConstraint(
        ["next_task", "id", "task_is_open"],
        ["process.tasks.id", "process.tasks.process_id", "process.tasks.is_open"],
        name="processes_next_task",
        deferrable=True,
        initially="DEFERRED",
        use_alter=True,
    ),
    CheckConstraint("(closed_at is null) = (next_task is not null)", name="processes_open_has_next_task"),
    CheckConstraint(
        "(closed_at is null) = (stage not in ('won', 'lost') and joined_into is null)",
        name="processes_closed_as_staged",
    ),
    CheckConstraint("joined_into <> id", name="processes_joined_to_another"),
    CheckConstraint("stage <> 'won' or contract is not null", name="processes_won_by_contract"),
    CheckConstraint("stage <> 'lost' or reason ~ '\\S'", name="processes_lost_for_a_reason"),
    CheckConstraint("(stage = 'deferred') = (stage_before_deferral is not null)", name="processes_deferred_from"),
    Index("processes_one_open", "client_id", "product_line", unique=True, postgresql_where=text("closed_at is null")),
    Index("processes_of_client", "client_id"),
    Index("processes_joined", "joined_into", postgresql_where=text("joined_into is not null")),
)

# A merge of clients as the sales follow it: told in the loser's history, then followed in the survivor's.
merges = Table(
    "merges",
    metadata,
    Column("id", UUID, primary_key=True),
    Column("survivor_id", UUID, nullable=False),
    Column("loser_id", UUID, nullable=False),
    Column("state", Text, CheckConstraint("state in ('told', 'followed', 'undone')"), nullable=False),
    Index("merges_of_loser", "loser_id", postgresql_where=text("state = 'followed'")),
)

# What is to be done. A closed task is never opened again; a sale has at most one open (and, by R4-11, at least one).
tasks = Table(
    "tasks",
    metadata,
    Column("id", UUID, primary_key=True),
    Column("process_id", UUID, ForeignKey("process.processes.id", name="tasks_process"), nullable=False),
    Column("lead_id", UUID),
    Column("import_id", UUID),
    Column("manager", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("note", Text, nullable=False, server_default=_EMPTY),
    Column("due_at", _AT),
    Column("named_date", Date),
    Column("meeting_at", _AT),  # of a first reaction: when the meeting begins that its lead came with
    Column("set_at", _AT, nullable=False),
    Column("is_open", Boolean, nullable=False, server_default=text("true")),
    Column("closed_at", _AT),
    Column("how", Text),
    UniqueConstraint("id", "process_id", "is_open", name="tasks_open_of_process"),
    CheckConstraint("is_open = (closed_at is null) and is_open = (how is null)", name="tasks_closed_somehow"),
    Index("tasks_one_open", "process_id", unique=True, postgresql_where=text("is_open")),
    Index("tasks_of_process", "process_id", "set_at"),
    Index("tasks_of_import", "import_id", postgresql_where=text("import_id is not null")),
)

# One contact with a client. R4-10: no touch without a result and a comment.
touches = Table(
    "touches",
    metadata,
    Column("id", UUID, primary_key=True),
    Column("process_id", UUID, ForeignKey("process.processes.id", name="touches_process"), nullable=False),
    Column("task_id", UUID, ForeignKey("process.tasks.id", name="touches_task"), nullable=False),
    Column("staff_id", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("direction", Text, nullable=False),
    Column("touched_at", _AT, nullable=False),
    Column("recorded_at", _AT, nullable=False),
    Column("result", Text, nullable=False),
    Column("comment", Text, nullable=False),
    Column("resources", Text, nullable=False, server_default=_EMPTY),
    Column("meeting", JSONB),
    Column("contract", JSONB),
    CheckConstraint("result ~ '\\S' and comment ~ '\\S'", name="touches_say_what_came_of_it"),
    Index("touches_of_process", "process_id", "touched_at"),
)

# The history of stages, in the order of `id`; a sale begins as opened, at its `opened_at`.
moves = Table(
    "moves",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("process_id", UUID, ForeignKey("process.processes.id", name="moves_process"), nullable=False),
    Column("touch_id", UUID, ForeignKey("process.touches.id", name="moves_touch"), nullable=False),
    Column("move", Text, nullable=False),
    Column("from_stage", Text, nullable=False),
    Column("to_stage", Text, nullable=False),
    Column("staff_id", Text, nullable=False),
    Column("moved_at", _AT, nullable=False),
    Index("moves_of_process", "process_id", "id"),
)

# Which sale a lead is in: it opened the sale, or joined it.
leads = Table(
    "leads",
    metadata,
    Column("id", UUID, primary_key=True),
    Column("process_id", UUID, ForeignKey("process.processes.id", name="leads_process"), nullable=False),
    Column("joined", Boolean, nullable=False),
    Column("import_id", UUID),
    Column("source", Text, nullable=False),
    Column("campaign", Text),
    Column("assigned_to", Text, nullable=False),
    Column("rule", Text, nullable=False),
    Column("contact", Text, nullable=False),
    Column("phone", Text, nullable=False),
    Column("email", Text, nullable=False),
    Column("interest", Text, nullable=False),
    Column("received_at", _AT, nullable=False),
    Column("taken_at", _AT, nullable=False),
    Column("withdrawn_at", _AT),  # its import was undone
    Index("leads_of_process", "process_id"),
    Index("leads_of_import", "import_id", postgresql_where=text("import_id is not null")),
)

# A sale that went from one manager to another, and how it stood before: a move may be undone.
moved_sales = Table(
    "moved_sales",
    metadata,
    Column("move_id", UUID, primary_key=True),
    Column(
        "process_id", UUID, ForeignKey("process.processes.id", name="moved_sales_process_id_fkey"), primary_key=True
    ),
    Column("client_id", UUID, nullable=False),
    Column("before", JSONB, nullable=False),
    Column("manager", Text, nullable=False),
    Column("moved_at", _AT, nullable=False),
    Column("returned_at", _AT),
    Index("moved_sales_of_client", "client_id", "move_id"),
)

# Copies of the directory, as routing last told.
offices = Table(
    "offices",
    metadata,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("time_zone", Text, nullable=False),
    Column("hours", Text, nullable=False),
    Column("calendar", Text, nullable=False),
    Column("days_off", JSONB, nullable=False),
    Column("working_days", JSONB, nullable=False),
    Column("head", Text),
    Column("active", Boolean, nullable=False),
)
staff = Table(
    "staff",
    metadata,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("office_id", Text, nullable=False),
    Column("function", Text, nullable=False),
    Column("active", Boolean, nullable=False),
)

add_ledger(metadata)
