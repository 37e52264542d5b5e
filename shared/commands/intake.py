"""What intake can be asked to do: take leads and lists in, and be told who is whom."""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

from pydantic import AwareDatetime, Field

from shared.commands.parts import MAX_ROWS, Cell, Name, Part, StaffId
from shared.message import Command
from shared.words import Source


class LeadFields(Part):
    """What is known of a lead, as it came: every cell is raw text."""

    company: Cell = ""
    contact: Cell = ""
    phone: Cell = ""
    fax: Cell = ""
    email: Cell = ""
    website: Cell = ""
    city: Cell = ""
    region: Cell = ""
    postal_code: Cell = ""
    address: Cell = ""
    tax_id: Cell = ""
    position: Cell = ""
    activity: Cell = ""
    interest: Cell = ""
    comment: Cell = ""
    callback: Cell = ""
    """Whether and when he wishes to be called, as the questionnaire has it: «да», «после 15:00»."""
    term: Cell = ""
    """When he wants it, or wants to be asked again: «через 2 месяца», «около 10 мая» (R4-12)."""
    filled_on: Cell = ""
    """The day the questionnaire was filled in, from which `term` counts; blank: the day it was received."""


ScriptQuestion = Literal[
    "interest",
    "worked_with",
    "fax",
    "email",
    "phone",
    "contact",
    "company",
    "activity",
    "learned_from",
    "meeting",
]
"""What the call script asks, in its order (R1-13 … R1-21)."""


class CallForm(Part):
    """What a call adds to the cells of a lead: the rest of the script, what was refused, and when it ended (R1-13 … R1-22).

    An answer is a value, `refused`, or, if it is neither, `not_asked`; `refused` is an answer, not a blank.
    """

    worked_with: Cell = ""
    """With whom of us he worked before (R1-16): an id of the directory or a name."""
    learned_from: Cell = ""
    meeting: Literal["ours", "theirs", "declined"] | None = None
    meeting_at: AwareDatetime | None = None
    """When the meeting begins that was agreed on; without `meeting` it is one all the same."""
    meeting_minutes: Annotated[int, Field(ge=5, le=720)] | None = None
    """How long it takes; an hour, if it is not said."""
    refused: list[ScriptQuestion] = []
    ended_at: AwareDatetime | None = None


class Referral(Part):
    """Who recommended us to the contact of a lead, and which of us obtained it (R0-09)."""

    client_id: UUID | None = None
    by: Cell = ""
    """Who recommended us, in words, if he is no client or his id is not at hand."""
    obtained_by: StaffId


Occasion = Literal["request", "download", "registration"]
"""What somebody did on a web site: he asked for information, took materials away, or only registered (R1-31)."""


class SubmitLead(Command, owner="intake"):
    """Take one lead in. Idempotent by (`source_system`, `external_id`) (R1-07, R0-10).

    A registration on a web site alone is no lead: it is kept, and joined to the lead that comes later (R1-31).
    So is an agent's contact with a `call` in which no meeting was agreed (R1-26, R1-27).
    """

    source_system: Name
    external_id: Name
    source: Source
    campaign: Name | None = None
    submitter: StaffId | None = None
    named_manager: StaffId | None = None
    received_at: AwareDatetime | None = None
    default_country: Annotated[str, Field(pattern=r"^[A-Z]{2}$")] = "RU"
    fields: LeadFields
    call: CallForm | None = None
    referral: Referral | None = None
    occasion: Occasion | None = None


class Row(Part):
    """One row of an imported file: where it stood, and its cells; of an agent's list also the meeting he has won."""

    sheet: str = ""
    number: Annotated[int, Field(ge=1)]
    curator: str | None = None
    fields: LeadFields
    call: CallForm | None = None


class SubmitRows(Command, owner="intake", bulk=True):
    """Take a chunk of an imported list in: one transaction for at most 500 rows (R1-07, R1-37).

    `purpose="clients"` fills the client base: cards and their curators, no leads.
    A row is known again by (`import_id`, its sheet, its number), so a chunk may be sent any number of times.
    """

    import_id: UUID
    file_name: Name
    purpose: Literal["leads", "clients"] = "leads"
    source: Source = Source.EVENT
    campaign: Name
    submitter: StaffId | None = None
    received_at: AwareDatetime | None = None
    default_country: Annotated[str, Field(pattern=r"^[A-Z]{2}$")] = "RU"
    rows: Annotated[list[Row], Field(min_length=1, max_length=MAX_ROWS)]


class UndoImport(Command, owner="intake"):
    """Take back what an import brought and nobody has touched since: cards, sales, tasks, deadlines, ledger shares.

    What was touched is left, with the reason. Undoing twice takes nothing back twice; it asks again for what was left.
    """

    import_id: UUID
    by: StaffId | None = None


class JudgeReview(Command, owner="intake"):
    """Say once what possible matches are, one or many alike: the word holds for everybody and overrides the rules (MATCHING §11).

    `same` merges, into `survivor_id` if it is named, else into the client the rules prefer; `sister` is another company
    of one house; `skip` puts the question at the end of the queue.
    Clients with weight merge when a second person has confirmed it; `weight` adds reasons that other rooms know.
    """

    reviews: Annotated[list[UUID], Field(min_length=1, max_length=MAX_ROWS)]
    verdict: Literal["same", "different", "sister", "skip"]
    by: StaffId
    note: Cell = ""
    survivor_id: UUID | None = None
    weight: Annotated[list[Cell], Field(max_length=10)] = []


class MergeClients(Command, owner="intake"):
    """Make two clients one, by a person's word; undone by `SplitClients` at any time (MATCHING §12).

    Clients with weight merge when a second person has confirmed it; `weight` adds reasons that other rooms know.
    """

    client_id: UUID
    other_id: UUID
    by: StaffId
    note: Cell = ""
    survivor_id: UUID | None = None
    weight: Annotated[list[Cell], Field(max_length=10)] = []


class SettleProposal(Command, owner="intake"):
    """Confirm, as the second person, that clients with weight are one, or decline it (MATCHING §11, four eyes)."""

    proposal_id: UUID
    verdict: Literal["confirm", "decline"]
    by: StaffId
    note: Cell = ""


class SplitClients(Command, owner="intake"):
    """Undo a merge, or with `import_id` all merges that a list led to; the clients are remembered as different (MATCHING §12)."""

    merge_id: UUID | None = None
    import_id: UUID | None = None
    by: StaffId
    note: Cell = ""


class JudgeAudit(Command, owner="intake"):
    """Say of leads that were joined to a card by themselves whether that was right (MATCHING §11)."""

    leads: Annotated[list[UUID], Field(min_length=1, max_length=MAX_ROWS)]
    verdict: Literal["right", "wrong"]
    by: StaffId
    note: Cell = ""


class ReleaseReceipt(Command, owner="intake"):
    """A web form that was set aside, because a field was filled in that only machines see, came of a person (R0-10)."""

    receipt_id: UUID
    by: StaffId
