"""What routing answers when it is asked: how far, how evenly, who, and why."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from typing import Any
from uuid import uuid5

from sqlalchemy import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection

from services.routing import store
from services.routing.rules.assignment import ALARMS, RULES_VERSION, assign_all, pools_needed
from services.routing.rules.case import Lead, Meeting, Note
from services.routing.rules.fair_share import UNIT, in_leads
from services.routing.rules.field import Field
from services.routing.rules.record import alarm_of, told_otherwise
from services.routing.rules.wording import notes, passed_over, reason
from shared.clock import database_now
from shared.questions import CountRoutingProgress, ExplainRouting, ListStaff, PreviewAssignment, ReportDistribution


async def count_routing_progress(question: CountRoutingProgress, db: AsyncConnection) -> dict[str, Any]:
    """How many leads of an import have a receiver: `{routed, alarms, given_back, last_at}`."""
    return dict(await store.progress_of(db, question.import_id))


async def report_distribution(question: ReportDistribution, db: AsyncConnection) -> dict[str, Any]:
    """Who received what of an import, beside what was owed.

    `fair_share` is the sum of credits over the leads of this import that were shared out, in leads to four decimals;
    `deviation` = `shared` − `fair_share`. Leads that were not net-new count as `received` only (G6).
    """
    directory = await store.whole_directory(db, await database_now(db))
    people = {person["id"]: person for person in directory["staff"]}
    by_rule: dict[str, dict[str, int]] = defaultdict(dict)
    shared: dict[str, int] = defaultdict(int)
    for row in await store.received_in(db, question.import_id):
        by_rule[row["receiver"]][row["rule"]] = row["leads"]
        shared[row["receiver"]] += row["shared"]
    owed = {row["staff_id"]: row["moved"] for row in await store.moved_in(db, question.import_id)}
    return {
        "managers": [
            {
                "id": who,
                "name": people.get(who, {}).get("name", who),
                "office": people.get(who, {}).get("office"),
                "received": sum(by_rule[who].values()),
                "shared": shared[who],
                "fair_share": in_leads(owed.get(who, 0) + UNIT * shared[who]),
                "deviation": -in_leads(owed.get(who, 0)) or 0.0,
                "by_rule": by_rule[who],
            }
            for who in sorted({*by_rule, *owed})
        ]
    }


async def explain_routing(question: ExplainRouting, db: AsyncConnection) -> dict[str, Any]:
    """Why this manager: `{decisions: [...]}`, the oldest first, for a lead's or a client's id; none: an empty list.

    Balances under `ledger` are in its `unit` to a lead; `owed_before` and `owed_after` are the same in leads.
    """
    return {"decisions": [_explained(row) for row in await store.decisions_about(db, question.id)]}


def _explained(row: RowMapping) -> dict[str, Any]:
    names = {person["id"]: person["name"] for person in row["field"]["people"]}
    offices = {office["id"]: office["name"] for office in row["field"]["offices"]}
    written = [Note(*note) for note in row["notes"]]
    alarming = [note for note in written if note.code in ALARMS]
    facts = {
        "who": names.get(row["receiver"], row["receiver"]),
        "office": offices.get(row["office_id"], row["office_id"]),
        "pool": row["pool"] or "",
        "queue": row["queue"] or "",
    }
    ledger = row["ledger"]
    return {
        "lead_id": row["lead_id"],
        "client_id": row["client_id"],
        "import_id": row["import_id"],
        "at": row["at"],
        "rule": row["rule"],
        "rules": row["rules"],
        "reason": reason(row["rule"], "en", **facts),
        "reason_ru": reason(row["rule"], "ru", **facts),
        "notes": notes(written, "en", names),
        "notes_ru": notes(written, "ru", names),
        "receiver": row["receiver"],
        "receiver_name": facts["who"],
        "office": row["office_id"],
        "queue": row["queue"],
        "pool": row["pool"],
        "candidates": [
            {
                "id": person["id"],
                "name": names.get(person["id"], person["id"]),
                "weight": person["weight"] / 1000,
                "last_turn": person["turn"],
                "owed_before": in_leads(ledger["before"][person["id"]]) if ledger else None,
                "owed_after": in_leads(ledger["after"][person["id"]]) if ledger else None,
            }
            for person in row["candidates"]
        ],
        "excluded": [
            {
                "id": who,
                "name": names.get(who, who),
                "why": passed_over(why, "en"),
                "why_ru": passed_over(why, "ru"),
                **{key: fact for key, fact in why.items() if key != "why"},
                "code": why["why"],
            }
            for who, why in row["excluded"].items()
        ],
        "ledger": {"pool": row["pool"], "unit": UNIT, **ledger} if ledger else None,
        "meeting": row["inputs"]["lead"].get("meeting"),
        "told": row["told"],
        "alarm": row["alarm"],
        "alarm_ru": notes(alarming, "ru", names) or None,
        "rules_version": row["rules_version"],
        **_of_the_field(row),
        "given_back_at": row["given_back_at"],
        "attempt": row["attempt"],
        "passed_on": row["passed_on"],
        "answer": row["answer"],
        "answered_at": row["answered_at"],
        "answered_by": row["answered_by"],
        "answer_reason": row["answer_reason"],
        "answer_told": row["answer_told"] or [],
        "inputs": row["inputs"],
        "field_id": row["field_id"],
    }


def _of_the_field(row: RowMapping) -> dict[str, Any]:
    """Who was on duty where the roster decided, who might receive, and whether the record makes the same decision again.

    `again` is None for a decision of other rules than today's, else what comes out otherwise, by name: nothing, if all is
    well.
    """
    field = Field.from_json(row["field"])
    office = field.offices.get((row["pool"] or "").removeprefix("duty:"))
    return {
        "on_duty": list(office.on_duty) if office is not None and office.rostered else None,
        "might_receive": row["inputs"].get("among"),
        "again": list(told_otherwise({**row}, field)) if row["rules_version"] == RULES_VERSION else None,
    }


async def list_staff(question: ListStaff, db: AsyncConnection) -> dict[str, Any]:
    """The directory, the retired too: `{company, offices, staff, unknown_curators}`; `company` is null before any."""
    return await store.whole_directory(db, await database_now(db))


_AT_ONCE = 500
"""Leads previewed in one breath, as many as travel in one batch; then the room may do something else."""


async def preview_assignment(question: PreviewAssignment, db: AsyncConnection) -> dict[str, Any]:
    """Who would receive these leads if they came now, by the code that assigns; nothing is stored or locked (G6).

    `{receivers: [{id, rule, queue, shared, alarm}], managers: [{id, name, office, received, shared, fair_share,
    deviation}], problem}`, the receivers in the order of the leads. Without a company file there is only a problem.
    """
    now = await database_now(db)
    field = await store.field_of_play(db, now)
    if field is None:
        return {"receivers": [], "managers": [], "problem": "no company file has been applied yet"}
    asked = [
        Lead(
            lead_id=uuid5(client_id, f"preview/{number}"),
            client_id=client_id,
            source=question.source,
            region=region,
            submitter=question.submitter,
            known=known,
            list_id=str(question.import_id),
            meeting=Meeting(said.at, said.until) if question.meetings and (said := question.meetings[number]) else None,
        )
        for number, (client_id, region, known) in enumerate(
            zip(question.clients, question.regions, question.known, strict=True)
        )
    ]
    clients = await store.clients_as_heard(db, question.clients)
    ledgers = await store.ledgers_as_they_stand(db, pools_needed(asked, clients, field))
    loads = await store.loads_of(db, [person.id for person in field.capped], now)
    diary = await store.diary_for(db, asked, now)
    receivers: list[dict[str, Any]] = []
    received: dict[str, int] = defaultdict(int)
    shared: dict[str, int] = defaultdict(int)
    moved: dict[str, int] = defaultdict(int)
    for start in range(0, len(asked), _AT_ONCE):
        for one in assign_all(asked[start : start + _AT_ONCE], clients, field, ledgers, loads, diary):
            clients[one.client.client_id] = one.then
            receivers.append(
                {
                    "id": one.receiver,
                    "rule": one.rule,
                    "queue": one.queue,
                    "shared": one.share is not None,
                    "alarm": alarm_of(one),
                }
            )
            received[one.receiver] += 1
            if one.share is not None:
                shared[one.receiver] += 1
                for who, after in one.share.after.items():
                    moved[who] += after.balance - one.share.before[who].balance
        await asyncio.sleep(0)
    return {
        "receivers": receivers,
        "managers": [
            {
                "id": who,
                "name": field.people[who].name if who in field.people else who,
                "office": field.people[who].office if who in field.people else None,
                "received": received[who],
                "shared": shared[who],
                "fair_share": in_leads(moved[who] + UNIT * shared[who]),
                "deviation": -in_leads(moved[who]) or 0.0,
            }
            for who in sorted({*received, *moved})
        ],
        "problem": None,
    }
