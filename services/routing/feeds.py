"""Calendars that people subscribe to: opened and revoked by command; what they say is read at the door (R1-44)."""

from __future__ import annotations

from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from services.routing import store
from services.routing.rules.feed import faults_of_opening, faults_of_speaker
from shared.commands import OpenFeed, RevokeFeed
from shared.events import Fault, FeedOpened, FeedRefused, FeedRevoked
from shared.message import Batch, NotYet, Said
from shared.questions import ListFeeds

_UNHEARD = "no company file has been applied yet: run `estafeta apply company.toml`"
_TAKEN = Fault(field="token_hash", problem="Another calendar has this secret.", remedy="Make a new one.")


async def open_feeds(wishes: Batch[OpenFeed], db: AsyncConnection) -> Said:
    """Let these calendars be subscribed to, or refuse them with every fault."""
    field = await store.field_of_play(db, wishes.now)
    if field is None:
        raise NotYet(_UNHEARD)
    faults = {heard.id: faults_of_opening(heard.message, field) for heard in wishes}
    kept = await store.put_feeds(
        db,
        [
            {
                "id": heard.new_id("feed"),
                "token_hash": heard.message.token_hash,
                "staff_id": heard.message.staff,
                "office_id": heard.message.office,
                "lang": heard.message.lang,
                "label": heard.message.label,
                "opened_by": heard.message.by,
                "opened_at": wishes.now,
            }
            for heard in wishes
            if not faults[heard.id]
        ],
    )
    said: Said = []
    for heard in wishes:
        wish, feed_id = heard.message, heard.new_id("feed")
        if feed_id in kept:
            opened = FeedOpened(
                feed_id=feed_id,
                staff_id=wish.staff,
                office_id=wish.office,
                lang=wish.lang,
                label=wish.label,
                by=wish.by,
            )
            said.append(heard.says(opened))
        else:
            said.append(heard.says(FeedRefused(feed_id=feed_id, faults=faults[heard.id] or [_TAKEN])))
    return said


async def revoke_feeds(wishes: Batch[RevokeFeed], db: AsyncConnection) -> Said:
    """Let these calendars be subscribed to no more; doing it twice changes nothing."""
    field = await store.field_of_play(db, wishes.now)
    if field is None:
        raise NotYet(_UNHEARD)
    said: Said = []
    for heard in wishes:  # a person's word: a handful a month
        wish = heard.message
        feed = await store.hold_feed(db, wish.feed_id)
        if feed is None:
            faults = [
                Fault(
                    field="feed_id",
                    problem=f"There is no calendar {wish.feed_id}.",
                    remedy="See `estafeta roster feed list`.",
                )
            ]
        else:
            faults = faults_of_speaker(wish.by, feed["staff_id"], feed["office_id"], field)
        if faults:
            said.append(heard.says(FeedRefused(feed_id=wish.feed_id, faults=faults)))
            continue
        if feed is not None and feed["revoked_at"] is None:
            await store.revoke_feed(db, wish.feed_id, wish.by, wishes.now)
        said.append(heard.says(FeedRevoked(feed_id=wish.feed_id, by=wish.by)))
    return said


async def list_feeds(question: ListFeeds, db: AsyncConnection) -> dict[str, Any]:
    """The calendars that can be subscribed to: `{feeds: [...]}`, the newest first."""
    found = await store.feeds(db, question.staff, question.office, revoked=question.revoked)
    return {"feeds": [dict(row) for row in found]}
