"""Calendars that people subscribe to: opened, listed, revoked (R1-44)."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from estafeta.client import Bus, fresh_id
from estafeta.lead import faults, name_of
from estafeta.trouble import Trouble, choose
from estafeta.typed import checked, someone, zone_of
from shared.commands import OpenFeed, RevokeFeed
from shared.message import Command
from shared.questions import ListFeeds, ListStaff

_BYTES = 32
_SHORTEST = 4


def new_token() -> tuple[str, str]:
    """A new secret of a calendar, and the hash by which routing knows it; long and random, so a plain hash is enough."""
    token = f"cal_{secrets.token_urlsafe(_BYTES)}"
    return token, hashlib.sha256(token.encode()).hexdigest()


async def open_feed(
    bus: Bus, staff: str | None, office: str | None, *, lang: str, label: str, by: str | None, door: str
) -> list[str]:
    """Make an address at which a calendar is read, and show it: this once, it is stored nowhere."""
    directory = await bus.ask(ListStaff())
    if (staff is None) == (office is None):
        raise Trouble("Whose calendar is it?", "Name one of --staff ID and --office ID.")
    for option, who in (("--staff", staff), ("--by", by)):
        if who:
            someone(who, directory, option)
    token, token_hash = new_token()
    facts = {"token_hash": token_hash, "staff": staff, "office": office, "lang": lang, "label": label, "by": by}
    opened = await _done(bus, checked(OpenFeed, facts), "FeedOpened")
    return [
        f"{door}/v1/calendars/{token}.ics",
        f"Whoever has this address reads the calendar. It is shown this once; `estafeta roster feed revoke "
        f"{str(opened['feed_id'])[:8]}` ends it.",
    ]


async def list_feeds(bus: Bus, *, revoked: bool) -> RenderableType:
    """The calendars that can be read, ready to print."""
    directory = await bus.ask(ListStaff())
    found = (await bus.ask(ListFeeds(revoked=revoked)))["feeds"]
    if not found:
        return Text("Nobody subscribes to a calendar: `estafeta roster feed open` makes an address.")
    zone = zone_of({}, directory)
    table = Table(box=None, pad_edge=False)
    for heading in ("feed", "of", "for", "lang", "opened", "by", *(("revoked",) if revoked else ())):
        table.add_column(heading)
    for one in found:
        moments = [
            f"{datetime.fromisoformat(one[name]).astimezone(zone):%d.%m.%Y %H:%M}" if one[name] else ""
            for name in ("at", "revoked_at")
        ]
        whose = name_of(one["staff"], directory) if one["staff"] else f"office {one['office']}"
        by = name_of(one["by"], directory) if one["by"] else ""
        table.add_row(
            str(one["id"])[:8], whose, one["label"], one["lang"], moments[0], by, *([moments[1]] if revoked else [])
        )
    return table


async def revoke_feed(bus: Bus, word: str, by: str | None) -> list[str]:
    """Let a calendar be read no more; `word` is its id or the beginning of it."""
    typed = word.strip().lower()
    found = (await bus.ask(ListFeeds()))["feeds"]
    ids = [one["id"] for one in found if len(typed) >= _SHORTEST and str(one["id"]).startswith(typed)]
    feed_id = choose(ids[0] if len(ids) == 1 else word, [str(one["id"]) for one in found], "calendar")
    await _done(bus, RevokeFeed(feed_id=UUID(str(feed_id)), by=by), "FeedRevoked")
    return [f"Revoked: the calendar {feed_id} answers nobody any more."]


def door_of_house(state: Path) -> str:
    """Where the house in `state` shows calendars: ESTAFETA_CALENDARS_URL, else what `estafeta up` says."""
    if url := os.environ.get("ESTAFETA_CALENDARS_URL"):
        return url.rstrip("/")
    try:
        return str(json.loads((state / "house.json").read_text())["calendars"][0])
    except (OSError, ValueError, KeyError, IndexError):
        remedy = "Set ESTAFETA_CALENDARS_URL to it, as people reach it: https://calendars.example."
        raise Trouble("It is not known at which address calendars are read.", remedy) from None


async def _done(bus: Bus, wish: Command, kind: str) -> Mapping[str, Any]:
    command_id = fresh_id()
    await bus.send(wish, command_id)
    outcome = await bus.outcome("routing", command_id)
    for said in outcome.get("said", []):
        name, payload = said["type"].partition(".")[0], said["payload"]
        if name == "FeedRefused":
            raise Trouble("The calendar was refused.\n" + faults(payload["faults"]), "Mend it, and try again.", code=1)
        if name == kind:
            found: Mapping[str, Any] = payload
            return found
    raise Trouble(
        f"Routing gave the wish up: {outcome.get('reason') or 'no reason given'}.",
        f"It is kept: `estafeta dead show routing/{outcome.get('letter')}` shows it.",
        code=1,
    )
