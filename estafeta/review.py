"""Possible matches before a person: the queue, one of them side by side, the word that settles it, and taking it back."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from rich.console import RenderableType
from rich.table import Table

from estafeta.client import Bus, fresh_id
from estafeta.lead import faults, name_of
from estafeta.trouble import Trouble
from estafeta.typed import checked, someone
from shared.commands import JudgeReview, MergeClients, SplitClients
from shared.message import Command
from shared.questions import ListMerges, ListReviews, ListStaff, ShowReview

PATIENCE = 60.0
Answer = Mapping[str, Any]


async def queue(bus: Bus, client: UUID | None, limit: int) -> list[RenderableType]:
    """What waits, by client, what is worth most first; one client alone with all his doubts."""
    found = await bus.ask(ListReviews(client_id=client, limit=limit))
    if not found["groups"]:
        return ["Nothing waits for a person." if not client else "Nothing waits about this client."]
    shown: list[RenderableType] = []
    now = datetime.now(UTC)  # for people to read: how long it has waited
    for group in found["groups"]:
        waits = (now - datetime.fromisoformat(group["oldest_at"])).total_seconds()
        count = f"{group['leads']} leads" if group["leads"] > 1 else "1 lead"
        shown += ["", f"{count} of {group['label']}: {group['name']} ({group['client_id']}), waiting {_age(waits)}"]
        table = Table(box=None, pad_edge=False, show_header=False, padding=(0, 2))
        for one in group["reviews"]:
            table.add_row(
                f"  {one['id']}",
                one["name"] or "no name",
                f"{one['score']:+.1f}",
                one["because"],
                f"→ {one['suggested']}?" + (f" (skipped {one['skips']}×)" if one["skips"] else ""),
            )
        shown.append(table)
        if group["leads"] > len(group["reviews"]):
            more = group["leads"] - len(group["reviews"])
            shown.append(f"  and {more} more: estafeta review list --client {group['client_id']}")
    return [
        f"{found['waiting']} possible matches wait; their leads are being worked meanwhile.",
        *shown,
        "",
        "estafeta review show ID · same|different|sister|skip ID … --by YOU, or --client ID for a whole group",
    ]


def _age(seconds: float) -> str:
    days, hours = divmod(int(seconds) // 3600, 24)
    return f"{days} d {hours} h" if days else f"{hours} h" if hours else f"{max(int(seconds) // 60, 0)} min"


async def side_by_side(bus: Bus, id_: UUID) -> list[RenderableType]:
    """Both records of a doubt beside each other, what agrees, what does not, and what is suggested."""
    found, directory = await asyncio.gather(bus.ask(ShowReview(id=id_)), bus.ask(ListStaff()))
    if not found["found"]:
        raise Trouble(f"No possible match has the id {id_}.", "`estafeta review list` shows those that wait.")
    review, card, other = found["review"], found["card"], found["other"]
    table = Table(box=None, pad_edge=False, padding=(0, 2))
    for heading in ("", "the lead's card", "the client it may be"):
        table.add_column(heading, overflow="fold")
    ours, theirs = _facts(card, directory), _facts(other, directory)
    shared = {str(item["lead"]) for item in found["agree"]}
    for name in ours:
        met = bool(shared & set(ours[name]) and shared & set(theirs[name]))
        table.add_row(("= " if met else "  ") + name, ", ".join(ours[name]) or "-", ", ".join(theirs[name]) or "-")
    lines: list[RenderableType] = [
        f"possible match {review['id']}: {review['because']} ({review['rule']}, {review['score']:+.1f} bits)",
        "",
        table,
        "",
        "speaks for one client:",
        *_items(found["agree"]),
        "speaks against:",
        *_items(found["conflict"]),
    ]
    if review["conflicts"]:
        lines.append(f"  told apart by: {', '.join(review['conflicts'])}")
    if said := found["judgement"]:
        who = name_of(said["judged_by"], directory)
        lines += ["", f"{who} said on {said['judged_at'][:10]}: {said['verdict']}. {said['note']}".rstrip()]
    elif review["state"] == "moot":
        lines += ["", "It was settled by a merge."]
    else:
        lines += ["", f"suggested: estafeta review {review['suggested']} {review['id']} --by YOU"]
    return lines


def _facts(side: Answer, directory: Answer) -> dict[str, list[str]]:
    record = side["record"]
    company = record.get("company") or {}
    return {
        "id": [str(side["id"])],
        "name": [side["name"]] if side["name"] else [],
        "compared as": [company["core"]] if company else [],
        "surnames": [one["key"] for one in record.get("surnames", [])],
        "phones": [one.get("e164") or one["local"] for one in record.get("phones", [])],
        "e-mail": [one["email"] for one in record.get("mailboxes", [])],
        "domains": list(
            dict.fromkeys(
                [*(b["domain"] for b in record.get("mailboxes", []) if b.get("domain")), *record.get("sites", [])]
            )
        ),
        "tax id": [record["tax_id"]] if record.get("tax_id") else [],
        "region": [side["region"]] if side["region"] else [],
        "curator": [name_of(side["curator"], directory)] if side["curator"] else [],
        "leads": [str(side["leads"])],
    }


def _items(items: Sequence[Answer]) -> list[str]:
    lines = []
    for item in items:
        pair = str(item["lead"]) if item["lead"] == item["client"] else f"{item['lead']} ~ {item['client']}"
        held = f", held by {item['df']} clients" if item["df"] > 1 else ""
        lines.append(f"  {item['key']:<8}{item['weight']:+6.1f}  {pair} ({item['level']}{held})")
    return lines or ["  nothing"]


async def judge(
    bus: Bus,
    verdict: str,
    ids: Sequence[UUID],
    client: UUID | None,
    by: str,
    note: str,
    survivor: UUID | None,
) -> list[str]:
    """Settle doubts, or all about one client; whoever says so must be in the directory."""
    someone(by, await bus.ask(ListStaff()), "--by")
    reviews = list(ids)
    if client is not None:
        found = await bus.ask(ListReviews(client_id=client))
        reviews += [UUID(one["id"]) for group in found["groups"] for one in group["reviews"]]
    if not reviews:
        raise Trouble("Which possible match is meant?", "Name its id, or --client with the id of a client.")
    facts = {"reviews": reviews, "verdict": verdict, "by": by, "note": note, "survivor_id": survivor}
    said = await _done(bus, checked(JudgeReview, facts))
    judged = sum(kind == "ReviewJudged" for kind, _ in said)
    return [f"{judged} judged: {verdict}", *_moves(said)]


async def merge(bus: Bus, one: UUID, other: UUID, by: str, note: str, survivor: UUID | None) -> list[str]:
    """Make two clients one by a person's word."""
    someone(by, await bus.ask(ListStaff()), "--by")
    facts = {"client_id": one, "other_id": other, "by": by, "note": note, "survivor_id": survivor}
    return _moves(await _done(bus, checked(MergeClients, facts)))


async def split(bus: Bus, merge_id: UUID | None, import_id: UUID | None, by: str, note: str) -> list[str]:
    """Undo a merge, or all that a list led to."""
    someone(by, await bus.ask(ListStaff()), "--by")
    facts = {"merge_id": merge_id, "import_id": import_id, "by": by, "note": note}
    return _moves(await _done(bus, checked(SplitClients, facts)))


async def merges(bus: Bus, id_: UUID) -> list[str]:
    """The merges of a client or an import, with what was undone."""
    found, directory = await asyncio.gather(bus.ask(ListMerges(id=id_)), bus.ask(ListStaff()))
    lines = []
    for one in found["merges"]:
        lines.append(
            f"{one['merge_id']}  {one['at'][:16]}  {one['loser_id']} → {one['survivor_id']}, {one['records']} records,"
            f" by {name_of(one['by'], directory)}" + (f": {one['note']}" if one["note"] else "")
        )
        if one["undone_at"]:
            note = f": {one['undone_note']}" if one["undone_note"] else ""
            lines.append(f"    undone {one['undone_at'][:16]} by {name_of(one['undone_by'], directory)}{note}")
    return lines or ["No merge of a client or import with this id."]


async def _done(bus: Bus, command: Command) -> list[tuple[str, Answer]]:
    command_id = fresh_id()
    await bus.send(command, command_id)
    outcome = await bus.outcome("intake", command_id, seconds=PATIENCE)
    if outcome["state"] == "dead":
        raise Trouble(
            f"Intake gave it up: {outcome.get('reason') or 'no reason given'}.",
            f"It is kept: `estafeta dead show intake/{outcome.get('letter')}`.",
            code=1,
        )
    said = [(entry["type"].partition(".")[0], entry["payload"]) for entry in outcome.get("said", [])]
    for kind, payload in said:
        if kind == "JudgementRefused":
            raise Trouble(
                "It was refused; nothing was done.\n" + faults(payload["faults"]), "Mend it and say it again."
            )
    return said


def _moves(said: Sequence[tuple[str, Answer]]) -> list[str]:
    lines = []
    for kind, told in said:
        if told.get("client_id") != told.get("loser_id"):
            continue  # each is told in the history of both clients
        if kind == "ClientsMerged":
            lines.append(
                f"merged {told['loser_id']} into {told['survivor_id']} ({told['name']}), {len(told['records'])} records;"
                f" to undo: estafeta review split {told['merge_id']} --by YOU"
            )
        if kind == "ClientsSplit":
            lines.append(f"{told['loser_id']} is a client of its own again, with {len(told['records'])} records")
            lines += [f"  came after the merge, please look: estafeta explain lead {one}" for one in told["came_later"]]
    return lines
