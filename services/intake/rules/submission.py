"""What was handed in: one lead or one row of a list, with everything that tells where it came from (R1-07, R0-10)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from msgspec import Struct

from services.intake.rules.call_script import form_of
from shared.commands import CallForm, LeadFields, Occasion, Referral, SubmitLead, SubmitRows
from shared.message import Cause, Heard, id_of
from shared.words import Source


class Submission(Struct, frozen=True):
    """One thing handed in. `id` is the lead's id; (`source_system`, `external_id`) tells a repeat from something new."""

    cause: Cause
    id: UUID
    source_system: str
    external_id: str
    source: Source
    received_at: datetime
    country: str
    fields: LeadFields
    purpose: str = "leads"
    campaign: str | None = None
    submitter: str | None = None
    named_manager: str | None = None
    curator: str | None = None
    import_id: UUID | None = None
    sheet: str = ""
    row: int | None = None
    call: CallForm | None = None
    referral: Referral | None = None
    occasion: Occasion | None = None
    said_at: datetime | None = None
    """When it was handed in: a lead that waited for us tells of a meeting as it was then."""

    @property
    def card_id(self) -> UUID:
        """The id of the client card that this submission opens, if it opens one."""
        return id_of(self.id, "client")


def of_lead(heard: Heard[SubmitLead], now: datetime) -> Submission:
    """The one submission of a `SubmitLead`."""
    wish = heard.message
    return Submission(
        cause=heard,
        id=heard.new_id("lead"),
        source_system=wish.source_system,
        external_id=wish.external_id,
        source=wish.source,
        received_at=wish.received_at or now,
        country=wish.default_country,
        fields=wish.fields,
        campaign=wish.campaign,
        submitter=wish.submitter or (wish.referral.obtained_by if wish.referral else None),
        named_manager=wish.named_manager,
        call=wish.call,
        referral=wish.referral,
        occasion=wish.occasion,
        said_at=min(heard.at, wish.received_at or heard.at),
    )


def row_id(import_id: UUID, sheet: str, number: int) -> UUID:
    """The lead id of a row: of its import, sheet and number alone, so that other chunk borders give the same ids."""
    return id_of(import_id, f"row/{sheet}/{number}")


def of_rows(heard: Heard[SubmitRows], now: datetime) -> list[Submission]:
    """The submissions of a chunk, in the order of its rows."""
    chunk = heard.message
    return [
        Submission(
            cause=heard,
            id=row_id(chunk.import_id, row.sheet, row.number),
            source_system=f"import:{chunk.import_id}",
            external_id=f"{row.sheet}!{row.number}",
            source=chunk.source,
            received_at=chunk.received_at or now,
            country=chunk.default_country,
            fields=row.fields,
            purpose=chunk.purpose,
            campaign=chunk.campaign,
            submitter=chunk.submitter,
            curator=row.curator,
            import_id=chunk.import_id,
            sheet=row.sheet,
            row=row.number,
            call=row.call,
            said_at=heard.at,
        )
        for row in chunk.rows
    ]


AUDIT = "audit"
"""The source system of what is taken in again; the id of the first lead is its external id, so it is taken in once."""


def again_id(lead_id: UUID) -> UUID:
    """The id that a lead has when it is taken in again."""
    return id_of(lead_id, "again")


def again(row: Mapping[Any, Any], cause: Cause, now: datetime) -> Submission:
    """A stored submission as it is handed in anew, because it had been joined to a wrong card (MATCHING §11).

    It is received now: whoever gets it cannot have reacted to it before (SLA). Of a call the answers stay, its end does
    not: that it was entered late has been told.
    """
    referral = row["referral_text"]
    return Submission(
        cause=cause,
        id=again_id(row["lead_id"]),
        source_system=AUDIT,
        external_id=str(row["lead_id"]),
        source=Source(row["source"]),
        received_at=now,
        country=row["country"],
        fields=LeadFields.model_validate_json(row["raw_text"]),
        purpose=row["purpose"],
        campaign=row["campaign"],
        submitter=row["submitter"],
        named_manager=row["named_manager"],
        curator=row["curator"],
        import_id=row["import_id"],
        sheet=row["sheet"],
        row=row["row_number"],
        call=form_of(json.loads(row["call_text"] or "null")),
        referral=Referral.model_validate_json(referral) if referral else None,
    )
