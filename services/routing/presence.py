"""What routing does when somebody says that he is absent or back, busy or free; and who is here now (R1-24)."""

from __future__ import annotations

from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from services.routing import store
from services.routing.rules.presence import faults_of_presence, state_of, word_of
from shared.clock import database_now
from shared.commands import SetPresence
from shared.events import PresenceRefused, PresenceSaid
from shared.message import Batch, NotYet, Said
from shared.questions import ListPresence, ListWaiting


async def set_presence(wishes: Batch[SetPresence], db: AsyncConnection) -> Said:
    """Keep what was said of people; of words of one kind the one that holds from the latest moment counts (R1-24).

    So a word that comes late, or twice, or out of order changes nothing. Raises NotYet while no company is known.
    """
    field = await store.field_of_play(db, wishes.now)
    if field is None:
        raise NotYet("no company file has been applied yet: run `estafeta apply company.toml`")
    calendars = await store.calendars_of(db, wishes.map(lambda wish: wish.staff))
    said: Said = []
    kept = []
    for heard in wishes:
        wish = heard.message
        if faults := faults_of_presence(wish, field.people, wishes.now):
            said.append(heard.says(PresenceRefused(staff_id=wish.staff, faults=faults)))
        else:
            kept.append((heard, word_of(wish, min(heard.at, wishes.now), calendars[wish.staff])))
    holding = await store.keep_words(db, [(heard.id, word) for heard, word in kept], wishes.now)
    said += [
        heard.says(
            PresenceSaid(
                staff_id=word.staff,
                word=word.change,
                at=word.at,
                until=word.until,
                reason=word.reason,
                by=word.by,
                is_newest=heard.id in holding,
            )
        )
        for heard, word in kept
    ]
    return said


async def list_presence(question: ListPresence, db: AsyncConnection) -> dict[str, Any]:
    """Who is here now: `{staff: [{id, name, office, function, state, reason, until, at, by, on_duty}]}`, by office and id."""
    now = await database_now(db)
    field = await store.field_of_play(db, now)
    if field is None:
        return {"staff": []}
    words = await store.last_words(db, now)
    on_duty = {who for office in field.offices.values() for who in office.on_duty}
    return {
        "staff": [
            {
                "id": person.id,
                "name": person.name,
                "office": person.office,
                "function": person.function,
                "state": state_of(person, field),
                "reason": person.away.reason if person.away else None,
                "until": (person.away.until or None) if person.away else None,
                "at": words[person.id]["at"] if person.id in words else None,
                "by": words[person.id]["by"] if person.id in words else None,
                "on_duty": person.id in on_duty,
            }
            for person in sorted(field.people.values(), key=lambda person: (person.office, person.id))
            if person.active
        ]
    }


async def list_waiting(question: ListWaiting, db: AsyncConnection) -> dict[str, Any]:
    """Leads without an answer: `{awaited: [...], waiting: [...]}`, each as its holding decision tells (SLA, G8)."""
    return {answer: await store.unanswered(db, answer, question.staff) for answer in ("awaited", "waiting")}
