"""asyncpg as the rooms use it: what nobody waits for goes to the server together with the next statement.

Each way there and back costs both sides several times what a small statement costs, and a transaction can spare most of
them: its begin, what is only written, its commit. This uses private parts of the pinned asyncpg: it hands a statement to its
transport as one piece that ends with a Sync, takes all that is answered up to that Sync for one answer, and the last word
on what was done for the statement's own. `test_database_driver.py` holds it to that.
"""

from __future__ import annotations

import asyncio
from typing import Any

import asyncpg.protocol

_SYNC = b"S\x00\x00\x00\x04"
_SMALL = 8192
"""Bytes up to which a statement waits; on a larger one the server works meanwhile."""
_DONE = b"2\x00\x00\x00\x04" + b"C\x00\x00\x00\x0aLATER\x00" + b"Z\x00\x00\x00\x05T"


def _spoken(sql: bytes) -> bytes:
    """A statement without values, to be parsed, bound and run, as the server reads it."""
    parts = ((b"P", b"\0" + sql + b"\0\0\0"), (b"B", b"\0\0" + b"\0\0" * 3), (b"E", b"\0" + b"\0" * 4))
    return b"".join(kind + (len(body) + 4).to_bytes(4, "big") + body for kind, body in parts)


BEGIN, COMMIT = _spoken(b"begin"), _spoken(b"commit")


class Line:
    """The transport to the server. `waiting` goes before the next statement, `behind` right after it.

    With `holds` the next statement is kept waiting in its turn, and taken for done.
    """

    def __init__(self, transport: Any, protocol: Any) -> None:
        self._transport, self._protocol = transport, protocol
        self.waiting = self.behind = b""
        self.holds = False

    def write(self, piece: Any) -> None:
        """Send a statement and what goes with it, or keep it."""
        holds, self.holds = self.holds, False
        if holds and len(piece) <= _SMALL:
            self.waiting += piece[: -len(_SYNC)]
            asyncio.get_running_loop().call_soon(self._protocol.data_received, _DONE)
            return
        if self.behind:
            piece = b"".join((piece[: -len(_SYNC)], self.behind, _SYNC))
        if self.waiting:
            piece = self.waiting + piece
        self.waiting = self.behind = b""
        self._transport.write(piece)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


class _Protocol(asyncpg.protocol.Protocol):  # type: ignore[misc]  # it has no types
    def connection_made(self, transport: Any) -> None:
        self.line = Line(transport, self)
        super().connection_made(self.line)


asyncpg.protocol.Protocol = _Protocol


def line_of(connection: Any) -> Line:
    """The line of an asyncpg connection."""
    line: Line = connection._protocol.line
    return line


def is_prepared(connection: Any, sql: str) -> bool:
    """Whether a statement would be sent as it is; if not, it is prepared first."""
    return bool(connection._stmt_cache.has((sql, connection._protocol.get_record_class(), False)))


class Transaction:
    """A transaction of an asyncpg connection, as SQLAlchemy holds one: it begins with its first statement that is sent."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        line_of(connection).waiting = BEGIN

    async def commit(self) -> None:
        """End it: all that was done stands."""
        try:
            await self._connection.fetch("commit")
        except BaseException:
            if not self._connection.is_closed():
                await self._connection.execute("rollback")  # something that waited failed before it
            raise

    async def rollback(self) -> None:
        """End it: nothing was done."""
        line = line_of(self._connection)
        was_sent, line.waiting = not line.waiting.startswith(BEGIN), b""
        if was_sent:
            await self._connection.execute("rollback")
