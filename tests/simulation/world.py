"""Four rooms in one thread: intake → routing → process and reminders, the real kernel between an invented server and another.

`World(seed).play()` lives one history: people wish, replicas work, a storm of faults goes over them and passes;
then all must come to rest, and what is left must be just what was wished, once, in order.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache, lru_cache
from random import Random
from typing import Any, cast
from unittest.mock import patch
from uuid import UUID, uuid5

import shared.letter
import shared.relay
import shared.unit
from shared.bus import COMMANDS, EVENTS, BusSaysNo
from shared.commands import LeadFields, Row, SubmitLead, SubmitRows
from shared.events import ClientRegistered, StaffChanged
from shared.letter import encode_command
from shared.message import Batch, NotYet, Said, Unfit, read_uuid
from shared.packs import Outgoing
from shared.questions import TellWatermarks
from shared.unit import Handler
from shared.words import Function, Source
from tests.simulation.ledger import FakeLedger
from tests.simulation.loop import Loop, Stuck, sleep
from tests.simulation.nats import FakeBus, Stream
from tests.simulation.postgres import FakeBook
from tests.simulation.promise import Violation, check, check_hold, restless
from tests.simulation.replica import READINGS, People, Replica, Room, Weather

STORM, PATIENCE = 2.0, 90.0
_EPOCH = datetime(2026, 1, 1, tzinfo=UTC).timestamp()
_NAMES = UUID(int=42)
_BEFALLS = (
    *("delete", "delete", "delete both", "purge", "purge"),
    *("stall", "stall line", "stall line", "full", "forget", "repeat", "hurry"),
)
REPLICAS = {"intake": 2, "routing": 2, "process": 1, "reminders": 1}
# The kernel's patience in units of this world: a history is short, so its waits are shorter; nothing else is changed.
_PACE: tuple[tuple[Any, str, Any], ...] = (
    (shared.relay, "POLL", 3.0),
    (shared.relay, "COMPARE_EVERY", 1.8),
    (shared.relay, "_PAUSE", 1.5),
    (shared.relay, "_SIGN_OF_LIFE", 2.0),
    (asyncio, "sleep", sleep),  # as it is, but for its price
)


@dataclass(frozen=True, slots=True)
class Wish:
    """One command: for which client, how many events it makes, and what is the matter with it.

    `bulk` ones come as part of a list, and all that comes of them travels in the line of lists.
    `trouble` names where and how it cannot be applied until it is mended: `routing unfit`, `process bug` …
    """

    number: int
    client: int
    events: int
    bulk: bool
    trouble: str

    @property
    def id(self) -> UUID:
        """The command's id: the same however often the person sends it."""
        return _id_of(self.number)

    @property
    def names(self) -> list[str]:
        """The names of the events that come of it."""
        return [f"{self.number}/{n} {self.trouble}".strip() for n in range(self.events)]


class World:
    """One history."""

    def __init__(self, seed: int, *, told: Callable[[str], None] | None = None) -> None:
        self.seed, self.told = seed, told
        self.chance = Random(seed)
        self.loop: Loop = Loop(self.chance)  # type: ignore[abstract]  # what is missing, nobody here asks for
        self.seen: Counter[str] = Counter()
        self.weather = Weather.drawn(self.chance)
        self.stormy, self.mended = True, False
        self.rooms = {name: Room(name) for name in READINGS}
        readings = [one for room in READINGS.values() for one in room]
        self.streams = {
            name: Stream(self, name, tuple(one for one in readings if one.stream == name))
            for name in (EVENTS, COMMANDS)
        }
        self.people = People(self, Room("people"), 0)
        self.wishes = self._wishes()
        self.waste: list[str] = []  # what was sent again while it was still on its way
        self.disorder: list[str] = []  # what was sent for the first time behind what follows it
        self.refused: set[str] = set()  # aggregates of which a stream without room took one and not another
        self.closed: set[tuple[str, UUID]] = set()  # room and message of dead letters that the operator has closed
        self.handlers: dict[str, dict[type[Any], Handler]] = {
            "intake": {SubmitLead: self._submit, SubmitRows: self._submit},
            "routing": {ClientRegistered: self._register},
            "process": {StaffChanged: self._note("process")},
            "reminders": {StaffChanged: self._note("reminders")},
        }

    def _wishes(self) -> list[Wish]:
        draw = self.chance
        clients = draw.choice((1, 2, 3))
        troubled = draw.random() < 0.3
        wishes = []
        for number in range(draw.randint(2, 4)):
            trouble = ""
            if troubled and draw.random() < 0.4:
                room = draw.choice(("intake", "routing", "routing", "process"))
                trouble = f"{room} {draw.choice(('unfit', 'unfit', 'notyet', 'bug'))}"
            bulk = draw.random() < 0.4
            wishes.append(Wish(number, draw.randrange(clients), draw.choice((1, 1, 2)), bulk, trouble))
        return wishes

    # ── what the rooms do ───────────────────────────────────────────────────────────────────────────────────────

    async def _submit(self, wishes: Batch[SubmitLead] | Batch[SubmitRows], db: Any) -> Said:
        """Intake: each wish makes one or two events of its client, whether it comes by itself or in a list."""
        await db.step()
        said: Said = []
        for heard in wishes:
            wish = self.wishes[_number(heard.message)]
            self._meet("intake", wish.trouble)
            db.effects.append((heard.id, str(wish.number)))
            said += [
                heard.says(ClientRegistered(client_id=UUID(int=wish.client), name=name, region="RU"))
                for name in wish.names
            ]
        return said

    async def _register(self, clients: Batch[ClientRegistered], db: Any) -> Said:
        """Routing: each event makes one about another aggregate."""
        await db.step()
        said: Said = []
        for heard in clients:
            fact = heard.message
            self._meet("routing", fact.name)
            db.effects.append((heard.id, fact.name))
            staff = f"s{fact.client_id.int}"
            said.append(
                heard.says(StaffChanged(staff_id=staff, name=fact.name, office_id="o", function=Function.SALES))
            )
        return said

    def _note(self, room: str) -> Handler:
        """Process and reminders: each event is written down."""

        async def note(changes: Batch[StaffChanged], db: Any) -> Said:
            await db.step()
            for heard in changes:
                self._meet(room, heard.message.name)
                db.effects.append((heard.id, heard.message.name))
            return []

        return note

    def _meet(self, room: str, trouble: str) -> None:
        if room not in trouble:
            return
        if trouble.endswith("notyet"):
            if self.loop.time() < STORM:
                self.seen["not yet"] += 1
                raise NotYet("not in the storm")
        elif not self.mended:
            raise Unfit("poison") if trouble.endswith("unfit") else ZeroDivisionError("a bug")

    # ── the course of things ────────────────────────────────────────────────────────────────────────────────────

    def play(self) -> None:
        """Live the history. Raises `Violation`."""
        try:
            story = self.loop.create_task(self._story())
            try:
                self.loop.run_until(story)
            except Stuck as stuck:
                raise Violation(str(stuck)) from None
            story.result()
        finally:
            self._end()

    def _end(self) -> None:
        for room in self.rooms.values():
            for replica in room.replicas:
                replica.kill()
        self.loop.run_until(self.loop.sleep(0))

    def unpick(self) -> None:
        """Let go of everything: in a history all parts know each other, and what is left must not wait for a sweep."""
        replicas = [one for room in self.rooms.values() for one in room.replicas]
        self.loop.forget()
        for part in (*replicas, *self.rooms.values(), *self.streams.values(), self.people, self):
            part.__dict__.clear()

    async def _story(self) -> None:
        loop, draw = self.loop, self.chance
        for room in self.rooms.values():
            for number in range(REPLICAS[room.name]):
                self._begin(room, number)
        wishing = [loop.create_task(self._wish(wish, draw.random() * STORM * 0.6)) for wish in self.wishes]
        for _ in range(draw.choice((0, 1, 2, 3))):
            self.forecast(draw.random() * STORM)
        await asyncio.sleep(STORM)
        self.stormy = False
        self.weather.ack_lost = self.weather.silence = self.weather.disorder = 0.0
        await self._rest(wishing)
        if self._dead():
            await self._operate(again=draw.random() < 0.5)
        check(self)

    def _begin(self, room: Room, number: int) -> None:
        replica = Replica(self, room, number)
        room.replicas.append(replica)
        replica.start()

    def restart(self, crashed: Replica) -> None:
        """The supervisor starts another process in the place of one that is gone."""
        crashed.room.replicas.remove(crashed)
        self._begin(crashed.room, crashed.number)

    async def _wish(self, wish: Wish, at: float) -> None:
        """A person sends a command, and again, until it is known what came of it."""
        await asyncio.sleep(at)
        rows = self.rooms["intake"].base.rows
        bus = FakeBus(self.people)
        sent = set()
        while True:
            wire = self.wire(wish)
            sent.add(UUID(wire[2]["ce-id"]))
            with suppress(OSError, BusSaysNo):
                await bus.publish([wire])
            for _ in range(2):
                await asyncio.sleep(1.0)
                if not sent.isdisjoint(rows["commands_done"]):
                    return
                if any(row["message_id"] in sent for row in rows["dead_letters"].values()):
                    return

    def wire(self, wish: Wish) -> Outgoing:
        """A wish as it goes on the wire: with the id that it has for ever."""
        return _wire(wish.number, wish.bulk)

    def forecast(self, at: float) -> None:
        """Something that befalls the bus, or an operator who is too quick."""
        draw = self.chance
        events, commands = self.streams[EVENTS], self.streams[COMMANDS]
        what = draw.choice(_BEFALLS)
        self.loop.call_later(at, self.tell, None, what)
        if what.startswith("delete"):
            for stream in (events, commands) if what == "delete both" else (events,):
                self.loop.call_later(at, stream.delete)
                self.loop.call_later(at + 0.5 * draw.random(), setattr, stream, "stands", True)
        elif what == "purge":
            self.loop.call_later(at, events.purge)
        elif what.startswith("stall"):
            lines = (False, True) if what == "stall" else (draw.random() < 0.5,)
            self.loop.call_later(2 * at, events.stall, 4.5 * draw.random(), lines)
        elif what == "full":
            self.loop.call_later(at, setattr, events, "full", True)
            self.loop.call_later(at + 1.0, setattr, events, "full", False)
        elif what == "forget":
            self.loop.call_later(at, events.seen_ids.clear)
            self.loop.call_later(at, commands.seen_ids.clear)
        elif what == "repeat":
            for stream in (events, commands):
                self.loop.call_later(at, stream.repeat)
        else:
            self.loop.call_later(at, lambda: self.loop.create_task(self._settle_all("again")))

    async def _rest(self, wishing: Sequence[asyncio.Task[None]] = ()) -> None:
        """Wait until nothing more is on its way. Raises `Violation` when that takes too long."""
        until = self.loop.time() + PATIENCE
        while trouble := restless(self) or ("" if all(wish.done() for wish in wishing) else "a wish has no outcome"):
            if self.loop.time() > until:
                raise Violation(f"no rest after {PATIENCE:.0f} s: {trouble}")
            await asyncio.sleep(0.5)

    # ── the operator ────────────────────────────────────────────────────────────────────────────────────────────

    def _dead(self) -> list[tuple[Room, dict[str, Any]]]:
        rooms = self.rooms.values()
        return [
            (room, row) for room in rooms for row in room.base.rows["dead_letters"].values() if row["state"] == "dead"
        ]

    async def _operate(self, *, again: bool) -> None:
        """The operator sends dead letters back before the fault is mended; then after; or closes them."""
        check_hold(self)
        if again:
            await self._settle_all("again")
            await self._rest()
            check_hold(self)
        self.mended = True
        for _ in range(30):
            if not self._dead():
                return
            await self._settle_all("close" if self.chance.random() < 0.4 else "again")
            for _ in range(self.chance.choice((0, 1, 4))):
                self.streams[COMMANDS].repeat()
            await self._rest()
        raise Violation("dead letters that cannot be settled")

    async def _settle_all(self, how: str) -> None:
        for room in self.rooms.values():
            letters = [row for where, row in self._dead() if where is room]
            if not letters:
                continue
            self.tell(None, f"the operator settles {len(letters)} in {room.name}: {how}")
            try:
                async with FakeBook(room.base, self.people).open() as ledger:
                    if how == "again":
                        await ledger.revive(None)
                        continue
                    closed = [
                        (room.name, row["message_id"]) for row in letters if await ledger.give_up(row["id"], "closed")
                    ]
                self.closed.update(closed)
            except ConnectionError:
                self.tell(None, "the operator was cut off")

    async def tell_watermarks(self, asker: Replica, room: Room, question: TellWatermarks) -> Mapping[str, Any]:
        """What `Service._watermarks` answers, read on a connection that ends with the asker."""
        async with FakeBook(room.base, asker).aside() as ledger:
            return await cast(FakeLedger, ledger).watermarks(question.source, question.said)

    # ── small things ────────────────────────────────────────────────────────────────────────────────────────────

    def now(self) -> datetime:
        """The moment of the database's clock."""
        return datetime.fromtimestamp(_EPOCH + self.loop.time(), UTC)

    def tell(self, replica: Replica | None, what: str, more: str = "") -> None:
        """Count what happened, and say it if somebody listens."""
        self.seen[what] += 1
        if self.told:
            who = f"{replica.room.name} {replica.number}" if replica else "the world"
            self.told(f"{self.loop.time():8.3f}  {who}: {what} {more}".rstrip())


@cache
def _wire(number: int, bulk: bool) -> Outgoing:
    if bulk:
        row = Row(number=number + 1, fields=LeadFields())
        rows = SubmitRows(import_id=_NAMES, file_name="list.csv", campaign="simulation", rows=[row])
        return encode_command(rows, id=_id_of(number))
    lead = SubmitLead(
        source_system="simulation", external_id=str(number), source=Source.INBOUND_CALL, fields=LeadFields()
    )
    return encode_command(lead, id=_id_of(number))


def _number(command: SubmitLead | SubmitRows) -> int:
    return command.rows[0].number - 1 if isinstance(command, SubmitRows) else int(command.external_id)


@cache
def _id_of(number: int) -> UUID:
    return uuid5(_NAMES, f"wish {number}")


class _Log:
    """The kernel's log: to nowhere, or to whoever follows a history."""

    def __init__(self, tell: Callable[[str], None] | None = None) -> None:
        self._tell = tell

    def _say(self, event: str, **fields: Any) -> None:
        if self._tell:
            self._tell(f"{'':10}{event} {' '.join(f'{name}={value}' for name, value in fields.items())}")

    debug = info = warning = error = _say


@contextmanager
def simulated(told: Callable[[str], None] | None = None) -> Iterator[None]:
    """The kernel at the pace of this world, its log turned aside."""
    with ExitStack() as stack:
        for module, name, value in _PACE:
            stack.enter_context(patch.object(module, name, value))
        # The same few ids are read again and again.
        stack.enter_context(patch.object(shared.letter, "read_uuid", lru_cache(1000)(read_uuid)))
        for module in (shared.relay, shared.unit):
            stack.enter_context(patch.object(module, "log", _Log(told)))
        yield


def live(seed: int, told: Callable[[str], None] | None = None) -> tuple[str, Counter[str]]:
    """One history: what was violated (empty if nothing), and what was seen to happen."""
    world = World(seed, told=told)
    seen, fault = world.seen, ""
    try:
        world.play()
    except Violation as broken:
        fault = f"{broken}\n    to follow it: python -m tests.simulation --seed {seed}"
    world.unpick()
    return fault, seen
