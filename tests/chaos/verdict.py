"""What must hold when the fire is out: queries over all four schemas, each with the number of things it looked at."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid5

import nats.errors
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from estafeta.client import Bus
from estafeta.trouble import Trouble
from services.process.rules.lifecycle import OPENED, arrows
from shared.commands import SettleLetter
from shared.events import listeners_of
from shared.message import ROOMS, id_of
from shared.provision import readings_of
from tests.chaos.fire import Fire
from tests.chaos.traffic import SPACE, SYSTEM, Traffic
from tests.e2e.test_lead_life import INVARIANTS

DRAIN_SECONDS = 60.0
_GIVE_UP_SECONDS = 180.0
_DEAD = "no room holds a dead letter"
_AGREED = "the managers of one client agree everywhere"

Query = tuple[str, str]
"""How many things there are to look at, and those for which the promise is broken."""


def _pairs() -> list[tuple[str, str, str]]:
    """Who must have heard what: (source, listener, kind of aggregate)."""
    return [
        (source, listener, kind)
        for source in ROOMS
        for kind, listeners in listeners_of(source).items()
        for listener in sorted(listeners)
    ]


def _says(room: str, type_: str, field_: str) -> str:
    """Ids that a room told in events of one type."""
    return f"select (payload::jsonb->>'{field_}')::uuid as id from {room}.outbox where type = '{type_}.v1'"


def _both_ways(effects: str, room: str, type_: str, field_: str) -> Query:
    """Each effect was told exactly once, and nothing was told that did not take place."""
    told = f"select id, count(*) as n from ({_says(room, type_, field_)}) s group by id"
    return (
        f"select count(*) from ({effects}) e",
        f"select coalesce(e.id, t.id) from (select id, count(*) as n from ({effects}) e group by id) e"
        f" full join ({told}) t on t.id = e.id where e.n is distinct from t.n",
    )


def _one_cause_after_another(listener: str, source: str) -> Query:
    """What `listener` told of a client because of `source` stands in the order in which `source` told it.

    This looks at effects alone and trusts no watermark: a repeat, a gap or a swap would show here.
    """
    pairs = (
        f"select l.id, l.aggregate, s.sequence, lag(s.sequence) over (partition by l.aggregate order by l.sequence) as before"
        f" from {listener}.outbox l join {source}.outbox s on s.message_id = l.cause and s.aggregate = l.aggregate"
    )
    return f"select count(*) from ({pairs}) p", f"select id from ({pairs}) p where before > sequence"


def _history_of(source: str, listener: str, kind: str) -> Query:
    of_kind = f"from {_said(source)} s left join {listener}.watermarks w on w.source = '{source}'" + (
        f" and w.aggregate = s.aggregate where s.aggregate like '{kind}/%'"
    )
    return f"select count(*) {of_kind}", f"select s.aggregate {of_kind} and coalesce(w.applied, 0) <> s.said"


def _said(room: str) -> str:
    return f"(select aggregate, max(sequence) as said from {room}.outbox group by aggregate)"


def _numbered(room: str) -> Query:
    return (
        f"select count(*) from {room}.outbox",
        f"select aggregate from {room}.outbox group by aggregate having min(sequence) <> 1 or max(sequence) <> count(*)",
    )


_LEGAL = " union all ".join(
    f"select '{arrow.move}' as move, '{arrow.source}' as from_stage, '{arrow.target}' as to_stage" for arrow in arrows()
)
_PATHS = (
    "select m.*, lag(m.to_stage) over w as before, lead(m.id) over w is null as is_last, p.stage from process.moves m"
    " join process.processes p on p.id = m.process_id window w as (partition by m.process_id order by m.id)"
)
_LEADS = "select lead_id as id from intake.decisions where purpose = 'leads' and outcome <> 'rejected'"
_OPEN_TASKS = "select manager, count(*) as n from process.tasks where is_open group by manager"
_OPEN_DEADLINES = "select manager, count(*) as n from reminders.deadlines where state = 'open' group by manager"
_RECEIVED = "select receiver as who, count(*) as n from routing.decisions where not passed_on group by 1"
_WORKED = "select assigned_to as who, count(*) as n from process.leads group by 1"
_EFFECTS: dict[str, Query] = {
    "accepted leads": _both_ways(_LEADS, "intake", "LeadAccepted", "lead_id"),
    "routing decisions": _both_ways(
        "select lead_id as id from routing.decisions where attempt = 1", "routing", "LeadAssigned", "lead_id"
    ),
    "sales": _both_ways("select id from process.processes", "process", "ProcessOpened", "process_id"),
    "joined leads": _both_ways("select id from process.leads where joined", "process", "LeadJoined", "lead_id"),
    "tasks": _both_ways("select id from process.tasks", "process", "TaskSet", "task_id"),
    "closed tasks": _both_ways("select id from process.tasks where not is_open", "process", "TaskClosed", "task_id"),
    "touches": _both_ways("select id from process.touches", "process", "TouchRecorded", "touch_id"),
    "moves": _both_ways("select process_id as id from process.moves", "process", "StageMoved", "process_id"),
    "closed sales": _both_ways(
        "select id from process.processes where closed_at is not null", "process", "ProcessClosed", "process_id"
    ),
    "deadlines": _both_ways("select task_id as id from reminders.deadlines", "reminders", "DeadlineSet", "task_id"),
    "reminders": _both_ways(
        "select task_id as id from reminders.notifications", "reminders", "DeadlineReached", "task_id"
    ),
}

_FALLING_DUE = "select lead_id from reminders.awaited where fire_at < now() + interval '5 s'"
_TAKEN_BACK = "select id from intake.imports where undoing"
_UNSENT = " union all ".join(f"select '{room}' from {room}.unsent" for room in ROOMS)

PROMISES: dict[str, Query] = {
    **{
        f"I2 {promise}": ("select count(*) from intake.decisions", sql)
        for promise, sql in INVARIANTS.items()
        if promise not in (_DEAD, _AGREED)
    },
    # A client whose sale is closed may be given to another: what must agree is a lead and the sale it is in.
    "I2 a sale is worked by whom its leads were given to": (
        "select count(*) from process.leads",
        "select l.id from process.leads l join process.processes p on p.id = l.process_id"
        " join routing.decisions r on r.lead_id = l.id and not r.passed_on where r.receiver <> p.manager"
        # what came for an open sale went on with it, when the lead that had opened it did
        " and not (l.joined and exists (select 1 from routing.decisions o where o.lead_id = p.lead_id and o.passed_on))",
    ),
    **{f"I3 {room} numbers its histories without gaps": _numbered(room) for room in ROOMS},
    **{
        f"I3 {listener} applied every {kind} of {source} to its end": _history_of(source, listener, kind)
        for source, listener, kind in _pairs()
    },
    "I3 routing followed intake in order": _one_cause_after_another("routing", "intake"),
    "I3 process followed routing in order": _one_cause_after_another("process", "routing"),
    "I3 routing knows the open sale of each client, and its manager": (
        "select count(*) from process.processes where closed_at is null",
        "select coalesce(c.client_id, p.client_id) from (select * from routing.clients where process_id is not null) c"
        " full join (select * from process.processes where closed_at is null) p on p.client_id = c.client_id"
        " where c.process_id is distinct from p.id or c.open_with is distinct from p.manager",
    ),
    **{f"I4 {name} and what was told of them": query for name, query in _EFFECTS.items()},
    "I7 every open deadline has a timer until the head is told": (
        "select count(*) from reminders.deadlines where state = 'open'",
        "select d.task_id from reminders.deadlines d left join reminders.timers t on t.task_id = d.task_id"
        " where d.state = 'open' and t.task_id is null and not exists (select 1 from reminders.notifications n"
        " where n.task_id = d.task_id and n.step = 'escalated')",
    ),
    "I7 each reminder was given once": (
        "select count(*) from reminders.notifications",
        "select task_id from reminders.notifications group by task_id, step, version having count(*) > 1",
    ),
    "I8 every sale went a legal way": (
        "select count(*) from process.moves",
        f"select m.id from ({_PATHS}) m left join ({_LEGAL}) a using (move, from_stage, to_stage)"
        f" where a.move is null or m.from_stage <> coalesce(m.before, '{OPENED}') or (m.is_last and m.to_stage <> m.stage)",
    ),
    "I9 process and reminders count the same open tasks for each manager": (
        f"select count(*) from ({_OPEN_TASKS}) t",
        f"select coalesce(t.manager, d.manager) from ({_OPEN_TASKS}) t full join ({_OPEN_DEADLINES}) d using (manager)"
        " where t.n is distinct from d.n",
    ),
    "I9 routing and process count the same leads for each manager": (
        f"select count(*) from ({_RECEIVED}) r",
        f"select coalesce(r.who, w.who) from ({_RECEIVED}) r full join ({_WORKED}) w using (who)"
        " where r.n is distinct from w.n",
    ),
}


@dataclass(slots=True)
class Finding:
    """One promise: how many things were looked at, and what is wrong with some of them."""

    promise: str
    looked_at: int
    wrong: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Verdict:
    """All findings; how long it took to come to rest (None: it never did), and what came to rest last."""

    findings: list[Finding]
    drained: float | None
    last: Counter[str]

    @property
    def violations(self) -> list[Finding]:
        """Broken promises."""
        return [finding for finding in self.findings if finding.wrong]


class Court:
    """Looks at a house after the fire."""

    def __init__(self, db: AsyncEngine, bus: Bus, fire: Fire, traffic: Traffic) -> None:
        self.db, self.bus, self.fire, self.traffic = db, bus, fire, traffic
        self.last = Counter[str]()

    async def judge(self, since: float, people: asyncio.Task[None]) -> Verdict:
        """Wait until the house has come to rest, counting from the moment `since`, then look at every promise.

        `people` end their day meanwhile; who brings a list to its end looks at it now and then only, and is not timed.
        """
        drained = await self._rest(since)
        await people
        if await self.under_way():
            drained = await self._rest(since)
        findings = await self._letters()
        findings += await self._receipts()
        async with self.db.connect() as db:
            for promise, (count, broken) in PROMISES.items():
                looked_at = (await db.execute(text(count))).scalar_one()
                wrong = [", ".join(map(str, row)) for row in (await db.execute(text(broken))).all()]
                findings.append(Finding(promise, looked_at, wrong))
        late = "it never came to rest" if drained is None else f"it took {drained:.0f} s"
        calm = drained is not None and drained <= DRAIN_SECONDS
        findings.append(Finding(f"I6 drained within {DRAIN_SECONDS:.0f} s", 1, [] if calm else [late]))
        hit = [name for name, _ in Fire.WEIGHTS]
        missed = [name for name in hit if not self.fire.faults[name]]
        findings.append(Finding("I10 each kind of fault was met", len(hit), missed))
        return Verdict(
            sorted(findings, key=lambda one: (int(one.promise[1:].split()[0]), one.promise)), drained, self.last
        )

    # ── coming to rest ──────────────────────────────────────────────────────────────────────────────────────────

    async def _rest(self, since: float) -> float | None:
        while time.monotonic() < since + _GIVE_UP_SECONDS:
            try:
                waits = await self.under_way()
                if not waits:
                    return time.monotonic() - since
                self.last = waits
            except (OSError, TimeoutError, SQLAlchemyError, nats.errors.Error):
                pass
            await asyncio.sleep(0.5)
        return None

    async def under_way(self) -> Counter[str]:
        """What is not done yet: unsent events, messages in a line, histories not heard to their end, answers about to be due."""
        waits = Counter[str]()
        async with self.db.connect() as db:
            # first of all: what a list that is taken back still sends out is seen below once it is on its way
            waits["lists being taken back"] = len((await db.execute(text(_TAKEN_BACK))).all())
            waits["answers falling due"] = len((await db.execute(text(_FALLING_DUE))).all())
            waits["unsent"] = len((await db.execute(text(_UNSENT))).all())
            for promise, (_, broken) in PROMISES.items():
                if " applied every " in promise:
                    waits[promise] = len((await db.execute(text(broken))).all())
        for room in ROOMS:
            for reading in readings_of(room):
                info = await self.fire.js.consumer_info(reading.stream, reading.durable)
                waits[reading.durable] = (info.num_pending or 0) + (info.num_ack_pending or 0)
        return +waits

    # ── I1: what the bus took ───────────────────────────────────────────────────────────────────────────────────

    async def _receipts(self) -> list[Finding]:
        traffic = self.traffic
        leads = Finding("I1 each acknowledged lead is stored once", len(traffic.leads))
        rows = Finding("I1 each row of a list is stored once", traffic.rows_sent)
        touches = Finding("I1 each acknowledged touch is recorded or refused, once", len(traffic.touches))
        async with self.db.connect() as db:
            stored = await self._ids(db, f"select external_id from intake.submissions where source_system = '{SYSTEM}'")
            count = "select count(*) from intake.submissions where purpose = 'leads' and import_id is not null"
            listed = (await db.execute(text(count))).scalar_one()
            recorded = await self._ids(db, "select id from process.touches")
            refused = await self._ids(
                db, "select (payload::jsonb->>'touch_id')::uuid from process.outbox where type = 'TouchRefused.v1'"
            )
        leads.wrong += [number for number in traffic.leads if stored[number] != 1]
        if listed != traffic.rows_sent:
            rows.wrong.append(f"{listed} are stored")
        for id_ in traffic.touches:
            if recorded[id_of(id_, "touch")] + refused[id_of(id_, "touch")] != 1:
                touches.wrong.append(str(id_))
        return [leads, rows, touches]

    async def _ids(self, db: Any, sql: str) -> Counter[Any]:
        return Counter((await db.execute(text(sql))).scalars().all())

    # ── I5: poison ──────────────────────────────────────────────────────────────────────────────────────────────

    async def _letters(self) -> list[Finding]:
        """Poison lies among the dead letters and nothing else does; settled, it holds nobody any more."""
        expected = Counter((room, poison.id) for poison in self.fire.poison for room in poison.rooms)
        for poison in self.fire.poison:
            if poison.follower is not None:
                expected[poison.rooms[0], UUID(poison.follower[2]["ce-id"])] += 1
        found = await self._open_letters()
        # An event that was put into the stream past any outbox may have gone with the stream: nobody can send it again.
        for poison in self.fire.poison:
            ours = {(room, poison.id) for room in poison.rooms}
            if poison.is_event and not ours <= {(room, id_) for room, id_, _ in found}:
                await self.fire.inject(poison)
        until = time.monotonic() + 20
        while Counter((room, id_) for room, id_, _ in found) != expected and time.monotonic() < until:
            await asyncio.sleep(0.5)
            found = await self._open_letters()
        dead = Finding("I5 poison is a dead letter, and nothing else is", len(expected))
        have = Counter((room, id_) for room, id_, _ in found)
        dead.wrong += [f"{room} has no letter {id_}" for room, id_ in expected - have]
        dead.wrong += [f"{room} gave up {id_}" for room, id_ in have - expected]
        return [dead, await self._settle(found)]

    async def _settle(self, found: Sequence[tuple[str, UUID, int]]) -> Finding:
        free = Finding("I5 what waited behind poison is freed when it is settled", len(found))
        for room, _, number in found:
            wish = SettleLetter(letter=number, action="close", why="poison")
            try:
                await self.bus.send(wish, uuid5(SPACE, f"close/{room}/{number}"), room=room)
            except Trouble as trouble:
                free.wrong.append(str(trouble))
        until = time.monotonic() + 20
        while (left := await self._open_letters()) and time.monotonic() < until:  # noqa: ASYNC110  # it is the database that changes
            await asyncio.sleep(0.5)
        free.wrong += [f"{room} still holds {id_}" for room, id_, _ in left]
        return free

    async def _open_letters(self) -> list[tuple[str, UUID, int]]:
        sql = " union all ".join(
            f"select '{room}', message_id, id from {room}.dead_letters where state <> 'settled'" for room in ROOMS
        )
        async with self.db.connect() as db:
            return [(room, id_, number) for room, id_, number in (await db.execute(text(sql))).all()]
