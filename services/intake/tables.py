"""Intake's tables: what was handed in, what was decided on it, and the client cards that came of it.

A lead is an accepted submission: its raw cells stand in `submissions`, its client in `decisions`; there is no third copy.
What a card is compared by stands on the card in one piece (`clients.record`), so that scoring reads one row for a candidate.
`client_keys` says where a card is found, and which submission brought each key.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB, REAL, UUID

from shared.ledger_tables import add_ledger

metadata = MetaData(schema="intake")
add_ledger(metadata)

_AT = DateTime(timezone=True)

imports = Table(
    "imports",
    metadata,
    Column("id", UUID, primary_key=True),
    Column("file_name", Text, nullable=False),
    Column("purpose", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("campaign", Text, nullable=False),
    Column("submitter", Text),
    Column("begun_at", _AT, nullable=False),
)

submissions = Table(
    "submissions",
    metadata,
    Column("id", UUID, primary_key=True),
    Column("source_system", Text, nullable=False),
    Column("external_id", Text, nullable=False),
    Column("purpose", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("campaign", Text),
    Column("submitter", Text),
    Column("named_manager", Text),
    Column("curator", Text),
    Column("import_id", UUID),
    Column("sheet", Text, nullable=False),
    Column("row_number", Integer),
    Column("country", Text, nullable=False),
    Column("raw", JSONB, nullable=False),
    Column("received_at", _AT, nullable=False),
    Column("stored_at", _AT, nullable=False),
    Index("submissions_once", "source_system", "external_id", unique=True),
)

decisions = Table(
    "decisions",
    metadata,
    Column("lead_id", UUID, primary_key=True),
    Column("import_id", UUID),
    Column("purpose", Text, nullable=False),
    Column("outcome", Text, CheckConstraint("outcome in ('same', 'possible', 'new', 'rejected')"), nullable=False),
    Column("client_id", UUID),
    Column("rule", Text, nullable=False),
    Column("score", REAL, nullable=False),
    Column("evidence", JSONB, nullable=False),
    Column("candidates", JSONB, nullable=False),
    Column("flags", JSONB, nullable=False),
    Column("faults", JSONB, nullable=False),
    Column("region", Text),
    Column("region_by", Text),
    Column("norm_version", Integer, nullable=False),
    Column("decided_at", _AT, nullable=False),
    CheckConstraint("(client_id is null) = (outcome = 'rejected')", name="decisions_client"),
    Index("decisions_of_client", "client_id", postgresql_where=text("client_id is not null")),
    Index("decisions_of_import", "import_id", "outcome", postgresql_where=text("import_id is not null")),
)

clients = Table(
    "clients",
    metadata,
    Column("id", UUID, primary_key=True),
    Column("name", Text, nullable=False),
    Column("form", Text),
    Column("region", Text, nullable=False),
    Column("region_by", Text, nullable=False),
    Column("curator", Text),
    Column("provisional", Boolean, nullable=False),
    Column("record", JSONB, nullable=False),
    Column("created_at", _AT, nullable=False),
)

contacts = Table(
    "contacts",
    metadata,
    Column("client_id", UUID, nullable=False),
    Column("submission_id", UUID, nullable=False),
    Column("name", Text, nullable=False),
    Column("position", Text, nullable=False),
    Column("phone", Text, nullable=False),
    Column("email", Text, nullable=False),
    Column("website", Text, nullable=False),
    PrimaryKeyConstraint("client_id", "submission_id"),
)

client_keys = Table(
    "client_keys",
    metadata,
    Column("h", BigInteger, nullable=False),
    Column("client_id", UUID, nullable=False),
    Column("kind", Text, nullable=False),
    Column("value", Text, nullable=False),
    Column("submission_id", UUID, nullable=False),
    PrimaryKeyConstraint("h", "client_id"),
)

key_stats = Table(
    "key_stats",
    metadata,
    Column("h", BigInteger, primary_key=True, autoincrement=False),
    Column("kind", Text, nullable=False),
    Column("df", Integer, nullable=False),
)
