"""Who looks at what: the sample of automatic joins and its estimate, four eyes for clients with weight, possible moments."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import NAMESPACE_URL, UUID, uuid5

import pytest

from services.intake.rules.audit import ONE_IN, Stratum, audited_as_one_in, precision_of, wilson
from services.intake.rules.four_eyes import reasons_for_two, would_be_one
from services.intake.rules.keys import RegularLead
from services.intake.rules.moments import faults_of_moments
from services.intake.rules.survivorship import Card
from shared.words import Outcome

A, B, C, D = (UUID(int=n) for n in range(1, 5))


def test_one_join_in_a_hundred_is_looked_at_and_always_the_same_ones() -> None:
    leads = [uuid5(NAMESPACE_URL, str(n)) for n in range(100_000)]
    chosen = [lead for lead in leads if audited_as_one_in(Outcome.SAME, "S1", lead)]
    assert 900 <= len(chosen) <= 1100
    assert [audited_as_one_in(Outcome.SAME, "S1", lead) for lead in chosen] == [ONE_IN] * len(chosen)


def test_all_joins_by_doubtful_rules_are_looked_at_and_none_that_a_person_decided() -> None:
    assert all(audited_as_one_in(Outcome.SAME, rule, B) == 1 for rule in ("S2", "S3", "S4"))
    assert audited_as_one_in(Outcome.SAME, "S-judged", UUID(int=0)) == 0
    assert audited_as_one_in(Outcome.POSSIBLE, "S2", UUID(int=0)) == 0


@pytest.mark.parametrize(
    ("well", "of", "low", "high"),
    [
        (0, 0, 0.0, 1.0),
        (3000, 3000, 0.99872, 1.0),
        (3842, 3842, 0.99900, 1.0),
        (9, 10, 0.59585, 0.98212),
        (0, 10, 0, 0.27753),
    ],
)
def test_the_interval_is_wilsons(well: int, of: int, low: float, high: float) -> None:
    assert wilson(well, of) == pytest.approx((low, high), abs=5e-5)


def test_each_rule_counts_with_the_joins_it_made() -> None:
    told = precision_of([Stratum("S1", 90_000, 900, 0), Stratum("S2", 10_000, 10_000, 100)])
    assert (told.joins, told.judged, told.wrong) == (100_000, 10_900, 100)
    assert told.precision == pytest.approx(0.999)
    assert told.low is not None
    assert 0.99 < told.low < 0.999


def test_of_a_rule_that_nobody_has_looked_at_nothing_is_claimed() -> None:
    assert precision_of([Stratum("S1", 90_000, 900, 0), Stratum("S4", 10, 0, 0)]).precision is None
    assert precision_of([]).precision is None


def card(id_: UUID, curator: str | None) -> Card:
    return Card(id_, "", RegularLead(), curator=curator)


def test_a_second_person_is_asked_when_a_curator_would_lose_his_client() -> None:
    assert reasons_for_two([card(A, "anna"), card(B, None)]) == []
    assert reasons_for_two([card(A, "anna"), card(B, "anna")]) == []
    [reason] = reasons_for_two([card(A, "boris"), card(B, "anna")])
    assert "anna and boris" in reason
    assert reasons_for_two([card(A, None)], ["both have an open sale"]) == ["both have an open sale"]


def test_pairs_that_meet_in_one_client_make_one_of_all() -> None:
    assert would_be_one([(A, B), (C, D)]) == [[A, B], [C, D]]
    assert [set(group) for group in would_be_one([(A, B), (C, D), (B, C)])] == [{A, B, C, D}]


def test_a_moment_is_neither_in_the_future_nor_too_long_ago() -> None:
    now = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
    fine = {"received_at": now + timedelta(minutes=1), "call.ended_at": now - timedelta(days=29), "nothing": None}
    assert faults_of_moments(fine, now) == []
    wrong = {"received_at": now + timedelta(minutes=3), "call.ended_at": now - timedelta(days=31)}
    assert [fault.field for fault in faults_of_moments(wrong, now)] == ["received_at", "call.ended_at"]
