"""The meetings that leads came with: whoever has one is given no other at its time."""

from alembic import op

from shared.ledger_ddl import statements

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

DDL = """
create table meetings (
    lead_id   uuid primary key,
    client_id uuid not null,
    starts_at timestamptz not null,
    ends_at   timestamptz not null,
    freed_at  timestamptz,
    check (ends_at > starts_at)
);
comment on column meetings.client_id is 'as the lead came: whoever works him now, merges and moves followed, holds the meeting';
comment on column meetings.freed_at is 'when its lead was taken back, or the sale it belonged to ended';
create index meetings_standing on meetings (ends_at) where freed_at is null;
create index meetings_of_client on meetings (client_id) where freed_at is null
"""


def upgrade() -> None:
    for statement in statements(DDL):
        op.execute(statement)


def downgrade() -> None:
    op.drop_table("meetings")
