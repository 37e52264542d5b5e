"""Gaps of duty coverage that were told ahead: each is told once, and again when it opens again."""

from alembic import op

from shared.ledger_ddl import statements

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

DDL = """
create table gaps_told (
    office_id text not null references offices (id),
    ends_at   timestamptz not null,
    needed    integer not null,
    there     integer not null,
    starts_at timestamptz not null,
    told_at   timestamptz not null,
    primary key (office_id, ends_at, needed, there)
);
comment on column gaps_told.starts_at is 'as it was told: a gap that goes on begins now'
"""


def upgrade() -> None:
    for statement in statements(DDL):
        op.execute(statement)


def downgrade() -> None:
    op.drop_table("gaps_told")
