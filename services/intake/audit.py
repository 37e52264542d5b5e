"""Leads joined to a card by themselves and looked at by people: what they say, and how precise joining is (MATCHING §11)."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from services.intake import store
from services.intake.rules.audit import Stratum, precision_of
from services.intake.rules.match import RULES
from shared.commands import JudgeAudit
from shared.events import Fault, JoinAudited, JudgementRefused
from shared.message import Batch, Said
from shared.questions import ReportAudit


async def judge_audits(words: Batch[JudgeAudit], db: AsyncConnection) -> Said:
    """Keep what a person says of automatic joins; the last word stands. What is not audited is refused whole."""
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
