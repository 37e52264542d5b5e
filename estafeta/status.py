"""How the house is: what waits where, what has been done since the start, and whether something is wrong."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from estafeta.client import Bus
from estafeta.letters import age
from estafeta.trouble import Trouble
from shared.message import ROOMS
from shared.questions import TellHealth

LATE = 60.0
"""Seconds after which a deadline's step, or a message that is not sent yet, is called late."""
_WATCH_EVERY = 1.0


@dataclass(frozen=True, slots=True)
class RoomHealth:
    """One room as it says it is; a room that does not answer has only `problems`.

    `since` is what the replica that answered has counted since it started.
    """

    room: str
    answers: bool
    ready: bool = False
    problems: tuple[str, ...] = ()
    unsent: int = 0
    oldest_unsent: float = 0.0
    waiting: int = 0
    pending: int = 0
    unacked: int = 0
    dead: int = 0
    oldest_dead: float = 0.0
    lag: float | None = None
    to_renew: int = 0
    gaps: int = 0
    since: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_well(self) -> bool:
        """Ready, without problems and without dead letters; work that waits its turn is no illness."""
        return self.answers and self.ready and not self.problems and not self.dead


def health_of(room: str, answer: Mapping[str, Any] | Trouble) -> RoomHealth:
    """The health of a room from its answer to `TellHealth`, or from the lack of one."""
    if isinstance(answer, Trouble):
        return RoomHealth(room, answers=False, problems=(answer.problem,))
    consumers = answer.get("consumers") or {}
    measures = answer.get("measures") or {}
    lag = measures.get("deadline_lag_seconds")
    return RoomHealth(
        room,
        answers=True,
        ready=bool(answer.get("ready")),
        problems=tuple(str(problem) for problem in answer.get("problems") or ()),
        unsent=int(answer.get("unsent") or 0),
        oldest_unsent=float(answer.get("oldest_unsent_s") or 0),
        waiting=int(answer.get("waiting") or 0),
        pending=sum(int(counts.get("pending") or 0) for counts in consumers.values()),
        unacked=sum(int(counts.get("unacked") or 0) for counts in consumers.values()),
        dead=int(answer.get("dead") or 0),
        oldest_dead=float(answer.get("oldest_dead_s") or 0),
        lag=None if lag is None else float(lag),
        to_renew=int(measures.get("cards_to_renew") or 0),
        gaps=int(measures.get("duty_gaps") or 0),
        since=answer.get("since_start") or {},
    )


async def look(bus: Bus) -> list[RoomHealth]:
    """Ask every room how it is, all at once."""

    async def ask(room: str) -> RoomHealth:
        try:
            return health_of(room, await bus.ask(TellHealth(), room=room, seconds=3.0))
        except Trouble as trouble:
            return health_of(room, trouble)

    return list(await asyncio.gather(*(ask(room) for room in ROOMS)))


def table(rooms: Sequence[RoomHealth]) -> Table:
    """The rooms in the order of a lead's way: ready or not, what waits where, dead letters."""
    shown = _table("room", "state")
    for heading in ("to hear", "being worked", "waiting for something", "to be sent", "oldest", "dead letters"):
        shown.add_column(heading, justify="right")
    for room in rooms:
        state = "ready" if room.ready else "not ready" if room.answers else "silent"
        counts = [room.pending, room.unacked, room.waiting, room.unsent] if room.answers else []
        cells = [f"{count:,}" for count in counts]
        if room.answers:
            cells.append(age(room.oldest_unsent) if room.unsent else "–")
        shown.add_row(
            room.room,
            Text(state, style="green" if room.is_well else "red"),
            *cells,
            *([Text(f"{room.dead:,}", style="red" if room.dead else "")] if room.answers else []),
        )
    return shown


def work_table(rooms: Sequence[RoomHealth]) -> Table:
    """What each room has done since it started, as told by the replica that answered."""
    shown = _table("since the start")
    for heading in ("applied", "in a batch", "gate waits", "retries", "given up", "sent", "sent again"):
        shown.add_column(heading, justify="right")
    shown.add_column("slowest handler, mean time for a batch")
    for room in (room for room in rooms if room.since):
        since = room.since
        mean = f"{since['letters'] / since['batches']:.1f}" if since.get("batches") else "–"
        counts = [f"{int(since.get(key) or 0):,}" for key in ("gate_waits", "retries", "died", "sent", "sent_again")]
        shown.add_row(
            f"{room.room}, {age(float(since.get('seconds') or 0))}",
            f"{int(since.get('applied') or 0):,}",
            mean,
            *counts,
            _slowest(since.get("handlers") or {}),
        )
    return shown


def _table(*headings: str) -> Table:
    shown = Table(box=None, pad_edge=False)
    for heading in headings:
        shown.add_column(heading)
    return shown


def _slowest(handlers: Mapping[str, Mapping[str, float]]) -> str:
    if not handlers:
        return "–"
    name = max(handlers, key=lambda one: handlers[one]["mean_ms"])
    return f"{name} {handlers[name]['mean_ms']:.1f} ms"


def verdict(rooms: Sequence[RoomHealth]) -> list[str]:
    """What is wrong, each with its remedy; empty when all is well."""
    wrong = []
    for room in rooms:
        wrong += [f"{room.room}: {problem}" for problem in room.problems]
        if room.answers and not room.ready and not room.problems:
            wrong.append(f"{room.room}: not ready, and gives no reason; see its log.")
        if room.dead:
            behind = f", and {room.waiting:,} messages wait behind them" if room.waiting else ""
            wrong.append(
                f"{room.room}: {room.dead:,} dead letters, the oldest for {age(room.oldest_dead)}{behind};"
                " `estafeta dead` shows why and sends them again."
            )
        if room.lag is not None and room.lag > LATE:
            wrong.append(f"{room.room}: deadlines are told {age(room.lag)} late; see its log.")
    return wrong


def shown(rooms: Sequence[RoomHealth]) -> Group:
    """Both tables, and what is wrong or that nothing is."""
    parts: list[RenderableType] = [table(rooms), Text("")]
    if any(room.since for room in rooms):
        parts += [work_table(rooms), Text("")]
    return Group(*parts, *(Text(line) for line in [*under_way(rooms), *(verdict(rooms) or ["All is well."])]))


def under_way(rooms: Sequence[RoomHealth]) -> list[str]:
    """What goes on in the background, or is to come, and is no illness."""
    return [
        *(
            f"{room.room}: somebody will be missing on duty within a week, {room.gaps:,} times: `estafeta roster check`."
            for room in rooms
            if room.gaps
        ),
        *(
            f"{room.room}: {room.to_renew:,} cards have keys of an older version; they are being made anew."
            for room in rooms
            if room.to_renew
        ),
    ]


async def watch(bus: Bus, console: Console) -> None:
    """Show it anew every second until cancelled; where nobody watches a screen, one table goes below the other."""
    if not console.is_terminal:
        while True:
            console.print(shown(await look(bus)), Text(""))
            await asyncio.sleep(_WATCH_EVERY)
    with Live(console=console, auto_refresh=False) as live:
        while True:
            live.update(shown(await look(bus)), refresh=True)
            await asyncio.sleep(_WATCH_EVERY)
