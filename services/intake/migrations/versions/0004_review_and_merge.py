"""Possible matches wait for a person's word; cards merge under one another and part again."""

from alembic import op

from shared.ledger_ddl import statements

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

DDL = """
alter table clients
    add column under     uuid,
    add column root      uuid,
    add column merge_id  uuid,
    add column merged_at timestamptz,
    add constraint clients_merged check ((under is null) = (root is null) and (under is null) = (merge_id is null)
        and (under is null) = (merged_at is null));
create index clients_of_survivor on clients (root) where root is not null;

create table reviews (
    id           uuid primary key,
    card_id      uuid not null,
    other_id     uuid not null,
    lead_id      uuid not null,
    import_id    uuid,
    rule         text not null,
    score        real not null,
    priority     real not null,
    suggested    text not null,
    conflicts    jsonb not null,
    evidence     jsonb not null,
    opened_at    timestamptz not null,
    state        text not null default 'waiting' check (state in ('waiting', 'judged', 'moot')),
    skips        integer not null default 0,
    judgement_id uuid,
    merge_id     uuid
);
create unique index reviews_once on reviews (card_id, other_id);
create index reviews_waiting on reviews (other_id) where state = 'waiting';
create index reviews_of_lead on reviews (lead_id);

create table judgements (
    id            uuid primary key,
    one           uuid not null,
    other         uuid not null,
    verdict       text not null check (verdict in ('same', 'different', 'sister')),
    keys          jsonb not null,
    judged_by     text not null,
    judged_at     timestamptz not null,
    note          text not null,
    cause         uuid not null,
    superseded_at timestamptz,
    constraint judgements_of_two check (one < other)
);
create unique index judgements_standing on judgements (one, other) where superseded_at is null;

create table merges (
    id           uuid primary key,
    survivor_id  uuid not null,
    loser_id     uuid not null,
    cards        jsonb not null,
    records      jsonb not null,
    import_id    uuid,
    review_id    uuid,
    merged_by    text not null,
    merged_at    timestamptz not null,
    note         text not null,
    rule_version integer not null,
    evidence     jsonb not null,
    before       jsonb not null,
    undone_at    timestamptz,
    undone_by    text,
    undone_note  text,
    came_later   jsonb
);
create index merges_of_loser on merges (loser_id);
create index merges_of_survivor on merges (survivor_id);
create index merges_of_import on merges (import_id) where import_id is not null
"""


def upgrade() -> None:
    for statement in statements(DDL):
        op.execute(statement)


def downgrade() -> None:
    raise NotImplementedError("what people judged is not thrown away")
