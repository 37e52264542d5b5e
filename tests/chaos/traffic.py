"""What people do while the house burns: single leads, lists (some taken back), touches; what the bus took is noted."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from datetime import timedelta
from random import Random
from typing import Any
from uuid import UUID, uuid5

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from estafeta.client import Bus
from estafeta.importing import Intent, run_import
from estafeta.sample.generator import ListRow
from estafeta.trouble import Trouble
from shared.clock import host_now
from shared.commands import (
    ApplyCompany,
    ContractFacts,
    Deferral,
    Ending,
    LeadFields,
    MeetingFacts,
    NextAction,
    RecordTouch,
    Row,
    SubmitLead,
    UndoImport,
)
from shared.letter import encode_command
from shared.message import Command
from shared.words import Source, Stage, TaskKind, TouchKind, TouchResult
from tests.chaos.fire import Wire

SPACE = UUID("5d0f3a52-9a0e-5b8a-a1f5-0b8d6a1d9f10")
SYSTEM = "chaos"
LIST_ROWS = 700
_LEAD_EVERY = 0.12
_TOUCH_EVERY = 0.1

WITHOUT_PATIENCE = Source.OTHER
"""Leads of this source must be taken at once: who does not is silent, and they go from one to the next."""


async def take_patience(db: AsyncEngine) -> None:
    """Give nobody any time to answer for a lead of `WITHOUT_PATIENCE`."""
    none = "update reminders.acceptance_policies set amount = 0, unit = 'working_minutes' where source = :source"
    async with db.begin() as admin:
        await admin.execute(text(none), {"source": WITHOUT_PATIENCE})


def always_open(company: ApplyCompany) -> ApplyCompany:
    """The same company with offices that never close, whatever day it is: deadlines fall due at once, and so do answers."""
    today = host_now().date()
    always = {"hours": "Mon-Sun 00:00-24:00", "working_days": [today + timedelta(days=day) for day in range(-1, 3)]}
    return company.model_copy(update={"offices": [office.model_copy(update=always) for office in company.offices]})


def row_of(number: int, cells: dict[str, str]) -> Row:
    """A row as an import sends it."""
    known = {name: cell for name, cell in cells.items() if name in LeadFields.model_fields}
    return Row(number=number, curator=cells.get("curator") or None, fields=LeadFields(**known))


class Traffic:
    """Everybody at once, until `until`. `acknowledged` holds the command ids that the bus said it has, by room."""

    def __init__(
        self, bus: Bus, db: AsyncEngine, singles: Sequence[ListRow], lists: Sequence[ListRow], rng: Random
    ) -> None:
        self.bus, self.db, self.rng = bus, db, rng
        self.leads: dict[str, UUID] = {}
        self.touches: set[UUID] = set()
        self.rows_sent = 0
        self.until = 0.0
        self._singles: Iterator[tuple[int, ListRow]] = iter(enumerate(singles))
        self._lists = list(lists)
        self._lately: deque[Wire] = deque(maxlen=200)

    async def run(self, seconds: float) -> None:
        """Four people with single leads, three with lists, three on the telephone."""
        self.until = time.monotonic() + seconds
        async with asyncio.TaskGroup() as people:
            for _ in range(4):
                people.create_task(self._submit_leads())
            for _ in range(3):
                people.create_task(self._import_lists())
            for number in range(3):
                people.create_task(self._touch(Random(f"{self.rng.random()}/{number}")))

    def one_sent(self) -> Wire | None:
        """A command that was sent lately, as it went on the wire."""
        return self.rng.choice(self._lately) if self._lately else None

    def _is_day(self) -> bool:
        return time.monotonic() < self.until

    async def _send(self, command: Command, id: UUID, *, late: bool = False) -> bool:
        """Send until the bus has it, or the day is over (unless `late`)."""
        self._lately.append(encode_command(command, id=id))
        while late or self._is_day():
            with suppress(Trouble):
                await self.bus.send(command, id)
                return True
        return False

    # ── leads ───────────────────────────────────────────────────────────────────────────────────────────────────

    async def _submit_leads(self) -> None:
        while self._is_day():
            number, row = next(self._singles)
            command = SubmitLead(
                source_system=SYSTEM,
                external_id=str(number),
                source=Source.WEBSITE if number % 10 else WITHOUT_PATIENCE,
                fields=row_of(1, row.fields).fields,
            )
            id_ = uuid5(SPACE, f"lead/{number}")
            if await self._send(command, id_):
                self.leads[str(number)] = id_
            if self.rng.random() < 0.1:  # the form is sent once more: another wish, the same lead
                await self._send(command, uuid5(id_, "again"))
            await asyncio.sleep(_LEAD_EVERY * self.rng.uniform(0.2, 1.8))

    async def _import_lists(self) -> None:
        """Lists one after another; who gives up sends the same again, and every list that was begun is brought to its end."""
        while self._is_day() and len(self._lists) >= LIST_ROWS:
            rows = [row_of(number, row.fields) for number, row in enumerate(self._lists[:LIST_ROWS], 2)]
            del self._lists[:LIST_ROWS]
            name = f"list/{self.rows_sent}"
            is_wrong = self.rows_sent % (2 * LIST_ROWS) == 0
            self.rows_sent += len(rows)
            while True:
                try:
                    await run_import(self.bus, rows, Intent(name), uuid5(SPACE, name), file_name=name, stall=60)
                    break
                except Trouble:
                    await asyncio.sleep(0.5)
            if is_wrong:
                await self._send(UndoImport(import_id=uuid5(SPACE, name)), uuid5(SPACE, f"undo/{name}"), late=True)

    # ── touches ─────────────────────────────────────────────────────────────────────────────────────────────────

    async def _touch(self, rng: Random) -> None:
        """Work sales on: now and then one is won, lost or put off, and its client may come again."""
        nth = 0
        while self._is_day():
            for sale in await self._some_sales():
                nth += 1
                id_ = uuid5(SPACE, f"touch/{rng.random()}/{nth}")
                if await self._send(touch_for(sale, rng), id_):
                    self.touches.add(id_)
                await asyncio.sleep(_TOUCH_EVERY * rng.uniform(0.2, 1.8))
                if not self._is_day():
                    return
            await asyncio.sleep(0.2)

    async def _some_sales(self) -> Sequence[Any]:
        try:
            async with asyncio.timeout(5), self.db.connect() as db:
                found = await db.execute(
                    text(
                        "select id, manager, stage from process.processes where closed_at is null"
                        " order by random() * case stage when 'opened' then 8 else 1 end limit 10"
                    )
                )
                return found.all()
        except (OSError, TimeoutError, SQLAlchemyError):
            return []


Draft = dict[str, Any]


def touch_for(sale: Any, rng: Random) -> RecordTouch:
    """A touch that fits the stage of a sale, by the one who works it."""
    ways: dict[str, tuple[Callable[[str, Random], Draft], ...]] = {
        Stage.OPENED: (_reach, _reach, _reach, _miss, _lose),
        Stage.CONTACTED: (_propose, _propose, _set_meeting, _reach, _defer, _lose),
        Stage.MEETING_SET: (_hold_meeting,),
        Stage.MEETING_HELD: (_propose,),
        Stage.PROPOSAL: (_draw_up, _reach),
        Stage.CONTRACT: (_win,),
        Stage.DEFERRED: (_reach, _lose),
    }
    draft = rng.choice(ways.get(sale.stage, (_reach,)))(sale.manager, rng)
    if not {"end", "deferral", "contract"} & draft.keys():
        # Soon, so that deadlines fall due while the house burns.
        draft["next"] = NextAction(kind=TaskKind.CALL, due_at=host_now() + timedelta(seconds=rng.uniform(2, 90)))
    return RecordTouch(process_id=sale.id, by=sale.manager, comment="chaos", **{"kind": TouchKind.CALL, **draft})


def _reach(_: str, __: Random) -> Draft:
    return {"result": TouchResult.REACHED}


def _miss(_: str, __: Random) -> Draft:
    return {"result": TouchResult.NO_ANSWER}


def _lose(_: str, __: Random) -> Draft:
    return {"result": TouchResult.REFUSED, "end": Ending(reason="bought elsewhere")}


def _defer(_: str, rng: Random) -> Draft:
    later = (host_now() + timedelta(days=rng.randint(20, 60))).date()
    return {"result": TouchResult.REACHED, "deferral": Deferral(named_date=later)}


def _propose(_: str, __: Random) -> Draft:
    return {"kind": TouchKind.OFFER, "result": TouchResult.SENT, "move_to": Stage.PROPOSAL}


def _set_meeting(manager: str, _: Random) -> Draft:
    meeting = MeetingFacts(at=host_now() + timedelta(days=1), place="at the client's", holder=manager)
    return {"result": TouchResult.AGREED, "move_to": Stage.MEETING_SET, "meeting": meeting}


def _hold_meeting(_: str, __: Random) -> Draft:
    return {"kind": TouchKind.MEETING, "result": TouchResult.HELD, "move_to": Stage.MEETING_HELD}


def _draw_up(_: str, __: Random) -> Draft:
    return {"result": TouchResult.AGREED, "move_to": Stage.CONTRACT}


def _win(_: str, rng: Random) -> Draft:
    contract = ContractFacts(
        number=f"C-{rng.randrange(10**6)}",
        signed_on=(host_now() - timedelta(days=1)).date(),
        amount=rng.randrange(1, 10**9),
    )
    return {"result": TouchResult.AGREED, "move_to": Stage.WON, "contract": contract}
