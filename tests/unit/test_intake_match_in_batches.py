"""A batch gives what its leads would have given one by one, and no order of candidates changes a decision."""

from __future__ import annotations

from collections import defaultdict
from itertools import pairwise
from uuid import UUID, uuid5

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.intake.rules.keys import CompanyName, Mailbox, Phone, RegularLead, Surname
from services.intake.rules.match import decide
from services.intake.rules.recognition import Known, Recognised, recognise
from services.intake.rules.search_keys import SearchKey, most_holders, search_keys
from services.intake.rules.survivorship import Arrival, Card
from shared.words import Outcome

SPACE = UUID(int=7)

names = st.builds(
    lambda word, mark, form: CompanyName(
        f"{word} {mark}".strip(),
        f"{word} {mark}".strip(),
        " ".join(sorted(f"{word} {mark}".split())),
        form,
        descriptors=frozenset({mark} - {"", "2"}),
        numbers=("2",) if mark == "2" else (),
    ),
    st.sampled_from(["фрезер", "фрузер", "вектор", "лазурныйберег"]),
    st.sampled_from(["", "", "", "тд", "2"]),
    st.sampled_from([None, "LLC", "LLC", "JSC"]),
)
phones = st.sampled_from([Phone("2013040"), Phone("2013040", "+78462013040"), Phone("7001020", "+79277001020")])
mailboxes = st.sampled_from(
    [
        Mailbox("a@frezer.ru", "a@frezer.ru", "frezer.ru"),
        Mailbox("info@frezer.ru", "info@frezer.ru", "frezer.ru", True),
        Mailbox("a@mail.ru", "a@mail.ru"),
    ]
)
people = st.sampled_from([Surname("демин", "демин", "роман"), Surname("лапин", "лапин")])


def few(what: st.SearchStrategy[object]) -> st.SearchStrategy[tuple[object, ...]]:
    return st.lists(what, max_size=2, unique=True).map(tuple)


records = st.builds(
    RegularLead,
    company=st.none() | names,
    surnames=few(people),
    phones=few(phones),
    mailboxes=few(mailboxes),
    sites=few(st.sampled_from(["frezer.ru", "vektor.ru"])),
    tax_id=st.sampled_from(["", "", "", "1", "2"]),
)


class Base:
    """What the store does, in memory: it brings a batch only what its own keys reach."""

    def __init__(self) -> None:
        self.cards: dict[UUID, Card] = {}
        self.holders: dict[SearchKey, set[UUID]] = defaultdict(set)

    def take_in(self, arrivals: list[Arrival]) -> list[Recognised]:
        known = Known()
        for key in {key for arrival in arrivals for key in arrival.keys}:
            if self.holders[key]:
                known.frequencies[key] = len(self.holders[key])
                if len(self.holders[key]) <= most_holders(key.kind):
                    known.holders[key] = sorted(self.holders[key])
        known.cards = {one: self.cards[one] for held in known.holders.values() for one in held}
        results = recognise(arrivals, known)
        self.cards |= known.cards
        for result in results:
            for key in result.new_keys:
                assert result.card.client_id not in self.holders[key], "a key is new to a card only once"
                self.holders[key].add(result.card.client_id)
        return results


def arrivals_of(leads: list[RegularLead]) -> list[Arrival]:
    return [
        Arrival(uuid5(SPACE, str(n)), uuid5(SPACE, f"card {n}"), f"row {n}", lead, search_keys(lead))
        for n, lead in enumerate(leads)
    ]


@pytest.mark.rule("R1-40")
@given(st.lists(records, max_size=40), st.lists(st.integers(0, 40), max_size=6))
def test_any_chunks_give_the_outcomes_of_one_by_one(leads: list[RegularLead], cuts: list[int]) -> None:
    arrivals = arrivals_of(leads)
    whole = Base()
    expected = whole.take_in(arrivals)
    parts, results = Base(), []
    for start, end in pairwise([0, *sorted(cuts), len(arrivals)]):
        results += parts.take_in(arrivals[start:end])
    assert [(one.decision, one.card) for one in results] == [(one.decision, one.card) for one in expected]
    assert parts.cards == whole.cards
    assert {k: v for k, v in parts.holders.items() if v} == {k: v for k, v in whole.holders.items() if v}


@given(st.lists(records, min_size=2, max_size=30))
def test_every_card_is_found_by_all_its_keys_and_counted_once_for_each(leads: list[RegularLead]) -> None:
    base = Base()
    base.take_in(arrivals_of(leads))
    for card in base.cards.values():
        for key in search_keys(card.record):
            assert card.client_id in base.holders[key]


@given(records, st.lists(records, min_size=1, max_size=6), st.randoms(use_true_random=False))
def test_the_order_of_candidates_does_not_matter(lead: RegularLead, others: list[RegularLead], rng: object) -> None:
    cards = [Card(uuid5(SPACE, str(n)), str(n), record) for n, record in enumerate(others)]
    shuffled = list(cards)
    rng.shuffle(shuffled)  # type: ignore[attr-defined]  # hypothesis gives a random.Random
    assert decide(lead, cards, {}) == decide(lead, shuffled, {})


@given(records, st.lists(records, min_size=1, max_size=6))
def test_nothing_is_joined_against_a_conflict_or_on_one_group_alone(
    lead: RegularLead, others: list[RegularLead]
) -> None:
    cards = [Card(uuid5(SPACE, str(n)), str(n), record) for n, record in enumerate(others)]
    decision = decide(lead, cards, {})
    if decision.outcome is Outcome.SAME and decision.rule != "S0":
        joined = next(card for card in cards if card.client_id == decision.client_id)
        if lead.company and joined.record.company:
            assert lead.company.descriptors == joined.record.company.descriptors
            assert lead.company.numbers == joined.record.company.numbers
            assert None in (lead.company.form, joined.record.company.form) or (
                lead.company.form == joined.record.company.form
            )
        assert {item.key for item in decision.evidence} & {"phone", "email", "domain"}
        assert not (lead.tax_id and joined.record.tax_id)
