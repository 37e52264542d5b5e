"""Leads joined to a card by themselves and looked at by people: what they say, and how precise joining is (MATCHING §11)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection

from services.intake import store
from services.intake.merging import Wish, unite
from services.intake.rules.audit import Stratum, precision_of
from services.intake.rules.match import RULES
from services.intake.rules.submission import again_id
from services.intake.taking_off import take_in_again, take_off
from shared.commands import JudgeAudit
from shared.events import Fault, JoinAudited, JudgementRefused, LeadRecalled, WrongJoinSettled
from shared.message import Batch, Heard, Said
from shared.questions import ReportAudit

MERGED = "its card has been merged with another since"


async def judge_audits(words: Batch[JudgeAudit], db: AsyncConnection) -> Said:
    """Keep what a person says of automatic joins; the last word stands. What is not audited is refused whole.

    A lead whose join is wrong is taken off its card and taken in again: process is asked first whether anybody has
    touched its sale, and then it stays (`WrongJoinSettled`). Who says `right` of one that was taken off joins it again,
    as one client of two: by a merge, which can be undone.
    """
    said: Said = []
    for heard in words:  # a person's word: few a day
        word = heard.message
        held = {row["lead_id"]: row for row in await store.hold_audits(db, word.leads)}
        faults = [
            Fault(
                field="leads",
                problem=f"The lead {lead} is not among those to be looked at.",
                remedy="`estafeta review audit` shows them.",
            )
            for lead in word.leads
            if lead not in held
        ]
        if faults:
            said.append(heard.says(JudgementRefused(judgement_id=heard.id, faults=faults)))
            continue
        await store.judge_audits(db, word.leads, word.verdict, word.by, word.note, words.now)
        said += [
            heard.says(
                JoinAudited(
                    lead_id=lead,
                    client_id=row["client_id"],
                    rule=row["rule"],
                    verdict=word.verdict,
                    by=word.by,
                    note=word.note,
                )
            )
            for lead, row in held.items()
        ]
        if word.verdict == "wrong":
            said += await _take_apart(heard, list(held.values()), db, words.now)
        else:
            said += await _join_again(heard, [row for row in held.values() if row["recall"] == "undone"], db, words.now)
    return said


async def _take_apart(heard: Heard[JudgeAudit], rows: Sequence[RowMapping], db: AsyncConnection, now: datetime) -> Said:
    """Have leads taken off the cards they were joined to: a row of a client base at once, a lead when process lets it go."""
    said: Said = []
    asked: dict[UUID, tuple[str, str | None]] = {}
    for row in rows:
        lead, card = row["lead_id"], row["card_id"]
        if row["recall"] in ("asked", "undone"):
            continue
        asked[lead] = ("kept", MERGED) if row["merged"] else ("asked", None)
        if row["merged"]:
            said.append(heard.says(WrongJoinSettled(lead_id=lead, client_id=card, kept_because=MERGED)))
        elif row["purpose"] == "clients":
            asked[lead] = ("undone", None)
        else:
            said.append(heard.says(LeadRecalled(lead_id=lead, client_id=card, import_id=heard.id)))
    at_once = {lead: heard for lead, (recall, _) in asked.items() if recall == "undone"}
    await take_off(db, at_once)
    await store.mark_recalled(db, asked)
    return said + await take_in_again(at_once, db, now)


async def _join_again(heard: Heard[JudgeAudit], rows: Sequence[RowMapping], db: AsyncConnection, now: datetime) -> Said:
    """Merge the clients of leads that were taken off a card wrongly with the client of that card."""
    became = await store.outcomes_of(db, [again_id(row["lead_id"]) for row in rows])
    wish, said = Wish(heard, now, heard.message.by, heard.message.note), Said()
    for row in rows:
        told = became.get(again_id(row["lead_id"]))
        if told is None or told["client_id"] is None:
            continue  # its import was undone: nobody was wrong
        pair = (told["client_id"], row["card_id"])
        families = await store.hold_families(db, pair)
        if set(pair) <= families.cards.keys() and families.root(pair[0]) != families.root(pair[1]):
            said += await unite(wish, families, [pair], db, survivor=families.root(pair[1]), weight=())
    return said


async def report_audit(question: ReportAudit, db: AsyncConnection) -> dict[str, Any]:
    """`{rules, overall, waiting, items}`; the shapes are those of `ReportAudit`."""
    rows = await store.audits_by_rule(db)
    strata = [Stratum(row["rule"], int(row["joins"]), row["judged"], row["wrong"]) for row in rows]
    overall = precision_of(strata)
    items = await store.next_audits(db, question.limit) if question.limit else []
    families = await store.read_families(db, {row["client_id"] for row in items})
    return {
        "rules": [
            {
                "rule": one.rule,
                "because": RULES.get(one.rule, ""),
                "joins": one.joins,
                "judged": one.judged,
                "wrong": one.wrong,
                "low": one.right[0],
                "high": one.right[1],
            }
            for one in strata
        ],
        "overall": {
            "joins": overall.joins,
            "judged": overall.judged,
            "wrong": overall.wrong,
            "precision": overall.precision,
            "low": overall.low,
        },
        "waiting": sum(row["waiting"] for row in rows),
        "items": [
            {
                **{name: row[name] for name in ("lead_id", "client_id", "rule", "opened_at")},
                "because": RULES.get(row["rule"], ""),
                "score": round(row["score"], 1),
                "raw": json.loads(row["raw_text"]),
                "client": families.golden(row["client_id"]).name if row["client_id"] in families.cards else "",
                "evidence": json.loads(row["evidence_text"]),
            }
            for row in items
        ],
    }
