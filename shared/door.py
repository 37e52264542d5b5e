"""A small door for ops: GET over HTTP/1.1, one request a connection, everything bounded."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus

import structlog

TEXT = "text/plain; charset=utf-8"
_HEAD = 8 * 1024
_SECONDS = 8.0
_AT_ONCE = 16
_PAUSE = 5.0

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Page:
    """What is answered: status, body, and what kind of text it is."""

    status: HTTPStatus
    body: bytes
    kind: str = TEXT


Show = Callable[[], Awaitable[Page]]


class Door:
    """Serves `pages` (path → what shows it) at `address`, `host:port`.

    It runs on the loop that does the work, so an answer proves that the loop turns. A request has 8 KiB and 8 seconds,
    and who comes while 16 are inside is sent away.
    A port that is taken is tried again: a room does its work without a door as well.
    """

    def __init__(self, address: str, pages: Mapping[str, Show]) -> None:
        host, _, port = address.rpartition(":")
        self.host, self.port = host.strip("[]"), int(port)
        self.pages = dict(pages)
        self._inside = 0

    async def run(self) -> None:
        """Serve until cancelled."""
        while True:
            try:
                server = await asyncio.start_server(self._serve, self.host, self.port, limit=_HEAD)
            except OSError as fault:
                log.warning("door.not_opened", port=self.port, fault=str(fault))
                await asyncio.sleep(_PAUSE)
                continue
            self.port = server.sockets[0].getsockname()[1]
            try:
                await asyncio.Future()
            finally:
                server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._inside == _AT_ONCE:
            writer.close()
            return
        self._inside += 1
        try:
            async with asyncio.timeout(_SECONDS):
                verb, page = await self._answer(reader)
                writer.write(_written(page, body=verb != "HEAD"))
                await writer.drain()
        except (OSError, EOFError, TimeoutError):
            pass  # whoever asked has gone, or sent nothing in time
        finally:
            self._inside -= 1
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()

    async def _answer(self, reader: asyncio.StreamReader) -> tuple[str, Page]:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
        except asyncio.LimitOverrunError:
            return "", _says(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, f"a request has at most {_HEAD} bytes here")
        words = head.split(b"\r\n", 1)[0].decode("latin-1").split(" ")
        if len(words) != 3 or not words[2].startswith("HTTP/1."):
            return "", _says(HTTPStatus.BAD_REQUEST, "this is not HTTP/1.1")
        verb, path = words[0], words[1].partition("?")[0]
        if verb not in ("GET", "HEAD"):
            return verb, _says(HTTPStatus.METHOD_NOT_ALLOWED, "only GET is understood here")
        if path not in self.pages:
            return verb, _says(HTTPStatus.NOT_FOUND, f"here are {', '.join(self.pages)}")
        try:
            return verb, await self.pages[path]()
        except Exception as fault:
            log.warning("door.page_failed", path=path, fault=type(fault).__name__)
            return verb, _says(HTTPStatus.INTERNAL_SERVER_ERROR, f"{type(fault).__name__}; see the room's log")


def _says(status: HTTPStatus, text: str) -> Page:
    return Page(status, f"{text}\n".encode())


def _written(page: Page, *, body: bool) -> bytes:
    lines = [
        f"HTTP/1.1 {page.status.value} {page.status.phrase}",
        f"Content-Type: {page.kind}",
        f"Content-Length: {len(page.body)}",
        "Cache-Control: no-store",
        "X-Content-Type-Options: nosniff",
        "Connection: close",
    ]
    if page.status is HTTPStatus.METHOD_NOT_ALLOWED:
        lines.append("Allow: GET, HEAD")
    return "\r\n".join([*lines, "", ""]).encode() + (page.body if body else b"")
