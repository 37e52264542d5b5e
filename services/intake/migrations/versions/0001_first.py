"""The first tables: submissions, decisions, client cards and the keys they are found by."""

from alembic import op

from shared.ledger_ddl import FIRST

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

DDL = """
create table imports (
    id        uuid primary key,
    file_name text not null,
    purpose   text not null,
    source    text not null,
    campaign  text not null,
    submitter text,
    begun_at  timestamptz not null
);

create table submissions (
    id            uuid primary key,
    source_system text not null,
    external_id   text not null,
    purpose       text not null,
    source        text not null,
    campaign      text,
    submitter     text,
    named_manager text,
    curator       text,
    import_id     uuid,
    sheet         text not null,
    row_number    integer,
    country       text not null,
    raw           jsonb not null,
    received_at   timestamptz not null,
    stored_at     timestamptz not null
);
create unique index submissions_once on submissions (source_system, external_id);

create table decisions (
    lead_id      uuid primary key,
    import_id    uuid,
    purpose      text not null,
    outcome      text not null check (outcome in ('same', 'possible', 'new', 'rejected')),
    client_id    uuid,
    rule         text not null,
    score        real not null,
    evidence     jsonb not null,
    candidates   jsonb not null,
    flags        jsonb not null,
    faults       jsonb not null,
    region       text,
    region_by    text,
    norm_version integer not null,
    decided_at   timestamptz not null,
    constraint decisions_client check ((client_id is null) = (outcome = 'rejected'))
);
create index decisions_of_client on decisions (client_id) where client_id is not null;
create index decisions_of_import on decisions (import_id, outcome) where import_id is not null;

create table clients (
    id          uuid primary key,
    name        text not null,
    form        text,
    region      text not null,
    region_by   text not null,
    curator     text,
    provisional boolean not null,
    record      jsonb not null,
    created_at  timestamptz not null
);

create table contacts (
    client_id     uuid not null,
    submission_id uuid not null,
    name          text not null,
    position      text not null,
    phone         text not null,
    email         text not null,
    website       text not null,
    primary key (client_id, submission_id)
);

create table client_keys (
    h             bigint not null,
    client_id     uuid not null,
    kind          text not null,
    value         text not null,
    submission_id uuid not null,
    primary key (h, client_id)
);

create table key_stats (
    h    bigint primary key,
    kind text not null,
    df   integer not null
) with (fillfactor = 70)
"""


def upgrade() -> None:
    for statement in (FIRST + ";" + DDL).split(";"):
        if statement.strip():
            op.execute(statement)


def downgrade() -> None:
    raise NotImplementedError("intake's first migration is not taken back: drop the schema instead")
