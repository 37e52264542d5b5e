"""Moving work: a client to another, what became of a move, and taking it back."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from estafeta.client import Bus, fresh_id
from estafeta.lead import name_of
from estafeta.trouble import Silence, Trouble
from estafeta.typed import checked, someone, zone_of
from shared.commands import TransferClient, UndoMove
from shared.message import Command
from shared.questions import ListMoves, ListStaff, PreviewMove, TellMove, TellOwner

Answer = Mapping[str, Any]
STALL_SECONDS = 60.0
PREVIEW_SECONDS = 60.0
_PAUSE = 0.3
_QUIET = 4
_SHORTEST = 4
_SHOWN = 30
_UNDER_WAY = ("moving", "undoing")


async def transfer(
    bus: Bus, client_id: UUID, to: str | None, reason: str, by: str | None, consent: str | None, undo_days: int
) -> RenderableType:
    """Give a client to another, wait until his sale has followed, and tell who has him now."""
    directory = await bus.ask(ListStaff())
    _known(directory, {"--to": to, "--by": by, "--consent": consent})
    wish = checked(
        TransferClient,
        {
            "client_id": client_id,
            "to": to,
            "reason": reason,
            "by": by,
            "consent": consent,
            "undo_days": undo_days,
        },
    )
    return shown(await wait_for(bus, await begin(bus, wish)), directory)


async def owner(bus: Bus, client_id: UUID, lang: str) -> list[str]:
    """Who has a client now, and how he came to him, line by line."""
    told, directory = await asyncio.gather(bus.ask(TellOwner(client_id=client_id)), bus.ask(ListStaff()))
    if not told["found"]:
        raise Trouble(f"Routing knows no client {client_id}.", "Check that all of the id was copied.", code=1)
    say = _WORDS[lang]
    zone = zone_of({}, directory)
    lines = [
        f"{say['queue'].format(queue=told['queue'])} {name_of(told['owner'], directory)}"
        if told["queue"]
        else f"{say['owner']} {name_of(told['owner'], directory)}"
    ]
    if told["works"]:
        lines.append(f"{say['works']} {name_of(told['works'], directory)}")
    if told["curator"]:
        lines.append(f"{say['curator']} {name_of(told['curator'], directory)}")
    for move in told["moves"]:
        had = move["before"]["open_with"] or move["before"]["curator"]
        lines.append(
            say["moved"].format(
                at=_when(move["at"], zone),
                what=say[move["kind"]],
                had=name_of(had, directory) if had else "—",
                to=name_of(move["receiver"], directory),
                rule=say["named"] if move["rule"] == "named" else move["rule"],
                reason=move["reason"],
            )
            + (f" {say[move['state']]}" if move["state"] in ("back", "left") else "")
        )
        passed = move["excluded_ru" if lang == "ru" else "excluded"]
        lines += [f"    {name_of(who, directory)} {why}" for who, why in passed.items()]
    return lines


_WORDS: Mapping[str, Mapping[str, str]] = {
    "en": {
        "owner": "owner     ",
        "queue": "queue      {queue}; answers for it:",
        "works": "sale      ",
        "curator": "curator   ",
        "moved": "moved      {at}, {what}: {had} → {to} ({rule}; {reason})",
        "transfer": "transfer",
        "dismissal": "dismissal",
        "handover": "hand-over of the office",
        "named": "named",
        "back": "· taken back",
        "left": "· was to be taken back, and was left",
    },
    "ru": {
        "owner": "владелец  ",
        "queue": "очередь    {queue}; отвечает:",
        "works": "процесс   ",
        "curator": "куратор   ",
        "moved": "передан    {at}, {what}: {had} → {to} ({rule}; {reason})",
        "transfer": "передача клиента",
        "dismissal": "увольнение",
        "handover": "передача базы офиса",
        "named": "назначен",
        "back": "· возвращён",
        "left": "· возврат не состоялся",
    },
}


# ── any move ────────────────────────────────────────────────────────────────────────────────────────────────────────


async def begin(bus: Bus, wish: Command) -> UUID:
    """Send a wish to move something, and return the id of the operation; a refusal is a `Trouble` with every fault."""
    command_id = fresh_id()
    await bus.send(wish, command_id)
    outcome = await bus.outcome("routing", command_id)
    if outcome["state"] == "dead":
        raise Trouble(
            f"Routing gave the wish up: {outcome.get('reason') or 'no reason given'}.",
            f"It is kept: `estafeta dead show routing/{outcome.get('letter')}` shows it.",
            code=1,
        )
    for said in outcome.get("said", []):
        kind, payload = said["type"].partition(".")[0], said["payload"]
        if kind == "MoveRefused":
            raise refusal(payload["faults"])
        if kind == "MoveBegun":
            return UUID(str(payload["move_id"]))
    return wish.move_id if isinstance(wish, UndoMove) else UUID(int=0)


def refusal(faults: Sequence[Answer]) -> Trouble:
    """Why a move cannot be, and how to mend it."""
    return Trouble(
        "Nothing was moved: " + " ".join(str(fault["problem"]) for fault in faults),
        " ".join(dict.fromkeys(str(fault["remedy"]) for fault in faults)),
        code=1,
    )


async def wait_for(bus: Bus, move_id: UUID) -> dict[str, Any]:
    """How an operation is once it has come to rest; `Silence` when nothing moves for a minute: it goes on by itself."""
    earlier: Answer = {}
    moved = time.monotonic()
    while True:
        asked = time.monotonic()
        try:
            told = await bus.ask(TellMove(move_id=move_id))
        except Silence:  # the room is starting anew: the move goes on by itself
            if time.monotonic() - moved > STALL_SECONDS:
                raise
            await asyncio.sleep(_PAUSE)
            continue
        if told["found"] and told["move"]["state"] not in _UNDER_WAY and not _follows(told["move"]):
            return told
        if told != earlier:
            earlier, moved = told, time.monotonic()
        if time.monotonic() - moved > STALL_SECONDS:
            raise Silence(
                f"Nothing has moved for {STALL_SECONDS:.0f} s.",
                "Nothing is lost, and it goes on by itself: see `estafeta status` and `estafeta dead`, then `estafeta moves`.",
            )
        await asyncio.sleep(max(_PAUSE, _QUIET * (time.monotonic() - asked)))


def _follows(move: Answer) -> bool:
    """Whether process has still to follow a transfer."""
    return bool(move["kind"] == "transfer" and move["state"] == "done" and move["followed"] < move["clients"])


async def preview(bus: Bus, question: PreviewMove) -> RenderableType:
    """Who would get how many if it were done now, ready to print; what forbids it is a `Trouble`."""
    told = await bus.ask(question, seconds=PREVIEW_SECONDS)
    if told["faults"]:
        raise refusal(told["faults"])
    table = Table(box=None, pad_edge=False, title="Nothing is moved yet. It would go to:", title_justify="left")
    for heading in ("who", "office"):
        table.add_column(heading)
    for heading in ("clients", "with a sale", "shared out", "fair share", "in a queue"):
        table.add_column(heading, justify="right")
    for one in told["people"]:
        table.add_row(
            f"{one['name']} ({one['id']})",
            one["office"] or "",
            *(f"{one[name]:,}" for name in ("clients", "sales", "shared")),
            f"{one['fair_share']:,.2f}" if one["shared"] or one["fair_share"] else "",
            f"{one['queued']:,}" if one["queued"] else "",
        )
    table.add_section()
    table.add_row("all", "", f"{told['clients']:,}", f"{told['sales']:,}", "", "", f"{told['queued'] or ''}")
    return Group(table, *(Text(f"Look at this: {warning}") for warning in told["warnings"]))


def shown(told: Answer, directory: Answer) -> RenderableType:
    """What became of an operation, as tables."""
    move, zone = told["move"], zone_of({}, directory)
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="dim")
    table.add_column()
    table.add_row("move", str(move["id"]))
    table.add_row("what", what_of(move, directory))
    table.add_row("state", state_of(move, zone))
    if move["by"]:
        table.add_row("said by", name_of(move["by"], directory))
    table.add_row("reason", move["reason"])
    table.add_row("clients", f"{move['clients']:,}" + (f", {move['queued']:,} in a queue" if move["queued"] else ""))
    for one in told["people"]:
        table.add_row("", f"{one['clients']:,} → {one['name']} ({one['id']})")
    if move["state"] in ("planned", "moving", "done"):
        table.add_row(
            "to be undone", f"until {_when(move['undo_until'], zone)}: `estafeta moves undo {str(move['id'])[:8]}`"
        )
    parts: list[RenderableType] = [table, *(Text(f"Look at this: {warning}") for warning in move["warnings"])]
    if told["left"]:
        left = Table(box=None, pad_edge=False, title="Left where they are, because", title_justify="left")
        for heading in ("client", "with", "why"):
            left.add_column(heading)
        for row in told["left"][:_SHOWN]:
            left.add_row(str(row["client_id"]), row["receiver"], row["why"])
        parts += ["", left]
        if move["left"] > _SHOWN:
            parts.append(Text(f"… and {move['left'] - _SHOWN:,} more."))
    return Group(*parts)


def what_of(move: Answer, directory: Answer) -> str:
    """An operation in a few words."""
    to = f" → {name_of(move['to_staff'], directory)}" if move["to_staff"] else ""
    if move["kind"] == "dismissal":
        return f"dismissal of {name_of(move['staff'], directory)}{to or ', by the rules'}"
    if move["kind"] == "handover":
        return f"hand-over of office {move['office']} → {move['to_office']}"
    return f"transfer of client {move['client_id']}{to or ', by the rules'}"


def state_of(move: Answer, zone: ZoneInfo) -> str:
    """How an operation stands, in words."""
    state = move["state"]
    if state == "planned":
        return f"planned for {_when(move['starts_at'], zone)}"
    if state == "moving":
        return f"moving: {move['clients']:,} so far"
    if state == "done":
        return f"done {_when(move['ended_at'], zone)}" if move["ended_at"] else "done"
    if state == "undoing":
        return f"being taken back: {move['back']:,} so far"
    if state == "undone":
        left = f", {move['left']:,} left" if move["left"] else ""
        return f"taken back {_when(move['undone_at'], zone)}: {move['back']:,} clients{left}"
    return f"called off {_when(move['undone_at'], zone)}"


async def list_moves(bus: Bus, most: int) -> RenderableType:
    """The last operations, ready to print."""
    found, directory = await asyncio.gather(bus.ask(ListMoves(most=most)), bus.ask(ListStaff()))
    if not found["moves"]:
        return Text("Nothing has been moved yet: `estafeta client transfer`, `staff dismiss`, `office handover`.")
    zone = zone_of({}, directory)
    table = Table(box=None, pad_edge=False)
    for heading in ("move", "when", "what", "said by"):
        table.add_column(heading, no_wrap=heading in ("move", "when"))
    table.add_column("clients", justify="right")
    table.add_column("state")
    for one in found["moves"]:
        table.add_row(
            str(one["id"])[:8],
            _when(one["asked_at"], zone),
            what_of(one, directory),
            name_of(one["by"], directory) if one["by"] else "",
            f"{one['clients']:,}",
            state_of(one, zone),
        )
    return table


async def show_move(bus: Bus, word: str) -> RenderableType:
    """One operation: its id, or the beginning of it."""
    move_id = await chosen(bus, word)
    told, directory = await asyncio.gather(bus.ask(TellMove(move_id=move_id)), bus.ask(ListStaff()))
    return shown(told, directory)


async def undo_move(bus: Bus, word: str, by: str | None) -> RenderableType:
    """Take an operation back, wait until it is done, and tell what was left."""
    return await take_back(bus, await chosen(bus, word), by, alone=False)


async def take_back(bus: Bus, move_id: UUID, by: str | None, *, alone: bool) -> RenderableType:
    """Take an operation back by its id."""
    directory = await bus.ask(ListStaff())
    _known(directory, {"--by": by})
    await begin(bus, UndoMove(move_id=move_id, by=by, alone=alone))
    return shown(await wait_for(bus, move_id), directory)


async def chosen(bus: Bus, word: str) -> UUID:
    """The operation that `word` means: its id, or a beginning of it that only one has."""
    typed = word.strip().lower()
    moves = (await bus.ask(ListMoves(most=1000)))["moves"]
    found = [one for one in moves if str(one["id"]).startswith(typed)] if len(typed) >= _SHORTEST else []
    if len(found) == 1:
        return UUID(str(found[0]["id"]))
    if found:
        ids = ", ".join(str(one["id"]) for one in found[:5])
        raise Trouble(f"{len(found)} moves have an id that begins with {word!r}.", f"Name one of them whole: {ids}.")
    raise Trouble(f"No move has the id {word!r}.", "`estafeta moves` lists them with their ids.")


def _known(directory: Answer, named: Mapping[str, str | None]) -> None:
    """Whoever is named works here: raises `Trouble` with the ids that are near."""
    for option, word in named.items():
        if word:
            someone(word, directory, option)


def _when(text: str | None, zone: ZoneInfo) -> str:
    return f"{datetime.fromisoformat(text).astimezone(zone):%d.%m.%Y %H:%M}" if text else ""
