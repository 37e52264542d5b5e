"""Imports can be undone, with what became of each of their rows; calls keep their script, referrals who made them."""

from alembic import op

from shared.ledger_ddl import statements

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

DDL = """
alter table imports
    add column undo_at    timestamptz,
    add column undo_by    text,
    add column undo_cause uuid,
    add column undoing    boolean not null default false;
create index imports_undoing on imports (undo_at) where undoing;
alter table submissions
    add column call     jsonb,
    add column referral jsonb;
alter table decisions
    add column recall  text check (recall in ('asked', 'kept', 'undone')),
    add column kept_because text
"""


def upgrade() -> None:
    for statement in statements(DDL):
        op.execute(statement)


def downgrade() -> None:
    raise NotImplementedError("what was undone would look as if it were there")
