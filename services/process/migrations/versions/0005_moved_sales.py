"""Sales that went from one manager to another, and how they stood before."""

from alembic import op

from shared.ledger_ddl import statements

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

DDL = """
create table moved_sales (
    move_id     uuid not null,
    process_id  uuid not null references processes (id),
    client_id   uuid not null,
    before      jsonb not null,
    manager     text not null,
    moved_at    timestamptz not null,
    returned_at timestamptz,
    primary key (move_id, process_id)
);
create index moved_sales_of_client on moved_sales (client_id, move_id)
"""


def upgrade() -> None:
    for statement in statements(DDL):
        op.execute(statement)


def downgrade() -> None:
    raise NotImplementedError("who had a sale before it was moved is not known anywhere else")
