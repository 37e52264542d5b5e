"""The door as a running server: uvicorn on the room's own loop, patient with nobody, leaving in order."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import structlog
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from services.intake.http.door import Door
from services.intake.http.sources import SourcesFile
from shared.database import engine_for
from shared.service import Ask
from shared.settings import Settings

CONNECTIONS = 512
_PATIENCE = 10.0
_PAUSE = 5.0
_LEAVE = 5

log = structlog.get_logger()


async def entrance(settings: Settings, ask: Ask) -> None:
    """Keep the door open at `ESTAFETA_HTTP_DOOR` until cancelled; then finish what is being answered.

    It has connections to the database of its own: however many come, the room's own work goes on.
    """
    engine = engine_for(settings.database(), "intake", replica=f"{settings.replica} door".strip(), pool_size=4)
    door = Door(engine, SourcesFile(settings.http_sources), ask)
    host, _, port = settings.http_door.rpartition(":")
    try:
        listener = await _bound(host.strip("[]"), int(port))
        config = uvicorn.Config(
            door.app(),
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
        log.info("intake.door_opened", port=listener.getsockname()[1])
        try:
            await asyncio.shield(serving)
        finally:
            server.should_exit = True
            with suppress(TimeoutError):
                await asyncio.wait_for(serving, _LEAVE)
    finally:
        await engine.dispose()


async def _bound(host: str, port: int) -> socket.socket:
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
            log.warning("intake.door_not_opened", port=port, fault=str(fault))
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
