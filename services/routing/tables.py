"""The tables routing keeps: the directory, its copy of clients, the fair-share ledger and the record of every decision."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    Identity,
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
    Column(
        "directory_mark",
        UUID,
        nullable=False,
        server_default=text("gen_random_uuid()"),
        comment="another after each change of what the field is made of",
    ),
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
    Column("duty_minutes", Integer, CheckConstraint("duty_minutes > 0"), comment="on duty in a week, at most"),
)

_ORIGIN = "origin in ('file', 'command')"

duty = Table(
    "duty",
    metadata,
    Column("office_id", Text, ForeignKey(offices.c.id), primary_key=True),
    Column("staff_id", Text, ForeignKey(staff.c.id), primary_key=True),
    Column("starts_at", _AT, primary_key=True),
    Column("ends_at", _AT, primary_key=True),
    Column(
        "origin",
        Text,
        CheckConstraint(_ORIGIN),
        primary_key=True,
        server_default=text("'file'"),
        comment="a company file changes its own shifts only",
    ),
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
    Column(
        "origin",
        Text,
        CheckConstraint(_ORIGIN),
        primary_key=True,
        server_default=text("'file'"),
        comment="a company file changes its own absences only",
    ),
    Column("retired_at", _AT),
    CheckConstraint("ends_at > starts_at"),
    Index("absences_by_end", "ends_at", postgresql_where=_LIVING),
)

# Gaps of duty coverage that were told ahead: each once, and again when it opens again.
gaps_told = Table(
    "gaps_told",
    metadata,
    Column("office_id", Text, ForeignKey(offices.c.id), primary_key=True),
    Column("ends_at", _AT, primary_key=True),
    Column("needed", Integer, primary_key=True, autoincrement=False),
    Column("there", Integer, primary_key=True, autoincrement=False),
    Column("starts_at", _AT, nullable=False, comment="as it was told: a gap that goes on begins now"),
    Column("told_at", _AT, nullable=False),
)

# The directory through time: each entry as the company file would say it, from when it stood and until when. `cover`
# and `wish` stand here alone; the other kinds follow the tables above (`store.follow_directory`).
directory_facts = Table(
    "directory_facts",
    metadata,
    Column(
        "kind",
        Text,
        CheckConstraint("kind in ('company', 'office', 'staff', 'shift', 'absence', 'cover', 'wish')"),
        primary_key=True,
    ),
    Column("key", Text, primary_key=True),
    Column("content", JSONB, nullable=False, comment="as the company file would say it"),
    Column("valid_from", _AT, primary_key=True),
    Column("valid_to", _AT, comment="when it ceased to stand, null: it stands"),
    CheckConstraint("valid_to > valid_from"),
    Index("directory_facts_standing", "kind", "key", unique=True, postgresql_where=text("valid_to is null")),
    Index("directory_facts_by_start", "valid_from"),
    Index("directory_facts_by_end", "valid_to", postgresql_where=text("valid_to is not null")),
)

# What was said last of each, of each word: `rules.presence` makes of them whether he is here. All of it, in order, is
# kept beside, for whoever asks how it was.
presence = Table(
    "presence",
    metadata,
    Column("staff_id", Text, ForeignKey(staff.c.id), primary_key=True),
    Column("word", Text, CheckConstraint("word in ('absent', 'back', 'busy', 'free', 'leave')"), primary_key=True),
    Column("at", _AT, nullable=False, comment="from when it holds: an older word never takes the place of a newer"),
    Column("until", _AT),
    Column("reason", Text, nullable=False),
    Column("by", Text, comment="a member of staff, or the system that told it"),
    Column("said_at", _AT, nullable=False),
)

presence_mark = Table(
    "presence_mark",
    metadata,
    Column("id", SmallInteger, CheckConstraint("id = 1"), primary_key=True, autoincrement=False),
    Column(
        "mark",
        UUID,
        nullable=False,
        server_default=text("gen_random_uuid()"),
        comment="another after each word that was said",
    ),
)

presence_said = Table(
    "presence_said",
    metadata,
    Column("id", UUID, primary_key=True),
    Column("staff_id", Text, ForeignKey(staff.c.id), nullable=False),
    Column("word", Text, nullable=False),
    Column("at", _AT, nullable=False),
    Column("until", _AT),
    Column("reason", Text, nullable=False),
    Column("by", Text),
    Column("said_at", _AT, nullable=False),
    Index("presence_said_in_order", "at"),
    Index("presence_said_of_each", "staff_id", "word", "at"),
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
    Index("clients_of_curator", "curator", "client_id", postgresql_where=text("curator is not null")),
    Index("clients_worked_by", "open_with", "client_id", postgresql_where=text("open_with is not null")),
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
    Index("merges_of_loser", "loser_id", postgresql_where=text("state = 'followed'")),
)

# A meeting that a lead came with, or that was set in a sale. Who holds it is whoever works its client now, unless somebody
# else was named (`store.meetings`).
meetings = Table(
    "meetings",
    metadata,
    Column("id", UUID, primary_key=True, comment="of the lead that it came with, or of the sale in which it was set"),
    Column(
        "client_id",
        UUID,
        nullable=False,
        comment="as the lead came: whoever works him now, merges and moves followed, holds the meeting",
    ),
    Column("starts_at", _AT, nullable=False),
    Column("ends_at", _AT, nullable=False),
    Column("freed_at", _AT, comment="when its lead was taken back, or the sale it belonged to ended"),
    Column("holder", Text, comment="who holds it, where that is not whoever works the client"),
    Column("company", Text, nullable=False, server_default=text("''")),
    Column("place", Text, CheckConstraint("place in ('ours', 'theirs')")),
    Column("changes", Integer, nullable=False, server_default=text("0"), comment="how often it was moved"),
    Column("changed_at", _AT, nullable=False),
    CheckConstraint("ends_at > starts_at"),
    Index("meetings_standing", "ends_at", postgresql_where=text("freed_at is null")),
    Index("meetings_of_client", "client_id", postgresql_where=text("freed_at is null")),
)

# A calendar that somebody subscribes to: his own shifts and meetings, or the duty roster of an office.
feeds = Table(
    "feeds",
    metadata,
    Column("id", UUID, primary_key=True),
    Column(
        "token_hash",
        Text,
        nullable=False,
        unique=True,
        comment="SHA-256 of the secret in its address, in hexadecimal, the secret itself is nowhere",
    ),
    Column("staff_id", Text, ForeignKey(staff.c.id)),
    Column("office_id", Text, ForeignKey(offices.c.id)),
    Column("lang", Text, CheckConstraint("lang in ('ru', 'en')"), nullable=False),
    Column("label", Text, nullable=False),
    Column("opened_by", Text),
    Column("opened_at", _AT, nullable=False),
    Column("revoked_by", Text),
    Column("revoked_at", _AT),
    CheckConstraint("(staff_id is null) <> (office_id is null)"),
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
    # of the pools alone: every list leaves ledgers of its own behind (`whole_list.list_pool`)
    Index("ledger_of_pools", "pool_id", postgresql_where=text("strpos(pool_id, '#') = 0")),
)

fields = Table(
    "fields",
    metadata,
    Column("id", UUID, primary_key=True),
    Column("content", JSONB, nullable=False, comment="the field of play as decisions saw it"),
    Column("first_seen_at", _AT, nullable=False),
)

_ANSWERS = "answer in ('awaited', 'waiting', 'accepted', 'declined', 'silent', 'withdrawn', 'given')"

decisions = Table(
    "decisions",
    metadata,
    Column("lead_id", UUID, primary_key=True),
    Column(
        "attempt",
        SmallInteger,
        primary_key=True,
        autoincrement=False,
        server_default=text("1"),
        comment="the how-manieth attempt to find the lead its manager",
    ),
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
    Column(
        "nth",
        BigInteger,
        Identity(always=True),
        nullable=False,
        comment="the order in which they were made: drawn while what they looked at is locked",
    ),
    Column("received_at", _AT, comment="when the lead came, null: decided before this was kept"),
    Column(
        "passed_on",
        Boolean,
        nullable=False,
        server_default=text("false"),
        comment="the lead has gone on: a later attempt, or an earlier one, holds",
    ),
    Column("answer", Text, CheckConstraint(_ANSWERS), comment="what its receiver said, null: he is not asked"),
    Column("answered_at", _AT),
    Column("answered_by", Text, comment="null: nobody said it"),
    Column("answer_reason", Text),
    Column("answer_told", JSONB, comment="who was told that the lead went on, besides its new receiver"),
    Column("tried_on", UUID, comment="of a waiting lead: the field on which it was last tried"),
    Column("tried_at", _AT),
    Column("withdrawn_for", UUID, comment="the move by which its receiver was asked no more"),
    Index(
        "decisions_withdrawn_for",
        "withdrawn_for",
        "client_id",
        postgresql_where=text("withdrawn_for is not null"),
    ),
    Index("decisions_holding", "lead_id", unique=True, postgresql_where=text("not passed_on")),
    Index("decisions_waiting", "tried_at", postgresql_where=text("answer = 'waiting'")),
    Index("decisions_in_order", "nth", unique=True),
    Index("decisions_given_back", "given_back_for", postgresql_where=text("given_back_for is not null")),
    Index("decisions_by_moment", "at", postgresql_using="brin"),
    Index("decisions_of_client", "client_id"),
    Index("decisions_of_import", "import_id", postgresql_where=text("import_id is not null")),
)

# ── moving work ─────────────────────────────────────────────────────────────────────────────────────────────────────

# One operation: a client is transferred, a member of staff dismissed, an office handed over. It goes in steps, by a watch.
moves = Table(
    "moves",
    metadata,
    Column("id", UUID, primary_key=True),
    Column("kind", Text, CheckConstraint("kind in ('transfer', 'dismissal', 'handover')"), nullable=False),
    Column(
        "state",
        Text,
        CheckConstraint("state in ('planned', 'moving', 'done', 'undoing', 'undone', 'cancelled')"),
        nullable=False,
    ),
    Column("staff_id", Text, ForeignKey(staff.c.id), comment="who is dismissed"),
    Column("office_id", Text, ForeignKey(offices.c.id), comment="whose base is handed over"),
    Column("client_id", UUID),
    Column("to_staff", Text, ForeignKey(staff.c.id)),
    Column("to_office", Text, ForeignKey(offices.c.id)),
    Column("asked_by", Text),
    Column("reason", Text, nullable=False),
    Column("warnings", JSONB, nullable=False),
    Column("cause", UUID, nullable=False),
    Column("correlation", UUID, nullable=False),
    Column("asked_at", _AT, nullable=False),
    Column("starts_at", _AT, nullable=False),
    Column("began_at", _AT),
    Column("ended_at", _AT),
    Column("undo_until", _AT, nullable=False),
    Column("undone_at", _AT),
    Column("undone_by", Text),
    Column("after", UUID, comment="the client that the walk has come to"),
    Column(
        "again",
        Boolean,
        nullable=False,
        server_default=text("false"),
        comment="whether this pass over the clients has moved any, and another follows",
    ),
    Column("worked_at", _AT, comment="when the walk last took a step"),
    CheckConstraint("(kind = 'dismissal') = (staff_id is not null)"),
    CheckConstraint("(kind = 'handover') = (office_id is not null)"),
    CheckConstraint("(kind = 'transfer') = (client_id is not null)"),
    Index(
        "moves_one_dismissal",
        "staff_id",
        unique=True,
        postgresql_where=text("kind = 'dismissal' and state in ('planned', 'moving', 'done')"),
    ),
    Index(
        "moves_at_work",
        text("worked_at nulls first"),
        postgresql_where=text("state in ('planned', 'moving', 'undoing')"),
    ),
    Index("moves_by_moment", "asked_at"),
)

# A client who was moved: how he stood before and after, and why this one received him. Process follows, and says so.
moved = Table(
    "moved",
    metadata,
    Column("move_id", UUID, ForeignKey(moves.c.id), primary_key=True),
    Column("client_id", UUID, primary_key=True),
    Column(
        "state", Text, CheckConstraint("state in ('asked', 'followed', 'recalled', 'back', 'left')"), nullable=False
    ),
    Column("receiver", Text, nullable=False),
    Column("rule", Text, nullable=False),
    Column("queue", Text),
    Column("pool", Text),
    Column("record", JSONB, nullable=False, comment="{candidates, excluded, ledger, notes}: why this one"),
    Column("field_id", UUID, ForeignKey(fields.c.id), nullable=False),
    Column("before", JSONB, nullable=False, comment="how the client stood before the move"),
    Column("after", JSONB, nullable=False),
    Column("moved_at", _AT, nullable=False),
    Column("left_because", Text),
    Index("moved_of_client", "client_id"),
)
