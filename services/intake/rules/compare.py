"""How do a lead and a card compare, key by key? Agreements and differences, each with its bits (MATCHING §8)."""

from __future__ import annotations

import re
from collections.abc import Mapping

from msgspec import Struct

from services.intake.rules.compare_names import compare_names, same_person, without_place
from services.intake.rules.keys import CompanyName, Mailbox, Phone, RegularLead, Surname
from services.intake.rules.places import CITIES
from services.intake.rules.script import skeleton
from services.intake.rules.search_keys import (
    DOMAIN,
    MAILBOX,
    MOST_HOLDERS,
    PHONE,
    SURNAME,
    TAX_ID,
    SearchKey,
    domains_of,
    name_key,
    surname_value,
)
from services.intake.rules.weights import GROUPS, weigh

COMPANY_PHONE = 3
"""A phone held by more clients than this belongs to a building, not to a company."""
COMPANY_DOMAIN = 19
"""A domain held by more clients than this is a provider's or a catalogue's, not a company's."""
LOCAL_DIGITS = 7
"""A number without its area code speaks for a company only when it is this long."""
_NO_LETTERS = re.compile(r"[\W\d_]+")
_ONE_TOWN = {"RU-MOS": "RU-MOW", "RU-LEN": "RU-SPE"}
"""A capital and the region around it: firms of the one are found in the other."""


class Evidence(Struct, frozen=True, gc=False):
    """One key compared: which, how well it agrees, both values, its bits, and how many clients hold the value."""

    key: str
    level: str
    lead: str
    client: str
    weight: float
    df: int


class Comparison(Struct, frozen=True):
    """Everything that a lead and a card say about each other.

    `name` is exact, typo, variant, differs or missing; `conflicts` says what in the names or tax ids forbids joining.
    `phone` and `web` are the groups that can join, `touch` an agreement of the same keys in a value that many hold.
    `corporate`: a domain of few.
    `personal_mailbox`: an address of one client, not a role's, nor called like the firm when there is no surname to compare.
    `surname` is exact, differs or missing; `person`: the given names do not speak against an exact one.
    `namesakes`: how many clients bear the name of the lead.
    """

    evidence: tuple[Evidence, ...]
    conflicts: tuple[str, ...]
    name: str = "missing"
    phone: bool = False
    web: bool = False
    touch: bool = False
    corporate: bool = False
    personal_mailbox: bool = False
    surname: str = "missing"
    person: bool = False
    tax_id: str = "missing"
    namesakes: int = 0

    @property
    def score(self) -> float:
        """The sum of bits, one contribution for each group of keys: the best of it."""
        best: dict[str, float] = {}
        for item in self.evidence:
            group = GROUPS[item.key]
            if group not in best or item.weight > best[group]:
                best[group] = item.weight
        return round(sum(best.values()), 1)


def compare(
    lead: RegularLead,
    card: RegularLead,
    frequencies: Mapping[SearchKey, int],
    regions: tuple[str, str] = ("", ""),
) -> Comparison:
    """Compare all keys. `frequencies` says how many clients hold each key of the lead; a key not in it is held by one.

    `regions` are those of the lead and of the card, empty when not known.
    A key that is missing on one side says nothing, for or against.
    """

    def evidence(key: str, level: str, of_lead: str, of_client: str, searched: SearchKey) -> Evidence:
        holders = frequencies.get(searched, 1)
        return Evidence(key, level, of_lead, of_client, weigh(key, level, holders), holders)

    found, name, conflicts = _called(lead.company, card.company, frequencies, regions)
    namesakes = found[0].df if found else 0

    phone = touch = False
    same = _same_phones(lead.phones, card.phones)
    for one, other, level in same:
        item = evidence("phone", level, one.e164 or one.local, other.e164 or other.local, SearchKey(PHONE, one.local))
        found.append(item)
        phone |= item.df <= COMPANY_PHONE and (level == "exact" or len(one.local) >= LOCAL_DIGITS)
        touch |= item.df <= MOST_HOLDERS
    if lead.phones and card.phones and not same:
        one, other = lead.phones[0], card.phones[0]
        found.append(_unweighed("phone", "differs", one.e164 or one.local, other.e164 or other.local))

    web = corporate = personal = False
    lone = not (lead.surnames and card.surnames)
    theirs_boxes = {box.mailbox: box for box in card.mailboxes}
    shared_boxes = [box for box in lead.mailboxes if box.mailbox in theirs_boxes]
    for box in shared_boxes:
        item = evidence("email", "exact", box.email, theirs_boxes[box.mailbox].email, SearchKey(MAILBOX, box.mailbox))
        found.append(item)
        web |= item.df <= MOST_HOLDERS
        personal |= item.df <= 1 and not box.is_role and not (lone and _named_for(box, card.company or lead.company))
    ours_domains, theirs_domains = domains_of(lead), domains_of(card)
    shared_domains = [domain for domain in ours_domains if domain in theirs_domains]
    for domain in shared_domains:
        item = evidence("domain", "exact", domain, domain, SearchKey(DOMAIN, domain))
        found.append(item)
        web |= item.df <= COMPANY_DOMAIN
        corporate |= item.df <= COMPANY_PHONE
    if not shared_boxes and not shared_domains and (apart := _web_apart(lead, card, ours_domains, theirs_domains)):
        found.append(apart)

    surname, same_given = "missing", False
    if lead.surnames and card.surnames:
        pair = _same_person(lead.surnames, card.surnames)
        surname, same_given = ("exact" if pair else "differs"), bool(pair and _given_agree(*pair))
        person, met = pair or (lead.surnames[0], card.surnames[0])
        found.append(
            evidence("surname", surname, person.key, met.key, SearchKey(SURNAME, surname_value(person, lead.company)))
        )

    tax_id = "missing"
    if lead.tax_id and card.tax_id:
        tax_id = "exact" if lead.tax_id == card.tax_id else "differs"
        found.append(evidence("tax_id", tax_id, lead.tax_id, card.tax_id, SearchKey(TAX_ID, lead.tax_id)))

    here, there = regions
    if here and there:
        level = "exact" if _ONE_TOWN.get(here, here) == _ONE_TOWN.get(there, there) else "differs"
        found.append(_unweighed("region", level, here, there))

    return Comparison(
        evidence=tuple(found),
        conflicts=conflicts if tax_id != "differs" else (*conflicts, "tax id"),
        name=name,
        phone=phone,
        web=web,
        touch=touch or web,
        corporate=corporate,
        personal_mailbox=personal,
        surname=surname,
        person=same_given,
        tax_id=tax_id,
        namesakes=namesakes,
    )


def _called(
    ours: CompanyName | None,
    theirs: CompanyName | None,
    frequencies: Mapping[SearchKey, int],
    regions: tuple[str, str],
) -> tuple[list[Evidence], str, tuple[str, ...]]:
    """What the names and their legal forms say: the evidence, the name's first; how the names agree; what forbids joining."""
    name, conflicts = compare_names(ours, theirs)
    if ours is None or theirs is None:
        return [], name, conflicts
    if conflicts and (ours.place or theirs.place):
        ours, theirs, name, conflicts = _in_place(ours, theirs, regions, name, conflicts)
    holders = frequencies.get(name_key(ours), 1)
    found = [Evidence("name", name, ours.core, theirs.core, weigh("name", name, holders), holders)]
    if ours.form and theirs.form:
        level = "differs" if ours.form != theirs.form or "country of the form" in conflicts else "exact"
        found.append(
            _unweighed("form", level, _form(ours.form, ours.form_country), _form(theirs.form, theirs.form_country))
        )
    return found, name, conflicts


def _in_place(
    ours: CompanyName, theirs: CompanyName, regions: tuple[str, str], level: str, conflicts: tuple[str, ...]
) -> tuple[CompanyName, CompanyName, str, tuple[str, ...]]:
    """The names as they compare when a city behind one of them is only where the other one is.

    «Оптилит Пермь» and «Оптилит» of Пермь are one firm; of another region they are two houses of a group.
    """
    here, there = (_ONE_TOWN.get(region, region) for region in regions)
    if ours.place and not theirs.place and _region_of(ours.place) == there:
        one, other = without_place(ours), theirs
    elif theirs.place and not ours.place and _region_of(theirs.place) == here:
        one, other = ours, without_place(theirs)
    else:
        return ours, theirs, level, conflicts
    nearer, apart = compare_names(one, other)
    return (one, other, nearer, apart) if not apart else (ours, theirs, level, conflicts)


def _region_of(place: str) -> str:
    region = CITIES[place]
    return _ONE_TOWN.get(region, region)


def _unweighed(key: str, level: str, of_lead: str, of_client: str) -> Evidence:
    """What nobody counts the holders of: a legal form, a region, a difference."""
    return Evidence(key, level, of_lead, of_client, weigh(key, level, 1), 0)


def _form(form: str, country: str | None) -> str:
    return f"{form}-{country}" if country else form


def _same_phones(ours: tuple[Phone, ...], theirs: tuple[Phone, ...]) -> list[tuple[Phone, Phone, str]]:
    """Numbers that agree: whole, or locally while one side does not know its area. Two areas make two numbers."""
    return [
        (one, other, "exact" if one.e164 and other.e164 else "local")
        for one in ours
        for other in theirs
        if one.local == other.local and (one.e164 == other.e164 or not (one.e164 and other.e164))
    ]


def _web_apart(lead: RegularLead, card: RegularLead, ours: tuple[str, ...], theirs: tuple[str, ...]) -> Evidence | None:
    """Addresses on both sides, and none the same: two corporate domains say most, two private mailboxes least."""
    if ours and theirs:
        return _unweighed("domain", "differs", ours[0], theirs[0])
    if ours and card.mailboxes:
        return _unweighed("domain", "unheard", ours[0], _first(card.mailboxes))
    if lead.mailboxes and card.mailboxes:
        return _unweighed("email", "differs", _first(lead.mailboxes), _first(card.mailboxes))
    return None


def _first(boxes: tuple[Mailbox, ...]) -> str:
    return boxes[0].email


def _named_for(box: Mailbox, company: CompanyName | None) -> bool:
    """Whether a mailbox is called like the firm (torgpribor12@mail.ru): sisters and successors may share it."""
    called = skeleton(_NO_LETTERS.sub("", box.mailbox.partition("@")[0]))
    own = company.skeleton.replace(" ", "") if company else ""
    return bool(called and own) and (own.startswith(called) or called.startswith(own))


def _same_person(ours: tuple[Surname, ...], theirs: tuple[Surname, ...]) -> tuple[Surname, Surname] | None:
    """The two who bear one surname, those first whose given names agree."""
    pairs = [(one, other) for one in ours for other in theirs if one.skeleton == other.skeleton]
    return next((pair for pair in pairs if _given_agree(*pair)), pairs[0] if pairs else None)


def _given_agree(one: Surname, other: Surname) -> bool:
    return one.given == other.given or same_person(one.given, other.given)
