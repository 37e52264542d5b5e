"""Clients that turned out to be one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection

from services.routing import tables
from shared.database import execute, fetch, insert, to_json


async def note_merges(db: AsyncConnection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Remember that the losers of these merges have told all that came before."""
    await insert(
        db,
        tables.merges,
        [{**row, "state": "told"} for row in sorted(rows, key=lambda row: row["id"].bytes)],
        then="on conflict do nothing",
    )


async def merges_of(db: AsyncConnection, ids: Iterable[UUID]) -> dict[UUID, RowMapping]:
    """These merges, locked in id order: `id, state, before, after`."""
    rows = await fetch(
        db,
        "select id, state, before, after from merges where id = any($1::uuid[]) order by id for update",
        sorted(set(ids)),
    )
    return {row["id"]: row for row in rows}


async def set_merges(db: AsyncConnection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write how these (locked) merges stand: rows of `id, state, before, after`."""
    await execute(
        db,
        """
        update merges m set state = n.state, before = n.before::jsonb, after = n.after::jsonb
          from unnest($1::uuid[], $2::text[], $3::text[], $4::text[]) n(id, state, before, after) where m.id = n.id
        """,
        [row["id"] for row in rows],
        [row["state"] for row in rows],
        [to_json(row["before"]) for row in rows],
        [to_json(row["after"]) for row in rows],
    )


async def leads_of_curated(db: AsyncConnection, merges: Mapping[UUID, tuple[UUID, UUID]]) -> dict[UUID, UUID]:
    """The leads of losers whose survivor had a curator and no lead of his own: lead → merge.

    `merges` maps a loser to (survivor, merge). Of a survivor with leads, process says which sale was joined to which.
    """
    rows = await fetch(
        db,
        """
        select d.lead_id, n.merge_id
          from unnest($1::uuid[], $2::uuid[], $3::uuid[]) n(loser_id, survivor_id, merge_id)
          join decisions d on d.client_id = n.loser_id
         where not exists (select from decisions o where o.client_id = n.survivor_id)
        """,
        list(merges),
        [survivor for survivor, _ in merges.values()],
        [merge for _, merge in merges.values()],
    )
    return {row["lead_id"]: row["merge_id"] for row in rows}
