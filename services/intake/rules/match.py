"""Is this lead a client we know? Same, possible or new, by rules that are read from top to bottom (R1-40, MATCHING §8)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace

from services.intake.rules.compare import Comparison, Evidence, compare
from services.intake.rules.keys import RegularLead
from services.intake.rules.search_keys import RARE_NAME, STRONG, SearchKey, name_key, search_keys
from services.intake.rules.survivorship import UNKNOWN, Card
from services.intake.rules.weights import weigh
from shared.words import Outcome

RARE_BITS = 14.9
"""… as long as its score stays above this: a name of one client may miss either the phone or the person, one of three neither."""
PERSON_BITS = 9.5
"""A surname beside a name is worth a look unless the rest speaks louder against it: another site, another region."""
TOO_CLOSE = 3.0
"""Two candidates within this many bits of each other are for a person to tell apart."""
MOST_CANDIDATES = 200
MOST_KEPT = 5

Apart = Mapping[frozenset[UUID], frozenset[SearchKey]]
"""Pairs of clients that a person has told apart, with the keys that they shared when he did."""

_KEY_OF_KIND = {"n": "name", "s": "surname", "p": "phone", "e": "email", "d": "domain", "x": "tax_id"}


class Judgement(Struct, frozen=True):
    """What the rules say of one candidate, and why."""

    card: Card
    outcome: Outcome
    rule: str
    comparison: Comparison
    score: float


class Decision(Struct, frozen=True):
    """What the rules say of a lead.

    `client_id` is the card to join (same only); `evidence` is the comparison that decided,
    and for a lead that agrees with nobody the keys that were searched and are held by many.
    `possible` holds the judgements that a person should see, `others` what was found and put aside; best first.
    """

    outcome: Outcome
    rule: str
    score: float = 0.0
    client_id: UUID | None = None
    evidence: tuple[Evidence, ...] = ()
    possible: tuple[Judgement, ...] = ()
    others: tuple[Judgement, ...] = ()
    namesakes: int = 0


RULES: dict[str, str] = {
    "S0": "the tax ids are equal",
    "S1": "the name agrees, and a phone, an e-mail or the site with it",
    "S2": "the name agrees but for a slip of the pen, and an e-mail or the site with it",
    "S3": "one side has no name; a personal e-mail address agrees",
    "S4": "one side has no name; the contact's surname agrees, and a phone or the corporate domain with it",
    "S-judged": "a person said that a record with these keys is this client",
    "P-conflict": "keys agree, but something in the names tells two companies apart",
    "P-reach": "the name agrees, and a phone or an address that several hold",
    "P-typo": "the name agrees but for a slip of the pen, and a phone or a common address with it",
    "P-nameless": "one side has no name, and what agrees may belong to several companies",
    "P-rare": "a rare name agrees, and nothing else",
    "P-person": "the name and the contact's surname agree, and nothing else",
    "P-two": "two cards agree nearly equally well",
    "N-unknown": "no card shares a key that can speak for a company",
    "N-namesakes": "only a name agrees, and many bear it",
    "N-elsewhere": "a rare name agrees, or a name with a surname, but region, domain, phone or person speak against it",
    "N-weak": "only a surname or a common value agrees",
    "N-judged": "a person said that this is another client, and no new key speaks against him",
}
"""Every rule that can decide, in words that people read in an explanation."""


def decide(
    lead: RegularLead,
    candidates: Sequence[Card],
    frequencies: Mapping[SearchKey, int],
    region: str = "",
    apart: Apart = {},  # noqa: B006  # it is only read
) -> Decision:
    """Decide on one lead. `frequencies` says how many clients hold each key of the lead; `region` is the lead's, if known.

    `apart` holds what people have said of clients among the candidates: it overrides the rules (MATCHING §8).
    """
    judged = [judge(lead, card, frequencies, region) for card in candidates[:MOST_CANDIDATES]]
    judged.sort(key=lambda one: (one.outcome is not Outcome.SAME, -one.score, one.card.client_id.bytes))
    judged = _each_client_once(judged)
    if apart:
        judged = _told_apart(lead, judged, apart)
    same = [one for one in judged if one.outcome is Outcome.SAME]
    possible = sorted((one for one in judged if one.outcome is not Outcome.NEW), key=lambda one: -one.score)
    others = tuple(one for one in judged if one.outcome is Outcome.NEW)[:MOST_KEPT]
    common = frequencies.get(name_key(lead.company), 0) if lead.company else 0

    if same:
        best = same[0]
        if not any(_rivals(one, best) for one in possible if one is not best):
            rest = tuple(one for one in judged if one is not best)[:MOST_KEPT]
            return Decision(
                Outcome.SAME,
                best.rule,
                best.score,
                best.card.client_id,
                best.comparison.evidence,
                others=rest,
                namesakes=common,
            )
        return Decision(
            Outcome.POSSIBLE,
            "P-two",
            best.score,
            evidence=best.comparison.evidence,
            possible=tuple(possible[:MOST_KEPT]),
            others=others,
            namesakes=common,
        )
    if possible:
        best = possible[0]
        return Decision(
            Outcome.POSSIBLE,
            best.rule,
            best.score,
            evidence=best.comparison.evidence,
            possible=tuple(possible[:MOST_KEPT]),
            others=others,
            namesakes=common,
        )
    if others:
        best = others[0]
        rule, evidence = best.rule, best.comparison.evidence
    else:
        evidence = _held_by_many(lead, frequencies)
        rule = "N-namesakes" if any(item.key == "name" for item in evidence) else "N-weak" if evidence else "N-unknown"
    return Decision(
        Outcome.NEW, rule, best.score if others else 0.0, evidence=evidence, others=others, namesakes=common
    )


def judge(lead: RegularLead, card: Card, frequencies: Mapping[SearchKey, int], region: str = "") -> Judgement:
    """Judge one candidate by the decision table; the order of its lines matters."""
    regions = (region, card.region) if UNKNOWN not in (region, card.region) else ("", "")
    found = compare(lead, card.record, frequencies, regions)
    if card.merged_into is not None and _repeats(lead, card):
        return Judgement(card, Outcome.SAME, "S-judged", found, found.score)
    outcome, rule = _table(found)
    return Judgement(card, outcome, rule, found, found.score)


def _repeats(lead: RegularLead, card: Card) -> bool:
    """Whether the lead says nothing that a card does not say which a person has joined to a client: asked and answered."""
    keys = set(search_keys(lead))
    return any(key.kind in STRONG for key in keys) and keys <= set(search_keys(card.record))


def _each_client_once(judged: list[Judgement]) -> list[Judgement]:
    """Of the cards that were merged into one client only the one that agrees best; `judged` is sorted."""
    if all(one.card.merged_into is None for one in judged):
        return judged
    return list({one.card.belongs_to: one for one in reversed(judged)}.values())[::-1]


def _told_apart(lead: RegularLead, judged: list[Judgement], apart: Apart) -> list[Judgement]:
    """The candidates of whom a person said that they are not the best one are put aside, unless a new key speaks for them."""
    best = min(judged, key=lambda one: (list(Outcome).index(one.outcome), -one.score), default=None)
    if best is None or best.outcome is Outcome.NEW:
        return judged
    keys = set(search_keys(lead))

    def is_answered(one: Judgement) -> bool:
        known = apart.get(frozenset((best.card.belongs_to, one.card.belongs_to)))
        return known is not None and one is not best and keys & set(search_keys(one.card.record)) <= known

    return [replace(one, outcome=Outcome.NEW, rule="N-judged") if is_answered(one) else one for one in judged]


def _table(found: Comparison) -> tuple[Outcome, str]:
    """MATCHING §8, line by line."""
    reach = found.phone or found.web
    if found.tax_id == "exact":
        return Outcome.SAME, "S0"
    if found.conflicts:
        alike = found.name != "differs" and (found.touch or (found.person and found.score >= PERSON_BITS))
        return (Outcome.POSSIBLE, "P-conflict") if reach or alike else (Outcome.NEW, "N-weak")
    if found.name == "exact" and reach:
        return Outcome.SAME, "S1"
    if found.name == "typo" and found.web:
        return Outcome.SAME, "S2"
    if found.name == "missing":
        if found.personal_mailbox and found.surname != "differs":
            return Outcome.SAME, "S3"
        if found.person and (found.phone or found.corporate):
            return Outcome.SAME, "S4"
        return (Outcome.POSSIBLE, "P-nameless") if found.touch else (Outcome.NEW, "N-weak")
    if found.touch:
        return Outcome.POSSIBLE, "P-typo" if found.name == "typo" else "P-reach"
    if found.person:
        return (Outcome.POSSIBLE, "P-person") if found.score >= PERSON_BITS else (Outcome.NEW, "N-elsewhere")
    if found.name == "exact":
        if found.namesakes > RARE_NAME:
            return Outcome.NEW, "N-namesakes"
        return (Outcome.POSSIBLE, "P-rare") if found.score >= RARE_BITS else (Outcome.NEW, "N-elsewhere")
    return Outcome.NEW, "N-weak"


def _rivals(one: Judgement, best: Judgement) -> bool:
    """Whether `one` could be meant as well as `best`. A conflict rules it out, unless all else speaks louder for it."""
    if one.comparison.tax_id != best.comparison.tax_id and best.rule == "S0":
        return False
    if one.comparison.conflicts:
        return one.score > best.score
    return best.score - one.score < TOO_CLOSE


def _held_by_many(lead: RegularLead, frequencies: Mapping[SearchKey, int]) -> tuple[Evidence, ...]:
    """The keys of the lead that clients hold though none was compared: too many hold them to tell anything."""
    found = []
    for searched in search_keys(lead):
        holders = frequencies.get(searched, 0)
        if holders:
            key = _KEY_OF_KIND[searched.kind]
            found.append(Evidence(key, "common", searched.value, "", weigh(key, "exact", holders), holders))
    return tuple(found)
