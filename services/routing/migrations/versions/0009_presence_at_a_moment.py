"""What was last said of somebody before any moment is found without reading all that was ever said."""

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("create index presence_said_of_each on presence_said (staff_id, word, at)")


def downgrade() -> None:
    op.drop_index("presence_said_of_each")
