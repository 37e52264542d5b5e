"""Staff have languages, caps on their leads and a notice date; what somebody received today is found by its moment."""

from alembic import op

from shared.ledger_ddl import statements

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

DDL = """
alter table staff add column languages jsonb not null default '[]';
alter table staff add column per_day integer check (per_day > 0);
alter table staff add column open_leads integer check (open_leads > 0);
alter table staff add column notice_at timestamptz;
comment on column staff.per_day is 'cap on the leads of a day';
comment on column staff.open_leads is 'cap on the leads he holds open';
comment on column staff.notice_at is 'from when on he takes no new leads, having given notice';

create index decisions_by_moment on decisions using brin (at);
"""


def upgrade() -> None:
    for statement in statements(DDL):
        op.execute(statement)


def downgrade() -> None:
    for column in ("languages", "per_day", "open_leads", "notice_at"):
        op.drop_column("staff", column)
    op.drop_index("decisions_by_moment")
