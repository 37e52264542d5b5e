"""What the tests of moving work share: four rooms on one database, watches that step, faults, and what must always hold."""

from __future__ import annotations

import importlib
from collections import defaultdict, deque
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

from sqlalchemy.ext.asyncio import AsyncEngine

from services.process import store as process_store
from services.process.rules.exclusive_right import faults_of_right
from services.reminders import store as reminders_store
from services.reminders.rules.escalation import whom_to_tell
from services.reminders.rules.steps import Step
from services.routing import acceptance, store
from services.routing.moving import walk
from services.routing.rules.case import Client
from services.routing.rules.moving import has_left
from services.routing.rules.moving_owner import owner_of
from shared.commands import LeadFields, RecordTouch, Row, SubmitLead, SubmitRows
from shared.database import fetch
from shared.events import LeadAccepted, MoveBegun, MoveRefused
from shared.message import ROOMS, Batch, Command, Event, Heard, Message, NotYet, Saying
from shared.words import Source

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)  # Monday, 11:00 in Moscow


class Crash(Exception):
    """The room died before it could commit."""


class House:
    """The four rooms on one database; each history is handed over in order, else in any order.

    With `faults`, every so often a transaction is rolled back after all its work was done, and comes again.
    """

    def __init__(self, engines: dict[str, AsyncEngine], seed: int = 1, faults: float = 0.0) -> None:
        self.engines, self.chance, self.now, self.faults = engines, Random(seed), NOW, faults
        self.rooms = {name: importlib.import_module(f"services.{name}.app").ROOM for name in ROOMS}
        self.waiting: dict[tuple[str, str], deque[Heard[Any]]] = defaultdict(deque)
        self.crashes = 0
        self.said: list[Event] = []

    # ── speaking ────────────────────────────────────────────────────────────────────────────────────────────────

    async def tell(self, command: Command) -> list[Event]:
        """Have a command handled, and queue what is said of it."""
        self.now += timedelta(minutes=1)
        cause = uuid5(NAMESPACE_URL, f"{self.now} {command!r}")
        heard: Heard[Any] = Heard(cause, cause, is_command=True, message=command, at=self.now)
        while True:
            try:
                return await self._handle(type(command).owner, heard)
            except Crash:
                continue

    async def move(self, command: Command) -> UUID:
        """Have something moved; the id of the operation. What is refused is an error."""
        events = await self.tell(command)
        assert not [event for event in events if isinstance(event, MoveRefused)], events
        return next(event.move_id for event in events if isinstance(event, MoveBegun))

    async def _handle(self, room: str, heard: Heard[Any]) -> list[Event]:
        async with self.engines[room].begin() as db:
            said = await self.rooms[room].handlers[type(heard.message)](Batch([heard], self.now), db)
            self._perhaps_crash()
        return self._take(room, said)

    def _perhaps_crash(self) -> None:
        if self.chance.random() < self.faults:
            self.crashes += 1
            raise Crash

    def _take(self, room: str, said: Sequence[Saying]) -> list[Event]:
        events = []
        for nth, saying in enumerate(said):
            event = saying.event
            events.append(event)
            for listener in ROOMS:
                if type(event) in self.rooms[listener].handlers:
                    id_ = uuid5(saying.cause.id, f"{type(event).__name__}/{nth}")
                    about: Heard[Message] = Heard(id_, saying.cause.correlation, message=event, at=self.now)
                    self.waiting[listener, f"{room}:{event.aggregate()}"].append(about)
        self.said += events
        return events

    async def step(self) -> bool:
        """One step of the walk; whether it had anything to do."""
        try:
            async with self.engines["routing"].begin() as db:
                said, more = await walk.move_on(self.now, db)
                self._perhaps_crash()
            self._take("routing", said)
            async with self.engines["routing"].begin() as db:
                given, _ = await acceptance.give_waiting(self.now, db)
                self._perhaps_crash()
            self._take("routing", given)
        except Crash:
            return True
        return more or bool(said) or bool(given)

    async def hand_over(self, most: int = 1_000_000, to: str = "") -> int:
        """Hand over what waits (for `to`), `most` tellings of it; what cannot be applied yet is tried again later."""
        refused: set[tuple[str, str]] = set()
        done = 0
        while done < most:
            ready = [line for line, queue in self.waiting.items() if queue and line not in refused and to in line[0]]
            if not ready:
                break
            line = self.chance.choice(ready)
            try:
                await self._handle(line[0], self.waiting[line][0])
            except NotYet:
                refused.add(line)
                continue
            except Crash:
                continue
            self.waiting[line].popleft()
            refused.clear()
            done += 1
        return done

    async def settle(self) -> None:
        """Until nothing moves any more."""
        quiet, rounds = 0, 0
        while quiet < 2:
            rounds += 1
            assert rounds < 400, f"it never ends: {self.said[-3:]}"
            done = await self.hand_over()
            async with self.engines["routing"].begin() as db:
                await walk.look_back(self.now, db)
            stepped = await self.step()
            quiet = 0 if done or stepped else quiet + 1
        stuck = {line: type(queue[0].message).__name__ for line, queue in self.waiting.items() if queue}
        assert not stuck, stuck

    # ── looking ─────────────────────────────────────────────────────────────────────────────────────────────────

    async def rows(self, room: str, sql: str, *values: Any) -> list[dict[str, Any]]:
        async with self.engines[room].begin() as db:
            return [dict(row) for row in await fetch(db, sql, *values)]

    async def ask(self, question: Any) -> dict[str, Any]:
        """The answer of routing; its clock is the database's."""
        async with self.engines["routing"].begin() as db:
            answer: dict[str, Any] = await self.rooms["routing"].answers[type(question)](question, db)
            return answer

    async def state(self, move_id: UUID) -> str:
        [row] = await self.rows("routing", "select state from moves where id = $1", move_id)
        return str(row["state"])

    # ── the business ────────────────────────────────────────────────────────────────────────────────────────────

    async def lead(self, n: int, city: str = "Москва", source: Source = Source.WEBSITE, name: str = "") -> LeadAccepted:
        """A lead of the `n`th client, called `name`."""
        fields = {"company": f"ООО «Вектор {n}»", "phone": f"+7 495 2{n:06d}"[:16], "city": city}
        wish = SubmitLead(
            source_system="site", external_id=name or str(n), source=source, fields=LeadFields.model_validate(fields)
        )
        return next(event for event in await self.tell(wish) if isinstance(event, LeadAccepted))

    async def base(self, curators: Sequence[str | None], first: int = 5000) -> None:
        """A client base: one client for each of these curators."""
        rows = [
            Row(
                number=n,
                curator=curator,
                fields=LeadFields(company=f"АО «Ромб {first + n}»", phone=f"+7 495 3{first + n:06d}", city="Москва"),
            )
            for n, curator in enumerate(curators, 1)
        ]
        await self.tell(
            SubmitRows(
                import_id=uuid5(NAMESPACE_URL, f"base {first}"),
                file_name="base.csv",
                purpose="clients",
                source=Source.OTHER,
                campaign=f"base {first}",
                rows=rows,
            )
        )

    async def touch(self, client_id: UUID, by: str, *, end: bool = False) -> list[Event]:
        """A call to a client, with the next one promised, or with the end of the sale."""
        following = (
            {"end": {"reason": "too dear"}}
            if end
            else {"next": {"kind": "call", "due_at": self.now + timedelta(days=2)}}
        )
        return await self.tell(
            RecordTouch.model_validate(
                {
                    "client_id": client_id, "by": by, "kind": "call", "result": "reached", "comment": "Wants a price.",
                    **following,
                }
            )
        )  # fmt: skip


async def stands(house: House) -> dict[str, Any]:
    """Whose is what, in all rooms: clients, sales, tasks, deadlines, people, the roster, and the ledgers."""
    return {
        "clients": await house.rows("routing", "select * from clients order by client_id"),
        "ledger": await house.rows(
            "routing", "select pool_id, staff_id, balance from ledger where balance <> 0 order by 1, 2"
        ),
        "staff": await house.rows("routing", "select * from staff order by id"),
        "offices": await house.rows("routing", "select * from offices order by id"),
        "duty": await house.rows("routing", "select * from duty order by 1, 2, 3, 4"),
        "sales": await house.rows("process", "select * from processes order by id"),
        "tasks": await house.rows("process", "select * from tasks order by id"),
        "touches": await house.rows("process", "select * from touches order by id"),
        "leads": await house.rows("process", "select * from leads order by id"),
        "staff there": await house.rows("process", "select * from staff order by id"),
        "deadlines": await house.rows(
            "reminders",
            "select task_id, process_id, client_id, manager, office_id, due_at, by_rule, state from deadlines order by 1",
        ),
    }


async def is_owned(house: House) -> None:
    """R2-23 at this very moment, in each room by itself, whatever is still on its way.

    Every client has one living owner, or stands in a named queue that a living one answers for. Every open sale has a
    next task of its manager's; if he has left, somebody who is here may work it and is reminded of it.
    """
    async with house.engines["routing"].begin() as db:
        field = await store.field_of_play(db, house.now)
        assert field is not None
        for row in await fetch(
            db,
            "select client_id, region, curator, stated_curator, current, process_id, open_with, given_to, given_lead"
            " from clients",
        ):
            owner = owner_of(Client(**row), field)
            assert owner.person is not None, row
            assert not has_left(field.people[owner.person]), row
    async with house.engines["process"].begin() as db:
        sales = await fetch(
            db,
            "select p.id, p.client_id, p.manager, p.office_id, t.is_open, t.manager as does from processes p"
            " left join tasks t on t.id = p.next_task where p.closed_at is null",
        )
        assert len({sale["client_id"] for sale in sales}) == len(sales), "R1-42"
        names = [row["id"] for row in await fetch(db, "select id from staff")]
        people = await process_store.people(db, names)
        offices = await process_store.offices(db, [sale["office_id"] for sale in sales])
        for sale in sales:
            assert sale["is_open"], "R4-11"
            assert sale["does"] == sale["manager"], "its next task is its manager's"
            office = offices.get(sale["office_id"])
            able = [
                who
                for who, person in people.items()
                if person.active
                and not faults_of_right(
                    who,
                    manager=sale["manager"],
                    office_id=sale["office_id"],
                    office_head=office.head if office else None,
                    staff=people,
                )
            ]
            assert able or not people, "somebody who is here may work it"
    async with house.engines["reminders"].begin() as db:
        deadlines = await fetch(db, "select task_id, manager, office_id from deadlines where state = 'open'")
        known = await reminders_store.people(db, [row["manager"] for row in deadlines])
        heads = await reminders_store.offices_by_id(db, [row["office_id"] for row in deadlines])
        for row in deadlines:
            told = whom_to_tell(Step.DUE, row["manager"], row["office_id"], heads[row["office_id"]].head, known)
            assert told not in known or known[told].active, "whoever is reminded works here"


async def agrees(house: House) -> None:
    """Once everything was heard: all rooms say the same of who has what, and none of it is with one who has left."""
    sales = {row["id"]: row for row in await house.rows("process", "select * from processes where closed_at is null")}
    told = await house.rows("routing", "select process_id, open_with from clients where process_id is not null")
    assert {row["process_id"]: row["open_with"] for row in told} == {
        id_: sale["manager"] for id_, sale in sales.items()
    }
    tasks = await house.rows("process", "select id, process_id, manager from tasks where is_open")
    deadlines = await house.rows("reminders", "select task_id, manager, office_id from deadlines where state = 'open'")
    assert {(row["task_id"], row["manager"], row["office_id"]) for row in deadlines} == {
        (task["id"], task["manager"], sales[task["process_id"]]["office_id"]) for task in tasks
    }
    gone = await house.rows(
        "routing",
        "select c.* from clients c join moves m on m.kind = 'dismissal' and m.state = 'done'"
        " and m.staff_id in (c.curator, c.open_with, c.given_to)",
    )
    assert not gone, "R2-23"
    owed = await house.rows("routing", "select pool_id from ledger group by 1 having sum(balance) <> 0")
    assert not owed, "G6"
