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
    LargeBinary,
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
    Column("undo_at", _AT),
    Column("undo_by", Text),
    Column("undo_cause", UUID),
    Column("undoing", Boolean, nullable=False, server_default=text("false")),
    Column("undone_to", _AT),  # what was decided later than this has been asked back
    Index("imports_undoing", "undo_at", postgresql_where=text("undoing")),
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
    Column("call", JSONB),  # the script's answers, when the call ended, how long after it was entered
    Column("referral", JSONB),
    Index("submissions_once", "source_system", "external_id", unique=True),
)

decisions = Table(
    "decisions",
    metadata,
    Column("lead_id", UUID, primary_key=True),
    Column("import_id", UUID),
    Column("purpose", Text, nullable=False),
    Column(
        "outcome",
        Text,
        CheckConstraint("outcome in ('same', 'possible', 'new', 'rejected', 'early')"),
        nullable=False,
    ),
    Column("client_id", UUID),
    Column("rule", Text, nullable=False),
    Column("score", REAL, nullable=False),
    Column("evidence", JSONB),  # these four are of decisions made before there was `told`
    Column("candidates", JSONB),
    Column("flags", JSONB),
    Column("faults", JSONB),
    Column("region", Text),
    Column("region_by", Text),
    Column("norm_version", Integer, nullable=False),
    Column("decided_at", _AT, nullable=False),
    # What became of it when its import was undone: `asked` as long as process has not said whether it may go.
    Column("recall", Text, CheckConstraint("recall in ('asked', 'kept', 'undone')")),
    Column("kept_because", Text),
    Column("told", Text),  # {evidence, candidates, flags, faults} as JSON, without what is empty
    CheckConstraint("(client_id is null) = (outcome in ('rejected', 'early'))", name="decisions_client"),
    Index("decisions_of_client", "client_id", postgresql_where=text("client_id is not null")),
    Index("decisions_of_import", "import_id", "decided_at", postgresql_where=text("import_id is not null")),
    Index("decisions_rejected", "import_id", postgresql_where=text("outcome = 'rejected' and import_id is not null")),
)

# How many of each outcome every batch of an import had: how far it is can be told without counting its rows.
import_tallies = Table(
    "import_tallies",
    metadata,
    Column("import_id", UUID, primary_key=True),
    Column("decided_at", _AT, primary_key=True),
    Column("purpose", Text, primary_key=True),
    Column("outcome", Text, primary_key=True),
    Column("rows", BigInteger, nullable=False),
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
    Column("under", UUID),  # the card this one was merged into, as long as the merge holds
    Column("root", UUID),  # the client at the top of it all
    Column("merge_id", UUID),
    Column("merged_at", _AT),
    Column("norm_version", Integer, nullable=False, server_default=text("0")),  # of the normalisers that made `record`
    CheckConstraint(
        "(under is null) = (root is null) and (under is null) = (merge_id is null)"
        " and (under is null) = (merged_at is null)",
        name="clients_merged",
    ),
    Index("clients_of_survivor", "root", postgresql_where=text("root is not null")),
    Index("clients_by_norm", "norm_version"),
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
    Index("client_keys_of_client", "client_id"),
)

key_stats = Table(
    "key_stats",
    metadata,
    Column("h", BigInteger, primary_key=True, autoincrement=False),
    Column("kind", Text, nullable=False),
    Column("df", Integer, nullable=False),
)

receipts = Table(
    "receipts",
    metadata,
    Column("id", UUID, primary_key=True),
    Column("source_system", Text, nullable=False),
    Column("external_id", Text, nullable=False),
    Column("way", Text, CheckConstraint("way in ('lead', 'form', 'webhook')"), nullable=False),
    Column("state", Text, CheckConstraint("state in ('waiting', 'taken', 'set_aside')"), nullable=False),
    Column("digest", Text, nullable=False),
    Column("command", Text, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("received_at", _AT, nullable=False),
    Column("tries", Integer, nullable=False, server_default=text("0")),
    Column("next_at", _AT, nullable=False),
    Column("taken_at", _AT),
    Column("released_by", Text),  # who said that a form which was set aside came of a person
    Column("released_at", _AT),
    Index("receipts_waiting", "next_at", postgresql_where=text("state = 'waiting'")),
    Index("receipts_set_aside", "received_at", postgresql_where=text("state = 'set_aside'")),
)

# A doubt: the card that a lead opened may be the client of another card. A pair is asked once.
reviews = Table(
    "reviews",
    metadata,
    Column("id", UUID, primary_key=True),
    Column("card_id", UUID, nullable=False),
    Column("other_id", UUID, nullable=False),
    Column("lead_id", UUID, nullable=False),
    Column("import_id", UUID),
    Column("rule", Text, nullable=False),
    Column("score", REAL, nullable=False),
    Column("priority", REAL, nullable=False),
    Column("suggested", Text, nullable=False),
    Column("conflicts", JSONB, nullable=False),
    Column("evidence", JSONB, nullable=False),
    Column("opened_at", _AT, nullable=False),
    Column(
        "state",
        Text,
        CheckConstraint("state in ('waiting', 'judged', 'moot')"),
        nullable=False,
        server_default=text("'waiting'"),
    ),
    Column("skips", Integer, nullable=False, server_default=text("0")),
    Column("judgement_id", UUID),
    Column("merge_id", UUID),  # the merge that made the question moot
    Index("reviews_once", "card_id", "other_id", unique=True),
    Index("reviews_waiting", "other_id", postgresql_where=text("state = 'waiting'")),
    Index("reviews_of_lead", "lead_id"),
)

# What people said of two clients, for everybody; the last word stands, earlier ones are kept.
judgements = Table(
    "judgements",
    metadata,
    Column("id", UUID, primary_key=True),
    Column("one", UUID, nullable=False),
    Column("other", UUID, nullable=False),
    Column("verdict", Text, CheckConstraint("verdict in ('same', 'different', 'sister')"), nullable=False),
    Column("keys", JSONB, nullable=False),  # [[kind, value]]: what the two had in common when it was said
    Column("judged_by", Text, nullable=False),
    Column("judged_at", _AT, nullable=False),
    Column("note", Text, nullable=False),
    Column("cause", UUID, nullable=False),
    Column("superseded_at", _AT),
    CheckConstraint("one < other", name="judgements_of_two"),
    Index("judgements_standing", "one", "other", unique=True, postgresql_where=text("superseded_at is null")),
    Index("judgements_of_other", "other", postgresql_where=text("superseded_at is null")),
)

# The log of merges: who, why, by what evidence, how both clients stood before, and how it was undone.
merges = Table(
    "merges",
    metadata,
    Column("id", UUID, primary_key=True),
    Column("survivor_id", UUID, nullable=False),
    Column("loser_id", UUID, nullable=False),
    Column("cards", JSONB, nullable=False),
    Column("records", JSONB, nullable=False),
    Column("import_id", UUID),
    Column("review_id", UUID),
    Column("merged_by", Text, nullable=False),
    Column("merged_at", _AT, nullable=False),
    Column("note", Text, nullable=False),
    Column("rule_version", Integer, nullable=False),
    Column("evidence", JSONB, nullable=False),
    Column("before", JSONB, nullable=False),
    Column("undone_at", _AT),
    Column("undone_by", Text),
    Column("undone_note", Text),
    Column("came_later", JSONB),
    Index("merges_of_loser", "loser_id"),
    Index("merges_of_survivor", "survivor_id"),
    Index("merges_of_import", "import_id", postgresql_where=text("import_id is not null")),
)

# A contact that is no lead yet (a registration, an agent's contact without a meeting), and the clients it turned out to be of.
early_contacts = Table(
    "early_contacts",
    metadata,
    Column("id", UUID, primary_key=True),
    Column("rule", Text, nullable=False),
    Column("record", JSONB, nullable=False),
    Column("norm_version", Integer, nullable=False),
    Column("kept_at", _AT, nullable=False),
    Index("early_contacts_by_norm", "norm_version"),
)

early_contact_keys = Table(
    "early_contact_keys",
    metadata,
    Column("h", BigInteger, nullable=False),
    Column("contact_id", UUID, nullable=False),
    PrimaryKeyConstraint("h", "contact_id"),
    Index("early_contact_keys_of_contact", "contact_id"),
)

early_contact_joins = Table(
    "early_contact_joins",
    metadata,
    Column("contact_id", UUID, nullable=False),
    Column("client_id", UUID, nullable=False),
    Column("lead_id", UUID),  # the lead that brought them together; none if the client was known before the contact
    Column("outcome", Text, CheckConstraint("outcome in ('same', 'possible')"), nullable=False),
    Column("rule", Text, nullable=False),
    Column("joined_at", _AT, nullable=False),
    PrimaryKeyConstraint("contact_id", "client_id"),
    Index("early_contact_joins_of_client", "client_id"),
    Index("early_contact_joins_of_lead", "lead_id", postgresql_where=text("lead_id is not null")),
)

# Leads that were joined to a card by themselves and are to be looked at by a person: a sample, and all by doubtful rules.
audits = Table(
    "audits",
    metadata,
    Column("lead_id", UUID, primary_key=True),
    Column("client_id", UUID, nullable=False),
    Column("rule", Text, nullable=False),
    Column("score", REAL, nullable=False),
    Column("one_in", Integer, nullable=False),  # of how many joins by its rule it stands for
    Column("opened_at", _AT, nullable=False),
    Column("verdict", Text, CheckConstraint("verdict in ('right', 'wrong')")),
    Column("judged_by", Text),
    Column("judged_at", _AT),
    Column("note", Text),
    CheckConstraint(
        "(verdict is null) = (judged_by is null) and (verdict is null) = (judged_at is null)", name="audits_judged"
    ),
    Index("audits_waiting", "opened_at", postgresql_where=text("verdict is null")),
)

# Merges of clients with weight: what one person wished, until a second one confirms or declines it.
proposals = Table(
    "proposals",
    metadata,
    Column("id", UUID, primary_key=True),
    Column("pairs", JSONB, nullable=False),
    Column("reviews", JSONB, nullable=False),
    Column("survivor_id", UUID),
    Column("reasons", JSONB, nullable=False),
    Column("proposed_by", Text, nullable=False),
    Column("proposed_at", _AT, nullable=False),
    Column("note", Text, nullable=False),
    Column(
        "state",
        Text,
        CheckConstraint("state in ('waiting', 'confirmed', 'declined')"),
        nullable=False,
        server_default=text("'waiting'"),
    ),
    Column("settled_by", Text),
    Column("settled_at", _AT),
    Column("settled_note", Text),
    Index("proposals_waiting", "proposed_at", postgresql_where=text("state = 'waiting'")),
)

# How long after its end a call may be entered, in minutes by the clock: «during the call or right after it».
entry_policies = Table(
    "entry_policies",
    metadata,
    Column("source", Text, primary_key=True),
    Column("amount", Integer, nullable=False),
    Column("unit", Text, nullable=False),
)
