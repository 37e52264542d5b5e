"""A room's ledger in memory, as PostgreSQL keeps it: read committed, row locks until the end, deadlocks found at once.

Every statement stands at a port before it is carried out, and its answer may be lost after it was.
`test_fake_ledger.py` holds this ledger against the real one on a real server.
"""

from __future__ import annotations

import asyncio
from collections import deque
from types import TracebackType
from typing import TYPE_CHECKING, Any
from uuid import UUID

if TYPE_CHECKING:
    from tests.simulation.ledger import FakeLedger
    from tests.simulation.replica import Replica

Key = tuple[Any, ...]


class UniqueViolation(Exception):
    """Two rows with one key: what a database constraint would have refused."""


class Database:
    """One room's committed rows, and who holds which of them. Rows are never changed in place, only replaced."""

    def __init__(self, room: str) -> None:
        self.room = room
        self.rows: dict[str, dict[Any, Any]] = {
            "outbox": {},  # id → row
            "unsent": {},  # (bulk, lowest id) → ids
            "sequences": {},  # aggregate → its highest number, as the index of the outbox has it
            "unheard": {},  # lowest id → ids
            "watermarks": {},  # (source, aggregate) → (applied, held_by)
            "commands_done": {},  # id → True
            "dead_letters": {},  # id → row
        }
        self.effects: list[tuple[UUID, str]] = []  # what handlers wrote, in the order of commits
        self.ids = {"outbox": 0, "dead_letters": 0}
        self.held: dict[Key, Connection] = {}
        self.queues: dict[Key, deque[tuple[Connection, asyncio.Future[None]]]] = {}
        self.leader: Connection | None = None
        self.deadlocks = 0
        self.sent_up_to = 0
        self.told = (0, 0)  # the furthest places in the queue up to which all was said to be sent
        self.late: set[UUID] = set()  # messages whose commit came after such a word about their place

    def next_id(self, table: str) -> int:
        """An identity value: given at once, whether the transaction commits or not."""
        self.ids[table] += 1
        return self.ids[table]

    def tell_places(self, single: int, bulk: int) -> tuple[int, int]:
        """Remember what is said of the places in the queue: what is committed before them after this is late."""
        self.told = (max(self.told[0], single), max(self.told[1], bulk))
        return single, bulk


class Connection:
    """One connection with the transaction that is open on it; what handlers get as `db`."""

    def __init__(self, base: Database, owner: Replica) -> None:
        self.base, self.owner = base, owner
        self.broken = False
        self.locks: list[Key] = []
        self.written: dict[str, dict[Any, Any]] = {}
        self.effects: list[tuple[UUID, str]] = []
        self.waits_for: Key | None = None
        owner.connections.append(self)

    def step(self) -> asyncio.Future[None]:
        """Stand at the port: the moment at which anything may go wrong. To be awaited."""
        return self.owner.step("at a port", self)

    # ── rows ────────────────────────────────────────────────────────────────────────────────────────────────────

    def read(self, table: str, key: Any) -> Any:
        """The row as committed, or as this transaction has written it; None if there is none."""
        mine = self.written.get(table)
        if mine is not None and key in mine:
            return mine[key]
        return self.base.rows[table].get(key)

    def all(self, table: str) -> dict[Any, Any]:
        """All rows as this transaction sees them."""
        mine = self.written.get(table)
        if not mine:
            return self.base.rows[table]
        return {key: row for key, row in {**self.base.rows[table], **mine}.items() if row is not None}

    def write(self, table: str, key: Any, row: Any) -> None:
        """Write a row, or None to delete it, visible to others after the commit."""
        self.written.setdefault(table, {})[key] = row

    async def lock(self, *key: Any) -> None:
        """Hold a row until the transaction ends; whoever comes second waits. Raises when that would be for ever."""
        base = self.base
        holder = base.held.get(key)
        if holder is self:
            return
        if holder is None:
            base.held[key] = self
            self.locks.append(key)
            return
        other: Connection | None = holder
        while other is not None and other.waits_for is not None:
            other = base.held.get(other.waits_for)
            if other is self:
                base.deadlocks += 1
                raise ConnectionError("deadlock detected")
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        base.queues.setdefault(key, deque()).append((self, future))
        self.waits_for = key
        try:
            await future
        finally:
            self.waits_for = None
        if self.broken:
            raise ConnectionError("the server closed the connection")

    # ── ends ────────────────────────────────────────────────────────────────────────────────────────────────────

    def commit(self) -> None:
        """Make it all visible at once."""
        base = self.base
        for id, row in self.written.get("outbox", {}).items():
            if row is not None and id < base.told[row["bulk"]] and id not in base.rows["outbox"]:
                base.late.add(row["message_id"])
        for table, changes in self.written.items():
            rows = base.rows[table]
            for key, row in changes.items():
                if row is None:
                    rows.pop(key, None)
                else:
                    rows[key] = row
        self.base.effects += self.effects
        self.written, self.effects = {}, []
        self._release()

    def rollback(self) -> None:
        """Forget what was written."""
        self.written, self.effects = {}, []
        self._release()

    def close(self) -> None:
        """The server ends the connection: its transaction is undone, its locks and its leadership are free."""
        self.broken = True
        self.rollback()
        if self.base.leader is self:
            self.base.leader = None

    def _release(self) -> None:
        base, keys = self.base, self.locks
        self.locks = []
        for key in keys:
            del base.held[key]
            queue = base.queues.get(key)
            while queue:
                successor, future = queue.popleft()
                if not future.done() and not successor.broken:
                    base.held[key] = successor
                    successor.waits_for = None
                    successor.locks.append(key)
                    future.set_result(None)
                    break
                if not future.done():
                    future.set_result(None)
            if not queue:
                base.queues.pop(key, None)


class FakeBook:
    """What `shared.ledger.Book` is for the kernel."""

    def __init__(self, base: Database, owner: Replica) -> None:
        self.base, self.owner, self.room = base, owner, base.room

    def open(self) -> _Transaction:
        """A ledger in one transaction."""
        return _Transaction(self)

    def aside(self) -> _Aside:
        """A ledger whose every statement commits itself."""
        return _Aside(self, False)

    def lead(self) -> _Aside:
        """The same for the one who leads, else None."""
        return _Aside(self, True)


class _Transaction:
    __slots__ = ("book", "db", "ledger")

    def __init__(self, book: FakeBook) -> None:
        self.book = book

    async def __aenter__(self) -> FakeLedger:
        await self.book.owner.step()
        self.db = Connection(self.book.base, self.book.owner)
        self.ledger = self.book.owner.ledger_class(self.db)
        return self.ledger

    async def __aexit__(self, kind: type[BaseException] | None, fault: object, trace: TracebackType | None) -> None:
        db = self.db
        try:
            if kind is None:
                await db.owner.linger()
                await db.step()
                db.commit()
                db.owner.world.seen["commit"] += 1
                await db.owner.step("after commit")
            else:
                db.rollback()
        finally:
            db.rollback()
            db.owner.connections.remove(db)


class _Aside:
    __slots__ = ("book", "db", "leads")

    def __init__(self, book: FakeBook, leads: bool) -> None:
        self.book, self.leads = book, leads

    async def __aenter__(self) -> FakeLedger | None:
        await self.book.owner.step()
        self.db = Connection(self.book.base, self.book.owner)
        if self.leads:
            if self.book.base.leader is not None:
                return None
            self.book.base.leader = self.db
        return self.book.owner.ledger_class(self.db, auto=True)

    async def __aexit__(self, *_: object) -> None:
        self.db.close()
        self.db.owner.connections.remove(self.db)
