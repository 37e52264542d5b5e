"""What does a card gain when a lead joins it? All that reaches the client; of the name only what was missing (MATCHING §12)."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace

from services.intake.rules.keys import CompanyName, Mailbox, Phone, RegularLead, Surname
from services.intake.rules.search_keys import SearchKey

UNKNOWN = "unknown"


class Arrival(Struct, frozen=True):
    """A submission made regular: its own id, the id its card will have if it opens one, and what it says of the client."""

    lead_id: UUID
    card_id: UUID
    name: str
    record: RegularLead
    keys: tuple[SearchKey, ...]
    region: str = ""
    region_by: str = UNKNOWN
    region_flags: tuple[str, ...] = ()
    curator: str | None = None


class Card(Struct, frozen=True):
    """A client as the base knows him: his name as people write it, what he is compared by, where he is, who curates him.

    `merged_into` is the client that this card has been merged into; it is still found by its own keys, and leads to him.
    """

    client_id: UUID
    name: str
    record: RegularLead
    region: str = ""
    region_by: str = UNKNOWN
    curator: str | None = None
    provisional: bool = False
    merged_into: UUID | None = None

    @property
    def belongs_to(self) -> UUID:
        """The id of the client this card stands for: its own, or that of the survivor of a merge."""
        return self.merged_into or self.client_id

    @classmethod
    def opened_by(cls, arrival: Arrival, *, provisional: bool) -> Card:
        """A card with everything that is known (R1-35)."""
        return cls(
            arrival.card_id,
            arrival.name,
            replace(arrival.record, contact="", flags=()),
            arrival.region,
            arrival.region_by,
            arrival.curator,
            provisional,
        )

    def joined_by(self, arrival: Arrival) -> Card:
        """The card with what the arrival adds. What stands on it stays; only blanks are filled."""
        moved = self.region_by == UNKNOWN and arrival.region_by != UNKNOWN
        return replace(
            self,
            name=self.name or arrival.name,
            record=joined(self.record, arrival.record),
            region=arrival.region if moved else self.region,
            region_by=arrival.region_by if moved else self.region_by,
            curator=self.curator or arrival.curator,
        )


def golden(cards: Sequence[Card]) -> Card:
    """The one card of a client made of several: a projection, never stored, so that a split gives back what was (MATCHING §12).

    `cards` are the survivor's own and those merged into it, in the order in which they came. What stands on an earlier
    card stays; phones, addresses, sites and contacts are united; name, region and curator are the first that are known.
    """
    first = cards[0]
    record = first.record
    for card in cards[1:]:
        record = joined(record, card.record)
    placed = next((card for card in cards if card.region_by != UNKNOWN), first)
    return replace(
        first,
        name=next((card.name for card in cards if card.name), ""),
        record=record,
        region=placed.region,
        region_by=placed.region_by,
        curator=next((card.curator for card in cards if card.curator), None),
        merged_into=None,
    )


def joined(card: RegularLead, lead: RegularLead) -> RegularLead:
    """The card's keys with everything the lead adds. The same lead joined twice adds nothing the second time.

    A name that differs by a slip of the pen is not taken over: names that drift would join companies step by step.
    """
    return replace(
        card,
        company=_completed(card.company, lead.company),
        surnames=_people(card.surnames, lead.surnames),
        phones=_phones(card.phones, lead.phones),
        mailboxes=_mailboxes(card.mailboxes, lead.mailboxes),
        sites=tuple(dict.fromkeys((*card.sites, *lead.sites))),
        tax_id=card.tax_id or lead.tax_id,
    )


def _completed(card: CompanyName | None, lead: CompanyName | None) -> CompanyName | None:
    """The card's name; a form or its country that it lacked comes from the lead when it is the very same name."""
    if card is None or lead is None:
        return card or lead
    if card.sorted_skeleton != lead.sorted_skeleton or (card.form and card.form_country):
        return card
    return replace(card, form=card.form or lead.form, form_country=card.form_country or lead.form_country)


def _people(card: tuple[Surname, ...], lead: tuple[Surname, ...]) -> tuple[Surname, ...]:
    known = {(one.skeleton, one.given) for one in card}
    return (*card, *(one for one in lead if (one.skeleton, one.given) not in known))


def _phones(card: tuple[Phone, ...], lead: tuple[Phone, ...]) -> tuple[Phone, ...]:
    """A number without its area is not kept beside the same number with it."""
    kept = list(card)
    for one in lead:
        twins = [other for other in kept if other.local == one.local]
        if not twins or (one.e164 and all(other.e164 != one.e164 for other in twins)):
            kept.append(one)
    return tuple(kept)


def _mailboxes(card: tuple[Mailbox, ...], lead: tuple[Mailbox, ...]) -> tuple[Mailbox, ...]:
    known = {one.mailbox for one in card}
    return (*card, *(one for one in lead if one.mailbox not in known))
