"""The field of play: everything that decides who may receive, at one moment."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from services.routing.rules.field import Field, Office, Person
from services.routing.store.presence import said_and_planned
from shared.database import fetch
from shared.words import Function


async def field_of_play(db: AsyncConnection, at: datetime) -> Field | None:
    """The directory as it stands at `at`, held still until the transaction ends; None before a company was applied."""
    company = await fetch(db, "select home_region from company for share")
    if not company:
        return None
    offices = await fetch(
        db,
        """
        select id, name,
               array(select region from office_regions where office_id = o.id and retired_at is null order by 1) regions,
               exists(select from duty where office_id = o.id and retired_at is null) rostered,
               array(select distinct staff_id from duty where office_id = o.id and retired_at is null
                     and starts_at <= $1 and ends_at > $1 order by 1) on_duty
          from offices o
         where retired_at is null
        """,
        at,
    )
    people = await fetch(
        db,
        """
        select id, name, office_id, function, weight, retired_at is null as active, per_day, open_leads,
               coalesce(notice_at <= $1, false) as notice
          from staff
        """,
        at,
    )
    presence, absences = await said_and_planned(db, at)
    return Field(
        company[0]["home_region"],
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
                p["notice"],
            )
            for p in people
        ],
    )
