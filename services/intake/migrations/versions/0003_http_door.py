"""Receipts: what was brought to the HTTP door, kept as it came before anybody was told that it is accepted."""

from alembic import op

from shared.ledger_ddl import statements

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

DDL = """
create table receipts (
    id            uuid primary key,
    source_system text not null,
    external_id   text not null,
    way           text not null check (way in ('lead', 'form', 'webhook')),
    state         text not null check (state in ('waiting', 'taken', 'set_aside')),
    digest        text not null,
    command       text not null,
    body          bytea not null,
    received_at   timestamptz not null,
    tries         integer not null default 0,
    next_at       timestamptz not null,
    taken_at      timestamptz
);
create index receipts_waiting on receipts (next_at) where state = 'waiting'
"""


def upgrade() -> None:
    for statement in statements(DDL):
        op.execute(statement)


def downgrade() -> None:
    raise NotImplementedError("receipts are the raw words of clients: they are not thrown away")
