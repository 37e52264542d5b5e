"""Who owns a client now? Somebody who works here, or a named queue that such a one answers for (G8, R2-23)."""

from __future__ import annotations

from dataclasses import dataclass

from services.routing.rules.case import Client
from services.routing.rules.field import Field
from services.routing.rules.moving import answers_for, has_left
from services.routing.rules.region import territory


@dataclass(frozen=True, slots=True)
class Owner:
    """`person` owns a client, or only answers for the `queue` that he stands in; None where nobody at all can."""

    person: str | None
    queue: str | None = None


def owner_of(client: Client, field: Field) -> Owner:
    """Whoever works his sale, else his curator; of one who has left, or of nobody, the queue of the office, and its head.

    `handover:` are those whose manager has left and who have not been moved yet, `base:` those whom nobody has had.
    """
    had = [who for who in (client.open_with, client.given_to, client.curator) if who is not None]
    for who in had:
        if not has_left(field.people.get(who)):
            return Owner(who)
    gone = next((field.people[who] for who in had if who in field.people), None)
    office = gone.office if gone is not None else territory(client.region, field).office
    office = office if office in field.offices else None
    answerer = answers_for(office, field)
    return Owner(answerer.id if answerer else None, f"{'handover' if had else 'base'}:{office or 'company'}")
