"""What holds for every move of every base: nobody is left out, nobody who leaves receives, and the split is even."""

from __future__ import annotations

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.routing.rules.availability import why_not
from services.routing.rules.case import Client
from services.routing.rules.fair_share import UNIT, Ledger
from services.routing.rules.field import BUSY, LEFT, Away, Field, Office, Person
from services.routing.rules.moving import (
    Leaving,
    for_moving,
    hand_out,
    has_left,
    is_leaving,
    place,
    pools_of,
    share_back,
)
from services.routing.rules.moving_owner import owner_of
from shared.words import Function

IDS = tuple("abcdefgh")
OFFICES = (Office("home", "Home", ("RU-MOW",), True), Office("spb", "Spb", ("RU-SPE",)), Office("kz", "Kz", ("KZ",)))
REGIONS = st.sampled_from(["RU-MOW", "RU-SPE", "KZ", "RU-TA", "unknown"])
AWAY = st.sampled_from([None, None, None, Away("vacation", ""), Away(BUSY, ""), Away(LEFT, "")])
HOLDER = st.sampled_from([None, *IDS])


@st.composite
def fields(draw: st.DrawFn) -> Field:
    """Any company in which a director answers for everything."""
    people = [
        Person(
            id,
            id.upper(),
            draw(st.sampled_from(["home", "spb", "kz"])),
            draw(st.sampled_from([Function.SALES] * 4 + [Function.ACCOUNT, Function.HEAD, Function.AGENT])),
            active=draw(st.booleans()) or draw(st.booleans()),
            away=draw(AWAY),
            notice=draw(st.integers(0, 5)) == 0,
        )
        for id in IDS
    ]
    return Field("RU-MOW", OFFICES, [*people, Person("top", "TOP", "home", Function.DIRECTOR)])


@st.composite
def clients(draw: st.DrawFn) -> list[Client]:
    """Any clients, whoever has them."""
    return [
        Client(
            UUID(int=n), draw(REGIONS), curator=draw(HOLDER), open_with=draw(HOLDER), given_to=draw(HOLDER), known=True
        )
        for n in range(draw(st.integers(1, 25)))
    ]


@pytest.mark.rule("R2-23")
@pytest.mark.rule("G8")
@given(fields(), clients(), st.sampled_from(IDS), st.sampled_from([None, *IDS, "top"]))
def test_whoever_leaves_everything_of_his_has_an_owner_who_works_here(
    field: Field, base: list[Client], who: str, to: str | None
) -> None:
    leaving = Leaving(frozenset([who]), to=to)
    ground = for_moving(field, leaving, gone=True)
    his = [client for client in base if is_leaving(client, leaving)]
    placed = [place(client, leaving, ground) for client in his]
    ledgers = {pool: Ledger() for pool in pools_of(placed)}
    moves = hand_out(placed, leaving, ledgers)
    assert [move.client for move in moves] == his, "nobody is left out"
    for move in moves:
        receiver = ground.people[move.receiver]
        assert not has_left(receiver)
        assert move.receiver != who
        assert not is_leaving(move.then, leaving)
        assert owner_of(move.then, ground).person is not None
        if move.share is not None:
            assert receiver.function in (Function.SALES, Function.ACCOUNT)
            assert why_not(receiver) is None, "the absent receive nothing"
    for pool, ledger in ledgers.items():
        assert sum(standing.balance for standing in ledger.standings.values()) == 0
        for move in moves:
            if move.pool == pool:
                ledger.give_back(share_back(move.record))
        assert not any(standing.balance for standing in ledger.standings.values()), "an undo gives every share back"


@pytest.mark.rule("G6")
@given(st.integers(2, 7), st.integers(1, 80), st.integers(0, 5))
def test_a_base_is_split_evenly_to_the_last_client(colleagues: int, size: int, earlier: int) -> None:
    people = [Person(f"p{n}", f"P{n}", "home", Function.SALES) for n in range(colleagues + 1)]
    field = Field("RU-MOW", OFFICES, [*people, Person("top", "TOP", "home", Function.DIRECTOR)])
    leaving = Leaving(frozenset(["p0"]))
    ground = for_moving(field, leaving, gone=True)
    ledger = Ledger()
    bench = tuple((f"p{n}", 1000) for n in range(1, colleagues + 1))
    for _ in range(earlier):  # what earlier dismissals left owed
        ledger.share_out(bench)
    placed = [place(Client(UUID(int=n), "RU-MOW", curator="p0", known=True), leaving, ground) for n in range(size)]
    moves = hand_out(placed, leaving, {"moved:home": ledger})
    received = [sum(move.receiver == who for move in moves) for who, _ in bench]
    assert max(received) - min(received) <= 1
    assert all(abs(standing.balance) < UNIT for standing in ledger.standings.values())
