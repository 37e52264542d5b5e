"""How far an import is is told by what each of its batches counted, and not by counting its rows again and again."""

from alembic import op

from shared.ledger_ddl import statements

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

DDL = """
create table import_tallies (
    import_id  uuid not null,
    decided_at timestamptz not null,
    purpose    text not null,
    outcome    text not null,
    rows       bigint not null,
    primary key (import_id, decided_at, purpose, outcome)
);
insert into import_tallies (import_id, decided_at, purpose, outcome, rows)
select import_id, decided_at, purpose, outcome, count(*) from decisions where import_id is not null group by 1, 2, 3, 4
"""


def upgrade() -> None:
    for statement in statements(DDL):
        op.execute(statement)


def downgrade() -> None:
    op.drop_table("import_tallies")
