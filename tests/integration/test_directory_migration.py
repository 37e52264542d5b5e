"""A house that stood before the directory had a history keeps what it has, and knows it from the last file on."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from alembic import command
from sqlalchemy.engine import URL

from services.routing import handlers, store
from services.routing.rules.moment import Calendar
from services.routing.rules.presence import Presence
from shared import migrate
from shared.database import engine_for, execute, fetch
from shared.provision import prepare_database
from tests.conftest import PASSWORDS, run_as_admin, url_of
from tests.integration.routing_house import NOW, batch, company

APPLIED = datetime(2026, 11, 20, 9, tzinfo=UTC)


async def test_what_stands_when_history_begins_is_known_since_the_last_file(postgres: URL) -> None:
    name = "test_directory_before_history"
    await run_as_admin(postgres, f"create database {name}")
    house = postgres.set(database=name)
    engine = None
    try:
        await prepare_database(house, PASSWORDS)
        engine = engine_for(url_of(house, "routing"), "routing", pool_size=1)
        async with engine.connect() as db:
            await db.run_sync(lambda connection: command.upgrade(migrate._config("routing", connection), "0005"))
            await execute(db, "insert into company values (1, 'X', 'RU-MOW', 'Europe/Moscow', 'boss', 7, $1)", APPLIED)
            await execute(
                db,
                """
                insert into offices
                values ('msk', 'Москва', 'Europe/Moscow', 'Mon-Fri 09:00-18:00', 'RU', '["2026-12-31"]', '[]', null, null),
                       ('old', 'Старый', 'Europe/Moscow', 'Mon-Fri 09:00-18:00', 'RU', '[]', '[]', null, $1)
                """,
                APPLIED,
            )
            await execute(db, "insert into office_regions values ('msk', 'RU-MOW'), ('msk', 'BY')")
            await execute(
                db,
                "insert into staff (id, name, office_id, function, weight, per_day, notice_at)"
                " values ('anna', 'Анна', 'msk', 'sales', 500, 3, null),"
                " ('boss', 'Босс', 'msk', 'head_of_sales', 1000, null, $1)",
                NOW,
            )
            await execute(
                db,
                "insert into duty values ('msk', 'anna', $1, $2)",
                NOW - timedelta(hours=2),
                NOW + timedelta(hours=7),
            )
            await execute(
                db,
                "insert into absences values ('boss', $1, $2, 'vacation')",
                NOW - timedelta(days=1),
                NOW + timedelta(days=1),
            )
            before = await fetch(db, "select (select count(*) from duty) + (select count(*) from absences) n")
            await db.run_sync(lambda connection: command.upgrade(migrate._config("routing", connection), "head"))
            await db.commit()
            assert before[0]["n"] == 2

            assert await store.history_from(db) == APPLIED
            assert await store.directory_at(db, APPLIED - timedelta(seconds=1)) is None
            then = await store.directory_at(db, APPLIED)
            assert then is not None
            assert [(o.id, o.regions, [str(day) for day in o.days_off]) for o in then.offices] == [
                ("msk", ["BY", "RU-MOW"], ["2026-12-31"])
            ]
            assert [(p.id, p.weight, p.per_day, p.notice_at, p.duty_hours) for p in then.staff] == [
                ("anna", 0.5, 3, None, None),
                ("boss", 1.0, None, NOW, None),
            ]
            field = await store.field_of_play(db, NOW)
            assert field is not None
            assert Calendar(then).field_at(NOW, Presence()).id == field.id
            assert await store.follow_directory(db, NOW) == 0, "history and tables agree"

            await handlers.apply_company(batch(company()), db)
            now = await store.directory_at(db, NOW)
            assert now is not None
            assert len(now.staff) == 12
            await db.commit()
    finally:
        if engine is not None:
            await engine.dispose()
        await run_as_admin(postgres, f"drop database {name} with (force)")
