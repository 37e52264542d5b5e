"""One batch, one transaction: gate → handle → queue → commit. The only commit in the house.

A message is applied exactly once and each aggregate's events in order, whatever the bus repeats, reorders or loses:
the watermark of an aggregate moves in the same transaction as the effects, and only by one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any
from uuid import UUID

import structlog
from pydantic import ValidationError
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.events import MessageDied, kind_of
from shared.faults import describe, is_passing
from shared.ledger import Book, Ledger, Mark
from shared.letter import PASSED, Letter
from shared.message import Batch, Cause, Command, Event, Heard, Message, NotYet, Said, Unfit

Step = Callable[[datetime, AsyncConnection], Awaitable[tuple[Said, bool]]]
Handler = Callable[[Batch[Any], AsyncConnection], Awaitable[Said]]
Round = list[tuple[Letter, Message]]
"""Messages that are handled together: no two events of one aggregate."""
_GAP_DELAY, _LONGEST_GAP = 0.2, 5.0  # what is missing is on its way, or is sent again within seconds
_LONGEST_PASSING = 15.0  # a server that comes back finds all its work waiting, and soon
_NAMELESS = "it names no aggregate and number (ce-subject, ce-sequence): it did not come from an outbox"
_TRIES = 5

log = structlog.get_logger()


@dataclass(slots=True)
class Settlement:
    """What became of a batch: letters that are done with, and letters to come again, with the delay in seconds."""

    done: list[Letter] = field(default_factory=list)
    later: list[tuple[Letter, float]] = field(default_factory=list)
    applied: int = 0
    said: int = 0
    buried: int = 0
    gaps: int = 0
    fresh: list[Mapping[str, Any]] = field(default_factory=list)
    """What was said and people wait for, committed by now: the relay need not look it up."""
    over: list[Letter] = field(default_factory=list)
    """Those of `done` that are applied, now or before: the others are kept as dead letters."""

    def add(self, other: Settlement) -> None:
        """Take in the settlement of another part of the batch."""
        for one in fields(self):
            setattr(self, one.name, getattr(self, one.name) + getattr(other, one.name))


class Unit:
    """Applies batches of letters to one room."""

    def __init__(self, book: Book, handlers: Mapping[type[Any], Handler]) -> None:
        self.book, self.room = book, book.room
        self.handlers = {message.__name__: (message, handler) for message, handler in handlers.items()}
        self._kinds: dict[str, set[str]] = defaultdict(set)
        for message in handlers:
            if issubclass(message, Event):
                self._kinds[message.owner].add(kind_of(message.about))

    async def serve(self, letters: Sequence[Letter], source: str = "") -> Settlement:
        """Apply a batch that came from `source` (a room's events) or is commands; never raises but when cancelled.

        A batch that fails is halved until the letter that fails is alone: its neighbours are neither held nor lost.
        """
        if not letters:
            return Settlement()
        try:
            return await self._apply(letters, source)
        except Exception as fault:
            if is_passing(fault):
                log.warning(f"{self.room}.batch_postponed", fault=describe(fault), letters=len(letters))
                return Settlement(later=[(letter, min(_backoff(letter), _LONGEST_PASSING)) for letter in letters])
            if len(letters) > 1:
                middle = len(letters) // 2
                settlement = await self.serve(letters[:middle], source)
                settlement.add(await self.serve(letters[middle:], source))
                return settlement
            return await self._after_fault(letters[0], source, fault)

    async def _after_fault(self, letter: Letter, source: str, fault: Exception) -> Settlement:
        later = Settlement(later=[(letter, _backoff(letter))])
        if isinstance(fault, NotYet):
            log.info(f"{self.room}.message_not_yet", type=letter.type, tries=letter.tries, reason=str(fault))
            return later
        if not isinstance(fault, Unfit | ValidationError) and letter.tries < _TRIES and letter.dead_id is None:
            log.warning(f"{self.room}.message_failed", type=letter.type, tries=letter.tries, fault=describe(fault))
            return later
        try:
            return await self._apply([letter], source, bury=describe(fault))
        except Exception as again:
            log.warning(f"{self.room}.burial_postponed", fault=describe(again))
            return later

    async def _apply(self, letters: Sequence[Letter], source: str, *, bury: str = "") -> Settlement:
        """Apply what may be applied now, in one transaction; with a reason to `bury`, keep it as dead letters instead."""
        async with self.book.open() as ledger:
            settlement, marks = Settlement(fresh=ledger.fresh), dict[str, Mark]()
            if source:
                histories = await self._histories(ledger, source, letters, settlement)
                if not histories:
                    return settlement
                now, marks = await ledger.lock_marks(source, {name: _reach(one) for name, one in histories.items()})
                rounds = await self._gate(ledger, source, histories, marks, settlement, bury)
            else:
                now, rounds = await self._enter(ledger, letters, settlement, bury)
            said: Said = []
            for fresh in rounds:
                said += await self._handle(fresh, now, ledger.db)
            await ledger.put(said)
            await ledger.set_marks(source, marks)
            if revived := [letter.dead_id for letter in settlement.over if letter.dead_id is not None]:
                await ledger.settle(revived, "applied")
            settlement.said = len(said)
        return settlement

    async def _histories(
        self, ledger: Ledger, source: str, letters: Sequence[Letter], settlement: Settlement
    ) -> dict[str, list[Letter]]:
        """The events that this room hears, by aggregate; marks of the relay are noted, and what is nobody's is over."""
        histories: dict[str, list[Letter]] = defaultdict(list)
        passed: dict[str, int] = {}
        for letter in letters:
            if letter.type == PASSED:
                passed[letter.line] = max(passed.get(letter.line, 0), letter.sequence)
                settlement.done.append(letter)
            elif not letter.sequence:
                await self._bury(ledger, source, letter, settlement, _NAMELESS)
            elif kind_of(letter.aggregate) in self._kinds[source]:
                histories[letter.aggregate].append(letter)
            else:
                settlement.done.append(letter)
        for line, place in passed.items():
            await ledger.note_passed(source, line, place)
        return histories

    async def _gate(
        self,
        ledger: Ledger,
        source: str,
        histories: Mapping[str, list[Letter]],
        marks: dict[str, Mark],
        settlement: Settlement,
        bury: str,
    ) -> list[Round]:
        """Let through, per aggregate and in order, just what comes next; round n holds each aggregate's nth event."""
        rounds: list[Round] = []
        for aggregate, history in histories.items():
            mark, nth = marks[aggregate], 0
            for letter in sorted(history, key=lambda one: one.sequence):
                if mark.held_by is None and letter.sequence > mark.applied + 1:
                    settlement.gaps += 1
                    settlement.later.append((letter, _GAP_DELAY if letter.tries < _TRIES else _LONGEST_GAP))
                    continue
                if mark.held_by is None and letter.sequence == mark.applied + 1:
                    message, unreadable = self._read(letter)
                    if reason := bury or unreadable:
                        mark.held_by = await self._bury(ledger, source, letter, settlement, reason)
                        continue
                    mark.applied = letter.sequence
                    settlement.applied += 1
                    if message is not None:
                        if nth == len(rounds):
                            rounds.append([])
                        rounds[nth].append((letter, message))
                        nth += 1
                elif letter.sequence > mark.applied + 1:
                    await ledger.bury(source, letter, reason="waits behind a dead letter", handler="", state="waiting")
                # Else it is applied already, or is the dead letter itself, come again, which is kept already.
                settlement.done.append(letter)
                if letter.sequence <= mark.applied:
                    settlement.over.append(letter)
        return rounds

    async def _enter(
        self, ledger: Ledger, letters: Sequence[Letter], settlement: Settlement, bury: str
    ) -> tuple[datetime, list[Round]]:
        """Let through commands that were not done before, each once."""
        good: dict[UUID, tuple[Letter, Message]] = {}
        for letter in letters:
            message, unreadable = self._read(letter)
            if message is None or bury:
                await self._bury(ledger, "", letter, settlement, bury or unreadable or self._nobody(letter))
            else:
                good.setdefault(letter.id, (letter, message))
                settlement.over.append(letter)
        now, fresh = await ledger.enter_commands(list(good))
        wanted = [one for id, one in good.items() if id in fresh]
        settlement.done += settlement.over
        settlement.applied = len(wanted)
        return now, [wanted]

    def _read(self, letter: Letter) -> tuple[Message | None, str]:
        """The message, or None if there is no handler for it; and why it cannot be read, if it cannot."""
        name, _, version = letter.type.partition(".")
        known = self.handlers.get(name)
        if known is None:
            return None, ""
        message = known[0]
        if version != f"v{message.version}":
            return None, (
                f"{name} is spoken here in version {message.version} and came as {version or 'no version'}:"
                " bring this room up to date, then send the letter back with `estafeta dead again`"
            )
        try:
            return message.model_validate_json(letter.payload), ""
        except ValidationError as fault:
            return None, describe(fault)

    def _nobody(self, letter: Letter) -> str:
        spoken = ", ".join(sorted(n for n, (m, _) in self.handlers.items() if issubclass(m, Command)))
        return f"{self.room} knows no command {letter.type or 'without a ce-type header'!r}; it knows {spoken}"

    async def _handle(self, fresh: Round, now: datetime, db: AsyncConnection) -> Said:
        by_type: dict[str, list[Heard[Any]]] = defaultdict(list)
        for letter, message in fresh:
            is_command, at = isinstance(message, Command), _moment(letter, now)
            heard = Heard(*letter.origin, is_command, letter.bulk, message=message, at=at)
            by_type[type(message).__name__].append(heard)
        said: Said = []
        for name, batch in by_type.items():
            said += await self.handlers[name][1](Batch(batch, now), db)
        return said

    async def _bury(self, ledger: Ledger, source: str, letter: Letter, settlement: Settlement, reason: str) -> int:
        handler = letter.type.partition(".")[0] or letter.subject
        number, is_new = await ledger.bury(source, letter, reason=reason, handler=handler)
        if is_new:
            died = MessageDied(
                room=self.room,
                letter=number,
                handler=handler,
                subject_given_up=letter.subject,
                held_aggregate=letter.aggregate or None,
            )
            await ledger.put([Cause(*letter.origin).says(died)])
        settlement.done.append(letter)
        settlement.buried += 1
        log.error(f"{self.room}.message_died", letter=number, type=letter.type, aggregate=letter.aggregate)
        return number

    async def tick(self, step: Step) -> tuple[int, bool]:
        """Run one step of a watch in a transaction of its own; how much it said, and whether more waits."""
        async with self.book.open() as ledger:
            said, more = await step(await ledger.now(), ledger.db)
            await ledger.put(said)
        return len(said), more

    async def revive(self) -> int:
        """Apply letters that were sent back, and those that waited behind them, in order; return how many were looked at."""
        async with self.book.open() as ledger:
            rows = await ledger.revived(200)
        by_source: dict[str, list[Letter]] = defaultdict(list)
        for row in rows:
            letter = Letter(row["subject"], dict(row["headers"]), row["payload"].encode(), dead_id=row["id"])
            by_source[row["source"]].append(letter)
        return sum([len((await self.serve(letters, source)).done) for source, letters in by_source.items()])


def _backoff(letter: Letter) -> float:
    """Seconds until the next try: 2ⁿ up to a minute, spread by ±20 % according to the message's id."""
    spread = 0.8 + (letter.id.int % 401) / 1000
    return min(2.0 ** (letter.tries - 2), 60.0) * float(spread)


def _reach(history: Sequence[Letter]) -> int:
    """How far a history that begins here is applied when all goes well."""
    numbers, reach = {letter.sequence for letter in history}, 0
    while reach + 1 in numbers:
        reach += 1
    return reach


def _moment(letter: Letter, now: datetime) -> datetime:
    try:
        at = datetime.fromisoformat(letter.headers.get("ce-time", ""))
    except ValueError:
        return now
    return at if at.tzinfo else now
