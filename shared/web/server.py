"""A door as a running server: uvicorn on the room's own loop, patient with nobody, leaving in order."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import structlog
import uvicorn
from starlette.applications import Starlette
from uvicorn.protocols.http.h11_impl import H11Protocol

CONNECTIONS = 512
_PATIENCE = 10.0
_PAUSE = 5.0
_LEAVE = 5

log = structlog.get_logger()


async def serve(app: Starlette, address: str, room: str) -> None:
    """Keep a door open at `address` (`host:port`) until cancelled; then finish what is being answered."""
    host, _, port = address.rpartition(":")
    listener = await _bound(host.strip("[]"), int(port), room)
    config = uvicorn.Config(
        app,
        http=_Impatient,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        limit_concurrency=CONNECTIONS,
        timeout_keep_alive=5,
        timeout_graceful_shutdown=_LEAVE - 1,
        h11_max_incomplete_event_size=16 * 1024,
    )
    server = _Server(config)
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    log.info(f"{room}.door_opened", port=listener.getsockname()[1])
    try:
        await asyncio.shield(serving)
    finally:
        server.should_exit = True
        with suppress(TimeoutError):
            await asyncio.wait_for(serving, _LEAVE)


async def _bound(host: str, port: int, room: str) -> socket.socket:
    """A listening socket. A port that is taken is tried again: the room does its work without a door as well."""
    while True:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listener = socket.socket(family, socket.SOCK_STREAM)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((host, port))
            listener.listen(CONNECTIONS)
            listener.setblocking(False)
            return listener
        except OSError as fault:
            listener.close()
            log.warning(f"{room}.door_not_opened", port=port, fault=str(fault))
            await asyncio.sleep(_PAUSE)


class _Server(uvicorn.Server):
    """A server that leaves the signals to the room."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class _Impatient(H11Protocol):
    """Sends away whoever has a connection open and does not come to the point: no whole head in ten seconds."""

    _answered: object = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        super().connection_made(transport)
        self.loop.call_later(_PATIENCE, self._look)

    def _look(self) -> None:
        if self.transport.is_closing():
            return
        cycle = self.cycle
        if cycle is not None and not cycle.response_complete:
            pass  # it is being answered; the body has a limit of its own
        elif cycle is self._answered:
            self.transport.close()
            return
        self._answered = cycle
        self.loop.call_later(_PATIENCE, self._look)
