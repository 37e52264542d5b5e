"""A touch that names a client who was merged is followed to the survivor: his merge is found by him."""

from alembic import op

from shared.ledger_ddl import statements

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

DDL = """
create index merges_of_loser on merges (loser_id) where state = 'followed'
"""


def upgrade() -> None:
    for statement in statements(DDL):
        op.execute(statement)


def downgrade() -> None:
    op.execute("drop index merges_of_loser")
