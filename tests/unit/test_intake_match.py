"""Is this lead a client we know? The decision table, line by line."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID, uuid5

import pytest
from msgspec.structs import replace

from services.intake.rules.keys import CompanyName, Mailbox, Phone, RegularLead, Surname
from services.intake.rules.match import RULES, Decision, decide
from services.intake.rules.search_keys import SearchKey, search_keys
from services.intake.rules.survivorship import Card, joined
from services.intake.rules.weights import BITS
from shared.words import Outcome

SPACE = UUID(int=7)


def company(core: str, form: str | None = "LLC", **more: object) -> CompanyName:
    return CompanyName(core, core, " ".join(sorted(core.split())), form, **more)  # type: ignore[arg-type]


def phone(number: str) -> Phone:
    return Phone(number[-7:], number if number.startswith("+") else "")


def mailbox(address: str, *, role: bool = False, corporate: bool = True) -> Mailbox:
    return Mailbox(address, address, address.split("@")[1] if corporate else "", role)


def person(surname: str, given: str = "") -> Surname:
    return Surname(surname, surname, given)


def card(name: str, record: RegularLead) -> Card:
    return Card(uuid5(SPACE, name), name, record)


def asked(lead: RegularLead, *cards: Card, holders: Mapping[SearchKey, int] | None = None) -> Decision:
    frequencies = dict.fromkeys(search_keys(lead), 1)
    return decide(lead, cards, {**frequencies, **(holders or {})})


FREZER = RegularLead(
    company=company("фрезер"),
    surnames=(person("демин", "роман"),),
    phones=(phone("+78462013040"),),
    mailboxes=(mailbox("demin@frezer.ru"), mailbox("info@frezer.ru", role=True)),
    sites=("frezer.ru",),
)
KNOWN = card("ООО «Фрезер»", FREZER)


@pytest.mark.rule("R1-40")
def test_a_name_and_a_phone_make_the_same_client() -> None:
    decision = asked(RegularLead(company=company("фрезер", None), phones=(phone("+78462013040"),)), KNOWN)
    assert (decision.outcome, decision.rule, decision.client_id) == (Outcome.SAME, "S1", KNOWN.client_id)
    assert {(item.key, item.level) for item in decision.evidence} == {("name", "exact"), ("phone", "exact")}


def test_a_name_and_a_site_make_the_same_client_when_the_site_is_only_known_as_an_e_mail_domain() -> None:
    known = card("Фрезер", RegularLead(company=company("фрезер"), mailboxes=(mailbox("a@frezer.ru"),)))
    decision = asked(RegularLead(company=company("фрезер"), sites=("frezer.ru",)), known)
    assert (decision.outcome, decision.rule) == (Outcome.SAME, "S1")


def test_seven_digits_without_an_area_code_agree_and_another_area_code_does_not() -> None:
    without = asked(RegularLead(company=company("фрезер"), phones=(phone("2013040"),)), KNOWN)
    elsewhere = asked(RegularLead(company=company("фрезер"), phones=(phone("+74952013040"),)), KNOWN)
    assert (without.outcome, without.rule) == (Outcome.SAME, "S1")
    assert (elsewhere.outcome, elsewhere.rule) == (Outcome.POSSIBLE, "P-rare")


@pytest.mark.parametrize(
    "sister",
    [
        company("тд фрезер", descriptors=frozenset({"тд"})),
        company("фрезер сервис"),
        company("фрезер 2", numbers=("2",)),
        company("фрезер м", letters=("м",)),
        company("фрезер", "JSC"),
        company("фрезер", "IP"),
        company("логистика"),
    ],
    ids=lambda name: f"{name.form} {name.core}",
)
def test_a_sister_company_with_the_same_phone_and_domain_is_never_joined(sister: CompanyName) -> None:
    decision = asked(replace(FREZER, company=sister), KNOWN)
    assert (decision.outcome, decision.rule) == (Outcome.POSSIBLE, "P-conflict")
    assert decision.possible[0].comparison.conflicts


def test_forms_of_two_countries_are_two_companies() -> None:
    lead = replace(FREZER, company=company("фрезер", "LLC", form_country="DE"))
    known = card("Фрезер", replace(FREZER, company=company("фрезер", "LLC", form_country="RU")))
    assert asked(lead, known).rule == "P-conflict"


def test_a_slip_of_the_pen_is_forgiven_with_an_e_mail_and_shown_to_a_person_with_a_phone() -> None:
    slip = company("фрузер")
    with_site = asked(RegularLead(company=slip, sites=("frezer.ru",)), KNOWN)
    with_phone = asked(RegularLead(company=slip, phones=(phone("+78462013040"),)), KNOWN)
    assert (with_site.outcome, with_site.rule) == (Outcome.SAME, "S2")
    assert (with_phone.outcome, with_phone.rule) == (Outcome.POSSIBLE, "P-typo")


@pytest.mark.parametrize(("one", "other"), [("лорис", "лорес"), ("агро юг", "агро юр"), ("комбинат 14", "комбинат 41")])
def test_a_short_name_or_word_that_differs_by_a_letter_is_another_name(one: str, other: str) -> None:
    known = card(one, RegularLead(company=company(one), sites=("x.ru",)))
    assert asked(RegularLead(company=company(other), sites=("x.ru",)), known).rule == "P-conflict"


def test_without_a_name_a_personal_mailbox_joins_and_a_role_mailbox_asks_a_person() -> None:
    personal = asked(RegularLead(mailboxes=(mailbox("demin@frezer.ru"),)), KNOWN)
    role = asked(RegularLead(mailboxes=(mailbox("info@frezer.ru", role=True),)), KNOWN)
    of_another = asked(RegularLead(surnames=(person("лапин"),), mailboxes=(mailbox("demin@frezer.ru"),)), KNOWN)
    assert (personal.outcome, personal.rule) == (Outcome.SAME, "S3")
    assert (role.outcome, role.rule) == (Outcome.POSSIBLE, "P-nameless")
    assert (of_another.outcome, of_another.rule) == (Outcome.POSSIBLE, "P-nameless")


def test_without_a_name_the_surname_needs_a_phone_or_the_corporate_domain() -> None:
    with_phone = asked(RegularLead(surnames=(person("демин"),), phones=(phone("+78462013040"),)), KNOWN)
    alone = asked(RegularLead(surnames=(person("демин", "роман"),)), KNOWN)
    assert (with_phone.outcome, with_phone.rule) == (Outcome.SAME, "S4")
    assert (alone.outcome, alone.rule) == (Outcome.NEW, "N-weak")
    assert alone.others[0].card == KNOWN, "the hit is kept as evidence"


def test_a_rare_name_alone_is_for_a_person_and_a_common_one_is_new() -> None:
    lead = RegularLead(company=company("вектор"))
    known = card("Вектор", RegularLead(company=company("вектор")))
    rare = asked(lead, known, holders={SearchKey("n", "вектор"): 3})
    common = asked(lead, known, holders={SearchKey("n", "вектор"): 4})
    assert (rare.outcome, rare.rule) == (Outcome.POSSIBLE, "P-rare")
    assert (common.outcome, common.rule, common.namesakes) == (Outcome.NEW, "N-namesakes", 4)


def test_a_rare_name_with_another_corporate_domain_is_a_namesake() -> None:
    decision = asked(RegularLead(company=company("фрезер"), sites=("frezer.com",)), KNOWN)
    assert (decision.outcome, decision.rule) == (Outcome.NEW, "N-elsewhere")
    assert {(item.key, item.level) for item in decision.evidence} >= {("name", "exact"), ("domain", "differs")}


def test_a_value_that_very_many_hold_stays_in_the_evidence_with_less_weight() -> None:
    lead = RegularLead(company=company("вектор"))
    decision = asked(lead, holders={SearchKey("n", "вектор"): 64})
    assert (decision.outcome, decision.rule) == (Outcome.NEW, "N-namesakes")
    assert [(item.key, item.level, item.df, item.weight) for item in decision.evidence] == [
        ("name", "common", 64, round(BITS["name", "exact"] - 6, 1))
    ]


def test_the_phone_of_a_business_centre_does_not_make_a_company() -> None:
    lead = RegularLead(company=company("фрезер"), phones=(phone("+78462013040"),))
    of_house = asked(lead, KNOWN, holders={SearchKey("p", "2013040"): 4})
    of_city = asked(lead, KNOWN, holders={SearchKey("p", "2013040"): 400, SearchKey("n", "фрезер"): 40})
    assert (of_house.outcome, of_house.rule) == (Outcome.POSSIBLE, "P-reach")
    assert (of_city.outcome, of_city.rule) == (Outcome.NEW, "N-namesakes")


def test_two_cards_that_agree_equally_well_are_for_a_person_to_tell_apart() -> None:
    twin = card("Фрезер (второй)", FREZER)
    decision = asked(RegularLead(company=company("фрезер"), sites=("frezer.ru",)), KNOWN, twin)
    assert (decision.outcome, decision.rule, decision.client_id) == (Outcome.POSSIBLE, "P-two", None)
    assert {one.card.client_id for one in decision.possible} == {KNOWN.client_id, twin.client_id}


def test_a_sister_that_is_ruled_out_does_not_stand_in_the_way_of_the_right_card() -> None:
    sister = card("Фрезер-Сервис", replace(FREZER, company=company("фрезер сервис")))
    decision = asked(RegularLead(company=company("фрезер"), sites=("frezer.ru",)), KNOWN, sister)
    assert (decision.outcome, decision.client_id) == (Outcome.SAME, KNOWN.client_id)


def test_the_tax_id_decides_both_ways() -> None:
    known = card("Фрезер", replace(FREZER, tax_id="7707083893"))
    equal = asked(RegularLead(company=company("другое имя"), tax_id="7707083893"), known)
    other = asked(replace(FREZER, tax_id="7728168971"), known)
    assert (equal.outcome, equal.rule) == (Outcome.SAME, "S0")
    assert (other.outcome, other.rule) == (Outcome.POSSIBLE, "P-conflict")


def test_sole_traders_of_one_family_are_different_firms() -> None:
    def rule_for(name: CompanyName) -> str:
        return asked(RegularLead(company=name, phones=(phone("+78462013040"),)), known).rule

    def trader(name: str) -> CompanyName:
        return company(name, "IP", initials=tuple(word[0] for word in name.split()[1:]))

    known = card("ИП", RegularLead(company=trader("демин роман алексеевич"), phones=(phone("+78462013040"),)))
    assert {rule_for(trader(name)) for name in ("демин р", "демин р а", "демин роман")} == {"S1"}
    assert {rule_for(trader(name)) for name in ("демин о а", "демин руслан а", "лапин р а")} == {"P-conflict"}
    assert rule_for(company("демин", "IP")) == "P-conflict", "anybody of the family"


def test_nothing_in_common_is_new() -> None:
    decision = asked(RegularLead(company=company("иное")), holders={SearchKey("n", "иное"): 0})
    assert (decision.outcome, decision.rule, decision.evidence) == (Outcome.NEW, "N-unknown", ())


def test_mailbox_domain_and_site_count_once() -> None:
    whole = asked(replace(FREZER, phones=(), surnames=()), KNOWN)
    web = max(BITS["email", "exact"], BITS["domain", "exact"])
    assert whole.score == pytest.approx(BITS["name", "exact"] + BITS["form", "exact"] + web)


def test_every_rule_that_decides_is_explained_in_words() -> None:
    assert all(words and not words.endswith(".") for words in RULES.values())


def test_joining_the_same_lead_twice_adds_nothing() -> None:
    lead = RegularLead(
        company=company("фрезер"), phones=(phone("2013040"), phone("+79277001020")), mailboxes=(mailbox("x@frezer.ru"),)
    )
    once = joined(FREZER, lead)
    assert joined(once, lead) == once
    assert [one.e164 for one in once.phones] == ["+78462013040", "+79277001020"]
    assert set(search_keys(FREZER)) < set(search_keys(once))


def test_a_name_with_a_slip_of_the_pen_is_not_taken_over() -> None:
    assert joined(FREZER, RegularLead(company=company("фрузер"))).company == FREZER.company
