"""What stands around every answer at a door: how many are inside, how often one may come, refusals in words."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Sequence
from typing import ClassVar

import structlog
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from shared.faults import describe, is_passing
from shared.web.pace import Pace
from shared.web.problems import Refusal

MOST_INSIDE = 128
_PLAIN = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}

Answer = Callable[[Request], Awaitable[Response]]

log = structlog.get_logger()


class Frame:
    """A door without its answers. A subclass names its `room`, its `refusal` and, for the log, `refused`.

    `refusal` has the kinds `not-here`, `wrong-method`, `too-many`, `unreadable`, `own-fault` and `not-now`.
    """

    room: ClassVar[str]
    refusal: ClassVar[type[Refusal]]
    refused: ClassVar[str]

    def __init__(self, pace: Pace | None = None) -> None:
        self._pace = pace or Pace()
        self._inside = 0

    def served(self, routes: Sequence[tuple[str, Answer, Sequence[str]]]) -> Starlette:
        """The application for a server: `(path, answer, methods)` for each address."""
        app = Starlette(
            routes=[Route(path, self._answering(answer), methods=list(methods)) for path, answer, methods in routes],
            exception_handlers={HTTPException: self._unrouted},
        )
        app.router.redirect_slashes = False
        return app

    def _answering(self, answer: Answer) -> Answer:
        async def answered(request: Request) -> Response:
            if self._inside >= MOST_INSIDE:
                crowd = self.refusal(
                    "not-now", f"{MOST_INSIDE} requests are being answered", headers={"Retry-After": "1"}
                )
                return _dressed(crowd.response())
            self._inside += 1
            try:
                return _dressed(await self._safely(answer(request)))
            finally:
                self._inside -= 1

        return answered

    async def _safely(self, answer: Awaitable[Response]) -> Response:
        """Every fault becomes a problem in words; none of them, and no log line, repeats what was sent."""
        try:
            return await answer
        except Refusal as problem:
            refusal = problem
        except ClientDisconnect:
            refusal = self.refusal("unreadable", "whoever sent it has gone")
        except Exception as fault:
            if is_passing(fault):
                log.warning(f"{self.room}.door_without_database", fault=describe(fault))
                refusal = self.refusal("not-now", "the database does not answer", headers={"Retry-After": "5"})
            else:
                log.error(f"{self.room}.door_failed", fault=type(fault).__name__)
                refusal = self.refusal("own-fault", "the request was not done")
        log.info(self.refused, reason=refusal.kind)
        return refusal.response()

    def _slow_down(self, name: tuple[str, ...], per_minute: int, burst: int) -> None:
        if wait := self._pace.wait(name, per_minute, burst):
            after = {"Retry-After": str(math.ceil(wait))}
            raise self.refusal("too-many", f"{per_minute} a minute are taken from here, {burst} at once", headers=after)

    async def _unrouted(self, _: Request, fault: Exception) -> Response:
        is_method = isinstance(fault, HTTPException) and fault.status_code == 405
        kind, detail = ("wrong-method", "this was another method") if is_method else ("not-here", "no such address")
        return _dressed(self.refusal(kind, detail, headers=getattr(fault, "headers", None)).response())


def _dressed(answer: Response) -> Response:
    for name, value in _PLAIN.items():
        answer.headers.setdefault(name, value)
    return answer
