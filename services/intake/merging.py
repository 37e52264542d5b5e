"""How two clients become one by a person's word, and what is remembered of what he said (MATCHING §12)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection

from services.intake import store
from services.intake.rules.compare import Evidence, compare
from services.intake.rules.four_eyes import reasons_for_two, would_be_one
from services.intake.rules.merging import RULE_VERSION, Families, choose_survivor, shared_keys
from services.intake.rules.survivorship import Card
from shared.events import (
    Agreement,
    ClientsMerged,
    Fault,
    JudgementRefused,
    MergeProposed,
    ProposalSettled,
    ReviewJudged,
)
from shared.message import Event, Heard, Said

Pair = tuple[UUID, UUID]


@dataclass(frozen=True, slots=True)
class Wish:
    """What a person said, whichever command it came by."""

    heard: Heard[Any]
    at: datetime
    by: str
    note: str

    def refused(self, *faults: Fault) -> Said:
        """Nothing of it is done, and why."""
        return [self.heard.says(JudgementRefused(judgement_id=self.heard.id, faults=list(faults)))]


@dataclass(slots=True)
class _Log:
    """What a row of moves leaves to be written, gathered while it is decided in memory."""

    rows: list[dict[str, Any]] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    merges: dict[UUID, UUID] = field(default_factory=dict)
    moved: dict[UUID, UUID] = field(default_factory=dict)


async def merge(
    wish: Wish,
    families: Families,
    pairs: Sequence[Pair],
    db: AsyncConnection,
    *,
    doubts: dict[Pair, RowMapping] | None = None,
    survivor: UUID | None = None,
) -> Said | Fault:
    """Merge each pair of (held) clients that are not one yet, and remember that a person said so."""
    if fault := fault_of_survivor(families, pairs, survivor):
        return fault
    before, log = families.roots(), _Log()
    await keep_judgements(wish, "same", families, pairs, db)
    records = await store.records_on(db, families.cards)
    for nth, pair in enumerate(pairs):
        one, other = (families.root(card_id) for card_id in pair)
        if one == other:
            continue
        doubt = (doubts or {}).get(pair)
        merge_id = wish.heard.new_id(f"merge/{nth}")
        kept, lost = (held.id for held in choose_survivor(families.cards[one], families.cards[other]))
        if survivor is not None and families.root(survivor) == lost:
            kept, lost = lost, kept
        stood = (families.golden(kept), families.golden(lost))
        moved = families.merge(kept, lost, wish.at)
        on_cards = [lead_id for card_id in moved.cards for lead_id, _ in records.get(card_id, ())]
        evidence = _agreements(compare(stood[1].record, stood[0].record, {}).evidence)
        together = families.golden(kept)
        log.merges[lost] = merge_id
        log.moved |= dict.fromkeys(moved.cards, merge_id)
        log.rows.append(
            {
                "id": merge_id,
                "survivor_id": kept,
                "loser_id": lost,
                "cards": [str(one) for one in moved.cards],
                "records": [str(one) for one in on_cards],
                "import_id": doubt["import_id"] if doubt else None,
                "review_id": doubt["id"] if doubt else None,
                "merged_by": wish.by,
                "merged_at": wish.at,
                "note": wish.note,
                "rule_version": RULE_VERSION,
                "evidence": json.loads(doubt["evidence"]) if doubt else [one.model_dump() for one in evidence],
                "before": {"survivor": _snapshot(stood[0]), "loser": _snapshot(stood[1])},
            }
        )
        log.events += [
            ClientsMerged(
                merge_id=merge_id,
                client_id=side,
                survivor_id=kept,
                loser_id=lost,
                cards=list(moved.cards),
                records=on_cards,
                name=together.name,
                region=together.region,
                curator=together.curator,
                by=wish.by,
                note=wish.note,
                rule_version=RULE_VERSION,
                evidence=evidence,
            )
            for side in (lost, kept)
        ]
    await store.move_cards(db, before, families, log.merges)
    await store.make_moot(db, {card_id: families.root(card_id) for card_id in log.moved}, log.moved)
    await store.keep_merges(db, log.rows)
    return [wish.heard.says(event) for event in log.events]


def fault_of_survivor(families: Families, pairs: Sequence[Pair], survivor: UUID | None) -> Fault | None:
    """What is wrong with the client who is to go on, if he is none of those that are to be one."""
    clients = {families.root(one) for pair in pairs for one in pair}
    if survivor is None or survivor in clients:
        return None
    return Fault(
        field="survivor_id",
        problem=f"{survivor} is none of the clients that are to be one.",
        remedy=f"Name one of {', '.join(sorted(map(str, clients)))}.",
    )


async def keep_judgements(
    wish: Wish, verdict: str, families: Families, pairs: Iterable[Pair], db: AsyncConnection
) -> None:
    """Remember what was said of these pairs, with what they had in common when it was said."""
    rows = []
    for pair in dict.fromkeys(pairs):
        one, other = sorted(pair)
        keys = shared_keys(families.golden(families.root(one)), families.golden(families.root(other)))
        rows.append(
            {
                "id": wish.heard.new_id(f"judgement/{one}/{other}"),
                "one": one,
                "other": other,
                "verdict": verdict,
                "keys": sorted([key.kind, key.value] for key in keys),
                "judged_by": wish.by,
                "judged_at": wish.at,
                "note": wish.note,
                "cause": wish.heard.id,
            }
        )
    await store.judge(db, rows, wish.at)


def _agreements(evidence: Iterable[Evidence]) -> list[Agreement]:
    return [Agreement(key=item.key, level=item.level, one=item.lead, other=item.client) for item in evidence]


def _snapshot(card: Card) -> dict[str, Any]:
    return {
        "name": card.name,
        "region": card.region,
        "region_by": card.region_by,
        "curator": card.curator,
        "record": store.record_as_json(card.record),
    }


# ── by one person, or by two ────────────────────────────────────────────────────────────────────────────────────────


async def unite(
    wish: Wish,
    families: Families,
    pairs: Sequence[Pair],
    db: AsyncConnection,
    *,
    doubts: Sequence[RowMapping] = (),
    survivor: UUID | None,
    weight: Sequence[str],
) -> Said:
    """Merge these (held) clients, or put it before a second person; the second one to say the same has confirmed it."""
    if fault := fault_of_survivor(families, pairs, survivor):
        return wish.refused(fault)
    groups = would_be_one((families.root(one), families.root(other)) for one, other in pairs)
    reasons = [each for group in groups for each in reasons_for_two([families.golden(one) for one in group], weight)]
    if not reasons:
        return await _merge_now(wish, families, pairs, db, doubts=doubts, survivor=survivor)
    if before := await store.proposals_of(db, pairs):
        if before[0]["proposed_by"] != wish.by:
            return await confirm(wish, before[0], db, families=families, doubts=doubts, survivor=survivor)
        fault = Fault(
            field="by", problem=f"{wish.by} has proposed it already.", remedy="A second person must confirm it."
        )
        return wish.refused(fault)
    await store.propose(
        db,
        {
            "id": wish.heard.id,
            "pairs": sorted([str(one), str(other)] for one, other in pairs),
            "reviews": [str(doubt["id"]) for doubt in doubts],
            "survivor_id": survivor,
            "reasons": list(dict.fromkeys(reasons)),
            "proposed_by": wish.by,
            "proposed_at": wish.at,
            "note": wish.note,
        },
    )
    return [
        wish.heard.says(
            MergeProposed(
                proposal_id=wish.heard.id,
                clients=[one for group in groups for one in group],
                reasons=list(dict.fromkeys(reasons)),
                by=wish.by,
                note=wish.note,
            )
        )
    ]


async def _merge_now(
    wish: Wish,
    families: Families,
    pairs: Sequence[Pair],
    db: AsyncConnection,
    *,
    doubts: Sequence[RowMapping],
    survivor: UUID | None,
) -> Said:
    by_pair = {(doubt["card_id"], doubt["other_id"]): doubt for doubt in doubts}
    told = await merge(wish, families, pairs, db, doubts=by_pair, survivor=survivor)
    if isinstance(told, Fault):
        return wish.refused(told)
    await store.settle_reviews(db, [doubt["id"] for doubt in doubts], wish.heard.id)
    return judged(wish, "same", doubts) + told


async def confirm(
    wish: Wish,
    proposal: RowMapping,
    db: AsyncConnection,
    *,
    families: Families | None = None,
    doubts: Sequence[RowMapping] | None = None,
    survivor: UUID | None = None,
) -> Said:
    """Merge what was proposed; the log names who proposed it, and in the note who confirmed it."""
    pairs: list[Pair] = [(UUID(one), UUID(other)) for one, other in json.loads(proposal["pairs"])]
    if doubts is None:
        doubts = await store.hold_reviews(db, [UUID(one) for one in json.loads(proposal["reviews"])])
        doubts = [doubt for doubt in doubts if doubt["state"] == "waiting"]
    if families is None:
        families = await store.hold_families(db, [each for pair in pairs for each in pair])
    gone = [each for pair in pairs for each in pair if each not in families.cards]
    if gone:
        fault = Fault(
            field="proposal_id", problem=f"The client {gone[0]} is no longer there.", remedy="Decline the proposal."
        )
        return wish.refused(fault)
    notes = (proposal["note"], f"confirmed by {wish.by}" + (f": {wish.note}" if wish.note else ""))
    together = Wish(wish.heard, wish.at, proposal["proposed_by"], "; ".join(filter(None, notes)))
    survivor = survivor or proposal["survivor_id"]
    told = await _merge_now(together, families, pairs, db, doubts=doubts, survivor=survivor)
    if any(isinstance(one.event, JudgementRefused) for one in told):
        return told
    await store.settle_proposal(db, proposal["id"], "confirmed", wish.by, wish.at, wish.note)
    return [*told, wish.heard.says(settled(wish, proposal["id"], "confirm"))]


def settled(wish: Wish, proposal_id: UUID, verdict: Any) -> ProposalSettled:
    """What a second person said of a proposal, as it is told."""
    return ProposalSettled(proposal_id=proposal_id, verdict=verdict, by=wish.by, note=wish.note)


def judged(wish: Wish, verdict: Any, doubts: Sequence[RowMapping]) -> Said:
    """What a person said of these doubts, as it is told."""
    return [
        wish.heard.says(
            ReviewJudged(
                review_id=doubt["id"],
                client_id=doubt["card_id"],
                other_id=doubt["other_id"],
                verdict=verdict,
                by=wish.by,
                note=wish.note,
            )
        )
        for doubt in doubts
    ]
