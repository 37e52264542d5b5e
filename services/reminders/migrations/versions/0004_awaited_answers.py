"""Receivers are asked whether they take a lead, and have a time to answer."""

from alembic import op

from shared.ledger_ddl import statements

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

DDL = """
create table acceptance_policies (
    source text primary key,
    amount integer not null check (amount >= 0),
    unit   text not null check (unit in ('working_minutes', 'working_days'))
);
insert into acceptance_policies (source, amount, unit) values
    ('inbound_call', 15, 'working_minutes'),
    ('website', 10, 'working_minutes'),
    ('referral', 60, 'working_minutes'),
    ('agent', 180, 'working_minutes'),
    ('event', 1, 'working_days'),
    ('other', 180, 'working_minutes');

create table awaited (
    lead_id      uuid primary key,
    attempt      integer not null,
    client_id    uuid not null,
    manager      text not null,
    state        text not null check (state in ('open', 'answered', 'expired')),
    office_id    text,
    source       text,
    bulk         boolean not null default false,
    counted_from timestamptz,
    warn_at      timestamptz,
    due_at       timestamptz,
    warned_at    timestamptz,
    ended_at     timestamptz,
    step         text check (step in ('warning', 'expired')),
    fire_at      timestamptz,
    correlation  uuid not null,
    check (state <> 'open' or (office_id is not null and source is not null and counted_from is not null
        and warn_at is not null and due_at is not null and step is not null and fire_at is not null))
);
create index awaited_due on awaited (fire_at) where fire_at is not null;
create index awaited_of_client on awaited (client_id)
"""


def upgrade() -> None:
    for statement in statements(DDL):
        op.execute(statement)


def downgrade() -> None:
    op.drop_table("awaited")
    op.drop_table("acceptance_policies")
