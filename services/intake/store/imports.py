"""Imports: their history, and what is taken back of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import cast
from uuid import UUID

from sqlalchemy import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection

from services.intake.rules.taking_back import Brought, Left
from services.intake.store.audits import drop_audits
from services.intake.store.cards import change_cards
from services.intake.store.early import part_early_contacts
from shared.commands import LeadFields
from shared.database import execute, fetch


async def imports_so_far(db: AsyncConnection, limit: int) -> Sequence[RowMapping]:
    """The last imports with their counts, the newest first."""
    return await fetch(
        db,
        """
        select list.id, list.file_name, list.purpose, list.source, list.campaign, list.submitter, list.begun_at,
               list.undo_at, list.undo_by, list.undoing, made.*
        from (select * from imports order by begun_at desc, id limit $1) as list
        cross join lateral (
            select count(*) as rows, max(decided_at) as last_at,
                   count(*) filter (where outcome = 'new') as new, count(*) filter (where outcome = 'same') as same,
                   count(*) filter (where outcome = 'possible') as possible,
                   count(*) filter (where outcome = 'rejected') as rejected,
                   count(*) filter (where recall = 'asked') as asked,
                   count(*) filter (where recall = 'undone') as undone,
                   count(*) filter (where recall = 'kept') as kept
            from decisions where import_id = list.id
        ) as made
        order by list.begun_at desc, list.id
        """,
        limit,
    )


async def undo_of(db: AsyncConnection, import_id: UUID) -> RowMapping | None:
    """How far the undoing of an import is: leads gone, left, still asked for; and cards gone, counted when all is done."""
    rows = await fetch(
        db,
        """
        select list.id, list.purpose, list.file_name, list.campaign, list.undo_at, list.undoing, made.*
        from imports as list
        cross join lateral (
            select count(*) filter (where outcome <> 'rejected') as leads,
                   count(*) filter (where outcome <> 'rejected' and recall is null) as untold,
                   count(*) filter (where recall = 'asked') as asked,
                   count(*) filter (where recall = 'undone') as undone,
                   count(*) filter (where recall = 'kept') as kept, 0 as cards_gone
            from decisions where import_id = list.id
        ) as made
        where list.id = $1
        """,
        import_id,
    )
    if not rows or rows[0]["untold"] or rows[0]["asked"]:
        return rows[0] if rows else None
    [gone] = await fetch(
        db,
        "select count(distinct made.client_id) as cards_gone from decisions as made where made.import_id = $1"
        " and made.recall = 'undone' and not exists (select from clients where id = made.client_id)",
        import_id,
    )
    return cast(RowMapping, {**rows[0], **gone})


async def left_of_import(db: AsyncConnection, import_id: UUID, limit: int) -> Sequence[RowMapping]:
    """What was left when an import was undone, and why: (lead_id, client_id, sheet, row, client, kept_because)."""
    return await fetch(
        db,
        """
        select made.lead_id, made.client_id, given.sheet, given.row_number as row, coalesce(card.name, '') as client,
               made.kept_because
        from decisions as made join submissions as given on given.id = made.lead_id
        left join clients as card on card.id = made.client_id
        where made.import_id = $1 and made.recall = 'kept' order by given.sheet, given.row_number limit $2
        """,
        import_id,
        limit,
    )


async def wish_undone(db: AsyncConnection, import_id: UUID, by: str | None, cause: UUID, now: datetime) -> bool:
    """Begin to undo an import, or ask again for what was left of it; whether there is such an import."""
    found = await execute(
        db,
        "update imports set undoing = true, undo_at = $2, undo_by = $3, undo_cause = $4, undone_to = null where id = $1",
        import_id,
        now,
        by,
        cause,
    )
    await execute(
        db,
        "update decisions set recall = null, kept_because = null where import_id = $1 and recall = 'kept'",
        import_id,
    )
    return found > 0


async def undo_latecomers(db: AsyncConnection, imports: Sequence[UUID]) -> None:
    """Rows of imports that are undone were still on their way: they are taken back as well."""
    await execute(
        db,
        "update imports set undoing = true, undone_to = null where id = any($1::uuid[]) and undo_at is not null",
        list(imports),
    )


async def claim_undoing(db: AsyncConnection) -> RowMapping | None:
    """An import that is being undone, locked; another replica passes it over."""
    rows = await fetch(
        db,
        "select id, purpose, undo_cause from imports where undoing order by undo_at, id limit 1 for update skip locked",
    )
    return rows[0] if rows else None


async def next_to_recall(db: AsyncConnection, import_id: UUID, limit: int) -> Sequence[RowMapping]:
    """What of an import is not asked for yet, the last row first: (lead_id, client_id, merged, judged).

    The last first, so that a lead which joined the sale of an earlier row is out of it before that row is asked for.
    What was asked for already is not looked at again: the import remembers how far down its rows that is.
    """
    rows = await fetch(
        db,
        """
        with untold as materialized (
            select lead_id, client_id, decided_at from decisions
            where import_id = $1 and outcome <> 'rejected' and recall is null
              and decided_at <= coalesce((select undone_to from imports where id = $1), 'infinity')
            order by decided_at desc fetch first $2 rows with ties
        )
        select made.lead_id, made.client_id, coalesce(card.root is not null or exists (
                   select from clients as other where other.root = card.id), false) as merged,
               exists (select from judgements as said where said.superseded_at is null
                       and (said.one = made.client_id or said.other = made.client_id)) as judged, made.decided_at
        from (
            select untold.*, given.sheet, given.row_number
            from untold join submissions as given on given.id = untold.lead_id
            order by untold.decided_at desc, given.sheet desc, given.row_number desc limit $2
        ) as made
        left join clients as card on card.id = made.client_id
        order by made.decided_at desc, made.sheet desc, made.row_number desc
        """,
        import_id,
        limit,
    )
    if rows:
        await execute(db, "update imports set undone_to = $2 where id = $1", import_id, rows[0]["decided_at"])
    return rows


async def end_undoing(db: AsyncConnection, import_id: UUID) -> None:
    """All of an import has been asked for."""
    await execute(db, "update imports set undoing = false, undone_to = null where id = $1", import_id)


async def mark_recalled(db: AsyncConnection, leads: Mapping[UUID, tuple[str, str | None]]) -> None:
    """Write what became of recalled leads: lead → (recall, why it was kept)."""
    ids = sorted(leads)
    await execute(
        db,
        "with held as (select lead_id from decisions where lead_id = any($1::uuid[]) order by lead_id for update)"
        " update decisions as made set recall = told.recall, kept_because = told.because"
        " from held join unnest($1::uuid[], $2::text[], $3::text[]) as told (id, recall, because) on told.id = held.lead_id"
        " where made.lead_id = held.lead_id",
        ids,
        [leads[one][0] for one in ids],
        [leads[one][1] for one in ids],
    )


async def cards_of(db: AsyncConnection, lead_ids: Sequence[UUID]) -> list[UUID]:
    """The cards that these leads stand on, as far as the leads have not been taken back."""
    rows = await fetch(
        db,
        "select distinct client_id from decisions where lead_id = any($1::uuid[]) and client_id is not null"
        " and recall is distinct from 'undone'",
        list(lead_ids),
    )
    return sorted(row["client_id"] for row in rows)


async def cards_with_others(db: AsyncConnection, card_ids: Sequence[UUID], import_id: UUID) -> set[UUID]:
    """Those of these cards for which something has come after this import, and not of it."""
    rows = await fetch(
        db,
        """
        select distinct made.client_id from decisions as made
        where made.client_id = any($1::uuid[]) and made.import_id is distinct from $2
          and made.recall is distinct from 'undone' and made.decided_at > (
              select min(own.decided_at) from decisions as own where own.client_id = made.client_id and own.import_id = $2)
        """,
        list(card_ids),
        import_id,
    )
    return {row["client_id"] for row in rows}


async def submissions_on(db: AsyncConnection, card_ids: Sequence[UUID]) -> dict[UUID, list[Brought]]:
    """What has come for these cards and was not taken back, in the order in which it came."""
    found: dict[UUID, list[Brought]] = {card: [] for card in card_ids}
    for row in await fetch(
        db,
        """
        select made.client_id, made.lead_id, given.raw::text as raw_text, given.country, given.curator
        from decisions as made join submissions as given on given.id = made.lead_id
        where made.client_id = any($1::uuid[]) and made.recall is distinct from 'undone'
        order by made.decided_at, given.sheet, given.row_number, given.id
        """,
        list(card_ids),
    ):
        fields = LeadFields.model_validate_json(row["raw_text"])
        found[row["client_id"]].append(Brought(row["lead_id"], fields, row["country"], row["curator"]))
    return found


async def leave_cards(db: AsyncConnection, left: Sequence[Left], leaving: Sequence[UUID]) -> None:
    """Write what is left of held cards: the rows, the keys with who says them, how many hold each key, the contacts."""
    gone = [one.client_id for one in left if one.card is None]
    lost = sorted({(key.address, one.client_id) for one in left for key in one.lost})
    stays = [(key.address, one.client_id, lead) for one in left for key, lead in one.said_by.items()]
    await execute(
        db,
        """
        with lost as (
            delete from client_keys as held using unnest($1::bigint[], $2::uuid[]) as gone (h, id)
            where held.h = gone.h and held.client_id = gone.id returning held.h
        ), fewer as (
            select stat.h, lost.holders from key_stats as stat
            join (select h, count(*) as holders from lost group by h) as lost using (h) order by stat.h for update of stat
        )
        update key_stats as stat set df = greatest(stat.df - fewer.holders, 0) from fewer where stat.h = fewer.h
        """,
        [address for address, _ in lost],
        [client_id for _, client_id in lost],
    )
    await execute(
        db,
        "update client_keys as held set submission_id = stays.lead from unnest($1::bigint[], $2::uuid[], $3::uuid[])"
        " as stays (h, id, lead) where held.h = stays.h and held.client_id = stays.id and held.submission_id <> stays.lead",
        [address for address, _, _ in stays],
        [client_id for _, client_id, _ in stays],
        [lead for _, _, lead in stays],
    )
    await execute(
        db,
        "delete from contacts where client_id = any($1::uuid[]) and submission_id = any($2::uuid[])",
        [one.client_id for one in left],
        list(leaving),
    )
    await change_cards(db, [one.card for one in left if one.card is not None])
    await execute(db, "delete from clients where id = any($1::uuid[])", gone)
    await execute(
        db,
        "update reviews set state = 'moot' where state = 'waiting'"
        " and (card_id = any($1::uuid[]) or other_id = any($1::uuid[]) or lead_id = any($2::uuid[]))",
        gone,
        list(leaving),
    )
    await part_early_contacts(db, gone, leaving)
    await drop_audits(db, leaving)
