"""What is unsent or unheard stands in one row for all that was said at once."""

from alembic import op

from shared.ledger_ddl import QUEUE_BY_SAYING, statements

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for statement in statements(QUEUE_BY_SAYING):
        op.execute(statement)


def downgrade() -> None:
    raise NotImplementedError("restore a backup")
