"""What was said of people's presence, and what the calendar says."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection

from services.routing import tables
from services.routing.rules.presence import CHANGES, Presence, Word, presence_of
from shared.database import fetch, insert
from shared.working_time import OfficeCalendar


async def presence_at(db: AsyncConnection, at: datetime) -> Presence:
    """What was said of people as it was known at `at`: of each the last word of every kind that held from then or before."""
    rows = await fetch(
        db,
        """
        select s.id as staff_id, w.word, said.at, said."until", said.reason, said.by
          from staff s
         cross join unnest($2::text[]) w(word)
         cross join lateral (
               select at, "until", reason, by from presence_said
                where staff_id = s.id and word = w.word and at <= $1 and said_at <= $1
                order by at desc, said_at desc limit 1) said
        """,
        at,
        list(CHANGES),
    )
    return presence_of(
        Word(row["staff_id"], row["word"], row["at"], row["until"], row["reason"], row["by"]) for row in rows
    )


async def keep_words(db: AsyncConnection, words: Sequence[tuple[UUID, Word]], said_at: datetime) -> set[UUID]:
    """Keep words under the id of whoever said them; return those that are the newest of their kind and so hold."""
    await insert(
        db,
        tables.presence_said,
        [{"id": id_, **_row(word, said_at)} for id_, word in words],
        then="on conflict do nothing",
    )
    newest = {(word.staff, word.change): (id_, word) for id_, word in sorted(words, key=lambda one: one[1].at)}
    holding = await insert(
        db,
        tables.presence,
        [_row(word, said_at) for _, (_, word) in sorted(newest.items())],
        then="""
        on conflict (staff_id, word) do update
           set at = excluded.at, "until" = excluded."until", reason = excluded.reason, by = excluded.by,
               said_at = excluded.said_at
         where excluded.at >= presence.at returning staff_id, word
        """,
    )
    return {newest[row["staff_id"], row["word"]][0] for row in holding}


def _row(word: Word, said_at: datetime) -> dict[str, object]:
    return {
        "staff_id": word.staff,
        "word": word.change,
        "at": word.at,
        "until": word.until,
        "reason": word.reason,
        "by": word.by,
        "said_at": said_at,
    }


async def last_words(db: AsyncConnection, at: datetime) -> dict[str, RowMapping]:
    """What was said last of each, as far as it holds at `at`: `staff_id, word, at, until, reason, by`."""
    rows = await fetch(
        db,
        'select distinct on (staff_id) staff_id, word, at, "until", reason, by from presence'
        ' where at <= $1 and ("until" is null or "until" > $1) order by staff_id, at desc, said_at desc',
        at,
    )
    return {row["staff_id"]: row for row in rows}


async def calendars_of(db: AsyncConnection, staff: Iterable[str]) -> dict[str, OfficeCalendar]:
    """The working calendar of each one's office; who is not in the directory is left out."""
    rows = await fetch(
        db,
        """
        select s.id, o.time_zone, o.hours, o.calendar, o.days_off, o.working_days
          from staff s join offices o on o.id = s.office_id where s.id = any($1::text[])
        """,
        sorted(set(staff)),
    )
    return {row["id"]: OfficeCalendar.of_row(row) for row in rows}
