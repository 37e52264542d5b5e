"""The awaits on the critical path at which a room can be made to die: before and after each step of the kernel."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from shared.bus import Bus
from shared.ledger import Book, Ledger

STEPS: dict[type[Any], tuple[str, ...]] = {
    Ledger: (
        "lock_marks",
        "set_marks",
        "note_passed",
        "enter_commands",
        "put",
        "bury",
        "unsent",
        "mark_sent",
        "unheard",
        "send_again",
        "note_heard",
    ),
    Bus: ("fetch", "ack", "publish", "passed"),
}
ALWAYS_HIT = ("Ledger.put", "Ledger.unsent", "Ledger.mark_sent", "Bus.fetch", "Bus.ack", "Bus.publish", "commit")
"""Steps that every room takes all the time; the others only some rooms take, or only in trouble."""


def labels_of(step: str) -> tuple[str, str]:
    """The two points of a step: just before it, and just after."""
    return f"before {step}", f"after {step}"


class Trap:
    """Kills this process at the point that is written in its file; the file goes first, so that it happens once."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def pass_by(self, point: str) -> None:
        """Die here if this is the point."""
        try:
            if self.file.read_text(encoding="utf-8") != point:
                return
            self.file.unlink()
        except FileNotFoundError:
            return
        os._exit(137)

    def set_everywhere(self) -> None:
        """Stand before and behind every step of the real code."""
        for owner, names in STEPS.items():
            for name in names:
                self._around(owner, name)
        self._around_commit()

    def _around(self, owner: type[Any], name: str) -> None:
        real: Callable[..., Awaitable[Any]] = getattr(owner, name)
        before, after = labels_of(f"{owner.__name__}.{name}")

        async def trapped(*values: Any, **named: Any) -> Any:
            self.pass_by(before)
            result = await real(*values, **named)
            self.pass_by(after)
            return result

        setattr(owner, name, trapped)

    def _around_commit(self) -> None:
        real = Book.open

        @asynccontextmanager
        async def trapped(book: Book) -> AsyncIterator[Ledger]:
            async with real(book) as ledger:
                yield ledger
                self.pass_by("before commit")
            self.pass_by("after commit")

        Book.open = trapped  # type: ignore[method-assign, assignment]  # that is what this is for
