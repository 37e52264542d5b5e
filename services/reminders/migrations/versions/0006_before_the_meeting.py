"""What is to be done before a meeting is due by then, however long its term is."""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("alter table deadlines add column meeting_at timestamptz")


def downgrade() -> None:
    op.drop_column("deadlines", "meeting_at")
