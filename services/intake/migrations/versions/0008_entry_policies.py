"""How long after its end a call may be entered is a setting (R1-22)."""

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        "create table entry_policies (source text primary key, amount integer not null check (amount >= 0),"
        " unit text not null check (unit = 'minutes'))"
    )
    op.execute("insert into entry_policies (source, amount, unit) values ('inbound_call', 5, 'minutes')")


def downgrade() -> None:
    op.drop_table("entry_policies")
