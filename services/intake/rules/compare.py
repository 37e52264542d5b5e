"""How do a lead and a card compare, key by key? Agreements, differences, and conflicts that forbid joining (MATCHING §8)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from rapidfuzz.distance import OSA

from services.intake.rules.keys import CompanyName, Phone, RegularLead, Surname
from services.intake.rules.search_keys import (
    DOMAIN,
    MAILBOX,
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
SHORTEST_TYPO = 6
"""Names shorter than this differ by a letter because they are different names (Лорис, Лорес)."""
SHORTEST_TYPO_WORD = 5
LONG_WORD = 9
LOCAL_DIGITS = 7
"""A number without its area code speaks for a company only when it is this long."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """One key compared: which, how well it agrees, both values, its bits, and how many clients hold the value."""

    key: str
    level: str
    lead: str
    client: str
    weight: float
    df: int


@dataclass(frozen=True, slots=True)
class Comparison:
    """Everything that a lead and a card say about each other. `name` is exact, typo, variant, differs or missing.

    `elsewhere`: each side has a corporate domain, and they are not the same.
    """

    evidence: tuple[Evidence, ...]
    conflicts: tuple[str, ...]
    name: str = "missing"
    phone: bool = False
    web: bool = False
    corporate: bool = False
    elsewhere: bool = False
    personal_mailbox: bool = False
    surname: str = "missing"
    tax_id: str = "missing"

    @property
    def score(self) -> float:
        """The sum of bits, one contribution for each group of keys: the best of it."""
        best: dict[str, float] = {}
        for item in self.evidence:
            group = GROUPS[item.key]
            best[group] = max(best.get(group, item.weight), item.weight)
        return round(sum(best.values()), 1)


def compare(lead: RegularLead, card: RegularLead, frequencies: Mapping[SearchKey, int]) -> Comparison:
    """Compare all keys. `frequencies` says how many clients hold each key of the lead; a key not in it is held by one."""

    def evidence(key: str, level: str, of_lead: str, of_client: str, searched: SearchKey) -> Evidence:
        holders = frequencies.get(searched, 1)
        return Evidence(key, level, of_lead, of_client, weigh(key, level, holders), holders)

    found: list[Evidence] = []
    name, conflicts = compare_names(lead.company, card.company)
    if lead.company and card.company:
        ours, theirs = lead.company, card.company
        found.append(evidence("name", name, ours.core, theirs.core, name_key(ours)))
        if ours.form and theirs.form:
            level = "exact" if ours.form == theirs.form else "differs"
            found.append(_unweighed("form", level, ours.form, theirs.form))

    company_phone = False
    for one, other, level in _same_phones(lead.phones, card.phones):
        item = evidence("phone", level, one.e164 or one.local, other.e164 or other.local, SearchKey(PHONE, one.local))
        found.append(item)
        company_phone |= item.df <= COMPANY_PHONE and (level == "exact" or len(one.local) >= LOCAL_DIGITS)

    theirs_boxes = {box.mailbox: box for box in card.mailboxes}
    shared_boxes = [box for box in lead.mailboxes if box.mailbox in theirs_boxes]
    found += [
        evidence("email", "exact", box.email, theirs_boxes[box.mailbox].email, SearchKey(MAILBOX, box.mailbox))
        for box in shared_boxes
    ]
    ours_domains, theirs_domains = domains_of(lead), domains_of(card)
    shared_domains = [domain for domain in ours_domains if domain in theirs_domains]
    found += [evidence("domain", "exact", domain, domain, SearchKey(DOMAIN, domain)) for domain in shared_domains]
    elsewhere = bool(ours_domains and theirs_domains and not shared_domains and not shared_boxes)
    if elsewhere:
        found.append(_unweighed("domain", "differs", ours_domains[0], theirs_domains[0]))

    surname = "missing"
    if lead.surnames and card.surnames:
        pair = _same_person(lead.surnames, card.surnames)
        surname = "exact" if pair else "differs"
        person, met = pair or (lead.surnames[0], card.surnames[0])
        found.append(evidence("surname", surname, person.key, met.key, SearchKey(SURNAME, surname_value(person))))

    tax_id = "missing"
    if lead.tax_id and card.tax_id:
        tax_id = "exact" if lead.tax_id == card.tax_id else "differs"
        found.append(evidence("tax_id", tax_id, lead.tax_id, card.tax_id, SearchKey(TAX_ID, lead.tax_id)))

    return Comparison(
        evidence=tuple(found),
        conflicts=conflicts if tax_id != "differs" else (*conflicts, "tax id"),
        name=name,
        phone=company_phone,
        web=bool(shared_boxes or shared_domains),
        corporate=bool(shared_domains),
        elsewhere=elsewhere,
        personal_mailbox=any(not box.is_role for box in shared_boxes),
        surname=surname,
        tax_id=tax_id,
    )


def compare_names(ours: CompanyName | None, theirs: CompanyName | None) -> tuple[str, tuple[str, ...]]:
    """How two names agree, and what in them forbids joining. A missing name agrees and conflicts with nothing.

    A descriptor, a number or a single letter tells sister companies apart, so none of them is ever a typo.
    """
    if ours is None or theirs is None:
        return "missing", ()
    conflicts = []
    if ours.form and theirs.form and ours.form != theirs.form:
        conflicts.append("form")
    if ours.form_country and theirs.form_country and ours.form_country != theirs.form_country:
        conflicts.append("country of the form")
    if ours.initials or theirs.initials:
        level = _compare_traders(ours, theirs)
    else:
        marks = ("descriptors", "numbers", "letters")
        conflicts += [what for what in marks if getattr(ours, what) != getattr(theirs, what)]
        if ours.sorted_skeleton == theirs.sorted_skeleton:
            level = "variant" if set(marks) & set(conflicts) else "exact"
        elif not conflicts and _is_typo(ours, theirs):
            level = "typo"
        else:
            words, others = set(ours.skeleton.split()), set(theirs.skeleton.split())
            level = "variant" if words <= others or others <= words else "differs"
    if level in ("variant", "differs") and not conflicts:
        conflicts.append("name")
    return level, tuple(conflicts)


def _compare_traders(ours: CompanyName, theirs: CompanyName) -> str:
    """Sole traders: one surname in a family is many firms, so a surname is a name only with what follows it."""
    surname, *given = ours.skeleton.split(" ")
    other, *others = theirs.skeleton.split(" ")
    if surname != other:
        return "exact" if given and ours.sorted_skeleton == theirs.sorted_skeleton else "differs"
    agree = all(_same_given(one, another) for one, another in zip(given, others, strict=False))
    return "exact" if given and others and agree else "variant"


def _same_given(one: str, other: str) -> bool:
    return one[0] == other[0] if len(one) == 1 or len(other) == 1 else one == other


def _is_typo(ours: CompanyName, theirs: CompanyName) -> bool:
    """One or two slips in long words, everything else equal; or the same letters written together."""
    one, other = ours.skeleton, theirs.skeleton
    if min(len(one), len(other)) < SHORTEST_TYPO:
        return False
    words, others = one.split(" "), other.split(" ")
    if len(words) != len(others):
        return one.replace(" ", "") == other.replace(" ", "")
    slips = 0
    for word, another in zip(words, others, strict=True):
        if word == another:
            continue
        shortest = min(len(word), len(another))
        allowed = 0 if shortest < SHORTEST_TYPO_WORD else 1 if shortest < LONG_WORD else 2
        distance = OSA.distance(word, another, score_cutoff=allowed)
        if distance > allowed:
            return False
        slips += distance
    return slips <= 2


def _unweighed(key: str, level: str, of_lead: str, of_client: str) -> Evidence:
    """What nobody counts the holders of: a legal form, a difference."""
    return Evidence(key, level, of_lead, of_client, weigh(key, level, 1), 0)


def _same_phones(ours: tuple[Phone, ...], theirs: tuple[Phone, ...]) -> list[tuple[Phone, Phone, str]]:
    """Numbers that agree: whole, or locally while one side does not know its area. Two areas make two numbers."""
    return [
        (one, other, "exact" if one.e164 and other.e164 else "local")
        for one in ours
        for other in theirs
        if one.local == other.local and (one.e164 == other.e164 or not (one.e164 and other.e164))
    ]


def _same_person(ours: tuple[Surname, ...], theirs: tuple[Surname, ...]) -> tuple[Surname, Surname] | None:
    by_skeleton = {other.skeleton: other for other in theirs}
    return next(((one, by_skeleton[one.skeleton]) for one in ours if one.skeleton in by_skeleton), None)
