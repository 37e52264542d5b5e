"""What does a submission say of its client? Its regular keys and its region: the same for taking in, lookup and preview."""

from __future__ import annotations

from uuid import UUID

from services.intake.rules.keys import RegularLead
from services.intake.rules.region import of_lead as region_of
from services.intake.rules.search_keys import search_keys
from services.intake.rules.survivorship import Arrival
from shared.commands import LeadFields


def arrival_of(
    lead_id: UUID, card_id: UUID, fields: LeadFields, record: RegularLead, curator: str | None = None
) -> Arrival:
    """What recognition needs to know of one submission (R1-40, R1-43); `record` is its `make_regular`.

    `card_id` is the id of the card that it opens if it opens one.
    """
    region = region_of(fields, record)
    return Arrival(
        lead_id=lead_id,
        card_id=card_id,
        name=fields.company,
        record=record,
        keys=search_keys(record),
        region=region.code,
        region_by=region.by,
        region_flags=region.flags,
        curator=curator,
    )
