"""Every question that can be asked on the bus, by the room that owns the fact. Answers are JSON objects."""

from __future__ import annotations

from uuid import UUID

from shared.message import EACH, Question


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

    `id` is a lead's or a client's.
    """

    id: UUID


class CountRoutingProgress(Question, owner="routing"):
    """How many leads of an import have a receiver: `{routed, alarms, last_at}`."""

    import_id: UUID


class ReportDistribution(Question, owner="routing"):
    """Per manager of an import: `{managers: [{id, name, office, received, shared, fair_share, deviation, by_rule}]}`.

    `received` counts all leads, `shared` those that the ledger shared out, `fair_share` what was owed (G6).
    """

    import_id: UUID


class ExplainRouting(Question, owner="routing"):
    """Why this manager: `{decisions: [{lead_id, at, rule, reason, receiver, candidates, excluded, ledger, ...}]}`."""

    id: UUID


class ListStaff(Question, owner="routing"):
    """The directory: `{company, offices: [...], staff: [{id, name, office, function, active}]}`."""


class CountProcessProgress(Question, owner="process"):
    """How many leads of an import are in a sale: `{opened, joined, tasks, last_at}`."""

    import_id: UUID


class ShowProcess(Question, owner="process"):
    """The sale of a client, a lead or a process: `{found, process, tasks: [...], touches: [...], moves: [...]}`."""

    id: UUID


class CountRemindersProgress(Question, owner="reminders"):
    """How many tasks of an import have a deadline: `{deadlines, last_at}`."""

    import_id: UUID


class ShowDeadlines(Question, owner="reminders"):
    """The deadlines of a client or task: `{deadlines: [{task_id, due_at, state, steps: [...]}]}`."""

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
