"""Submitting one lead by hand, and telling what became of it: card, outcome, manager, rule, task, deadline."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, get_args
from uuid import UUID, uuid5
from zoneinfo import ZoneInfo

from estafeta.client import Bus, fresh_id
from estafeta.trouble import Silence, Trouble, choose
from estafeta.typed import checked, someone, zone_of
from shared.commands import LeadFields, Occasion, ScriptQuestion, SubmitLead
from shared.message import Question
from shared.questions import ExplainRecognition, ExplainRouting, ListStaff, ShowDeadlines, ShowProcess
from shared.words import Source

BY_HAND = "operator"
WAIT_SECONDS = 30.0

_OUTCOMES = {
    "new": "new: nobody like this was known, a card was opened",
    "same": "same: joined to the card that was there",
    "possible": "possible: like a card that is there; a person decides, the lead does not wait for it",
}


def wish(
    fields: Mapping[str, str],
    *,
    source: str,
    campaign: str | None,
    submitter: str | None,
    manager: str | None,
    external_id: str | None,
    country: str,
    call: Mapping[str, Any] | None = None,
    referral: Mapping[str, Any] | None = None,
    occasion: str | None = None,
) -> tuple[UUID, SubmitLead]:
    """The command for a lead typed by hand, and its id: repeated with the same external id and facts, the same id."""
    known = LeadFields.model_fields
    facts = checked(LeadFields, {name: value for name, value in fields.items() if name in known and value})
    command = checked(
        SubmitLead,
        {
            "source_system": BY_HAND,
            "external_id": external_id or str(fresh_id()),
            "source": source,
            "campaign": campaign,
            "submitter": submitter,
            "named_manager": manager,
            "default_country": country,
            "fields": facts,
            "call": call,
            "referral": referral,
            "occasion": occasion and choose(occasion, get_args(Occasion), "occasion (--occasion)"),
        },
    )
    return (uuid5(UUID(int=0), command.model_dump_json()) if external_id else fresh_id()), command


def call_of(
    source: str,
    worked_with: str,
    learned_from: str,
    meeting: str | None,
    refused: str,
    ended: str | None,
    meeting_at: str | None = None,
    meeting_minutes: int | None = None,
) -> dict[str, Any] | None:
    """What was typed of a call, for `CallForm`; None for a lead that is no call (R1-13 … R1-22).

    An agent who gives no answers hands in a meeting; with answers it counts if a meeting is among them (R1-26).
    """
    declined = [word.strip() for word in refused.split(",") if word.strip()]
    is_answered = bool(worked_with or learned_from or meeting or declined or ended or meeting_at or meeting_minutes)
    if source != Source.INBOUND_CALL and not (source == Source.AGENT and is_answered):
        if is_answered:
            remedy = "Add --source inbound_call, or --source agent."
            raise Trouble("What somebody answered is given, but the lead is no call.", remedy)
        return None
    return {
        "worked_with": worked_with,
        "learned_from": learned_from,
        "meeting": meeting,
        "meeting_at": meeting_at,
        "meeting_minutes": meeting_minutes,
        "refused": [choose(word, get_args(ScriptQuestion), "question (--refused)") for word in declined],
        "ended_at": ended,
    }


def referral_of(by: str, obtained_by: str | None) -> dict[str, Any] | None:
    """What was typed of a referral, for `Referral`: who recommended us and who of us obtained it (R0-09)."""
    if not by and not obtained_by:
        return None
    if not by or not obtained_by:
        raise Trouble("A referral names both sides.", "Give --referred-by and --obtained-by together.")
    try:
        return {"client_id": UUID(by.strip()), "obtained_by": obtained_by}
    except ValueError:
        return {"by": by, "obtained_by": obtained_by}


async def until(bus: Bus, question: Question, enough: Callable[[dict[str, Any]], bool], what: str) -> dict[str, Any]:
    """Ask until the answer is enough; `what` says in the complaint what did not come in `WAIT_SECONDS`."""
    ends, pause = time.monotonic() + WAIT_SECONDS, 0.02
    while True:
        answer = await bus.ask(question)
        if enough(answer):
            return answer
        if time.monotonic() > ends:
            raise Silence(
                f"The lead is taken in, but {what} is not known after {WAIT_SECONDS:.0f} s.",
                f"The room {type(question).owner} is behind: see `estafeta status` and `estafeta dead`. The lead is safe.",
            )
        await asyncio.sleep(pause)
        pause = min(pause * 1.5, 0.5)


async def submit_lead(bus: Bus, command_id: UUID, command: SubmitLead) -> list[str]:
    """Send the lead, follow it through the house, and return what became of it, line by line.

    A named manager or submitter that is not in the directory is a `Trouble` before anything is sent.
    """
    directory = await bus.ask(ListStaff())
    if command.named_manager:
        someone(command.named_manager, directory, "--manager")
    if command.submitter:
        someone(command.submitter, directory, "--submitter")
    if command.referral:
        someone(command.referral.obtained_by, directory, "--obtained-by")
    await bus.send(command, command_id)
    outcome = await bus.outcome("intake", command_id, seconds=WAIT_SECONDS)
    if outcome["state"] == "dead":
        raise Trouble(
            f"Intake gave the lead up: {outcome.get('reason') or 'no reason given'}.",
            f"It is kept: `estafeta dead show intake/{outcome.get('letter')}` shows it, `dead again` sends it again.",
            code=1,
        )
    said = {entry["type"].partition(".")[0]: entry["payload"] for entry in outcome.get("said", [])}
    if rejected := said.get("LeadRejected"):
        raise Trouble(
            f"The lead was kept, but is not workable (lead {rejected['lead_id']}).\n" + faults(rejected["faults"]),
            "Mend the named fields and submit it again.",
        )
    if contact := said.get("ContactKept"):
        return kept(contact)
    accepted = said.get("LeadAccepted")
    if accepted is None:
        return [
            f"A lead with the external id {command.external_id!r} was taken in before; nothing was done twice.",
            "To submit another one, leave --external-id out or give a new one.",
        ]
    told = await _follow(bus, accepted, directory)
    if late := said.get("EntryDelayed"):
        told.insert(
            -2,
            f"entered    {late['lag_s'] / 60:.0f} min after the call ended; {late['allowed_s'] / 60:.0f} are allowed",
        )
    return told


_NO_LEAD_YET = {
    "R1-31": "A registration alone is no lead. It is kept, and the lead that comes later will say that he registered.",
    "R1-26": "An agent's contact counts when a meeting is agreed. It is kept, and the meeting that comes later will find it.",
}


def kept(contact: Mapping[str, Any]) -> list[str]:
    """What is told of something that is no lead yet (R1-31, R1-26)."""
    known = contact.get("client_id")
    return [
        _NO_LEAD_YET[contact["rule"]],
        f"contact    {contact['contact_id']}",
        f"client     {known}, known already: estafeta explain client {known}"
        if known
        else "client     nobody we know yet",
    ]


def earlier(contacts: Sequence[Mapping[str, Any]], zone: ZoneInfo) -> list[str]:
    """When and where somebody made himself known before there was a lead, one line for each."""
    lines = []
    for one in contacts:
        day = datetime.fromisoformat(str(one["received_at"])).astimezone(zone)
        what = "registered" if one.get("kept_by", one["rule"]) == "R1-31" else "spoke with an agent"
        where = f", {one['campaign']}" if one.get("campaign") else ""
        sure = "" if one["outcome"] == "same" else "; possibly he, not surely"
        lines.append(f"before     {what} on {day:%Y-%m-%d} ({one['source']}{where}){sure}")
    return lines


async def _follow(bus: Bus, accepted: Mapping[str, Any], directory: Mapping[str, Any]) -> list[str]:
    lead_id, client_id = UUID(str(accepted["lead_id"])), UUID(str(accepted["client_id"]))

    def of_this_lead(answer: dict[str, Any]) -> list[dict[str, Any]]:
        return [d for d in answer.get("decisions", []) if str(d.get("lead_id")) == str(lead_id)]

    routed = await until(bus, ExplainRouting(id=lead_id), lambda a: bool(of_this_lead(a)), "its manager")
    decision = of_this_lead(routed)[-1]
    sale = await until(
        bus, ShowProcess(id=lead_id), lambda a: bool(a.get("found")) and bool(open_tasks(a)), "its sale with a task"
    )
    task = open_tasks(sale)[0]
    task_id = UUID(str(task["id"]))
    answer = await until(bus, ShowDeadlines(id=task_id), lambda a: bool(a.get("deadlines")), "its task's deadline")
    deadline = next(d for d in answer["deadlines"] if str(d["task_id"]) == str(task_id))
    known = await bus.ask(ExplainRecognition(id=lead_id))
    client = known.get("client") or {}
    manager = name_of(decision.get("receiver"), directory)
    zone = zone_of(person(decision.get("receiver"), directory), directory)
    process = sale.get("process") or {}
    return [
        f"lead       {lead_id}",
        f"card       {client.get('name') or accepted.get('company') or 'no company named'} ({client_id})",
        f"outcome    {_OUTCOMES.get(str(accepted['outcome']), accepted['outcome'])}",
        *earlier(accepted.get("earlier") or [], zone),
        f"region     {accepted.get('region')} (by {str(accepted.get('region_by', '')).replace('_', ' ')})",
        f"manager    {manager}",
        f"rule       {decision.get('rule')}: {decision.get('reason') or ''}",
        *([f"alarm      {decision['alarm']}"] if decision.get("alarm") else []),
        f"sale       stage {process.get('stage', '?')} ({process.get('id')})",
        f"task       {task.get('kind')} by {name_of(task.get('manager'), directory)}",
        f"deadline   {at(deadline['due_at'], zone)}",
        "",
        f"Why so: estafeta explain lead {lead_id}",
    ]


def open_tasks(sale: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The tasks of a sale that are still to be done, the nearest first."""
    tasks: list[dict[str, Any]] = [task for task in sale.get("tasks", []) if task.get("is_open")]
    return sorted(tasks, key=lambda task: str(task.get("due_at") or ""))


def faults(found: list[Mapping[str, Any]]) -> str:
    """Faults as lines: field, problem, remedy."""
    return "\n".join(f"  {fault['field']}: {fault['problem']} → {fault['remedy']}" for fault in found)


def person(staff_id: Any, directory: Mapping[str, Any]) -> dict[str, Any]:
    """The directory's entry of this member of staff; an empty one for somebody it does not know."""
    return next((entry for entry in directory.get("staff", []) if entry["id"] == staff_id), {})


def name_of(staff_id: Any, directory: Mapping[str, Any]) -> str:
    """`Петрова Анна (petrova)`; the bare id of somebody the directory does not know."""
    name = person(staff_id, directory).get("name")
    return f"{name} ({staff_id})" if name else str(staff_id)


def at(moment: str, zone: ZoneInfo) -> str:
    """A moment of an answer by the clock of `zone`: `Wed 25 Nov 2026 10:00 (Europe/Moscow)`."""
    return f"{datetime.fromisoformat(moment).astimezone(zone):%a %d %b %Y %H:%M} ({zone.key})"
