"""How the house is: one table, and whether something is wrong."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rich.table import Table
from rich.text import Text

from estafeta.client import Bus
from estafeta.trouble import Trouble
from shared.message import ROOMS
from shared.questions import TellHealth


@dataclass(frozen=True, slots=True)
class RoomHealth:
    """One room as it says it is; a room that does not answer has only `problems`."""

    room: str
    answers: bool
    ready: bool = False
    problems: tuple[str, ...] = ()
    unsent: int = 0
    waiting: int = 0
    pending: int = 0
    unacked: int = 0
    dead: int = 0

    @property
    def is_well(self) -> bool:
        """Ready, without problems and without dead letters; work that waits its turn is no illness."""
        return self.answers and self.ready and not self.problems and not self.dead


def health_of(room: str, answer: Mapping[str, Any] | Trouble) -> RoomHealth:
    """The health of a room from its answer to `TellHealth`, or from the lack of one."""
    if isinstance(answer, Trouble):
        return RoomHealth(room, answers=False, problems=(answer.problem,))
    consumers = answer.get("consumers") or {}
    return RoomHealth(
        room,
        answers=True,
        ready=bool(answer.get("ready")),
        problems=tuple(str(problem) for problem in answer.get("problems") or ()),
        unsent=int(answer.get("unsent") or 0),
        waiting=int(answer.get("waiting") or 0),
        pending=sum(int(counts.get("pending") or 0) for counts in consumers.values()),
        unacked=sum(int(counts.get("unacked") or 0) for counts in consumers.values()),
        dead=int(answer.get("dead") or 0),
    )


async def look(bus: Bus) -> list[RoomHealth]:
    """Ask every room how it is, all at once."""

    async def ask(room: str) -> RoomHealth:
        try:
            return health_of(room, await bus.ask(TellHealth(), room=room, seconds=3.0))
        except Trouble as trouble:
            return health_of(room, trouble)

    return list(await asyncio.gather(*(ask(room) for room in ROOMS)))


def table(rooms: list[RoomHealth]) -> Table:
    """The rooms in the order of a lead's way: ready or not, what waits where, dead letters."""
    shown = Table(box=None, pad_edge=False)
    shown.add_column("room")
    shown.add_column("state")
    for heading in ("to hear", "being worked", "waiting for something", "to be sent", "dead letters"):
        shown.add_column(heading, justify="right")
    for room in rooms:
        state = "ready" if room.ready else "not ready" if room.answers else "silent"
        counts = [room.pending, room.unacked, room.waiting, room.unsent, room.dead] if room.answers else []
        shown.add_row(
            room.room,
            Text(state, style="green" if room.is_well else "red"),
            *(f"{count:,}" for count in counts[:-1]),
            *(Text(f"{count:,}", style="red" if count else "") for count in counts[-1:]),
        )
    return shown


def verdict(rooms: list[RoomHealth]) -> list[str]:
    """What is wrong, each with its remedy; empty when all is well."""
    wrong = []
    for room in rooms:
        wrong += [f"{room.room}: {problem}" for problem in room.problems]
        if room.answers and not room.ready and not room.problems:
            wrong.append(f"{room.room}: not ready, and gives no reason; see its log.")
        if room.dead:
            wrong.append(f"{room.room}: {room.dead:,} dead letters; `estafeta dead` shows why and sends them again.")
    return wrong
