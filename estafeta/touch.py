"""Recording a touch by hand: what was done, what came of it, and what is next (R4-10, R4-11)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from estafeta.client import Bus, fresh_id
from estafeta.lead import at, faults, open_tasks, person
from estafeta.trouble import Trouble, choose
from estafeta.typed import an_id, checked, contract, deferral, meeting, next_action, next_of, someone, zone_of
from shared.commands import Ending, RecordTouch
from shared.questions import ListStaff, ShowDeadlines, ShowProcess
from shared.words import Direction, Stage, TouchKind, TouchResult


@dataclass(frozen=True, slots=True)
class Typed:
    """A touch as it was typed: every word still text."""

    by: str
    kind: str
    process: str | None = None
    client: str | None = None
    lead: str | None = None
    result: str | None = None
    comment: str = ""
    direction: str = "outbound"
    next: str | None = None
    next_kind: str | None = None
    next_at: str | None = None
    end: str | None = None
    defer: str | None = None
    move: str | None = None
    meeting_at: str | None = None
    meeting_place: str | None = None
    meeting_holder: str | None = None
    meeting_minutes: int | None = None
    contract_number: str | None = None
    contract_date: str | None = None
    contract_amount: str | None = None


def whose(typed: Typed) -> tuple[str, UUID]:
    """Which sale is meant: exactly one of --process, --client and --lead."""
    given = {name: value for name in ("process", "client", "lead") if (value := getattr(typed, name))}
    if len(given) != 1:
        raise Trouble(
            "It is not clear which sale was worked: "
            + (f"{' and '.join(given)} are named." if given else "none is named."),
            "Name one of --process ID, --client ID, --lead ID.",
        )
    ((what, value),) = given.items()
    return what, an_id(value, what)


def look_over(typed: Typed) -> None:
    """What can be seen without the house: raises `Trouble` for words that nobody can mean."""
    whose(typed)
    choose(typed.kind, list(TouchKind), "kind of touch (--kind)")
    choose(typed.direction, list(Direction), "direction (--direction)")
    if typed.result:
        choose(typed.result, list(TouchResult), "result (--result)")
    if typed.move:
        choose(typed.move, list(Stage), "stage (--move)")
    if typed.next and (typed.next_kind or typed.next_at):
        raise Trouble("--next is given together with --next-kind or --next-at.", "Say it once, in either way.")


def touch_of(typed: Typed, directory: Mapping[str, Any]) -> RecordTouch:
    """The command for what was typed and looked over; times are by the clock of the office of `--by`. Raises `Trouble`.

    Whether the touch is whole (R4-10, R4-11) and the move allowed is for the process room to say, not for this side.
    """
    what, id_ = whose(typed)
    zone = zone_of(someone(typed.by, directory, "--by"), directory)
    if typed.meeting_holder:
        someone(typed.meeting_holder, directory, "--meeting-holder")
    following = next_action(typed.next, zone) if typed.next else next_of(typed.next_kind, typed.next_at, zone)
    return checked(
        RecordTouch,
        {
            "process_id": id_ if what == "process" else None,
            "client_id": id_ if what == "client" else None,
            "by": typed.by,
            "kind": typed.kind,
            "direction": typed.direction,
            "result": typed.result or None,
            "comment": typed.comment,
            "next": following,
            "end": Ending(reason=typed.end) if typed.end else None,
            "deferral": deferral(typed.defer) if typed.defer else None,
            "move_to": typed.move or None,
            "meeting": meeting(
                typed.meeting_at, typed.meeting_place, typed.meeting_holder, zone, typed.meeting_minutes
            ),
            "contract": contract(typed.contract_number, typed.contract_date, typed.contract_amount),
        },
    )


async def record_touch(bus: Bus, typed: Typed) -> list[str]:
    """Send the touch and return what became of it, line by line; a refusal is a `Trouble` with every fault."""
    what, id_ = whose(typed)
    directory = await bus.ask(ListStaff())
    command = touch_of(typed, directory)
    if what == "lead":
        sale = await bus.ask(ShowProcess(id=id_))
        process = sale.get("process") or {}
        if not sale.get("found") or not process:
            raise Trouble(
                f"No sale is known for the lead {id_}.",
                f"See what became of it: `estafeta explain lead {id_}`.",
                code=1,
            )
        command = command.model_copy(update={"process_id": UUID(str(process["id"]))})
    command_id = fresh_id()
    await bus.send(command, command_id)
    outcome = await bus.outcome("process", command_id)
    if outcome["state"] == "dead":
        raise Trouble(
            f"The process room gave the touch up: {outcome.get('reason') or 'no reason given'}.",
            f"It is kept: `estafeta dead show process/{outcome.get('letter')}` shows it, `dead again` sends it again.",
            code=1,
        )
    said = [(entry["type"].partition(".")[0], entry["payload"]) for entry in outcome.get("said", [])]
    for kind, payload in said:
        if kind == "TouchRefused":
            raise Trouble(
                "The touch was refused and nothing of it was done.\n" + faults(payload["faults"]),
                "Say what is missing and record it again.",
                code=1,
            )
    return await _told(bus, said, directory)


async def _told(bus: Bus, said: list[tuple[str, dict[str, Any]]], directory: Mapping[str, Any]) -> list[str]:
    lines = []
    for kind, payload in said:
        if kind == "TouchRecorded":
            lines.append(f"recorded   {payload['kind']}, {payload['result']} ({payload['touch_id']})")
        elif kind == "StageMoved":
            lines.append(f"stage      {payload['from_stage']} → {payload['to_stage']}")
        elif kind == "ProcessClosed":
            lines.append(f"closed     {payload['ended']}: {payload.get('reason') or 'the contract is signed'}")
        elif kind == "TaskSet":
            zone = zone_of(person(payload["manager"], directory), directory)
            due = payload.get("due_at")
            if due is None:
                shown = await bus.ask(ShowDeadlines(id=UUID(str(payload["task_id"]))))
                due = next((d["due_at"] for d in shown.get("deadlines", [])), None)
            lines.append(f"next       {payload['kind']}" + (f", {at(due, zone)}" if due else ""))
    if not any(kind in ("TaskSet", "ProcessClosed") for kind, _ in said) and said:
        process_id = next((payload["process_id"] for _, payload in said if payload.get("process_id")), None)
        sale = await bus.ask(ShowProcess(id=UUID(str(process_id)))) if process_id else {}
        lines += [
            f"open task  {task.get('kind')}, due {task.get('due_at') or 'as first reaction'}"
            for task in open_tasks(sale)
        ]
    return lines or ["The touch was recorded before; nothing was done twice."]
