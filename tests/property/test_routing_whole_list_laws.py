"""Whatever list comes, nobody gets more than his share of it rounded up: brute force is the oracle (G6)."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import product
from math import ceil, floor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.routing.rules.fair_share import UNIT, Ledger, Standing, weights_of
from services.routing.rules.whole_list import Row, Split, rounded

NAMES = "abcd"
people = st.lists(st.sampled_from(NAMES), min_size=1, max_size=4, unique=True)
benches = st.tuples(people, st.integers(1, 3)).map(
    lambda drawn: weights_of((who, 500 * (1 + (ord(who) * drawn[1]) % 3)) for who in drawn[0])
)
rows_of_a_list = st.lists(
    st.builds(Row, st.just("home"), benches, st.sampled_from(["RU-MOW", "RU-MOS", "BY"])), max_size=6
)
balances = st.fixed_dictionaries({who: st.integers(-2 * UNIT, 2 * UNIT) for who in NAMES})


def shares(rows: Sequence[Row]) -> dict[str, Fraction]:
    """What each is owed of the rows."""
    owed: dict[str, Fraction] = {}
    for row in rows:
        total = sum(weight for _, weight in row.weights)
        for who, weight in row.weights:
            owed[who] = owed.get(who, Fraction()) + Fraction(weight, total)
    return owed


def dealt(rows: Sequence[Row], ledger: Ledger) -> list[str]:
    """The receivers of a list, row by row as the split allows."""
    plan, got = Split(rows, ledger, Ledger()), list[str]()
    for row in rows:
        among = plan.among(row)
        assert among is not None, "a list that comes at once leaves no row over"
        got.append(ledger.share_out(row.weights, among).receiver)
        plan.took(row, got[-1])
    return got


def every_fair_split(rows: Sequence[Row]) -> Iterator[Counter[str]]:
    """By brute force: how many each receives, in every way that gives each his share rounded down or up."""
    owed = shares(rows)
    for way in product(*(tuple(who for who, _ in row.weights) for row in rows)):
        got = Counter(way)
        if all(floor(part) <= got[who] <= ceil(part) for who, part in owed.items()):
            yield got


@pytest.mark.rule("G6")
@settings(max_examples=150, deadline=None)
@given(rows_of_a_list, balances)
def test_a_short_list_is_split_as_brute_force_finds_it_can_be_with_the_spare_leads_where_most_is_owed(
    rows: list[Row], before: dict[str, int]
) -> None:
    ledger = Ledger({who: Standing(balance) for who, balance in before.items()})
    got = Counter(dealt(rows, ledger))
    ways = {tuple(sorted(way.items())) for way in every_fair_split(rows)}
    assert tuple(sorted(got.items())) in ways or not rows
    # of all fair splits, those who stand first by what they are owed are rounded up
    owed = shares(rows)
    first = sorted(owed, key=lambda who: (-(owed[who] % 1 + Fraction(before[who], UNIT)), 0, who))
    ranked = [tuple(dict(way).get(who, 0) > floor(owed[who]) for who in first) for way in ways]
    # the regions of a list may forbid the very best order, so this holds where there is but one
    if rows and len({row.region for row in rows}) == 1 and len({row.weights for row in rows}) == 1:
        assert tuple(got[who] > floor(owed[who]) for who in first) == max(ranked)


@pytest.mark.rule("G6")
@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32))
def test_nobody_gets_more_than_his_rounded_up_share_in_all_or_in_any_region_of_a_long_list(seed: int) -> None:
    chance = random.Random(seed)
    staff = [(f"m{n:02}", chance.choice([500, 1000, 1000, 2000])) for n in range(chance.randint(1, 9))]
    regions = [f"RU-{n}" for n in range(chance.randint(1, 12))]
    here = [weights_of(chance.sample(staff, chance.randint(1, len(staff)))) for _ in range(chance.randint(1, 4))]
    rows = [Row("home", chance.choice(here), chance.choice(regions)) for _ in range(chance.randint(0, 150))]
    ledger = Ledger({who: Standing(chance.randint(-UNIT, UNIT)) for who, _ in staff})
    got = dealt(rows, ledger)
    assert all(who in dict(row.weights) for who, row in zip(got, rows, strict=True))
    for part in (rows, *([row for row in rows if row.region == region] for region in regions)):
        ids = {id(row) for row in part}
        received = Counter(who for who, row in zip(got, rows, strict=True) if id(row) in ids)
        for who, owed in shares(part).items():
            if part is rows or len({row.weights for row in part}) == 1:
                assert floor(owed) <= received[who] <= ceil(owed)
            else:  # each of several benches rounds by itself
                assert received[who] <= owed + len({row.weights for row in part})


@pytest.mark.rule("G6")
@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32))
def test_lists_and_single_leads_together_keep_everybody_of_equal_weight_within_a_lead(seed: int) -> None:
    chance = random.Random(seed)
    everybody = tuple((f"m{n:02}", 1000) for n in range(chance.randint(1, 9)))
    ledger = Ledger()
    for _ in range(40):
        if chance.random() < 0.5:
            ledger.share_out(everybody)
        else:
            dealt([Row("home", everybody, "RU-MOW")] * chance.randint(1, 30), ledger)
        assert all(abs(ledger.balance(who)) < UNIT for who, _ in everybody)


@pytest.mark.rule("G6")
@settings(max_examples=80, deadline=None)
@given(
    st.lists(st.lists(st.integers(0, 12), min_size=3, max_size=3), min_size=1, max_size=6), st.permutations(list("abc"))
)
def test_a_table_of_fractions_is_rounded_cell_by_cell_line_by_line_and_column_by_column(
    cells: list[list[int]], first: list[str]
) -> None:
    table = []
    for line in cells:
        total = sum(line) or 1
        table.append(
            {
                who: Fraction(7 * part, total) if sum(line) else Fraction(0)
                for who, part in zip("abc", line, strict=True)
            }
        )
    whole = rounded(table, first)
    for owed, received in zip(table, whole, strict=True):
        assert sum(received.values()) == sum(owed.values())
        assert all(floor(owed[who]) <= received[who] <= ceil(owed[who]) for who in "abc")
    for who in "abc":
        column = sum((line[who] for line in table), Fraction())
        assert floor(column) <= sum(line[who] for line in whole) <= ceil(column)
