"""The first tables of the process room."""

from alembic import op

from shared.ledger_ddl import FIRST

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

DDL = r"""
create table processes (
    id           uuid primary key,
    client_id    uuid not null,
    product_line text not null default '',
    lead_id      uuid not null,
    source       text not null,
    import_id    uuid,
    received_at  timestamptz not null,
    company      text not null default '',
    manager      text not null,
    office_id    text not null,
    queue        text,
    pipeline     text not null,
    stage        text not null,
    stage_before_deferral text,
    opened_at    timestamptz not null,
    closed_at    timestamptz,
    reason       text not null default '',
    contract     jsonb,
    next_task    uuid,
    task_is_open boolean not null generated always as (true) stored,
    constraint processes_open_has_next_task check ((closed_at is null) = (next_task is not null)),
    constraint processes_closed_as_staged check ((closed_at is null) = (stage not in ('won', 'lost'))),
    constraint processes_won_by_contract check (stage <> 'won' or contract is not null),
    constraint processes_lost_for_a_reason check (stage <> 'lost' or reason ~ '\S'),
    constraint processes_deferred_from check ((stage = 'deferred') = (stage_before_deferral is not null))
);
create unique index processes_one_open on processes (client_id, product_line) where closed_at is null;
create index processes_of_client on processes (client_id);

create table tasks (
    id         uuid primary key,
    process_id uuid not null constraint tasks_process references processes,
    lead_id    uuid,
    import_id  uuid,
    manager    text not null,
    kind       text not null,
    note       text not null default '',
    due_at     timestamptz,
    named_date date,
    set_at     timestamptz not null,
    is_open    boolean not null default true,
    closed_at  timestamptz,
    how        text,
    constraint tasks_open_of_process unique (id, process_id, is_open),
    constraint tasks_closed_somehow check (is_open = (closed_at is null) and is_open = (how is null))
);
create unique index tasks_one_open on tasks (process_id) where is_open;
create index tasks_of_process on tasks (process_id, set_at);
create index tasks_of_import on tasks (import_id) where import_id is not null;

alter table processes add constraint processes_next_task
    foreign key (next_task, id, task_is_open) references tasks (id, process_id, is_open)
    deferrable initially deferred;

create table touches (
    id          uuid primary key,
    process_id  uuid not null constraint touches_process references processes,
    task_id     uuid not null constraint touches_task references tasks,
    staff_id    text not null,
    kind        text not null,
    direction   text not null,
    touched_at  timestamptz not null,
    recorded_at timestamptz not null,
    result      text not null,
    comment     text not null,
    resources   text not null default '',
    meeting     jsonb,
    contract    jsonb,
    constraint touches_say_what_came_of_it check (result ~ '\S' and comment ~ '\S')
);
create index touches_of_process on touches (process_id, touched_at);

create table moves (
    id         bigint generated always as identity primary key,
    process_id uuid not null constraint moves_process references processes,
    touch_id   uuid not null constraint moves_touch references touches,
    move       text not null,
    from_stage text not null,
    to_stage   text not null,
    staff_id   text not null,
    moved_at   timestamptz not null
);
create index moves_of_process on moves (process_id, id);

create table leads (
    id          uuid primary key,
    process_id  uuid not null constraint leads_process references processes,
    joined      boolean not null,
    import_id   uuid,
    source      text not null,
    campaign    text,
    assigned_to text not null,
    rule        text not null,
    contact     text not null,
    phone       text not null,
    email       text not null,
    interest    text not null,
    received_at timestamptz not null,
    taken_at    timestamptz not null
);
create index leads_of_process on leads (process_id);
create index leads_of_import on leads (import_id) where import_id is not null;

create table offices (
    id           text primary key,
    name         text not null,
    time_zone    text not null,
    hours        text not null,
    calendar     text not null,
    days_off     jsonb not null,
    working_days jsonb not null,
    head         text,
    active       boolean not null
);

create table staff (
    id        text primary key,
    name      text not null,
    office_id text not null,
    function  text not null,
    active    boolean not null
);
"""


def upgrade() -> None:
    """Make the tables."""
    for statement in (FIRST + DDL).split(";"):
        if statement.strip():
            op.execute(statement)


def downgrade() -> None:
    """There is nothing before the first."""
    raise NotImplementedError("drop the schema instead")
