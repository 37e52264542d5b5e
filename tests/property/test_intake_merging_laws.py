"""A merge that is undone never was: over ten thousand random merges and splits, in any order (MATCHING §12)."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from random import Random
from uuid import UUID

import pytest

from estafeta.sample.generator import base_fields, world
from services.intake.rules.merging import Families, Held, choose_survivor
from services.intake.rules.regular import make_regular
from services.intake.rules.survivorship import Card, golden
from shared.commands import LeadFields

BEGAN = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
CARDS, OPERATIONS = 40, 5_000


def cards(seed: int) -> list[Held]:
    """Cards of an invented base; some share phones and domains, some are sisters."""
    made = []
    for n, row in enumerate(world(CARDS, seed).clients):
        cells = {name: cell for name, cell in base_fields(row).items() if name in LeadFields.model_fields}
        fields = LeadFields.model_validate(cells)
        card = Card(UUID(int=n + 1), fields.company, make_regular(fields), provisional=n % 3 == 0)
        made.append(Held(card, BEGAN + timedelta(seconds=n)))
    return made


def projection(families: Families, clients: set[UUID]) -> str:
    """What these clients are: their cards in order, and the golden card made of them."""
    text = "".join(f"{one}{families.under(one)}{families.golden(one)!r}" for one in sorted(clients))
    return hashlib.sha256(text.encode()).hexdigest()


def everything(families: Families) -> str:
    roots = families.roots()
    assert set(roots) == set(families.cards), "no card is lost"
    tops = set(roots.values())
    listed = [card_id for top in tops for card_id in families.under(top)]
    assert sorted(listed) == sorted(families.cards), "each card, and each record on it, stands for exactly one client"
    return projection(families, tops)


def replayed(seed: int, log: list[tuple[UUID, UUID, datetime]]) -> Families:
    families = Families(cards(seed))
    for survivor, loser, at in log:
        families.merge(survivor, loser, at)
    return families


@pytest.mark.parametrize("seed", [1, 2])
def test_merge_and_split_are_identity_over_ten_thousand_operations_in_all(seed: int) -> None:
    chance, families = Random(seed), Families(cards(seed))
    ids = sorted(families.cards)
    log: list[tuple[UUID, UUID, datetime]] = []
    before_all = everything(families)
    for step in range(OPERATIONS):
        at = BEGAN + timedelta(minutes=step)
        one, other = (families.root(card_id) for card_id in chance.sample(ids, 2))
        if one != other and chance.random() < 0.7:
            kept, lost = (held.id for held in choose_survivor(families.cards[one], families.cards[other]))
            before = projection(families, {kept, lost})
            moved = families.merge(kept, lost, at)
            assert set(moved.cards) <= set(families.under(kept))
            assert families.root(lost) == kept, "the loser's id leads to the survivor"
            if chance.random() < 0.5:
                assert families.split(lost).cards == moved.cards
                assert projection(families, {kept, lost}) == before
            else:
                log.append((kept, lost, at))
        elif log:
            _, lost, _ = log.pop(chance.randrange(len(log)))
            families.split(lost)
            assert families.root(lost) == lost
        if step % 250 == 0:
            assert everything(families) == everything(replayed(seed, log)), "the log of decisions rebuilds the state"
    while log:
        families.split(log.pop(chance.randrange(len(log)))[1])
    assert everything(families) == before_all


def test_the_golden_card_keeps_what_the_survivor_says_and_unites_what_both_reach_by() -> None:
    def card(n: int, **cells: str) -> Card:
        fields = LeadFields.model_validate(cells)
        return Card(UUID(int=n), fields.company, make_regular(fields))

    one = card(1, company="ООО «Фрезер»", phone="8 846 201 30 40", contact="Дёмин Роман")
    other = card(2, company="Фрезер-Сервис", phone="8 846 201 30 41", email="x@frezer.ru", contact="Лапина Анна")
    both = golden([one, other])
    assert (both.client_id, both.name) == (one.client_id, "ООО «Фрезер»")
    assert both.record.company == one.record.company
    assert {phone.local for phone in both.record.phones} == {"2013040", "2013041"}
    assert [box.email for box in both.record.mailboxes] == ["x@frezer.ru"]
    assert {person.key for person in both.record.surnames} == {"демин", "лапин"}
    assert golden([one, other, other]) == both, "what is there is not added twice"


def test_nobody_is_merged_with_himself_or_split_from_nobody() -> None:
    families = Families(cards(1))
    one, other, third = sorted(families.cards)[:3]
    families.merge(one, other, BEGAN)
    for survivor, loser in ((one, other), (one, one), (third, other)):
        with pytest.raises(ValueError, match="not two clients"):
            families.merge(survivor, loser, BEGAN)
    with pytest.raises(ValueError, match="under nobody"):
        families.split(one)
