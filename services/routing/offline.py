"""The command that reads files and needs no servers: `python -m services.routing.offline replay COMPANY.json ARRIVALS`.

COMPANY.json is the command `ApplyCompany` as JSON; ARRIVALS (`-`: standard input) has a JSON object on each line, an
arrival or a change of somebody's presence, and each arrival is answered with a line, in the same order.
The rules are those that routing runs, so what is printed is what routing would decide.
An arrival of an agent may have a `meeting`: {"at": moment, "minutes": 60}. It goes to somebody who is free then.
Arrivals and changes happen in the order of their moments, and of their lines where those are the same. A list is one
import: it is split as a whole when its first row comes, each row among those who are there at its own moment.
A line that cannot be read is named on standard error with its file, number and field; the others go on, and the exit
code is 1.
"""

from __future__ import annotations

import json
import re
import sys
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, BinaryIO, cast
from uuid import UUID, uuid5
from zoneinfo import ZoneInfo

from pydantic import ValidationError

from services.routing.rules.assignment import Decision, assign_all
from services.routing.rules.caps import NOT_RECEIVED, Loads
from services.routing.rules.case import Client, Lead, Meeting
from services.routing.rules.company import faults_in
from services.routing.rules.fair_share import Ledger
from services.routing.rules.field import Field
from services.routing.rules.meeting import Diary, calendars_of
from services.routing.rules.moment import Calendar
from services.routing.rules.presence import CHANGES, Change, Presence
from services.routing.rules.wording import passed_over
from shared.commands import ApplyCompany
from shared.json_lines import on_file
from shared.words import Source

LONGEST_LINE = 1 << 20
"""A longer line is no arrival: it is refused before it is read whole."""
_IDS = UUID("3c2f64b5-0a3e-5b0e-9d6c-7f1f6a2b9c41")
_REGION = re.compile(r"[A-Z]{2}(-[A-Z0-9]{1,3})?")


class BadLine(ValueError):
    """A field of a line, what is wrong with it and how to mend it."""

    def __init__(self, field: str, problem: str, remedy: str) -> None:
        super().__init__(f"{field}: {problem}. {remedy}.")


@dataclass(frozen=True, slots=True)
class Arrival:
    """A lead that came: its line, its moment, and what the rules look at."""

    number: int
    at: datetime
    id: Any
    lead: Lead
    client: Client


@dataclass(frozen=True, slots=True)
class Said:
    """A change of presence: its line, its moment, what was said of whom, and until when."""

    number: int
    at: datetime
    change: Change
    staff: str
    until: datetime | None


# ── replaying ───────────────────────────────────────────────────────────────────────────────────────────────────────


def replay(company: ApplyCompany, events: Iterable[Arrival | Said]) -> Iterator[tuple[Arrival, Decision]]:
    """Decide every arrival; the decisions come in the order of the lines."""
    in_order = sorted(events, key=lambda event: (event.at, event.number))
    fields = _fields(company, in_order)
    diaries = _Diaries(company, in_order)
    lists: dict[str, list[tuple[Arrival, Field]]] = {}
    for arrival, field in fields:
        if arrival.lead.list_id is not None:
            lists.setdefault(arrival.lead.list_id, []).append((arrival, field))
    ledgers: dict[str, Ledger] = defaultdict(Ledger)
    counted = _Counted(company)
    made: list[tuple[Arrival, Decision]] = []
    for arrival, field in fields:
        name = arrival.lead.list_id
        together = [(arrival, field)] if name is None else lists.pop(name, [])
        if together:
            decisions = assign_all(
                [one.lead for one, _ in together],
                {one.client.client_id: one.client for one, _ in together},
                [each for _, each in together],
                ledgers,
                counted.loads(field, arrival.at),
                diaries.at(arrival.at) if any(one.lead.meeting for one, _ in together) else None,
            )
            counted.add(decisions, arrival.at)
            made += [(one, decision) for (one, _), decision in zip(together, decisions, strict=True)]
    return iter(sorted(made, key=lambda pair: pair[0].number))


def _fields(company: ApplyCompany, events: Sequence[Arrival | Said]) -> list[tuple[Arrival, Field]]:
    """Each arrival with the field of play at its moment."""
    calendar, presence = Calendar(company), Presence()
    untils = {event.until for event in events if isinstance(event, Said) and event.until}
    borders = sorted({*calendar.changes(), *untils})
    found: list[tuple[Arrival, Field]] = []
    field: Field | None = None
    stretch = -1
    for event in events:
        if isinstance(event, Said):
            presence.say(event.change, event.staff, event.at, event.until)
            field = None
            continue
        if (now := bisect_right(borders, event.at)) != stretch or field is None:
            stretch, field = now, calendar.field_at(event.at, presence)
        found.append((event, field))
    return found


class _Counted:
    """What those with a cap have received, by the day of their office, and hold open: in a replay nothing is closed."""

    def __init__(self, company: ApplyCompany) -> None:
        zones = {office.id: ZoneInfo(office.time_zone) for office in company.offices}
        self._zones = {person.id: zones[person.office] for person in company.staff}
        self._days: Counter[tuple[str, date]] = Counter()
        self._held: Counter[str] = Counter()

    def loads(self, field: Field, at: datetime) -> Loads:
        capped = [person.id for person in field.capped]
        return Loads(
            {who: self._days[who, self._day(who, at)] for who in capped}, {who: self._held[who] for who in capped}
        )

    def add(self, decisions: Iterable[Decision], at: datetime) -> None:
        for made in decisions:
            if made.rule not in NOT_RECEIVED:
                self._days[made.receiver, self._day(made.receiver, at)] += 1
                self._held[made.receiver] += 1

    def _day(self, who: str, at: datetime) -> date:
        return at.astimezone(self._zones[who]).date()


class _Diaries:
    """Who is free when, through a replay: a meeting that is given stays given."""

    def __init__(self, company: ApplyCompany, events: Sequence[Arrival | Said]) -> None:
        self._back = [event for event in events if isinstance(event, Said) and event.change == "back"]
        self._diary = Diary(datetime.min.replace(tzinfo=UTC), calendars_of(company))

    def at(self, now: datetime) -> Diary:
        """The diary at `now`, with who was said to be back by then."""
        self._diary.now = now
        back = {event.staff: event.at for event in self._back if event.at <= now}
        self._diary.calendars = self._diary.calendars._replace(back=back)
        return self._diary


def answer(arrival: Arrival, decision: Decision) -> dict[str, Any]:
    """A decision as it is printed; `to` is null where the lead waits in `queue` and nobody who answers for it is here."""
    nobody = any(note.code in ("answerer_away", "nobody_answers") for note in decision.notes)
    return {
        "id": arrival.id,
        "to": None if nobody else decision.receiver,
        "queue": decision.queue,
        "rule": decision.rule,
        "told": list(decision.told),
        "excluded": {who: passed_over(why, "en") for who, why in decision.excluded.items()},
    }


# ── reading lines ───────────────────────────────────────────────────────────────────────────────────────────────────


def read_line(number: int, line: bytes, staff: frozenset[str]) -> Arrival | Said:
    """One line as an arrival or a change; raises BadLine."""
    record = _parsed(line)
    at = _moment(record, "at")
    if at is None:
        raise BadLine("at", "it is missing", 'Write the moment with its offset: "2026-11-23T10:05:00+03:00"')
    if "change" in record:
        return _said(number, at, record, staff)
    if record.get("id") is None or isinstance(record["id"], dict | list):
        raise BadLine("id", "it is missing" if record.get("id") is None else "it is no text", 'Write "id": "a1"')
    client = record.get("client")
    if client is not None and not isinstance(client, dict):
        shape = '{"owner": …, "open_process": …, "current": true or false}'
        raise BadLine("client", f"{_shown(client)} is no object", f"Write null, or {shape}")
    name = _text(record, "list")
    client_id = uuid5(_IDS, f"client {number}")
    return Arrival(
        number,
        at,
        record["id"],
        Lead(
            uuid5(_IDS, f"lead {number}"),
            client_id,
            Source(_one_of(record, "source", [str(source) for source in Source])),
            _region(record),
            named=_text(record, "named"),
            submitter=_text(record, "submitter"),
            known=client is not None,
            worked_with=_text(record, "worked_with"),
            list_id=name,
            meeting=_meeting(record, at),
        ),
        Client(client_id) if client is None else _client(client_id, client),
    )


def _client(client_id: UUID, said: dict[str, Any]) -> Client:
    current = said.get("current")
    if current is not None and not isinstance(current, bool):
        raise BadLine("client.current", f"{_shown(current)} is neither true nor false", "Write true or false")
    owner, manager = _text(said, "owner", "client."), _text(said, "open_process", "client.")
    return Client(client_id, known=True, current=bool(current), curator=owner, stated_curator=owner, open_with=manager)


def _meeting(record: dict[str, Any], at: datetime) -> Meeting | None:
    said = record.get("meeting")
    if said is None:
        return None
    if not isinstance(said, dict):
        raise BadLine("meeting", f"{_shown(said)} is no object", 'Write null, or {"at": …, "minutes": 60}')
    begins, minutes = _moment(said, "at", "meeting."), said.get("minutes", 60)
    if begins is None:
        raise BadLine("meeting.at", "it is missing", 'Write the moment with its offset: "2026-11-24T15:00:00+03:00"')
    if begins <= at:
        raise BadLine("meeting.at", "it is not after `at`", "Give the moment that was agreed on")
    if not isinstance(minutes, int) or isinstance(minutes, bool) or not 5 <= minutes <= 720:
        raise BadLine("meeting.minutes", f"{_shown(minutes)} is no length", "Write whole minutes, 5 to 720")
    return Meeting(begins, begins + timedelta(minutes=minutes))


def _said(number: int, at: datetime, record: dict[str, Any], staff: frozenset[str]) -> Said:
    change = _one_of(record, "change", CHANGES)
    who, until = _text(record, "staff"), _moment(record, "until")
    if who is None or who not in staff:
        problem = "it is missing" if who is None else f"nobody has the id {who!r}"
        raise BadLine("staff", problem, "Name a member of staff by the id of the company file")
    if until is not None and until <= at:
        raise BadLine("until", "it is not after `at`", "Give a later moment, or null")
    return Said(number, at, cast(Change, change), who, until)


def _region(record: dict[str, Any]) -> str:
    value = _text(record, "region")
    if value is None or value.lower() == "unknown":
        return "unknown"
    if not _REGION.fullmatch(value.upper()):
        raise BadLine(
            "region", f"{value!r} is no region code", 'Write an ISO 3166-2 code such as "RU-SPE", "KZ", or null'
        )
    return value.upper()


def _one_of(record: dict[str, Any], name: str, known: Sequence[str]) -> str:
    value = record.get(name)
    if not isinstance(value, str) or value not in known:
        problem = "it is missing" if value is None else f"there is no {name} {_shown(value)}"
        raise BadLine(name, problem, f"Write one of {', '.join(known)}")
    return value


def _text(record: dict[str, Any], name: str, inside: str = "") -> str | None:
    value = record.get(name)
    if value is None:
        return None
    if not isinstance(value, str):
        raise BadLine(f"{inside}{name}", f"{_shown(value)} is no text", "Write a text in quotes, or null")
    return value.strip() or None


def _moment(record: dict[str, Any], name: str, inside: str = "") -> datetime | None:
    value, name = record.get(name), f"{inside}{name}"
    if value is None:
        return None
    try:
        moment = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        raise BadLine(name, f"{_shown(value)} is no moment", 'Write it like "2026-11-23T10:05:00+03:00"') from None
    if moment.tzinfo is None:
        raise BadLine(name, f"{_shown(value)} does not say its time zone", f'Add the offset: "{value}+03:00"')
    return moment


def _shown(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _parsed(line: bytes) -> dict[str, Any]:
    if len(line) >= LONGEST_LINE:
        raise BadLine("line", f"it is longer than {LONGEST_LINE} bytes", "Write one arrival a line")
    try:
        record = json.loads(line.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise BadLine("line", f"byte {error.start + 1} is not UTF-8", "Save the file as UTF-8") from None
    except json.JSONDecodeError as error:
        raise BadLine("line", f"this is no JSON: {error.msg}, column {error.colno}", "Write one JSON object") from None
    except RecursionError:
        raise BadLine("line", "it is nested too deeply", "Write one JSON object") from None
    if not isinstance(record, dict):
        raise BadLine("line", f"{_shown(record)} is no object", "Write one JSON object")
    return record


def _lines(source: BinaryIO) -> Iterator[tuple[int, bytes]]:
    """The lines that hold something, with their numbers; of one that is too long only the beginning."""
    number = 0
    while line := source.readline(LONGEST_LINE):
        number += 1
        rest = line
        while len(rest) >= LONGEST_LINE and not rest.endswith(b"\n"):
            rest = source.readline(LONGEST_LINE)
        if line.strip():
            yield number, line


# ── the command ─────────────────────────────────────────────────────────────────────────────────────────────────────


def run(company: ApplyCompany, name: str, source: BinaryIO) -> int:
    """Answer each arrival of `source`; 1 if any line could not be read, else 0."""
    staff, events, code = frozenset(person.id for person in company.staff), list[Arrival | Said](), 0
    for number, line in _lines(source):
        try:
            events.append(read_line(number, line, staff))
        except BadLine as wrong:
            code = 1
            sys.stderr.write(f"{name}:{number}: {wrong}\n")
    for arrival, decision in replay(company, events):
        sys.stdout.write(f"{json.dumps(answer(arrival, decision), ensure_ascii=False)}\n")
    sys.stdout.flush()
    return code


def _company(file: str) -> ApplyCompany | None:
    """The company of `file`, or None and every fault on standard error.

    That nobody answers for what nobody can take is no fault here: such leads wait in their queue, and that is shown.
    """
    try:
        company = ApplyCompany.model_validate_json(Path(file).read_bytes())
    except ValidationError as wrong:
        for error in wrong.errors():
            sys.stderr.write(f"{file}: {'.'.join(map(str, error['loc']))}: {error['msg']}\n")
        return None
    faults = [fault for fault in faults_in(company) if fault.field != "staff"]
    for fault in faults:
        sys.stderr.write(f"{fault.field}: {fault.problem}. {fault.remedy}.\n")
    return None if faults else company


def main(arguments: list[str]) -> int:
    """Run `replay COMPANY.json ARRIVALS`; 2 when that is not what was asked, or a file is not there or is wrong."""
    if len(arguments) != 3 or arguments[0] != "replay":
        sys.stderr.write("usage: python -m services.routing.offline replay COMPANY.json ARRIVALS\n")
        return 2
    _, file, name = arguments

    def decide(shown: str, source: BinaryIO) -> int:
        company = _company(file)
        return 2 if company is None else run(company, shown, source)

    return on_file(name, decide)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
