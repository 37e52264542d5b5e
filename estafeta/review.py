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
from shared.commands import JudgeReview, MergeClients, SettleProposal, SplitClients
from shared.message import Command
from shared.questions import ListMerges, ListProposals, ListReviews, ListStaff, ShowProcess, ShowReview
from shared.words import Stage

PATIENCE = 60.0
Answer = Mapping[str, Any]


async def queue(bus: Bus, client: UUID | None, limit: int) -> list[RenderableType]:
    """What waits, by client, what is worth most first; one client alone with all his doubts."""
    found, proposed = await asyncio.gather(bus.ask(ListReviews(client_id=client, limit=limit)), proposals(bus))
    if client:
        proposed = []
    if not found["groups"]:
        return proposed or ["Nothing waits for a person." if not client else "Nothing waits about this client."]
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
        *(["", *proposed] if proposed else []),
        "",
        "estafeta review show ID · same|different|sister|skip ID … --by YOU, or --client ID for a whole group",
    ]


def _age(seconds: float) -> str:
    days, hours = divmod(int(seconds) // 3600, 24)
    return f"{days} d {hours} h" if days else f"{hours} h" if hours else f"{max(int(seconds) // 60, 0)} min"


async def proposals(bus: Bus) -> list[RenderableType]:
    """The merges of clients with weight that wait for a second person."""
    found, directory = await asyncio.gather(bus.ask(ListProposals()), bus.ask(ListStaff()))
    lines: list[RenderableType] = []
    for one in found["proposals"]:
        clients = " and ".join(f"{client['name'] or 'no name'} ({client['id']})" for client in one["clients"])
        who, note = name_of(one["proposed_by"], directory), f": {one['note']}" if one["note"] else ""
        lines += [
            f"{who} says that {clients} are one client{note}",
            f"  a second person must say so: {'; '.join(one['reasons'])}",
            f"  estafeta review confirm {one['id']} --by YOU, or decline",
        ]
    return lines


async def settle(bus: Bus, proposal_id: UUID, verdict: str, by: str, note: str) -> list[str]:
    """Confirm or decline, as the second person, that clients with weight are one."""
    someone(by, await bus.ask(ListStaff()), "--by")
    facts = {"proposal_id": proposal_id, "verdict": verdict, "by": by, "note": note}
    said = await done(bus, checked(SettleProposal, facts))
    return _moves(said) or [
        f"{verdict}ed: nothing was merged" if verdict == "confirm" else "declined: nothing was merged"
    ]


async def weight_of(bus: Bus, clients: Sequence[UUID]) -> list[str]:
    """What process knows that makes two people look: two managers have worked on open sales, and one would lose his (R1-42).

    A sale on which nothing has been done yet weighs nothing: every lead that waits for this very judgement has one.
    Raises `Silence` when process does not answer: nobody merges over an open sale because nobody was asked.
    """
    answers = await asyncio.gather(*(bus.ask(ShowProcess(id=one)) for one in dict.fromkeys(clients)))
    managers = {
        str(sale["manager"])
        for sale in (answer.get("process") or {} for answer in answers)
        if sale and sale.get("closed_at") is None and sale["stage"] != Stage.OPENED
    }
    if len(managers) < 2:
        return []
    return [f"{' and '.join(sorted(managers))} have both worked on an open sale: only one of them would go on"]


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
    weight = await _weight_of_reviews(bus, reviews) if verdict == "same" else []
    facts = {"reviews": reviews, "verdict": verdict, "by": by, "note": note, "survivor_id": survivor, "weight": weight}
    said = await done(bus, checked(JudgeReview, facts))
    if waiting := _proposed(said):
        return waiting
    judged = sum(kind == "ReviewJudged" for kind, _ in said)
    return [f"{judged} judged: {verdict}", *_moves(said)]


async def _weight_of_reviews(bus: Bus, reviews: Sequence[UUID]) -> list[str]:
    shown = await asyncio.gather(*(bus.ask(ShowReview(id=one)) for one in reviews))
    weight: list[str] = []
    for one in shown:
        if one["found"]:
            weight += await weight_of(bus, [UUID(str(one[side]["id"])) for side in ("card", "other")])
    return list(dict.fromkeys(weight))[:10]


async def merge(bus: Bus, one: UUID, other: UUID, by: str, note: str, survivor: UUID | None) -> list[str]:
    """Make two clients one by a person's word."""
    someone(by, await bus.ask(ListStaff()), "--by")
    weight = await weight_of(bus, [one, other])
    facts = {"client_id": one, "other_id": other, "by": by, "note": note, "survivor_id": survivor, "weight": weight}
    said = await done(bus, checked(MergeClients, facts))
    return _proposed(said) or _moves(said)


async def split(bus: Bus, merge_id: UUID | None, import_id: UUID | None, by: str, note: str) -> list[str]:
    """Undo a merge, or all that a list led to."""
    someone(by, await bus.ask(ListStaff()), "--by")
    facts = {"merge_id": merge_id, "import_id": import_id, "by": by, "note": note}
    return _moves(await done(bus, checked(SplitClients, facts)))


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


async def done(bus: Bus, command: Command) -> list[tuple[str, Answer]]:
    """Send a person's word to intake and wait for what came of it: (kind of event, its facts); a refusal is a `Trouble`."""
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


def _proposed(said: Sequence[tuple[str, Answer]]) -> list[str]:
    for kind, told in said:
        if kind == "MergeProposed":
            return [
                f"Proposed; nothing is merged yet, because {'; '.join(told['reasons'])}.",
                f"A second person confirms it: estafeta review confirm {told['proposal_id']} --by …",
            ]
    return []


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
