"""A period told again: what would have been decided of the same leads by other rules, roster, weights or staff.

Leads, presence, calendars and what became of clients are as they were; what came of a decision is read as if it had
come of the one made in its place.

As long as nothing a pool has seen differs, its decisions are made again from their records, lists and rests as they
were: unchanged rules give back exactly what happened. From the first difference on the pool goes its own way.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from datetime import date, datetime
from heapq import heappop, heappush
from uuid import UUID

from msgspec.structs import replace

from services.routing.rules.altered import Altered
from services.routing.rules.assignment import Decision, Splits, assign, bench_of, split_lists
from services.routing.rules.caps import NOT_RECEIVED, Loads
from services.routing.rules.case import Client, Passed
from services.routing.rules.fair_share import Ledger, Standing, Weights, parts_of, turned
from services.routing.rules.field import Field
from services.routing.rules.meeting_retold import Elsewhere
from services.routing.rules.record import Record, remade
from services.routing.rules.whole_list import list_pool

Day = Callable[[str, datetime], date]
Standings = dict[str, dict[str, Standing]]
"""What everybody is owed, pool by pool."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A decision as it was made: its moment, what it was made of, and what came of it."""

    at: datetime
    received_at: datetime | None
    record: Record
    weights: Weights
    after: Mapping[str, int] | None
    receiver: str
    rule: str
    queue: str | None
    attempt: int
    passed_on: bool
    given_back_at: datetime | None
    is_current: bool
    meeting_freed_at: datetime | None = None
    """When the meeting that it came with was called off, moved or ended with its sale."""

    @property
    def shared_in(self) -> str | None:
        """The pool whose ledger it moved."""
        return self.record.pool if self.after is not None else None

    @property
    def before(self) -> dict[str, int]:
        """What everybody eligible was owed before, in units."""
        return {who: standing.balance for who, standing in self.record.standings.items()}

    def went_as(self, made: Decision) -> bool:
        """Whether the lead is where `made` has it."""
        return (made.receiver, made.queue) == (self.receiver, self.queue)


@dataclass(order=True)
class _Return:
    """A share that was given back: when, and what it had added to balances, really and in the world that is tried."""

    at: datetime
    number: int
    was: tuple[str, Mapping[str, int]] | None = dataclass_field(compare=False)
    would: tuple[str, Mapping[str, int]] | None = dataclass_field(compare=False)


@dataclass(frozen=True, slots=True)
class _Seen:
    """What a lead meets in the world that is tried."""

    client: Client
    field: Field
    full: Mapping[str, Passed]
    engaged: Mapping[str, Passed]
    pool: str | None
    as_it_was: bool


@dataclass(frozen=True, slots=True)
class _Came:
    """What came of a client's leads: his curator as it was and would be, all who really held him since, who would."""

    was_curator: str | None
    curator: str | None
    held: frozenset[str | None]
    works: str | None


class Retold:
    """A period told again, decision by decision; `decide` takes those of one batch at a time, in order."""

    def __init__(self, opening: Mapping[str, Mapping[str, Standing]], day: Day, altered: Altered | None = None) -> None:
        """`opening` is what everybody was owed when he was first met, pool by pool; `day` tells his day at a moment."""
        # how the pools really stood; those that go their own way; the ledgers of these, and of lists; which clients and
        # leads are elsewhere than they were
        self._altered = altered
        self._was: Standings = defaultdict(dict, {pool: dict(those) for pool, those in opening.items()})
        self._ledgers: dict[str, Ledger] = defaultdict(Ledger)
        self._astray: set[str] = set()
        self._came: dict[UUID, _Came] = {}
        self._elsewhere: dict[UUID, Decision] = {}
        self._returns: list[_Return] = []
        self._count = 0
        self._loads = _Loads(day)
        self._meetings = Elsewhere()

    def decide(self, batch: Sequence[Kept]) -> list[Decision | None]:
        """What would have been decided of each; None of a lead that went on to the next one only as it was.

        Whoever has it instead of the one who did not take it is thought to have taken it.
        """
        splits = self._splits([kept for kept in batch if kept.record.lead.list_id])
        return [self._decide(kept, splits) for kept in batch]

    def has(self, lead_id: UUID) -> Decision:
        """The decision by which a lead that went elsewhere is where it is."""
        return self._elsewhere[lead_id]

    def _splits(self, rows: Sequence[Kept]) -> Splits:
        """The lists of a batch split anew, in the pools that do not go as they went."""
        seen = [(kept, self._see(kept)) for kept in rows]
        for kept, it in seen:
            self._part(kept, it)
        apart = [(kept, it) for kept, it in seen if it.pool in self._astray]
        if not apart:
            return {}
        return split_lists(
            [kept.record.lead for kept, _ in apart],
            {it.client.client_id: it.client for _, it in apart},
            [it.field for _, it in apart],
            self._ledgers,
            Loads(),
        )

    def _see(self, kept: Kept) -> _Seen:
        record = kept.record
        field = self._altered.field(record.field, kept.at) if self._altered else record.field
        client, full = self._client(record.client), self._loads.full(kept, field)
        engaged = self._meetings.engaged(record.lead, record.engaged, kept.at)
        same = client == record.client and full == record.full and engaged == record.engaged
        if kept.is_current and field is record.field and same:
            return _Seen(client, field, full, engaged, record.pool, True)
        bench = bench_of(record.lead, client, field, full, engaged)
        pool, weights = (bench.pool, bench.weights) if bench else (None, ())
        return _Seen(
            client, field, full, engaged, pool, kept.is_current and (pool, weights) == (record.pool, kept.weights)
        )

    def _part(self, kept: Kept, it: _Seen) -> None:
        if not it.as_it_was:
            self._go_astray(kept.shared_in)
            self._go_astray(it.pool)

    def _go_astray(self, pool: str | None) -> None:
        if pool is not None and pool not in self._astray:
            self._astray.add(pool)
            self._ledgers[pool] = Ledger(self._was[pool])

    def _decide(self, kept: Kept, splits: Splits) -> Decision | None:
        record = kept.record
        if kept.attempt > 1 and record.lead.lead_id in self._elsewhere:
            self._stays(kept)
            return None
        it = self._see(kept)
        self._move_otherwise(kept)
        self._part(kept, it)
        lead, pool = record.lead, it.pool
        own = {(name := list_pool(pool, lead.list_id)): self._ledgers[name]} if pool and lead.list_id else {}
        if pool in self._astray:
            made = assign(lead, it.client, it.field, self._ledgers, full=it.full, engaged=it.engaged, splits=splits)
        else:
            ledgers = {**own, pool: Ledger(record.standings)} if pool else own
            made = assign(
                lead, it.client, it.field, ledgers, full=it.full, engaged=it.engaged, among=record.among, rest=False
            )
        self._remember(kept, it, made)
        return made

    def _move_otherwise(self, kept: Kept) -> None:
        """What moved the ledgers besides decisions: shares given back by then, and whatever else their records show.

        A share is given back as it was taken in each world; anything else moves both alike.
        """
        while self._returns and self._returns[0].at <= kept.at:
            back = heappop(self._returns)
            if back.was is not None:
                pool, parts = back.was
                for who, part in parts.items():
                    known = self._was[pool][who]
                    self._was[pool][who] = replace(known, balance=known.balance - part)
            if back.would is not None and back.would[0] in self._astray:
                self._ledgers[back.would[0]].give_back(back.would[1])
        if (pool_id := kept.shared_in) is None:
            return
        was = self._was[pool_id]
        if pool_id in self._astray:
            moved = {
                who: known.balance - standing.balance
                for who, standing in kept.record.standings.items()
                if (known := was.get(who, standing)).balance != standing.balance
            }
            if moved:
                self._ledgers[pool_id].give_back(moved)
        was.update(kept.record.standings)

    def _remember(self, kept: Kept, it: _Seen, made: Decision) -> None:
        self._note(kept)
        self._loads.count(kept, made)
        lead, client = kept.record.lead, kept.record.client
        freed_at = None if kept.passed_on else kept.meeting_freed_at or kept.given_back_at
        self._meetings.note(lead, kept.receiver, made.receiver, freed_at)
        if not kept.went_as(made):
            self._elsewhere[lead.lead_id] = made
        self._will_return(kept, made)
        if made.receiver != kept.receiver or made.rule != kept.rule or it.client is not client:
            self._comes(kept, made)
        else:
            self._came.pop(client.client_id, None)

    def _note(self, kept: Kept) -> None:
        """How the ledger really moved."""
        if (pool := kept.shared_in) is not None and kept.after is not None:
            was = self._was[pool]
            last = max(was, key=lambda who: was[who].turn)
            new = kept.receiver != last or was[last].turn == 0
            turn = was[last].turn + turned(kept.weights, new=new)
            for who, balance in kept.after.items():
                was[who] = Standing(balance, turn if who == kept.receiver else was[who].turn)

    def _will_return(self, kept: Kept, made: Decision | None) -> None:
        """The share will be given back; not of a lead that went on only as it was, and now has nowhere to go on from."""
        if kept.given_back_at is None:
            return
        was = (kept.shared_in, parts_of(kept.before, kept.after)) if kept.shared_in and kept.after else None
        would = None
        if made is not None and made.share is not None and made.pool and (kept.went_as(made) or not kept.passed_on):
            before, after = made.share.before, made.share.after
            would = (made.pool, {who: after[who].balance - before[who].balance for who in after})
        self._count += 1
        heappush(self._returns, _Return(kept.given_back_at, self._count, was, would))

    def _stays(self, kept: Kept) -> None:
        """The lead is not with the one who did not take it, so it does not go on to the next one."""
        self._move_otherwise(kept)
        self._go_astray(kept.shared_in)
        self._note(kept)
        self._loads.count(kept, None)
        self._will_return(kept, None)
        self._comes(kept, self._elsewhere[kept.record.lead.lead_id])

    def _comes(self, kept: Kept, made: Decision) -> None:
        was = remade(kept.record).then
        before = self._came.get(was.client_id)
        held = {kept.receiver, was.open_with, was.given_to} | (before.held if before else set())
        works = made.then.given_to or made.then.open_with
        self._came[was.client_id] = _Came(was.curator, made.then.curator, frozenset(held) - {None}, works)

    def _client(self, client: Client) -> Client:
        """The client as he would stand: what came of an earlier decision comes of the one made in its place."""
        if client.client_id not in self._came:
            return client
        came = self._came[client.client_id]
        tried = replace(
            client,
            curator=came.curator if client.curator == came.was_curator else client.curator,
            open_with=came.works if client.open_with in came.held else client.open_with,
            given_to=came.works if client.given_to in came.held else client.given_to,
        )
        return client if tried == client else tried


class _Loads:
    """Who has reached a cap: as it was, and counted from what was where somebody has received otherwise than he did."""

    def __init__(self, day: Day) -> None:
        self._day = day
        self._more: Counter[str] = Counter()
        self._more_today: Counter[tuple[str, date]] = Counter()
        self._today: Counter[tuple[str, date]] = Counter()
        self._held: dict[str, int] = {}

    def full(self, kept: Kept, field: Field) -> Mapping[str, Passed]:
        """Those of `field` who would have reached a cap."""
        if not field.capped:
            return {}
        real, found = kept.record, {}
        for who, (_, held) in real.counted.items():
            self._held[who] = held
        for person in field.capped:
            who, was = person.id, real.field.people.get(person.id)
            today = (who, self._day(who, kept.at))
            same = was is not None and (was.per_day, was.open_leads) == (person.per_day, person.open_leads)
            if same and not self._more[who] and not self._more_today[today]:
                if who in real.full:
                    found[who] = real.full[who]
                continue
            received = real.counted[who][0] + self._more_today[today] if who in real.counted else self._today[today]
            reached = Loads({who: received}, {who: self._held.get(who, 0) + self._more[who]}).reached(person)
            if reached is not None:
                found[who] = reached
        return found

    def count(self, kept: Kept, made: Decision | None) -> None:
        """A decision, as it was and as it would be."""
        for who, rule, more in (
            (made.receiver, made.rule, 1) if made else ("", "G8", 0),
            (kept.receiver, kept.rule, -1),
        ):
            if rule not in NOT_RECEIVED:
                today = (who, self._day(who, kept.at))
                self._more[who] += more
                self._more_today[today] += more
                self._today[today] += max(more, 0)
