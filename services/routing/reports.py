"""What routing tells of a time that is over, and how evenly it shares at this moment, with an alarm."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import structlog
from sqlalchemy import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection

from services.routing import store
from services.routing.rules.fair_share import UNIT, in_leads, promised
from shared.clock import database_now
from shared.message import Said
from shared.questions import ListDecisions, ReportFairness, TellFields, TellPeriod

_PAGE_ROWS, _PAGE_BYTES = 1000, 3_000_000
"""What one answer holds at most: the bus takes 8 MB."""

_COUNTED = ("leads", "queued", "declined", "silent", "unaccepted")

log = structlog.get_logger()


async def report_fairness(question: ReportFairness, db: AsyncConnection) -> dict[str, Any]:
    """How evenly a time was shared out, by pool, what everybody received by rule, and how soon (G6, G8)."""
    since, until = question.since, question.until
    directory = await store.whole_directory(db, await database_now(db))
    named = {person["id"]: person for person in directory["staff"]}
    balances = {(row["pool_id"], row["staff_id"]): row["balance"] for row in await store.balances(db)}

    def who(id_: str) -> dict[str, Any]:
        person = named.get(id_, {})
        return {"id": id_, "name": person.get("name", id_), "office": person.get("office")}

    rules: dict[str, dict[str, int]] = defaultdict(dict)
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for row in await store.received_between(db, since, until):
        rules[row["receiver"]][row["rule"]] = row["leads"]
        counts[row["receiver"]].update({name: row[name] for name in _COUNTED})
    return {
        "pools": [
            {
                "pool": row["pool"],
                **who(row["staff_id"]),
                "eligible": row["eligible"],
                "shared": row["shared"],
                "fair_share": in_leads(row["moved"] + UNIT * row["shared"]),
                "deviation": -in_leads(row["moved"]) or 0.0,
                "balance": in_leads(balances.get((row["pool"], row["staff_id"]), 0)),
            }
            for row in await store.shared_between(db, since, until)
        ],
        "people": [
            {
                **who(id_),
                "received": counts[id_]["leads"],
                **{name: counts[id_][name] for name in _COUNTED if name != "leads"},
                "by_rule": {rule: leads for rule, leads in by.items() if leads},
            }
            for id_, by in sorted(rules.items())
        ],
        "totals": dict(await store.sums_between(db, since, until)),
    }


# ── a time to be decided again ──────────────────────────────────────────────────────────────────────────────────────


async def tell_period(question: TellPeriod, db: AsyncConnection) -> dict[str, Any]:
    """What stands before the decisions of a time: their numbers, the company file in force, what everybody is owed."""
    standings: dict[str, dict[str, int]] = defaultdict(dict)
    for row in await store.balances(db):
        standings[row["pool_id"]][row["staff_id"]] = row["balance"]
    extent = await store.extent_of(db, question.since, question.until)
    return {**extent, "company": await store.file_in_force(db), "standings": standings}


async def list_decisions(question: ListDecisions, db: AsyncConnection) -> dict[str, Any]:
    """A page of decisions, in the order they were made, each as a line of JSON."""
    rows = _a_page(
        await store.decisions_between(
            db, question.since, question.until, after=question.after, last=question.last, most=_PAGE_ROWS
        )
    )
    return {
        "decisions": [row["told"] for row in rows],
        "fields": list(dict.fromkeys(row["field_id"] for row in rows)),
        "through": rows[-1]["nth"] if rows else None,
    }


async def tell_fields(question: TellFields, db: AsyncConnection) -> dict[str, Any]:
    """A page of fields of play, each as a line of JSON."""
    return {"fields": {str(row["id"]): row["told"] for row in _a_page(await store.fields_kept(db, question.ids))}}


def _a_page(rows: Sequence[RowMapping]) -> Sequence[RowMapping]:
    """The rows that one answer holds; never none of some."""
    size = 0
    for count, row in enumerate(rows):
        size += len(row["told"].encode())
        if size > _PAGE_BYTES and count:
            return rows[:count]
    return rows


# ── at this moment ──────────────────────────────────────────────────────────────────────────────────────────────────


async def deviations(db: AsyncConnection) -> dict[str, float]:
    """The largest deviation of each pool as it stands, in leads, for ops (G6)."""
    return {row["pool_id"]: in_leads(row["largest"]) for row in await store.largest_deviations(db)}


class Evenness:
    """Watches the ledgers; says so once when a pool passes what is promised, and once when it is even again."""

    def __init__(self) -> None:
        self._passed: set[str] = set()

    async def watch(self, now: datetime, db: AsyncConnection) -> tuple[Said, bool]:
        """One look at all pools."""
        for row in await store.largest_deviations(db):
            pool, bound = row["pool_id"], promised(row["members"])
            told = {"pool": pool, "deviation": in_leads(row["largest"]), "promised": in_leads(bound)}
            if row["largest"] > bound and pool not in self._passed:
                self._passed.add(pool)
                log.error("routing.pool_uneven", members=row["members"], **told)
            elif row["largest"] <= bound and pool in self._passed:
                self._passed.discard(pool)
                log.info("routing.pool_even_again", **told)
        return [], False
