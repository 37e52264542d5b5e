"""An import is undone through all four rooms: what nobody has touched since is gone, what was touched is left, and told."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from importlib import import_module
from typing import Any
from uuid import UUID, uuid5

import pytest

from services.intake import undo
from services.intake.store import hold_keys
from services.routing.rules.fair_share import UNIT
from shared.commands import ApplyCompany, LeadFields, RecordTouch, Row, SubmitLead, SubmitRows, UndoImport
from shared.database import fetch
from shared.events import CardWithdrawn, RecallAnswered
from shared.message import Batch, Command, Event, Heard, Message, Saying
from shared.service import Room
from shared.words import Source
from tests.integration.routing_house import NOW, DbOf, company, uid

LIST, OTHER, BASE = uid("a list"), uid("another list"), uid("a base")


class House:
    """Four rooms on one database, without a bus: each hears in order what the others say."""

    def __init__(self, db_of: DbOf) -> None:
        self.db_of, self.now = db_of, NOW
        self.rooms: dict[str, Room] = {
            name: import_module(f"services.{name}.app").ROOM for name in ("intake", "routing", "process", "reminders")
        }
        self.said: list[Event] = []
        self._waiting: deque[tuple[str, Saying, int]] = deque()

    async def hear(self, *commands: Command) -> list[Event]:
        """Have commands handled and all that follows from them; what was said on the way."""
        self.now += timedelta(minutes=1)
        self.said = []
        for command in commands:
            await self._apply(type(command).owner, uid(f"{self.now} {command!r}"), command)
        await self._go_on()
        return self.said

    async def undo(self, import_id: UUID) -> list[Event]:
        """Undo an import to the end."""
        await self.hear(UndoImport(import_id=import_id, by="boss"))
        more = True
        while more:
            async with self.db_of("intake") as db:
                said, more = await undo.recall(self.now, db)
            self._take("intake", said)
            await self._go_on()
        return self.said

    async def _go_on(self) -> None:
        while self._waiting:
            room, saying, nth = self._waiting.popleft()
            for listener in type(saying.event).heard_by:
                await self._apply(listener, uuid5(saying.cause.id, f"{room}/{nth}"), saying.event)

    async def _apply(self, room: str, cause: UUID, message: Message) -> None:
        heard: Heard[Any] = Heard(cause, cause, is_command=isinstance(message, Command), message=message, at=self.now)
        async with self.db_of(room) as db:
            said = await self.rooms[room].handlers[type(message)](Batch([heard], self.now), db)
        self._take(room, said)

    def _take(self, room: str, said: Sequence[Saying]) -> None:
        self.said += [saying.event for saying in said]
        self._waiting.extend((room, saying, nth) for nth, saying in enumerate(said))

    async def rows(self, room: str, sql: str, *values: Any) -> list[dict[str, Any]]:
        async with self.db_of(room) as db:
            return [dict(row) for row in await fetch(db, sql, *values)]

    async def balances(self) -> dict[tuple[str, str], int]:
        rows = await self.rows("routing", "select pool_id, staff_id, balance from ledger where balance <> 0")
        return {(row["pool_id"], row["staff_id"]): row["balance"] for row in rows}

    async def base(self) -> dict[str, Any]:
        """Cards, keys, who says them, how many hold them, contacts: what recognition and people see."""
        return {
            "clients": await self.rows("intake", "select id, name, record::text from clients order by id"),
            "keys": await self.rows(
                "intake", "select h, client_id, submission_id from client_keys order by h, client_id"
            ),
            "stats": await self.rows("intake", "select h, df from key_stats where df <> 0 order by h"),
            "contacts": await self.rows("intake", "select * from contacts order by client_id, submission_id"),
        }


def rows_of(cells: Sequence[Mapping[str, str]], import_id: UUID = LIST, **more: Any) -> SubmitRows:
    return SubmitRows(
        import_id=import_id,
        file_name="list.xlsx",
        campaign="Expo",
        rows=[Row(number=n, fields=LeadFields.model_validate(one)) for n, one in enumerate(cells, 1)],
        **more,
    )


def call(**fields: str) -> SubmitLead:
    return SubmitLead(
        source_system="site", external_id=repr(fields), source=Source.WEBSITE, fields=LeadFields.model_validate(fields)
    )


def touch(client_id: UUID, by: str, at: datetime) -> RecordTouch:
    return RecordTouch.model_validate(
        {
            "client_id": client_id, "by": by, "kind": "call", "result": "reached", "comment": "Wants a price.",
            "next": {"kind": "call", "due_at": at + timedelta(days=1)},
        }
    )  # fmt: skip


FREZER = {"company": "ООО «Фрезер»", "contact": "Дёмин Роман", "phone": "+7 495 201-30-40", "email": "demin@frezer.ru"}
VEKTOR = {"company": "ООО «Вектор-М»", "contact": "Лапина Ольга", "phone": "+7 495 333-12-21"}
BEREG = {"company": "ЗАО «Лазурный берег»", "phone": "+7 495 777-01-20", "email": "info@bereg-lazur.ru"}
NASOS = {"company": "Насосмаш", "phone": "+7 495 555-44-33", "website": "nasosmash.ru"}
AGAIN = {"company": "Фрезер", "contact": "Тихомирова Инна", "phone": "+7 495 201-30-40", "email": "inna@frezer.ru"}


@pytest.fixture
async def house(db_of: DbOf) -> House:
    house = House(db_of)
    plain: ApplyCompany = company()
    await house.hear(plain)
    return house


@pytest.mark.rule("R0-10")
@pytest.mark.rule("G6")
async def test_an_import_that_nobody_touched_is_taken_back_without_a_trace_in_the_work(house: House) -> None:
    await house.hear(rows_of([BEREG], OTHER))
    base, balances = await house.base(), await house.balances()
    deadlines = await house.rows("reminders", "select task_id from timers order by 1")
    await house.hear(rows_of([FREZER, VEKTOR, AGAIN, {"company": "-"}, {**BEREG, "contact": "Зотов Пётр"}]))
    assert await house.base() != base
    assert await house.balances() != balances
    said = await house.undo(LIST)
    assert await house.base() == base
    assert await house.balances() == balances
    assert sum((await house.balances()).values()) == 0
    assert await house.rows("reminders", "select task_id from timers order by 1") == deadlines
    assert await house.rows("process", "select company from processes where closed_at is null") == [
        {"company": "ЗАО «Лазурный берег»"}
    ]
    assert [one["id"] for one in base["clients"]] == [
        row["client_id"]
        for row in await house.rows("routing", "select client_id from clients where open_with is not null")
    ]
    assert len([one for one in said if isinstance(one, CardWithdrawn)]) == 2
    [told] = await house.rows("intake", "select undoing, undo_by from imports where id = $1", LIST)
    assert told == {"undoing": False, "undo_by": "boss"}
    leads = "select distinct recall from decisions where import_id = $1 and outcome <> 'rejected'"
    assert await house.rows("intake", leads, LIST) == [{"recall": "undone"}]
    raw = await house.rows("intake", "select count(*) as rows from submissions where import_id = $1", LIST)
    assert raw == [{"rows": 5}], "what was submitted is never lost"


@pytest.mark.rule("R0-10")
async def test_what_somebody_touched_is_left_with_the_reason_and_the_rest_goes(house: House) -> None:
    await house.hear(rows_of([FREZER, VEKTOR, BEREG, NASOS]))
    sales = await house.rows("process", "select client_id, company, manager from processes")
    of = {sale["company"]: sale for sale in sales}
    vektor = of[VEKTOR["company"]]
    await house.hear(touch(vektor["client_id"], vektor["manager"], house.now))
    await house.hear(call(**AGAIN))
    said = await house.undo(LIST)
    reasons = {one.client_id: one.reason for one in said if isinstance(one, RecallAnswered) and not one.taken_back}
    assert reasons == {
        vektor["client_id"]: f"the client was touched once since, last by {vektor['manager']}",
        of[FREZER["company"]]["client_id"]: "another lead has joined its sale since",
    }
    names = {row["name"] for row in await house.rows("intake", "select name from clients")}
    assert names == {VEKTOR["company"], FREZER["company"]}
    before = await house.base()
    assert not [one for one in await house.undo(LIST) if isinstance(one, CardWithdrawn)]
    assert await house.base() == before
    kept = await house.rows("intake", "select kept_because from decisions where recall = 'kept'")
    assert len(kept) == 2


@pytest.mark.rule("G6")
async def test_undoing_twice_gives_no_share_back_twice(house: House) -> None:
    await house.hear(rows_of([FREZER, VEKTOR, BEREG]))
    await house.undo(LIST)
    after = await house.balances()
    assert not after
    await house.undo(LIST)
    assert await house.balances() == after
    back = await house.rows("routing", "select count(given_back_at) as back from decisions")
    assert back == [{"back": 3}]
    assert UNIT


async def test_a_card_that_an_older_list_opened_loses_only_what_the_undone_list_added(house: House) -> None:
    await house.hear(rows_of([FREZER], OTHER))
    before = await house.base()
    await house.hear(rows_of([AGAIN, {**AGAIN, "phone": "+7 495 111-22-33", "website": "frezer-shop.ru"}]))
    await house.hear(call(company="Фрезер", phone="+7 495 111-22-33", email="inna@frezer.ru"))
    await house.undo(LIST)
    now = await house.base()
    assert {row["id"] for row in now["clients"]} == {row["id"] for row in before["clients"]}
    text = now["clients"][0]["record"]
    assert "frezer-shop" not in text, "only the undone list had named it"
    assert "1112233" in text, "another lead has said it since"
    named_by = {row["submission_id"] for row in now["keys"]}
    ours = await house.rows("intake", "select id from submissions where import_id is distinct from $1", LIST)
    assert named_by <= {row["id"] for row in ours}
    held: dict[int, int] = defaultdict(int)
    for row in now["keys"]:
        held[row["h"]] += 1
    assert {row["h"]: row["df"] for row in now["stats"]} == held


async def test_a_client_base_is_taken_back_but_for_cards_for_which_a_lead_has_come(house: House) -> None:
    rows = [row.model_copy(update={"curator": "anna"}) for row in rows_of([FREZER, VEKTOR, BEREG]).rows]
    await house.hear(SubmitRows(import_id=BASE, file_name="base.csv", campaign="base", purpose="clients", rows=rows))
    await house.hear(call(**VEKTOR))
    await house.undo(BASE)
    assert [row["name"] for row in await house.rows("intake", "select name from clients")] == [VEKTOR["company"]]
    left = await house.rows("intake", "select kept_because from decisions where recall = 'kept'")
    assert left == [{"kept_because": "something else has come for its card since"}]
    curated = await house.rows("routing", "select count(*) as clients from clients where curator = 'anna'")
    assert curated == [{"clients": 1}]


async def test_rows_that_were_still_on_their_way_are_taken_back_as_well(house: House) -> None:
    await house.hear(rows_of([FREZER]))
    await house.undo(LIST)
    late = rows_of([FREZER, VEKTOR])
    await house.hear(late.model_copy(update={"rows": late.rows[1:]}))
    assert await house.rows("intake", "select undoing from imports") == [{"undoing": True}]
    await house.undo(LIST)
    assert await house.rows("intake", "select name from clients") == []


async def test_taking_back_waits_for_a_lead_that_is_joining_the_card_at_this_moment(house: House, db_of: DbOf) -> None:
    import asyncio

    from services.intake.rules.regular import make_regular
    from services.intake.rules.search_keys import search_keys

    await house.hear(rows_of([FREZER]))
    keys = search_keys(make_regular(LeadFields.model_validate(FREZER)))
    undoing = None
    async with db_of("intake") as db:
        await hold_keys(db, keys)
        await fetch(db, "select 1")  # with it, what was only written has gone to the server
        undoing = asyncio.create_task(house.undo(LIST))
        done, _ = await asyncio.wait({undoing}, timeout=0.5)
        assert not done
    await undoing
    assert await house.rows("intake", "select name from clients") == []
