"""A TCP proxy that stands on one link and spoils it: nothing comes through, everything comes late, or the line is cut."""

from __future__ import annotations

import asyncio
from typing import Self, cast

LOOPBACK = "127.0.0.1"


class Proxy:
    """One link: what connects to `port` is led to `target`, as long as the link lets it.

    A black hole holds bytes and drops none, as a network does that will heal: nobody is told that the line is dead.
    """

    def __init__(self, target: int) -> None:
        self.target, self.port = target, 0
        self.delay = 0.0
        self._lets_through = asyncio.Event()
        self._lets_through.set()
        self._ends: set[_End] = set()
        self._dialling: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    async def open(self) -> Self:
        """Listen on any free port of the loopback."""
        self._server = await asyncio.get_running_loop().create_server(lambda: _End(self), LOOPBACK, 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def close(self) -> None:
        """Stop listening and cut every line."""
        if self._server is not None:
            self._server.close()
        for task in self._dialling:
            task.cancel()
        self.cut()

    def cut(self) -> None:
        """Abort every connection at once (RST)."""
        for end in list(self._ends):
            end.abort()

    def swallow(self) -> None:
        """Let nothing through in either direction; new connections are taken and lead nowhere."""
        self._lets_through.clear()
        for end in self._ends:
            end.hold()

    def heal(self) -> None:
        """Let everything through again, at once."""
        self.delay = 0.0
        self._lets_through.set()
        for end in self._ends:
            end.go_on()

    @property
    def is_black(self) -> bool:
        """Whether nothing comes through now."""
        return not self._lets_through.is_set()

    def dial(self, near: _End) -> None:
        """Lead a new connection on."""
        task = asyncio.create_task(self._dial(near))
        self._dialling.add(task)
        task.add_done_callback(self._dialling.discard)

    async def _dial(self, near: _End) -> None:
        await self._lets_through.wait()
        far = _End(self, near)
        try:
            await asyncio.get_running_loop().create_connection(lambda: far, LOOPBACK, self.target)
        except OSError:
            near.abort()

    def entered(self, end: _End) -> None:
        """A connection stands."""
        self._ends.add(end)

    def left(self, end: _End) -> None:
        """A connection is gone."""
        self._ends.discard(end)


class _End(asyncio.Protocol):
    """One end of a connection through the proxy; `other` is where what comes in here goes out.

    What cannot go on yet waits here in order; reading is paused meanwhile, as far as the loop lets it.
    """

    def __init__(self, proxy: Proxy, other: _End | None = None) -> None:
        self.proxy, self.other = proxy, other
        self.transport: asyncio.Transport | None = None
        self.is_full = False
        self._waiting: list[bytes] = []

    @property
    def is_open(self) -> bool:
        """Whether bytes can be written to it now."""
        return self.transport is not None and not self.transport.is_closing()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self.proxy.entered(self)
        if self.other is None:
            self.proxy.dial(self)
        elif self.other.is_open:
            self.other.other = self
            self.other.go_on()
        else:
            self.transport.abort()

    def data_received(self, data: bytes) -> None:
        self._waiting.append(data)
        if self.proxy.delay:
            asyncio.get_running_loop().call_later(self.proxy.delay, self.go_on)
        else:
            self.go_on()

    def go_on(self) -> None:
        """Tell what waits, if the link lets it through and there is somebody to tell; then read again."""
        if self.proxy.is_black or self.other is None or not self.other.is_open or self.other.is_full:
            self.hold()
            return
        if self._waiting:
            data, self._waiting = b"".join(self._waiting), []
            assert self.other.transport is not None
            self.other.transport.write(data)
        if self.is_open and self.transport is not None and not self.transport.is_reading():
            self.transport.resume_reading()

    def hold(self) -> None:
        """Read no more for now."""
        if self.is_open and self.transport is not None and self.transport.is_reading():
            self.transport.pause_reading()

    def pause_writing(self) -> None:
        self.is_full = True
        if self.other is not None:
            self.other.hold()

    def resume_writing(self) -> None:
        self.is_full = False
        if self.other is not None:
            self.other.go_on()

    def connection_lost(self, fault: Exception | None) -> None:
        self.proxy.left(self)
        if self.other is not None and self.other.transport is not None:
            if fault is None:
                self.go_on()
                self.other.transport.close()
            else:
                self.other.transport.abort()

    def abort(self) -> None:
        """Cut this connection, and with it the other end."""
        for end in (self, self.other):
            if end is not None and end.transport is not None:
                end.transport.abort()
