"""What people say of clients: whether two are one, and that two who were made one are not. The last word overrides all rules.

Clients with weight become one when a second person has said so too: until then the first one's word is a proposal.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection

from services.intake import store
from services.intake.merging import Pair, Wish, confirm, judged, keep_judgements, settled, unite
from shared.commands import JudgeReview, MergeClients, SettleProposal, SplitClients
from shared.events import ClientsSplit, Fault
from shared.message import Batch, Said
from shared.questions import ListProposals


async def judge_reviews(words: Batch[JudgeReview], db: AsyncConnection) -> Said:
    """Keep what a person says of possible matches, for everybody and for ever; `same` merges at once (MATCHING §§11, 12).

    What cannot be is refused whole, with every fault. Doubts that are settled already are passed over.
    """
    said: Said = []
    for heard in words:  # a person's word: few a day, each with a fixed number of statements
        said += await _judge(Wish(heard, words.now, heard.message.by, heard.message.note), heard.message, db)
    return said


async def _judge(wish: Wish, word: JudgeReview, db: AsyncConnection) -> Said:
    doubts = await store.hold_reviews(db, word.reviews)
    if faults := _faults_of(word, doubts):
        return wish.refused(*faults)
    open_ones = [doubt for doubt in doubts if doubt["state"] == "waiting"]
    pairs = [(doubt["card_id"], doubt["other_id"]) for doubt in open_ones]
    if word.verdict == "same":
        families = await store.hold_families(db, [each for pair in pairs for each in pair])
        return await unite(wish, families, pairs, db, doubts=open_ones, survivor=word.survivor_id, weight=word.weight)
    ids = [doubt["id"] for doubt in open_ones]
    if word.verdict == "skip":
        await store.skip_reviews(db, ids)
    else:
        families = await store.hold_families(db, [each for pair in pairs for each in pair])
        await keep_judgements(wish, word.verdict, families, pairs, db)
        await store.settle_reviews(db, ids, wish.heard.id)
        await store.settle_cards(db, sorted({card_id for card_id, _ in pairs}))
    return judged(wish, word.verdict, open_ones)


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
        wish = Wish(heard, wishes.now, heard.message.by, heard.message.note)
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
        said += await unite(wish, families, [pair], db, survivor=heard.message.survivor_id, weight=heard.message.weight)
    return said


async def settle_proposals(words: Batch[SettleProposal], db: AsyncConnection) -> Said:
    """Merge what a second person confirms, or drop what is declined; who proposed it may only decline (MATCHING §11)."""
    said: Said = []
    for heard in words:
        word, wish = heard.message, Wish(heard, words.now, heard.message.by, heard.message.note)
        proposal = await store.hold_proposal(db, word.proposal_id)
        if fault := _fault_of(word, proposal):
            said += wish.refused(fault)
        elif word.verdict == "decline":
            await store.settle_proposal(db, word.proposal_id, "declined", word.by, words.now, word.note)
            said.append(heard.says(settled(wish, word.proposal_id, "decline")))
        elif proposal is not None:
            said += await confirm(wish, proposal, db)
    return said


def _fault_of(word: SettleProposal, proposal: RowMapping | None) -> Fault | None:
    if proposal is None:
        return Fault(
            field="proposal_id",
            problem=f"There is no proposal {word.proposal_id}.",
            remedy="`estafeta review list` shows those that wait.",
        )
    if proposal["state"] != "waiting":
        return Fault(
            field="proposal_id",
            problem=f"It was {proposal['state']} by {proposal['settled_by']}.",
            remedy="There is nothing to do.",
        )
    if word.verdict == "confirm" and word.by == proposal["proposed_by"]:
        return Fault(
            field="by",
            problem=f"{word.by} proposed it, and cannot confirm it as well.",
            remedy="Have a second person look at it.",
        )
    return None


async def list_proposals(_: ListProposals, db: AsyncConnection) -> dict[str, Any]:
    """`{proposals: [{id, clients: [{id, name, curator}], reasons, proposed_by, proposed_at, note}]}`, the oldest first."""
    rows = await store.waiting_proposals(db)
    pairs = {row["id"]: [UUID(one) for pair in json.loads(row["pairs"]) for one in pair] for row in rows}
    families = await store.read_families(db, {one for ids in pairs.values() for one in ids})
    found = []
    for row in rows:
        roots = dict.fromkeys(families.root(one) for one in pairs[row["id"]] if one in families.cards)
        cards = [families.golden(one) for one in roots]
        found.append(
            {
                **{name: row[name] for name in ("id", "proposed_by", "proposed_at", "note")},
                "reasons": json.loads(row["reasons"]),
                "clients": [{"id": card.client_id, "name": card.name, "curator": card.curator} for card in cards],
            }
        )
    return {"proposals": found}


async def split_clients(wishes: Batch[SplitClients], db: AsyncConnection) -> Said:
    """Undo a merge, or all that a list led to: everything stands as it stood, and the two are remembered as different.

    What came after the merge stays with the card it was recognised by, and is listed for a person (MATCHING §12).
    """
    said: Said = []
    for heard in wishes:
        said += await _split(Wish(heard, wishes.now, heard.message.by, heard.message.note), heard.message, db)
    return said


# ── splitting ───────────────────────────────────────────────────────────────────────────────────────────────────────


async def _split(wish: Wish, word: SplitClients, db: AsyncConnection) -> Said:
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
    await keep_judgements(wish, "different", families, pairs, db)
    return said
