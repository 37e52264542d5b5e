"""The imports so far, and the undoing of one: everything it brought and nobody has touched since."""

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
from estafeta.typed import someone, zone_of
from shared.commands import UndoImport
from shared.questions import (
    CountProcessProgress,
    CountRemindersProgress,
    CountRoutingProgress,
    ListImports,
    ListStaff,
    TellUndo,
)

STALL_SECONDS = 60.0
COUNT_SECONDS = 30.0  # a long list is counted while the rooms are at work on it
_PAUSE = 0.3
_QUIET = 10  # counting a long list takes its time: at most a tenth of the time goes into asking how far it is
_SHORTEST = 4
_SHOWN = 30

Answer = Mapping[str, Any]


async def list_imports(bus: Bus, most: int) -> RenderableType:
    """Who took what in when, with its counts and whether it was undone, ready to print."""
    found, directory = await asyncio.gather(bus.ask(ListImports(most=most)), bus.ask(ListStaff()))
    if not found["imports"]:
        return Text("No imports yet: `estafeta import FILE --campaign NAME`.")
    zone = zone_of({}, directory)
    table = Table(box=None, pad_edge=False)
    for heading in ("import", "when", "file", "campaign", "by"):
        table.add_column(heading, no_wrap=heading in ("import", "when"))
    for heading in ("rows", "new", "same", "possible", "rejected"):
        table.add_column(heading, justify="right")
    table.add_column("state")
    for one in found["imports"]:
        table.add_row(
            str(one["id"])[:8],
            _when(one["begun_at"], zone),
            one["file_name"],
            one["campaign"] + (" (client base)" if one["purpose"] == "clients" else ""),
            name_of(one["submitter"], directory) if one["submitter"] else "",
            *(f"{one[name]:,}" for name in ("rows", "new", "same", "possible", "rejected")),
            state_of(one, zone),
        )
    return table


def state_of(one: Answer, zone: ZoneInfo) -> str:
    """How an import stands, in words."""
    if not one["undo_at"]:
        return f"taken in {_when(one['last_at'], zone)}" if one["last_at"] else "begun"
    if one["undoing"] or one["asked"]:
        return f"being undone: {one['undone']:,} rows so far"
    left = f", {one['kept']:,} left" if one["kept"] else ""
    return f"undone {_when(one['undo_at'], zone)}: {one['undone']:,} rows{left}"


async def undo_import(bus: Bus, word: str, by: str | None) -> RenderableType:
    """Undo an import, wait until it is done, and tell what went and what was left.

    `word` is the import's id or its beginning. Raises `Trouble` for one that is not there, and `Silence` when nothing
    moves for a minute: undoing goes on by itself then.
    """
    one = chosen(word, (await bus.ask(ListImports(most=1000), seconds=COUNT_SECONDS))["imports"])
    import_id = UUID(str(one["id"]))
    if by:
        someone(by, await bus.ask(ListStaff()), "--by")
    command_id = fresh_id()
    await bus.send(UndoImport(import_id=import_id, by=by), command_id)
    outcome = await bus.outcome("intake", command_id)
    if outcome["state"] == "dead":
        raise Trouble(
            f"Intake gave the wish up: {outcome.get('reason') or 'no reason given'}.", "See `estafeta dead`.", code=1
        )
    earlier: Answer = {}
    moved = time.monotonic()
    while True:
        asked = time.monotonic()
        told = await bus.ask(TellUndo(import_id=import_id), seconds=COUNT_SECONDS)
        pause = max(_PAUSE, _QUIET * (time.monotonic() - asked))
        if not (told["undoing"] or told["untold"] or told["asked"]):
            break
        if told != earlier:
            earlier, moved = told, time.monotonic()
        if time.monotonic() - moved > STALL_SECONDS:
            raise Silence(
                f"Nothing has moved for {STALL_SECONDS:.0f} s; {told['untold'] + told['asked']:,} rows are not decided yet.",
                "Nothing is lost, and undoing goes on by itself: see `estafeta status` and `estafeta dead`, "
                "then `estafeta imports`.",
            )
        await asyncio.sleep(pause)
    counts: list[Answer] = []
    if one["purpose"] == "leads":
        counts = await asyncio.gather(
            bus.ask(CountRoutingProgress(import_id=import_id), seconds=COUNT_SECONDS),
            bus.ask(CountProcessProgress(import_id=import_id), seconds=COUNT_SECONDS),
            bus.ask(CountRemindersProgress(import_id=import_id), seconds=COUNT_SECONDS),
        )
    return shown(one, told, counts)


def chosen(word: str, imports: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The import that `word` means: its id, or a beginning of it that only one has."""
    typed = word.strip().lower()
    found = [one for one in imports if str(one["id"]).startswith(typed)] if len(typed) >= _SHORTEST else []
    if len(found) == 1:
        return found[0]
    if found:
        ids = ", ".join(str(one["id"]) for one in found[:5])
        raise Trouble(f"{len(found)} imports have an id that begins with {word!r}.", f"Name one of them whole: {ids}.")
    raise Trouble(f"No import has the id {word!r}.", "`estafeta imports` lists them with their ids.")


def shown(one: Answer, told: Answer, counts: Sequence[Answer]) -> RenderableType:
    """What went and what was left of an undone import, as tables."""
    title = f"{one['campaign']}: {one['file_name']}, undone"
    table = Table(box=None, show_header=False, pad_edge=False, title=title, title_justify="left", title_style="bold")
    table.add_column(style="dim")
    table.add_column()
    what = "rows of the base" if one["purpose"] == "clients" else "leads"
    table.add_row(f"{what} taken back", f"{told['undone']:,} of {told['leads']:,}")
    table.add_row("client cards gone", f"{told['cards_gone']:,}")
    if counts:
        routing, process, reminders = counts
        table.add_row("ledger shares given back", f"{routing['given_back']:,}")
        table.add_row("leads out of their sales", f"{process['withdrawn']:,}")
        table.add_row("deadlines closed", f"{reminders['closed']:,}, those closed by touches included")
    table.add_row("left as they are", f"{told['kept']:,}")
    if not told["left"]:
        return table
    left = Table(box=None, pad_edge=False, title="Left, because", title_justify="left")
    for heading in ("row", "client", "why"):
        left.add_column(heading)
    for row in told["left"][:_SHOWN]:
        place = f"{row['sheet']}!{row['row']}" if row["sheet"] else str(row["row"])
        left.add_row(place, row["client"], row["kept_because"])
    parts: list[RenderableType] = [table, "", left]
    if told["kept"] > _SHOWN:
        parts.append(Text(f"… and {told['kept'] - _SHOWN:,} more."))
    return Group(*parts)


def _when(moment: Any, zone: ZoneInfo) -> str:
    return f"{datetime.fromisoformat(str(moment)).astimezone(zone):%Y-%m-%d %H:%M}"
