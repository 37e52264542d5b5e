"""How intake undoes an import: it asks back every lead, and takes back what nobody has touched since.

A lead goes only when process has let it go: `LeadRecalled` travels the way that the lead went, behind it, so that what
is still under way is taken back as well. A client base has no leads: what it brought is decided here.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection

from services.intake import store
from services.intake.rules.taking_back import Left, keys_of, left_of
from shared.commands import UndoImport
from shared.events import CardWithdrawn, LeadRecalled, RecallAnswered
from shared.message import Batch, Cause, NotYet, Said, Unfit, id_of

AT_ONCE = 500
_MERGED = "its card has been merged with another since"
_JUDGED = "a person has said of its card whether it is another client"
_MORE = "something else has come for its card since"


async def undo_imports(wishes: Batch[UndoImport], db: AsyncConnection) -> Said:
    """Begin to undo imports, or ask again for what was left of them; `recall` goes on from here, part by part.

    Raises Unfit for an import that was never heard of.
    """
    for heard in wishes:  # a person's wish, one at a time
        wish = heard.message
        if not await store.wish_undone(db, wish.import_id, wish.by, heard.id, wishes.now):
            raise Unfit(f"there is no import {wish.import_id}")
    return []


async def recall(now: datetime, db: AsyncConnection) -> tuple[Said, bool]:
    """Ask back, or take back, the next part of an import that is being undone; whether there is more to do at once."""
    doing = await store.claim_undoing(db)
    if doing is None:
        return [], False
    rows = await store.next_to_recall(db, doing["id"], AT_ONCE)
    if not rows:
        await store.end_undoing(db, doing["id"])
        return [], True
    kept = {row["lead_id"]: _MERGED if row["merged"] else _JUDGED for row in rows if row["merged"] or row["judged"]}
    free = [row for row in rows if row["lead_id"] not in kept]
    if doing["purpose"] == "clients":
        return await _take_back_rows(doing, free, kept, db), True
    asked: dict[UUID, tuple[str, str | None]] = {row["lead_id"]: ("asked", None) for row in free}
    await store.mark_recalled(db, asked | {lead: ("kept", why) for lead, why in kept.items()})
    return [
        _cause(doing, row["lead_id"]).says(
            LeadRecalled(lead_id=row["lead_id"], client_id=row["client_id"], import_id=doing["id"])
        )
        for row in free
    ], True


async def settle_recalls(answers: Batch[RecallAnswered], db: AsyncConnection) -> Said:
    """Take back what the leads that process let go have brought to their cards; note of the others why they stay.

    A card that nothing else has come for goes; another is made anew from what stays on it.
    """
    left = await _take_back(db, [one.lead_id for one in answers.map(lambda one: one) if one.taken_back])
    told: dict[UUID, tuple[str, str | None]] = {}
    said: Said = []
    gone = {one.client_id for one in left if one.card is None}
    for heard in answers:
        one = heard.message
        told[one.lead_id] = ("undone", None) if one.taken_back else ("kept", one.reason)
        if one.taken_back and one.client_id in gone:
            gone.discard(one.client_id)
            said.append(heard.says(CardWithdrawn(client_id=one.client_id, import_id=one.import_id)))
    await store.mark_recalled(db, told)
    return said


async def _take_back_rows(
    doing: RowMapping, rows: Sequence[RowMapping], kept: dict[UUID, str], db: AsyncConnection
) -> Said:
    """Take rows of a client base back, card by card: a card for which anything else has come stays as it is."""
    cards = sorted({row["client_id"] for row in rows})
    others = await store.cards_with_others(db, cards, doing["id"])
    free = [row["lead_id"] for row in rows if row["client_id"] not in others]
    left = await _take_back(db, free)
    kept |= {row["lead_id"]: _MORE for row in rows if row["client_id"] in others}
    told: dict[UUID, tuple[str, str | None]] = dict.fromkeys(free, ("undone", None))
    await store.mark_recalled(db, told | {lead: ("kept", why) for lead, why in kept.items()})
    return [
        _cause(doing, one.client_id).says(CardWithdrawn(client_id=one.client_id, import_id=doing["id"]))
        for one in left
        if one.card is None
    ]


async def _take_back(db: AsyncConnection, leads: Collection[UUID]) -> list[Left]:
    """Take these leads off their cards and return how the cards are left.

    Raises NotYet when something came for one of the cards at this very moment: the next try sees it.
    """
    ids = await store.cards_of(db, list(leads))
    if not ids:
        return []
    seen = await store.submissions_on(db, ids)
    await store.hold_keys(db, keys_of(one for brought in seen.values() for one in brought))
    cards = await store.read_cards(db, ids, lock=True)
    brought = await store.submissions_on(db, ids)
    if brought != seen:
        raise NotYet("something came for one of the cards at this very moment")
    left = [left_of(card, brought[card.client_id], leads) for card in cards]
    await store.leave_cards(db, left, list(leads))
    return left


def _cause(doing: RowMapping, what: UUID) -> Cause:
    """What is said in the course of undoing is part of a list, and comes of the wish to undo."""
    return Cause(id_of(doing["undo_cause"], str(what)), doing["undo_cause"], bulk=True)
