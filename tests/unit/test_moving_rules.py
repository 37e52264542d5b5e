"""Who gets a client whose manager goes, whose a client is, and who may say so."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

import pytest
from msgspec import structs

from services.routing.rules.case import Client
from services.routing.rules.fair_share import Ledger
from services.routing.rules.field import BUSY, LEFT, Away, Field, Office, Person
from services.routing.rules.moving import (
    Leaving,
    Move,
    for_moving,
    hand_out,
    leaving_of_office,
    place,
    pools_of,
    why_not_back,
)
from services.routing.rules.moving_file import curator_as_stated, without
from services.routing.rules.moving_owner import owner_of
from services.routing.rules.moving_rights import faults_of_dismissal, faults_of_successor, faults_of_word
from shared.words import Function
from tests.integration.routing_house import away, company, shift

OFFICES = [
    Office("msk", "Москва", ("RU-MOW",), True),
    Office("spb", "Петербург", ("RU-SPE",)),
    Office("kzn", "Казань", ("RU-TA",)),
]


def person(id: str, office: str = "msk", function: Function = Function.SALES, **facts: object) -> Person:
    return replace(Person(id, f"Name of {id}", office, function), **facts)  # type: ignore[arg-type]  # facts of a person


PEOPLE = [
    *(person(who) for who in ("anna", "boris", "vera")),
    person("sofia", "spb"),
    person("stepan", "spb"),
    person("akim", function=Function.ACCOUNT),
    person("alla", function=Function.ACCOUNT),
    person("agata", function=Function.AGENT),
    person("head_msk", function=Function.HEAD),
    person("head_kzn", "kzn", Function.HEAD),
    person("boss", function=Function.HEAD_OF_SALES),
]


def field(**changed: Person) -> Field:
    return Field("RU-MOW", OFFICES, [changed.get(one.id, one) for one in PEOPLE])


def client(n: int = 1, region: str = "RU-MOW", **facts: str | None) -> Client:
    return structs.replace(Client(UUID(int=n), region, known=True), **facts)


def moved(one: Client, leaving: Leaving, on: Field) -> Move:
    ground = for_moving(on, leaving, gone=leaving.to_office is None)
    placed = [place(one, leaving, ground)]
    [move] = hand_out(placed, leaving, {pool: Ledger() for pool in pools_of(placed)})
    return move


ANNA = Leaving(frozenset(["anna"]))


@pytest.mark.rule("R2-23")
@pytest.mark.parametrize(
    ("one", "receiver", "rule"),
    [
        (client(curator="anna", open_with="boris"), "boris", "R1-33"),
        (client(curator="boris", open_with="anna"), "boris", "R1-34"),
        (client(curator="agata", open_with="anna"), "boris", "R1-37"),
        (client(curator="anna"), "boris", "R1-37"),
        (client(region="RU-SPE", curator="anna"), "sofia", "R1-37"),
        (client(region="RU-TA", curator="anna"), "head_kzn", "G8"),
        (client(region="KZ", curator="anna"), "boris", "R1-37"),
    ],
)
def test_a_client_goes_to_whom_the_rules_name(one: Client, receiver: str, rule: str) -> None:
    move = moved(one, ANNA, field())
    assert (move.receiver, move.rule) == (receiver, rule)
    holders = {move.then.curator, move.then.open_with} - {None}
    assert "anna" not in holders
    assert receiver in holders
    assert (move.queue is not None) == (rule == "G8")


def test_what_is_not_his_stays_whose_it_was() -> None:
    move = moved(client(curator="anna", open_with="sofia"), ANNA, field())
    assert (move.then.curator, move.then.open_with) == ("sofia", "sofia")
    move = moved(
        client(curator="sofia", open_with="anna"), ANNA, field(sofia=person("sofia", "spb", away=Away("vacation", "")))
    )
    assert move.then.curator == "sofia", "she is only away, and stays curator"
    assert move.then.open_with == "boris"


@pytest.mark.rule("R1-24")
def test_who_is_busy_counts_as_here_and_who_is_absent_does_not() -> None:
    on = field(boris=person("boris", away=Away("vacation", "")), vera=person("vera", away=Away(BUSY, "")))
    assert moved(client(curator="anna"), ANNA, on).receiver == "vera"
    move = moved(
        client(curator="anna"),
        ANNA,
        field(boris=person("boris", notice=True), vera=person("vera", away=Away(LEFT, ""))),
    )
    assert (move.receiver, move.rule, move.queue) == ("head_msk", "G8", "handover:msk")


def test_a_client_of_no_known_region_stays_in_the_office_that_had_him() -> None:
    gone = Leaving(frozenset(["sofia"]))
    assert moved(client(region="unknown", curator="sofia"), gone, field()).receiver == "stepan"
    assert moved(client(region="RU-MOW", curator="sofia"), gone, field()).office == "msk"


@pytest.mark.rule("R2-06")
def test_an_account_managers_client_goes_to_another_account_manager() -> None:
    move = moved(client(curator="akim"), Leaving(frozenset(["akim"])), field())
    assert (move.receiver, move.rule, move.pool) == ("alla", "R2-06", "moved:account:msk")


@pytest.mark.rule("R2-23")
def test_a_named_successor_gets_all_unless_he_has_left_himself() -> None:
    named = Leaving(frozenset(["anna"]), to="sofia")
    assert moved(client(curator="anna", open_with="anna"), named, field()).then.open_with == "sofia"
    move = moved(client(curator="anna"), named, field(sofia=person("sofia", "spb", active=False)))
    assert (move.receiver, move.notes[0].code) == ("boris", "successor_left")


@pytest.mark.rule("R2-10")
def test_an_office_keeps_those_who_answer_for_the_company() -> None:
    people = {one.id: one.function for one in PEOPLE if one.office == "msk"}
    leaving = leaving_of_office(people, "spb")
    assert "boss" not in leaving.people
    assert "head_msk" in leaving.people
    move = moved(client(curator="akim"), leaving, field())
    assert (move.office, move.rule) == ("spb", "R1-37"), "it has no account service"


@pytest.mark.rule("G8")
def test_a_client_of_one_who_has_left_stands_in_a_queue_that_somebody_answers_for() -> None:
    on = field(anna=person("anna", active=False))
    assert (owner_of(client(curator="anna"), on).person, owner_of(client(curator="anna"), on).queue) == (
        "head_msk",
        "handover:msk",
    )
    assert owner_of(client(curator="boris", open_with="anna"), on).person == "boris"
    assert owner_of(client(), on).queue == "base:msk"
    on = field(anna=person("anna", active=False), head_msk=person("head_msk", function=Function.HEAD, active=False))
    assert owner_of(client(curator="anna"), on).person == "boss"


@pytest.mark.rule("R1-42")
def test_only_who_answers_for_the_owner_may_move_his_clients() -> None:
    on = field()
    assert faults_of_word(None, None, "msk", on) == []
    for by in ("head_msk", "boss"):
        assert faults_of_word(by, None, "msk", on) == []
    for by, consent in (("anna", None), ("anna", "head_kzn"), ("head_kzn", None), ("nobody", "boss")):
        assert faults_of_word(by, consent, "msk", on)
    assert faults_of_word("anna", "head_msk", "msk", on) == []
    assert [bool(faults_of_successor(to, {"anna"}, on)) for to in ("anna", "agata", "nobody", "boris", None)] == [
        True,
        True,
        True,
        False,
        False,
    ]


@pytest.mark.rule("G8")
def test_the_last_one_who_answers_cannot_be_dismissed() -> None:
    on = field(head_msk=person("head_msk", function=Function.HEAD, active=False))
    assert faults_of_dismissal("boss", on)
    assert not faults_of_dismissal("boss", field())
    assert not faults_of_dismissal("anna", on)
    assert faults_of_dismissal("nobody", on)


def test_an_undo_leaves_who_has_gone_on_or_would_come_back_to_nobody() -> None:
    before, after = {"curator": "anna", "open_with": None}, {"curator": "boris", "open_with": None}
    assert why_not_back(client(curator="boris"), before, after, field()) == ""
    assert "vera" in why_not_back(client(curator="vera"), before, after, field())
    assert "anna" in why_not_back(client(curator="boris"), before, after, field(anna=person("anna", active=False)))
    assert why_not_back(None, before, after, field())


@pytest.mark.rule("R2-23")
def test_a_file_is_read_without_those_who_were_dismissed() -> None:
    file = company(absences=[away("anna")], duty=[shift("anna"), shift("boris")])
    kept, warnings = without(file, {"anna", "who left long ago"})
    assert {one.id for one in file.staff} - {one.id for one in kept.staff} == {"anna"}
    assert {one.staff for one in kept.duty} == {"boris"}
    assert kept.absences == []
    assert len(warnings) == 1
    assert without(file, {"who left long ago"}) == (file, [])


def test_a_base_that_says_what_it_said_before_does_not_undo_a_transfer() -> None:
    anna, boris = person("anna"), person("boris")
    had = client(curator="vera", stated_curator="Anna")
    assert curator_as_stated(had, "Anna", anna) == "vera"
    assert curator_as_stated(had, "Boris", boris) == "boris"
    assert curator_as_stated(had, "Boris", replace(boris, active=False)) == "vera"
    assert curator_as_stated(client(), "Anna", anna) == "anna"
    assert curator_as_stated(had, "Somebody", None) == "vera"
