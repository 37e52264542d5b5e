"""Receivers say whether they take a lead: accept, decline with a reason, and see what still waits for an answer (SLA)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from rich.console import RenderableType
from rich.table import Table

from estafeta.client import Bus, fresh_id
from estafeta.lead import faults, name_of
from estafeta.trouble import Trouble
from estafeta.typed import checked, someone, zone_of
from shared.commands import AcceptLead, DeclineLead
from shared.message import Command
from shared.questions import ExplainRouting, ListStaff, ListWaiting

PATIENCE = 60.0
Answer = Mapping[str, Any]


async def accept(bus: Bus, lead: UUID | None, by: str | None, import_id: UUID | None) -> list[str]:
    """Take a lead, or all leads of a list that `by` has received; without `by` whoever has the lead now is meant."""
    directory = await bus.ask(ListStaff())
    if import_id is not None:
        if lead is not None or by is None:
            raise Trouble("A list is accepted by somebody, and whole.", "Give --import and --by, and no id of a lead.")
        someone(by, directory, "--by")
        said = await _done(bus, checked(AcceptLead, {"import_id": import_id, "by": by}))
        return [f"{len(said)} leads accepted by {name_of(by, directory)}"]
    if lead is None:
        raise Trouble("Which lead is meant?", "Name its id, or a whole list with --import.")
    who = await _receiver(bus, lead, by, directory)
    said = await _done(bus, checked(AcceptLead, {"lead_id": lead, "by": who}))
    if not said:
        return [f"{name_of(who, directory)} had accepted it already."]
    return [f"accepted by {name_of(who, directory)}", *_went(said, directory)]


async def decline(bus: Bus, lead: UUID, by: str | None, reason: str) -> list[str]:
    """Do not take a lead: it goes to the next one by the same rules, and never comes back to the one who declined."""
    directory = await bus.ask(ListStaff())
    who = await _receiver(bus, lead, by, directory)
    said = await _done(bus, checked(DeclineLead, {"lead_id": lead, "by": who, "reason": reason}))
    return [f"declined by {name_of(who, directory)}: {reason}", *_went(said, directory)]


async def _receiver(bus: Bus, lead: UUID, by: str | None, directory: Answer) -> str:
    if by is not None:
        return str(someone(by, directory, "--by")["id"])
    decisions = (await bus.ask(ExplainRouting(id=lead)))["decisions"]
    own = [one for one in decisions if str(one["lead_id"]) == str(lead) and not one["passed_on"]]
    if not own:
        raise Trouble(f"No lead with a receiver has the id {lead}.", "`estafeta lead` prints the id of each lead.")
    return str(own[-1]["answered_by"] or own[-1]["receiver"])


def _went(said: Sequence[tuple[str, Answer]], directory: Answer) -> list[str]:
    lines = []
    for kind, told in said:
        if kind == "LeadHandedOn":
            queue = f", in the queue {told['queue']}" if told["queue"] else ""
            lines.append(f"it is with {name_of(told['manager'], directory)} now, by {told['rule']}{queue}")
            if told["told"]:
                lines.append(f"told as well: {', '.join(name_of(who, directory) for who in told['told'])}")
            if told["alarm"]:
                lines.append(f"alarm: {told['alarm']}")
    return lines


async def waiting(bus: Bus, staff: str | None) -> list[RenderableType]:
    """Leads whose receiver has not answered, and those that wait in a queue because nobody could take them."""
    directory = await bus.ask(ListStaff())
    if staff is not None:
        someone(staff, directory, "--of")
    found = await bus.ask(ListWaiting(staff=staff))
    shown: list[RenderableType] = []
    zone = zone_of({}, directory)
    for key, title in (("awaited", "Not answered yet"), ("waiting", "In a queue: nobody could take it")):
        if not found[key]:
            continue
        table = Table(box=None, pad_edge=False, title=title, title_justify="left", padding=(0, 2))
        for heading in ("lead", "since", "with", "attempt", "by", "queue"):
            table.add_column(heading)
        for one in found[key]:
            since = datetime.fromisoformat(str(one["at"])).astimezone(zone)
            table.add_row(
                str(one["lead_id"]),
                f"{since:%Y-%m-%d %H:%M}",
                name_of(one["receiver"], directory),
                str(one["attempt"]),
                one["rule"],
                one["queue"] or "",
            )
        shown += [table, ""]
    return shown or ["Every lead has been answered."]


async def _done(bus: Bus, command: Command) -> list[tuple[str, Answer]]:
    command_id = fresh_id()
    await bus.send(command, command_id)
    outcome = await bus.outcome("routing", command_id, seconds=PATIENCE)
    if outcome["state"] == "dead":
        raise Trouble(
            f"Routing gave it up: {outcome.get('reason') or 'no reason given'}.",
            f"It is kept: `estafeta dead show routing/{outcome.get('letter')}`.",
            code=1,
        )
    said = [(entry["type"].partition(".")[0], entry["payload"]) for entry in outcome.get("said", [])]
    for kind, payload in said:
        if kind.endswith("Refused"):
            problem = "It was refused; nothing was changed.\n" + faults(payload["faults"])
            raise Trouble(problem, "Mend it and say it again.", code=1)
    return said
