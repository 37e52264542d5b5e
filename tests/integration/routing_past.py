"""A past of real variety for the tests of records, reports and what-ifs: every rule, list, cap, merge and queue in it."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import AsyncConnection

from services.routing import acceptance, handlers, merges
from shared.commands import DeclineLead
from shared.database import engine_for
from shared.events import (
    ClientRegistered,
    ClientsMerged,
    LeadAccepted,
    LeadAssigned,
    LeadHandedOn,
    LeadJoined,
    ProcessClosed,
    ProcessOpened,
)
from shared.message import Said
from shared.words import Outcome, Source
from tests.conftest import url_of
from tests.integration.routing_house import NOW, SALES, DbOf, away, batch, company, lead, person, said_of, shift, uid

REGIONS = (*("RU-MOW",) * 7, *("RU-SPE",) * 4, "BY", "unknown", "RU-TA", "RU-SAK")
EVERYBODY = (*SALES, "akim", "agata", "sofia", "stepan", "head_msk")


def staff(**more: dict[str, Any]) -> list[dict[str, Any]]:
    """The staff of the house; `more` is what else is said of some."""
    return [{**entry.model_dump(), **more.get(entry.id, {})} for entry in company().staff]


def roster(days: int = 14) -> list[dict[str, Any]]:
    """Two of Moscow on duty by day, another pair every day; nobody by night."""
    return [
        shift(SALES[(day + place) % len(SALES)], at=NOW + timedelta(days=day))
        for day in range(days)
        for place in range(2)
    ]


def leads_of(dice: random.Random, day: int, *, meetings: bool = True) -> Iterator[LeadAccepted]:
    """The single leads of a day: all sources and regions, old clients and new, asked for by name, found, referred."""
    for n in range(dice.randint(30, 60)):
        source = dice.choice(list(Source))
        facts: dict[str, Any] = {"source": source, "region": dice.choice(REGIONS), "received_at": NOW}
        if dice.random() < 0.4:
            facts |= {"client": f"old {dice.randint(1, 40)}", "outcome": Outcome.SAME}
        if source is Source.INBOUND_CALL and dice.random() < 0.4:
            facts["named_manager"] = dice.choice((*EVERYBODY, "Name of Boris", "nobody knows him"))
        if source is Source.INBOUND_CALL and dice.random() < 0.3:
            facts["worked_with"] = dice.choice(EVERYBODY)
        if source in (Source.OTHER, Source.REFERRAL, Source.AGENT):
            facts["submitter"] = dice.choice(EVERYBODY)
        if meetings and source is Source.AGENT and n % 4:
            begins = NOW + timedelta(days=day + 1 + n % 2, hours=n % 6 - 2)
            facts["meeting"] = {"at": begins, "until": begins + timedelta(hours=1 + n % 2), "place": "theirs"}
        yield lead(f"day {day} number {n}", **facts)


@asynccontextmanager
async def one_engine(database: URL) -> AsyncIterator[DbOf]:
    """`db_of` over connections that stay open: a past is hundreds of transactions."""
    engine = engine_for(url_of(database, "routing"), "routing", pool_size=2)

    @asynccontextmanager
    async def connect(room: str) -> AsyncIterator[AsyncConnection]:
        async with engine.begin() as db:
            yield db

    try:
        yield connect
    finally:
        await engine.dispose()


class Past:
    """The past as it goes: what is heard, day after day, each batch in a transaction of its own."""

    def __init__(self, db_of: DbOf, seed: int = 5, declines: float = 0.12, *, meetings: bool = True) -> None:
        self.meetings = meetings
        self.db_of, self.dice, self.declines = db_of, random.Random(seed), declines
        self.assigned: list[LeadAssigned] = []
        self.handed_on: list[LeadHandedOn] = []
        self._open: dict[str, LeadAssigned] = {}

    async def hear(self, handle: Any, *messages: Any, now: datetime) -> Said:
        """One batch."""
        async with self.db_of("routing") as db:
            said: Said = await handle(batch(*messages, now=now, of=f"{now} {handle.__name__}"), db)
        return said

    async def assign(self, leads: list[LeadAccepted], now: datetime) -> list[LeadAssigned]:
        """Leads of one batch, each of another client, as the kernel would give them."""
        once = {one.client_id: one for one in leads}
        given = said_of(await self.hear(handlers.assign_leads, *once.values(), now=now), LeadAssigned)
        self.assigned += given
        return given

    async def a_day(self, day: int) -> None:
        """Leads one by one and in batches, a list in chunks, sales that open, are joined and end, shares given back."""
        now = NOW + timedelta(days=day)
        waiting = list(leads_of(self.dice, day, meetings=self.meetings))
        await self.give_waiting(now)
        given: list[LeadAssigned] = []
        for number in range(20):
            if not waiting:
                break
            size = self.dice.choice((1, 2, 5, 12))
            given += await self.assign(waiting[:size], now + timedelta(minutes=20 * number))
            del waiting[:size]
        given += await self.assign([lead(f"night {day} {n}") for n in range(3)], now + timedelta(hours=12))
        for chunk in range(2):
            rows = [
                lead(f"list {day} {chunk} {n}", source=Source.EVENT, region=region, import_id=uid(f"list {day // 2}"))
                for n, region in enumerate(self.dice.choices(REGIONS, k=self.dice.randint(5, 25)))
            ]
            given += await self.assign(rows, now + timedelta(hours=5, minutes=chunk))
        await self.decline(given, now + timedelta(hours=12, minutes=30))
        await self.go_on(given, now + timedelta(hours=13))

    async def give_waiting(self, now: datetime) -> None:
        """Leads that wait in a queue are given as soon as somebody is there."""
        async with self.db_of("routing") as db:
            said, _ = await acceptance.give_waiting(now, db)
        self.handed_on += said_of(said, LeadHandedOn)

    async def decline(self, given: list[LeadAssigned], now: datetime) -> None:
        """Some do not take what they receive, and some of the next ones do not either."""
        asked = {one.lead_id: one.manager for one in given if one.rule not in ("R1-33", "G8")}
        for _ in range(2):
            wishes = [
                DeclineLead(lead_id=lead_id, by=manager, reason="нет времени")
                for lead_id, manager in asked.items()
                if self.dice.random() < self.declines
            ]
            if not wishes:
                return
            said = await self.hear(acceptance.decline_leads, *wishes, now=now)
            went = said_of(said, LeadHandedOn)
            self.handed_on += went
            asked = {one.lead_id: one.manager for one in went if one.queue is None}
            now += timedelta(minutes=10)

    async def go_on(self, given: list[LeadAssigned], now: datetime) -> None:
        """What becomes of the leads of a day."""
        opened, joined, closed = [], [], []
        gone = {one.lead_id for one in self.handed_on}
        for one in given:
            if one.lead_id in gone:
                continue
            if one.rule == "R1-33" or self.dice.random() < 0.05:
                manager = self.dice.choice(SALES) if one.rule != "R1-33" else one.manager
                joined.append(
                    LeadJoined(
                        process_id=uid(f"sale {one.client_id}"),
                        client_id=one.client_id,
                        lead_id=one.lead_id,
                        manager=manager,
                    )
                )
            elif self.dice.random() < 0.8:
                opened.append(
                    ProcessOpened(
                        process_id=uid(f"sale {one.client_id}"),
                        client_id=one.client_id,
                        lead_id=one.lead_id,
                        manager=one.manager,
                        office_id=one.office_id,
                        source=one.source,
                    )
                )
                if self.dice.random() < 0.5:
                    ended = self.dice.choice(("won", "lost"))
                    closed.append(
                        ProcessClosed.model_validate(
                            {
                                "process_id": uid(f"sale {one.client_id}"),
                                "client_id": one.client_id,
                                "manager": one.manager,
                                "ended": ended,
                            }
                        )
                    )
        for handle, messages in (
            (handlers.note_opened, opened),
            (handlers.note_joined, joined),
            (handlers.note_closed, closed),
        ):
            if messages:
                await self.hear(handle, *{one.client_id: one for one in messages}.values(), now=now)

    async def merge(self, survivor: UUID, loser: UUID, now: datetime) -> None:
        """Two clients are one."""
        for side in (loser, survivor):
            told = ClientsMerged(
                merge_id=uid(f"merge {survivor} {loser}"),
                client_id=side,
                survivor_id=survivor,
                loser_id=loser,
                cards=[loser],
                name="ООО",
                region="RU-MOW",
                by="head_msk",
                rule_version=1,
            )
            async with self.db_of("routing") as db:
                await merges.follow_merges(batch(told, now=now, of=str(side)), db)

    def base(self) -> list[ClientRegistered]:
        """Clients who were there before."""
        return [
            ClientRegistered(
                client_id=uid(f"old {n}"),
                name=f"Клиент {n}",
                region=self.dice.choice(REGIONS),
                curator=self.dice.choice((*EVERYBODY, "somebody else", None)),
            )
            for n in range(1, 30)
        ]

    async def live(self, days: int = 8) -> None:
        """All of it: a base of clients, a company that changes twice, holidays, a merge."""
        first = company(
            staff=staff(boris={"per_day": 3}, vera={"weight": 1.5}, stepan={"open_leads": 6}), duty=roster()
        )
        later = company(
            staff=[
                *staff(boris={"per_day": 4}, vera={"weight": 1.5}, gleb={"weight": 0.5}, stepan={"open_leads": 6}),
                person("dina"),
            ],
            duty=roster(),
            absences=[away("anna", days=6), away("sofia", days=5, reason="busy")],
        )
        await self.hear(handlers.apply_company, first, now=NOW)
        quiet = ClientRegistered(client_id=uid("quiet"), name="Тихий клиент", region="RU-MOW", curator="gleb")
        await self.hear(handlers.learn_clients, quiet, *self.base(), now=NOW)
        for day in range(days):
            if day == 3:
                await self.hear(handlers.apply_company, later, now=NOW + timedelta(days=day))
            if day == 4:
                listed = next(one for one in self.assigned if one.rule == "R1-37")
                await self.merge(uid("old 1"), uid("old 2"), NOW + timedelta(days=day))
                await self.merge(uid("quiet"), listed.client_id, NOW + timedelta(days=day))
            if day == 6:
                gone = later.model_copy(update={"staff": [one for one in later.staff if one.id != "vera"], "duty": []})
                await self.hear(handlers.apply_company, gone, now=NOW + timedelta(days=day))
            await self.a_day(day)
