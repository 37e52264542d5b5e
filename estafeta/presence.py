"""Who is here: available, busy, absent or off shift, shown and said (R1-24)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, get_args

from rich.console import RenderableType
from rich.table import Table

from estafeta.client import Bus, fresh_id
from estafeta.lead import faults, name_of
from estafeta.trouble import Trouble, choose
from estafeta.typed import checked, moment, someone, zone_of
from shared.commands import SetPresence
from shared.questions import ListPresence, ListStaff

STATES: tuple[str, ...] = get_args(SetPresence.model_fields["state"].annotation)
PATIENCE = 60.0
Answer = Mapping[str, Any]


async def show(bus: Bus, office: str | None) -> list[RenderableType]:
    """Everybody with what he is now, until when, and who said so."""
    directory = await bus.ask(ListStaff())
    if office is not None:
        choose(office, [one["id"] for one in directory["offices"]], "office (--office)")
    people = [one for one in (await bus.ask(ListPresence()))["staff"] if office in (None, one["office"])]
    if not people:
        return ["Nobody is in the directory: `estafeta apply company.toml` loads it."]
    table = Table(box=None, pad_edge=False, padding=(0, 2))
    for heading in ("office", "who", "function", "is", "until", "because", "said"):
        table.add_column(heading)
    for one in people:
        table.add_row(
            one["office"],
            f"{one['name']} ({one['id']})",
            one["function"],
            one["state"].replace("_", " ") + (", on duty" if one["on_duty"] else ""),
            _at(one["until"], one, directory),
            one["reason"] or "",
            f"{_at(one['at'], one, directory)} {name_of(one['by'], directory) if one['by'] else ''}".strip(),
        )
    return [table]


def _at(at: Any, one: Answer, directory: Answer) -> str:
    return f"{datetime.fromisoformat(str(at)).astimezone(zone_of(one, directory)):%Y-%m-%d %H:%M}" if at else ""


async def say(bus: Bus, staff: str, state: str, until: str | None, reason: str, by: str | None) -> list[str]:
    """Say that somebody is absent or back, busy or free, or goes off shift; `by` is himself if nobody is named."""
    choose(state, STATES, "state")
    directory = await bus.ask(ListStaff())
    person = someone(staff, directory, "STAFF")
    sayer = staff if by is None else str(someone(by, directory, "--by")["id"])
    ends = None if until is None else moment(until, zone_of(person, directory), "--until")
    wish = checked(SetPresence, {"staff": staff, "state": state, "until": ends, "reason": reason, "by": sayer})
    command_id = fresh_id()
    await bus.send(wish, command_id)
    outcome = await bus.outcome("routing", command_id, seconds=PATIENCE)
    if outcome["state"] == "dead":
        problem = f"Routing gave it up: {outcome.get('reason') or 'no reason given'}."
        raise Trouble(problem, f"It is kept: `estafeta dead show routing/{outcome.get('letter')}`.", code=1)
    said = {entry["type"].partition(".")[0]: entry["payload"] for entry in outcome.get("said", [])}
    if refused := said.get("PresenceRefused"):
        problem = "It was refused; nothing was changed.\n" + faults(refused["faults"])
        raise Trouble(problem, "Mend it and say it again.", code=1)
    kept = said["PresenceSaid"]
    end = f" until {_at(kept['until'], person, directory)}" if kept["until"] else ""
    late = "" if kept["is_newest"] else "; a newer word of him holds"
    return [f"{name_of(staff, directory)}: {state.replace('_', ' ')}{end}{late}"]
