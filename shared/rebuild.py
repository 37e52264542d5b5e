"""What a room keeps only by hearing is dropped and heard again, in one transaction: nobody ever sees it missing."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from pydantic import ValidationError
from sqlalchemy import Table
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.bus import NoAnswer
from shared.database import execute, fetch
from shared.events import CopiesRebuilt, kind_of
from shared.faults import describe
from shared.ledger import Ledger
from shared.letter import Letter
from shared.message import Batch, Event, Heard, NotYet, Unfit
from shared.questions import TellHistory
from shared.unit import Handler

Ask = Callable[[str, bytes], Awaitable[Any]]
Copies = Mapping[type[Event], Table]
PAGE = 200


async def rebuild(
    room: str, copies: Copies, handlers: Mapping[Any, Handler], ask: Ask, db: AsyncConnection
) -> CopiesRebuilt:
    """Drop `copies` (event → the table that only it feeds) and fill them from the histories their owners kept.

    Exactly what this room had applied is applied again; what was given up and closed stays out, and what is new comes
    by the bus as ever. Watermarks stay as they are, so nobody sends anything twice. Whoever writes to a copy, or to a
    table that refers to one, waits until it stands again; whoever reads sees the old one until then.
    Raises NotYet when an owner does not answer, Unfit when he has not kept all that was heard; then nothing is changed.
    """
    histories = {event: await _history(event, ask) for event in copies}
    tables = [table.fullname for table in copies.values()]
    if tables:
        await execute(db, f"lock table {', '.join(sorted(tables))} in exclusive mode")
        await execute(db, "set constraints all deferred")
    before = {name: await _rows(db, name) for name in tables}
    for name in tables:
        await execute(db, f"delete from {name}")
    messages = 0
    for event in copies:
        applied = await _applied(db, event)
        if any(number > len(histories[event].get(aggregate, ())) for aggregate, number in applied.items()):
            histories[event] = await _history(event, ask)  # more was heard while we asked
        wanted = _wanted(event, histories[event], applied, await _given_up(db, event))
        messages += sum(map(len, wanted))
        await _apply(event, handlers[event], wanted, db)
    if tables:
        await execute(db, "set constraints all immediate")
    after = {name: await _rows(db, name) for name in tables}
    return CopiesRebuilt(
        room=room,
        messages=messages,
        rows={_short(name): len(after[name]) for name in tables},
        changed={
            _short(name): max(len(before[name] - after[name]), len(after[name] - before[name])) for name in tables
        },
    )


def _short(name: str) -> str:
    return name.rpartition(".")[2]


async def _history(event: type[Event], ask: Ask) -> dict[str, list[Letter]]:
    """All that was said about this kind of aggregate, each history in order. Raises NotYet."""
    histories: dict[str, list[Letter]] = {}
    question = TellHistory(kind=kind_of(event.about))
    while True:
        try:
            answer = await ask(TellHistory.subject_in(event.owner), question.model_dump_json().encode())
        except NoAnswer as silence:
            raise NotYet(f"{event.owner} does not tell its history: {silence}") from silence
        page = [Letter(subject, headers, payload.encode()) for subject, headers, payload in answer["messages"]]
        for letter in page:
            histories.setdefault(letter.aggregate, []).append(letter)
        if len(page) < PAGE:
            return histories
        last = page[-1]
        question = question.model_copy(update={"after_aggregate": last.aggregate, "after_sequence": last.sequence})


async def _applied(db: AsyncConnection, event: type[Event]) -> dict[str, int]:
    rows = await fetch(
        db,
        "select aggregate, applied from watermarks where source = $1 and starts_with(aggregate, $2) and applied > 0",
        event.owner,
        f"{kind_of(event.about)}/",
    )
    return {row["aggregate"]: row["applied"] for row in rows}


async def _given_up(db: AsyncConnection, event: type[Event]) -> set[tuple[str, int]]:
    rows = await fetch(
        db,
        "select aggregate, sequence from dead_letters where source = $1 and starts_with(aggregate, $2)"
        " and state = 'settled' and settled_why <> 'applied'",
        event.owner,
        f"{kind_of(event.about)}/",
    )
    return {(row["aggregate"], row["sequence"]) for row in rows}


async def _rows(db: AsyncConnection, table: str) -> set[str]:
    return {row["whole"] for row in await fetch(db, f"select t::text as whole from {table} t")}


def _wanted(
    event: type[Event],
    histories: Mapping[str, list[Letter]],
    applied: Mapping[str, int],
    given_up: set[tuple[str, int]],
) -> list[list[Letter]]:
    """Rounds of letters to apply: round n holds each aggregate's nth. Raises Unfit for a history that is not whole."""
    rounds: list[list[Letter]] = []
    for aggregate, number in sorted(applied.items()):
        kept = histories.get(aggregate, [])[:number]
        if [letter.sequence for letter in kept] != list(range(1, number + 1)):
            raise Unfit(
                f"{event.owner} has kept {len(kept)} of the {number} messages about {aggregate} that were heard here:"
                " the copy was left as it is"
            )
        mine = [
            letter
            for letter in kept
            if letter.type.partition(".")[0] == event.__name__ and (aggregate, letter.sequence) not in given_up
        ]
        for nth, letter in enumerate(mine):
            if nth == len(rounds):
                rounds.append([])
            rounds[nth].append(letter)
    return rounds


async def _apply(event: type[Event], handler: Handler, rounds: Sequence[Sequence[Letter]], db: AsyncConnection) -> None:
    now = await Ledger(db, "").now()
    for letters in rounds:
        for start in range(0, len(letters), PAGE):
            batch = Batch([_heard(event, letter) for letter in letters[start : start + PAGE]], now)
            if await handler(batch, db):
                raise Unfit(f"{event.__name__} does more here than to fill a copy: it cannot be heard again")


def _heard(event: type[Event], letter: Letter) -> Heard[Any]:
    if letter.type != event.type_name():
        raise Unfit(f"{letter.aggregate} was told as {letter.type}, and {event.type_name()} is understood here")
    try:
        message = event.model_validate_json(letter.payload)
    except ValidationError as fault:
        raise Unfit(f"{letter.type} about {letter.aggregate}: {describe(fault)}") from None
    at = datetime.fromisoformat(letter.headers["ce-time"])
    return Heard(*letter.origin, message=message, at=at)
