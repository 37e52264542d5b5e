"""A period decided again by other rules, roster, weights or staff: `python -m services.routing.whatif HISTORY [COMPANY]`.

HISTORY holds a JSON object on each line: first the company file in force, then fields of play and kept decisions in the
order in which they were made. COMPANY is the changed file as the command `ApplyCompany`; without it today's rules run
over the period as it was. Each lead that would have gone otherwise is a line of the answer; the sums are the last one.
"""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from itertools import groupby
from pathlib import Path
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from pydantic import ValidationError

from services.routing.rules.altered import Altered
from services.routing.rules.assignment import RULES_VERSION, Decision
from services.routing.rules.company import faults_in
from services.routing.rules.fair_share import Standing
from services.routing.rules.field import Field
from services.routing.rules.record import record_of
from services.routing.rules.retold import Kept, Retold, Standings
from services.routing.rules.tally import Tally
from shared.commands import ApplyCompany

# ── reading ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def read(lines: Iterable[bytes]) -> Iterator[list[Kept]]:
    """The batches of a history, the line of the company in force left out: decisions that were made at one moment."""
    fields: dict[str, Field] = {}

    def decisions() -> Iterator[Kept]:
        for line in lines:
            told = json.loads(line)
            if "content" in told:
                fields[told["id"]] = Field.from_json(told["content"])
            elif "nth" in told:
                yield _kept(told, fields[told["field_id"]])

    for _, batch in groupby(decisions(), key=lambda kept: kept.at):
        yield list(batch)


def _kept(told: Mapping[str, Any], field: Field) -> Kept:
    ids = {"lead_id": UUID(told["lead_id"]), "client_id": UUID(told["client_id"])}
    received, returned, freed = told["received_at"], told["given_back_at"], told.get("meeting_freed_at")
    return Kept(
        at=datetime.fromisoformat(told["at"]),
        received_at=datetime.fromisoformat(received) if received else None,
        record=record_of({**told, **ids}, field),
        weights=tuple((one["id"], one["weight"]) for one in told["candidates"]),
        after=told["ledger"] and told["ledger"]["after"],
        receiver=told["receiver"],
        rule=told["rule"],
        queue=told["queue"],
        attempt=told["attempt"],
        passed_on=told["passed_on"],
        given_back_at=datetime.fromisoformat(returned) if returned else None,
        is_current=told["rules_version"] == RULES_VERSION,
        meeting_freed_at=datetime.fromisoformat(freed) if freed else None,
    )


def opening_of(lines: Iterable[bytes], now: Mapping[str, Mapping[str, int]]) -> Standings:
    """What everybody was owed, pool by pool, when he was first met; who was not met is owed what he is `now`, in units."""
    met: Standings = defaultdict(dict)
    for line in lines:
        told = json.loads(line)
        if told.get("ledger"):
            known, before = met[told["pool"]], told["ledger"]["before"]
            for one in told["candidates"]:
                if one["id"] not in known:
                    known[one["id"]] = Standing(before[one["id"]], one["turn"])
    for pool, those in now.items():
        for who, balance in those.items():
            met[pool].setdefault(who, Standing(balance))
    return met


# ── the command ─────────────────────────────────────────────────────────────────────────────────────────────────────


def run(history: Path, changed: ApplyCompany | None) -> Iterator[dict[str, Any]]:
    """Each lead that would have gone otherwise, in order, and last the sums of both tellings."""
    with history.open("rb") as file:
        head = json.loads(file.readline())
        now = ApplyCompany.model_validate(head["company"])
        opening = opening_of(file, head["standings"])
    clock = _Clock(now, changed)
    was, would = Tally(clock.zones, clock.home), Tally(clock.zones, clock.home)
    retold = Retold(opening, clock.day, Altered(now, changed) if changed else None)
    leads: set[UUID] = set()
    otherwise: set[UUID] = set()
    with history.open("rb") as file:
        file.readline()
        for batch in read(file):
            for kept, decided in zip(batch, retold.decide(batch), strict=True):
                leads.add(kept.record.lead.lead_id)
                back = kept.given_back_at is not None
                was.add(kept.at, kept.receiver, kept.queue, kept.shared_in, kept.before, kept.after, returned=back)
                if decided is not None:
                    back = back and not (kept.passed_on and not kept.went_as(decided))
                    would.add(kept.at, decided.receiver, decided.queue, *_moved(decided), returned=back)
                made = decided or retold.has(kept.record.lead.lead_id)
                if (made.receiver, made.rule, made.queue) != (kept.receiver, kept.rule, kept.queue):
                    otherwise.add(kept.record.lead.lead_id)
                    yield _difference(kept, made)
    yield {
        "leads": len(leads),
        "otherwise": len(otherwise),
        "was": was.as_json(),
        "would": would.as_json(),
        "names": clock.names,
    }


def _moved(made: Decision) -> tuple[str | None, Mapping[str, int] | None, Mapping[str, int] | None]:
    if made.share is None:
        return None, None, None
    return (
        made.pool,
        {who: standing.balance for who, standing in made.share.before.items()},
        {who: standing.balance for who, standing in made.share.after.items()},
    )


def _difference(kept: Kept, made: Decision) -> dict[str, Any]:
    lead = kept.record.lead
    return {
        "lead_id": str(lead.lead_id),
        "received_at": kept.received_at.isoformat() if kept.received_at else None,
        "decided_at": kept.at.isoformat(),
        "source": lead.source,
        "region": lead.region,
        "import_id": lead.list_id,
        "was": {"to": kept.receiver, "rule": kept.rule, "queue": kept.queue},
        "would": {"to": made.receiver, "rule": made.rule, "queue": made.queue},
    }


class _Clock:
    """The clocks and names of everybody in either company file."""

    def __init__(self, now: ApplyCompany, changed: ApplyCompany | None) -> None:
        self.zones: dict[str, ZoneInfo] = {}
        self.names: dict[str, dict[str, str]] = {}
        for company in filter(None, (now, changed)):
            offices = {office.id: ZoneInfo(office.time_zone) for office in company.offices}
            self.zones |= {person.id: offices[person.office] for person in company.staff}
            self.names |= {person.id: {"name": person.name, "office": person.office} for person in company.staff}
        self.home = ZoneInfo(now.time_zone)

    def day(self, who: str, at: datetime) -> date:
        """The day that somebody has at `at`."""
        return at.astimezone(self.zones.get(who, self.home)).date()


def main(arguments: Sequence[str]) -> int:
    """Run on files; 2 when that is not what was asked, or the changed company contradicts itself."""
    if len(arguments) not in (1, 2):
        sys.stderr.write("usage: python -m services.routing.whatif HISTORY [COMPANY.json]\n")
        return 2
    changed: ApplyCompany | None = None
    if len(arguments) == 2:
        try:
            changed = ApplyCompany.model_validate_json(Path(arguments[1]).read_bytes())
        except ValidationError as wrong:
            for error in wrong.errors():
                sys.stderr.write(f"{arguments[1]}: {'.'.join(map(str, error['loc']))}: {error['msg']}\n")
            return 2
        if faults := faults_in(changed):
            for fault in faults:
                sys.stderr.write(f"{fault.field}: {fault.problem}. {fault.remedy}.\n")
            return 2
    for told in run(Path(arguments[0]), changed):
        sys.stdout.write(f"{json.dumps(told, ensure_ascii=False)}\n")
    sys.stdout.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
