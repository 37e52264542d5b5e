"""What a room tells about its ledger: outcomes of commands, dead letters, histories, health. Nothing is changed here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.database import fetch


async def open_letters(db: AsyncConnection, letter: int | None, most: int = 200) -> Sequence[RowMapping]:
    """The dead letters that are not settled (or the one asked for), dead ones first, with what waits behind each."""
    return await fetch(
        db,
        "select d.id, state, handler, subject, d.aggregate, sequence, reason, tries, headers, payload, settled_why,"
        " extract(epoch from clock_timestamp() - died_at)::float8 as age_s, behind, behind_oldest_s"
        " from dead_letters d left join watermarks m on m.held_by = d.id and m.source = d.source"
        " and m.aggregate = d.aggregate cross join lateral (select count(*) as behind,"
        " extract(epoch from clock_timestamp() - min(w.died_at))::float8 as behind_oldest_s from dead_letters w"
        " where m.held_by is not null and w.aggregate = m.aggregate and w.source = m.source and w.state = 'waiting') b"
        " where case when $1::bigint is null then state <> 'settled' else d.id = $1 end"
        " order by state = 'waiting', d.id limit $2",
        letter,
        most,
    )


async def outcome_of(db: AsyncConnection, command: UUID) -> Mapping[str, Any]:
    """What came of a command (see `TellOutcome`)."""
    done = await fetch(db, "select 1 from commands_done where id = $1", command)
    dead = await fetch(db, "select id, reason from dead_letters where message_id = $1 and state <> 'settled'", command)
    said = await fetch(
        db, "select type, payload from outbox where cause = $1 and by_command order by id limit 100", command
    )
    return {
        "state": "dead" if dead else "done" if done else "unknown",
        "said": [{"type": row["type"].partition(".")[0], "payload": row["payload"]} for row in said],
        "reason": dead[0]["reason"] if dead else "",
        "letter": dead[0]["id"] if dead else None,
    }


async def history_of(db: AsyncConnection, kind: str, aggregate: str, sequence: int, most: int) -> Sequence[RowMapping]:
    """What was said about aggregates of one kind, by aggregate and number, after the one named; sent or not."""
    return await fetch(
        db,
        "select message_id, resends, aggregate, sequence, subject, type, payload, cause, correlation, traceparent,"
        " said_at from outbox where starts_with(aggregate, $1) and (aggregate, sequence) > ($2, $3)"
        " order by aggregate, sequence limit $4",
        f"{kind}/",
        aggregate,
        sequence,
        most,
    )


async def ledger_health(db: AsyncConnection) -> Mapping[str, float]:
    """What ops looks at: messages unsent, dead letters, letters that wait behind one, and the age of the oldest."""
    rows = await fetch(
        db,
        "select (select coalesce(sum(cardinality(ids)), 0)::int from (select ids from unsent limit 100000) u) as unsent,"
        " (select count(*) from dead_letters where state = 'dead') as dead,"
        " (select count(*) from dead_letters where state in ('waiting', 'again')) as waiting,"
        " coalesce((select extract(epoch from clock_timestamp() - min(said_at)) from outbox"
        " where id in (select min(id) from unsent group by bulk)), 0)::float8 as oldest_unsent_s,"
        " coalesce((select extract(epoch from clock_timestamp() - min(died_at)) from dead_letters"
        " where state = 'dead'), 0)::float8 as oldest_dead_s",
    )
    return dict(rows[0])
