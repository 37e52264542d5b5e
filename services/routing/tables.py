"""The tables routing keeps: the directory, its copy of clients, the fair-share ledger and the record of every decision."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    SmallInteger,
    Table,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB, UUID

from shared.ledger import add_ledger

metadata = MetaData(schema="routing")
add_ledger(metadata)

_AT = DateTime(timezone=True)
_LIVING = text("retired_at is null")

# ── the directory: what is no longer named is retired, never deleted ────────────────────────────────────────────────

company = Table(
    "company",
    metadata,
    Column("id", SmallInteger, CheckConstraint("id = 1"), primary_key=True, autoincrement=False),
    Column("name", Text, nullable=False),
    Column("home_region", Text, nullable=False),
    Column("time_zone", Text, nullable=False),
    Column("head_of_sales", Text),
    Column("version", Integer, nullable=False),
    Column("applied_at", _AT, nullable=False),
)

offices = Table(
    "offices",
    metadata,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("time_zone", Text, nullable=False),
    Column("hours", Text, nullable=False),
    Column("calendar", Text, nullable=False),
    Column("days_off", JSONB, nullable=False),
    Column("working_days", JSONB, nullable=False),
    Column("head", Text),
    Column("retired_at", _AT),
)

office_regions = Table(
    "office_regions",
    metadata,
    Column("office_id", Text, ForeignKey(offices.c.id), primary_key=True),
    Column("region", Text, primary_key=True),
    Column("retired_at", _AT),
    Index("office_regions_served_once", "region", unique=True, postgresql_where=_LIVING),
)

staff = Table(
    "staff",
    metadata,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("office_id", Text, ForeignKey(offices.c.id), nullable=False),
    Column("function", Text, nullable=False),
    Column("weight", Integer, CheckConstraint("weight > 0"), nullable=False, comment="in thousandths"),
    Column("retired_at", _AT),
    Column("languages", JSONB, nullable=False, server_default=text("'[]'")),
    Column("per_day", Integer, CheckConstraint("per_day > 0"), comment="cap on the leads of a day"),
    Column("open_leads", Integer, CheckConstraint("open_leads > 0"), comment="cap on the leads he holds open"),
    Column("notice_at", _AT, comment="from when on he takes no new leads, having given notice"),
)

duty = Table(
    "duty",
    metadata,
    Column("office_id", Text, ForeignKey(offices.c.id), primary_key=True),
    Column("staff_id", Text, ForeignKey(staff.c.id), primary_key=True),
    Column("starts_at", _AT, primary_key=True),
    Column("ends_at", _AT, primary_key=True),
    Column("retired_at", _AT),
    CheckConstraint("ends_at > starts_at"),
    Index("duty_by_end", "office_id", "ends_at", postgresql_where=_LIVING),
)

absences = Table(
    "absences",
    metadata,
    Column("staff_id", Text, ForeignKey(staff.c.id), primary_key=True),
    Column("starts_at", _AT, primary_key=True),
    Column("ends_at", _AT, primary_key=True),
    Column("reason", Text, primary_key=True),
    Column("retired_at", _AT),
    CheckConstraint("ends_at > starts_at"),
    Index("absences_by_end", "ends_at", postgresql_where=_LIVING),
)

# ── what is heard of clients ────────────────────────────────────────────────────────────────────────────────────────

clients = Table(
    "clients",
    metadata,
    Column("client_id", UUID, primary_key=True),
    Column("region", Text, nullable=False, server_default=text("'unknown'")),
    Column("curator", Text, comment="an id of the directory"),
    Column("stated_curator", Text, comment="as it was said, when it is not the id"),
    Column("current", Boolean, nullable=False, server_default=text("false"), comment="has bought"),
    Column("process_id", UUID, comment="the open sale"),
    Column("open_with", Text, comment="its manager"),
    Column("given_to", Text, comment="who received the last lead, until process has answered for it"),
    Column("given_lead", UUID),
    Index(
        "clients_with_unknown_curator",
        "stated_curator",
        postgresql_where=text("curator is null and stated_curator is not null"),
    ),
)

# A merge as routing follows it: told in the loser's history, then followed in the survivor's; how the survivor stood
# before and after it is kept, so that a split gives back what was.
merges = Table(
    "merges",
    metadata,
    Column("id", UUID, primary_key=True),
    Column("survivor_id", UUID, nullable=False),
    Column("loser_id", UUID, nullable=False),
    Column("state", Text, CheckConstraint("state in ('told', 'followed', 'undone')"), nullable=False),
    Column("before", JSONB),
    Column("after", JSONB),
)

# ── sharing out ─────────────────────────────────────────────────────────────────────────────────────────────────────

pools = Table("pools", metadata, Column("id", Text, primary_key=True))

ledger = Table(
    "ledger",
    metadata,
    Column("pool_id", Text, ForeignKey(pools.c.id), primary_key=True),
    Column("staff_id", Text, primary_key=True),
    Column("balance", BigInteger, nullable=False, comment="what is owed, in units: fair_share.UNIT to a lead"),
    Column("turn", BigInteger, nullable=False, comment="the turn of the pool at which he last received; 0: never"),
)

fields = Table(
    "fields",
    metadata,
    Column("id", UUID, primary_key=True),
    Column("content", JSONB, nullable=False, comment="the field of play as decisions saw it"),
    Column("first_seen_at", _AT, nullable=False),
)

decisions = Table(
    "decisions",
    metadata,
    Column("lead_id", UUID, primary_key=True),
    Column("client_id", UUID, nullable=False),
    Column("import_id", UUID),
    Column("at", _AT, nullable=False),
    Column("rule", Text, nullable=False),
    Column("rules", JSONB, nullable=False, comment="met on the way, in order"),
    Column("receiver", Text, nullable=False),
    Column("office_id", Text, nullable=False),
    Column("queue", Text),
    Column("pool", Text),
    Column("candidates", JSONB, nullable=False, comment="[{id, weight, turn}]"),
    Column("excluded", JSONB, nullable=False, comment="{id: {why, …}}"),
    Column("ledger", JSONB, comment="{before: {id: units}, after: {id: units}}; null: not shared out"),
    Column("told", JSONB, nullable=False),
    Column("notes", JSONB, nullable=False, comment="[[code, about]]"),
    Column("alarm", Text),
    Column("rules_version", Text, nullable=False),
    Column("field_id", UUID, ForeignKey(fields.c.id), nullable=False),
    Column("inputs", JSONB, nullable=False, comment="{lead, client}: what the rules were given besides the field"),
    Column("given_back_at", _AT, comment="when its share was given back"),
    Column("given_back_for", UUID, comment="the merge by which its share was given back"),
    Index("decisions_given_back", "given_back_for", postgresql_where=text("given_back_for is not null")),
    Index("decisions_by_moment", "at", postgresql_using="brin"),
    Index("decisions_of_client", "client_id"),
    Index("decisions_of_import", "import_id", postgresql_where=text("import_id is not null")),
)
