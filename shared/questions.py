"""Every question that can be asked on the bus, by the room that owns the fact. Answers are JSON objects."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AwareDatetime, Field

from shared.commands import MAX_ROWS, LeadFields, Row
from shared.events import AgreedMeeting
from shared.message import EACH, Question
from shared.words import Source

MOST_PREVIEWED = 120_000
"""Leads of one preview of routing: as many as one message can carry."""


class CountIntakeProgress(Question, owner="intake"):
    """How far an import has come: `{rows, accepted, rejected, new, same, possible, registered, last_at}`."""

    import_id: UUID


class ListRejectedRows(Question, owner="intake"):
    """The rows of an import that could not become leads: `{rejected: [{sheet, row, faults: [{field, problem, remedy}]}]}`.

    At most 1,000 at a time, after row (`after_sheet`, `after_row`).
    """

    import_id: UUID
    after_sheet: str = ""
    after_row: int = 0


class ExplainRecognition(Question, owner="intake"):
    """Why this card: `{found, lead: {...}, decision: {outcome, rule, score, evidence: [...], candidates: [...]}, client}`.

    `id` is a lead's or a client's. `earlier` are contacts of the client that were no leads yet (R1-31, R1-26).
    """

    id: UUID


class ListImports(Question, owner="intake"):
    """The last imports, the newest first: `{imports: [{id, file_name, campaign, purpose, submitter, begun_at, rows, …}]}`.

    With each its counts: `new, same, possible, rejected`, and `undone, kept, asked` if it was undone at `undo_at`.
    """

    most: Annotated[int, Field(ge=1, le=1000)] = 50


class TellUndo(Question, owner="intake"):
    """How far the undoing of an import is: `{found, leads, untold, asked, undone, kept, cards_gone, undoing, left: [...]}`.

    `left` names what was left: `{lead_id, client_id, client, sheet, row, kept_because}`, at most 1,000.
    """

    import_id: UUID


class ReportSources(Question, owner="intake"):
    """What each source and campaign brought in a time: `{sources: [{source, campaign, leads, accepted, new, same, …}]}`.

    With each: `possible, rejected, early, undone, submitters`, and of calls `entry_lag_s`, the middle one,
    `longest_lag_s`, `calls` whose end is known and `late` of them, entered later than `entered_within_s` (R1-22).
    By the moment when the lead was received; `until` is not in it.
    """

    since: AwareDatetime
    until: AwareDatetime


class LookupClient(Question, owner="intake"):
    """Who is this, while he is still talking? The six-key check of these fields, nothing stored (R1-40).

    `{outcome: same|possible|new|unsearchable, rule, because, score, client, evidence, candidates: [...], earlier: [...],
    faults, check_ms}`; `earlier` are contacts of his that were no leads yet (R1-31).
    """

    default_country: Annotated[str, Field(pattern=r"^[A-Z]{2}$")] = "RU"
    fields: LeadFields


class TellKeys(Question, owner="intake"):
    """Under which keys these rows are searched: `{keys: [address]}`; who previews a list carries what stands under them."""

    default_country: Annotated[str, Field(pattern=r"^[A-Z]{2}$")] = "RU"
    rows: Annotated[list[Row], Field(min_length=1, max_length=MAX_ROWS)]


class PreviewRows(Question, owner="intake"):
    """What would become of a chunk of a list, nothing stored: `{rows: [...], cards: [...], gains: [...]}`.

    A row: `{sheet, row, outcome: same|possible|new|rejected, rule, because, client_id, client, region, is_here, faults}`;
    `is_here` says that it was taken in before. `cards` and `gains` are what the chunk would leave behind:
    whoever previews sends those that the next chunk can meet (`TellKeys`) back as `earlier`. Of a key that more than
    `most_holders` have gained only the number is sent back (`crowds`): it brings no candidates.
    """

    import_id: UUID
    purpose: Literal["leads", "clients"] = "leads"
    default_country: Annotated[str, Field(pattern=r"^[A-Z]{2}$")] = "RU"
    rows: Annotated[list[Row], Field(min_length=1, max_length=MAX_ROWS)]
    earlier: dict[str, Any] = Field(default_factory=dict)


class ListReviews(Question, owner="intake"):
    """The doubts that wait for a person, by client: `{waiting, groups: [{client_id, name, label, leads, …, reviews}]}`.

    By skips, then value × closeness, then age; `client_id` asks for one group with all its doubts (at most 500).
    """

    limit: int = 20
    client_id: UUID | None = None


class ShowReview(Question, owner="intake"):
    """One doubt with both records side by side: `{found, review, card, other, agree, conflict, judgement}`.

    `id` is a review's, or the lead's that raised it.
    """

    id: UUID


class ListMerges(Question, owner="intake"):
    """Merges of a client, or of an import, newest first, and those undone: `{merges: [{merge_id, survivor_id, …}]}`."""

    id: UUID


class ListProposals(Question, owner="intake"):
    """Merges of clients with weight that wait for a second person: `{proposals: [{id, clients, reasons, proposed_by, …}]}`.

    `clients` are `[{id, name, curator}]`, those that would be one. At most 200, the oldest first.
    """


class ReportAudit(Question, owner="intake"):
    """How often are leads joined to a wrong card by themselves? `{rules: [...], overall, waiting, items: [...]}`.

    A rule: `{rule, because, joins, judged, wrong, low, high}`, the share of right ones between `low` and `high` (Wilson,
    95 %). `overall`: `{joins, judged, wrong, precision, low}`. `items` are the next joins to be looked at, at most `limit`:
    `{lead_id, client_id, rule, because, score, raw, client, evidence, opened_at}`.
    """

    limit: Annotated[int, Field(ge=0, le=200)] = 10


class ListSetAside(Question, owner="intake"):
    """Web forms in which a field was filled in that only machines see: `{forms: [{receipt_id, campaign, received_at, fields}]}`.

    At most 200, the newest first, with `waiting`, how many there are in all; `receipt_id` asks for one of them.
    """

    receipt_id: UUID | None = None


class CountRoutingProgress(Question, owner="routing"):
    """How many leads of an import have a receiver: `{routed, alarms, given_back, last_at}`."""

    import_id: UUID


class ReportDistribution(Question, owner="routing"):
    """Per manager of an import: `{managers: [{id, name, office, received, shared, fair_share, deviation, by_rule}]}`.

    `received` counts all leads, `shared` those that the ledger shared out, `fair_share` what was owed (G6).
    """

    import_id: UUID


class PreviewAssignment(Question, owner="routing"):
    """Who would receive these leads, in this order, nothing stored: `{receivers: [...], managers: [...], problem}`.

    One place in each list for one lead. A receiver: `{id, rule, queue, shared, alarm}`. A manager:
    `{id, name, office, received, shared, fair_share, deviation}`, as `ReportDistribution` would tell of them afterwards.
    `problem` says why nobody can be named yet.
    """

    import_id: UUID
    source: Source = Source.EVENT
    submitter: str | None = None
    clients: Annotated[list[UUID], Field(max_length=MOST_PREVIEWED)]
    regions: Annotated[list[str], Field(max_length=MOST_PREVIEWED)]
    known: Annotated[list[bool], Field(max_length=MOST_PREVIEWED)]
    meetings: list[AgreedMeeting | None] = Field(default_factory=list, max_length=MOST_PREVIEWED)
    """The meeting that each lead comes with; nothing, if none has one."""


class ReportFairness(Question, owner="routing"):
    """How evenly a time was shared out, and how soon: `{pools, people, totals}`; `until` is not in it (G6).

    A member of a pool: `{pool, id, name, office, eligible, shared, fair_share, deviation, balance}`, `balance` as it
    stands now. A person: `{id, name, office, received, queued, declined, silent, unaccepted, by_rule}`. Totals:
    `{leads, came, fell_back, queued, alarms, given_back, declined, silent, accepted, unaccepted, median_s, most_s,
    longest_s, median_accepted_s, most_accepted_s}`, the seconds from the lead to its owner and to his acceptance.
    """

    since: AwareDatetime
    until: AwareDatetime


class TellPeriod(Question, owner="routing"):
    """What stands before the decisions of a time are told: `{leads, first, last, company, standings}`.

    `first` and `last` number its decisions, null if there is none. `company` is the company file in force now, as
    `ApplyCompany`; `standings` what everybody is owed now, in units: pool → staff → units.
    """

    since: AwareDatetime
    until: AwareDatetime


class ListDecisions(Question, owner="routing"):
    """Decisions of a time in the order they were made: `{decisions: [JSON], fields: [id], through}`, as many as a page holds.

    After number `after` up to `last`; `through` is the last told of, null when there are no more. `fields` are the
    fields of play they were made on, for `TellFields`.
    """

    since: AwareDatetime
    until: AwareDatetime
    after: int
    last: int


class TellFields(Question, owner="routing"):
    """Fields of play, as decisions saw them: `{fields: {id: JSON}}`, as many of those asked for as a page holds."""

    ids: Annotated[list[UUID], Field(min_length=1, max_length=1000)]


class ExplainRouting(Question, owner="routing"):
    """Why this manager: `{decisions: [{lead_id, at, rule, reason, receiver, candidates, excluded, ledger, ...}]}`."""

    id: UUID


class ListStaff(Question, owner="routing"):
    """The directory: `{company, offices: [...], staff: [{id, name, office, function, active}]}`."""


class TellDirectory(Question, owner="routing"):
    """The directory as it stood at a moment: who covers a region, who was on duty, who was absent, what was in force (§3).

    `{history_from, in_force, home_region, offices: [{id, name, regions, head, staff: […], on_duty: […]}], region, later}`;
    `in_force` is null before the first company. `later` is what was entered afterwards and covers the moment.
    """

    at: AwareDatetime
    region: str | None = None


class ShowRoster(Question, owner="routing"):
    """The duty roster of an office, or of all, from `since` up to `until`: `{offices: [...], history: {...}}` (R1-44).

    An office: `{id, name, time_zone, shifts: [{staff, name, starts_at, ends_at, origin, away}], gaps: [{starts_at, ends_at,
    needed, there, away}], people: [{id, name, weight, hours, expected, fair, deviation}]}`; leads are expected as the
    stored arrivals of the last weeks came, by weekday and hour.
    """

    office: str | None = None
    since: AwareDatetime
    until: AwareDatetime


class DraftRoster(Question, owner="routing"):
    """A roster for an office, from the day `since` up to and with `until`, nothing stored: `{shifts, people, unmet, …}`.

    `shifts` are what `EnterRoster` takes; `unmet` says in words what could not be done (`unmet_ru` in Russian).
    """

    office: str
    since: date
    until: date


class ListFeeds(Question, owner="routing"):
    """Calendars that can be subscribed to: `{feeds: [{id, staff, office, lang, label, by, at, revoked_at, revoked_by}]}`.

    The newest first, at most 500; the revoked too if `revoked`. Their addresses are known to nobody here.
    """

    staff: str | None = None
    office: str | None = None
    revoked: bool = False


class ListPresence(Question, owner="routing"):
    """Who is here now: `{staff: [{id, name, office, function, state, reason, until, at, by, on_duty}]}` (R1-24).

    A state is available, busy, absent, off_shift or left; `at` and `by` say when and by whom the word was said, if one was.
    """


class ListWaiting(Question, owner="routing"):
    """Leads without an answer: `{awaited: [...], waiting: [...]}`; a lead: `{lead_id, client_id, receiver, queue, attempt, …}`.

    `awaited` have a receiver who has not answered, `waiting` are in a queue, where nobody could take them (G8). At most
    200 of each, the oldest first; `staff` asks for those of one person.
    """

    staff: str | None = None


class PreviewMove(Question, owner="routing"):
    """Who would get how many, by the code that moves, nothing stored: `{people, clients, sales, queued, warnings, faults}`.

    Name one of `client_id`, `staff` and `office`. A person: `{id, name, office, clients, sales, shared, fair_share,
    queued}`. It is what will be done as long as nothing else changes.
    """

    client_id: UUID | None = None
    staff: str | None = None
    office: str | None = None
    to: str | None = None
    by: str | None = None


class ListMoves(Question, owner="routing"):
    """The last moves of work, newest first: `{moves: [{id, kind, state, staff, office, client_id, to, by, reason, …}]}`.

    With each its counts: `clients, followed, back, left`; `staff` asks for the dismissals of one person.
    """

    most: Annotated[int, Field(ge=1, le=1000)] = 50
    staff: str | None = None


class TellMove(Question, owner="routing"):
    """How far a move is: `{found, move, people: [{id, name, office, clients}], left: [{client_id, why}]}`.

    `left` are those that an undo left where they are, at most 1,000.
    """

    move_id: UUID


class TellOwner(Question, owner="routing"):
    """Who owns a client: `{found, owner, name, office, curator, works, queue, process_id, moves: [...]}`.

    `owner` answers for him now; `queue` says that he only answers for it, because who had the client has left (G8).
    `moves` are those of the client, newest first: `{move_id, kind, at, receiver, rule, reason, by, candidates, excluded}`.
    """

    client_id: UUID


class CountProcessProgress(Question, owner="process"):
    """How many leads of an import are in a sale: `{opened, joined, withdrawn, tasks, last_at}`."""

    import_id: UUID


class ReportSales(Question, owner="process"):
    """What became of the leads received in a time: `{sources: [{source, campaign, opened, joined, won, lost, open, …}]}`.

    A sale counts for the source and campaign of the lead that opened it; `amounts` sums its contracts by currency, in
    minor units. What was taken back with its import is left out.
    """

    since: AwareDatetime
    until: AwareDatetime


class ShowProcess(Question, owner="process"):
    """The sale of a client, a lead or a process: `{found, process, tasks: [...], touches: [...], moves: [...]}`."""

    id: UUID


class CountRemindersProgress(Question, owner="reminders"):
    """How many tasks of an import have a deadline: `{deadlines, closed, last_at}`."""

    import_id: UUID


class ShowDeadlines(Question, owner="reminders"):
    """The deadlines of a client or task: `{deadlines: [{task_id, due_at, state, steps: [...]}], answers: [...]}`.

    `answers` are those awaited of receivers, of a client or a lead: `{lead_id, attempt, manager, state, due_at, …}` (SLA).
    """

    id: UUID


# ── every room ──────────────────────────────────────────────────────────────────────────────────────────────────────


class TellHealth(Question, owner=EACH):
    """How the room is: `{ready, problems, unsent, dead, waiting, consumers: {durable: {pending, unacked}}, …}`.

    `since_start` holds what the replica that answers has counted: `{applied, gate_waits, retries, died, sent, …}`.
    """


class TellOutcome(Question, owner=EACH):
    """What came of a command: `{state: done|dead|unknown, said: [{type, payload}], reason, letter}`."""

    command_id: UUID


class ListLetters(Question, owner=EACH):
    """The dead letters that are not settled, or the one asked for: `{letters: [{id, handler, reason, …}], dead, waiting}`.

    At most 200, dead ones first; `behind` and `behind_oldest_s` say how many wait behind each, and for how long.
    """

    letter: int | None = None


class TellWatermarks(Question, owner=EACH):
    """How far the room has applied what `source` said: `{passed, behind: {aggregate: applied}, held: [aggregate]}`.

    `said` maps aggregates to the highest number told of them. `passed` holds, for single messages and for those of
    lists, the place in the queue of `source` up to which all that was sent has come past the room.
    """

    source: str
    said: dict[str, int]


class TellHistory(Question, owner=EACH):
    """What the room has said about aggregates of one kind, as it goes on the wire: `{messages: [[subject, headers, payload]]}`.

    At most 200 at a time, by aggregate and number, after the one named.
    """

    kind: str
    after_aggregate: str = ""
    after_sequence: int = 0
