"""The field of play: everything that decides who may receive, at one moment. It is read once, and kept until it changes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection

from services.routing.rules.field import Field, Office, Person
from services.routing.rules.presence import Word, presence_of
from shared.database import fetch, to_json
from shared.words import Function

_FOR_EVER = datetime(9999, 1, 1, tzinfo=UTC)


class Marks(NamedTuple):
    """What changes whenever anybody writes anything that the field is made of: two equal ones never mean two states.

    They are drawn by chance and not counted, so those of a transaction that comes to nothing never come again.
    """

    home_region: str
    directory: UUID
    presence: UUID


class Memory:
    """The field that was read last: as long as its marks stand it is that of every moment from `since` up to `until`.

    One is enough: there is one field at a time, and whoever asks asks about now.
    """

    def __init__(self) -> None:
        self._kept: tuple[Marks, datetime, datetime, Field] | None = None

    def recall(self, marks: Marks, at: datetime) -> Field | None:
        """The field at `at`, if it is the one kept."""
        if self._kept is None:
            return None
        kept, since, until, field = self._kept
        return field if kept == marks and since <= at < until else None

    def keep(self, marks: Marks, at: datetime, until: datetime, field: Field) -> None:
        """Keep a field that was read for `at`; one who is late, and asked about a time before, displaces nothing."""
        if self._kept is None or self._kept[0] != marks or self._kept[2] <= until:
            self._kept = marks, at, until, field


MEMORY = Memory()
"""The process's own."""


async def field_of_play(db: AsyncConnection, at: datetime) -> Field | None:
    """The directory as it stands at `at`, held still until the transaction ends; None before a company was applied.

    As long as nothing of it has changed it is the same object, and only the marks are read.
    """
    rows = await fetch(
        db,
        """
        select c.home_region, c.directory_mark as directory, p.mark as presence
          from company c cross join presence_mark p for share of c
        """,
    )
    if not rows:
        return None
    marks = Marks(**rows[0])
    field = MEMORY.recall(marks, at)
    if field is None:
        field, until = await field_as_it_stands(db, marks.home_region, at)
        MEMORY.keep(marks, at, until, field)
    return field


async def field_as_it_stands(db: AsyncConnection, home_region: str, at: datetime) -> tuple[Field, datetime]:
    """The field at `at` from the tables, and the next moment at which it changes by time alone."""
    offices = await fetch(
        db,
        """
        select id, name,
               array(select region from office_regions where office_id = o.id and retired_at is null order by 1) regions,
               exists(select from duty where office_id = o.id and retired_at is null) rostered,
               coalesce(on_duty, '{}') as on_duty, changes_at
          from offices o
         cross join lateral (
               select array_agg(distinct staff_id) filter (where starts_at <= $1) as on_duty,
                      least(min(ends_at), min(starts_at) filter (where starts_at > $1)) as changes_at
                 from duty where office_id = o.id and retired_at is null and ends_at > $1) d
         where retired_at is null
        """,
        at,
    )
    people = await fetch(
        db,
        """
        select id, name, office_id, function, weight, retired_at is null as active, per_day, open_leads, notice_at
          from staff
        """,
    )
    words = await _said_and_planned(db, at)
    presence = presence_of(
        Word(row["staff_id"], row["word"], row["at"], row["until"], row["reason"])
        for row in words
        if row["word"] is not None and row["at"] <= at
    )
    absences: dict[str, list[tuple[datetime, datetime, str]]] = defaultdict(list)
    for row in words:
        if row["word"] is None and row["at"] <= at:
            absences[row["staff_id"]].append((row["at"], row["until"], row["reason"]))
    field = Field(
        home_region,
        [Office(o["id"], o["name"], tuple(o["regions"]), o["rostered"], tuple(o["on_duty"])) for o in offices],
        [
            Person(
                p["id"],
                p["name"],
                p["office_id"],
                Function(p["function"]),
                p["weight"],
                p["active"],
                presence.away(p["id"], at, absences.get(p["id"], ())),
                p["per_day"],
                p["open_leads"],
                p["notice_at"] is not None and p["notice_at"] <= at,
            )
            for p in people
        ],
    )
    moments = (
        *(office["changes_at"] for office in offices),
        *(person["notice_at"] for person in people),
        *(moment for row in words for moment in (row["at"], row["until"])),
    )
    return field, min((moment for moment in moments if moment is not None and moment > at), default=_FOR_EVER)


async def _said_and_planned(db: AsyncConnection, at: datetime) -> Sequence[RowMapping]:
    """What was said of people, and the absences of the calendar (`word` is null), as far as they are not over at `at`."""
    return await fetch(
        db,
        """
        select staff_id, word, at, "until", reason, said_at from presence where "until" is null or "until" > $1
        union all
        select staff_id, null, starts_at, ends_at, reason, starts_at from absences
         where retired_at is null and ends_at > $1
         order by at, said_at
        """,
        at,
    )


async def put_fields(db: AsyncConnection, fields: Iterable[Field], at: datetime) -> None:
    """Keep each field that something was decided on, once.

    The connection remembers which are there: those that it saw there without having put them there in the very
    transaction, which may come to nothing.
    """
    there: set[UUID] = db.info.setdefault("fields_there", set())
    wanted = {field.id: field for field in fields if field.id not in there}
    if not wanted:
        return
    ids = sorted(wanted, key=lambda id_: id_.bytes)
    rows = await fetch(
        db,
        """
        with there as (
            select id from fields where id = any($1::uuid[]) and xmin <> pg_current_xact_id()::xid),
        put as (
            insert into fields (id, content, first_seen_at)
            select id, content, $3 from unnest($1::uuid[], $2::jsonb[]) n(id, content)
             where id not in (select id from there) on conflict do nothing)
        select id from there
        """,
        ids,
        [to_json(wanted[id_].as_json()) for id_ in ids],
        at,
    )
    there.update(row["id"] for row in rows)
