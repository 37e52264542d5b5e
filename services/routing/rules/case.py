"""One lead as the rules meet it, and what a rule may answer."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from msgspec import Struct

from services.routing.rules.fair_share import Weights
from services.routing.rules.field import Field, Person
from shared.words import Source


class Meeting(NamedTuple):
    """A meeting that was agreed with a client: from when until when, `until` excluded."""

    at: datetime
    until: datetime

    def meets(self, other: Meeting) -> bool:
        """Whether nobody can hold both."""
        return self.at < other.until and other.at < self.until


class Lead(Struct, frozen=True):
    """What routing needs to know of an accepted lead; `known` says that intake recognised the client.

    `worked_with` is whom the caller says he worked with before (R1-16), `list_id` the import that the lead belongs to,
    `meeting` when a meeting was agreed with the client, if its moment was told.
    """

    lead_id: UUID
    client_id: UUID
    source: Source
    region: str
    named: str | None = None
    submitter: str | None = None
    known: bool = False
    worked_with: str | None = None
    list_id: str | None = None
    meeting: Meeting | None = None


class Client(Struct, frozen=True):
    """What routing has heard of a client.

    `known`: he was a client before this lead. `curator` is an id of the directory, `stated_curator` the name as it came.
    `process_id` and `open_with` are the open sale and its manager. `given_to` is who received his last lead, as long as
    process has not yet said what became of `given_lead`. `current`: he has bought; None: nobody has said.
    """

    client_id: UUID
    region: str = "unknown"
    known: bool = False
    current: bool | None = None
    curator: str | None = None
    stated_curator: str | None = None
    process_id: UUID | None = None
    open_with: str | None = None
    given_to: str | None = None
    given_lead: UUID | None = None


class Note(NamedTuple):
    """Something worth telling about a decision: a code that `wording` puts into words, and what it is about."""

    code: str
    about: str = ""


Passed = Mapping[str, str]
"""Why somebody was passed over: `{"why": "absent", "reason": …, "until": …}`.

The other whys: busy, left, declined, silent, off_duty, function, notice, per_day, open_leads, other_region; and, at the
time of a meeting, away_then, off_hours, meeting.
"""


class To(Struct, frozen=True):
    """The rule names this person."""

    rule: str
    person: Person


class Bench(Struct, frozen=True):
    """Those among whom a lead may be shared: the pool whose ledger counts, the eligible, and the rest with reasons."""

    pool: str
    office: str | None
    weights: Weights
    passed: Mapping[str, Passed]


class Among(Struct, frozen=True):
    """The rule shares out among a bench; `empty` is the code of the alarm when nobody sits on it."""

    rule: str
    bench: Bench
    empty: str


class Nobody(Struct, frozen=True):
    """The rule finds nobody who can: the lead waits in `queue`, answered for by a head (G8)."""

    queue: str
    office: str | None
    alarm: Note


Verdict = To | Among | Nobody


class Case(Struct):
    """A lead before the rules: they read the facts and write down what they passed over on their way."""

    lead: Lead
    client: Client
    field: Field
    rules: list[str] = []
    notes: list[Note] = []
    passed: dict[str, Passed] = {}
    told: list[str] = []
    full: Mapping[str, Passed] = {}
    """Those who have reached a cap."""
    engaged: Mapping[str, Passed] = {}
    """Those who are not free at the time of the lead's meeting."""

    def stopped(self, person: str) -> Passed | None:
        """What keeps somebody who could take a lead from this one: a cap, or what he does at the time of its meeting."""
        return self.full.get(person) or self.engaged.get(person)

    def note(self, code: str, about: str = "") -> None:
        """Write something down once."""
        if (note := Note(code, about)) not in self.notes:
            self.notes.append(note)

    def tell(self, person: str) -> None:
        """Somebody besides the receiver is to be told."""
        if person not in self.told:
            self.told.append(person)
