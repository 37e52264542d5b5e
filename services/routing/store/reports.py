"""Periods of the past: what was decided in them, how evenly, and how soon."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.database import fetch

_OF_LEADS = "strpos(pool_id, '#') = 0 and pool_id not like 'moved:%'"
"""The ledgers of new leads: not those that lists keep of their own, nor those of clients who are moved (`rules.moving`)."""

# ── how evenly, how soon ────────────────────────────────────────────────────────────────────────────────────────────


async def shared_between(db: AsyncConnection, since: datetime, until: datetime) -> Sequence[RowMapping]:
    """How the leads shared out in a time moved each balance: `pool, staff_id, eligible, shared, moved` (units).

    Shares that were given back since are left out.
    """
    return await fetch(
        db,
        """
        select d.pool, b.key as staff_id, count(*) eligible, count(*) filter (where d.receiver = b.key) shared,
               sum((d.ledger -> 'after' ->> b.key)::bigint - b.value::bigint)::bigint moved
          from decisions d, jsonb_each_text(d.ledger -> 'before') b
         where d.at >= $1 and d.at < $2 and d.ledger is not null and d.given_back_at is null
         group by 1, 2 order by 1, 2
        """,
        since,
        until,
    )


async def received_between(db: AsyncConnection, since: datetime, until: datetime) -> Sequence[RowMapping]:
    """Who received how much by which rule in a time: `receiver, rule, leads, queued, declined, silent, unaccepted`.

    `leads` are with him now, `declined` and `silent` went on to the next one, `unaccepted` he has not answered for yet.
    """
    return await fetch(
        db,
        """
        select receiver, rule, count(*) filter (where not passed_on) leads,
               count(queue) filter (where not passed_on) queued,
               count(*) filter (where answer = 'declined') declined, count(*) filter (where answer = 'silent') silent,
               count(*) filter (where answer in ('awaited', 'waiting') and not passed_on) unaccepted
          from decisions where at >= $1 and at < $2 group by 1, 2 order by 1, 2
        """,
        since,
        until,
    )


async def sums_between(db: AsyncConnection, since: datetime, until: datetime) -> RowMapping:
    """A time in one line: `leads, came, fell_back, queued, alarms, given_back, declined, silent, accepted, unaccepted`.

    `came` counts first decisions, `fell_back` those of them that found nobody who could take the lead (G8); the others
    count where the leads are now. Of `median_s, most_s, longest_s` half and 95 of 100 are below the first two: seconds
    from the moment a lead was received to the decision that gave it the owner it has; a queue is no owner. `median_accepted_s`
    and `most_accepted_s` run to the moment he accepted.
    """
    rows = await fetch(
        db,
        """
        select count(*) filter (where not passed_on) leads, count(*) filter (where attempt = 1) came,
               count(queue) filter (where attempt = 1) fell_back, count(queue) filter (where not passed_on) queued,
               count(alarm) alarms, count(given_back_at) given_back,
               count(*) filter (where answer = 'declined') declined, count(*) filter (where answer = 'silent') silent,
               count(*) filter (where answer = 'accepted') accepted,
               count(*) filter (where answer in ('awaited', 'waiting') and not passed_on) unaccepted,
               percentile_cont(0.5) within group (order by owned) median_s,
               percentile_cont(0.95) within group (order by owned) most_s, max(owned) longest_s,
               percentile_cont(0.5) within group (order by taken) median_accepted_s,
               percentile_cont(0.95) within group (order by taken) most_accepted_s
          from (select *, case when queue is null and not passed_on
                               then extract(epoch from at - received_at)::float8 end owned,
                       case when answer = 'accepted' then extract(epoch from answered_at - received_at)::float8 end taken
                  from decisions where at >= $1 and at < $2) d
        """,
        since,
        until,
    )
    return rows[0]


async def balances(db: AsyncConnection) -> Sequence[RowMapping]:
    """What everybody is owed in each pool as it stands: `pool_id, staff_id, balance` in units."""
    return await fetch(
        db, f"select pool_id, staff_id, balance from ledger where {_OF_LEADS} order by pool_id, staff_id"
    )


async def largest_deviations(db: AsyncConnection) -> Sequence[RowMapping]:
    """The most that anybody of a pool is owed or ahead as it stands: `pool_id, members, largest` in units."""
    return await fetch(
        db,
        f"""
        select pool_id, count(*) members, max(abs(balance)) largest from ledger
         where {_OF_LEADS} group by 1 order by 1
        """,
    )


# ── the decisions of a time, to be made again ───────────────────────────────────────────────────────────────────────


async def extent_of(db: AsyncConnection, since: datetime, until: datetime) -> RowMapping:
    """How many decisions there are of a time, and the first and last of their numbers: `leads, first, last`."""
    rows = await fetch(
        db,
        "select count(*) leads, min(nth) first, max(nth) last from decisions where at >= $1 and at < $2",
        since,
        until,
    )
    return rows[0]


async def decisions_between(
    db: AsyncConnection, since: datetime, until: datetime, *, after: int, last: int, most: int
) -> Sequence[RowMapping]:
    """The decisions of a time that follow number `after`, up to `last`, in order: `nth, field_id, told`, the record as JSON."""
    return await fetch(
        db,
        """
        select nth, field_id, json_build_object('nth', nth, 'attempt', attempt, 'passed_on', passed_on, 'lead_id', lead_id,
               'client_id', client_id, 'at', at, 'received_at', received_at, 'field_id', field_id, 'rule', rule,
               'receiver', receiver, 'queue', queue, 'pool', pool, 'given_back_at', given_back_at, 'candidates', candidates,
               'ledger', ledger, 'inputs', inputs, 'rules_version', rules_version, 'meeting_freed_at',
               case when inputs -> 'lead' ? 'meeting' then (select freed_at from meetings m where m.id = lead_id) end)::text told
          from decisions where nth > $1 and nth <= $2 and at >= $3 and at < $4 order by nth limit $5
        """,
        after,
        last,
        since,
        until,
        most,
    )


async def fields_kept(db: AsyncConnection, ids: Iterable[UUID]) -> Sequence[RowMapping]:
    """These fields of play: `id, told`, the line of a history as JSON."""
    return await fetch(
        db,
        "select id, json_build_object('id', id, 'content', content)::text told from fields where id = any($1::uuid[])",
        list(ids),
    )


async def file_in_force(db: AsyncConnection) -> dict[str, Any] | None:
    """The company file as it was applied last, what was entered by command left out: `ApplyCompany` as JSON, or None."""
    rows = await fetch(
        db,
        """
        select kind, content from directory_facts
         where valid_to is null and coalesce(content ->> 'origin', 'file') = 'file' order by kind, key
        """,
    )
    company = [row["content"] for row in rows if row["kind"] == "company"]
    parts = {"office": "offices", "staff": "staff", "shift": "duty", "absence": "absences"}
    return (
        company[0] | {name: [row["content"] for row in rows if row["kind"] == kind] for kind, name in parts.items()}
        if company
        else None
    )
