"""What is answered at the door for calendars: `GET /v1/calendars/<secret>.ics`, read only, to whoever has the address."""

from __future__ import annotations

import asyncio
import re
from collections import OrderedDict
from collections.abc import Mapping
from datetime import datetime, time, timedelta
from hashlib import sha256
from zoneinfo import ZoneInfo

import structlog
from sqlalchemy import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response

from services.routing import store
from services.routing.rules.feed import AGAIN, AHEAD, BEFORE, meeting_entry, shift_entry, title
from shared.agenda import Entry, written
from shared.clock import database_now
from shared.database import to_json
from shared.web.frame import Frame
from shared.web.pace import Pace, neighbourhood
from shared.web.problems import Kind, Refusal

_READING = 10.0
_TOKEN = re.compile(r"cal_[A-Za-z0-9_-]{43}")
_FORMAT = "1"
"""Another when the same entries are written otherwise: then every ETag is another as well."""
_KEPT = 64
_PER_MINUTE, _BURST = 6, 12
_PER_ADDRESS, _BURST_OF_ADDRESS = 120, 60
_PRIVATE = {
    "Cache-Control": "private, no-cache",
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex",
}

KINDS: Mapping[str, Kind] = {
    "not-here": Kind(404, "There is no such calendar", "copy the whole address, as it was given"),
    "wrong-method": Kind(405, "A calendar can only be read", "use GET or HEAD"),
    "gone": Kind(410, "This calendar can be read no more", "end the subscription, and ask for a new address if you need it"),
    "too-many": Kind(429, "That was too often", "wait as long as Retry-After says; half an hour between two looks is enough"),
    "unreadable": Kind(400, "The request cannot be read", "send it again"),
    "own-fault": Kind(500, "This is our own fault", "look again later; the calendar you have stays as it is"),
    "not-now": Kind(503, "No calendar can be read at this moment", "look again when Retry-After has passed"),
}  # fmt: skip

log = structlog.get_logger()


class Problem(Refusal):
    """Why a calendar is not shown."""

    kinds = KINDS


class Door(Frame):
    """Shows calendars. It reads with connections of its own (`engine`), which can change nothing."""

    room, refusal, refused = "routing", Problem, "routing.calendar_refused"

    def __init__(self, engine: AsyncEngine, *, pace: Pace | None = None) -> None:
        super().__init__(pace)
        self.engine = engine
        self._written: OrderedDict[str, bytes] = OrderedDict()

    def app(self) -> Starlette:
        """The application for a server."""
        return self.served([("/v1/calendars/{token}.ics", self.show_calendar, ["GET"])])

    async def show_calendar(self, request: Request) -> Response:
        """The calendar of a feed, or 304 to whoever has it as it stands."""
        visitor = neighbourhood(request.client.host if request.client else "")
        self._slow_down(("visitor", visitor), _PER_ADDRESS, _BURST_OF_ADDRESS)
        nothing = Problem("not-here", "no calendar has this address")
        token = request.path_params["token"]
        if not _TOKEN.fullmatch(token):
            raise nothing
        token_hash = sha256(token.encode()).hexdigest()
        async with asyncio.timeout(_READING), self.engine.connect() as db:
            feed = await store.feed_behind(db, token_hash)
            if feed is None:
                raise nothing
            if feed["is_over"]:
                raise Problem("gone", "it was revoked, or its owner works here no more")
            self._slow_down(("feed", token_hash), _PER_MINUTE, _BURST)
            entries = await _entries(db, feed, await database_now(db))
        name = title(feed)
        tag = sha256(to_json([_FORMAT, name, feed["time_zone"], entries]).encode()).hexdigest()[:32]
        headers = {"ETag": f'"{tag}"', **_PRIVATE}
        if _has(request.headers.get("if-none-match", ""), tag):
            return Response(status_code=304, headers=headers)
        log.info("routing.calendar_read", feed_id=str(feed["id"]), count=len(entries))
        body = await self._body(tag, name, feed["time_zone"], entries)
        headers["Content-Disposition"] = 'inline; filename="estafeta.ics"'
        return Response(body, headers=headers, media_type="text/calendar; charset=utf-8")

    async def _body(self, tag: str, name: str, zone: str, entries: list[Entry]) -> bytes:
        """Written once for all who come without having it; a thread does it, leads go before."""
        body = self._written.pop(tag, None)
        if body is None:
            body = await asyncio.to_thread(written, name, zone, entries, again=AGAIN)
        self._written[tag] = body
        if len(self._written) > _KEPT:
            self._written.popitem(last=False)
        return body


async def _entries(db: AsyncConnection, feed: RowMapping, now: datetime) -> list[Entry]:
    """What stands in a calendar; by whole days, so that it is another only when something has changed, or a day is over."""
    zone = ZoneInfo(feed["time_zone"])
    today = datetime.combine(now.astimezone(zone).date(), time(), zone)
    since, until = today - BEFORE, today + AHEAD + timedelta(days=1)
    shifts = await store.shifts_of_feed(db, feed["staff_id"], feed["office_id"], since, until)
    entries = [shift_entry(shift, feed) for shift in shifts]
    if feed["staff_id"] is not None:
        meetings = await store.meetings_of_feed(db, feed["staff_id"], since, until)
        entries += [meeting_entry(meeting, feed) for meeting in meetings]
    return sorted(entries, key=lambda entry: (entry.starts_at, entry.summary, entry.uid))


def _has(said: str, tag: str) -> bool:
    """Whether If-None-Match names this tag; a weak one says the same here (RFC 9110, 13.1.2)."""
    named = {one.strip().removeprefix("W/").strip('"') for one in said.split(",")}
    return "*" in named or tag in named
