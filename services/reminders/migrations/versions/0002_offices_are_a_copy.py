"""Offices are a copy that may be dropped and heard again: what refers to them is checked when that is done."""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("alter table deadlines alter constraint deadlines_office_id_fkey deferrable")


def downgrade() -> None:
    op.execute("alter table deadlines alter constraint deadlines_office_id_fkey not deferrable")
