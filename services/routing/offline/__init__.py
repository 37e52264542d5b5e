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
import sys
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, BinaryIO
from zoneinfo import ZoneInfo

from pydantic import ValidationError

from services.routing.offline.lines import LONGEST_LINE, Arrival, BadLine, Said, lines_of, read_line
from services.routing.rules.assignment import Decision, assign_all
from services.routing.rules.caps import NOT_RECEIVED, Loads
from services.routing.rules.company import faults_in
from services.routing.rules.fair_share import Ledger
from services.routing.rules.field import Field
from services.routing.rules.meeting import Diary, calendars_of
from services.routing.rules.moment import Calendar
from services.routing.rules.presence import Presence
from services.routing.rules.wording import passed_over
from shared.commands import ApplyCompany
from shared.json_lines import on_file

__all__ = ["LONGEST_LINE", "Arrival", "Said", "answer", "main", "replay", "run"]


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


# ── the command ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def run(company: ApplyCompany, name: str, source: BinaryIO) -> int:
    """Answer each arrival of `source`; 1 if any line could not be read, else 0."""
    staff, events, code = frozenset(person.id for person in company.staff), list[Arrival | Said](), 0
    for number, line in lines_of(source):
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
