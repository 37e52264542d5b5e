"""Designs that look right and are not: each takes one care out of the kernel, and the simulation must notice.

A mutant is a patch on the real unit or relay, on a statement of the ledger, or on how a room or a person uses them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Any
from unittest.mock import patch
from uuid import UUID

import shared.relay
from shared.bus import BusSaysNo, NoAnswer, Reading
from shared.ledger import Mark
from shared.letter import LINES, Letter, encode_outbox
from shared.message import Said
from shared.relay import Relay
from shared.unit import Settlement, Unit
from tests.simulation import postgres, world
from tests.simulation.ledger import FakeLedger
from tests.simulation.nats import FakeBus
from tests.simulation.replica import Replica
from tests.simulation.world import Wish, World

Mutant = Callable[[], AbstractContextManager[Any]]
MUTANTS: dict[str, Mutant] = {}


def mutant(place: type[Any], method: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Enter a mutant: the function stands in for `place.method`, and its docstring is its name."""

    def enter(stand_in: Callable[..., Any]) -> Callable[..., Any]:
        MUTANTS[str(stand_in.__doc__).rstrip(".")] = lambda: patch.object(place, method, stand_in)
        return stand_in

    return enter


# ── listening ───────────────────────────────────────────────────────────────────────────────────────────────────────


async def _listen(self: Replica, reading: Reading, ack: Callable[..., Any]) -> None:
    while True:
        try:
            letters = await self.bus.fetch(reading, wait=8.0)
            if letters:
                await ack(letters)
        except Exception:
            await asyncio.sleep(0.5)


@mutant(Replica, "listen")
async def ack_first(self: Replica, reading: Reading) -> None:
    """A command is acknowledged before it is committed."""

    async def serve(letters: Sequence[Letter]) -> None:
        await self.bus.ack(letters)
        settlement = await self.unit.serve(letters, reading.source)
        for letter, delay in settlement.later:
            await self.bus.later(letter, delay)

    await _listen(self, reading, serve)


@mutant(Replica, "listen")
async def ack_all(self: Replica, reading: Reading) -> None:
    """What shall come again later is acknowledged as well."""

    async def serve(letters: Sequence[Letter]) -> None:
        await self.unit.serve(letters, reading.source)
        await self.bus.ack(letters)

    await _listen(self, reading, serve)


# ── the gate ────────────────────────────────────────────────────────────────────────────────────────────────────────


def _gate_that(lets_through: Callable[[Letter, Mark], bool]) -> Callable[..., Any]:
    async def gate(
        self: Unit,
        ledger: Any,
        source: str,
        histories: Mapping[str, list[Letter]],
        marks: dict[str, Mark],
        settlement: Settlement,
        bury: str,
    ) -> list[list[Any]]:
        rounds = []
        for aggregate, history in histories.items():
            mark = marks[aggregate]
            for letter in history:
                settlement.done.append(letter)
                if not lets_through(letter, mark):
                    continue
                if bury:
                    mark.held_by = await self._bury(ledger, source, letter, settlement, bury)
                    continue
                mark.applied = max(mark.applied, letter.sequence)
                message, _ = self._read(letter)
                if message is not None:
                    rounds.append([(letter, message)])
        return rounds

    return gate


_newer = _gate_that(lambda letter, mark: letter.sequence > mark.applied and mark.held_by is None)
MUTANTS["There is no gate"] = lambda: patch.object(Unit, "_gate", _gate_that(lambda letter, mark: True))
MUTANTS["The gate takes whatever is newer"] = lambda: patch.object(Unit, "_gate", _newer)


@mutant(Unit, "_gate")
async def lines_apart(
    self: Unit, ledger: Any, source: str, histories: Mapping[str, list[Letter]], marks: dict[str, Mark], *more: Any
) -> list[list[Any]]:
    """Each line is kept in order by itself, and nobody looks across."""
    own = {name: histories[name][0].line + name for name in histories}
    of_line = {name: Mark(*(ledger.db.read("watermarks", (source, own[name])) or (0, None))) for name in histories}
    rounds: list[list[Any]] = await _newer(self, ledger, source, histories, of_line, *more)
    for name, mark in of_line.items():
        ledger.db.write("watermarks", (source, own[name]), (mark.applied, None))
        marks[name].applied, marks[name].held_by = max(marks[name].applied, mark.applied), mark.held_by
    return rounds


@mutant(FakeLedger, "lock_marks")
async def unlocked(self: FakeLedger, source: str, aggregates: Mapping[str, int]) -> tuple[datetime, dict[str, Mark]]:
    """Watermarks are read without a lock."""
    await self.db.step()
    marks = {name: Mark(*(self.db.read("watermarks", (source, name)) or (0, None))) for name in aggregates}
    return self.db.owner.world.now(), marks


@mutant(FakeLedger, "set_marks")
async def marks_outside(self: FakeLedger, source: str, marks: Mapping[str, Mark]) -> None:
    """The watermark is written outside the transaction."""
    for name, mark in marks.items():
        self.db.base.rows["watermarks"][source, name] = (mark.applied, mark.held_by)
        self.db.written.get("watermarks", {}).pop((source, name), None)
    await self.db.step()


_set_marks = FakeLedger.set_marks


@mutant(FakeLedger, "set_marks")
async def written_once(self: FakeLedger, source: str, marks: Mapping[str, Mark]) -> None:
    """A new watermark stays as it was first written, whatever became of its letters."""
    await _set_marks(
        self,
        source,
        {name: mark for name, mark in marks.items() if mark.stands is None or mark.applied >= mark.stands[0]},
    )


@mutant(FakeLedger, "enter_commands")
async def never_done(self: FakeLedger, ids: Sequence[UUID]) -> tuple[datetime, set[UUID]]:
    """Nobody asks whether a command was done before."""
    await self.db.step()
    for id in ids:
        self.db.write("commands_done", id, True)
    return self.db.owner.world.now(), set(ids)


_wire = World.wire


@mutant(World, "wire")
def new_id_each_try(self: World, wish: Wish) -> Any:
    """A person's second try has a new id."""
    subject, payload, headers = _wire(self, wish)
    return (
        subject,
        payload,
        headers | dict.fromkeys(("ce-id", "Nats-Msg-Id"), str(UUID(int=self.chance.getrandbits(128)))),
    )


# ── the outbox and the relay ────────────────────────────────────────────────────────────────────────────────────────

_put, _number, _queue, _unsent = FakeLedger.put, FakeLedger._number, FakeLedger._queue, FakeLedger.unsent
_exit, _send_fresh = postgres._Transaction.__aexit__, Relay.send_fresh


class _all(AbstractContextManager[None]):  # noqa: N801  # reads as a word
    def __init__(self, *patches: AbstractContextManager[Any]) -> None:
        self.patches = patches

    def __enter__(self) -> None:
        for one in self.patches:
            one.__enter__()

    def __exit__(self, *fault: Any) -> None:
        for one in reversed(self.patches):
            one.__exit__(*fault)


async def _no_comparing(self: Relay, ledger: Any) -> int:
    page = await ledger.unheard(0, 1000)
    await ledger.note_heard({row["put"]: [] for row in page})
    return 0


def _safe_stream() -> AbstractContextManager[None]:
    """Streams that lose nothing and nobody who compares: then no history breaks the promise, but for a mutant."""
    return _all(patch.object(Relay, "compare_once", _no_comparing), patch.object(World, "forecast", lambda *_: None))


def mutant_of_sending(place: type[Any], method: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Enter a mutant that comparing would heal, and which must be found out by what it does itself."""

    def enter(stand_in: Callable[..., Any]) -> Callable[..., Any]:
        MUTANTS[str(stand_in.__doc__).rstrip(".")] = lambda: _all(_safe_stream(), patch.object(place, method, stand_in))
        return stand_in

    return enter


MUTANTS["Nobody compares, and the stream is taken to be safe"] = lambda: patch.object(
    Relay, "compare_once", _no_comparing
)


@mutant_of_sending(postgres._Transaction, "__aexit__")
async def publish_after(self: Any, kind: Any, fault: Any, trace: Any) -> None:
    """Events are published after the commit, without an outbox that remembers them."""
    unsent = self.db.written.pop("unsent", {})
    rows = [self.db.written["outbox"][id] for ids in unsent.values() for id in ids]
    await _exit(self, kind, fault, trace)
    if rows and kind is None:
        await self.db.owner.bus.publish([encode_outbox(self.book.room, row) for row in rows])


@mutant_of_sending(Relay, "send_once")
async def mark_first(self: Relay, ledger: Any) -> int:
    """What waits to be sent is struck off before it is published, and queued again when that is seen to fail."""
    rows = await ledger.unsent(500)
    if rows:
        waiting = dict(ledger.db.all("unsent"))
        await ledger.mark_sent({row["put"] for row in rows})
        try:
            await self.bus.publish([encode_outbox(self.room, row) for row in rows])
        except BusSaysNo:
            ledger.db.base.rows["unsent"] |= {key: waiting[key] for key in {(row["bulk"], row["put"]) for row in rows}}
            return 0
    return len(rows)


@mutant_of_sending(Relay, "send_fresh")
async def strike_off_first(self: Relay) -> None:
    """What is sent without a look is struck off before it is in the stream."""
    self._unmarked |= {row["put"] for row in self._fresh}
    await _send_fresh(self)


@mutant_of_sending(postgres._Transaction, "__aexit__")
async def hand_over_first(self: Any, kind: Any, fault: Any, trace: Any) -> None:
    """What was said is handed to the relay before it is committed."""
    if kind is None and self.ledger.fresh and isinstance(self.db.owner, Replica):
        await self.db.owner.relay.announce(self.ledger.fresh)
    await _exit(self, kind, fault, trace)


@mutant(Relay, "send_fresh")
async def whatever_is_here(self: Relay) -> None:
    """What is in hand goes out at once, whatever another replica has said before it."""
    rows, self._fresh = self._fresh, []
    if rows and await self._publish(rows):
        self._unmarked |= {row["put"] for row in rows}


@mutant_of_sending(FakeLedger, "unsent")
async def cursor(self: FakeLedger, most: int) -> Sequence[Mapping[str, Any]]:
    """The relay remembers the last id it sent."""
    rows = await _unsent(self, most)
    sent = self.db.base.sent_up_to
    await self.mark_sent({row["put"] for row in rows if row["id"] <= sent})
    return [row for row in rows if row["id"] > sent]


@mutant(FakeLedger, "_number")
async def number_twice(self: FakeLedger, name: str, more: int) -> int:
    """Nothing refuses a number that another has taken."""
    said: int = self.db.read("sequences", name) or 0
    self.db.write("sequences", name, said + more)
    return said


@mutant(FakeLedger, "_number")
async def number_outside(self: FakeLedger, name: str, more: int) -> int:
    """Numbers are given outside the transaction."""
    rows = self.db.base.rows
    said: int = rows["sequences"].get(name, 0)
    rows["sequences"][name] = said + more
    await self.db.step()
    return said


# ── comparing ───────────────────────────────────────────────────────────────────────────────────────────────────────


def _send_again(change: Callable[[FakeLedger, Mapping[str, Any]], None]) -> Callable[..., Any]:
    async def send_again(self: FakeLedger, *asked: Any) -> int:
        await self.db.step()
        found = self._lost(*asked)
        for row in found:
            change(self, row)
        await self._done()
        return len(found)

    return send_again


@mutant(FakeLedger, "_queue")
def same_message_id(self: FakeLedger, rows: Sequence[Mapping[str, Any]]) -> list[int]:
    """What was lost is sent again with its old message id, and the stream drops it as a repeat."""
    return _queue(self, [{**row, "resends": 0} for row in rows])


def _at_old_place(self: FakeLedger, row: Mapping[str, Any]) -> None:
    self.db.write("outbox", row["id"], {**row, "resends": row["resends"] + 1})
    self.db.write("unsent", (row["bulk"], row["id"]), [row["id"]])
    self.db.write("unheard", row["id"], [row["id"]])


MUTANTS["What was lost is queued again at its old place, before marks that have passed"] = lambda: _all(
    patch.object(shared.relay, "COMPARE_EVERY", 0.5), patch.object(FakeLedger, "send_again", _send_again(_at_old_place))
)


async def _not_heard(self: FakeBus, room: str) -> None:
    await self.owner.step()


def _slow_to_send() -> AbstractContextManager[None]:
    """Bells are never heard, so that what another replica has queued waits, and is compared often meanwhile."""
    return _all(patch.object(FakeBus, "ring", _not_heard), patch.object(shared.relay, "COMPARE_EVERY", 0.5))


async def _end_of_queue(self: FakeLedger) -> tuple[int, int]:
    await self.db.step()
    end = max(self.db.all("outbox"), default=-1) + 1
    return end, end


MUTANTS["The mark says more than was sent: the end of the queue, whatever waits in it"] = lambda: _all(
    _slow_to_send(), patch.object(FakeLedger, "places", _end_of_queue)
)
MUTANTS["What waits to be sent is taken for lost, and its old place stays in the queue"] = lambda: _all(
    _slow_to_send(), patch.object(FakeLedger, "_waiting", lambda self: frozenset())
)


_note_passed = FakeLedger.note_passed


@mutant(FakeLedger, "note_passed")
async def one_mark(self: FakeLedger, source: str, line: str, place: int) -> None:
    """A mark in one line is taken for both."""
    for one in LINES:
        await _note_passed(self, source, one, place)


_ask = FakeBus.ask


@mutant(FakeBus, "ask")
async def silence_is_yes(self: FakeBus, *question: Any) -> Any:
    """A listener's silence is taken for a yes."""
    try:
        return await _ask(self, *question)
    except NoAnswer:
        return {"passed": (0, 0), "behind": {}, "held": []}


@mutant(FakeLedger, "_queue")
def one_for_all(self: FakeLedger, rows: Sequence[Mapping[str, Any]]) -> list[int]:
    """Of what was said at once only the first is compared."""
    places = _queue(self, rows)
    for put, ids in self.db.written.get("unheard", {}).items():
        self.db.write("unheard", put, ids[:1])
    return places


# ── dead letters ────────────────────────────────────────────────────────────────────────────────────────────────────

_bury_letter, _serve = Unit._bury, Unit.serve


@mutant(Unit, "_bury")
async def holds_nothing(self: Unit, ledger: Any, source: str, letter: Letter, settlement: Any, reason: str) -> Any:
    """A dead letter does not hold its history."""
    await _bury_letter(self, ledger, source, letter, settlement, reason)
    if source:
        await ledger.set_marks(source, {letter.aggregate: Mark(letter.sequence)})


@mutant(FakeLedger, "give_up")
async def closed_and_forgotten(self: FakeLedger, letter: int, why: str) -> bool:
    """A command that was closed is done when the bus brings it once more."""
    await self.db.step()
    closed = await self._change_letter(letter, ("dead", "again"), "settled", why)
    await self._free([letter], 1)
    return closed


@mutant(Unit, "serve")
async def all_die(self: Unit, letters: Sequence[Letter], source: str = "") -> Settlement:
    """A batch that fails dies as a whole."""
    try:
        return await self._apply(letters, source)
    except OSError:
        return Settlement(later=[(letter, 0.5) for letter in letters])
    except Exception:
        try:
            return await self._apply(letters, source, bury="x")
        except OSError:
            return Settlement()


@mutant(Unit, "serve")
async def settles_all(self: Unit, letters: Sequence[Letter], source: str = "") -> Settlement:
    """A dead letter that was sent back is settled whether it was applied or not."""
    settlement = await _serve(self, letters, source)
    revived = [letter.dead_id for letter in settlement.done if letter.dead_id is not None]
    if revived:
        async with self.book.open() as ledger:
            await ledger.settle(revived, "applied")
    return settlement


async def _no_said(self: FakeLedger, said: Said) -> None:
    """What a handler says is queued in a transaction of its own."""
    if said:
        async with postgres.FakeBook(self.db.base, self.db.owner).open() as other:
            await _put(other, said)


MUTANTS["What a handler says is queued in a transaction of its own"] = lambda: patch.object(FakeLedger, "put", _no_said)


def caught(name: str, most: int = 200) -> int | None:
    """The first seed whose history shows the mutant up; None if none of `most` does."""
    with world.simulated(), MUTANTS[name]():
        for seed in range(most):
            if world.live(seed)[0]:
                return seed
    return None
