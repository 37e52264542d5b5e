"""Outbox → NATS in order; and what a listener never applied is sent again.

What people wait for goes out as it was said, right after its commit; all else, and whatever that missed, is looked up.

One replica of a room leads at a time, by an advisory lock that dies with its connection.
A leader that is frozen loses it within seconds; what it publishes once more when it wakes, the gate drops.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import structlog

from shared.bus import Bus, BusSaysNo, NoAnswer
from shared.events import kind_of, listeners_of
from shared.faults import describe
from shared.ledger import Book, Ledger
from shared.letter import encode_outbox
from shared.questions import TellWatermarks

BATCH = 500
POLL = 0.5
COMPARE_EVERY = 5.0
COMPARE_AT_ONCE = 2000
_PAUSE, _LONGEST_PAUSE = 0.5, 2.0
_SIGN_OF_LIFE = 1.0
_HISTORIES = 10_000

log = structlog.get_logger()


class Relay:
    """Sends what one room has said."""

    def __init__(self, book: Book, bus: Bus) -> None:
        self.room, self.book, self.bus = book.room, book, bus
        self.leads = False
        self.sent = self.sent_again = 0
        self._bell = asyncio.Event()
        self._cursor = self._settled = 0
        self._listeners: dict[str, set[str]] = defaultdict(set)
        for kind, listeners in listeners_of(book.room).items():
            for listener in sorted(listeners):
                self._listeners[listener].add(kind)
        self._forget()

    def _forget(self) -> None:
        """Begin with nothing in hand: the table has it all."""
        self._look_at = 0.0
        self._fresh: list[Any] = []  # to be sent without a look
        self._went: dict[str, int] = {}  # how far each history has gone out from here
        self._unmarked: set[int] = set()  # rows of the queue that are in the stream and stand there still

    def wake(self) -> None:
        """Something was queued that is to be looked up, or somebody rang."""
        self._look_at = 0.0
        self._bell.set()

    async def announce(self, fresh: Sequence[Mapping[str, Any]] = ()) -> None:
        """Tell the leader, wherever it runs, that something was queued here; if it is this one, it need not look it up.

        `fresh` are rows as `Ledger.unsent` would tell them, committed by now.
        """
        if not self.leads:
            await self.bus.ring(self.room)
        elif fresh and len(self._fresh) < BATCH:
            self._fresh += fresh
            self._bell.set()
        else:
            self.wake()

    async def run(self) -> None:
        """Lead whenever nobody else does, until cancelled; any fault only means to try again."""
        hears = False
        while True:
            try:
                if not hears:
                    await self.bus.on_bell(self.room, self.wake)
                    hears = True
                async with self.book.lead() as ledger:
                    if ledger is not None:
                        await self._lead(ledger)
            except Exception as fault:
                log.warning(f"{self.room}.relay_interrupted", fault=describe(fault))
            finally:
                self.leads = False
            await asyncio.sleep(_PAUSE)

    async def _lead(self, ledger: Ledger) -> None:
        self.leads = True
        log.info(f"{self.room}.relay_leads")
        async with asyncio.TaskGroup() as duties:
            duties.create_task(self._keep_sending())
            duties.create_task(self._keep_comparing())
            while True:  # the database hears of us; when it has given us up meanwhile, this fails and all of us stop
                await ledger.now()
                await asyncio.sleep(_SIGN_OF_LIFE)

    # ── sending ─────────────────────────────────────────────────────────────────────────────────────────────────

    async def _keep_sending(self) -> None:
        loop = asyncio.get_running_loop()
        async with self.book.aside() as ledger:
            self._forget()
            while True:
                self._bell.clear()
                if self._look_at > loop.time():
                    await self.send_fresh()
                else:
                    self._look_at = loop.time() + POLL
                    if await self.send_once(ledger) >= BATCH:
                        self.wake()
                alarm = loop.call_at(self._look_at, self._bell.set)
                await self._bell.wait()
                alarm.cancel()

    async def send_once(self, ledger: Ledger) -> int:
        """Send the oldest batch that waits; return how many messages were sent. A full stream keeps them waiting."""
        self._fresh = []  # is committed, and stands there as well
        await self._strike_off(ledger)
        rows = await ledger.unsent(BATCH)
        if not await self._publish(rows):
            return 0
        await self._strike_off(ledger)
        return len(rows)

    async def send_fresh(self) -> None:
        """Send what was said here a moment ago without looking it up, if all of it is what comes next in its history.

        What does not follow what has gone out from here waits for a look: another replica may have said what is between.
        """
        rows, self._fresh = self._fresh, []
        reach: dict[str, int] = {}
        for row in rows:
            name = row["aggregate"]
            if row["sequence"] != reach.get(name, self._went.get(name, 0)) + 1:
                self.wake()
                return
            reach[name] = row["sequence"]
        await self._publish(rows)

    async def _publish(self, rows: Sequence[Any]) -> bool:
        """Put these into the stream, and keep in mind how far each history has gone; False if there is no room."""
        if not rows:
            return True
        try:
            await self.bus.publish([encode_outbox(self.room, row) for row in rows])
        except BusSaysNo as refusal:
            log.warning(f"{self.room}.bus_says_no", refusal=str(refusal), waiting=len(rows))
            await asyncio.sleep(_PAUSE)
            self.wake()
            return False
        if len(self._went) > _HISTORIES:
            self._went = {}
        for row in rows:
            self._went[row["aggregate"]] = max(row["sequence"], self._went.get(row["aggregate"], 0))
        self._unmarked |= {row["put"] for row in rows}
        self.sent += len(rows)
        return True

    async def _strike_off(self, ledger: Ledger) -> None:
        if self._unmarked:
            await ledger.mark_sent(self._unmarked)
            self._unmarked = set()

    # ── anti-entropy ────────────────────────────────────────────────────────────────────────────────────────────

    async def _keep_comparing(self) -> None:
        loop = asyncio.get_running_loop()
        async with self.book.aside() as ledger:
            while True:
                began, again = loop.time(), 0
                try:
                    again = await self.compare_once(ledger)
                except BusSaysNo as refusal:
                    log.warning(f"{self.room}.bus_says_no", refusal=str(refusal))
                # A page of which much was lost, or most was heard, is followed by the next: a flood leaves many of them.
                pause = COMPARE_EVERY
                if self._cursor and again:
                    pause = _PAUSE
                elif self._cursor and self._settled > COMPARE_AT_ONCE // 2:
                    # A list leaves pages for minutes, and single leads go on beside that: it takes a twentieth of the time.
                    pause = min(max(_PAUSE, 19 * (loop.time() - began)), _LONGEST_PAUSE)
                await asyncio.sleep(pause)

    async def compare_once(self, ledger: Ledger) -> int:
        """Ask each listener how far it has applied what was said here, and queue again what has been lost on the way.

        Only what stood in the queue before the last mark that the listener saw come past can be lost; the rest is on
        its way.
        """
        self._settled = 0
        page = await ledger.unheard(self._cursor, COMPARE_AT_ONCE)
        self._cursor = page[-1]["put"] if len(page) >= COMPARE_AT_ONCE else 0
        if not page:
            return 0
        said: dict[str, int] = {}
        for row in page:
            if row["id"] is not None:
                said[row["aggregate"]] = max(row["sequence"], said.get(row["aggregate"], 0))
        await self.bus.passed(self.room, await ledger.places())
        unheard_from: dict[str, int] = {}
        again = 0
        for listener, kinds in self._listeners.items():
            asked = {name: number for name, number in said.items() if kind_of(name) in kinds}
            if not asked:
                continue
            answer = await self._ask(listener, asked)
            unheard_from |= dict.fromkeys(answer["held"], 0)
            for name, applied in answer["behind"].items():
                unheard_from[name] = min(applied + 1, unheard_from.get(name, applied + 1))
            if answer["behind"]:
                again += await ledger.send_again(answer["behind"], asked, answer["passed"])
        await self._note_heard(ledger, page, unheard_from)
        if again:
            self.sent_again += again
            log.warning(f"{self.room}.sent_again", messages=again)
            self.wake()
        return again

    async def _note_heard(self, ledger: Ledger, page: Sequence[Any], unheard_from: Mapping[str, int]) -> None:
        """Of each row of which something has been heard by all, keep what has not."""
        left: dict[int, list[int]] = defaultdict(list)
        changed = set()
        for row in page:
            if row["id"] is not None and row["sequence"] >= unheard_from.get(row["aggregate"], row["sequence"] + 1):
                left[row["put"]].append(row["id"])
            else:
                changed.add(row["put"])
                self._settled += 1
        if changed:
            await ledger.note_heard({put: left[put] for put in sorted(changed)})

    async def _ask(self, listener: str, said: Mapping[str, int]) -> Mapping[str, Any]:
        """See `TellWatermarks`; of a listener that is silent nothing is known, as of what a dead letter holds."""
        question = TellWatermarks(source=self.room, said=dict(said)).model_dump_json().encode()
        try:
            answer: Mapping[str, Any] = await self.bus.ask(TellWatermarks.subject_in(listener), question)
        except NoAnswer:
            return {"passed": (0, 0), "behind": {}, "held": list(said)}
        return answer
