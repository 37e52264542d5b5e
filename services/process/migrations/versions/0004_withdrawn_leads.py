"""Leads whose import was undone are marked; they stay to be seen."""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("alter table leads add column withdrawn_at timestamptz")


def downgrade() -> None:
    op.execute("alter table leads drop column withdrawn_at")
