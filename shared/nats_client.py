"""nats-py as the rooms use it: a connection that never gives up, and quick reading and writing of many messages."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import nats.errors
import structlog
from nats.aio.client import Client
from nats.aio.msg import Msg

if TYPE_CHECKING:
    from shared.settings import Settings

log = structlog.get_logger()


def inbox_prefix(user: str | None) -> bytes:
    """The private inbox of a NATS user: `_INBOX_routing` for `estafeta_routing`."""
    return f"_INBOX_{(user or 'anyone').removeprefix('estafeta_')}".encode()


async def connect(settings: Settings, name: str, on_closed: Callable[[], Awaitable[None]] | None = None) -> SwiftClient:
    """A NATS connection that never gives up and notices a dead peer within ten seconds."""

    async def on_error(fault: Exception) -> None:
        log.warning("bus.error", name=name, fault=repr(fault))  # a refused publish shows only here

    client = SwiftClient()
    await client.connect(
        settings.nats_url.split(","),
        name=name,
        user=settings.nats_user,
        password=settings.nats_password.get_secret_value() if settings.nats_password else None,
        inbox_prefix=inbox_prefix(settings.nats_user),
        error_cb=on_error,
        closed_cb=on_closed,
        max_reconnect_attempts=-1,
        reconnect_time_wait=0.5,  # type: ignore[arg-type]  # any number of seconds will do
        connect_timeout=3,
        ping_interval=5,
        max_outstanding_pings=2,
        pending_size=16 * 1024 * 1024,
    )
    return client


class SwiftClient(Client):
    """nats-py, but for the places where leads spend their time: reading headers, and writing many messages.

    They use private parts of the pinned version; `test_bus_wire.py` holds headers and frames to its results.
    """

    @staticmethod
    def _parse_header_lines(raw: bytes) -> dict[str, str]:
        """A block of headers as rooms write it; whatever looks otherwise is left to nats-py."""
        if raw.endswith(b"\r\n\r\n"):
            with suppress(ValueError):
                lines: Any = [line.split(": ", 1) for line in raw[:-4].decode("ascii").split("\r\n")]
                return dict(lines)
        return Client._parse_header_lines(raw)

    async def send_frames(self, frames: Iterable[bytes]) -> None:
        """Write many messages as one piece; raises as `publish` does when the connection is closed."""
        piece = b"".join(frames)
        if not piece:
            return
        if self.is_closed:
            raise nats.errors.ConnectionClosedError
        await self._send_command(piece)
        await self._flush_pending()

    async def ask_in_order(self, messages: Sequence[tuple[str, bytes, Mapping[str, str]]], wait: float) -> list[Msg]:
        """Write many messages as one piece, each asking for an answer; the answers, in the same order, within `wait` seconds."""
        if not self._resp_sub_prefix:
            await self._init_request_sub()
        begin = bytes(self._resp_sub_prefix or b"").decode()
        tokens = [self._nuid.next().decode() for _ in messages]
        answers = [asyncio.get_running_loop().create_future() for _ in messages]
        self._resp_map.update(zip(tokens, answers, strict=True))
        try:
            async with asyncio.timeout(wait):
                await self.send_frames(
                    frame(*message, {}, begin + token) for message, token in zip(messages, tokens, strict=True)
                )
                return [await answer for answer in answers]
        finally:
            for token in tokens:
                self._resp_map.pop(token, None)


def frame(subject: str, payload: bytes, headers: Mapping[str, str], more: Mapping[str, str], reply: str = "") -> bytes:
    """One message as NATS reads it (HPUB). A header's value never breaks its line, whatever it holds."""
    lines = "".join(f"{name}: {' '.join(value.splitlines())}\r\n" for name, value in {**headers, **more}.items())
    head = f"NATS/1.0\r\n{lines}\r\n".encode()
    where = f"{subject} {reply}" if reply else subject
    return b"HPUB %b %d %d\r\n%b%b\r\n" % (where.encode(), len(head), len(head) + len(payload), head, payload)
