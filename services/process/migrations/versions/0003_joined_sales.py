"""A sale may be joined to another when their clients turn out to be one, and go its own way again."""

from alembic import op

from shared.ledger_ddl import statements

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

DDL = """
alter table processes add column home uuid;
alter table processes add column joined_into uuid references processes (id);
alter table processes drop constraint processes_closed_as_staged;
alter table processes add constraint processes_closed_as_staged
    check ((closed_at is null) = (stage not in ('won', 'lost') and joined_into is null));
alter table processes add constraint processes_joined_to_another check (joined_into <> id);
create index processes_joined on processes (joined_into) where joined_into is not null;

create table merges (
    id          uuid primary key,
    survivor_id uuid not null,
    loser_id    uuid not null,
    state       text not null check (state in ('told', 'followed', 'undone'))
)
"""


def upgrade() -> None:
    for statement in statements(DDL):
        op.execute(statement)


def downgrade() -> None:
    raise NotImplementedError("which sales were joined is not known anywhere else")
