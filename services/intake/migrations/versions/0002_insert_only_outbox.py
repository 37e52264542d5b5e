"""The outbox is only added to; what is unsent or unheard stands in small tables of its own."""

from alembic import op

from shared.ledger_ddl import INSERT_ONLY_OUTBOX, statements

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for statement in statements(INSERT_ONLY_OUTBOX):
        op.execute(statement)
    op.execute("alter table key_stats set (fillfactor = 70)")
    op.execute("alter table clients set (fillfactor = 80)")


def downgrade() -> None:
    raise NotImplementedError("what was sent when is not known any more: restore a backup")
