"""A list is split as a whole: nobody gets more than his rounded-up fair share, in all and in each region (G6)."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction
from math import ceil
from uuid import UUID, uuid5

import pytest

from services.routing.rules.assignment import assign_all, pools_needed
from services.routing.rules.case import Client, Lead
from services.routing.rules.fair_share import UNIT, Ledger, Standing
from services.routing.rules.whole_list import Row, Split, list_pool, rounded
from shared.words import Source
from tests.unit.test_routing_rules import field

FOUR = (("a", 1000), ("b", 1000), ("c", 1000), ("d", 1000))
_NAMES = UUID("00000000-0000-0000-0000-0000000feed5")


def split(rows: list[Row], ledger: Ledger, own: Ledger | None = None) -> list[str]:
    """The receivers of a list, dealt out row by row as the split allows."""
    own = own or Ledger()
    plan, got = Split(rows, ledger, own), list[str]()
    for row in rows:
        got.append(ledger.share_out(row.weights, plan.among(row)).receiver)
        own.share_out(row.weights, frozenset(got[-1:]))
        plan.took(row, got[-1])
    return got


@pytest.mark.rule("G6")
@pytest.mark.rule("R1-37")
def test_a_debt_of_the_past_does_not_push_anybody_over_his_share_of_the_list() -> None:
    ledger = Ledger({"a": Standing(UNIT * 3 // 2), "b": Standing(-UNIT // 2), "c": Standing(-UNIT)})
    got = Counter(split([Row("home", FOUR[:3], "RU-MOW")] * 4, ledger))
    assert got == {"a": 2, "b": 1, "c": 1}, "the spare one goes to the one owed most, and no more than one"


@pytest.mark.rule("G6")
def test_the_spare_leads_go_to_those_owed_most_so_many_short_lists_stay_even() -> None:
    ledger, got = Ledger(), Counter[str]()
    uneven = (("a", 2000), ("b", 1000))
    for _ in range(300):
        got.update(split([Row("home", uneven, "RU-MOW")], ledger))
    assert got == {"a": 200, "b": 100}


@pytest.mark.rule("G6")
@pytest.mark.rule("R1-37")
def test_each_region_of_an_office_is_split_evenly_as_well() -> None:
    regions = ["RU-MOW", "RU-MOS", "RU-TUL", "RU-MOW", "RU-BRY"] * 13
    rows = [Row("home", FOUR, region) for region in regions]
    got = split(rows, Ledger())
    assert sorted(Counter(got).values()) == [16, 16, 16, 17]
    for region, count in Counter(regions).items():
        shares = Counter(who for who, there in zip(got, regions, strict=True) if there == region)
        assert {shares[who] for who, _ in FOUR} <= {count // 4, -(-count // 4)}


@pytest.mark.rule("G6")
def test_a_list_that_comes_in_chunks_is_split_as_if_it_had_come_at_once() -> None:
    for chunk in (1, 3, 7, 50):
        ledger = Ledger({"a": Standing(UNIT * 6 // 5), "b": Standing(-UNIT * 6 // 5)})
        own, got = Ledger(), Counter[str]()
        for start in range(0, 50, chunk):
            got.update(split([Row("home", FOUR, "RU-MOW")] * min(chunk, 50 - start), ledger, own))
        assert max(got.values()) <= ceil(Fraction(50, 4)), chunk
        assert got["a"] == 13, "the one owed most"


def test_a_table_without_fractions_is_itself() -> None:
    table = [{"a": Fraction(2), "b": Fraction(1)}]
    assert rounded(table, ["a", "b"]) == [{"a": 2, "b": 1}]
    assert rounded([], []) == []


@pytest.mark.rule("G6")
def test_leads_of_a_list_whose_client_is_ours_already_do_not_count_in_the_split() -> None:
    where = field()
    leads, clients = [], {}
    for n in range(40):
        lead = Lead(
            uuid5(_NAMES, f"l{n}"), uuid5(_NAMES, f"c{n}"), Source.EVENT, "RU-MOW", list_id="expo", known=n % 4 == 0
        )
        leads.append(lead)
        clients[lead.client_id] = Client(lead.client_id, open_with="vera" if n % 4 == 0 else None)
    ledgers = {pool: Ledger() for pool in pools_needed(leads, clients, where)}
    made = assign_all(leads, clients, where, ledgers)
    assert Counter(one.rule for one in made) == {"R1-33": 10, "R1-37": 30}
    assert Counter(one.receiver for one in made if one.share) == {"anna": 10, "boris": 10, "vera": 10}
    assert list_pool("home", "expo") in ledgers


@pytest.mark.rule("G6")
@pytest.mark.rule("R1-42")
def test_a_second_row_of_one_client_follows_the_first() -> None:
    where = field()
    leads = [
        Lead(uuid5(_NAMES, f"l{n}"), uuid5(_NAMES, f"c{n // 2}"), Source.EVENT, "RU-MOW", list_id="expo")
        for n in range(18)
    ]
    clients = {one.client_id: Client(one.client_id) for one in leads}
    ledgers = {pool: Ledger() for pool in pools_needed(leads, clients, where)}
    made = assign_all(leads, clients, where, ledgers)
    assert [one.rule for one in made] == ["R1-37", "R1-33"] * 9
    assert set(Counter(one.receiver for one in made).values()) == {6}
