"""What a move has put an end to asking is known, so that it is asked again when the move is taken back."""

from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("alter table decisions add column withdrawn_for uuid")
    op.execute("comment on column decisions.withdrawn_for is 'the move by which its receiver was asked no more'")
    op.execute(
        "create index decisions_withdrawn_for on decisions (withdrawn_for, client_id) where withdrawn_for is not null"
    )


def downgrade() -> None:
    op.drop_index("decisions_withdrawn_for")
    op.drop_column("decisions", "withdrawn_for")
