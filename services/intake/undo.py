"""How intake undoes an import: it asks back every lead, and takes back what nobody has touched since.

A lead goes only when process has let it go: `LeadRecalled` travels the way that the lead went, behind it, so that what
is still under way is taken back as well. A client base has no leads: what it brought is decided here.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection

from services.intake import store
from services.intake.taking_off import take_in_again, take_off
from shared.commands import UndoImport
from shared.events import CardWithdrawn, LeadRecalled, RecallAnswered, WrongJoinSettled
from shared.message import Batch, Cause, Heard, Said, Unfit, id_of

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
    A lead that was asked back because its join was wrong is taken in again (MATCHING §11).
    """
    asked = {row["lead_id"]: row for row in await store.judged_joins(db, answers.map(lambda one: one.lead_id))}
    left = await take_off(db, [one.lead_id for one in answers.map(lambda one: one) if one.taken_back])
    told: dict[UUID, tuple[str, str | None]] = {}
    said: Said = []
    again: dict[UUID, Heard[RecallAnswered]] = {}
    gone = {one.client_id for one in left if one.card is None}
    for heard in answers:
        one = heard.message
        told[one.lead_id] = ("undone", None) if one.taken_back else ("kept", one.reason)
        if one.taken_back and one.client_id in gone:
            gone.discard(one.client_id)
            said.append(heard.says(CardWithdrawn(client_id=one.client_id, import_id=one.import_id)))
        row = asked.get(one.lead_id)
        if row is not None and row["import_id"] != one.import_id:  # not its import is undone, but the join
            if one.taken_back:
                again[one.lead_id] = heard
            else:
                stays = WrongJoinSettled(lead_id=one.lead_id, client_id=one.client_id, kept_because=one.reason)
                said.append(heard.says(stays))
    await store.mark_recalled(db, told)
    return said + await take_in_again(again, db, answers.now)


async def _take_back_rows(
    doing: RowMapping, rows: Sequence[RowMapping], kept: dict[UUID, str], db: AsyncConnection
) -> Said:
    """Take rows of a client base back, card by card: a card for which anything else has come stays as it is."""
    cards = sorted({row["client_id"] for row in rows})
    others = await store.cards_with_others(db, cards, doing["id"])
    free = [row["lead_id"] for row in rows if row["client_id"] not in others]
    left = await take_off(db, free)
    kept |= {row["lead_id"]: _MORE for row in rows if row["client_id"] in others}
    told: dict[UUID, tuple[str, str | None]] = dict.fromkeys(free, ("undone", None))
    await store.mark_recalled(db, told | {lead: ("kept", why) for lead, why in kept.items()})
    return [
        _cause(doing, one.client_id).says(CardWithdrawn(client_id=one.client_id, import_id=doing["id"]))
        for one in left
        if one.card is None
    ]


def _cause(doing: RowMapping, what: UUID) -> Cause:
    """What is said in the course of undoing is part of a list, and comes of the wish to undo."""
    return Cause(id_of(doing["undo_cause"], str(what)), doing["undo_cause"], bulk=True)
