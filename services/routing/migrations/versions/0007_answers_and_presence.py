"""Receivers accept or decline, a lead may be decided of several times, and people say whether they are here."""

from alembic import op

from shared.ledger_ddl import statements

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

DDL = """
alter table decisions add column attempt smallint not null default 1;
alter table decisions drop constraint decisions_pkey;
alter table decisions add primary key (lead_id, attempt);
alter table decisions add column passed_on boolean not null default false;
alter table decisions add column answer text
    check (answer in ('awaited', 'waiting', 'accepted', 'declined', 'silent', 'withdrawn', 'given'));
alter table decisions add column answered_at timestamptz;
alter table decisions add column answered_by text;
alter table decisions add column answer_reason text;
alter table decisions add column answer_told jsonb;
alter table decisions add column tried_on uuid;
alter table decisions add column tried_at timestamptz;
comment on column decisions.attempt is 'the how-manieth attempt to find the lead its manager';
comment on column decisions.passed_on is 'the lead has gone on: a later attempt, or an earlier one, holds';
comment on column decisions.answer is 'what its receiver said, null: he is not asked';
comment on column decisions.answered_by is 'null: nobody said it';
create unique index decisions_holding on decisions (lead_id) where not passed_on;
comment on column decisions.answer_told is 'who was told that the lead went on, besides its new receiver';
comment on column decisions.tried_on is 'of a waiting lead: the field on which it was last tried';
create index decisions_waiting on decisions (tried_at) where answer = 'waiting';

create index merges_of_loser on merges (loser_id) where state = 'followed';

create table presence (
    staff_id text not null references staff (id),
    word     text not null check (word in ('absent', 'back', 'busy', 'free', 'leave')),
    at       timestamptz not null,
    until    timestamptz,
    reason   text not null,
    by       text,
    said_at  timestamptz not null,
    primary key (staff_id, word)
);
comment on column presence.at is 'from when it holds: an older word never takes the place of a newer';
comment on column presence.by is 'a member of staff, or the system that told it';

create table presence_said (
    id       uuid primary key,
    staff_id text not null references staff (id),
    word     text not null,
    at       timestamptz not null,
    until    timestamptz,
    reason   text not null,
    by       text,
    said_at  timestamptz not null
);
create index presence_said_in_order on presence_said (at)
"""


def upgrade() -> None:
    """A lead that was given out before is not asked about: nobody was told that he must answer."""
    for statement in statements(DDL):
        op.execute(statement)


def downgrade() -> None:
    raise NotImplementedError("who was asked before, and what he said, is not known anywhere else")
