"""What a decision rests on is one text: nobody asks PostgreSQL what is in it, and taking it apart cost more than writing it."""

from alembic import op

from shared.ledger_ddl import statements

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

# Nothing is rewritten: the decisions that are here keep what they were told in, and are read from there.
DDL = """
alter table decisions
    add column told text,
    alter column evidence drop not null,
    alter column candidates drop not null,
    alter column flags drop not null,
    alter column faults drop not null
"""


def upgrade() -> None:
    for statement in statements(DDL):
        op.execute(statement)


def downgrade() -> None:
    raise NotImplementedError("what was decided is not thrown away")
