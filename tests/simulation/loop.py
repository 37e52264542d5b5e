"""An event loop whose time is a number and whose order is a seed: the same seed, the same history, to the last step."""

from __future__ import annotations

import asyncio
from asyncio import events
from collections import deque
from collections.abc import Callable, Coroutine
from contextvars import Context
from heapq import heappop, heappush
from random import Random
from typing import Any

STEP = 0.004
MOST = 100_000


class Stuck(RuntimeError):
    """Nothing can happen any more, and somebody still waits; or things happen without end."""


class _Timer:
    """A callback at a moment; what asyncio knows as a TimerHandle."""

    __slots__ = ("args", "callback", "gone", "when")

    def __init__(self, when: float, callback: Callable[..., object], args: tuple[Any, ...]) -> None:
        self.when, self.callback, self.args, self.gone = when, callback, args, False

    def cancel(self) -> None:
        self.gone = True

    def cancelled(self) -> bool:
        return self.gone


class Loop(asyncio.AbstractEventLoop):
    """Runs what is ready in order; then lets ONE of those who stand at a port go on, drawn by the seed; then time passes.

    asyncio's own promises (first come, first served among callbacks) are kept, so tasks, groups and timeouts work as
    they do in a real loop. All chance is at the ports: there a task stands (`pause`) while the world goes on without it.
    """

    def __init__(self, chance: Random) -> None:
        self._chance = chance
        self._now = 0.0
        self._ready: deque[tuple[Callable[..., object], tuple[Any, ...]]] = deque()
        self._timers: list[tuple[float, int, _Timer]] = []
        self._standing: list[tuple[asyncio.Future[None], Any, Any]] = []
        self.passed: asyncio.Future[None] = self.create_future()  # for whoever need not stand at a port
        self.passed.set_result(None)
        self._number = 0
        self.faults: list[dict[str, Any]] = []

    # ── what tasks and futures ask of a loop ────────────────────────────────────────────────────────────────────

    def time(self) -> float:
        return self._now

    def call_soon(self, callback: Callable[..., object], *args: Any, context: Context | None = None) -> Any:  # type: ignore[override]
        self._ready.append((callback, args))

    def call_at(self, when: float, callback: Callable[..., object], *args: Any, context: Context | None = None) -> Any:  # type: ignore[override]
        timer = _Timer(when, callback, args)
        self._number += 1
        heappush(self._timers, (when, self._number, timer))
        return timer

    def call_later(  # type: ignore[override]
        self, delay: float, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> Any:
        return self.call_at(self._now + delay, callback, *args)

    def create_future(self) -> asyncio.Future[Any]:
        return asyncio.Future(loop=self)

    def create_task(  # type: ignore[override]
        self, coro: Coroutine[Any, Any, Any], *, name: str | None = None, context: Context | None = None
    ) -> asyncio.Task[Any]:
        return asyncio.Task(coro, loop=self, name=name)

    def get_debug(self) -> bool:
        return False

    def is_running(self) -> bool:
        return True

    def is_closed(self) -> bool:
        return False

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        self.faults.append(context)

    # ── what the world asks of it ───────────────────────────────────────────────────────────────────────────────

    def goes_alone(self, who: Any) -> bool:
        """Whether whoever came to a port now would be drawn next, because nobody else can go on; then time passes as if."""
        now = self._now
        if self._ready or self._standing or who.frozen_until > now or (self._timers and self._timers[0][0] <= now):
            return False
        self._chance.random()
        self._now = now + STEP
        return True

    def pause(self, who: Any, connection: Any = None) -> asyncio.Future[None]:
        """Stand at a port until drawn; `who` may be frozen meanwhile (`frozen_until`), and his `connection` be `broken`."""
        future: asyncio.Future[None] = asyncio.Future(loop=self)
        self._standing.append((future, who, connection))
        return future

    def sleep(self, delay: float) -> asyncio.Future[None]:
        """What `asyncio.sleep` is, without a coroutine to every one of them."""
        future: asyncio.Future[None] = asyncio.Future(loop=self)
        self.call_at(self._now + delay, _go_on, future)
        return future

    def run_until(self, done: asyncio.Future[Any]) -> None:
        """Let things happen until `done` is. Raises `Stuck` when nothing can."""
        before = events._get_running_loop()
        events._set_running_loop(self)
        try:
            self._run(done)
        finally:
            events._set_running_loop(before)

    def forget(self) -> None:
        """Let go of whatever was still to happen."""
        self._ready.clear()
        self._timers.clear()
        self._standing.clear()

    def _run(self, done: asyncio.Future[Any]) -> None:
        ready, timers, standing, chance = self._ready, self._timers, self._standing, self._chance.random
        for _ in range(MOST):
            while ready:
                callback, args = ready.popleft()
                callback(*args)
            if done.done():
                return
            if timers and timers[0][0] <= self._now:
                timer = heappop(timers)[2]
                if not timer.gone:
                    ready.append((timer.callback, timer.args))
            elif standing:
                nth = int(chance() * len(standing))
                future, who, connection = standing[nth]
                standing[nth] = standing[-1]
                standing.pop()
                if future.done():
                    continue
                if who.frozen_until > self._now:
                    self.call_at(who.frozen_until, _go_on, future, connection)
                    continue
                self._now += STEP
                _go_on(future, connection)
            elif timers:
                self._now = timers[0][0]
            else:
                raise Stuck("everybody waits for ever")
        raise Stuck("busy for ever")


def _go_on(future: asyncio.Future[None], connection: Any = None) -> None:
    if future.done():
        return
    if connection is not None and connection.broken:
        future.set_exception(ConnectionError("the server closed the connection"))
    else:
        future.set_result(None)


def sleep(delay: float) -> asyncio.Future[None]:
    """`asyncio.sleep` in a `Loop`."""
    loop: Any = asyncio.get_running_loop()
    slept: asyncio.Future[None] = loop.sleep(delay)
    return slept
