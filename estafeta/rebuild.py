"""A room's copies of others' data, dropped and heard again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from estafeta.client import Bus, fresh_id
from estafeta.trouble import Trouble, choose
from shared.commands import RebuildCopies
from shared.message import ROOMS

_PATIENCE = 120.0


async def rebuild(bus: Bus, room: str) -> list[str]:
    """Have `room` rebuild its copies and wait until they stand; what came of it, line by line."""
    choose(room, ROOMS, "room")
    command_id = fresh_id()
    await bus.send(RebuildCopies(), command_id, room=room)
    outcome = await bus.outcome(room, command_id, seconds=_PATIENCE)
    if outcome["state"] == "dead":
        raise Trouble(
            f"The copies of {room} could not be rebuilt and were left as they are: {outcome.get('reason')}.",
            f"Mend what it says, then run `estafeta rebuild {room}` again; close the letter with `estafeta dead close`.",
            code=1,
        )
    told = [said["payload"] for said in outcome["said"] if said["type"] == "CopiesRebuilt"]
    return report(room, told[0]) if told else [f"{room} has done it, and did not say what came of it."]


def report(room: str, told: Mapping[str, Any]) -> list[str]:
    """What `CopiesRebuilt` says, in words."""
    if not told["rows"]:
        return [f"{room} keeps no table only by hearing: there is nothing to rebuild."]
    lines = [f"{room} has heard {told['messages']:,} messages again."]
    for table, rows in told["rows"].items():
        changed = told["changed"].get(table, 0)
        verdict = f"{changed:,} rows were not as they had been told, and are now" if changed else "all as before"
        lines.append(f"  {table:<12}{rows:>8,} rows   {verdict}")
    return lines
