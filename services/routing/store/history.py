"""The directory through time: what stood in it at any moment, as it was known then or as it is known now.

A fact is an entry of the company file and the time during which it stood, `valid_from` ≤ t < `valid_to`. Whoever
changes the directory ends with `follow_directory`, in the same transaction, so that history and tables never differ.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

from pydantic import BaseModel
from sqlalchemy import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.commands import ApplyCompany
from shared.database import execute, fetch, to_json

SHIFT_KEY = "concat_ws('/', office_id, staff_id, to_jsonb(starts_at) #>> '{}', to_jsonb(ends_at) #>> '{}', origin)"
"""By which key a row of `duty` stands among the facts."""

_STANDS = {
    "company": """
        select 'company' as key,
               jsonb_build_object('name', name, 'home_region', home_region, 'time_zone', time_zone, 'version', version)
               as content
          from company
        """,
    "office": """
        select id as key,
               jsonb_build_object('id', id, 'name', name, 'time_zone', time_zone, 'hours', hours, 'calendar', calendar,
                   'days_off', days_off, 'working_days', working_days,
                   'regions', coalesce((select jsonb_agg(region order by region) from office_regions
                                         where office_id = o.id and retired_at is null), '[]')) as content
          from offices o where retired_at is null
        """,
    "staff": """
        select id as key,
               jsonb_build_object('id', id, 'name', name, 'office', office_id, 'function', function,
                   'weight', weight / 1000.0::float8, 'languages', languages, 'per_day', per_day,
                   'open_leads', open_leads, 'notice_at', notice_at, 'duty_hours', duty_minutes / 60.0::float8) as content
          from staff where retired_at is null
        """,
    "shift": f"""
        select {SHIFT_KEY} as key,
               jsonb_build_object('office', office_id, 'staff', staff_id, 'starts_at', starts_at, 'ends_at', ends_at,
                   'origin', origin) as content
          from duty where retired_at is null
        """,
    "absence": """
        select concat_ws('/', staff_id, to_jsonb(starts_at) #>> '{}', to_jsonb(ends_at) #>> '{}', reason, origin) as key,
               jsonb_build_object('staff', staff_id, 'starts_at', starts_at, 'ends_at', ends_at, 'reason', reason,
                   'origin', origin) as content
          from absences where retired_at is null
        """,
}
"""How each kind stands in the tables now, as facts."""

_STATED = "select key, content from unnest($3::text[], $4::jsonb[]) as stated(key, content)"

# A fact that would end at the moment it began has never stood, so it is forgotten instead of closed.
_FOLLOW = """
    with stands as materialized ({stands}),
    over as (
        select key, valid_from from directory_facts f
         where kind = $2 and valid_to is null
           and not exists (select from stands s where s.key = f.key and s.content = f.content)
    ),
    closed as (
        update directory_facts f set valid_to = $1 from over
         where f.kind = $2 and (f.key, f.valid_from) = (over.key, over.valid_from) and f.valid_from < $1
        returning 1
    ),
    forgotten as (
        delete from directory_facts f using over
         where f.kind = $2 and (f.key, f.valid_from) = (over.key, over.valid_from) and f.valid_from = $1
        returning 1
    )
    select (select count(*) from closed) + (select count(*) from forgotten) as over
    """

_BEGIN = """
    insert into directory_facts (kind, key, content, valid_from)
    select $2, key, content, $1 from ({stands}) s
     where not exists (select from directory_facts f where f.kind = $2 and f.key = s.key and f.valid_to is null)
    returning 1
    """


async def follow_directory(db: AsyncConnection, at: datetime, kinds: Iterable[str] = tuple(_STANDS)) -> int:
    """Make history follow the tables of these kinds as they stand now; how many facts ended and began.

    To be called after every change of the directory, in its transaction, with the directory locked (`directory`).
    `at` is the moment of the change.
    """
    at = await _not_before_the_last(db, at)
    return sum([await _follow(db, kind, _STANDS[kind], at) for kind in kinds])


async def note_change(db: AsyncConnection, at: datetime, kinds: Iterable[str]) -> None:
    """A command has changed these kinds of entries: the directory has a new version, and history follows."""
    await execute(db, "update company set version = version + 1, applied_at = $1", at)
    await follow_directory(db, at, ("company", *kinds))


async def state_facts(db: AsyncConnection, kind: str, entries: Sequence[BaseModel], at: datetime) -> int:
    """Make `entries` all that stands of a kind which history alone keeps (`cover`, `wish`); how many ended and began."""
    stated = {to_json(entry.model_dump(mode="json")): None for entry in entries}
    return await _follow(db, kind, _STATED, await _not_before_the_last(db, at), list(stated), list(stated))


async def _not_before_the_last(db: AsyncConnection, at: datetime) -> datetime:
    """`at`, or the moment of the last change: a transaction may have waited for one that began after it."""
    rows = await fetch(
        db,
        """
        select greatest($1, (select max(valid_from) from directory_facts), (select max(valid_to) from directory_facts)) as at
        """,
        at,
    )
    moment: datetime = rows[0]["at"]
    return moment


async def _follow(db: AsyncConnection, kind: str, stands: str, at: datetime, *stated: list[str]) -> int:
    # two statements, because one does not see what it has changed itself, and a key may end and begin at once
    over = await fetch(db, _FOLLOW.format(stands=stands), at, kind, *stated)
    begun = await fetch(db, _BEGIN.format(stands=stands), at, kind, *stated)
    return int(over[0]["over"]) + len(begun)


# ── asking ──────────────────────────────────────────────────────────────────────────────────────────────────────────

# What stands is found by one index and what has ended since by another: the cost is that of the directory and of what
# has changed since the moment, however long the history before it.
_AT = """
    select kind, key, content, valid_from from directory_facts
     where valid_to is null and valid_from <= $1 and {wanted}
    union all
    select kind, key, content, valid_from from directory_facts
     where valid_to > $1 and valid_from <= $1 and {wanted}
     order by 1, 2
    """
_ALL = "$2::timestamptz is null and $3::timestamptz is null"
_TOUCHING = """
    (kind not in ('shift', 'absence')
     or ((content ->> 'starts_at')::timestamptz < $3 and (content ->> 'ends_at')::timestamptz > $2))
    """
_MOMENT = timedelta(microseconds=1)
_FOR_EVER = datetime(9999, 1, 1, tzinfo=UTC)
_PART = {
    "office": "offices",
    "staff": "staff",
    "shift": "duty",
    "absence": "absences",
    "cover": "cover",
    "wish": "wishes",
}


async def directory_at(
    db: AsyncConnection, at: datetime, *, known_at: datetime | None = None, only_then: bool = False
) -> ApplyCompany | None:
    """The company as it stood at `at`, as the command that would apply it; None before the first one.

    Shifts and absences are those that were known at `known_at` (by default at `at` itself, as routing knew them), the
    past and the coming ones; with `only_then` only those that cover `at`. `rules.moment.Calendar` makes fields of it.
    """
    return _company(await _facts(db, known_at or at, (at, at + _MOMENT) if only_then else None))


async def directory_now(db: AsyncConnection, since: datetime, until: datetime) -> ApplyCompany | None:
    """The company as it stands, with the shifts and absences that touch a time; None before the first one."""
    return _company(await _facts(db, _FOR_EVER, (since, until)))


async def _facts(db: AsyncConnection, at: datetime, touching: tuple[datetime, datetime] | None) -> Sequence[RowMapping]:
    return await fetch(db, _AT.format(wanted=_TOUCHING if touching else _ALL), at, *(touching or (None, None)))


def _company(rows: Sequence[RowMapping]) -> ApplyCompany | None:
    company = [row["content"] for row in rows if row["kind"] == "company"]
    if not company:
        return None
    parts: dict[str, list[object]] = {name: [] for name in _PART.values()}
    for row in rows:
        if row["kind"] in _PART:
            parts[_PART[row["kind"]]].append(row["content"])
    return ApplyCompany.model_validate({**company[0], **parts})


async def in_force(db: AsyncConnection, at: datetime) -> RowMapping | None:
    """The version of the company that was in force at `at`, and since when: `version, since`; None before the first."""
    rows = await fetch(
        db,
        """
        select (content ->> 'version')::int as version, valid_from as since from directory_facts
         where kind = 'company' and valid_from <= $1 and (valid_to is null or valid_to > $1)
        """,
        at,
    )
    return rows[0] if rows else None


async def history_from(db: AsyncConnection) -> datetime | None:
    """Since when the directory is known; None before the first company was applied."""
    rows = await fetch(db, "select min(valid_from) as began from directory_facts where kind = 'company'")
    began: datetime | None = rows[0]["began"]
    return began


async def rostered_at(db: AsyncConnection, at: datetime) -> set[str]:
    """The offices that had drawn up a roster at `at`, for whatever time: their calls went by it."""
    shifts = _AT.format(wanted="kind = 'shift'")
    rows = await fetch(db, f"select distinct content ->> 'office' as office from ({shifts}) f", at)
    return {row["office"] for row in rows}


async def directory_changes(db: AsyncConnection, since: datetime, until: datetime) -> list[datetime]:
    """The moments after `since` and before `until` at which anything of the directory changed, in order."""
    rows = await fetch(
        db,
        """
        select valid_from as at from directory_facts where valid_from > $1 and valid_from < $2
        union
        select valid_to from directory_facts where valid_to > $1 and valid_to < $2
        order by 1
        """,
        since,
        until,
    )
    return [row["at"] for row in rows]


async def said_later(db: AsyncConnection, at: datetime) -> Sequence[RowMapping]:
    """Shifts and absences that cover `at` but were entered after it and stand: `kind, content, valid_from`, in order."""
    return await fetch(
        db,
        f"""
        select kind, content, valid_from from directory_facts f
         where valid_to is null and valid_from > $1 and kind in ('shift', 'absence') and {_TOUCHING}
           and not exists (select from directory_facts o where (o.kind, o.key) = (f.kind, f.key)
                           and o.valid_from <= $1 and (o.valid_to is null or o.valid_to > $1))
         order by 1, key
        """,
        at,
        at,
        at + _MOMENT,
    )
