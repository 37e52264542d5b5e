"""The tables each room has for being reliable: outbox, sequences, watermarks, commands done, dead letters."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, DateTime, Index, Integer, MetaData, Table, Text, text
from sqlalchemy.dialects.postgresql import JSONB, UUID

_AT = DateTime(timezone=True)


def add_ledger(metadata: MetaData) -> None:
    """Declare the ledger's tables in a room's metadata, so that `tables.metadata` is the whole schema."""
    Table(
        "outbox",
        metadata,
        Column("id", BigInteger, primary_key=True),
        Column("message_id", UUID, nullable=False),
        Column("aggregate", Text, nullable=False),
        Column("sequence", BigInteger, nullable=False),
        Column("subject", Text, nullable=False),
        Column("type", Text, nullable=False),
        Column("payload", Text, nullable=False),
        Column("cause", UUID, nullable=False),
        Column("by_command", Boolean, nullable=False),
        Column("correlation", UUID, nullable=False),
        Column("traceparent", Text, nullable=False),
        Column("said_at", _AT, nullable=False, server_default=text("clock_timestamp()")),
        Column("sent_at", _AT),
        Column("resends", Integer, nullable=False, server_default=text("0")),
        Index("outbox_history", "aggregate", "sequence", unique=True),
        Index("outbox_unsent", "id", postgresql_where=text("sent_at is null")),
        Index("outbox_answers", "cause", postgresql_where=text("by_command")),
    )
    Table(
        "sequences",
        metadata,
        Column("aggregate", Text, primary_key=True),
        Column("said", BigInteger, nullable=False),
        Column("heard", BigInteger, nullable=False, server_default=text("0")),
        Index("sequences_unheard", "aggregate", postgresql_where=text("heard < said")),
    )
    Table(
        "watermarks",
        metadata,
        Column("source", Text, primary_key=True),
        Column("aggregate", Text, primary_key=True),
        Column("applied", BigInteger, nullable=False),
        Column("held_by", BigInteger),
    )
    Table(
        "commands_done",
        metadata,
        Column("id", UUID, primary_key=True),
        Column("done_at", _AT, nullable=False, server_default=text("clock_timestamp()")),
    )
    Table(
        "dead_letters",
        metadata,
        Column("id", BigInteger, primary_key=True),
        Column("message_id", UUID),
        Column("source", Text, nullable=False),
        Column("aggregate", Text),
        Column("sequence", BigInteger),
        Column("subject", Text, nullable=False),
        Column("headers", JSONB, nullable=False),
        Column("payload", Text, nullable=False),
        Column("reason", Text, nullable=False),
        Column("handler", Text, nullable=False),
        Column("tries", Integer, nullable=False, server_default=text("1")),
        Column("state", Text, nullable=False),
        Column("died_at", _AT, nullable=False, server_default=text("clock_timestamp()")),
        Column("settled_at", _AT),
        Column("settled_why", Text),
        Index("dead_letters_open", "aggregate", "sequence", postgresql_where=text("state <> 'settled'")),
        Index("dead_letters_once", "subject", "message_id", unique=True),
    )


LEDGER_DDL = """
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
