"""The record of a decision: what is kept of it, and how it is made again from what was kept."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from services.routing.rules.assignment import ALARMS, RULES_VERSION, Decision, assign, pools_needed
from services.routing.rules.case import Client, Lead, Meeting, Passed
from services.routing.rules.fair_share import Ledger, Standing
from services.routing.rules.field import Field
from services.routing.rules.wording import notes
from shared.words import Source


@dataclass(frozen=True, slots=True)
class Record:
    """What a stored decision was made of: enough to make it again."""

    lead: Lead
    client: Client
    field: Field
    pool: str | None
    standings: Mapping[str, Standing]
    full: Mapping[str, Passed]
    among: frozenset[str] | None
    counted: Mapping[str, tuple[int, int]] = dataclasses.field(default_factory=dict)
    """What those with a cap, on the bench or passed over for it, had received that day and held open."""
    engaged: Mapping[str, Passed] = dataclasses.field(default_factory=dict)
    """Those who were not free at the time of the lead's meeting."""


def recompute(record: Record) -> str:
    """The receiver that today's rules name for what a record tells."""
    return remade(record).receiver


def remade(record: Record) -> Decision:
    """The decision that today's rules make of what a record tells: whole, with its reasons and the ledger after it."""
    ledgers = {
        pool: Ledger() for pool in pools_needed([record.lead], {record.lead.client_id: record.client}, record.field)
    }
    if record.pool is not None:
        ledgers[record.pool] = Ledger(record.standings)
    return assign(
        record.lead,
        record.client,
        record.field,
        ledgers,
        full=record.full,
        engaged=record.engaged,
        among=record.among,
        rest=False,
    )


def told_otherwise(kept: Mapping[str, Any], field: Field) -> tuple[str, ...]:
    """What a kept decision tells and today's rules would tell otherwise, by name; nothing, if it can be made again.

    Every word of the record is compared but for the version of the rules: who was passed over and why, who was told,
    the ledger after it.
    """
    again = json.loads(json.dumps(as_kept(remade(record_of(kept, field))), default=str))
    return tuple(name for name in _MADE if again[name] != kept[name])


_MADE = (
    "rule",
    "rules",
    "receiver",
    "office_id",
    "queue",
    "pool",
    "candidates",
    "excluded",
    "ledger",
    "told",
    "notes",
    "alarm",
)
"""What a decision makes of its inputs."""


def alarm_of(decision: Decision) -> str | None:
    """What somebody must look at, in words; None when all is well."""
    alarming = [note for note in decision.notes if note.code in ALARMS]
    return notes(alarming, "en") if alarming else None


def as_kept(decision: Decision) -> dict[str, Any]:
    """A decision as it is kept, but for its moment, import and field."""
    share = decision.share
    return {
        "lead_id": decision.lead.lead_id,
        "client_id": decision.lead.client_id,
        "rule": decision.rule,
        "rules": decision.rules,
        "receiver": decision.receiver,
        "office_id": decision.office,
        "queue": decision.queue,
        "pool": decision.pool,
        "candidates": [
            {"id": who, "weight": weight, "turn": share.before[who].turn if share else 0}
            for who, weight in decision.candidates
        ],
        "excluded": decision.excluded,
        "ledger": share
        and {
            "before": {who: standing.balance for who, standing in share.before.items()},
            "after": {who: standing.balance for who, standing in share.after.items()},
        },
        "told": decision.told,
        "notes": decision.notes,
        "alarm": alarm_of(decision),
        "rules_version": RULES_VERSION,
        "inputs": {
            "lead": _said(decision.lead),
            "client": _said(decision.client),
            **({"full": decision.full} if decision.full else {}),
            **({"engaged": decision.engaged} if decision.engaged else {}),
            **({"among": sorted(decision.among)} if decision.among is not None else {}),
            **({"counted": counted} if (counted := _counted(decision)) else {}),
        },
    }


def _counted(decision: Decision) -> dict[str, tuple[int, int]]:
    if not decision.counted:
        return {}
    asked = {*decision.full, *(who for who, _ in decision.candidates)}
    return {who: counts for who, counts in decision.counted.items() if who in asked}


def _said(facts: Lead | Client) -> dict[str, Any]:
    """What is known besides the ids that the record carries anyway."""
    said = {name: fact for name in _FACTS[type(facts)] if (fact := getattr(facts, name)) is not None}
    if "meeting" in said:
        said["meeting"] = [moment.isoformat() for moment in said["meeting"]]
    return said


_FACTS = {
    kind: tuple(name for name in kind.__struct_fields__ if name not in ("lead_id", "client_id"))
    for kind in (Lead, Client)
}


def record_of(kept: Mapping[str, Any], field: Field) -> Record:
    """What a kept decision was made of: `kept` as `as_kept` told it, JSON read."""
    lead, client = kept["inputs"]["lead"], kept["inputs"]["client"]
    ids = {key: UUID(client[key]) for key in ("process_id", "given_lead") if key in client}
    before = kept["ledger"]["before"] if kept["ledger"] else {}
    among = kept["inputs"].get("among")
    meeting = Meeting(*map(datetime.fromisoformat, lead["meeting"])) if "meeting" in lead else None
    return Record(
        lead=Lead(kept["lead_id"], kept["client_id"], **{**lead, "source": Source(lead["source"]), "meeting": meeting}),
        client=Client(kept["client_id"], **{**client, **ids}),
        field=field,
        pool=kept["pool"],
        standings={c["id"]: Standing(before.get(c["id"], 0), c["turn"]) for c in kept["candidates"]},
        full=kept["inputs"].get("full", {}),
        among=None if among is None else frozenset(among),
        counted={who: (today, held) for who, (today, held) in kept["inputs"].get("counted", {}).items()},
        engaged=kept["inputs"].get("engaged", {}),
    )
