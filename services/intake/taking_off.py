"""How leads are taken off their cards, and taken in again when a person says that the card was a wrong one (MATCHING §11)."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from services.intake import store
from services.intake.merging import Wish, keep_judgements
from services.intake.rules.submission import again
from services.intake.rules.taking_back import Left, keys_of, left_of
from services.intake.taking_in import take_in
from shared.events import WrongJoinSettled
from shared.message import Heard, NotYet, Said


async def take_off(db: AsyncConnection, leads: Collection[UUID]) -> list[Left]:
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


async def take_in_again(causes: Mapping[UUID, Heard[Any]], db: AsyncConnection, now: datetime) -> Said:
    """Take leads in anew that have just been taken off a card by a person's word: lead → what brought that about.

    Each comes as a submission of its own that names the first, goes the way of every lead, and is not of that client;
    if it opens a card, the two are told apart for everybody, so that neither is asked about or joined again (MATCHING §8).
    """
    rows = await store.judged_joins(db, list(causes))
    if not rows:
        return []
    fresh = {row["lead_id"]: again(row, causes[row["lead_id"]], now) for row in rows}
    wrong = [row for row in rows if row["verdict"] == "wrong"]
    said = await take_in(list(fresh.values()), db, now, {fresh[row["lead_id"]].id: row["client_id"] for row in wrong})
    became = await store.outcomes_of(db, [one.id for one in fresh.values()])
    families = await store.read_families(
        db, {each for row in rows for each in (row["client_id"], became[fresh[row["lead_id"]].id]["client_id"]) if each}
    )
    for row in rows:  # a person's word: few a day
        one, client_id = fresh[row["lead_id"]], became[fresh[row["lead_id"]].id]["client_id"]
        pair = (client_id, row["client_id"])
        if row["verdict"] == "wrong" and client_id == one.card_id and set(pair) <= families.cards.keys():
            wish = Wish(causes[row["lead_id"]], now, row["judged_by"], row["note"])
            await keep_judgements(wish, "different", families, [pair], db)
        told = WrongJoinSettled(lead_id=row["lead_id"], client_id=row["client_id"], again=one.id, now_of=client_id)
        said.append(one.cause.says(told))
    return said
