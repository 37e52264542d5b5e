"""The hard cases are what they say: other firms, however alike, the same for the same seed, and the base stays as it was."""

from __future__ import annotations

from collections import Counter

import pytest

from estafeta.sample.generator import World, world
from estafeta.sample.trials import harder, trial_rows
from estafeta.sample.words import words


@pytest.fixture(scope="module")
def base() -> World:
    return world(1_200, 3)


def test_the_same_seed_gives_the_same_trials_and_another_gives_others(base: World) -> None:
    before = list(base.clients)
    assert trial_rows(base, 80, 4) == trial_rows(base, 80, 4)
    assert trial_rows(base, 80, 4) != trial_rows(base, 80, 5)
    assert base.clients == before


def test_harder_adds_firms_of_every_kind_and_none_twice(base: World) -> None:
    made = harder(base, 400, 4)
    added = made.clients[len(base.clients) :]
    assert len(added) == 400
    assert [one.id for one in made.clients] == list(range(1, len(made.clients) + 1))
    assert len({one.identity for one in added}) == len(added)
    assert not {one.identity for one in added} & {one.identity for one in base.clients}
    forms = Counter(one.form.short for one in added)
    assert all(forms[short] for short in ("S.R.L.", "ТОО", "ТОВ", "ИП", "АО"))
    assert any("№" in one.name for one in added)
    sisters = [one for one in added if one.sister_of]
    domains = {one.id: one.domain for one in made.clients}
    assert sisters
    assert all(domains[one.sister_of] == one.domain for one in sisters if one.sister_of)


def test_a_moved_person_writes_for_his_new_firm_from_his_old_address(base: World) -> None:
    known = {address for one in base.clients for address in one.emails if address}
    moved = [row for row in trial_rows(base, 500, 6) if row.kind == "moved"]
    assert moved
    for row in moved:
        address = row.fields["email"]
        assert address in known
        assert address.split("@")[1] in words().lists["free_mail"]
        assert "person" not in row.evidence


def test_no_address_belongs_to_two_firms_that_are_not_sisters(base: World) -> None:
    holders = Counter(
        address
        for one in base.clients
        if not one.sister_of
        for address in {*one.emails, one.office_email, one.site}
        if address
    )
    assert set(holders.values()) == {1}
