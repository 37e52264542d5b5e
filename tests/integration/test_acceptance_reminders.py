"""Answers that are awaited, in reminders: asked once, said once, whatever comes first, and after downtime in peace."""

from __future__ import annotations

import asyncio
import itertools
from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from services.reminders import answers, awaiting, handlers
from shared.database import fetch
from shared.events import AnswerDue, AssignmentAnswered, TaskSet
from shared.message import Batch, Heard, Message, Said
from shared.questions import ShowDeadlines
from shared.words import Function, Source
from tests.integration.test_reminders_room import MONDAY, Connect, msk_office, person, task

ROOT = UUID("7ba7b810-9dad-11d1-80b4-00c04fd430c8")
MINUTE = timedelta(minutes=1)
_ids = (uuid5(ROOT, str(n)) for n in itertools.count())


def batch(now: datetime, messages: Sequence[Message]) -> Batch[Any]:
    return Batch([Heard(next(_ids), uuid5(ROOT, "correlation"), message=one, at=now) for one in messages], now)


def lead_of(n: int) -> UUID:
    return uuid5(ROOT, f"lead {n}")


def asking(n: int = 0, attempt: int = 1, **changes: Any) -> TaskSet:
    return task(n * 100 + attempt, **{"lead_id": lead_of(n), "awaits": attempt, **changes})


def answered(n: int = 0, attempt: int = 1, answer: str = "accepted") -> AssignmentAnswered:
    return AssignmentAnswered.model_validate(
        {
            "lead_id": lead_of(n),
            "client_id": uuid5(ROOT, f"client {n}"),
            "attempt": attempt,
            "receiver": "petrova",
            "answer": answer,
        }
    )


async def learn(db: AsyncConnection) -> None:
    await handlers.learn_offices(batch(MONDAY, [msk_office()]), db)
    await handlers.learn_staff(batch(MONDAY, [person("petrova"), person("orlov", Function.HEAD)]), db)


async def ask(db: AsyncConnection, *tasks: TaskSet, now: datetime = MONDAY) -> None:
    await handlers.set_deadlines(batch(now, tasks), db)


def due(said: Said) -> list[tuple[str, str, int]]:
    return [(one.event.step, one.event.tells, one.event.attempt) for one in said if isinstance(one.event, AnswerDue)]


@pytest.mark.rule("SLA")
async def test_a_receiver_is_reminded_once_and_then_his_head_hears_of_it_once(db_of: Connect) -> None:
    async with db_of("reminders") as db:
        await learn(db)
        await ask(db, asking())
        said = []
        for minutes in range(0, 90):
            now = MONDAY + minutes * MINUTE
            said += [(minutes, *one) for one in due((await awaiting.answers_fall_due(now, db))[0])]
        assert said == [(5, "warning", "petrova", 1), (10, "expired", "orlov", 1)]
        shown = (await answers.show_deadlines(ShowDeadlines(id=lead_of(0)), db))["answers"]
        assert [(one["manager"], one["state"], one["attempt"]) for one in shown] == [("petrova", "expired", 1)]


@pytest.mark.rule("SLA")
@pytest.mark.parametrize("answer_first", [True, False])
async def test_who_has_answered_is_not_reminded_even_if_his_answer_is_heard_before_the_question(
    db_of: Connect, answer_first: bool
) -> None:
    async with db_of("reminders") as db:
        await learn(db)
        if answer_first:
            await awaiting.end_answers(batch(MONDAY, [answered()]), db)
        await ask(db, asking())
        if not answer_first:
            await awaiting.end_answers(batch(MONDAY, [answered()]), db)
        assert await awaiting.answers_fall_due(MONDAY + 60 * MINUTE, db) == ([], False)


@pytest.mark.rule("SLA")
async def test_the_next_receiver_has_his_own_time_and_a_late_answer_of_the_one_before_does_not_take_it(
    db_of: Connect,
) -> None:
    async with db_of("reminders") as db:
        await learn(db)
        await ask(db, asking())
        await ask(db, asking(attempt=2), now=MONDAY + 3 * MINUTE)
        await awaiting.end_answers(batch(MONDAY + 4 * MINUTE, [answered(answer="declined")]), db)
        await ask(db, asking(), now=MONDAY + 4 * MINUTE)  # nothing goes back to an attempt that is over
        assert due((await awaiting.answers_fall_due(MONDAY + 7 * MINUTE, db))[0]) == []
        assert due((await awaiting.answers_fall_due(MONDAY + 8 * MINUTE, db))[0]) == [("warning", "petrova", 2)]


@pytest.mark.rule("SLA")
async def test_the_time_to_answer_is_a_setting(db_of: Connect) -> None:
    async with db_of("reminders") as db:
        await learn(db)
        await db.exec_driver_sql("update acceptance_policies set amount = 60 where source = 'website'")
        await ask(db, asking())
        assert due((await awaiting.answers_fall_due(MONDAY + 29 * MINUTE, db))[0]) == []
        assert due((await awaiting.answers_fall_due(MONDAY + 30 * MINUTE, db))[0]) == [("warning", "petrova", 1)]


async def test_a_task_that_asks_nothing_awaits_nothing(db_of: Connect) -> None:
    async with db_of("reminders") as db:
        await learn(db)
        await ask(db, task(1), asking(2, awaits=None), asking(3, lead_id=None))
        assert await fetch(db, "select 1 from awaited") == []


@pytest.mark.rule("SLA")
async def test_after_a_night_of_downtime_nobody_has_lost_his_leads_and_nobody_is_flooded(db_of: Connect) -> None:
    tuesday = MONDAY + timedelta(hours=23)  # nine in the morning in Moscow
    async with db_of("reminders") as db:
        await learn(db)
        await ask(db, *(asking(n) for n in range(20)))
        evening = await awaiting.answers_fall_due(MONDAY + timedelta(hours=12), db)  # ten in the evening
        assert due(evening[0]) == [], "outside office hours nobody is told"
        told: list[tuple[int, str]] = []
        for minutes in range(0, 60):
            said = due((await awaiting.answers_fall_due(tuesday + minutes * MINUTE, db))[0])
            told += [(minutes, step) for step, _, _ in said]
        warned = [minutes for minutes, step in told if step == "warning"]
        expired = [minutes for minutes, step in told if step == "expired"]
        assert len(warned) == len(expired) == 20
        assert max(warned) <= 15
        assert len(set(warned)) > 5, "not all in one minute"
        assert sorted(minutes + 5 for minutes in warned) == sorted(expired), "everybody has the second half of his time"


@pytest.mark.rule("SLA")
async def test_two_replicas_say_each_step_once(db_of: Connect) -> None:
    async with db_of("reminders") as db:
        await learn(db)
        await ask(db, *(asking(n, source=Source.WEBSITE) for n in range(300)))

    async def replica() -> list[UUID]:
        found: list[UUID] = []
        for _ in range(4):
            async with db_of("reminders") as db:
                said, _ = await awaiting.answers_fall_due(MONDAY + 5 * MINUTE, db)
                found += [one.event.lead_id for one in said if isinstance(one.event, AnswerDue)]
                await asyncio.sleep(0)
        return found

    one, other = await asyncio.gather(replica(), replica())
    assert Counter([*one, *other]) == Counter(lead_of(n) for n in range(300))
