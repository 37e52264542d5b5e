"""Whom is a lead compared with, and what is a weak agreement worth? Few candidates, and none that could decide is missed."""

from __future__ import annotations

from uuid import UUID, uuid5

import pytest

from services.intake.rules.match import Decision, decide
from services.intake.rules.recognition import Known
from services.intake.rules.regular import make_regular
from services.intake.rules.search_keys import (
    DOMAIN,
    MAILBOX,
    MOST_HOLDERS,
    NAME,
    PHONE,
    SURNAME,
    TAX_ID,
    SearchKey,
    most_holders,
    search_keys,
)
from services.intake.rules.survivorship import Card
from shared.commands import LeadFields
from shared.words import Outcome

pytestmark = pytest.mark.rule("R1-40")

SPACE = UUID(int=11)


def card(company: str, region: str = "", **cells: str) -> Card:
    record = make_regular(LeadFields(company=company, **cells))
    return Card(uuid5(SPACE, f"{company}/{region}/{cells}"), company, record, region)


def asked(company: str, *cards: Card, region: str = "", holders: int = 1, **cells: str) -> Decision:
    """What is decided on a lead; `holders` is how many clients bear each of its names."""
    lead = make_regular(LeadFields(company=company, **cells))
    held = {key: holders if key.kind == NAME else 1 for key in search_keys(lead)}
    return decide(lead, cards, held, region)


def key_of(kind: str, company: str, contact: str = "") -> set[SearchKey]:
    record = make_regular(LeadFields(company=company, contact=contact))
    return {key for key in search_keys(record) if key.kind == kind}


# ── which keys bring candidates ─────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("kind", [NAME, SURNAME, PHONE, MAILBOX, DOMAIN, TAX_ID])
def test_a_key_brings_all_its_holders_up_to_the_limit_of_its_kind_and_none_beyond(kind: str) -> None:
    key, known = SearchKey(kind, "x"), Known()
    for number in range(most_holders(kind)):
        known.keep(card(f"Фирма {number}"), [key])
    assert len(known.candidates([key])) == most_holders(kind)
    known.keep(card("Ещё одна"), [key])
    assert known.candidates([key]) == []


def test_a_name_alone_brings_no_more_than_a_rare_name_may_have_and_a_phone_brings_a_whole_building() -> None:
    assert most_holders(NAME) < most_holders(PHONE) == most_holders(DOMAIN) == MOST_HOLDERS


def test_one_of_many_namesakes_is_found_by_what_else_he_shares() -> None:
    known = Known()
    for number in range(30):
        one = card("Вектор", phone=f"+7 846 201-30-{number + 10}")
        known.keep(one, search_keys(one.record))
    lead = make_regular(LeadFields(company="ООО «Вектор»", phone="201-30-17"))
    found = known.candidates(search_keys(lead))
    assert [one.record.phones[0].local for one in found] == ["2013017"]


@pytest.mark.parametrize("slip", ["Стройкмплект", "Стрйокомплект", "Строойкомплект", "Стройкомплетк"])
def test_a_slip_in_the_name_does_not_hide_a_firm_whose_contact_is_known(slip: str) -> None:
    assert key_of(SURNAME, "Стройкомплект", "Петров") & key_of(SURNAME, slip, "Петров")


def test_a_surname_finds_sisters_of_the_firm_and_no_other_firm_with_the_same_beginning() -> None:
    assert key_of(SURNAME, "ТД Рассвет", "Петров") & key_of(SURNAME, "Рассвет-Сервис", "Петров")
    assert not key_of(SURNAME, "Стройкомплект", "Петров") & key_of(SURNAME, "Стройинвест", "Петров")


# ── a city behind the name ──────────────────────────────────────────────────────────────────────────────────────────


def test_a_city_behind_the_name_is_where_the_firm_is_when_the_client_is_there_matching_2() -> None:
    client = card("ООО «Оптилит»", "RU-PER", phone="+7 342 201-30-40")
    there = asked("Оптилит Пермь", client, phone="342 201-30-40")
    assert (there.outcome, there.rule) == (Outcome.SAME, "S1")
    misspelt = asked("Оптилт Пермь", card("Оптилит", "RU-PER", website="x-y.ru"), website="x-y.ru")
    assert (misspelt.outcome, misspelt.rule) == (Outcome.SAME, "S2")


def test_a_city_behind_the_name_tells_two_houses_of_a_group_apart_matching_8() -> None:
    elsewhere = card("ООО «Оптилит»", "RU-MOW", phone="+7 342 201-30-40")
    unknown = card("ООО «Оптилит»", phone="+7 342 201-30-40")
    for client in (elsewhere, unknown):
        assert asked("Оптилит Пермь", client, phone="342 201-30-40").rule == "P-conflict"
    quoted = card("ООО «Оптилит Пермь»", "RU-PER", phone="+7 342 201-30-40")
    assert asked("Оптилит", quoted, phone="342 201-30-40", region="RU-PER").rule == "P-conflict", "it is called so"
    both = card("Оптилит Казань", "RU-PER", phone="+7 342 201-30-40")
    assert asked("Оптилит Пермь", both, phone="342 201-30-40").rule == "P-conflict"


def test_a_name_with_a_city_behind_it_is_found_by_the_name_alone() -> None:
    assert key_of(NAME, "Оптилит Санкт-Петербург") > key_of(NAME, "ООО «Оптилит»")
    assert key_of(NAME, "Сокол Орёл") == key_of(NAME, "Орёл Сокол"), (
        "a city that is a word as well is one word of the name"
    )


# ── what weak agreements are worth ──────────────────────────────────────────────────────────────────────────────────


def test_a_surname_beside_a_common_name_is_nothing_when_site_and_region_speak_against_it() -> None:
    client = card("ООО «Спектр»", "RU-SPE", contact="Балашов В.", website="spektr.ru")
    alone = asked("Спектр", client, contact="Балашов", holders=200)
    against = asked("Спектр", client, contact="Балашов", website="spektr-m.ru", region="RU-MOW", holders=200)
    assert (alone.rule, against.rule) == ("P-person", "N-elsewhere")


# ── sole traders with a slip of the pen ─────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("written", "rule"),
    [
        ("ИП Гриорьева П. К.", "S2"),
        ("Гриорьева П. К. ИП", "S2"),
        ("ИП Григорьев П. К.", "P-conflict"),
        ("ИП Гриорьева О. К.", "P-conflict"),
        ("ИП Гриорьева П.", "P-conflict"),
        ("ИП Григорян П. К.", "P-conflict"),
    ],
)
def test_a_slip_in_a_sole_traders_surname_is_forgiven_when_both_initials_agree(written: str, rule: str) -> None:
    client = card("ИП Григорьева Полина Кирилловна", website="grigoreva-nn.ru")
    assert asked(written, client, website="grigoreva-nn.ru").rule == rule
