"""A first task knows the meeting that its lead came with."""

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("alter table tasks add column meeting_at timestamptz")


def downgrade() -> None:
    op.drop_column("tasks", "meeting_at")
