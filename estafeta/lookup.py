"""Who is calling? The six-key check while the caller is still talking, and who works with him; nothing is stored."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from estafeta.client import Bus
from estafeta.lead import earlier, faults, name_of
from estafeta.trouble import Silence, Trouble
from estafeta.typed import checked, zone_of
from shared.commands import LeadFields
from shared.questions import ExplainRouting, ListStaff, LookupClient, ShowProcess

SHOWN = 5
PATIENCE = 2.0  # seconds: the caller is on the line, so what the other rooms know is shown if they answer at once

Answer = Mapping[str, Any]
_VERDICTS = {
    "same": "same: a client we know",
    "possible": "possible: like a client we know; a person decides",
    "new": "new: nobody like this is known",
}


async def look_up(bus: Bus, fields: Mapping[str, str], country: str) -> list[str]:
    """What the six-key check says of `fields`, line by line, with curator, open sale and manager of each client found.

    Raises `Trouble` when nothing is given, or nothing of it can be searched.
    """
    facts = checked(LeadFields, {name: value for name, value in fields.items() if value})
    question = checked(LookupClient, {"default_country": country, "fields": facts})
    found = await bus.ask(question)
    if found["outcome"] == "unsearchable":
        raise Trouble(
            "There is nothing to search by.\n" + faults(found["faults"]),
            "Give at least one of --company, --contact, --phone, --fax, --email, --website that can be read.",
        )
    lines = [f"{_VERDICTS[found['outcome']]}  ({found['rule']}: {found['because']}; {found['check_ms']:g} ms)"]
    clients = [found["client"]] if found["client"] else []
    if found["client"]:
        lines += [*_client(found["client"], await _known(bus, found["client"])), *_evidence(found["evidence"])]
    if found["earlier"]:
        directory = await bus.ask(ListStaff(), seconds=PATIENCE)
        lines += earlier(found["earlier"], zone_of({}, directory))
    for_review = [one for one in found["candidates"] if one["for_review"] and one["client"] not in clients]
    known = await asyncio.gather(*(_known(bus, one["client"]) for one in for_review[:SHOWN]))
    for one, facts_of in zip(for_review, known, strict=False):
        lines += ["", f"possible, {one['score']:g} bits ({one['rule']}: {one['because']})"]
        lines += [*_client(one["client"], facts_of), *_evidence(one["evidence"])]
        if one["conflicts"]:
            lines.append(f"  but told apart by {', '.join(one['conflicts'])}")
    aside = [one for one in found["candidates"] if not one["for_review"]]
    if aside:
        names = ", ".join(f"{one['client']['name'] or 'no name'} ({one['rule']})" for one in aside[:SHOWN])
        lines += ["", f"seen and put aside: {names}"]
    if found["outcome"] == "new" and found["evidence"]:
        lines += ["", "what is known of it all the same:", *_evidence(found["evidence"])]
    return lines


async def _known(bus: Bus, client: Answer) -> tuple[Answer, Answer, Answer]:
    """What process, routing and the directory know of a client; who does not answer at once is left out."""
    id_ = UUID(str(client["id"]))
    answers = await asyncio.gather(
        bus.ask(ShowProcess(id=id_), seconds=PATIENCE),
        bus.ask(ExplainRouting(id=id_), seconds=PATIENCE),
        bus.ask(ListStaff(), seconds=PATIENCE),
        return_exceptions=True,
    )
    for answer in answers:
        if isinstance(answer, BaseException) and not isinstance(answer, Silence):
            raise answer
    sale, routing, directory = ({} if isinstance(one, BaseException) else one for one in answers)
    return sale, routing, directory


def _client(client: Answer, known: tuple[Answer, Answer, Answer]) -> list[str]:
    sale, routing, directory = known
    lines = [f"  client    {client['name'] or 'no company named'} ({client['id']}), {client['region']}"]
    if client["provisional"]:
        lines.append("  provisional: whether it is one with another card has not been decided")
    if client["curator"]:
        lines.append(f"  curator   {name_of(client['curator'], directory)}")
    process = sale.get("process") or {}
    if process and process.get("closed_at") is None:
        manager = name_of(process["manager"], directory)
        lines.append(f"  sale      open, stage {process['stage']}, with {manager} ({process['id']})")
    elif process:
        lines.append(f"  sale      none open; the last one was {process['stage']}")
    elif not sale:
        lines.append("  sale      process does not answer: not known")
    else:
        lines.append("  sale      none")
    decisions = routing.get("decisions") or []
    if decisions:
        last = decisions[-1]
        lines.append(f"  last lead to {name_of(last['receiver'], directory)} ({last['rule']})")
    return lines


def _evidence(items: list[Answer]) -> list[str]:
    return [
        f"  {item['weight']:+6.1f}  {item['key']} {item['level']}: {item['lead']}"
        + (f" = {item['client']}" if item["client"] and item["client"] != item["lead"] else "")
        for item in items
    ]
