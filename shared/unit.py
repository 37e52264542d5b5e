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

import asyncpg
import structlog
from pydantic import ValidationError
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.bus import PASSED, Letter
from shared.events import MessageDied, kind_of
from shared.ledger import Book, Ledger, Mark
from shared.message import Batch, Cause, Command, Event, Heard, Message, NotYet, Said, Unfit

Step = Callable[[datetime, AsyncConnection], Awaitable[tuple[Said, bool]]]
Handler = Callable[[Batch[Any], AsyncConnection], Awaitable[Said]]
_PASSING_STATES = ("08", "40", "53", "55", "57", "58")
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

    def add(self, other: Settlement) -> None:
        """Take in the settlement of another part of the batch."""
        for one in fields(self):
            setattr(self, one.name, getattr(self, one.name) + getattr(other, one.name))


@dataclass(slots=True)
class _Reading:
    """A letter as the room reads it: a message for a handler, nothing of interest, or a reason why it is unreadable."""

    letter: Letter
    message: Message | None = None
    unreadable: str = ""


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
            return await (self._apply_events(letters, source) if source else self._apply_commands(letters))
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
        if isinstance(fault, NotYet):
            log.info(f"{self.room}.message_not_yet", type=letter.type, tries=letter.tries, reason=str(fault))
            return Settlement(later=[(letter, _backoff(letter))])
        lasting = isinstance(fault, Unfit | ValidationError)
        if not lasting and letter.tries < _TRIES and letter.dead_id is None:
            log.warning(f"{self.room}.message_failed", type=letter.type, tries=letter.tries, fault=describe(fault))
            return Settlement(later=[(letter, _backoff(letter))])
        try:
            if source:
                return await self._apply_events([letter], source, bury=describe(fault))
            return await self._apply_commands([letter], bury=describe(fault))
        except Exception as again:
            log.warning(f"{self.room}.burial_postponed", fault=describe(again))
            return Settlement(later=[(letter, _backoff(letter))])

    # ── events ──────────────────────────────────────────────────────────────────────────────────────────────────

    async def _apply_events(self, letters: Sequence[Letter], source: str, *, bury: str = "") -> Settlement:
        settlement = Settlement()
        histories: dict[str, list[Letter]] = defaultdict(list)
        passed: dict[str, int] = {}
        for letter in letters:
            if letter.type == PASSED:
                passed[letter.line] = max(passed.get(letter.line, 0), letter.sequence)
                settlement.done.append(letter)
            elif letter.sequence and kind_of(letter.aggregate) not in self._kinds[source]:
                settlement.done.append(letter)
            elif letter.sequence and letter.aggregate:
                histories[letter.aggregate].append(letter)
            else:
                histories[""].append(letter)
        async with self.book.open() as ledger:
            for line, place in passed.items():
                await ledger.note_passed(source, line, place)
            for nameless in histories.pop("", ()):
                await self._bury(ledger, source, nameless, settlement, _NAMELESS)
            if histories:
                now, marks = await ledger.lock_marks(source, {name: _reach(one) for name, one in histories.items()})
                rounds = await self._gate(ledger, source, histories, marks, settlement, bury)
                said: Said = []
                for readings in rounds:
                    said += await self._handle(readings, now, ledger.db)
                await ledger.put(said)
                await ledger.set_marks(source, marks)
                # One that was buried again meanwhile, here or by another replica, still holds its history.
                applied = [one for one in settlement.done if _is_applied(one, marks)]
                await self._settle_revived(ledger, applied)
                settlement.said = len(said)
            settlement.fresh = ledger.fresh
        return settlement

    async def _gate(
        self,
        ledger: Ledger,
        source: str,
        histories: Mapping[str, list[Letter]],
        marks: dict[str, Mark],
        settlement: Settlement,
        bury: str,
    ) -> list[list[_Reading]]:
        """Let through, per aggregate and in order, just what comes next; round n holds each aggregate's nth event."""
        rounds: list[list[_Reading]] = []
        for aggregate, history in histories.items():
            mark, nth = marks[aggregate], 0
            for letter in sorted(history, key=lambda one: one.sequence):
                if letter.sequence <= mark.applied:
                    settlement.done.append(letter)
                elif mark.held_by is not None and letter.sequence == mark.applied + 1:
                    settlement.done.append(letter)  # the dead letter itself, come again: it is kept already
                elif mark.held_by is not None:
                    await ledger.bury(source, letter, reason="waits behind a dead letter", handler="", state="waiting")
                    settlement.done.append(letter)
                elif letter.sequence > mark.applied + 1:
                    settlement.gaps += 1
                    settlement.later.append((letter, _GAP_DELAY if letter.tries < _TRIES else _LONGEST_GAP))
                else:
                    reading = self._read(letter)
                    reason = bury or reading.unreadable
                    if reason:
                        mark.held_by = await self._bury(ledger, source, letter, settlement, reason)
                        continue
                    mark.applied, mark.held_by = letter.sequence, None
                    settlement.done.append(letter)
                    settlement.applied += 1
                    if reading.message is not None:
                        if nth == len(rounds):
                            rounds.append([])
                        rounds[nth].append(reading)
                        nth += 1
        return rounds

    # ── commands ────────────────────────────────────────────────────────────────────────────────────────────────

    async def _apply_commands(self, letters: Sequence[Letter], *, bury: str = "") -> Settlement:
        settlement = Settlement()
        readings = [self._read(letter) for letter in letters]
        async with self.book.open() as ledger:
            good = []
            for reading in readings:
                reason = bury or reading.unreadable or ("" if reading.message else self._nobody(reading.letter))
                if reason:
                    await self._bury(ledger, "", reading.letter, settlement, reason)
                else:
                    good.append(reading)
            if good:
                now, fresh = await ledger.enter_commands([reading.letter.id for reading in good])
                first = {reading.letter.id: reading for reading in reversed(good) if reading.letter.id in fresh}
                wanted = [reading for reading in good if first.get(reading.letter.id) is reading]
                said = await self._handle(wanted, now, ledger.db)
                await ledger.put(said)
                settlement.done += [reading.letter for reading in good]
                settlement.applied, settlement.said = len(wanted), len(said)
                await self._settle_revived(ledger, [reading.letter for reading in good])
            settlement.fresh = ledger.fresh
        return settlement

    # ── both ────────────────────────────────────────────────────────────────────────────────────────────────────

    def _read(self, letter: Letter) -> _Reading:
        name, _, version = letter.type.partition(".")
        known = self.handlers.get(name)
        if known is None:
            return _Reading(letter)
        message = known[0]
        if version != f"v{message.version}":
            return _Reading(
                letter,
                unreadable=f"{name} is spoken here in version {message.version} and came as {version or 'no version'}:"
                " bring this room up to date, then send the letter back with `estafeta dead again`",
            )
        try:
            return _Reading(letter, message.model_validate_json(letter.payload))
        except ValidationError as fault:
            return _Reading(letter, unreadable=describe(fault))

    async def _handle(self, readings: Sequence[_Reading], now: datetime, db: AsyncConnection) -> Said:
        by_type: dict[str, list[Heard[Any]]] = defaultdict(list)
        for reading in readings:
            letter, message = reading.letter, reading.message
            if message is None:
                continue
            by_type[type(message).__name__].append(
                Heard(
                    *letter.origin, isinstance(message, Command), letter.bulk, message=message, at=_moment(letter, now)
                )
            )
        said: Said = []
        for name, heard in by_type.items():
            said += await self.handlers[name][1](Batch(heard, now), db)
        return said

    def _nobody(self, letter: Letter) -> str:
        spoken = ", ".join(sorted(n for n, (m, _) in self.handlers.items() if issubclass(m, Command)))
        return f"{self.room} knows no command {letter.type or 'without a ce-type header'!r}; it knows {spoken}"

    async def _bury(self, ledger: Ledger, source: str, letter: Letter, settlement: Settlement, reason: str) -> int:
        handler = letter.type.partition(".")[0] or letter.subject
        number, is_new = await ledger.bury(source, letter, reason=reason, handler=handler)
        cause = Cause(*letter.origin)
        if is_new:
            died = MessageDied(
                room=self.room,
                letter=number,
                handler=handler,
                subject_given_up=letter.subject,
                held_aggregate=letter.aggregate or None,
            )
            await ledger.put([cause.says(died)])
        settlement.done.append(letter)
        settlement.buried += 1
        log.error(f"{self.room}.message_died", letter=number, type=letter.type, aggregate=letter.aggregate)
        return number

    async def _settle_revived(self, ledger: Ledger, applied: Sequence[Letter]) -> None:
        revived = [letter.dead_id for letter in applied if letter.dead_id is not None]
        if revived:
            await ledger.settle(revived, "applied")

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
        moved = 0
        for source, letters in by_source.items():
            settlement = await self.serve(letters, source)
            moved += len(settlement.done)
        return moved


def is_passing(fault: Exception) -> bool:
    """Whether a fault will pass by itself: a lost connection, a deadlock, a server that restarts, a number just taken."""
    if isinstance(fault, DBAPIError) and fault.connection_invalidated:
        return True
    said = _below(fault)
    if isinstance(said, asyncpg.PostgresError):
        # Or another has said something in the same history meanwhile: its number is taken, and there is a next one.
        return (said.sqlstate or "")[:2] in _PASSING_STATES or said.constraint_name == "outbox_history"
    if isinstance(said, asyncpg.InterfaceError):
        return not isinstance(said, ValueError)  # the connection is gone; a value that does not fit stays as it is
    # asyncpg's own confusion is what is left of a connection that was lost in the middle of a word.
    return isinstance(said, asyncpg.InternalClientError | OSError | PoolTimeout | TimeoutError)


def _below(fault: Exception) -> Exception:
    """What the driver said, when SQLAlchemy or its adapter passed it on."""
    said = (getattr(fault, "orig", None) or fault).__cause__
    return (
        said
        if isinstance(said, asyncpg.PostgresError | asyncpg.InterfaceError | asyncpg.InternalClientError)
        else fault
    )


def describe(fault: Exception) -> str:
    """A fault in words fit to be stored: which field and what is wrong, never the value (personal data)."""
    if isinstance(fault, ValidationError):
        return "; ".join(
            f"field {'.'.join(map(str, error['loc'])) or '(whole message)'}: {error['msg']}"
            for error in fault.errors(include_url=False, include_input=False, include_context=False)
        )
    if isinstance(fault, ExceptionGroup):
        return "; ".join(describe(one) for one in fault.exceptions)
    said = _below(fault)
    if isinstance(said, asyncpg.PostgresError):
        return f"{type(said).__name__} {said.sqlstate or ''} {getattr(said, 'constraint_name', None) or ''}".strip()
    if isinstance(said, asyncpg.InterfaceError | DBAPIError):
        return type(said).__name__  # its text may hold a value
    return f"{type(fault).__name__}: {fault}"


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


def _is_applied(letter: Letter, marks: Mapping[str, Mark]) -> bool:
    mark = marks.get(letter.aggregate)
    return mark is not None and letter.sequence <= mark.applied


def _moment(letter: Letter, now: datetime) -> datetime:
    try:
        at = datetime.fromisoformat(letter.headers.get("ce-time", ""))
    except ValueError:
        return now
    return at if at.tzinfo else now
