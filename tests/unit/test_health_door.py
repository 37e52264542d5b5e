"""The door for ops: it answers what it knows, refuses the rest, and nobody can make it wait or grow."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from http import HTTPStatus

import pytest

import shared.door
from estafeta.house.children import free_port
from shared.door import Door, Page
from shared.ready import problems_at


async def well() -> Page:
    return Page(HTTPStatus.OK, b"ready\n")


async def ill() -> Page:
    return Page(HTTPStatus.SERVICE_UNAVAILABLE, b"no connection to NATS\n")


async def broken() -> Page:
    raise ZeroDivisionError("a page with a bug")


@asynccontextmanager
async def opened(port: int | None = None) -> AsyncIterator[Door]:
    door = Door(f"127.0.0.1:{port or free_port()}", {"/livez": well, "/readyz": ill, "/broken": broken})
    task = asyncio.create_task(door.run())
    try:
        await asyncio.sleep(0.05)
        yield door
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def said(door: Door, request: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", door.port)
    try:
        writer.write(request)
        return await asyncio.wait_for(reader.read(), 5)
    finally:
        writer.close()
        await writer.wait_closed()


@pytest.mark.parametrize(
    ("request_line", "status", "body"),
    [
        ("GET /livez HTTP/1.1", 200, "ready"),
        ("GET /livez?verbose HTTP/1.0", 200, "ready"),
        ("HEAD /livez HTTP/1.1", 200, ""),
        ("GET /readyz HTTP/1.1", 503, "no connection to NATS"),
        ("GET / HTTP/1.1", 404, "here are /livez, /readyz, /broken"),
        ("POST /livez HTTP/1.1", 405, "only GET is understood here"),
        ("GET /broken HTTP/1.1", 500, "ZeroDivisionError; see the room's log"),
        ("livez", 400, "this is not HTTP/1.1"),
        ("GET /livez SPDY/9", 400, "this is not HTTP/1.1"),
    ],
)
async def test_every_request_has_its_answer(request_line: str, status: int, body: str) -> None:
    async with opened() as door:
        head, _, rest = (await said(door, f"{request_line}\r\nHost: here\r\n\r\n".encode())).partition(b"\r\n\r\n")
    assert head.startswith(f"HTTP/1.1 {status} ".encode())
    assert b"Connection: close" in head
    assert rest.decode().strip() == body


async def test_a_request_that_is_too_long_is_refused() -> None:
    async with opened() as door:
        answer = await said(door, b"GET /livez HTTP/1.1\r\nX: " + b"x" * 20_000)
    assert answer.startswith(b"HTTP/1.1 431 ")


async def test_whoever_sends_nothing_is_sent_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared.door, "_SECONDS", 0.1)
    async with opened() as door:
        assert await said(door, b"GET /livez HTT") == b""
        assert (await said(door, b"GET /livez HTTP/1.1\r\n\r\n")).startswith(b"HTTP/1.1 200 ")


async def test_a_crowd_is_turned_away_and_the_door_stays_open() -> None:
    async with opened() as door:
        crowd = [await asyncio.open_connection("127.0.0.1", door.port) for _ in range(16)]
        await asyncio.sleep(0.05)
        with suppress(ConnectionError):
            assert await said(door, b"GET /livez HTTP/1.1\r\n\r\n") == b""
        for _, writer in crowd:
            writer.close()
            await writer.wait_closed()
        await asyncio.sleep(0.05)
        assert (await said(door, b"GET /livez HTTP/1.1\r\n\r\n")).startswith(b"HTTP/1.1 200 ")


async def test_a_port_that_is_taken_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared.door, "_PAUSE", 0.05)
    port = free_port()
    other = await asyncio.start_server(lambda *_: None, "127.0.0.1", port)
    async with opened(port) as door:
        await asyncio.sleep(0.15)
        other.close()
        await other.wait_closed()
        for _ in range(100):
            with suppress(OSError, TimeoutError):
                if (await said(door, b"GET /livez HTTP/1.1\r\n\r\n")).startswith(b"HTTP/1.1 200 "):
                    return
            await asyncio.sleep(0.05)
    raise AssertionError("the door never opened")


async def test_the_health_check_of_a_container_asks_at_the_door() -> None:
    async with opened() as door:
        address = f"0.0.0.0:{door.port}"
        assert await asyncio.to_thread(problems_at, address) == ["no connection to NATS"]
        door.pages["/readyz"] = well
        assert await asyncio.to_thread(problems_at, address) == []
    [problem] = await asyncio.to_thread(problems_at, f"127.0.0.1:{free_port()}")
    assert "nobody answers" in problem
