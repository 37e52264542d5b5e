"""What intake says: who is this client?"""

from __future__ import annotations

from datetime import date
from typing import Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict

from shared.events.fault import Fault
from shared.events.meeting import AgreedMeeting
from shared.message import Event
from shared.words import Outcome, Source


class EarlierContact(BaseModel):
    """A contact that was kept before a lead came: no lead by `rule` (R1-31, R1-26), and the same client or possibly so."""

    model_config = ConfigDict(frozen=True)

    contact_id: UUID
    rule: str
    outcome: Literal["same", "possible"]
    source: Source
    campaign: str | None = None
    received_at: AwareDatetime


class LeadAccepted(Event, owner="intake", about="client/{client_id}", heard_by=("routing",)):
    """A lead was made regular and its client recognised, or a card was opened for him (R1-35, R1-40).

    `named_date` is the day that the client named in a questionnaire on `spoken_on` (R4-12); `wishes_call` None: not said.
    """

    lead_id: UUID
    client_id: UUID
    outcome: Outcome
    source: Source
    campaign: str | None = None
    submitter: str | None = None
    named_manager: str | None = None
    worked_with: str | None = None
    import_id: UUID | None = None
    row: int | None = None
    received_at: AwareDatetime
    region: str
    region_by: Literal["stated", "city", "area_code", "postal_code", "country", "unknown"]
    company: str
    contact: str = ""
    phone: str = ""
    email: str = ""
    interest: str = ""
    named_date: date | None = None
    spoken_on: date | None = None
    wishes_call: bool | None = None
    earlier: list[EarlierContact] = []
    meeting: AgreedMeeting | None = None


class LeadRejected(Event, owner="intake", about="lead/{lead_id}"):
    """A submission could not become a lead; it is kept raw, with what is wrong and how to mend it (R0-10)."""

    lead_id: UUID
    import_id: UUID | None = None
    row: int | None = None
    faults: list[Fault]


class ContactKept(Event, owner="intake", about="contact/{contact_id}"):
    """Somebody made himself known and is no lead yet: a registration (R1-31), an agent's contact without a meeting (R1-26).

    `client_id` is the client he is known to be; none if nobody like him is known.
    """

    contact_id: UUID
    rule: str
    source: Source
    campaign: str | None = None
    submitter: str | None = None
    received_at: AwareDatetime
    client_id: UUID | None = None


class EntryDelayed(Event, owner="intake", about="lead/{lead_id}", heard_by=("reminders",)):
    """A call was entered later after its end than is allowed; both in seconds (R1-22)."""

    lead_id: UUID
    client_id: UUID
    submitter: str | None = None
    ended_at: AwareDatetime
    lag_s: float
    allowed_s: float


class ClientRegistered(Event, owner="intake", about="client/{client_id}", heard_by=("routing",)):
    """A card came into the client base by import, without a lead; `curator` is the manager who owns the relation."""

    client_id: UUID
    name: str
    region: str
    curator: str | None = None
    import_id: UUID | None = None
    row: int | None = None


class LeadRecalled(Event, owner="intake", about="client/{client_id}", heard_by=("routing",)):
    """A lead is to be taken back: whoever works it says whether it may be.

    `import_id` is the import that brought it and is undone, or the person's word that it was joined to a wrong card.
    """

    lead_id: UUID
    client_id: UUID
    import_id: UUID


class CardWithdrawn(Event, owner="intake", about="client/{client_id}", heard_by=("routing",)):
    """A client card is gone: the import that opened it was undone, and nothing else had come for it."""

    client_id: UUID
    import_id: UUID


class Agreement(BaseModel):
    """One key of two records compared: how well it agrees, and both values."""

    model_config = ConfigDict(frozen=True)

    key: str
    level: str
    one: str
    other: str


class ReviewJudged(Event, owner="intake", about="review/{review_id}"):
    """A person said whether two clients are one; the word holds for everybody (MATCHING §11)."""

    review_id: UUID
    client_id: UUID
    other_id: UUID
    verdict: Literal["same", "different", "sister", "skip"]
    by: str
    note: str = ""


class JudgementRefused(Event, owner="intake", about="judgement/{judgement_id}"):
    """What a person said of clients cannot be, and nothing of it was done; the faults say why."""

    judgement_id: UUID
    faults: list[Fault]


class MergeProposed(Event, owner="intake", about="proposal/{proposal_id}"):
    """Somebody says that clients with weight are one; a second person must confirm it before they merge (MATCHING §11)."""

    proposal_id: UUID
    clients: list[UUID]
    reasons: list[str]
    by: str
    note: str = ""


class ProposalSettled(Event, owner="intake", about="proposal/{proposal_id}"):
    """A second person confirmed or declined that clients with weight are one."""

    proposal_id: UUID
    verdict: Literal["confirm", "decline"]
    by: str
    note: str = ""


class JoinAudited(Event, owner="intake", about="audit/{lead_id}"):
    """A person looked at a lead that was joined to its card by itself, and says whether that was right (MATCHING §11)."""

    lead_id: UUID
    client_id: UUID
    rule: str
    verdict: Literal["right", "wrong"]
    by: str
    note: str = ""


class WrongJoinSettled(Event, owner="intake", about="audit/{lead_id}"):
    """What became of a lead that had been joined to a wrong card: taken off it and taken in `again`, or kept (MATCHING §11).

    `again` is the id that the lead goes on with, `now_of` whose it is now; `kept_because` why it stays on the card
    `client_id`, which a person must settle then.
    """

    lead_id: UUID
    client_id: UUID
    again: UUID | None = None
    now_of: UUID | None = None
    kept_because: str = ""


class ReceiptReleased(Event, owner="intake", about="receipt/{receipt_id}"):
    """A web form that had been set aside came of a person after all, and is being taken in (R0-10)."""

    receipt_id: UUID
    by: str


class ClientsMerged(Event, owner="intake", about="client/{client_id}", heard_by=("routing",)):
    """Two clients are one from now on, told in the history of each: `client_id` is the one that this telling is about.

    After it nothing is said of the loser until a split; `cards` are the loser's and those merged into him before,
    `records` the leads and rows that stand on them. `curator` and `region` are those of both together.
    """

    merge_id: UUID
    client_id: UUID
    survivor_id: UUID
    loser_id: UUID
    cards: list[UUID]
    records: list[UUID] = []
    name: str
    region: str
    curator: str | None = None
    by: str
    note: str = ""
    rule_version: int
    evidence: list[Agreement] = []


class ClientsSplit(Event, owner="intake", about="client/{client_id}", heard_by=("routing",)):
    """A merge was undone, told in the history of each: `cards` leave `survivor_id` and are the client `loser_id` again.

    `records` stand on them; `came_later` came to either after the merge and want a person's look.
    """

    merge_id: UUID
    client_id: UUID
    survivor_id: UUID
    loser_id: UUID
    cards: list[UUID]
    records: list[UUID] = []
    came_later: list[UUID] = []
    by: str
    note: str = ""
