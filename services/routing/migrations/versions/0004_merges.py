"""Merges of clients as routing follows them, and the shares that they gave back."""

from alembic import op

from shared.ledger_ddl import statements

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

DDL = """
create table merges (
    id          uuid primary key,
    survivor_id uuid not null,
    loser_id    uuid not null,
    state       text not null check (state in ('told', 'followed', 'undone')),
    before      jsonb,
    after       jsonb
);
alter table decisions add column given_back_for uuid;
comment on column decisions.given_back_for is 'the merge by which its share was given back';
create index decisions_given_back on decisions (given_back_for) where given_back_for is not null
"""


def upgrade() -> None:
    for statement in statements(DDL):
        op.execute(statement)


def downgrade() -> None:
    raise NotImplementedError("how clients stood before a merge is not known anywhere else")
