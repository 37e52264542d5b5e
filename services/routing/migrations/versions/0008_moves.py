"""Work moves from one to another: what was asked, what became of each client, and how he stood before."""

from alembic import op

from shared.ledger_ddl import statements

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

DDL = """
create table moves (
    id         uuid primary key,
    kind       text not null check (kind in ('transfer', 'dismissal', 'handover')),
    state      text not null check (state in ('planned', 'moving', 'done', 'undoing', 'undone', 'cancelled')),
    staff_id   text references staff (id),
    office_id  text references offices (id),
    client_id  uuid,
    to_staff   text references staff (id),
    to_office  text references offices (id),
    asked_by   text,
    reason     text not null,
    warnings   jsonb not null,
    cause      uuid not null,
    correlation uuid not null,
    asked_at   timestamptz not null,
    starts_at  timestamptz not null,
    began_at   timestamptz,
    ended_at   timestamptz,
    undo_until timestamptz not null,
    undone_at  timestamptz,
    undone_by  text,
    after      uuid,
    again      boolean not null default false,
    worked_at  timestamptz,
    check ((kind = 'dismissal') = (staff_id is not null)),
    check ((kind = 'handover') = (office_id is not null)),
    check ((kind = 'transfer') = (client_id is not null))
);
comment on column moves.staff_id is 'who is dismissed';
comment on column moves.office_id is 'whose base is handed over';
comment on column moves.after is 'the client that the walk has come to';
comment on column moves.again is 'whether this pass over the clients has moved any, and another follows';
comment on column moves.worked_at is 'when the walk last took a step';
create unique index moves_one_dismissal on moves (staff_id) where kind = 'dismissal' and state in ('planned', 'moving', 'done');
create index moves_at_work on moves (worked_at nulls first) where state in ('planned', 'moving', 'undoing');
create index moves_by_moment on moves (asked_at);

create table moved (
    move_id   uuid not null references moves (id),
    client_id uuid not null,
    state     text not null check (state in ('asked', 'followed', 'recalled', 'back', 'left')),
    receiver  text not null,
    rule      text not null,
    queue     text,
    pool      text,
    record    jsonb not null,
    field_id  uuid not null references fields (id),
    before    jsonb not null,
    after     jsonb not null,
    moved_at  timestamptz not null,
    left_because text,
    primary key (move_id, client_id)
);
comment on column moved.record is '{candidates, excluded, ledger, notes}: why this one';
comment on column moved.before is 'how the client stood before the move';
create index moved_of_client on moved (client_id);

create index clients_of_curator on clients (curator, client_id) where curator is not null;
create index clients_worked_by on clients (open_with, client_id) where open_with is not null
"""


def upgrade() -> None:
    for statement in statements(DDL):
        op.execute(statement)


def downgrade() -> None:
    raise NotImplementedError("how clients stood before they were moved is not known anywhere else")
