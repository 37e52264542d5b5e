"""Dismissing somebody: previewed, in one operation, and reversible for a set time (R2-23)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, time
from typing import Any
from uuid import UUID

from rich.console import RenderableType

from estafeta.client import Bus
from estafeta.moving import begin, preview, shown, take_back, wait_for
from estafeta.trouble import Trouble
from estafeta.typed import checked, day, moment, someone, zone_of
from shared.commands import DismissStaff
from shared.questions import ListMoves, ListStaff, PreviewMove


async def dismiss(
    bus: Bus,
    staff: str,
    to: str | None,
    on: str | None,
    reason: str,
    by: str | None,
    undo_days: int,
    *,
    only_preview: bool,
) -> RenderableType:
    """End somebody's work now or on a day, and tell who received his clients; or only who would (R2-23)."""
    directory = await bus.ask(ListStaff())
    if only_preview:
        return await preview(bus, PreviewMove(staff=staff, to=to, by=by))
    for option, word in (("--to", to), ("--by", by)):
        if word:
            someone(word, directory, option)
    wish = checked(
        DismissStaff,
        {
            "staff": staff,
            "to": to,
            "starts_at": _begins(on, staff, directory),
            "reason": reason,
            "by": by,
            "undo_days": undo_days,
        },
    )
    return shown(await wait_for(bus, await begin(bus, wish)), directory)


def _begins(on: str | None, staff: str, directory: Mapping[str, Any]) -> datetime | None:
    """When a dismissal begins that is typed as a day, from its first minute, or as a day and a time, by his office's clock."""
    if on is None:
        return None
    person: Mapping[str, Any] = next((one for one in directory.get("staff", []) if one["id"] == staff), {})
    zone = zone_of(person, directory)
    return moment(on, zone, "--on") if ":" in on else datetime.combine(day(on, "--on"), time(), zone)


async def reinstate(bus: Bus, staff: str, by: str | None, *, alone: bool) -> RenderableType:
    """Take somebody's dismissal back: he works here again, and each client is his again unless touched since."""
    moves = (await bus.ask(ListMoves(most=20, staff=staff)))["moves"]
    standing = next((one for one in moves if one["state"] in ("planned", "moving", "done")), None)
    if standing is None:
        raise Trouble(
            f"No dismissal of {staff!r} stands.",
            "`estafeta moves` lists what was moved; who only left the company file comes back by it.",
            code=1,
        )
    return await take_back(bus, UUID(str(standing["id"])), by, alone=alone)
