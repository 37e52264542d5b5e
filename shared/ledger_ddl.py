"""The ledger's tables as each room's migrations make them: the first state, and every change since."""

from __future__ import annotations

FIRST = """
create table outbox (
    id          bigint generated always as identity primary key,
    message_id  uuid not null,
    aggregate   text not null,
    sequence    bigint not null,
    subject     text not null,
    type        text not null,
    payload     text not null,
    cause       uuid not null,
    by_command  boolean not null,
    correlation uuid not null,
    traceparent text not null,
    said_at     timestamptz not null default clock_timestamp(),
    sent_at     timestamptz,
    resends     integer not null default 0
);
create unique index outbox_history on outbox (aggregate, sequence);
create index outbox_unsent on outbox (id) where sent_at is null;
create index outbox_answers on outbox (cause) where by_command;

create table sequences (
    aggregate text primary key,
    said      bigint not null,
    heard     bigint not null default 0
);
create index sequences_unheard on sequences (aggregate) where heard < said;

create table watermarks (
    source    text not null,
    aggregate text not null,
    applied   bigint not null,
    held_by   bigint,
    primary key (source, aggregate)
);

create table commands_done (
    id      uuid primary key,
    done_at timestamptz not null default clock_timestamp()
);

create table dead_letters (
    id          bigint generated always as identity primary key,
    message_id  uuid,
    source      text not null,
    aggregate   text,
    sequence    bigint,
    subject     text not null,
    headers     jsonb not null,
    payload     text not null,
    reason      text not null,
    handler     text not null,
    tries       integer not null default 1,
    state       text not null check (state in ('dead', 'waiting', 'again', 'settled')),
    died_at     timestamptz not null default clock_timestamp(),
    settled_at  timestamptz,
    settled_why text
);
create index dead_letters_open on dead_letters (aggregate, sequence) where state <> 'settled';
create unique index dead_letters_once on dead_letters (subject, message_id);
"""

INSERT_ONLY_OUTBOX = """
create table unsent (
    bulk boolean not null,
    id   bigint not null,
    primary key (bulk, id)
);
insert into unsent select false, id from outbox where sent_at is null;
drop index outbox_unsent;
alter table outbox drop column sent_at;

create table unheard (
    aggregate text primary key,
    said      bigint not null
);
insert into unheard select aggregate, said from sequences where heard < said;
drop index sequences_unheard;
alter table sequences drop column heard;

delete from watermarks where aggregate = 'relay';
alter table watermarks set (fillfactor = 50);
alter table sequences set (fillfactor = 80)
"""

QUEUE_BY_SAYING = """
alter table unsent add column ids bigint[];
alter table unsent alter column ids set storage plain;
update unsent set ids = array[id];
alter table unsent alter column ids set not null;

alter table unheard rename to unheard_names;
alter index unheard_pkey rename to unheard_names_pkey;
create table unheard (
    id  bigint primary key,
    ids bigint[] not null
);
alter table unheard alter column ids set storage plain;
insert into unheard select o.id, array[o.id] from unheard_names n join outbox o using (aggregate);
drop table unheard_names
"""

NUMBERS_FROM_OUTBOX = """
drop table sequences
"""


def statements(ddl: str) -> list[str]:
    """The single statements of a script; the driver takes one at a time."""
    return [one for one in ddl.split(";") if one.strip()]
