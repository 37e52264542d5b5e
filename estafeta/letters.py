"""Dead letters: what the rooms gave up, why, and sending it again or closing it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich.table import Table

from estafeta.client import Bus, fresh_id
from estafeta.trouble import Silence, Trouble, choose
from shared.commands import SettleLetter
from shared.message import ROOMS
from shared.questions import ListLetters


@dataclass(frozen=True, slots=True)
class LetterId:
    """A dead letter as it is named at the keyboard: `process/12`."""

    room: str
    number: int

    def __str__(self) -> str:
        return f"{self.room}/{self.number}"


def letter_id(text: str) -> LetterId:
    """`process/12` → room and number. Each room counts its own letters, so the room belongs to the name."""
    room, slash, number = text.strip().partition("/")
    if not slash or not number.isascii() or not number.isdigit():
        raise Trouble(
            f"{text!r} names no dead letter.", "Name it as `estafeta dead` lists it, with its room: process/12."
        )
    return LetterId(choose(room, ROOMS, "room"), int(number))


@dataclass(frozen=True, slots=True)
class Letters:
    """A room's letters that are not settled, the first 200 of them; how many are dead, and how many wait behind those."""

    letters: list[dict[str, Any]]
    dead: int
    waiting: int


async def letters_of(bus: Bus, rooms: Sequence[str] = ROOMS) -> dict[str, Letters | Silence]:
    """Per room its dead letters that are not settled, or the silence of a room that does not answer."""

    async def ask(room: str) -> Letters | Silence:
        try:
            told = await bus.ask(ListLetters(), room=room)
        except Silence as silence:
            return silence
        return Letters(told.get("letters") or [], int(told.get("dead") or 0), int(told.get("waiting") or 0))

    return dict(zip(rooms, await asyncio.gather(*(ask(room) for room in rooms)), strict=True))


def age(seconds: float) -> str:
    """`45 s`, `12 min`, `3 h`, `2 d`."""
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= size:
            return f"{seconds // size:.0f} {unit}"
    return f"{max(seconds, 0):.0f} s"


def table(letters: Mapping[str, Letters | Silence]) -> Table:
    """All dead letters, room by room: id, what it is, age, tries, what waits behind it, why, and the beginning of it.

    Letters that wait have no line of their own: they are counted with the one they wait for.
    """
    shown = Table(box=None, pad_edge=False)
    for heading in ("letter", "handler", "age", "tries", "state", "behind it"):
        shown.add_column(heading, no_wrap=True)
    shown.add_column("why", overflow="fold", ratio=3)
    shown.add_column("payload, masked", overflow="ellipsis", no_wrap=True, ratio=2)
    for room, found in letters.items():
        for letter in found.letters if isinstance(found, Letters) else []:
            if letter.get("state") == "waiting":
                continue
            shown.add_row(
                f"{room}/{letter['id']}",
                str(letter.get("handler") or letter.get("subject") or ""),
                age(float(letter.get("age_s") or 0)),
                str(letter.get("tries") or ""),
                str(letter.get("state") or ""),
                behind(letter),
                str(letter.get("reason") or ""),
                str(letter.get("payload") or "")[:200],
            )
    return shown


def behind(letter: Mapping[str, Any]) -> str:
    """How many messages of the same history wait behind a letter, and how long the first of them has."""
    count = int(letter.get("behind") or 0)
    return f"{count:,}, {age(float(letter.get('behind_oldest_s') or 0))}" if count else "–"


def sums(letters: Mapping[str, Letters | Silence]) -> list[str]:
    """Per room that has any: how many are dead and how many wait; the list may be shorter."""
    return [
        f"{room}: {found.dead:,} dead, {found.waiting:,} waiting behind them or being handled again"
        for room, found in letters.items()
        if isinstance(found, Letters) and found.letters
    ]


async def _found(bus: Bus, letter: LetterId) -> dict[str, Any]:
    answer = await bus.ask(ListLetters(letter=letter.number), room=letter.room)
    letters: list[dict[str, Any]] = answer.get("letters", [])
    if not letters:
        raise Trouble(f"There is no dead letter {letter}.", "`estafeta dead` lists those there are.")
    return letters[0]


async def _unsettled(bus: Bus, letter: LetterId) -> None:
    entry = await _found(bus, letter)
    if entry.get("state") == "settled":
        why = entry.get("settled_why") or "no reason was kept"
        raise Trouble(f"The letter {letter} is settled already: {why}.", "`estafeta dead` lists those that are not.")


async def show(bus: Bus, letter: LetterId) -> list[str]:
    """One dead letter whole, line by line; personal data in its payload is masked by the room."""
    entry = dict(await _found(bus, letter))
    payload, headers = entry.pop("payload", None), entry.pop("headers", None) or {}
    entry["age"] = age(float(entry.pop("age_s", 0) or 0))
    entry["behind it"] = behind(entry)
    for counted in ("behind", "behind_oldest_s"):
        entry.pop(counted, None)
    lines = [f"{name:<16}{value}" for name, value in entry.items() if value not in (None, "")]
    lines += [f"{name:<16}{value}" for name, value in headers.items()]
    if isinstance(payload, str):
        try:
            payload = json.loads(payload)
        except ValueError:
            return [*lines, f"payload         {payload}"]
    return [*lines, "payload", json.dumps(payload, ensure_ascii=False, indent=2)]


async def settle(bus: Bus, room: str, command: SettleLetter) -> None:
    """Have a dead letter handled again or closed, and wait until the room has done so."""
    command_id = fresh_id()
    await bus.send(command, command_id, room=room)
    outcome = await bus.outcome(room, command_id)
    if outcome["state"] == "dead":
        named = f"{room}/{command.letter}" if command.letter else f"the letters of {room}"
        raise Trouble(
            f"{named} could not be settled: {outcome.get('reason') or 'no reason given'}.",
            "`estafeta dead` lists the letters there are.",
            code=1,
        )


async def send_again(bus: Bus, letter: LetterId) -> list[str]:
    """Have one letter handled again; returns what was done, line by line."""
    await _unsettled(bus, letter)
    await settle(bus, letter.room, SettleLetter(letter=letter.number, action="again"))
    return [f"{letter} is being handled again; `estafeta dead` shows whether it dies anew."]


async def send_all_again(bus: Bus, rooms: Sequence[str]) -> list[str]:
    """Have every dead letter of `rooms` handled again; returns what was done, line by line."""
    lines = []
    for room, found in (await letters_of(bus, rooms)).items():
        if isinstance(found, Silence):
            lines.append(f"{room}: does not answer, its letters were left as they are")
        elif found.dead:
            await settle(bus, room, SettleLetter(action="again"))
            lines.append(f"{room}: {found.dead:,} letters are being handled again")
    return lines or ["No dead letters."]


async def close(bus: Bus, letter: LetterId, why: str) -> list[str]:
    """Close one letter for good; the reason is kept with it."""
    await _unsettled(bus, letter)
    await settle(bus, letter.room, SettleLetter(letter=letter.number, action="close", why=why))
    return [f"{letter} is closed: {why}"]
