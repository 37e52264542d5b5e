"""How intake makes stored keys anew when the normalisers have changed: in the background, a few cards at a time (MATCHING §1).

Each card says by which version of the normalisers its keys were made. A step takes some older ones, makes them anew from
the raw cells of their submissions, and moves the keys and how many clients hold each, in one transaction. Who is killed
in the middle has done whole steps; whoever goes on finds the rest by its version.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from services.intake import store
from services.intake.rules.keys import NORM_VERSION
from services.intake.rules.merging import Families, Held, shared_keys
from services.intake.rules.regular import make_regular
from services.intake.rules.renewal import Renewed, changed_holders, renew
from services.intake.rules.survivorship import Card
from services.intake.rules.taking_back import keys_of
from shared.message import Said

AT_ONCE = 150
EVERY = 0.5
"""Seconds between two steps: most of the time belongs to the leads that come meanwhile."""


async def renew_stored_keys(now: datetime, db: AsyncConnection) -> tuple[Said, bool]:
    """Make the next few cards anew, and when there are none early contacts; it never asks to be called again at once.

    Nothing is said: no fact has changed. Another replica that is at it makes this one wait for its next turn.
    """
    ids = await store.next_to_renew(db, NORM_VERSION, AT_ONCE)
    if not ids:
        await _renew_early_contacts(db)
        return [], False
    if not await store.claim_renewal(db):
        return [], False
    clients = await store.read_families(db, ids)
    stored = await store.keys_of_cards(db, clients.cards)
    brought = await store.submissions_on(db, ids)
    # Alone with every key that goes or comes, as whoever takes a lead in is; only then may cards be locked.
    await store.hold_keys(
        db,
        {
            *keys_of(one for some in brought.values() for one in some),
            *(key for keys in stored.values() for key in keys),
        },
    )
    held = await store.lock_families(db, ids, clients)
    if (
        held.roots() != clients.roots()
        or await store.submissions_on(db, ids) != brought
        or await store.keys_of_cards(db, held.cards) != stored
    ):
        return [], False  # somebody came for one of them at this very moment: the next step sees it
    renewed = [renew(held.cards[one].card, stored[one], brought[one]) for one in ids]
    await store.renew_cards(db, renewed, held, changed_holders(renewed, stored, held.roots()), NORM_VERSION)
    await _renew_judgements(held, renewed, db)
    return [], False


async def _renew_judgements(held: Families, renewed: Sequence[Renewed], db: AsyncConnection) -> None:
    """Who was told apart is not asked about again because a key that both have is written otherwise now (MATCHING §8)."""
    said = await store.told_apart(db, [one.card.client_id for one in renewed])
    if not said:
        return
    others = await store.read_families(db, {each for _, one, other, _ in said for each in (one, other)})
    was = {**others.cards, **held.cards}
    new = {one.card.client_id: one.card for one in renewed}
    before = Families(was.values())
    after = Families(_with(one, new) for one in was.values())
    keys = {}
    for id_, one, other, known in said:
        if one not in was or other not in was:
            continue  # a card that is gone is not asked about
        roots = (before.root(one), before.root(other))
        fresh = shared_keys(*map(after.golden, roots)) - shared_keys(*map(before.golden, roots))
        if fresh.difference(known):
            keys[id_] = fresh.union(known)
    await store.renew_judgements(db, keys)


def _with(held: Held, cards: Mapping[UUID, Card]) -> Held:
    return replace(held, card=cards.get(held.id, held.card))


async def _renew_early_contacts(db: AsyncConnection) -> None:
    contacts = [
        replace(contact, record=make_regular(fields, country))
        for contact, fields, country in await store.early_contacts_to_renew(db, NORM_VERSION, AT_ONCE)
    ]
    if contacts:
        await store.renew_early_contacts(db, contacts, NORM_VERSION)


async def to_renew(db: AsyncConnection) -> float:
    """How many cards and early contacts have keys of older normalisers still."""
    return float(await store.count_to_renew(db, NORM_VERSION))
