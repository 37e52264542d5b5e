"""What is in doubt, and what people have said of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection

from services.intake import tables
from shared.database import execute, fetch, insert


async def open_reviews(db: AsyncConnection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Put doubts into the queue; a pair that was asked once is not asked again."""
    await insert(db, tables.reviews, rows, then="on conflict do nothing")


async def hold_reviews(db: AsyncConnection, ids: Sequence[UUID]) -> list[RowMapping]:
    """These doubts, kept from being judged by anybody else until we commit."""
    return list(
        await fetch(
            db,
            "select id, card_id, other_id, lead_id, import_id, state, evidence::text as evidence from reviews"
            " where id = any($1::uuid[]) order by id for update",
            list(ids),
        )
    )


async def settle_reviews(db: AsyncConnection, ids: Sequence[UUID], judgement_id: UUID) -> None:
    """These doubts are judged."""
    await execute(
        db, "update reviews set state = 'judged', judgement_id = $2 where id = any($1::uuid[])", list(ids), judgement_id
    )


async def skip_reviews(db: AsyncConnection, ids: Sequence[UUID]) -> None:
    """These doubts go behind all others."""
    await execute(
        db, "update reviews set skips = skips + 1 where id = any($1::uuid[]) and state = 'waiting'", list(ids)
    )


async def judge(db: AsyncConnection, rows: Sequence[Mapping[str, Any]], now: datetime) -> None:
    """Keep what was said of pairs of clients; it takes the place of what was said of them before."""
    last = {(row["one"], row["other"]): row for row in rows}
    pairs = sorted(last)
    await execute(
        db,
        "update judgements as old set superseded_at = $3 from unnest($1::uuid[], $2::uuid[]) as n (one, other)"
        " where old.one = n.one and old.other = n.other and old.superseded_at is null",
        [one for one, _ in pairs],
        [other for _, other in pairs],
        now,
    )
    await insert(db, tables.judgements, [last[pair] for pair in pairs])


async def make_moot(db: AsyncConnection, roots: Mapping[UUID, UUID], merges: Mapping[UUID, UUID]) -> None:
    """Doubts that merges have answered wait no longer: of two cards that are one client now, and of a card that lost."""
    await execute(
        db,
        """
        update reviews as doubt set state = 'moot', merge_id = n.merge_id
        from unnest($1::uuid[], $2::uuid[], $3::uuid[]) as n (card, client, merge_id)
        where doubt.state = 'waiting' and n.merge_id is not null
          and (doubt.card_id = n.card or (doubt.other_id = n.card and doubt.card_id = n.client))
        """,
        list(roots),
        list(roots.values()),
        [merges.get(card_id) for card_id in roots],
    )


async def ask_again(db: AsyncConnection, merges: Sequence[UUID]) -> None:
    """Doubts that these merges had answered wait again."""
    await execute(
        db,
        "update reviews set state = 'waiting', merge_id = null where merge_id = any($1::uuid[]) and state = 'moot'",
        list(merges),
    )


_WAITING = """
select doubt.id, doubt.lead_id, doubt.card_id, coalesce(other.root, other.id) as client_id, doubt.rule, doubt.score,
       doubt.priority, doubt.suggested, doubt.opened_at, doubt.skips, card.name as name
from reviews as doubt join clients as other on other.id = doubt.other_id join clients as card on card.id = doubt.card_id
where doubt.state = 'waiting'
"""


async def doubted_clients(db: AsyncConnection, limit: int) -> Sequence[RowMapping]:
    """The clients about whom there are doubts, what is worth most first: client_id, leads, priority, oldest_at, skips."""
    return await fetch(
        db,
        f"""
        select client_id, count(*) as leads, max(priority) as priority, min(opened_at) as oldest_at, min(skips) as skips
        from ({_WAITING}) as waiting group by client_id
        order by min(skips), max(priority) desc, min(opened_at), client_id limit $1
        """,
        limit,
    )


async def doubts_about(db: AsyncConnection, clients: Sequence[UUID], limit: int) -> Sequence[RowMapping]:
    """The doubts about these clients, at most `limit` of each, what is worth most first."""
    return await fetch(
        db,
        f"""
        select * from (
            select *, row_number() over (partition by client_id order by skips, priority desc, opened_at, id) as nth
            from ({_WAITING}) as waiting where client_id = any($1::uuid[])
        ) as numbered where nth <= $2 order by client_id, nth
        """,
        list(clients),
        limit,
    )


async def count_waiting(db: AsyncConnection) -> int:
    """How many doubts wait for a person."""
    rows = await fetch(db, "select count(*) as n from reviews where state = 'waiting'")
    return int(rows[0]["n"])


async def doubt(db: AsyncConnection, either: UUID) -> RowMapping | None:
    """The doubt with this id, or the best of a lead, with what was said of it."""
    rows = await fetch(
        db,
        """
        select doubt.*, doubt.evidence::text as evidence_text, doubt.conflicts::text as conflicts_text,
               said.verdict, said.judged_by, said.judged_at, said.note
        from reviews as doubt left join judgements as said on said.cause = doubt.judgement_id
             and said.one = least(doubt.card_id, doubt.other_id) and said.other = greatest(doubt.card_id, doubt.other_id)
        where doubt.id = $1 or doubt.lead_id = $1
        order by doubt.state <> 'waiting', doubt.score desc limit 1
        """,
        either,
    )
    return rows[0] if rows else None
