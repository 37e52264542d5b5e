"""Decisions know their order and when their lead was received, so that a period can be decided again and reported on."""

from alembic import op

from shared.ledger_ddl import statements

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

DDL = """
alter table decisions add column nth bigint;
update decisions d set nth = n.nth from (select lead_id, row_number() over (order by at, ctid) as nth from decisions) n
 where d.lead_id = n.lead_id;
alter table decisions alter column nth set not null;
alter table decisions alter column nth add generated always as identity;
select setval(pg_get_serial_sequence('decisions', 'nth'), (select coalesce(max(nth), 0) + 1 from decisions), false);
create unique index decisions_in_order on decisions (nth);
comment on column decisions.nth is 'the order in which they were made: drawn while what they looked at is locked';
alter table decisions add column received_at timestamptz;
comment on column decisions.received_at is 'when the lead came, null: decided before this was kept';
create index ledger_of_pools on ledger (pool_id) where strpos(pool_id, '#') = 0
"""


def upgrade() -> None:
    for statement in statements(DDL):
        op.execute(statement)


def downgrade() -> None:
    op.drop_index("ledger_of_pools")
    op.drop_column("decisions", "received_at")
    op.drop_column("decisions", "nth")
