"""How far each history has been told is read from the outbox itself."""

from alembic import op

from shared.ledger_ddl import NUMBERS_FROM_OUTBOX, statements

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for statement in statements(NUMBERS_FROM_OUTBOX):
        op.execute(statement)


def downgrade() -> None:
    raise NotImplementedError("restore a backup")
