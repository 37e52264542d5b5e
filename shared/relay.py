"""Outbox → NATS in order; and what a listener never applied is sent again.

What people wait for goes out as it was said, right after its commit; all else, and whatever that missed, is looked up.

One replica of a room leads at a time, by an advisory lock that dies with its connection.
A leader that is frozen loses it within seconds; what it publishes once more when it wakes, the gate drops.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import structlog

from shared.bus import Bus, BusSaysNo, NoAnswer, encode_outbox
from shared.events import kind_of, listeners_of
from shared.ledger import Book, Ledger
from shared.questions import TellWatermarks
from shared.unit import describe

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
        self._cursor = 0
        self._settled = 0
        self._forget()
        self._listeners = listeners_of(book.room)

    def wake(self) -> None:
        """Something was queued that is to be looked up, or somebody rang."""
        self._look_at = 0.0
        self._bell.set()

    async def announce(self, fresh: Sequence[Mapping[str, Any]] = ()) -> None:
        """Tell the leader, wherever it runs, that something was queued here; if it is this one, it need not look it up.

        `fresh` are rows as `Ledger.unsent` would tell them, committed by now.
        """
        if self.leads and fresh and len(self._fresh) < BATCH:
            self._fresh += fresh
            self._bell.set()
        elif self.leads:
            self.wake()
        else:
            await self.bus.ring(self.room)

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
            duties.create_task(self._keep_leading(ledger))
            duties.create_task(self._keep_sending())
            duties.create_task(self._keep_comparing())

    async def _keep_leading(self, ledger: Ledger) -> None:
        """Let the database hear of us; when it has given us up meanwhile, this fails and we stop."""
        while True:
            await ledger.now()
            await asyncio.sleep(_SIGN_OF_LIFE)

    def _forget(self) -> None:
        """Begin with nothing in hand: the table has it all."""
        self._look_at = 0.0
        self._fresh: list[Any] = []
        self._went: dict[str, int] = {}
        self._unmarked: set[int] = set()

    async def _keep_sending(self) -> None:
        async with self.book.aside() as ledger:
            self._forget()
            while True:
                self._bell.clear()
                if self._look_at > _now():
                    await self.send_fresh()
                else:
                    self._look_at = _now() + POLL
                    if await self.send_once(ledger) >= BATCH:
                        self._look_at = 0.0
                await self._rest()

    async def _keep_comparing(self) -> None:
        async with self.book.aside() as ledger:
            while True:
                began = _now()
                try:
                    again = await self.compare_once(ledger)
                except BusSaysNo as refusal:
                    log.warning(f"{self.room}.bus_says_no", refusal=str(refusal))
                    again = 0
                # A page of which much was lost, or most was heard, is followed by the next: a flood leaves many of them.
                if self._cursor and again:
                    await asyncio.sleep(_PAUSE)
                elif self._cursor and self._settled > COMPARE_AT_ONCE // 2:
                    # A list leaves pages for minutes, and single leads go on beside that: it takes a twentieth of the time.
                    await asyncio.sleep(min(max(_PAUSE, 19 * (_now() - began)), _LONGEST_PAUSE))
                else:
                    await asyncio.sleep(COMPARE_EVERY)

    async def _rest(self) -> None:
        pause = self._look_at - _now()
        if pause <= 0 or self._fresh:
            return
        try:
            await asyncio.wait_for(self._bell.wait(), pause)
        except TimeoutError:
            return

    async def send_once(self, ledger: Ledger) -> int:
        """Send the oldest batch that waits; return how many messages were sent. A full stream keeps them waiting."""
        self._fresh = []  # is committed, and stands there as well
        if self._unmarked:
            await ledger.mark_sent(self._unmarked)
            self._unmarked = set()
        rows = await ledger.unsent(BATCH)
        if not rows or not await self._publish(rows):
            return 0
        await ledger.mark_sent({row["put"] for row in rows})
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
        if rows and await self._publish(rows):
            self._unmarked |= {row["put"] for row in rows}

    async def _publish(self, rows: Sequence[Any]) -> bool:
        """Put these into the stream, and keep in mind how far each history has gone; False if there is no room."""
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
        self.sent += len(rows)
        return True

    # ── anti-entropy ────────────────────────────────────────────────────────────────────────────────────────────

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
        for listener in sorted(frozenset().union(*self._listeners.values())):
            asked = {
                name: number for name, number in said.items() if listener in self._listeners.get(kind_of(name), ())
            }
            if not asked:
                continue
            answer = await self._ask(listener, asked)
            if answer is None:
                unheard_from |= dict.fromkeys(asked, 0)
                continue
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
        left: dict[int, list[int]] = {}
        changed = set()
        for row in page:
            still = left.setdefault(row["put"], [])
            if row["id"] is not None and row["sequence"] >= unheard_from.get(row["aggregate"], row["sequence"] + 1):
                still.append(row["id"])
            else:
                changed.add(row["put"])
                self._settled += 1
        if changed:
            await ledger.note_heard({put: left[put] for put in sorted(changed)})

    async def _ask(self, listener: str, said: Mapping[str, int]) -> Mapping[str, Any] | None:
        question = TellWatermarks(source=self.room, said=dict(said))
        try:
            answer: Mapping[str, Any] = await self.bus.ask(
                TellWatermarks.subject_in(listener), question.model_dump_json().encode()
            )
        except NoAnswer:
            return None
        return answer


def _now() -> float:
    return asyncio.get_running_loop().time()
