"""The first tables of reminders."""

from alembic import op

from shared.ledger_ddl import FIRST

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_TABLES = """
create table offices (
    office_id        text primary key,
    name             text not null,
    time_zone        text not null,
    hours            text not null,
    calendar         text not null,
    days_off         jsonb not null,
    working_days     jsonb not null,
    head             text,
    active           boolean not null,
    calendar_version integer not null
);

create table staff (
    staff_id  text primary key,
    name      text not null,
    office_id text not null,
    function  text not null,
    active    boolean not null
);

create table sla_policies (
    source text primary key,
    amount integer not null check (amount >= 0),
    unit   text not null check (unit in ('working_minutes', 'working_days'))
);
insert into sla_policies (source, amount, unit) values
    ('inbound_call', 0, 'working_minutes'),
    ('website', 30, 'working_minutes'),
    ('referral', 240, 'working_minutes'),
    ('agent', 1, 'working_days'),
    ('event', 3, 'working_days'),
    ('other', 1, 'working_days');

create table deadlines (
    task_id          uuid primary key,
    process_id       uuid not null,
    client_id        uuid not null,
    import_id        uuid,
    manager          text not null,
    office_id        text not null references offices (office_id),
    kind             text not null,
    source           text not null,
    is_first_reaction boolean not null,
    counted_from     timestamptz not null,
    warn_at          timestamptz,
    due_at           timestamptz not null,
    overdue_at       timestamptz not null check (overdue_at >= due_at),
    escalate_at      timestamptz not null check (escalate_at >= overdue_at),
    by_rule          text not null,
    named_date       date,
    state            text not null check (state in ('open', 'closed')),
    set_at           timestamptz not null,
    closed_at        timestamptz,
    closed_how       text,
    version          integer not null,
    calendar_version integer not null,
    correlation      uuid not null,
    check ((state = 'closed') = (closed_at is not null))
);
create index deadlines_of_client on deadlines (client_id);
create index deadlines_of_import on deadlines (import_id, set_at) where import_id is not null;
create index deadlines_of_office on deadlines (office_id, calendar_version) where state = 'open';

create table timers (
    task_id uuid primary key references deadlines (task_id),
    step    text not null check (step in ('warning', 'due', 'overdue', 'escalated')),
    version integer not null,
    fire_at timestamptz not null
) with (fillfactor = 85, autovacuum_vacuum_scale_factor = 0.02);
create index timers_due on timers (fire_at);

create table notifications (
    id      uuid primary key,
    task_id uuid not null references deadlines (task_id),
    step    text not null check (step in ('warning', 'due', 'overdue', 'escalated')),
    version integer not null,
    tells   text not null,
    at      timestamptz not null,
    is_late boolean not null,
    constraint notifications_once unique (task_id, step, version)
);
"""


def upgrade() -> None:
    for statement in (FIRST + _TABLES).split(";"):
        if statement.strip():
            op.execute(statement)


def downgrade() -> None:
    for table in ("notifications", "timers", "deadlines", "sla_policies", "staff", "offices"):
        op.execute(f"drop table {table}")
    for table in ("dead_letters", "commands_done", "watermarks", "sequences", "outbox"):
        op.execute(f"drop table {table}")
