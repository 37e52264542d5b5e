"""What intake answers: how far an import has come, what was rejected, why a lead stands on this card, who this would be."""

from __future__ import annotations

import json
import time
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection

from services.intake import early, store
from services.intake.rules.acceptance import faults_of
from services.intake.rules.agreed_meeting import faults_of_meeting, meeting_of
from services.intake.rules.arrival import arrival_of
from services.intake.rules.compare import Evidence
from services.intake.rules.early_contact import BECAUSE as NOT_YET
from services.intake.rules.keys import NORM_VERSION
from services.intake.rules.match import RULES, Judgement
from services.intake.rules.preview import Earlier, found_by, left_behind, on_top
from services.intake.rules.recognition import recognise
from services.intake.rules.regular import make_regular
from services.intake.rules.review import label
from services.intake.rules.search_keys import MOST_HOLDERS, search_keys
from services.intake.rules.submission import again_id, row_id
from services.intake.rules.survivorship import Arrival, Card
from shared.clock import database_now
from shared.commands import LeadFields
from shared.message import id_of
from shared.questions import (
    CountIntakeProgress,
    ExplainRecognition,
    ListImports,
    ListMerges,
    ListRejectedRows,
    ListReviews,
    LookupClient,
    PreviewRows,
    ReportSources,
    ShowReview,
    TellKeys,
    TellUndo,
)
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
    """`{found, lead, decision, client, leads, earlier}`: for a lead's id its own story, for a client's the card and leads.

    `lead`: where it came from, `raw` cells as they came, `keys` as the rules of today read them.
    `audit`, if a person has looked at its join: {verdict, by, note, again, kept_because}; `again` is the id that the lead
    goes on with since it was taken off the card.
    `decision`: outcome, rule and its words, score in bits, `evidence` [{key, level, lead, client, weight, df}],
    `candidates` [{client_id, name, for_review, rule, score, conflicts, evidence}], flags, faults, region.
    `client`: the card with its keys and contacts; `merged` names the cards that were merged into it.
    `leads`: the submissions on the card, oldest first, at most 50.
    `earlier`: contacts of the client that were no leads yet {contact_id, kept_by, because, outcome, rule, received_at,
    source, campaign, submitter, lead_id}; for such a contact's id (outcome `early`) `clients` says whose it turned out to be.
    """
    given = await store.lead(db, question.id)
    client_id = given["client_id"] if given else question.id
    card = await store.client(db, client_id) if client_id else None
    if not given and not card:
        return {
            "found": False,
            "lead": None,
            "decision": None,
            "client": None,
            "leads": [],
            "audit": None,
            "earlier": [],
        }
    leads = [] if given or not card else await store.leads_of(db, card["id"], MOST_LEADS)
    earlier = await store.early_contacts_of(db, card["id"]) if card else []
    is_early = given is not None and given["outcome"] == early.OUTCOME
    return {
        "found": True,
        "lead": _lead(given) if given else None,
        "decision": _decision(given) if given else None,
        "client": await _client(card, db) if card else None,
        "leads": [{"lead": _lead(one), "decision": _decision(one)} for one in leads],
        "audit": _audit(given) if given else None,
        "earlier": [{**one, "because": NOT_YET[one["kept_by"]]} for one in earlier],
        "clients": [dict(one) for one in await store.clients_of_contact(db, question.id)] if is_early else [],
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
        "call": json.loads(row["call_text"] or "null"),
        "referral": json.loads(row["referral_text"] or "null"),
        "keys": store.record_as_json(record),
    }


def _audit(row: RowMapping) -> dict[str, Any] | None:
    if row["verdict"] is None:
        return None
    gone = row["verdict"] == "wrong" and row["recall"] == "undone"
    return {
        "verdict": row["verdict"],
        "by": row["judged_by"],
        "note": row["note"],
        "again": again_id(row["id"]) if gone else None,
        "kept_because": row["kept_because"] if row["recall"] == "kept" else None,
    }


def _decision(row: RowMapping) -> dict[str, Any]:
    return {
        "outcome": row["outcome"],
        "rule": row["rule"],
        "because": RULES.get(row["rule"]) or NOT_YET.get(row["rule"], "none of the six keys was found in it"),
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
    families = await store.read_families(db, [row["id"]])
    return {
        **{name: row[name] for name in plain},
        "record": store.record_as_json(families.golden(row["id"]).record),
        "merged": families.under(row["id"])[1:],
        "contacts": [dict(one) for one in contacts],
    }


# ── who would it be? ────────────────────────────────────────────────────────────────────────────────────────────────

_NOBODY = UUID(int=0)


async def lookup_client(question: LookupClient, db: AsyncConnection) -> dict[str, Any]:
    """The six-key check as a lead would meet it, while the caller is still talking; nothing is stored or locked (R1-40).

    `{outcome, rule, because, score, client, evidence, candidates, earlier, faults, check_ms}`; `client` is the card to
    join (`same` only), `earlier` are contacts of his that were no leads yet,
    candidates are `{client, for_review, rule, because, score, conflicts, evidence}`, best first.
    `outcome` is `unsearchable`, with faults, when none of the six keys can be read.
    """
    began = time.perf_counter()
    record = make_regular(question.fields, question.default_country)
    if faults := faults_of(question.fields, record):
        return {
            "outcome": "unsearchable",
            "rule": "R1-40",
            "because": "none of the six keys was found in it",
            "score": 0.0,
            "client": None,
            "evidence": [],
            "candidates": [],
            "earlier": [],
            "faults": [fault.model_dump() for fault in faults],
            "check_ms": _ms_since(began),
        }
    arrival = arrival_of(_NOBODY, _NOBODY, question.fields, record)
    known = await store.look_up(db, arrival.keys)
    joined = known.cards.copy()
    decision = recognise([arrival], known)[0].decision
    return {
        "outcome": decision.outcome,
        "rule": decision.rule,
        "because": RULES[decision.rule],
        "score": round(decision.score, 1),
        "client": _card(joined[decision.client_id]) if decision.client_id else None,
        "evidence": [_item(one) for one in decision.evidence],
        "candidates": [_judged(one, review=True) for one in decision.possible]
        + [_judged(one, review=False) for one in decision.others],
        "earlier": [early.as_told(one).model_dump() for one in await early.look(record, arrival, known, db)],
        "faults": [],
        "check_ms": _ms_since(began),
    }


def _ms_since(began: float) -> float:
    return round((time.perf_counter() - began) * 1000, 2)


def _card(card: Card) -> dict[str, Any]:
    return {
        "id": card.belongs_to,
        "name": card.name,
        "region": card.region,
        "curator": card.curator,
        "provisional": card.provisional,
    }


def _item(item: Evidence) -> dict[str, Any]:
    return {"key": item.key, "level": item.level, "lead": item.lead, "client": item.client, "weight": item.weight}


def _judged(one: Judgement, *, review: bool) -> dict[str, Any]:
    return {
        "client": _card(one.card),
        "for_review": review,
        "rule": one.rule,
        "because": RULES[one.rule],
        "score": round(one.score, 1),
        "conflicts": list(one.comparison.conflicts),
        "evidence": [_item(item) for item in one.comparison.evidence],
    }


async def tell_keys(question: TellKeys, db: AsyncConnection) -> dict[str, Any]:
    """`{keys: [address]}`: where in the index these rows would be searched, each address once."""
    found = (
        key.address for row in question.rows for key in search_keys(make_regular(row.fields, question.default_country))
    )
    return {"keys": list(dict.fromkeys(found))}


async def preview_rows(question: PreviewRows, db: AsyncConnection) -> dict[str, Any]:
    """What would become of a chunk of a list, by the code that takes it in; nothing is stored or locked (R1-40).

    The answer's shape is that of `PreviewRows`. A row that was taken in before keeps the outcome it had.
    """
    ids = [row_id(question.import_id, row.sheet, row.number) for row in question.rows]
    here = await store.outcomes_of(db, ids)
    told: dict[UUID, dict[str, Any]] = {}
    arrivals: list[Arrival] = []
    now = await database_now(db) if any(row.call for row in question.rows) else None
    for id_, row in zip(ids, question.rows, strict=True):
        told[id_] = {"sheet": row.sheet, "row": row.number, "is_here": id_ in here, "faults": []}
        if id_ in here:
            told[id_] |= {**here[id_], "because": RULES.get(here[id_]["rule"], "")}
            continue
        record = make_regular(row.fields, question.default_country)
        of_meeting = faults_of_meeting(row.call, now) if now else []
        if meeting := meeting_of(row.call):
            told[id_]["meeting"] = meeting.model_dump(mode="json")
        if faults := faults_of(row.fields, record) + of_meeting:
            told[id_] |= {"outcome": "rejected", "rule": "R1-40", "client_id": None, "client": "", "region": None}
            told[id_] |= {"because": "", "faults": [fault.model_dump() for fault in faults]}
        else:
            arrivals.append(arrival_of(id_, id_of(id_, "client"), row.fields, record, row.curator))
    keys = list(dict.fromkeys(key for arrival in arrivals for key in arrival.keys))
    known = on_top(await store.look_up(db, keys), msgspec.convert(question.earlier, Earlier), keys)
    results = recognise(arrivals, known)
    for one in results:
        told[one.arrival.lead_id] |= {
            "outcome": one.decision.outcome,
            "rule": one.decision.rule,
            "because": RULES[one.decision.rule],
            "client_id": one.card.belongs_to,
            "client": one.card.name,
            "region": one.region[0],
        }
    cards, gains = left_behind(results)
    return {
        "rows": [told[id_] for id_ in ids],
        "cards": [{"keys": found_by(card), "card": msgspec.to_builtins(card)} for card in cards],
        "gains": [{"address": gain.address, "client_id": gain.client_id} for gain in gains],
        "most_holders": MOST_HOLDERS,
    }


# ── what waits for a person ─────────────────────────────────────────────────────────────────────────────────────────

MOST_GROUPS, SOME_DOUBTS, MOST_DOUBTS = 200, 5, 500


async def list_reviews(question: ListReviews, db: AsyncConnection) -> dict[str, Any]:
    """`{waiting, groups: [{client_id, name, label, curator, leads, priority, oldest_at, skips, reviews}]}` (MATCHING §11).

    `label` is the client's domain, else his name; `leads` counts all doubts of a group, `reviews` are the first of them:
    `{id, lead_id, name, rule, because, score, suggested, opened_at, skips}`.
    """
    if question.client_id is not None:
        wanted, most = [question.client_id], MOST_DOUBTS
    else:
        found = await store.doubted_clients(db, min(max(question.limit, 1), MOST_GROUPS))
        wanted, most = [row["client_id"] for row in found], SOME_DOUBTS
    families = await store.read_families(db, wanted)
    wanted = list(dict.fromkeys(families.root(one) for one in wanted if one in families.cards))
    doubts: dict[UUID, list[RowMapping]] = {one: [] for one in wanted}
    for row in await store.doubts_about(db, wanted, most):
        doubts[row["client_id"]].append(row)
    counted = {row["client_id"]: row for row in found} if question.client_id is None else {}
    groups = []
    for client_id in wanted:
        those, card = doubts[client_id], families.golden(client_id)
        if not those:
            continue
        whole = counted.get(client_id)
        groups.append(
            {
                "client_id": client_id,
                "name": card.name,
                "label": label(card),
                "curator": card.curator,
                "leads": whole["leads"] if whole else len(those),
                "priority": max(row["priority"] for row in those),
                "oldest_at": whole["oldest_at"] if whole else min(row["opened_at"] for row in those),
                "skips": min(row["skips"] for row in those),
                "reviews": [_doubt(row) for row in those],
            }
        )
    return {"waiting": await store.count_waiting(db), "groups": groups}


def _doubt(row: RowMapping) -> dict[str, Any]:
    plain = ("id", "lead_id", "name", "rule", "suggested", "opened_at", "skips")
    return {
        **{name: row[name] for name in plain},
        "because": RULES.get(row["rule"], ""),
        "score": round(row["score"], 1),
    }


async def show_review(question: ShowReview, db: AsyncConnection) -> dict[str, Any]:
    """`{found, review, card, other, agree, conflict, judgement}`: the two records side by side, and what was said of them.

    `card` is what the lead opened, `other` the client it may be: `{id, name, region, curator, provisional, record, leads}`;
    `agree` [{key, level, lead, client, weight, df}] speaks for one client, best first, `conflict` in the same shape against.
    """
    row = await store.doubt(db, question.id)
    if row is None:
        return {"found": False, "review": None}
    families = await store.read_families(db, [row["card_id"], row["other_id"]])
    evidence = sorted(json.loads(row["evidence_text"]), key=lambda item: -item["weight"])
    against = ("differs", "variant", "unheard")
    judged = ("verdict", "judged_by", "judged_at", "note")
    return {
        "found": True,
        "review": {
            **{name: row[name] for name in ("id", "lead_id", "rule", "suggested", "opened_at", "state", "skips")},
            "because": RULES.get(row["rule"], ""),
            "score": round(row["score"], 1),
            "conflicts": json.loads(row["conflicts_text"]),
        },
        "card": await _side(families.cards[row["card_id"]].card, [row["card_id"]], db),
        "other": await _side(
            families.golden(families.root(row["other_id"])), families.under(families.root(row["other_id"])), db
        ),
        "agree": [item for item in evidence if item["level"] not in against],
        "conflict": [item for item in evidence if item["level"] in against],
        "judgement": {name: row[name] for name in judged} if row["verdict"] else None,
    }


async def _side(card: Card, cards: list[UUID], db: AsyncConnection) -> dict[str, Any]:
    records = await store.records_on(db, cards)
    return {
        **_card(card),
        "record": store.record_as_json(card.record),
        "leads": sum(map(len, records.values())),
    }


async def list_merges(question: ListMerges, db: AsyncConnection) -> dict[str, Any]:
    """`{merges: [{merge_id, survivor_id, loser_id, import_id, by, at, note, records, undone_at, undone_by, undone_note}]}`.

    `id` is a merge's, a client's or an import's; `records` counts what moved. At most 200, newest first (MATCHING §12).
    """
    return {
        "merges": [
            {
                "merge_id": row["id"],
                "by": row["merged_by"],
                "at": row["merged_at"],
                **{
                    name: row[name]
                    for name in (
                        "survivor_id",
                        "loser_id",
                        "import_id",
                        "note",
                        "records",
                        "undone_at",
                        "undone_by",
                        "undone_note",
                    )
                },
            }
            for row in await store.merges_about(db, question.id)
        ]
    }


# ── imports ─────────────────────────────────────────────────────────────────────────────────────────────────────────


async def list_imports(question: ListImports, db: AsyncConnection) -> dict[str, Any]:
    """`{imports: [...]}`: who took what in when, its counts, and whether it was undone; the newest first."""
    return {"imports": [dict(row) for row in await store.imports_so_far(db, question.most)]}


async def tell_undo(question: TellUndo, db: AsyncConnection) -> dict[str, Any]:
    """`{found, purpose, leads, untold, asked, undone, kept, cards_gone, undoing, left}`; see `TellUndo`."""
    row = await store.undo_of(db, question.import_id)
    if row is None:
        return {"found": False, "left": []}
    left = await store.left_of_import(db, question.import_id, MOST_REJECTED)
    return {"found": True, **row, "left": [dict(one) for one in left]}


async def report_sources(question: ReportSources, db: AsyncConnection) -> dict[str, Any]:
    """`{sources: [...], entered_within_s}`: what each source and campaign brought, the most first (REGULATION §6, reports)."""
    allowed = (await store.entry_term(db)).total_seconds()
    found = await store.sources_between(db, question.since, question.until, allowed)
    return {"sources": [dict(row) for row in found], "entered_within_s": allowed}
