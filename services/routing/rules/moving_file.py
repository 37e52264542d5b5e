"""What a file still says of those who were dismissed, or of clients who have gone to another, does not bring it back (R2-23)."""

from __future__ import annotations

from collections.abc import Collection

from services.routing.rules.case import Client
from services.routing.rules.field import Person
from services.routing.rules.moving import has_left
from shared.commands import ApplyCompany


def without(company: ApplyCompany, dismissed: Collection[str]) -> tuple[ApplyCompany, list[str]]:
    """The company file as if it did not name those who were dismissed, and a warning for each it names."""
    named = sorted({person.id for person in company.staff} & set(dismissed))
    if not named:
        return company, []
    kept = company.model_copy(
        update={
            part: [one for one in getattr(company, part) if getattr(one, who) not in named]
            for part, who in (("staff", "id"), ("duty", "staff"), ("absences", "staff"), ("wishes", "staff"))
        }
    )
    return kept, [
        f"{who} was dismissed and stays so; `estafeta staff reinstate {who}` brings him back" for who in named
    ]


def curator_as_stated(client: Client, stated: str | None, person: Person | None) -> str | None:
    """Who is curator after a base has named one (`person`, if the directory knows him).

    What a base has said before is no news: it does not undo a transfer. Nor does one who has left take a client back.
    """
    if person is None:
        return client.curator
    if client.curator is not None and (stated == client.stated_curator or has_left(person)):
        return client.curator
    return person.id
