"""What intake answers: how far an import has come, what was rejected, and why a lead stands on this card."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection

from services.intake import store
from services.intake.rules.keys import NORM_VERSION
from services.intake.rules.match import RULES
from services.intake.rules.regular import make_regular
from shared.commands import LeadFields
from shared.questions import CountIntakeProgress, ExplainRecognition, ListRejectedRows
from shared.words import Outcome

MOST_REJECTED = 1000
MOST_LEADS = 50


async def count_intake_progress(question: CountIntakeProgress, db: AsyncConnection) -> dict[str, Any]:
    """`{rows, accepted, rejected, new, same, possible, registered, last_at}`.

    `accepted` counts leads, `registered` rows of a client base; `new`, `same`, `possible` count both.
    """
    answer: dict[str, Any] = dict.fromkeys(("rows", "accepted", "rejected", *Outcome, "registered"), 0)
    answer["last_at"] = None
    for count in await store.count_outcomes(db, question.import_id):
        answer["rows"] += count["rows"]
        answer[count["outcome"]] += count["rows"]
        if count["outcome"] != "rejected":
            answer["registered" if count["purpose"] == "clients" else "accepted"] += count["rows"]
        answer["last_at"] = max(filter(None, (answer["last_at"], count["last_at"])))
    return answer


async def list_rejected_rows(question: ListRejectedRows, db: AsyncConnection) -> dict[str, Any]:
    """`{rejected: [{sheet, row, faults: [{field, problem, remedy}]}]}`, at most 1,000, in the order of sheet and row."""
    rows = await store.rejected_rows(db, question.import_id, question.after_sheet, question.after_row, MOST_REJECTED)
    return {"rejected": [{"sheet": r["sheet"], "row": r["row"], "faults": json.loads(r["faults"])} for r in rows]}


async def explain_recognition(question: ExplainRecognition, db: AsyncConnection) -> dict[str, Any]:
    """`{found, lead, decision, client, leads}`: for a lead's id its own story, for a client's the card and its leads.

    `lead`: where it came from, `raw` cells as they came, `keys` as the rules of today read them.
    `decision`: outcome, rule and its words, score in bits, `evidence` [{key, level, lead, client, weight, df}],
    `candidates` [{client_id, name, for_review, rule, score, conflicts, evidence}], flags, faults, region.
    `client`: the card with its keys and contacts. `leads`: the submissions on the card, oldest first, at most 50.
    """
    given = await store.lead(db, question.id)
    client_id = given["client_id"] if given else question.id
    card = await store.client(db, client_id) if client_id else None
    if not given and not card:
        return {"found": False, "lead": None, "decision": None, "client": None, "leads": []}
    leads = [] if given else await store.leads_of(db, question.id, MOST_LEADS)
    return {
        "found": True,
        "lead": _lead(given) if given else None,
        "decision": _decision(given) if given else None,
        "client": await _client(card, db) if card else None,
        "leads": [{"lead": _lead(one), "decision": _decision(one)} for one in leads],
    }


def _lead(row: RowMapping) -> dict[str, Any]:
    raw = json.loads(row["raw_text"])
    record = make_regular(LeadFields.model_validate(raw), row["country"])
    plain = ("id", "source_system", "external_id", "purpose", "source", "campaign", "submitter", "named_manager")
    return {
        **{name: row[name] for name in plain},
        "curator": row["curator"],
        "import_id": row["import_id"],
        "file_name": row["file_name"],
        "sheet": row["sheet"],
        "row": row["row_number"],
        "received_at": row["received_at"],
        "raw": raw,
        "keys": store.record_as_json(record),
    }


def _decision(row: RowMapping) -> dict[str, Any]:
    return {
        "outcome": row["outcome"],
        "rule": row["rule"],
        "because": RULES.get(row["rule"], "none of the six keys was found in it"),
        "score": round(row["score"], 1),
        "client_id": row["client_id"],
        "evidence": json.loads(row["evidence_text"]),
        "candidates": json.loads(row["candidates_text"]),
        "flags": json.loads(row["flags_text"]),
        "faults": json.loads(row["faults_text"]),
        "region": row["region"],
        "region_by": row["region_by"],
        "norm_version": row["norm_version"],
        "norm_is_current": row["norm_version"] == NORM_VERSION,
        "decided_at": row["decided_at"],
    }


async def _client(row: RowMapping, db: AsyncConnection) -> dict[str, Any]:
    plain = ("id", "name", "form", "region", "region_by", "curator", "provisional", "created_at")
    contacts = await store.contacts_of(db, row["id"])
    return {
        **{name: row[name] for name in plain},
        "record": json.loads(row["record_text"]),
        "contacts": [dict(one) for one in contacts],
    }
