"""Calendars that people subscribe to, and the meetings that managers set in their sales."""

from alembic import op

from shared.ledger_ddl import statements

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

DDL = """
alter table meetings rename column lead_id to id;
comment on column meetings.id is 'of the lead that it came with, or of the sale in which it was set';
alter table meetings add column holder text;
comment on column meetings.holder is 'who holds it, where that is not whoever works the client';
alter table meetings add column company text not null default '';
alter table meetings add column place text check (place in ('ours', 'theirs'));
alter table meetings add column changes integer not null default 0;
comment on column meetings.changes is 'how often it was moved';
alter table meetings add column changed_at timestamptz not null default now();
alter table meetings alter column changed_at drop default;

create table feeds (
    id         uuid primary key,
    token_hash text not null unique,
    staff_id   text references staff (id),
    office_id  text references offices (id),
    lang       text not null check (lang in ('ru', 'en')),
    label      text not null,
    opened_by  text,
    opened_at  timestamptz not null,
    revoked_by text,
    revoked_at timestamptz,
    check ((staff_id is null) <> (office_id is null))
);
comment on column feeds.token_hash is 'SHA-256 of the secret in its address, in hexadecimal, the secret itself is nowhere';
"""


def upgrade() -> None:
    for statement in statements(DDL):
        op.execute(statement)


def downgrade() -> None:
    op.drop_table("feeds")
    for name in ("holder", "company", "place", "changes", "changed_at"):
        op.drop_column("meetings", name)
    op.alter_column("meetings", "id", new_column_name="lead_id")
