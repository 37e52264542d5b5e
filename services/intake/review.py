"""What people say of clients: whether two are one, and that two who were made one are not. The last word overrides all rules."""

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
from services.intake.rules.merging import RULE_VERSION, Families, choose_survivor, shared_keys
from services.intake.rules.survivorship import Card
from shared.commands import JudgeReview, MergeClients, SplitClients
from shared.events import Agreement, ClientsMerged, ClientsSplit, Fault, JudgementRefused, ReviewJudged
from shared.message import Batch, Event, Heard, Said

Pair = tuple[UUID, UUID]


@dataclass(frozen=True, slots=True)
class _Wish:
    """What a person said, whichever command it came by."""

    heard: Heard[Any]
    at: datetime
    by: str
    note: str

    def refused(self, *faults: Fault) -> Said:
        return [self.heard.says(JudgementRefused(judgement_id=self.heard.id, faults=list(faults)))]


async def judge_reviews(words: Batch[JudgeReview], db: AsyncConnection) -> Said:
    """Keep what a person says of possible matches, for everybody and for ever; `same` merges at once (MATCHING §§11, 12).

    What cannot be is refused whole, with every fault. Doubts that are settled already are passed over.
    """
    said: Said = []
    for heard in words:  # a person's word: few a day, each with a fixed number of statements
        said += await _judge(_Wish(heard, words.now, heard.message.by, heard.message.note), heard.message, db)
    return said


async def _judge(wish: _Wish, word: JudgeReview, db: AsyncConnection) -> Said:
    doubts = await store.hold_reviews(db, word.reviews)
    if faults := _faults_of(word, doubts):
        return wish.refused(*faults)
    open_ones = [doubt for doubt in doubts if doubt["state"] == "waiting"]
    said = [
        wish.heard.says(
            ReviewJudged(
                review_id=doubt["id"],
                client_id=doubt["card_id"],
                other_id=doubt["other_id"],
                verdict=word.verdict,
                by=word.by,
                note=word.note,
            )
        )
        for doubt in open_ones
    ]
    ids = [doubt["id"] for doubt in open_ones]
    if word.verdict == "skip":
        await store.skip_reviews(db, ids)
        return said
    pairs = [(doubt["card_id"], doubt["other_id"]) for doubt in open_ones]
    families = await store.hold_families(db, [each for pair in pairs for each in pair])
    if word.verdict == "same":
        told = await _merge(
            wish,
            families,
            pairs,
            db,
            doubts={(doubt["card_id"], doubt["other_id"]): doubt for doubt in open_ones},
            survivor=word.survivor_id,
        )
        if isinstance(told, Fault):
            return wish.refused(told)
        said += told
    else:
        await _keep(wish, word.verdict, families, pairs, db)
    await store.settle_reviews(db, ids, wish.heard.id)
    if word.verdict != "same":
        await store.settle_cards(db, sorted({card_id for card_id, _ in pairs}))
    return said


def _faults_of(word: JudgeReview, doubts: Sequence[RowMapping]) -> list[Fault]:
    known = {doubt["id"] for doubt in doubts}
    faults = [
        Fault(
            field="reviews",
            problem=f"There is no possible match {id_}.",
            remedy="`estafeta review list` shows those that wait.",
        )
        for id_ in word.reviews
        if id_ not in known
    ]
    if not faults and not any(doubt["state"] == "waiting" for doubt in doubts):
        faults.append(
            Fault(
                field="reviews",
                problem="It is settled already.",
                remedy="`estafeta review merge` and `estafeta review split` change what was said of two clients.",
            )
        )
    return faults


async def merge_clients(wishes: Batch[MergeClients], db: AsyncConnection) -> Said:
    """Make two clients one by a person's word, or refuse it with what stands against it (MATCHING §12)."""
    said: Said = []
    for heard in wishes:
        wish = _Wish(heard, wishes.now, heard.message.by, heard.message.note)
        pair = (heard.message.client_id, heard.message.other_id)
        families = await store.hold_families(db, pair)
        faults = [
            Fault(
                field="client_id", problem=f"There is no client {id_}.", remedy="Check that all of the id was copied."
            )
            for id_ in pair
            if id_ not in families.cards
        ]
        if not faults and families.root(pair[0]) == families.root(pair[1]):
            faults = [Fault(field="other_id", problem="They are one client already.", remedy="There is nothing to do.")]
        if faults:
            said += wish.refused(*faults)
            continue
        told = await _merge(wish, families, [pair], db, survivor=heard.message.survivor_id)
        said += wish.refused(told) if isinstance(told, Fault) else told
    return said


async def split_clients(wishes: Batch[SplitClients], db: AsyncConnection) -> Said:
    """Undo a merge, or all that a list led to: everything stands as it stood, and the two are remembered as different.

    What came after the merge stays with the card it was recognised by, and is listed for a person (MATCHING §12).
    """
    said: Said = []
    for heard in wishes:
        said += await _split(_Wish(heard, wishes.now, heard.message.by, heard.message.note), heard.message, db)
    return said


# ── merging ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(slots=True)
class _Log:
    """What a row of moves leaves to be written, gathered while it is decided in memory."""

    rows: list[dict[str, Any]] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    merges: dict[UUID, UUID] = field(default_factory=dict)
    moved: dict[UUID, UUID] = field(default_factory=dict)


async def _merge(
    wish: _Wish,
    families: Families,
    pairs: Sequence[Pair],
    db: AsyncConnection,
    *,
    doubts: dict[Pair, RowMapping] | None = None,
    survivor: UUID | None = None,
) -> Said | Fault:
    """Merge each pair of (held) clients that are not one yet, and remember that a person said so."""
    if survivor is not None and survivor not in {families.root(one) for pair in pairs for one in pair}:
        return Fault(
            field="survivor_id",
            problem=f"{survivor} is none of the clients that are to be one.",
            remedy=f"Name one of {', '.join(sorted({str(families.root(one)) for pair in pairs for one in pair}))}.",
        )
    before, log = families.roots(), _Log()
    await _keep(wish, "same", families, pairs, db)
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


async def _keep(wish: _Wish, verdict: str, families: Families, pairs: Iterable[Pair], db: AsyncConnection) -> None:
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


# ── splitting ───────────────────────────────────────────────────────────────────────────────────────────────────────


async def _split(wish: _Wish, word: SplitClients, db: AsyncConnection) -> Said:
    if (word.merge_id is None) == (word.import_id is None):
        return wish.refused(
            Fault(field="merge_id", problem="It does not say what to undo.", remedy="Name one merge, or one import.")
        )
    found = await store.standing_merges(db, merge_id=word.merge_id, import_id=word.import_id)
    standing = [one for one in found if one["undone_at"] is None]
    if not standing:
        problem = "It is undone already." if found else "There is no such merge."
        return wish.refused(
            Fault(
                field="merge_id",
                problem=problem,
                remedy="`estafeta review merges ID` lists those of a client or import.",
            )
        )
    families = await store.hold_families(db, [one["loser_id"] for one in standing])
    before, rows, said = families.roots(), [], []
    records = await store.records_on(db, families.cards)
    await store.ask_again(db, [one["id"] for one in standing])
    pairs: list[Pair] = []
    for one in standing:
        left = families.root(one["loser_id"])
        staying = set(families.under(left))
        moved = families.split(one["loser_id"])
        on_cards = [lead_id for card_id in moved.cards for lead_id, _ in records.get(card_id, ())]
        later = [lead_id for card_id in staying for lead_id, at in records.get(card_id, ()) if at > one["merged_at"]]
        pairs.append((one["loser_id"], one["survivor_id"]))
        rows.append(
            {"id": one["id"], "at": wish.at, "by": wish.by, "note": wish.note, "came_later": sorted(map(str, later))}
        )
        said += [
            wish.heard.says(
                ClientsSplit(
                    merge_id=one["id"],
                    client_id=side,
                    survivor_id=left,
                    loser_id=one["loser_id"],
                    cards=list(moved.cards),
                    records=on_cards,
                    came_later=sorted(later),
                    by=wish.by,
                    note=wish.note,
                )
            )
            for side in (left, one["loser_id"])
        ]
    await store.move_cards(db, before, families, {})
    await store.undo_merges(db, rows)
    await _keep(wish, "different", families, pairs, db)
    return said
