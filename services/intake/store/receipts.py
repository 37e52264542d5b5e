"""What the HTTP door has accepted, until somebody takes it in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection

from services.intake import tables
from services.intake.store.decisions import told_of
from shared.commands import SubmitLead
from shared.database import execute, fetch, insert
from shared.letterbox import Stored

_HELD = 60  # seconds in which whoever claimed a receipt should have served it


async def keep_receipt(db: AsyncConnection, row: Mapping[str, Any]) -> RowMapping:
    """Store what was brought to the door, unless it is there already; return (digest, is_new) of what stands there now."""
    kept = await insert(
        db,
        tables.receipts,
        [row],
        then="on conflict (id) do update set tries = receipts.tries returning digest, xmax = 0 as is_new",
    )
    return kept[0]


async def claim_receipts(db: AsyncConnection, most: int) -> Sequence[Stored]:
    """The next receipts to be served, the oldest first; for a minute nobody else gets them."""
    rows = await fetch(
        db,
        """
        with claimed as (
            select id from receipts where state = 'waiting' and next_at <= clock_timestamp()
            order by next_at, id limit $1 for update skip locked
        )
        update receipts as one
        set tries = one.tries + 1, next_at = clock_timestamp() + make_interval(secs => $2)
        from claimed where one.id = claimed.id
        returning one.id, one.command, one.received_at, one.tries
        """,
        most,
        _HELD,
    )
    return [
        Stored(row["id"], SubmitLead.model_validate_json(row["command"]), row["received_at"], row["tries"])
        for row in sorted(rows, key=lambda row: (row["received_at"], row["id"]))
    ]


async def settle_receipts(db: AsyncConnection, done: Sequence[UUID], later: Mapping[UUID, float]) -> None:
    """End the receipts that are done with; put the others off by so many seconds."""
    await execute(
        db,
        "update receipts set state = 'taken', taken_at = clock_timestamp() where id = any($1::uuid[])",
        sorted(done),
    )
    await execute(
        db,
        "update receipts as one set next_at = clock_timestamp() + make_interval(secs => put.off)"
        " from unnest($1::uuid[], $2::float8[]) as put (id, off) where one.id = put.id and one.state = 'waiting'",
        list(later),
        list(later.values()),
    )


async def oldest_receipt(db: AsyncConnection) -> float:
    """Seconds that the oldest receipt nobody has taken in yet has waited; 0 when none waits."""
    rows = await fetch(
        db,
        "select coalesce(extract(epoch from clock_timestamp() - min(received_at)), 0)::float8 as seconds"
        " from receipts where state = 'waiting'",
    )
    return float(rows[0]["seconds"])


async def receipt(db: AsyncConnection, receipt_id: UUID, source_system: str) -> RowMapping | None:
    """A receipt of this source with what became of it: (state, lead_id, outcome, client_id, faults …), if there is one.

    What was handed in under the same name by another way is the same lead, so it is found by its name.
    """
    rows = await fetch(
        db,
        f"""
        select kept.id, kept.state, kept.received_at, given.id as lead_id, made.outcome,
               coalesce(card.root, made.client_id) as client_id, {told_of("faults")} as faults_text,
               exists (select from dead_letters where subject = $3 and message_id = kept.id) as is_dead
        from receipts as kept
        left join submissions as given
            on given.source_system = kept.source_system and given.external_id = kept.external_id
        left join decisions as made on made.lead_id = given.id
        left join clients as card on card.id = made.client_id
        where kept.id = $1 and kept.source_system = $2
        """,
        receipt_id,
        source_system,
        SubmitLead.subject,
    )
    return rows[0] if rows else None


async def set_aside(db: AsyncConnection, receipt_id: UUID | None, limit: int) -> Sequence[RowMapping]:
    """The forms that were taken for a machine's, the newest first; or the one that is meant."""
    return await fetch(
        db,
        "select id, source_system, command, received_at from receipts where state = 'set_aside'"
        " and ($1::uuid is null or id = $1) order by received_at desc, id limit $2",
        receipt_id,
        limit,
    )


async def count_set_aside(db: AsyncConnection) -> int:
    """How many forms were taken for a machine's and not released."""
    rows = await fetch(db, "select count(*) as n from receipts where state = 'set_aside'")
    return int(rows[0]["n"])


async def release_receipt(db: AsyncConnection, receipt_id: UUID, by: str, now: datetime) -> bool | None:
    """Let a form that was set aside be served; False if it was released before, None if it was never set aside."""
    released = await execute(
        db,
        "update receipts set state = 'waiting', next_at = $3, released_by = $2, released_at = $3"
        " where id = $1 and state = 'set_aside'",
        receipt_id,
        by,
        now,
    )
    if released:
        return True
    known = await fetch(db, "select from receipts where id = $1 and released_at is not null", receipt_id)
    return False if known else None
