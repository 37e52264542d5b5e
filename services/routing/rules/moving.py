"""Who gets a client whose manager goes: the one who is named, else whom the rules of §3 name (R2-23).

A client is not a call: who is busy for a moment counts as here, duty and caps are not asked. He goes to whoever works his
open sale (R1-33), to his curator (R1-34), else he is shared among the managers of his region (R1-37), an account manager's
among the account managers of the office, if it has others (R2-06); if none of them is here, a head answers for him (G8).
Moved clients have ledgers of their own, one for each pool: nobody's part of new leads changes because a colleague left,
and no new lead waits for a ledger that a move holds.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from msgspec import structs

from services.routing.rules.availability import why_not, why_not_new
from services.routing.rules.case import Bench, Client, Note, Passed
from services.routing.rules.duty import at_home, of_region
from services.routing.rules.fair_share import Ledger, Share, parts_of, weights_of
from services.routing.rules.fallback import chain_of
from services.routing.rules.field import BUSY, Field, Person
from services.routing.rules.region import serving_office, territory
from shared.words import Function

POOLS = "moved:"
"""What the ledgers of moved clients begin with; no report of evenness counts them (`store.reports`)."""

NAMED = "named"
"""The rule of a move whose successor a person has named."""


@dataclass(frozen=True, slots=True)
class Leaving:
    """Whose clients go, and where to, if that is said: all to one person, or among the people of one office.

    `everything` makes whoever has the client give him up: a transfer.
    """

    people: frozenset[str]
    to: str | None = None
    to_office: str | None = None
    everything: bool = False

    def has(self, person: str | None) -> bool:
        """Whether this one's clients go."""
        return person is not None and (self.everything or person in self.people)


def leaving_of_office(people: Mapping[str, Function], to_office: str) -> Leaving:
    """Those whose clients go when an office is handed over: not who answers for the whole company, wherever he sits."""
    everywhere = (Function.HEAD_OF_SALES, Function.DIRECTOR)
    return Leaving(
        frozenset(who for who, function in people.items() if function not in everywhere), to_office=to_office
    )


@dataclass(frozen=True, slots=True)
class Placed:
    """Where a client goes: to a `person`, or to whoever is owed most of a `bench`; `rule` says why."""

    client: Client
    rule: str
    person: Person | None
    bench: Bench | None
    queue: str | None
    notes: tuple[Note, ...]


@dataclass(frozen=True, slots=True)
class Move:
    """A client, who received him, and how he stands from then on; `share` is how the ledger of `pool` moved."""

    client: Client
    then: Client
    rule: str
    receiver: str
    office: str
    queue: str | None
    pool: str | None
    bench: Bench | None
    share: Share | None
    notes: tuple[Note, ...]

    @property
    def record(self) -> dict[str, Any]:
        """Why this one: everybody it could have been, who was passed over, and the ledger before and after."""
        share = self.share
        return {
            "candidates": [
                {"id": who, "weight": weight, "turn": share.before[who].turn if share else 0}
                for who, weight in (self.bench.weights if self.bench else ())
            ],
            "excluded": dict(self.bench.passed) if self.bench else {},
            "ledger": share
            and {
                "before": {who: standing.balance for who, standing in share.before.items()},
                "after": {who: standing.balance for who, standing in share.after.items()},
            },
            "notes": self.notes,
        }


def for_moving(field: Field, leaving: Leaving, *, gone: bool) -> Field:
    """The field as a move sees it: who is busy for a moment is here, and with `gone` those who leave have left."""
    return Field(
        field.home_region,
        field.offices.values(),
        (
            replace(
                person,
                active=person.active and not (gone and person.id in leaving.people),
                away=None if person.away is not None and person.away.reason == BUSY else person.away,
            )
            for person in field.people.values()
        ),
    )


def is_leaving(client: Client, leaving: Leaving) -> bool:
    """Whether anything of this client is with those who leave."""
    return any(leaving.has(who) for who in (client.curator, client.open_with, client.given_to))


def place(client: Client, leaving: Leaving, field: Field) -> Placed:
    """Where a client goes whose curator or whose sale's manager leaves."""
    notes: list[Note] = []
    if leaving.to is not None:
        named = field.people.get(leaving.to)
        if named is not None and not has_left(named):
            return Placed(client, NAMED, named, None, None, ())
        notes.append(Note("successor_left", leaving.to))
    if leaving.to_office is None:
        works, curator = client.open_with or client.given_to, client.curator
        if (person := _stays(works, leaving, field)) is not None:
            return Placed(client, "R1-33", person, None, None, tuple(notes))
        if (person := _stays(curator, leaving, field)) is not None and why_not(person) is None:
            return Placed(client, "R1-34", person, None, None, tuple(notes))
    had = next((who for who in (client.open_with, client.given_to, client.curator) if leaving.has(who)), None)
    rule, bench = _bench_for(client, field.people.get(had or ""), leaving, field)
    if bench.weights:
        return Placed(client, rule, None, bench, None, tuple(notes))
    answerer = answers_for(bench.office, field)
    return Placed(client, "G8", answerer, bench, f"handover:{bench.office or 'company'}", tuple(notes))


def _stays(who: str | None, leaving: Leaving, field: Field) -> Person | None:
    """One who has something of the client and keeps it: he goes on, away or not."""
    person = field.people.get(who or "")
    if person is None or leaving.has(who) or person.function is Function.AGENT:
        return None
    return None if has_left(person) else person


def has_left(person: Person | None) -> bool:
    """Whether somebody no longer works here, or never did."""
    return person is None or (why_not(person) or {"why": ""})["why"] == "left"


def _bench_for(client: Client, had: Person | None, leaving: Leaving, field: Field) -> tuple[str, Bench]:
    """Among whom a client is shared: those of his region; if nobody knows it, those of the office that had him."""
    own = had.office if had is not None and had.office in field.offices else None
    if had is not None and had.function is Function.ACCOUNT:
        office = leaving.to_office or own
        if office is not None and any(not leaving.has(p.id) for p in field.staff_of(office, Function.ACCOUNT)):
            return "R2-06", _accounts(office, field)
    where = territory(client.region, field)
    office = leaving.to_office or (own if where.assumed and own is not None else where.office) or own
    home = serving_office(field.home_region, field)
    if office is None or office == home:
        return "R1-37", at_home(home, field)
    return "R1-37", of_region(office, field)


@lru_cache(maxsize=256)
def _accounts(office: str, field: Field) -> Bench:
    """The account managers of an office (R2-06)."""
    people = field.staff_of(office, Function.ACCOUNT)
    passed: dict[str, Passed] = {p.id: why for p in people if (why := why_not_new(p)) is not None}
    return Bench(
        f"account:{office}", office, weights_of((p.id, p.weight) for p in people if p.id not in passed), passed
    )


def answers_for(office: str | None, field: Field) -> Person | None:
    """Who answers for what nobody of `office` can take: the first of the chain who is here, else who has not left (G8)."""
    chain = chain_of(office, field)
    here = [person for person in chain if why_not(person) is None]
    staying = [person for person in chain if not has_left(person)]
    return next(iter(here or staying), None)


def pools_of(placed: Iterable[Placed]) -> set[str]:
    """The ledgers that these clients are shared by."""
    return {POOLS + one.bench.pool for one in placed if one.person is None and one.bench is not None}


def hand_out(placed: Sequence[Placed], leaving: Leaving, ledgers: Mapping[str, Ledger]) -> list[Move]:
    """Give each of these to its receiver, in order; the ledgers of `pools_of` are moved on in place (G6).

    A client for whom nobody at all could answer is left out, and stays where he is.
    """
    moves = []
    for one in placed:
        share, pool = None, None
        if one.person is not None:
            receiver, office = one.person.id, one.person.office
        elif one.bench is not None and one.bench.weights:
            pool = POOLS + one.bench.pool
            share = ledgers[pool].share_out(one.bench.weights)
            receiver, office = share.receiver, one.bench.office or ""
        else:
            continue
        moves.append(
            Move(
                one.client,
                _afterwards(one.client, leaving, receiver),
                one.rule,
                receiver,
                office,
                one.queue,
                pool,
                one.bench,
                share,
                one.notes,
            )
        )
    return moves


def _afterwards(client: Client, leaving: Leaving, receiver: str) -> Client:
    """What was with those who leave is the receiver's; the rest stays as it is."""
    return structs.replace(
        client,
        curator=receiver if leaving.has(client.curator) or (leaving.everything) else client.curator,
        open_with=receiver if leaving.has(client.open_with) else client.open_with,
        given_to=receiver if leaving.has(client.given_to) else client.given_to,
    )


def share_back(record: Mapping[str, Any]) -> dict[str, int]:
    """What a kept move added to each balance, in units; nothing if it was not shared out."""
    return parts_of(record["ledger"]["before"], record["ledger"]["after"]) if record["ledger"] else {}


# ── what stood before ───────────────────────────────────────────────────────────────────────────────────────────────

_FACTS = ("curator", "open_with", "given_to")


def stood(client: Client) -> dict[str, str | None]:
    """Who had a client: what a move changes and an undo gives back."""
    return {name: getattr(client, name) for name in _FACTS}


def why_not_back(
    client: Client | None, before: Mapping[str, str | None], after: Mapping[str, str | None], field: Field
) -> str:
    """Why an undo leaves a client where he is; "" if nothing here stands against giving him back."""
    if client is None:
        return "его карточки больше нет / his card is gone"
    if client.curator != after["curator"]:
        return f"с тех пор он передан дальше: {client.curator} / he has gone on since, to {client.curator}"
    for who in {before["curator"], before["open_with"]} - {None}:
        if has_left(field.people.get(who or "")):
            return f"{who} больше не работает / {who} has left"
    return ""


def given_back(client: Client, before: Mapping[str, str | None], after: Mapping[str, str | None]) -> Client:
    """The client with the curator he had, if nobody else has become it since."""
    return structs.replace(client, curator=before["curator"]) if client.curator == after["curator"] else client


# ── by how many ─────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(slots=True)
class Tally:
    """What moves come to, person by person: `clients`, those with an open sale, those shared out, those in a queue."""

    clients: dict[str, int]
    sales: dict[str, int]
    shared: dict[str, int]
    queued: dict[str, int]
    owed: dict[str, int]

    @classmethod
    def empty(cls) -> Tally:
        """Nothing yet."""
        return cls({}, {}, {}, {}, {})

    def add(self, moves: Iterable[Move]) -> None:
        """Count these too; `owed` is what the ledgers moved, in units."""
        for move in moves:
            _count(self.clients, move.receiver)
            if move.then.open_with == move.receiver:
                _count(self.sales, move.receiver)
            if move.queue is not None:
                _count(self.queued, move.receiver)
            if move.share is not None:
                _count(self.shared, move.receiver)
                for who, standing in move.share.after.items():
                    _count(self.owed, who, standing.balance - move.share.before[who].balance)


def _count(counts: dict[str, int], who: str, by: int = 1) -> None:
    counts[who] = counts.get(who, 0) + by
