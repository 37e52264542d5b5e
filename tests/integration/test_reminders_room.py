"""Reminders on a real database: deadlines set, closed, counted anew, said once, and caught up after downtime."""

from __future__ import annotations

import asyncio
import itertools
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from services.reminders import answers, handlers, watch
from shared.database import fetch
from shared.events import DeadlineReached, DeadlineSet, OfficeChanged, StaffChanged, TaskClosed, TaskSet
from shared.message import Batch, Heard, Message, NotYet, Said, Unfit
from shared.questions import CountRemindersProgress, ShowDeadlines
from shared.words import Function, Source, TaskKind

Connect = Callable[[str], AbstractAsyncContextManager[AsyncConnection]]
ROOT = UUID("6ba7b810-9dad-11d1-80b4-00c04fd430c8")
MONDAY = datetime(2026, 11, 23, 7, 0, tzinfo=UTC)  # 10:00 in Moscow
_ids = (uuid5(ROOT, str(n)) for n in itertools.count())


def batch(now: datetime, messages: Sequence[Message]) -> Batch[Any]:
    return Batch([Heard(next(_ids), uuid5(ROOT, "correlation"), message=one, at=now) for one in messages], now)


def msk_office(**changes: Any) -> OfficeChanged:
    facts = {
        "office_id": "msk",
        "name": "Москва",
        "time_zone": "Europe/Moscow",
        "hours": "Mon-Fri 09:00-18:00",
        "calendar": "RU",
        "head": "orlov",
    }
    return OfficeChanged.model_validate({**facts, **changes})


def person(staff_id: str, function: Function = Function.SALES) -> StaffChanged:
    return StaffChanged(staff_id=staff_id, name=staff_id.title(), office_id="msk", function=function)


def task(n: int = 0, **changes: Any) -> TaskSet:
    facts = {
        "task_id": uuid5(ROOT, f"task {n}"),
        "process_id": uuid5(ROOT, f"process {n}"),
        "client_id": uuid5(ROOT, f"client {n}"),
        "manager": "petrova",
        "office_id": "msk",
        "kind": TaskKind.CALL,
        "source": Source.WEBSITE,
        "received_at": MONDAY,
    }
    return TaskSet.model_validate({**facts, **changes})


def closing(one: TaskSet, at: datetime) -> TaskClosed:
    return TaskClosed(task_id=one.task_id, process_id=one.process_id, client_id=one.client_id, closed_at=at, how="done")


async def learn(db: AsyncConnection) -> None:
    await handlers.learn_offices(batch(MONDAY, [msk_office()]), db)
    await handlers.learn_staff(batch(MONDAY, [person("petrova"), person("orlov", Function.HEAD)]), db)


async def set_tasks(db: AsyncConnection, *tasks: TaskSet, now: datetime = MONDAY) -> Said:
    return await handlers.set_deadlines(batch(now, tasks), db)


def reached(said: Said) -> list[tuple[str, str]]:
    return [(saying.event.step, saying.event.tells) for saying in said if isinstance(saying.event, DeadlineReached)]


async def steps_until(
    db: AsyncConnection, start: datetime, end: datetime, every: timedelta
) -> list[tuple[datetime, str]]:
    """Watch from `start` to `end`; when each step was said (Moscow's wall clock is three hours on)."""
    said = []
    now = start
    while now <= end:
        found, _ = await watch.fall_due(now, db)
        said += [(now, step) for step, _ in reached(found)]
        now += every
    return said


@pytest.mark.rule("SLA")
async def test_a_task_gets_its_deadline_in_the_working_calendar_of_its_office(db_of: Connect) -> None:
    async with db_of("reminders") as db:
        await learn(db)
        await handlers.learn_offices(
            batch(MONDAY, [msk_office(office_id="ala", time_zone="Asia/Almaty", calendar="KZ", head=None)]), db
        )
        friday = datetime(2026, 11, 20, 12, 45, tzinfo=UTC)  # 15:45 in Moscow, 17:45 in Almaty
        one, two = task(1, received_at=friday), task(2, received_at=friday, office_id="ala")
        said = await set_tasks(db, one, two, now=friday)
    set_to = {saying.event.task_id: saying.event for saying in said if isinstance(saying.event, DeadlineSet)}
    assert set_to[one.task_id].due_at == datetime(2026, 11, 20, 13, 15, tzinfo=UTC)
    assert set_to[two.task_id].due_at == datetime(2026, 11, 23, 4, 15, tzinfo=UTC)
    assert set_to[one.task_id].by_rule == "SLA: website, 30 working minutes"


@pytest.mark.rule("SLA")
async def test_the_term_of_a_source_is_a_setting(db_of: Connect) -> None:
    async with db_of("reminders") as db:
        await learn(db)
        await db.exec_driver_sql("update sla_policies set amount = 2, unit = 'working_days' where source = 'website'")
        said = await set_tasks(db, task())
    assert isinstance(said[0].event, DeadlineSet)
    assert said[0].event.due_at == datetime(2026, 11, 25, 15, 0, tzinfo=UTC)


@pytest.mark.rule("R4-12")
async def test_a_deferred_task_keeps_its_promised_moment_and_the_date_the_client_named(db_of: Connect) -> None:
    due_at = datetime(2026, 5, 4, 15, 0, tzinfo=UTC)
    april = datetime(2026, 4, 22, 9, 0, tzinfo=UTC)
    async with db_of("reminders") as db:
        await learn(db)
        await set_tasks(db, task(due_at=due_at, named_date=date(2026, 5, 10)), now=april)
        shown = (await answers.show_deadlines(ShowDeadlines(id=task().task_id), db))["deadlines"][0]
    assert (shown["due_at"], shown["named_date"]) == (due_at, date(2026, 5, 10))
    assert shown["by_rule"].startswith("R4-12")


async def test_a_task_of_an_office_not_heard_of_waits(db_of: Connect) -> None:
    async with db_of("reminders") as db:
        with pytest.raises(NotYet, match="office 'msk' has not been heard of"):
            await set_tasks(db, task())


async def test_an_office_whose_hours_cannot_be_read_is_unfit(db_of: Connect) -> None:
    async with db_of("reminders") as db:
        with pytest.raises(
            Unfit, match=r"office 'msk': office hours 'always': 'always' is not understood; write it like"
        ):
            await handlers.learn_offices(batch(MONDAY, [msk_office(hours="always")]), db)


@pytest.mark.rule("R4-08")
@pytest.mark.rule("R4-09")
async def test_an_open_task_is_warned_of_due_overdue_and_brought_to_the_head(db_of: Connect) -> None:
    async with db_of("reminders") as db:
        await learn(db)
        await set_tasks(db, task())
        said = await steps_until(db, MONDAY, MONDAY + timedelta(days=2), timedelta(minutes=7, seconds=30))
        told = await fetch(db, "select step, tells from notifications order by at")
        left = await fetch(db, "select * from timers")
    minutes = [(int((at - MONDAY).total_seconds() / 60), step) for at, step in said]
    assert minutes == [(22, "warning"), (30, "due"), (60, "overdue"), (90, "escalated")]
    assert [(row["step"], row["tells"]) for row in told] == [
        ("warning", "petrova"),
        ("due", "petrova"),
        ("overdue", "petrova"),
        ("escalated", "orlov"),
    ]
    assert left == []


@pytest.mark.rule("R4-08")
async def test_a_task_that_is_done_is_never_heard_of_again(db_of: Connect) -> None:
    async with db_of("reminders") as db:
        await learn(db)
        one, other = task(1), task(2)
        await set_tasks(db, one, other)
        await handlers.close_deadlines(batch(MONDAY, [closing(one, MONDAY + timedelta(minutes=5))]), db)
        assert len(await fetch(db, "select * from timers")) == 1
        said, _ = await watch.fall_due(MONDAY + timedelta(minutes=31), db)
        shown = (await answers.show_deadlines(ShowDeadlines(id=one.client_id), db))["deadlines"]
    assert [saying.event.aggregate() for saying in said] == [f"task/{other.task_id}"]
    assert (shown[0]["state"], shown[0]["closed_how"]) == ("closed", "done")
    assert shown[0]["closed_at"] == MONDAY + timedelta(minutes=5)
    assert [step["told_at"] for step in shown[0]["steps"]] == [None] * 4


async def test_closing_a_task_that_is_unknown_or_closed_changes_nothing(db_of: Connect) -> None:
    async with db_of("reminders") as db:
        await learn(db)
        one = task()
        await set_tasks(db, one)
        for minutes in (5, 50):
            await handlers.close_deadlines(
                batch(MONDAY, [closing(one, MONDAY + timedelta(minutes=minutes)), closing(task(99), MONDAY)]), db
            )
        rows = await fetch(db, "select task_id, closed_at from deadlines")
    assert list(map(dict, rows)) == [{"task_id": one.task_id, "closed_at": MONDAY + timedelta(minutes=5)}]


async def test_a_task_set_again_replaces_its_deadline_and_its_timer(db_of: Connect) -> None:
    async with db_of("reminders") as db:
        await learn(db)
        await set_tasks(db, task())
        await watch.fall_due(MONDAY + timedelta(minutes=31), db)
        later = MONDAY + timedelta(hours=5)
        await set_tasks(db, task(manager="ivanov", due_at=later), now=MONDAY + timedelta(minutes=40))
        rows = await fetch(
            db,
            "select d.version, t.version as armed, d.manager, t.step, d.due_at from deadlines d join timers t using (task_id)",
        )
        said = await steps_until(db, MONDAY + timedelta(minutes=41), later, timedelta(minutes=1))
    assert list(map(dict, rows)) == [
        {"version": 2, "armed": 2, "manager": "ivanov", "step": "warning", "due_at": later}
    ]
    assert [step for _, step in said] == ["warning", "due"]


async def test_a_stale_timer_is_taken_away_and_says_nothing(db_of: Connect) -> None:
    async with db_of("reminders") as db:
        await learn(db)
        await set_tasks(db, task())
        await db.exec_driver_sql("update timers set version = 0")
        said, _ = await watch.fall_due(MONDAY + timedelta(minutes=31), db)
        assert said == []
        assert await fetch(db, "select * from timers") == []


@pytest.mark.rule("R4-08")
async def test_after_three_days_down_five_thousand_timers_make_no_storm_and_none_is_forgotten(db_of: Connect) -> None:
    count = 5000
    async with db_of("reminders") as db:
        await learn(db)
        for start in range(0, count, 500):
            await set_tasks(db, *(task(n) for n in range(start, start + 500)))
        now = MONDAY + timedelta(days=3)
        per_tick, said, ticks = [], [], 0
        while await fetch(db, "select 1 from timers limit 1"):
            found, more = await watch.fall_due(now, db)
            per_tick.append(len(found))
            said += [(saying.event.task_id, saying.event.step, now) for saying in found]  # type: ignore[attr-defined]
            ticks += 1
            assert ticks < 200, "the backlog does not drain"
            # nothing happens for a while once all are said: jump to the hour when the heads are told
            now = now if more else now + timedelta(seconds=1) if found else now + timedelta(minutes=5)
    steps: dict[UUID, list[str]] = {}
    for task_id, step, _ in said:
        steps.setdefault(task_id, []).append(step)
    first_minute = [step for _, step, at in said if at < MONDAY + timedelta(days=3, minutes=1)]
    assert Counter(first_minute) == {"overdue": count}, "one notice for each, to its manager"
    assert max(per_tick[:25]) <= watch.LATE_AT_ONCE
    assert set(map(tuple, steps.values())) == {("overdue", "escalated")}
    assert len(steps) == count


@pytest.mark.rule("R4-08")
async def test_waking_up_at_night_says_nothing_until_the_morning_and_not_all_at_once_then(db_of: Connect) -> None:
    async with db_of("reminders") as db:
        await learn(db)
        await set_tasks(db, *(task(n) for n in range(150)))
        night = datetime(2026, 11, 28, 1, 0, tzinfo=UTC)
        assert (await watch.fall_due(night, db))[0] == []
        monday = datetime(2026, 11, 30, 6, 0, tzinfo=UTC)
        said = await steps_until(
            db, monday - timedelta(minutes=1), monday + timedelta(minutes=15), timedelta(minutes=1)
        )
    assert len(said) == 150
    assert min(at for at, _ in said) >= monday
    assert max(Counter(at for at, _ in said).values()) < 30


@pytest.mark.rule("R4-08")
async def test_what_is_on_time_does_not_wait_behind_what_was_missed(db_of: Connect) -> None:
    async with db_of("reminders") as db:
        await learn(db)
        await set_tasks(db, *(task(n) for n in range(300)))
        now = MONDAY + timedelta(days=1)
        fresh = task(1000, due_at=now)
        await set_tasks(db, fresh, now=now - timedelta(hours=1))
        await db.exec_driver_sql(
            "update timers set step = 'due', fire_at = $1 where task_id = $2", (now, fresh.task_id)
        )
        said, more = await watch.fall_due(now, db)
    assert said[0].event.aggregate() == f"task/{fresh.task_id}"
    assert (len(said), more) == (1 + watch.LATE_AT_ONCE, False)


@pytest.mark.rule("R4-08")
async def test_two_watchers_at_once_say_each_step_once(db_of: Connect) -> None:
    count = 1200
    async with db_of("reminders") as db:
        await learn(db)
        for start in range(0, count, 400):
            await set_tasks(db, *(task(n) for n in range(start, start + 400)))
    now = MONDAY + timedelta(minutes=31)
    said: Said = []

    async def watcher() -> None:
        for _ in range(4):
            async with db_of("reminders") as db:
                found, _ = await watch.fall_due(now, db)
                said.extend(found)
                await asyncio.sleep(0.02)

    await asyncio.gather(watcher(), watcher())
    async with db_of("reminders") as db:
        told = await fetch(db, "select step, count(*) from notifications group by step")
    assert len(said) == len({saying.cause.id for saying in said}) == count
    assert list(map(dict, told)) == [{"step": "due", "count": count}]


async def test_a_task_being_closed_is_left_alone_by_the_watch(db_of: Connect) -> None:
    async with db_of("reminders") as db:
        await learn(db)
        await set_tasks(db, task(1), task(2))
    now = MONDAY + timedelta(minutes=31)
    async with db_of("reminders") as closes:
        await handlers.close_deadlines(batch(now, [closing(task(1), now)]), closes)
        async with db_of("reminders") as watches:
            said, _ = await asyncio.wait_for(watch.fall_due(now, watches), 5)
    assert [saying.event.aggregate() for saying in said] == [f"task/{task(2).task_id}"]


async def test_the_same_step_has_the_same_id_however_often_it_is_found(db_of: Connect) -> None:
    now = MONDAY + timedelta(minutes=31)
    ids = []
    async with db_of("reminders") as db:
        await learn(db)
        await set_tasks(db, task())
        for _ in range(2):
            nested = await db.begin_nested()
            said, _ = await watch.fall_due(now, db)
            ids.append(said[0].cause.id)
            await nested.rollback()
        said, _ = await watch.fall_due(now, db)
        assert [said[0].cause.id, said[0].cause.correlation] == [ids[0], uuid5(ROOT, "correlation")]
        await db.exec_driver_sql("update timers set step = 'due', fire_at = $1", (now,))
        assert (await watch.fall_due(now, db))[0] == [], "what was told is not told again"
    assert len(set(ids)) == 1


@pytest.mark.rule("SLA")
async def test_a_changed_calendar_moves_first_reactions_and_leaves_promises(db_of: Connect) -> None:
    async with db_of("reminders") as db:
        await learn(db)
        promised = MONDAY + timedelta(days=2)
        website = [task(n) for n in range(3)]
        await set_tasks(db, *website, task(10, due_at=promised), task(11, source=Source.EVENT))
        await handlers.close_deadlines(batch(MONDAY, [closing(website[0], MONDAY)]), db)
        await handlers.learn_offices(batch(MONDAY, [msk_office(days_off=[date(2026, 11, 23)])]), db)
        now = MONDAY + timedelta(minutes=1)
        said, more = await watch.count_anew(now, db)
        assert more
        assert await watch.count_anew(now, db) == ([], False)
        rows = await fetch(
            db,
            "select d.task_id, d.due_at, d.version, t.fire_at, t.version as armed"
            " from deadlines d left join timers t using (task_id)",
        )
    moved = {saying.event.task_id: saying.event.due_at for saying in said if isinstance(saying.event, DeadlineSet)}
    tuesday = datetime(2026, 11, 24, 6, 30, tzinfo=UTC)
    assert moved == {one.task_id: tuesday for one in website[1:]}, "the event lead is due on Thursday all the same"
    by_id = {row["task_id"]: row for row in rows}
    assert by_id[website[0].task_id]["due_at"] == MONDAY + timedelta(minutes=30), "what is closed stays as it was"
    assert by_id[website[1].task_id]["version"] == by_id[website[1].task_id]["armed"] == 2
    assert by_id[website[1].task_id]["fire_at"] == tuesday - timedelta(minutes=7, seconds=30)
    assert by_id[task(10).task_id]["due_at"] == promised
    assert by_id[task(10).task_id]["version"] == 1


async def test_a_new_head_or_name_counts_nothing_anew(db_of: Connect) -> None:
    async with db_of("reminders") as db:
        await learn(db)
        await set_tasks(db, task())
        await handlers.learn_offices(batch(MONDAY, [msk_office(head="sokolova", name="Москва-2")]), db)
        assert await watch.count_anew(MONDAY, db) == ([], False)
        now = MONDAY
        told = []
        while now < MONDAY + timedelta(hours=2):
            told += reached((await watch.fall_due(now, db))[0])
            now += timedelta(minutes=10)
    assert told[-1] == ("escalated", "sokolova")


async def test_a_calendar_change_is_worked_through_in_bounded_steps_and_skips_what_is_held(db_of: Connect) -> None:
    count = 1100
    async with db_of("reminders") as db:
        await learn(db)
        await set_tasks(db, *(task(n) for n in range(count)))
        await handlers.learn_offices(batch(MONDAY, [msk_office(hours="Mon-Fri 11:00-20:00")]), db)
    async with db_of("reminders") as closes:
        await handlers.close_deadlines(batch(MONDAY, [closing(task(7), MONDAY)]), closes)
        async with db_of("reminders") as db:
            sizes = []
            more = True
            while more:
                said, more = await watch.count_anew(MONDAY, db)
                sizes.append(len(said))
                if len(sizes) > 6:
                    break
    assert sizes[:3] == [500, 500, 99]


async def test_handlers_and_watches_at_once_never_wait_in_a_circle(db_of: Connect) -> None:
    rounds, size = 12, 60
    async with db_of("reminders") as db:
        await learn(db)
    now = MONDAY + timedelta(minutes=31)

    async def work(first: int) -> None:
        """What a replica's transaction does at the most: close some, then set others, as two rounds of one batch."""
        for n in range(rounds):
            start = first + n * size
            async with db_of("reminders") as db:
                if n:
                    done = [closing(task(one), now) for one in range(start - size, start)]
                    await handlers.close_deadlines(batch(now, done), db)
                await set_tasks(db, *(task(one) for one in range(start, start + size)))

    async def move_the_calendar() -> None:
        for n in range(rounds):
            async with db_of("reminders") as db:
                await handlers.learn_offices(batch(now, [msk_office(hours=f"Mon-Fri 09:{n:02}-18:00")]), db)

    async def watch_on() -> None:
        for n in range(2 * rounds):
            async with db_of("reminders") as db:
                await (watch.count_anew if n % 2 else watch.fall_due)(now, db)

    jobs = [work(0), work(10_000), move_the_calendar(), watch_on(), watch_on()]
    await asyncio.wait_for(asyncio.gather(*jobs), 60)
    async with db_of("reminders") as db:
        while (await watch.count_anew(now, db))[1]:
            pass
        left = await fetch(
            db,
            "select count(*) filter (where state = 'open') as open, count(t) as armed,"
            " count(*) filter (where t.version <> d.version or (state = 'closed' and t is not null)) as wrong"
            " from deadlines d left join timers t using (task_id)",
        )
        stale = await fetch(
            db,
            "select 1 from deadlines d join offices o using (office_id) where d.state = 'open'"
            " and d.calendar_version < o.calendar_version",
        )
    assert list(map(dict, left)) == [{"open": 2 * size, "armed": 2 * size, "wrong": 0}]
    assert stale == []


async def test_progress_counts_the_deadlines_of_an_import(db_of: Connect) -> None:
    this, other = uuid5(ROOT, "this"), uuid5(ROOT, "other")
    async with db_of("reminders") as db:
        await learn(db)
        assert await answers.count_progress(CountRemindersProgress(import_id=this), db) == {
            "deadlines": 0,
            "closed": 0,
            "last_at": None,
        }
        await set_tasks(db, task(1, import_id=this), task(2, import_id=this), task(3, import_id=other), task(4))
        counted = await answers.count_progress(CountRemindersProgress(import_id=this), db)
    assert counted == {"deadlines": 2, "closed": 0, "last_at": MONDAY}


async def test_deadlines_show_who_was_told_when_and_what_is_still_to_come(db_of: Connect) -> None:
    async with db_of("reminders") as db:
        await learn(db)
        await set_tasks(db, task())
        await watch.fall_due(MONDAY + timedelta(minutes=31), db)
        by_task = await answers.show_deadlines(ShowDeadlines(id=task().task_id), db)
        assert by_task == await answers.show_deadlines(ShowDeadlines(id=task().client_id), db)
        assert await answers.show_deadlines(ShowDeadlines(id=uuid5(ROOT, "nobody")), db) == {
            "deadlines": [],
            "answers": [],
        }
    shown = by_task["deadlines"][0]
    assert (shown["state"], shown["due_at"]) == ("open", MONDAY + timedelta(minutes=30))
    assert [(step["step"], step["tells"]) for step in shown["steps"]] == [
        ("warning", None),
        ("due", "petrova"),
        ("overdue", None),
        ("escalated", None),
    ]


async def test_while_the_clock_jumps_nothing_is_said(db_of: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    seconds = iter([100.0, 101.0, 102.0, 103.0])
    monkeypatch.setattr(watch, "ticks", lambda: next(seconds))
    steady = watch.by_a_steady_clock(watch.fall_due)
    async with db_of("reminders") as db:
        await learn(db)
        await set_tasks(db, task())
        before, due = MONDAY + timedelta(minutes=20), MONDAY + timedelta(minutes=25)
        assert (await steady(before, db)) == ([], False), "the warning comes after 22.5 minutes"
        assert (await steady(before + timedelta(hours=1), db)) == ([], False), "an hour passed in one second"
        assert (await steady(due, db)) == ([], False), "and back"
        assert reached((await steady(due + timedelta(seconds=1), db))[0]) == [("warning", "petrova")]
