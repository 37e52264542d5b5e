"""Four rooms on one database, their clocks and what happens by them: for tests of who takes a lead, and who when he does not."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from services.reminders import awaiting
from services.routing import acceptance
from services.routing.rules.field import Field
from services.routing.rules.record import told_otherwise
from shared.commands import RecordTouch
from shared.events import AssignmentAnswered, LeadAccepted, LeadHandedOn
from shared.message import Command, Event, Heard
from shared.unit import Step
from shared.words import TaskKind, TouchKind, TouchResult
from tests.integration.routing_house import NOW, lead
from tests.integration.test_merge_through_rooms import House

MINUTE = timedelta(minutes=1)


class Acceptance(House):
    """The house, with leads that come to routing directly, and the two watches that acceptance has."""

    heard: list[Event]

    async def come(self, name: str, **facts: Any) -> LeadAccepted:
        """A lead is accepted by intake and routed; what follows waits until `settle`."""
        one = lead(name, received_at=self.now, **facts)
        cause = one.lead_id
        await self._handle("routing", Heard(cause, cause, message=one, at=self.now))
        return one

    async def _handle(self, room: str, heard: Heard[Any]) -> list[Event]:
        said = await super()._handle(room, heard)
        self.told(said)
        return said

    async def say(self, command: Command, room: str = "routing") -> list[Event]:
        """Have a command handled a second later, and queue what is said of it."""
        self.now += timedelta(seconds=1) - MINUTE
        return await self.tell(command, room)  # a minute later, as that house counts

    def told(self, said: list[Event]) -> None:
        """Remember what was said."""
        self.heard = [*getattr(self, "heard", []), *said]

    async def watch(self, room: str, step: Step) -> list[Event]:
        """Let a watch take its steps at this moment, until nothing more waits."""
        events: list[Event] = []
        more = True
        while more:
            async with self.engines[room].begin() as db:
                said, more = await step(self.now, db)
            for nth, saying in enumerate(said):
                self.queue(room, saying.event, saying.cause.new_id(f"watch/{nth}"), saying.cause.correlation)
                events.append(saying.event)
        self.told(events)
        return events

    def queue(self, room: str, event: Event, id_: UUID, correlation: UUID) -> None:
        """Hand an event to everybody who listens to its history."""
        for listener in self.rooms:
            if type(event) in self.rooms[listener].handlers:
                about: Heard[Any] = Heard(id_, correlation, message=event, at=self.now)
                self.waiting[listener, f"{room}:{event.aggregate()}"].append(about)

    def queue_from(self, room: str, event: Event, id_: UUID) -> None:
        """Queue what another room says, which is not asked to say it here."""
        self.queue(room, event, id_, id_)

    async def wait(self, until: datetime, every: timedelta = MINUTE, *, settle: bool = True) -> None:
        """Let time pass, with both watches at work."""
        while self.now < until:
            self.now = min(until, self.now + every)
            await self.watch("reminders", awaiting.answers_fall_due)
            await self.watch("routing", acceptance.give_waiting)
            if settle:
                await self.settle()

    async def standing(self, one: LeadAccepted) -> dict[str, Any]:
        """The decision that holds for a lead."""
        [row] = await self.rows("routing", f"select * from decisions where lead_id = '{one.lead_id}' and not passed_on")
        return row

    async def attempts(self, one: LeadAccepted) -> list[tuple[str, str | None, bool]]:
        """Receiver, answer and whether the share counts, attempt by attempt."""
        rows = await self.rows(
            "routing",
            f"select * from decisions where lead_id = '{one.lead_id}' order by attempt",
        )
        return [(r["receiver"], r["answer"], r["ledger"] is not None and r["given_back_at"] is None) for r in rows]

    async def sale(self, one: LeadAccepted) -> dict[str, Any]:
        """The sale that a lead is in."""
        [row] = await self.rows(
            "process", f"select p.* from processes p join leads l on l.process_id = p.id where l.id = '{one.lead_id}'"
        )
        return row

    async def deadline(self, one: LeadAccepted) -> dict[str, Any]:
        """The open deadline of a lead's sale."""
        sale = await self.sale(one)
        [row] = await self.rows(
            "reminders", f"select * from deadlines where process_id = '{sale['id']}' and state = 'open'"
        )
        return row

    async def touch(self, one: LeadAccepted, by: str, *, lost: bool = False) -> list[Event]:
        """Somebody calls the client, who has bought elsewhere if the sale is `lost`."""
        follows: dict[str, Any] = {"next": {"kind": TaskKind.CALL, "due_at": NOW + timedelta(days=9)}}
        if lost:
            follows = {"end": {"reason": "bought elsewhere"}}
        wish = RecordTouch.model_validate(
            {
                "client_id": one.client_id,
                "by": by,
                "kind": TouchKind.CALL,
                "result": TouchResult.REFUSED if lost else TouchResult.REACHED,
                "comment": "спросил о поставке",
                **follows,
            }
        )
        return await self.say(wish, "process")

    async def balances(self, pool: str) -> dict[str, int]:
        """What everybody is owed in a pool, but for those who are owed nothing."""
        rows = await self.rows("routing", f"select staff_id, balance from ledger where pool_id = '{pool}'")
        return {row["staff_id"]: row["balance"] for row in rows if row["balance"]}

    async def is_sound(self) -> None:
        """Whatever happened: one decision holds, one receiver everywhere, shares add up, records recompute."""
        holding = await self.rows("routing", "select * from decisions where not passed_on")
        assert len({row["lead_id"] for row in holding}) == len(holding)
        every = await self.rows("routing", "select distinct lead_id from decisions")
        assert len(every) == len(holding), "a lead has no decision that holds"
        clients = {row["client_id"]: row for row in await self.rows("routing", "select * from clients")}
        sales = await self.rows("process", "select * from processes where closed_at is null")
        for sale in sales:
            known = clients[sale["client_id"]]
            assert (known["process_id"], known["open_with"]) == (sale["id"], sale["manager"])
        assert {row["process_id"] for row in clients.values()} - {None} == {sale["id"] for sale in sales}
        assert not [row for row in clients.values() if row["given_to"] or row["given_lead"]]
        tasks = await self.rows("process", "select id, process_id, manager from tasks where is_open")
        by_sale = {sale["id"]: sale["manager"] for sale in sales}
        assert {task["process_id"]: task["manager"] for task in tasks} == by_sale
        deadlines = await self.rows("reminders", "select task_id, manager from deadlines where state = 'open'")
        assert {row["task_id"]: row["manager"] for row in deadlines} == {t["id"]: t["manager"] for t in tasks}
        for row in await self.rows("routing", "select pool_id, sum(balance) as owed from ledger group by 1"):
            assert row["owed"] == 0, row["pool_id"]
        await self.shares_add_up()
        for row in await self.rows(
            "routing", "select d.*, f.content as field from decisions d join fields f on f.id = d.field_id"
        ):
            assert told_otherwise(row, Field.from_json(row["field"])) == (), row

    async def shares_add_up(self) -> None:
        """The ledger is what the shares that count have moved, each exactly once (G6)."""
        moved: dict[tuple[str, str], int] = {}
        for row in await self.rows(
            "routing", "select * from decisions where ledger is not null and given_back_at is null"
        ):
            assert not row["passed_on"], "a share counts of a lead that has gone on"
            for who, before in row["ledger"]["before"].items():
                key = row["pool"], who
                moved[key] = moved.get(key, 0) + row["ledger"]["after"][who] - before
        kept = await self.rows("routing", "select * from ledger where strpos(pool_id, '#') = 0")
        assert {key: units for key, units in moved.items() if units} == {
            (row["pool_id"], row["staff_id"]): row["balance"] for row in kept if row["balance"]
        }


def handed_on(said: list[Event]) -> list[LeadHandedOn]:
    """The hand-overs among what was said."""
    return [event for event in said if isinstance(event, LeadHandedOn)]


def answered(said: list[Event]) -> list[tuple[str, str]]:
    """Who has answered what."""
    return [(event.receiver, event.answer) for event in said if isinstance(event, AssignmentAnswered)]
