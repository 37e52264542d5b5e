"""Where rooms die: servers, four rooms, work for every line of every room, and the trouble that takes them the rarer ways."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import count, cycle, islice
from pathlib import Path
from random import Random
from typing import Any
from uuid import UUID, uuid5

from nats.js import JetStreamContext
from sqlalchemy import text
from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

import estafeta
from estafeta.client import Bus, Line
from estafeta.company.reading import read_company
from estafeta.demo import COMPANY
from estafeta.house.house import RoomProcess
from estafeta.importing import Intent
from estafeta.importing import commands as list_commands
from estafeta.sample.generator import exhibition, world
from shared.bus import EVENTS, Reading
from shared.commands import RecordTouch, SettleLetter, SubmitLead, SubmitRows, UndoImport
from shared.message import ROOMS, Command
from shared.nats_client import connect
from shared.provision import prepare_bus, readings_of
from shared.settings import Settings
from shared.words import Source
from tests.chaos.traffic import WITHOUT_PATIENCE, always_open, row_of, take_patience, touch_for
from tests.conftest import url_of
from tests.crash.points import points_of
from tests.crash.trap import NOT_YET, UNFIT

SPACE = UUID("0f4c7a52-3f0e-5b8a-a1f5-0b8d6a1d9f10")
SYSTEM = "crash"
ROWS = 8
_ROOT = Path(estafeta.__file__).parents[1]
_ACK_WAIT = 1.0
_PACE, _BACKLOG = 0.1, 8
_MARKS_ALONE = {"intake_hears_process"}
"""Only lists are taken back, and what is said of it travels with them: in this line come but the relay's marks."""


@dataclass(frozen=True, slots=True)
class Poison:
    """A message that nobody can ever read, and the rooms where it must be kept among the dead letters, once."""

    subject: str
    rooms: tuple[str, ...]
    type: str = "Swallow.v1"
    about: str = ""

    @property
    def headers(self) -> dict[str, str]:
        """As it goes on the wire."""
        headers = {"ce-type": self.type, "ce-id": str(uuid5(SPACE, self.subject))}
        return headers | ({"ce-subject": self.about, "ce-sequence": "1"} if self.about else {})


WISHES = (
    *(Poison(f"cmd.{room}.poison.swallow", (room,)) for room in ROOMS),
    Poison("cmd.bulk.intake.poison.swallow", ("intake",)),
)
# What a room does not know cannot poison it: one or two of these for each line in which it hears another.
NEWS = (
    Poison("evt.intake.lead.accepted", ("routing",), "LeadAccepted.v1", "client/poison-1"),
    Poison("evt.routing.lead.assigned", ("process",), "LeadAssigned.v1", "client/poison-1"),
    Poison("evt.routing.staff.changed", ("process", "reminders"), "StaffChanged.v1", "staff/poison"),
    Poison("evt.process.process.opened", ("routing",), "ProcessOpened.v1", "client/poison-1"),
    Poison("evt.process.task.set", ("reminders",), "TaskSet.v1", "tasks/poison"),
    Poison("evt.process.recall.answered", ("intake",), "RecallAnswered.v1", "recall/poison"),
    Poison("evt.reminders.answer.due", ("routing",), "AnswerDue.v1", "assignment/poison"),
)


class Stage:
    """Four rooms that die at every point. `leads` are the single leads and `rows` the rows that the bus has taken."""

    def __init__(self, folder: Path, bus: Bus, js: JetStreamContext, db: AsyncEngine) -> None:
        self.folder, self.bus, self.js, self.db = folder, bus, js, db
        self.leads: set[str] = set()
        self.touches: set[UUID] = set()
        self.rows = 0
        self._readings = [reading for room in ROOMS for reading in readings_of(room)]
        self._backlog = Counter[str]()
        self._visitors = exhibition(world(100, 3), 300, 4)
        self.enough = False

    def missed(self) -> list[tuple[str, str]]:
        """The points at which nobody has died yet."""
        return [
            (room, point) for room in ROOMS for point in points_of(room) if not (self.folder / room / point).exists()
        ]

    def unasked(self) -> str:
        """The processes that ended in another way than in a trap."""
        notes = self.folder / "unasked"
        return notes.read_text(encoding="utf-8") if notes.exists() else ""

    async def backlog(self, reading: Reading) -> int:
        """How much of a line is not done yet."""
        info = await self.js.consumer_info(reading.stream, reading.durable)
        return (info.num_pending or 0) + (info.num_ack_pending or 0)

    async def look(self, sql: str, **values: Any) -> Sequence[Any]:
        """Look into all four schemas at once, as only a test may."""
        async with self.db.connect() as db:
            return (await db.execute(text(sql), values)).all()

    # ── work ────────────────────────────────────────────────────────────────────────────────────────────────────

    async def work(self) -> None:
        """Work for every line of every room, until it is enough; never much more than the rooms can do while they die."""
        far = ["routing_hears_intake", "process_hears_routing", "reminders_hears_process"]
        async with asyncio.TaskGroup() as people:
            people.create_task(self._look_at_backlog())
            people.create_task(
                self._send(self._change_the_company(), "routing_commands", "reminders_hears_routing", most=1)
            )
            people.create_task(self._send(self._settle_nothing(), "reminders_commands"))
            # A lead that comes before the company is put off for longer and longer.
            await self._until(self._company_stands)
            people.create_task(self._send(self._submit_leads(), "intake_commands", "routing_hears_reminders", *far))
            people.create_task(self._knock("routing_hears_reminders", *far))
            people.create_task(self._send(self._send_lists(), "intake_bulk", *map("{}_bulk".format, far)))
            people.create_task(self._send(self._undo_lists(), "intake_hears_process_bulk", *map("{}_bulk".format, far)))
            people.create_task(self._send(self._touch(), "process_commands", "routing_hears_process"))

    async def _company_stands(self) -> bool:
        return bool(await self.look("select 1 from routing.staff limit 1"))

    async def _until(self, holds: Callable[[], Awaitable[bool]]) -> None:
        while not self.enough and not await holds():  # noqa: ASYNC110  # it is other processes that change
            await asyncio.sleep(0.3)

    async def _look_at_backlog(self) -> None:
        while not self.enough:
            for reading in self._readings:
                self._backlog[reading.durable] = await self.backlog(reading)
            await asyncio.sleep(0.3)

    async def _send(self, wishes: AsyncIterator[tuple[Command, UUID, str]], *lines: str, most: int = _BACKLOG) -> None:
        async for command, id_, room in wishes:
            await self._calm(lines, most)
            if self.enough:
                return
            await self.bus.send(command, id_, room=room)
            if isinstance(command, SubmitLead):
                self.leads.add(command.external_id)
            elif isinstance(command, SubmitRows):
                self.rows += len(command.rows)
            elif isinstance(command, RecordTouch):
                self.touches.add(id_)
            await asyncio.sleep(_PACE)

    async def _calm(self, lines: Sequence[str], most: int) -> None:
        while any(self._backlog[line] > most for line in lines) and not self.enough:  # noqa: ASYNC110  # polled
            await asyncio.sleep(0.1)

    async def _knock(self, *lines: str) -> None:
        """Bring leads to intake's own door: what it has accepted lies in the letterbox."""
        for number, row in enumerate(cycle(self._visitors)):
            fields = row_of(1, row.fields).fields
            lead = SubmitLead(source_system=SYSTEM, external_id=f"door/{number}", source=Source.WEBSITE, fields=fields)
            await self._calm(lines, _BACKLOG)
            if self.enough:
                return
            async with self.db.begin() as db:
                await db.execute(
                    text(
                        "insert into intake.receipts (id, source_system, external_id, way, state, digest, command, body,"
                        " received_at, next_at) values (:id, :system, :name, 'lead', 'waiting', '', :command, '', now(), now())"
                    ),
                    {
                        "id": uuid5(SPACE, lead.external_id),
                        "system": SYSTEM,
                        "name": lead.external_id,
                        "command": lead.model_dump_json(),
                    },
                )
            self.leads.add(lead.external_id)
            await asyncio.sleep(_PACE)

    async def _submit_leads(self) -> AsyncIterator[tuple[Command, UUID, str]]:
        for number, row in enumerate(cycle(self._visitors)):
            fields = row_of(1, row.fields).fields
            source = WITHOUT_PATIENCE if number % 3 == 0 else Source.WEBSITE
            lead = SubmitLead(source_system=SYSTEM, external_id=str(number), source=source, fields=fields)
            yield lead, uuid5(SPACE, f"lead/{number}"), ""

    async def _send_lists(self) -> AsyncIterator[tuple[Command, UUID, str]]:
        visitors = cycle(self._visitors)
        for name in map("list/{}".format, count(1)):
            rows = [row_of(number, row.fields) for number, row in enumerate(islice(visitors, ROWS), 2)]
            for id_, command in list_commands(uuid5(SPACE, name), name, rows, Intent(name)):
                yield command, id_, ""

    async def _undo_lists(self) -> AsyncIterator[tuple[Command, UUID, str]]:
        known = "select id from intake.imports where undo_at is null order by begun_at limit 1"
        while not self.enough:
            for row in await self.look(known):
                yield UndoImport(import_id=row.id), uuid5(row.id, "undo"), ""
            await asyncio.sleep(1.0)

    async def _touch(self) -> AsyncIterator[tuple[Command, UUID, str]]:
        rng, nth = Random(5), 0
        while not self.enough:
            sales = (
                "select id, manager, stage from process.processes where closed_at is null order by random() limit 20"
            )
            for sale in await self.look(sales):  # none, at first
                yield touch_for(sale, rng), uuid5(SPACE, f"touch/{(nth := nth + 1)}"), ""
            await asyncio.sleep(0.1)

    async def _change_the_company(self) -> AsyncIterator[tuple[Command, UUID, str]]:
        company, nth = always_open(read_company(COMPANY)), 0
        while True:
            nth += 1
            first, *others = company.staff
            renamed = first.model_copy(update={"name": f"{first.name} {nth}"})
            yield company.model_copy(update={"staff": [renamed, *others]}), uuid5(SPACE, f"company/{nth}"), ""

    async def _settle_nothing(self) -> AsyncIterator[tuple[Command, UUID, str]]:
        nth = 0
        while True:
            nth += 1
            yield SettleLetter(action="close", why="nothing"), uuid5(SPACE, f"nothing/{nth}"), "reminders"

    # ── trouble ─────────────────────────────────────────────────────────────────────────────────────────────────

    async def trouble(self) -> None:
        """Poison, moods, and events that are lost for good, so that every step is taken in every line."""
        for poison in WISHES:
            await self._swallow(poison)
        for room in ROOMS:
            for why in (NOT_YET, UNFIT):
                await self.bus.send(SettleLetter(action="close", why=why), uuid5(SPACE, f"{room}/{why}"), room=room)
        async with asyncio.TaskGroup() as cures:
            for room in ROOMS:
                cures.create_task(self._cure(room))
            async with asyncio.TaskGroup() as losses:
                for source in ROOMS:
                    losses.create_task(self._lose(source))
            for poison in NEWS:  # not before the losses: what came past any outbox cannot be sent again
                await self._swallow(poison)

    async def _swallow(self, poison: Poison) -> None:
        await self.js.publish(poison.subject, b"{}", headers=poison.headers)

    async def _lose(self, source: str) -> None:
        """What `source` said is in the stream and no listener has fetched it, when it goes: nobody will bring it again."""
        listeners = [
            reading
            for room in ROOMS
            for reading in readings_of(room)
            if reading.source == source and reading.durable not in _MARKS_ALONE and not reading.bulk
        ]
        for reading in listeners:
            await self.js.pause_consumer(EVENTS, reading.durable, "2100-01-01T00:00:00Z")

        async def all_wait() -> bool:
            await self.js.purge_stream(EVENTS, subject=f"evt.{source}.relay.passed")  # a mark is no loss
            found = [await self.js.consumer_info(EVENTS, reading.durable) for reading in listeners]
            return all(info.num_pending for info in found)

        await self._until(all_wait)
        await self.js.purge_stream(EVENTS, subject=f"evt.{source}.>")
        for reading in listeners:
            await self.js.resume_consumer(EVENTS, reading.durable)

    async def _cure(self, room: str) -> None:
        """When a room has put off and given up what it could not bear, it can, and is asked to take it up again."""
        later = [self.folder / room / point for point in points_of(room) if point.endswith("Bus.later")]

        async def gave_up() -> bool:
            return await self._states(room) == {"dead"} and all(stone.exists() for stone in later)

        await self._until(gave_up)
        (self.folder / room / "mood").unlink()
        nth = 0
        # It may come once more from the bus, and be given up once more: a room died before it could say that it has it.
        while (states := await self._states(room)) != {"settled"}:
            if states == {"dead"}:
                nth += 1
                await self.bus.send(SettleLetter(action="again"), uuid5(SPACE, f"again/{room}/{nth}"), room=room)
            await asyncio.sleep(0.5)

    async def _states(self, room: str) -> set[str]:
        return {
            row.state for row in await self.look(f"select state from {room}.dead_letters where reason like 'Unfit: %'")
        }


@asynccontextmanager
async def stage(folder: Path, database: URL, nats_url: str) -> AsyncIterator[Stage]:
    """Raise the curtain: streams, rooms, and a line to all of them."""
    settings = Settings(nats_url=nats_url)
    await prepare_bus(settings)
    nc = await connect(settings, "stage")
    js = nc.jetstream(timeout=10)
    for room in ROOMS:
        (folder / room).mkdir(parents=True)
        (folder / room / "mood").touch()
        for reading in readings_of(room):
            # What a room had in hand when it died comes again soon: a life is short here.
            config = (await js.consumer_info(reading.stream, reading.durable)).config
            config.ack_wait = _ACK_WAIT
            await js.add_consumer(reading.stream, config)
    plan = {
        room: {
            "ESTAFETA_DATABASE_URL": url_of(database, room).render_as_string(hide_password=False),
            "ESTAFETA_NATS_URL": nats_url,
        }
        for room in ROOMS
    }
    (folder / "plan.json").write_text(json.dumps(plan), encoding="utf-8")
    env = {name: value for name, value in os.environ.items() if not name.startswith("ESTAFETA_")}
    rooms = RoomProcess("rooms", folder / "log", [sys.executable, "-P", "-m", "tests.crash", str(folder)], {
        **env, "PYTHONPATH": str(_ROOT), "PYTHONUNBUFFERED": "1"})  # fmt: skip
    db = create_async_engine(database, pool_size=4)
    try:
        await take_patience(db)
        rooms.spawn()
        async with Bus(Line(nats_url)) as bus:
            yield Stage(folder, bus, js, db)
    finally:
        await asyncio.to_thread(rooms.stop)
        await db.dispose()
        await nc.close()
