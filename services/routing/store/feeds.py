"""Calendars that people subscribe to: who may read which, and what stands in them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection

from services.routing import tables
from services.routing.store.history import SHIFT_KEY
from services.routing.store.meetings import HELD
from shared.database import execute, fetch, insert

MOST = 3000
"""Events of one kind in one calendar."""


async def put_feeds(db: AsyncConnection, rows: Sequence[dict[str, Any]]) -> set[UUID]:
    """Keep new feeds; which of them were not refused because another has the same secret."""
    kept = await insert(db, tables.feeds, rows, then="on conflict do nothing returning id")
    return {row["id"] for row in kept}


async def hold_feed(db: AsyncConnection, feed_id: UUID) -> RowMapping | None:
    """A feed, locked, with the office of its owner: `id, staff_id, office_id, revoked_at`."""
    rows = await fetch(
        db,
        """
        select f.id, f.staff_id, coalesce(f.office_id, p.office_id) as office_id, f.revoked_at
          from feeds f left join staff p on p.id = f.staff_id where f.id = $1 for update of f
        """,
        feed_id,
    )
    return rows[0] if rows else None


async def revoke_feed(db: AsyncConnection, feed_id: UUID, by: str | None, at: datetime) -> None:
    """A (locked) feed is read by nobody from now on."""
    await execute(db, "update feeds set revoked_at = $3, revoked_by = $2 where id = $1", feed_id, by, at)


async def feeds(db: AsyncConnection, staff: str | None, office: str | None, *, revoked: bool) -> Sequence[RowMapping]:
    """The feeds of somebody, of an office, or all; the newest first."""
    return await fetch(
        db,
        """
        select id, staff_id as staff, office_id as office, lang, label, opened_by as by, opened_at as at,
               revoked_at, revoked_by
          from feeds
         where ($1::text is null or staff_id = $1) and ($2::text is null or office_id = $2)
           and ($3 or revoked_at is null)
         order by opened_at desc, id limit 500
        """,
        staff,
        office,
        revoked,
    )


async def feed_behind(db: AsyncConnection, token_hash: str) -> RowMapping | None:
    """The feed with this secret: `id, staff_id, office_id, lang, name, office, time_zone, is_over`.

    `is_over`: it was revoked, or its owner works here no more, or its office is no more (R2-23).
    """
    rows = await fetch(
        db,
        """
        select f.id, f.staff_id, f.office_id, f.lang, coalesce(p.name, o.name) as name, o.name as office, o.time_zone,
               f.revoked_at is not null or o.retired_at is not null or (p.id is not null and p.retired_at is not null)
               as is_over
          from feeds f left join staff p on p.id = f.staff_id join offices o on o.id = coalesce(f.office_id, p.office_id)
         where f.token_hash = $1
        """,
        token_hash,
    )
    return rows[0] if rows else None


async def shifts_of_feed(
    db: AsyncConnection, staff: str | None, office: str | None, since: datetime, until: datetime
) -> Sequence[RowMapping]:
    """The shifts of somebody, or of an office, once each, with when they were entered last and how often before.

    `office_id, office, staff_id, name, starts_at, ends_at, changed_at, changes`.
    """
    return await fetch(
        db,
        f"""
        select d.office_id, o.name as office, d.staff_id, p.name, d.starts_at, d.ends_at,
               coalesce(max(f.valid_from) filter (where f.valid_to is null), d.starts_at) as changed_at,
               count(f.key) filter (where f.valid_to is not null) as changes
          from (select *, {SHIFT_KEY} as key from duty
                 where retired_at is null and ends_at > $3 and starts_at < $4
                   and ($1::text is null or staff_id = $1) and ($2::text is null or office_id = $2)) d
          join staff p on p.id = d.staff_id join offices o on o.id = d.office_id
          left join directory_facts f on f.kind = 'shift' and f.key = d.key
         where p.retired_at is null
         group by 1, 2, 3, 4, 5, 6 order by d.starts_at, d.staff_id, d.ends_at limit {MOST}
        """,
        staff,
        office,
        since,
        until,
    )


async def meetings_of_feed(db: AsyncConnection, staff: str, since: datetime, until: datetime) -> Sequence[RowMapping]:
    """The meetings that somebody holds: `id, client_id, company, place, starts_at, ends_at, changed_at, changes`."""
    return await fetch(
        db,
        f"""
        with recursive due as (
            select * from meetings where freed_at is null and ends_at > $2 and starts_at < $3), {HELD}
        select id, home_id as client_id, company, place, starts_at, ends_at, changed_at, changes
          from held where staff = $1 order by starts_at, id limit {MOST}
        """,
        staff,
        since,
        until,
    )
