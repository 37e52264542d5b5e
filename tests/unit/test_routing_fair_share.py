"""The fair-share ledger: exact, even, the same every time (G6)."""

from __future__ import annotations

import pytest

from services.routing.rules.fair_share import UNIT, Ledger, Standing, in_leads, parts, parts_of


@pytest.mark.rule("G6")
@pytest.mark.parametrize("count", range(1, 29))
def test_equal_shares_are_exact_for_up_to_twenty_eight_people(count: int) -> None:
    assert set(parts(tuple((f"m{n:02}", 1000) for n in range(count)))) == {UNIT // count}
    assert UNIT % count == 0


@pytest.mark.rule("G6")
def test_shares_follow_weights_and_lose_nothing_to_rounding() -> None:
    assert parts((("a", 2000), ("b", 1000), ("c", 1000))) == (UNIT // 2, UNIT // 4, UNIT // 4)
    odd = parts((("a", 333), ("b", 1001), ("c", 7)))
    assert sum(odd) == UNIT
    assert all(abs(part - UNIT * w / 1341) < 1 for part, w in zip(odd, (333, 1001, 7), strict=True))


@pytest.mark.rule("G6")
def test_the_one_owed_most_receives() -> None:
    ledger = Ledger({"a": Standing(0, 5), "b": Standing(UNIT // 2, 6), "c": Standing(-UNIT // 2, 1)})
    assert ledger.share_out((("a", 1000), ("b", 1000), ("c", 1000))).receiver == "b"


@pytest.mark.rule("G6")
def test_among_equals_the_one_who_has_waited_longest_receives_and_then_the_first_by_name() -> None:
    ledger = Ledger({"a": Standing(0, 3), "b": Standing(0, 2), "c": Standing(0, 4)})
    assert ledger.share_out((("a", 1000), ("b", 1000), ("c", 1000))).receiver == "b"
    assert Ledger().share_out((("a", 1000), ("b", 1000))).receiver == "a"


@pytest.mark.rule("G6")
def test_absence_neither_earns_nor_owes_and_a_returner_is_not_flooded() -> None:
    ledger = Ledger()
    all_three = (("a", 1000), ("b", 1000), ("c", 1000))
    for _ in range(3):
        ledger.share_out(all_three)
    before = ledger.standings["c"]
    for _ in range(100):
        ledger.share_out(all_three[:2])
    assert ledger.standings["c"] == before
    first = [ledger.share_out(all_three).receiver for _ in range(6)]
    assert sorted(first) == ["a", "a", "b", "b", "c", "c"]


@pytest.mark.rule("G6")
def test_a_share_given_back_leaves_every_balance_as_it_would_be_without_that_lead() -> None:
    people = (("a", 1500), ("b", 1000), ("c", 500))
    ledger = Ledger()
    ledger.share_out(people)
    share = ledger.share_out(people)
    without = {who: standing.balance for who, standing in share.before.items()}
    ledger.give_back(
        parts_of(
            {who: s.balance for who, s in share.before.items()}, {who: s.balance for who, s in share.after.items()}
        )
    )
    assert {who: standing.balance for who, standing in ledger.standings.items()} == without
    assert sum(without.values()) == 0


@pytest.mark.rule("G6")
def test_a_head_with_half_a_weight_receives_half_as_much() -> None:
    ledger = Ledger()
    received = [ledger.share_out((("full", 1000), ("half", 500))).receiver for _ in range(300)]
    assert received.count("full") == 200


def test_only_those_who_were_eligible_count_as_changed() -> None:
    ledger = Ledger({"a": Standing(), "b": Standing(), "c": Standing()})
    ledger.share_out((("a", 1000), ("b", 1000)))
    assert ledger.changed == {"a", "b"}


def test_units_are_shown_as_leads() -> None:
    assert in_leads(UNIT // 4) == 0.25
