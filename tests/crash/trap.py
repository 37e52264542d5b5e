"""Traps at every crash point of one room: the first that the process comes to with something in hand kills it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sized
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from weakref import WeakSet

from sqlalchemy.ext.asyncio import AsyncConnection

from services.intake.store import receipts
from shared import relay, unit
from shared.commands import SettleLetter
from shared.ledger import Book, Ledger
from shared.letter import Letter
from shared.letterbox import Letterbox
from shared.message import Batch, NotYet, Said, Unfit
from shared.service import Service
from shared.unit import Handler, Unit
from tests.crash.points import CLAIM, COMMIT, HANDLER, LEAD, SETTLE, STEPS, lines_of, point_in, points_of

KILLED = 137
"""The exit code of a process that died in a trap."""

NOT_YET, UNFIT = "not while the mood lasts", "only among the letters that are taken up again"
"""Wishes that a room in a mood cannot bear, by their `why`: so letters are put off, die and are taken up again."""

_SOON = 1
"""A life is short here: whatever is put off comes again within so many seconds, and relays compare as often."""

_FROM_A_PLACE = "unheard"
"""The step that is told from where on to read: 0 is a place there, and not nothing."""

_WRITING = {"note_passed", "lock_marks", "enter_commands", "put", "bury", "settle"}


class Trap:
    """`folder/<room>` holds a stone for each point at which this room has died: nobody dies twice at one point."""

    def __init__(self, room: str, folder: Path) -> None:
        self.stones, self.mood = folder / room, folder / room / "mood"
        self.waiting = frozenset(points_of(room)) - {stone.name for stone in self.stones.iterdir()}
        self._lines = frozenset(line for line, _ in lines_of(room))
        self._writing: WeakSet[AsyncConnection] = WeakSet()

    def set_everywhere(self) -> None:
        """Stand before and behind every step of the real code."""
        for owner, names in STEPS.items():
            for name in names:
                self._around_step(owner, name)
        self._around_commit()
        self._around_lead()
        self._around_handlers()
        self._around_letterbox()
        self._hurry()

    def pass_by(self, half: str, step: str) -> None:
        """Die here, if this is a point at which nobody of this room has died yet."""
        task = asyncio.current_task()
        name = task.get_name() if task is not None else ""
        # The relay has tasks of its own, which it does not name.
        point = point_in(name if name in self._lines else "relay", half, step)
        if point in self.waiting:
            (self.stones / point).touch()
            os._exit(KILLED)

    def _around_step(self, owner: type[Any], name: str) -> None:
        real: Callable[..., Awaitable[Any]] = getattr(owner, name)
        step = f"{owner.__name__}.{name}"

        async def trapped(self_: Any, *values: Any, **named: Any) -> Any:
            has_something = name == _FROM_A_PLACE or all(map(_is_something, values))
            if has_something:
                self.pass_by("before", step)
            result = await real(self_, *values, **named)
            if has_something and _is_something(result):
                if name in _WRITING:
                    self._writing.add(self_.db)
                self.pass_by("after", step)
            return result

        setattr(owner, name, trapped)

    def _around_commit(self) -> None:
        real = Book.open

        @asynccontextmanager
        async def trapped(book: Book) -> AsyncIterator[Ledger]:
            async with real(book) as ledger:
                yield ledger
                if writes := ledger.db in self._writing:
                    self.pass_by("before", COMMIT)
            if writes:
                self.pass_by("after", COMMIT)

        Book.open = trapped  # type: ignore[method-assign, assignment]  # that is what this is for

    def _around_lead(self) -> None:
        real = Book.lead

        @asynccontextmanager
        async def trapped(book: Book) -> AsyncIterator[Ledger | None]:
            async with real(book) as ledger:
                if ledger is not None:
                    self.pass_by("after", LEAD)
                yield ledger

        Book.lead = trapped  # type: ignore[method-assign, assignment]

    def _around_handlers(self) -> None:
        real = Unit.__init__

        def trapped(unit: Unit, book: Book, handlers: Mapping[type[Any], Handler]) -> None:
            real(unit, book, {message: self._handler(handler) for message, handler in handlers.items()})

        Unit.__init__ = trapped  # type: ignore[method-assign, assignment]

    def _around_letterbox(self) -> None:
        real = Service._work_off

        def guarded(step: str, called: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
            async def trapped(db: AsyncConnection, *values: Any) -> Any:
                self.pass_by("before", step)
                result = await called(db, *values)
                if result is None or result:
                    self._writing.add(db)
                    self.pass_by("after", step)
                return result

            return trapped

        async def trapped(service: Service, box: Letterbox) -> None:
            await real(service, Letterbox(guarded(CLAIM, box.claim), guarded(SETTLE, box.settle)))

        Service._work_off = trapped  # type: ignore[method-assign, assignment]

    def _hurry(self) -> None:
        backoff: Callable[[Letter], float] = unit._backoff
        unit._backoff = lambda letter: min(backoff(letter), _SOON)
        unit._LONGEST_GAP = relay.COMPARE_EVERY = receipts._HELD = _SOON

    def _handler(self, real: Handler) -> Handler:
        async def trapped(batch: Batch[Any], db: AsyncConnection) -> Said:
            self.pass_by("before", HANDLER)
            for heard in batch:
                wish = heard.message
                if isinstance(wish, SettleLetter):
                    self._in_a_mood(wish.why)
            said = await real(batch, db)
            self.pass_by("after", HANDLER)
            return said

        return trapped

    def _in_a_mood(self, why: str) -> None:
        task = asyncio.current_task()
        if why == NOT_YET and self.mood.exists():
            raise NotYet(why)
        if why == UNFIT and (self.mood.exists() or task is None or task.get_name() != "revive"):
            raise Unfit(why)


def _is_something(value: object) -> bool:
    """Nobody dies over an empty list or a count of nothing: that would prove nothing."""
    if isinstance(value, str):
        return True
    return bool(value) if isinstance(value, Sized | int) else True
