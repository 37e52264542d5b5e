"""The tables each room has for being reliable: outbox, watermarks, commands done, dead letters.

The outbox is only ever added to: what is still to be sent, or not yet known to be heard, stands in small tables of its own,
a row for all that was said at once (its lowest outbox id, and all of them).
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, DateTime, Index, Integer, MetaData, Table, Text, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, UUID

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
        Column("resends", Integer, nullable=False, server_default=text("0")),
        Index("outbox_history", "aggregate", "sequence", unique=True),
        Index("outbox_answers", "cause", postgresql_where=text("by_command")),
    )
    Table(
        "unsent",
        metadata,
        Column("bulk", Boolean, primary_key=True),
        Column("id", BigInteger, primary_key=True),
        Column("ids", ARRAY(BigInteger), nullable=False),
    )
    Table(
        "unheard",
        metadata,
        Column("id", BigInteger, primary_key=True),
        Column("ids", ARRAY(BigInteger), nullable=False),
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
