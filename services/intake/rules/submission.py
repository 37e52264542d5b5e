"""What was handed in: one lead or one row of a list, with everything that tells where it came from (R1-07, R0-10)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from shared.commands import CallForm, LeadFields, Occasion, Referral, SubmitLead, SubmitRows
from shared.message import Cause, Heard, id_of
from shared.words import Source


@dataclass(frozen=True, slots=True)
class Submission:
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
        )
        for row in chunk.rows
    ]
