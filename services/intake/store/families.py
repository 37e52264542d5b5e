"""Cards that are one client: merged, and taken apart again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection

from services.intake import tables
from services.intake.rules.merging import Families
from services.intake.rules.search_keys import search_keys
from services.intake.store.cards import read_families
from services.intake.store.known import hold_keys
from shared.database import execute, fetch, insert, to_json
from shared.message import NotYet


async def hold_families(db: AsyncConnection, ids: Sequence[UUID]) -> Families:
    """The same, and nobody else changes them, joins a lead to them or merges them until we commit.

    Raises NotYet when somebody changed what belongs together while we waited.
    """
    seen = await read_families(db, ids)
    await hold_keys(db, (key for one in seen.cards.values() for key in search_keys(one.card.record)))
    await fetch(db, "select from clients where id = any($1::uuid[]) order by id for update", sorted(seen.cards))
    held = await read_families(db, ids)
    if held.cards.keys() != seen.cards.keys():
        raise NotYet("somebody else merges or splits these clients at this moment")
    return held


async def move_cards(
    db: AsyncConnection, before: Mapping[UUID, UUID], after: Families, merges: Mapping[UUID, UUID]
) -> None:
    """Write what the (held) families are now: `before` is card → client as it was, `merges` card → the merge that moved it.

    How many clients hold each key follows at once: what two had and one has now counts once, and twice again after a split.
    """
    roots = after.roots()
    rows = [after.placed(card_id) for card_id in sorted(roots, key=lambda one: one.bytes)]
    await execute(
        db,
        """
        update clients as card set under = n.under, root = n.root, merged_at = n.merged_at,
               merge_id = case when n.under is null then null else coalesce(n.merge_id, card.merge_id) end
        from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::timestamptz[], $5::uuid[])
             as n (id, under, root, merged_at, merge_id)
        where card.id = n.id and (card.under, card.root, card.merged_at) is distinct from (n.under, n.root, n.merged_at)
        """,
        [row.card_id for row in rows],
        [row.under for row in rows],
        [None if roots[row.card_id] == row.card_id else roots[row.card_id] for row in rows],
        [row.since for row in rows],
        [merges.get(row.card_id) for row in rows],
    )
    addresses = {key.address for one in after.cards.values() for key in search_keys(one.card.record)}
    await execute(
        db,
        """
        with change as (
            select held.h, count(distinct n.client) - count(distinct n.was) as more
            from client_keys as held
            join unnest($2::uuid[], $3::uuid[], $4::uuid[]) as n (card, was, client) on n.card = held.client_id
            where held.h = any($1::bigint[]) group by held.h having count(distinct n.client) <> count(distinct n.was)
        ), locked as (
            select stat.h, change.more from key_stats as stat join change using (h) order by stat.h for update of stat
        )
        update key_stats as stat set df = stat.df + locked.more from locked where stat.h = locked.h
        """,
        sorted(addresses),
        list(roots),
        [before[card_id] for card_id in roots],
        list(roots.values()),
    )


async def records_on(db: AsyncConnection, cards: Iterable[UUID]) -> dict[UUID, list[tuple[UUID, datetime]]]:
    """What stands on each of these cards: (submission, when it was decided), the oldest first."""
    found: dict[UUID, list[tuple[UUID, datetime]]] = {}
    for row in await fetch(
        db,
        "select client_id, lead_id, decided_at from decisions where client_id = any($1::uuid[]) order by decided_at, lead_id",
        list(cards),
    ):
        found.setdefault(row["client_id"], []).append((row["lead_id"], row["decided_at"]))
    return found


async def keep_merges(db: AsyncConnection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write the log of merges."""
    await insert(db, tables.merges, rows)


async def standing_merges(
    db: AsyncConnection, *, merge_id: UUID | None = None, import_id: UUID | None = None
) -> list[RowMapping]:
    """The merge with this id, or all of an import; those undone already carry `undone_at`. The newest first."""
    return list(
        await fetch(
            db,
            "select id, survivor_id, loser_id, merged_at, undone_at from merges"
            " where id = $1 or import_id = $2 order by merged_at desc, id for update",
            merge_id,
            import_id,
        )
    )


async def undo_merges(db: AsyncConnection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write into the log that merges were undone: rows of id, at, by, note and what came later."""
    await execute(
        db,
        """
        update merges as done set undone_at = n.at, undone_by = n.who, undone_note = n.note, came_later = n.later::jsonb
        from unnest($1::uuid[], $2::timestamptz[], $3::text[], $4::text[], $5::text[]) as n (id, at, who, note, later)
        where done.id = n.id
        """,
        [row["id"] for row in rows],
        [row["at"] for row in rows],
        [row["by"] for row in rows],
        [row["note"] for row in rows],
        [to_json(row["came_later"]) for row in rows],
    )


async def merges_about(db: AsyncConnection, either: UUID) -> Sequence[RowMapping]:
    """The merges of a client or of an import, the newest first."""
    return await fetch(
        db,
        "select id, survivor_id, loser_id, import_id, merged_by, merged_at, note, jsonb_array_length(records) as records,"
        " undone_at, undone_by, undone_note from merges"
        " where id = $1 or survivor_id = $1 or loser_id = $1 or import_id = $1 order by merged_at desc, id limit 200",
        either,
    )
