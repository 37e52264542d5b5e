"""The first tables of routing."""

from alembic import op

from shared.ledger_ddl import FIRST

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

DDL = """
create table company (
    id            smallint primary key check (id = 1),
    name          text not null,
    home_region   text not null,
    time_zone     text not null,
    head_of_sales text,
    version       integer not null,
    applied_at    timestamptz not null
);

create table offices (
    id           text primary key,
    name         text not null,
    time_zone    text not null,
    hours        text not null,
    calendar     text not null,
    days_off     jsonb not null,
    working_days jsonb not null,
    head         text,
    retired_at   timestamptz
);

create table office_regions (
    office_id  text not null references offices,
    region     text not null,
    retired_at timestamptz,
    primary key (office_id, region)
);
create unique index office_regions_served_once on office_regions (region) where retired_at is null;

create table staff (
    id         text primary key,
    name       text not null,
    office_id  text not null references offices,
    function   text not null,
    weight     integer not null check (weight > 0),
    retired_at timestamptz
);
comment on column staff.weight is 'in thousandths';

create table duty (
    office_id  text not null references offices,
    staff_id   text not null references staff,
    starts_at  timestamptz not null,
    ends_at    timestamptz not null,
    retired_at timestamptz,
    primary key (office_id, staff_id, starts_at, ends_at),
    check (ends_at > starts_at)
);
create index duty_by_end on duty (office_id, ends_at) where retired_at is null;

create table absences (
    staff_id   text not null references staff,
    starts_at  timestamptz not null,
    ends_at    timestamptz not null,
    reason     text not null,
    retired_at timestamptz,
    primary key (staff_id, starts_at, ends_at, reason),
    check (ends_at > starts_at)
);
create index absences_by_end on absences (ends_at) where retired_at is null;

create table clients (
    client_id      uuid primary key,
    region         text not null default 'unknown',
    curator        text,
    stated_curator text,
    current        boolean not null default false,
    process_id     uuid,
    open_with      text,
    given_to       text,
    given_lead     uuid
) with (fillfactor = 70);
create index clients_with_unknown_curator on clients (stated_curator) where curator is null and stated_curator is not null;
comment on column clients.curator is 'an id of the directory';
comment on column clients.stated_curator is 'as it was said, when it is not the id';
comment on column clients.current is 'has bought';
comment on column clients.process_id is 'the open sale';
comment on column clients.open_with is 'its manager';
comment on column clients.given_to is 'who received the last lead, until process has answered for it';

create table pools (
    id text primary key
);

create table ledger (
    pool_id  text not null references pools,
    staff_id text not null,
    balance  bigint not null,
    turn     bigint not null,
    primary key (pool_id, staff_id)
) with (fillfactor = 50);
comment on column ledger.balance is 'what is owed, in units: fair_share.UNIT to a lead';
comment on column ledger.turn is 'the turn of the pool at which he last received; 0: never';

create table fields (
    id            uuid primary key,
    content       jsonb not null,
    first_seen_at timestamptz not null
);
comment on column fields.content is 'the field of play as decisions saw it';

create table decisions (
    lead_id       uuid primary key,
    client_id     uuid not null,
    import_id     uuid,
    at            timestamptz not null,
    rule          text not null,
    rules         jsonb not null,
    receiver      text not null,
    office_id     text not null,
    queue         text,
    pool          text,
    candidates    jsonb not null,
    excluded      jsonb not null,
    ledger        jsonb,
    told          jsonb not null,
    notes         jsonb not null,
    alarm         text,
    rules_version text not null,
    field_id      uuid not null references fields,
    inputs        jsonb not null,
    given_back_at timestamptz
);
create index decisions_of_client on decisions (client_id);
create index decisions_of_import on decisions (import_id) where import_id is not null;
comment on column decisions.rules is 'met on the way, in order';
comment on column decisions.candidates is '[{id, weight, turn}]';
comment on column decisions.excluded is '{id: {why, …}}';
comment on column decisions.ledger is '{before: {id: units}, after: {id: units}}; null: not shared out';
comment on column decisions.notes is '[[code, about]]';
comment on column decisions.inputs is '{lead, client}: what the rules were given besides the field';
comment on column decisions.given_back_at is 'when its share was given back';
"""


def upgrade() -> None:
    """Do it."""
    for statement in (FIRST + DDL).split(";\n"):
        if statement.strip():
            op.execute(statement)


def downgrade() -> None:
    """Take it back."""
    raise NotImplementedError("nothing stands before the first revision")
