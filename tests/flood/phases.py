"""Three floods, one after another: a listener that is down, a stream that is full, a database that is slow.

Each raises an obstacle, pours until everything that can be said has been said, and takes the obstacle away; then the
house must come to rest by itself and every promise must hold. A flood that did not pile up proves nothing and counts as
a violation of its own.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections import Counter
from collections.abc import Awaitable
from dataclasses import dataclass, field

from nats.js import JetStreamContext
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from estafeta.client import Bus
from estafeta.house.house import House
from estafeta.sample.generator import World
from shared.bus import EVENTS
from shared.message import ROOMS
from shared.packs import MOST_EVENTS
from tests.chaos.proxy import Proxy
from tests.chaos.verdict import PROMISES
from tests.flood.gauges import Gauges, Peaks
from tests.flood.water import acquaintances, pour_list, pour_touches, strangers

PATIENCE = 90.0
"""Seconds without any progress after which the house counts as stuck."""
ROWS_FOR = 8
"""A list of one row for so many events: four are said of it while reminders is down, and four of a touch after it."""
_LOOK_EVERY = 0.5
_SAID_OF_A_LATER_TOUCH = 3  # TouchRecorded, TaskClosed, TaskSet
_SAID_OF_A_LEAD = 5  # LeadAccepted, LeadAssigned, ProcessOpened, TaskSet, DeadlineSet
_SLOW = 0.05
_SAID = " + ".join(f"(select count(*) from {room}.outbox)" for room in ROOMS)
_RESENT = " + ".join(f"(select coalesce(sum(resends), 0) from {room}.outbox)" for room in ROOMS)
_DONE = "select (select count(*) from intake.decisions), (select count(*) from process.touches)"


class StoodStill(RuntimeError):
    """Nothing moved for `PATIENCE` seconds, and not everything had been done."""


@dataclass(slots=True)
class Passage:
    """One flood: what was said in it, how it piled up, how long it took to drain, and which promises were broken."""

    name: str
    peaks: Peaks
    said: int = 0
    resent: int = 0
    poured: float = 0.0
    drained: float = 0.0
    ended_with: dict[str, int] = field(default_factory=dict)
    violations: list[str] = field(default_factory=list)


class Flood:
    """A house, the water, and what is seen of it."""

    def __init__(
        self, house: House, bus: Bus, db: AsyncEngine, js: JetStreamContext, gauges: Gauges, line: Proxy, base: World
    ) -> None:
        self.house, self.bus, self.db, self.js, self.gauges, self.line, self.base = (
            house, bus, db, js, gauges, line, base,
        )  # fmt: skip
        self.rows_sent = self.touches_sent = 0
        self.passages: list[Passage] = []

    # ── the floods ──────────────────────────────────────────────────────────────────────────────────────────────

    async def listeners_down(self, events: int) -> None:
        """Routing and reminders are stopped while a list comes in; then only reminders, while its sales are worked.

        What reminders finds when it is back stands in both lines, and each client's history goes through both.
        """
        await self._stop("routing", "reminders")
        rows = strangers(self.base)
        passage = await self._begin("routing is down")
        began = time.monotonic()
        await pour_list(self.bus, rows, "strangers")
        self.rows_sent += len(rows)
        await self._until_done()
        await self._until_rest(without=("routing", "reminders"))
        self._must_pile_up(passage, passage.peaks.unread["routing"], len(rows) * 0.98 / MOST_EVENTS, began)
        freed = time.monotonic()
        await self._start("routing")
        await self._until_rest(without=("reminders",))
        passage.drained = time.monotonic() - freed
        await self._end(passage)

        late = await self._begin("reminders is down")
        late.said = 0  # since it is down
        await self._touch(len(rows))
        await self._until_rest(without=("reminders",))
        said, _ = await self._books()
        self._must_pile_up(late, said, events * 0.9, began)
        await self._drain(late, self._start("reminders"))

    async def full_stream(self, events: int) -> None:
        """The stream of events takes no more while sales are worked; everything that is said waits in the outbox."""
        info = await self.js.stream_info(EVENTS)
        was, info.config.max_bytes = info.config.max_bytes, info.state.bytes
        await self.js.update_stream(info.config)
        passage = await self._begin("the stream is full")
        began = time.monotonic()
        await self._touch(-(-events // _SAID_OF_A_LATER_TOUCH))
        await self.gauges.waiting()
        self._must_pile_up(passage, passage.peaks.unsent["process"], events * 0.9, began)
        info.config.max_bytes = was
        await self._drain(passage, self.js.update_stream(info.config))

    async def slow_database(self, events: int, seed: int) -> None:
        """Routing reaches its database over a slow line; the others are as quick as ever."""
        rows = acquaintances(self.base, -(-events // _SAID_OF_A_LEAD), seed)
        self.line.delay = _SLOW
        passage = await self._begin("the database of routing is slow")
        began = time.monotonic()
        await pour_list(self.bus, rows, "acquaintances")
        self.rows_sent += len(rows)
        await self._until_done()
        self._must_pile_up(passage, passage.peaks.unread["routing"], len(rows) * 0.1 / MOST_EVENTS, began)
        self.line.heal()
        await self._drain(passage)

    async def _touch(self, count: int) -> None:
        """Work `count` times on sales, round after round, and wait until all of it is recorded."""
        sent = 0
        while sent < count and (some := await pour_touches(self.bus, self.db, count - sent, self.touches_sent)):
            sent += some
            self.touches_sent += some
            await self._until_done()

    # ── one flood ───────────────────────────────────────────────────────────────────────────────────────────────

    async def _begin(self, name: str) -> Passage:
        _tell(name)
        said, resent = await self._books()
        passage = Passage(name, self.gauges.begin(), said=-said, resent=-resent)
        self.passages.append(passage)
        return passage

    async def _drain(self, passage: Passage, way_is_freed: Awaitable[object] | None = None) -> None:
        began = time.monotonic()
        if way_is_freed is not None:
            await way_is_freed
        await self._until_rest()
        passage.drained = time.monotonic() - began
        await self._end(passage)

        passage.violations += await self.judge()

    async def _end(self, passage: Passage) -> None:
        said, resent = await self._books()
        passage.said += said
        passage.resent += resent
        passage.ended_with = {room: samples[-1] for room, samples in self.gauges.memory.items() if samples}
        _tell(f"  drained in {passage.drained:.0f} s")

    def _must_pile_up(self, passage: Passage, there: int, wanted: float, began: float) -> None:
        passage.poured = time.monotonic() - began
        _tell(f"  poured for {passage.poured:.0f} s; {there:,} piled up")
        if there < wanted:
            passage.violations.append(f"only {there:,} piled up, not {wanted:,.0f}: this proves nothing")

    # ── rooms ───────────────────────────────────────────────────────────────────────────────────────────────────

    async def _stop(self, *rooms: str) -> None:
        for room in rooms:
            one = self.house.rooms[room]
            await self.house.keeper.end(one, 15)
            # The house may have seen it end a moment before we did, and would start it again.
            one.state, one.again_at = "stopped", None

    async def _start(self, room: str) -> None:
        one, since = self.house.rooms[room], time.monotonic()
        one.again_at = since
        while one.state != "ready":
            if time.monotonic() - since > PATIENCE:
                raise StoodStill(f"{room} does not become ready: {'; '.join(one.problems)}")
            await asyncio.sleep(0.05)

    # ── waiting ─────────────────────────────────────────────────────────────────────────────────────────────────

    async def _books(self) -> tuple[int, int]:
        """How many events were said so far, and how many of them were sent again."""
        async with self.db.connect() as db:
            said, resent = (await db.execute(text(f"select {_SAID}, {_RESENT}"))).one()
            return int(said), int(resent)

    async def _until_done(self) -> None:
        """Wait until every row that was sent is decided and every touch recorded."""
        last, since = (-1, -1), time.monotonic()
        while last != (self.rows_sent, self.touches_sent):
            async with self.db.connect() as db:
                rows, touches = (await db.execute(text(_DONE))).one()
            if (rows, touches) != last:
                last, since = (rows, touches), time.monotonic()
            if time.monotonic() - since > PATIENCE:
                raise StoodStill(
                    f"{rows} of {self.rows_sent} rows decided, {touches} of {self.touches_sent} touches recorded"
                )
            await asyncio.sleep(_LOOK_EVERY)

    async def _until_rest(self, without: tuple[str, ...] = ()) -> None:
        """Wait until nothing is under way any more but what those rooms have not heard."""
        last: Counter[str] = Counter()
        since = time.monotonic()
        while waits := await self._under_way(without):
            if waits != last:
                last, since = waits, time.monotonic()
            if time.monotonic() - since > PATIENCE:
                raise StoodStill(f"under way: {dict(waits)}")
            await asyncio.sleep(_LOOK_EVERY)

    async def _under_way(self, without: tuple[str, ...]) -> Counter[str]:
        unsent, unread = await self.gauges.waiting()
        waits = Counter({f"outbox of {room}": n for room, n in unsent.items()})
        waits |= Counter({f"stream for {room}": n for room, n in unread.items() if room not in without})
        if waits:
            return waits
        async with self.db.connect() as db:
            for promise, (_, broken) in PROMISES.items():
                if " applied every " in promise and promise.split()[1] not in without:
                    waits[promise] = len((await db.execute(text(broken))).all())
        return +waits

    # ── judging ─────────────────────────────────────────────────────────────────────────────────────────────────

    async def judge(self) -> list[str]:
        """Every promise that does not hold now, the house being at rest."""
        began = time.monotonic()
        wrong = []
        async with self.db.connect() as db:
            for promise, (_, broken) in PROMISES.items():
                if found := (await db.execute(text(broken))).all():
                    wrong.append(f"{promise}: broken {len(found):,} times, as for {', '.join(map(str, found[0]))}")
            for what, sql, sent in (
                ("I1 each row of a list is stored once", "select count(*) from intake.submissions", self.rows_sent),
                ("I1 each touch is recorded once", "select count(*) from process.touches", self.touches_sent),
            ):
                if (stored := (await db.execute(text(sql))).scalar_one()) != sent:
                    wrong.append(f"{what}: {sent:,} were sent, {stored:,} are stored")
        _tell(f"  judged in {time.monotonic() - began:.1f} s")
        return wrong


def _tell(line: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {line}", file=sys.stderr, flush=True)
