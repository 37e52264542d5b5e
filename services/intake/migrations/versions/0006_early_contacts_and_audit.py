"""Contacts that are no leads yet, keys made anew, audited joins, merges that a second person confirms, released forms."""

from alembic import op

from shared.ledger_ddl import statements

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

DDL = """
alter table clients add column norm_version integer not null default 0;
create index clients_by_norm on clients (norm_version);
create index client_keys_of_client on client_keys (client_id);

alter table decisions
    drop constraint decisions_outcome_check,
    add constraint decisions_outcome_check check (outcome in ('same', 'possible', 'new', 'rejected', 'early')),
    drop constraint decisions_client,
    add constraint decisions_client check ((client_id is null) = (outcome in ('rejected', 'early')));
drop index decisions_of_import;
create index decisions_of_import on decisions (import_id, decided_at) where import_id is not null;
create index decisions_rejected on decisions (import_id) where outcome = 'rejected' and import_id is not null;
alter table imports add column undone_to timestamptz;

create table early_contacts (
    id           uuid primary key,
    rule         text not null,
    record       jsonb not null,
    norm_version integer not null,
    kept_at      timestamptz not null
);
create index early_contacts_by_norm on early_contacts (norm_version);
create table early_contact_keys (
    h          bigint not null,
    contact_id uuid not null,
    primary key (h, contact_id)
);
create index early_contact_keys_of_contact on early_contact_keys (contact_id);
create table early_contact_joins (
    contact_id uuid not null,
    client_id  uuid not null,
    lead_id    uuid,
    outcome    text not null check (outcome in ('same', 'possible')),
    rule       text not null,
    joined_at  timestamptz not null,
    primary key (contact_id, client_id)
);
create index early_contact_joins_of_client on early_contact_joins (client_id);
create index early_contact_joins_of_lead on early_contact_joins (lead_id) where lead_id is not null;

create table audits (
    lead_id   uuid primary key,
    client_id uuid not null,
    rule      text not null,
    score     real not null,
    one_in    integer not null,
    opened_at timestamptz not null,
    verdict   text check (verdict in ('right', 'wrong')),
    judged_by text,
    judged_at timestamptz,
    note      text,
    constraint audits_judged check ((verdict is null) = (judged_by is null) and (verdict is null) = (judged_at is null))
);
create index audits_waiting on audits (opened_at) where verdict is null;

create table proposals (
    id           uuid primary key,
    pairs        jsonb not null,
    reviews      jsonb not null,
    survivor_id  uuid,
    reasons      jsonb not null,
    proposed_by  text not null,
    proposed_at  timestamptz not null,
    note         text not null,
    state        text not null default 'waiting' check (state in ('waiting', 'confirmed', 'declined')),
    settled_by   text,
    settled_at   timestamptz,
    settled_note text
);
create index proposals_waiting on proposals (proposed_at) where state = 'waiting';

alter table receipts add column released_by text, add column released_at timestamptz;
create index receipts_set_aside on receipts (received_at) where state = 'set_aside';
create index judgements_of_other on judgements (other) where superseded_at is null
"""


def upgrade() -> None:
    for statement in statements(DDL):
        op.execute(statement)


def downgrade() -> None:
    raise NotImplementedError("what was kept and judged is not thrown away")
