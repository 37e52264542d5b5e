"""The decision table of MATCHING §8 on raw records: a test for each line and for each kind of conflict, and the traps of §15."""

from __future__ import annotations

from typing import Any

import pytest

from services.intake.rules.match import RULES
from services.intake.rules.pairs import judge_pair

pytestmark = pytest.mark.rule("R1-40")

PHONE, OTHER = "+7 (846) 201-30-40", "8 846 333-12-21"


def record(company: str = "", phone: str = "", email: str = "", website: str = "", contact: str = "") -> dict[str, str]:
    return {"company": company, "contact": contact, "phone": phone, "email": email, "website": website}


def verdict(lead: dict[str, str], client: dict[str, str], **ctx: Any) -> tuple[str, str]:
    found = judge_pair(lead, client, ctx)
    assert found["rule"] in RULES
    return found["outcome"], found["rule"]


def named(one: str, other: str, **more: str) -> tuple[str, str]:
    """Two names whose telephone and site agree, so that only the names can keep them apart."""
    return verdict(record(one, PHONE, website="x-y.ru", **more), record(other, "8 846 2013040", "z@x-y.ru", **more))


# ── same ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_s0_the_tax_number_decides_whatever_the_names_matching_8() -> None:
    assert verdict(record("Рассвет, ИНН 7707083893"), record("Закат ИНН 7707083893")) == ("same", "S0")


@pytest.mark.parametrize(
    ("lead", "client"),
    [
        (record("ООО Фрезер", PHONE), record("Frezer LLC", "8 846 2013040")),
        (record("Фрезер", "201-30-40"), record("ООО «Фрезер»", PHONE)),
        (record("Фрезер", email="info@frezer.ru"), record("ООО «Фрезер»", website="www.frezer.ru/about")),
        (record("Фрезер", website="frezer.ru"), record("ООО «Фрезер»", email="demin@frezer.ru")),
        (record("Фрезер", email="o.demin+x@gmail.com"), record("ООО «Фрезер»", email="odemin@googlemail.com")),
    ],
    ids=["phone in another script", "local number", "domain and site", "site and domain", "mailbox"],
)
def test_s1_name_with_phone_or_web_is_the_same_matching_8(lead: dict[str, str], client: dict[str, str]) -> None:
    assert verdict(lead, client) == ("same", "S1")


def test_s1_holds_for_a_name_that_thousands_bear_matching_8() -> None:
    assert verdict(record("Вектор", PHONE), record("ООО Вектор", PHONE), name_freq=4000) == ("same", "S1")


@pytest.mark.parametrize(
    ("one", "other"), [("Стройкомплект", "Стройкомлект"), ("Югсявзь", "Югсвязь"), ("Рассвет Сеовис", "Рассвет-Сервис")]
)
def test_s2_a_slip_of_the_pen_with_web_is_the_same_matching_8(one: str, other: str) -> None:
    assert verdict(record(one, website="x-y.ru"), record(other, email="a@x-y.ru")) == ("same", "S2")


def test_s3_without_a_name_a_personal_mailbox_is_the_same_matching_8() -> None:
    client = record("Фрезер", email="demin@frezer.ru", contact="Дёмин Роман")
    assert verdict(record(email="Demin@Frezer.ru"), client) == ("same", "S3")
    assert verdict(record(email="demin@frezer.ru", contact="Р. Дёмин"), client) == ("same", "S3")
    assert verdict(record(email="demin@frezer.ru", contact="Лапина"), client) == ("possible", "P-nameless")
    assert verdict(record(email="demin@frezer.ru"), client, email_freq=2) == ("possible", "P-nameless")


def test_s3_a_mailbox_called_like_the_firm_is_no_persons_matching_8() -> None:
    assert verdict(record(email="frezer63@mail.ru"), record("Фрезер", email="frezer63@mail.ru")) == (
        "possible",
        "P-nameless",
    )


def test_s4_without_a_name_the_surname_and_phone_or_domain_are_the_same_matching_8() -> None:
    client = record("Фрезер", PHONE, "info@frezer.ru", contact="Дёмин Роман Алексеевич")
    assert verdict(record(phone=PHONE, contact="Дёмин Р.А."), client) == ("same", "S4")
    assert verdict(record(email="demin@frezer.ru", contact="Roman Demin"), client) == ("same", "S4")
    assert verdict(record(phone=PHONE, contact="Дёмина Мария"), client) == ("possible", "P-nameless")
    assert verdict(record(email="demin@frezer.ru", contact="Дёмин"), client, domain_freq=15) == (
        "possible",
        "P-nameless",
    )


# ── conflicts ───────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("ТД Рассвет", "Рассвет"),
        ("ООО «УК «Рассвет»", "ООО «Рассвет»"),
        ("Рассвет-Сервис", "Рассвет"),
        ("Рассвет-Юг", "Рассвет"),
        ("Рассвет Девелопмент", "Рассвет Логистика"),
        ("Рассвет Север", "Рассвет Сервер"),
    ],
)
def test_conflict_of_descriptors_matching_8(one: str, other: str) -> None:
    assert named(one, other) == ("possible", "P-conflict")
    assert named(other, one) == ("possible", "P-conflict")


@pytest.mark.parametrize(
    ("one", "other"), [("Комбинат №14", "Комбинат-41"), ("Рассвет-2", "Рассвет"), ("Альфа 1", "Альфа 11")]
)
def test_conflict_of_numbers_matching_8(one: str, other: str) -> None:
    assert named(one, other) == ("possible", "P-conflict")


@pytest.mark.parametrize(
    ("one", "other"), [("Рассвет-М", "Рассвет-Н"), ("Рассвет-М", "Рассвет"), ("Стройком-С", "Стройком-К")]
)
def test_conflict_of_letters_matching_8(one: str, other: str) -> None:
    assert named(one, other) == ("possible", "P-conflict")


@pytest.mark.parametrize(("one", "other"), [("ООО", "АО"), ("ООО", "ИП"), ("АО", "ИП"), ("ООО", "ПАО")])
def test_conflict_of_forms_matching_8(one: str, other: str) -> None:
    assert named(f"{one} «Рассвет»", f"{other} «Рассвет»") == ("possible", "P-conflict")


@pytest.mark.parametrize(
    ("one", "other"), [("ОАО", "ЗАО"), ("ПАО", "АО"), ("НАО", "ПАО"), ("ООО", "LLC"), ("ОсОО", "ООО"), ("ООО", "")]
)
def test_forms_of_one_family_do_not_conflict_matching_8(one: str, other: str) -> None:
    assert named(f"{one} Рассвет", f"{other} Рассвет") == ("same", "S1")


@pytest.mark.parametrize(("one", "other"), [("S.p.A.", "Oy"), ("GmbH", "S.R.L."), ("ООО", "GmbH"), ("ТОО", "ООО")])
def test_conflict_of_countries_matching_8(one: str, other: str) -> None:
    assert named(f"Rassvet {one}", f"Rassvet {other}") == ("possible", "P-conflict")


@pytest.mark.parametrize(
    ("one", "rule"),
    [
        ("ИП Дёмин Р.А.", "S1"),
        ("Дёмин Р. А.", "S1"),
        ("ИП Demin R.A.", "S1"),
        ("Дёмин Роман Алексеевич", "S1"),
        ("ИП Дёмин О.А.", "P-conflict"),
        ("Дёмин О.А.", "P-conflict"),
        ("ИП Дёмина Р.А.", "P-conflict"),
        ("ИП Дёмин Руслан Алексеевич", "P-conflict"),
        ("ИП Дёмин", "P-conflict"),
        ("ИП Лапин Р.А.", "P-conflict"),
    ],
)
def test_conflict_of_sole_traders_initials_matching_8(one: str, rule: str) -> None:
    assert named(one, "ИП Дёмин Роман Алексеевич")[1] == rule


@pytest.mark.parametrize(("given", "rule"), [("Ю.Б.", "S1"), ("И.Б.", "P-conflict"), ("Я.Б.", "P-conflict")])
def test_initials_that_two_latin_letters_write_are_letters_of_their_own_matching_8(given: str, rule: str) -> None:
    assert named(f"ИП Копылов {given}", "ИП Копылов Юрий Борисович")[1] == rule
    assert named("Kopylov Yu.B. IP", "ИП Копылов Юрий Борисович")[1] == "S1"


@pytest.mark.parametrize(
    ("one", "other"), [("Рассвет", "Закат"), ("Лорис", "Лорес"), ("Вега", "Вееа"), ("Омега", "Омеа")]
)
def test_conflict_of_names_and_no_slip_in_a_short_one_matching_15(one: str, other: str) -> None:
    assert named(one, other) == ("possible", "P-conflict")


def test_conflict_of_tax_numbers_matching_8() -> None:
    assert named("Рассвет ИНН 7707083893", "Рассвет ИНН 7728168971") == ("possible", "P-conflict")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("СтройМонтаж", "Строй Монтаж"),
        ("Лазурный берег", "берег лазурный"),
        ("Комбинат №14", "Комбинат-14"),
        ("Vega", "Вега"),
    ],
)
def test_the_same_name_written_in_another_way_is_no_conflict_matching_2(one: str, other: str) -> None:
    assert named(one, other) == ("same", "S1")


def test_a_conflict_with_the_person_alone_is_for_a_person_and_two_names_with_him_are_not_matching_8() -> None:
    assert verdict(record("ТД Рассвет", contact="Петров Пётр"), record("Рассвет", contact="Петров П.")) == (
        "possible",
        "P-conflict",
    )
    assert verdict(record("Закат", contact="Петров Пётр"), record("Рассвет", contact="Петров П."))[0] == "new"


# ── possible and new ────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_slip_with_a_phone_is_possible_matching_8() -> None:
    assert verdict(record("Стройкомплект", PHONE), record("Стройкомлект", PHONE)) == ("possible", "P-typo")


@pytest.mark.parametrize(
    ("lead", "client"),
    [
        (record(phone=PHONE), record("Фрезер", PHONE)),
        (record(email="info@frezer.ru"), record("Фрезер", email="info@frezer.ru")),
        (record(website="frezer.ru"), record("Фрезер", email="a@frezer.ru")),
    ],
    ids=["phone", "role mailbox", "domain"],
)
def test_without_a_name_one_key_is_possible_matching_8(lead: dict[str, str], client: dict[str, str]) -> None:
    assert verdict(lead, client) == ("possible", "P-nameless")


@pytest.mark.parametrize(("freq", "expected"), [(1, "possible"), (3, "possible"), (4, "new"), (4000, "new")])
def test_a_rare_name_alone_is_possible_and_a_common_one_is_new_matching_8(freq: int, expected: str) -> None:
    assert verdict(record("ООО Вектор"), record("ООО «Вектор»"), name_freq=freq)[0] == expected


def test_a_rare_name_against_which_much_speaks_is_a_namesakes_matching_8() -> None:
    client = record("ООО Вектор", PHONE, "kim@mail.ru", contact="Ким Роман")
    assert verdict(record("ООО Вектор", OTHER), client) == ("possible", "P-rare")
    assert verdict(record("ООО Вектор", contact="Пак Анна"), client) == ("possible", "P-rare")
    assert verdict(record("ООО Вектор", OTHER, contact="Пак Анна"), client) == ("new", "N-elsewhere")
    assert verdict(record("ООО Вектор", website="vektor-nn.ru"), record("Вектор", website="vektor.ru"))[0] == "new"


def test_a_common_name_with_its_contact_is_possible_matching_8() -> None:
    lead = record("ООО Вектор", contact="Петров")
    assert verdict(lead, record("Вектор", contact="Петров Пётр"), name_freq=4000) == ("possible", "P-person")
    assert verdict(lead, record("Вектор", contact="Сидоров Пётр"), name_freq=4000)[0] == "new"


def test_a_surname_or_nothing_in_common_is_new_matching_8() -> None:
    assert verdict(record(contact="Петров Пётр"), record("Вектор", contact="Петров Пётр"))[0] == "new"
    assert verdict(record("Рассвет", OTHER), record("Закат", PHONE)) == ("new", "N-unknown")


# ── traps ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_local_number_in_two_cities_is_two_numbers_matching_15() -> None:
    lead, client = record("Вектор", "+7 495 201-30-40"), record("Вектор", PHONE)
    assert verdict(lead, client, name_freq=500)[0] == "new"
    assert "exact" not in {one["level"] for one in judge_pair(lead, client, {})["evidence"] if one["key"] == "phone"}


def test_six_digits_without_an_area_are_no_companys_phone_matching_8() -> None:
    assert verdict(record("Вектор", "31-22-11"), record("Вектор", "8 (4872) 31-22-11"), name_freq=500)[0] != "same"


@pytest.mark.parametrize(("freq", "expected"), [(3, "same"), (4, "possible"), (40, "new")])
def test_a_phone_that_many_hold_says_less_and_less_matching_8(freq: int, expected: str) -> None:
    assert verdict(record("Вектор", PHONE), record("Вектор", PHONE), name_freq=500, phone_freq=freq)[0] == expected


@pytest.mark.parametrize(("freq", "expected"), [(19, "same"), (20, "new"), (140, "new")])
def test_a_domain_that_many_hold_is_no_companys_matching_6(freq: int, expected: str) -> None:
    lead, client = record("Вектор", email="a@snab-x.ru"), record("Вектор", email="b@snab-x.ru")
    assert verdict(lead, client, name_freq=500, domain_freq=freq)[0] == expected


def test_free_mail_is_no_domain_matching_6() -> None:
    assert verdict(record("Вектор", email="a@mail.ru"), record("Вектор", email="b@mail.ru"), name_freq=500)[0] == "new"


def test_what_is_missing_says_nothing_against_matching_15() -> None:
    alone = judge_pair(record("ООО Вектор"), record("ООО Вектор", PHONE, "a@vektor.ru", "vektor.ru", "Ким"), {})
    assert {one["key"] for one in alone["evidence"]} == {"name", "form"}


def test_phone_region_a_is_how_the_leads_list_writes_numbers_matching_4() -> None:
    lead, client = record("Вектор", "8 017 301 22 33"), record("Вектор", "+375 17 301-22-33")
    assert verdict(lead, client, region_a="BY") == ("same", "S1")


def test_a_frequency_that_is_no_number_is_named() -> None:
    with pytest.raises(ValueError, match="phone_freq"):
        judge_pair(record(phone=PHONE), record("Вектор"), {"phone_freq": "many"})


def test_the_same_pair_gives_the_same_answer_with_its_evidence() -> None:
    lead, client = record("ООО Фрезер", PHONE, "a@frezer.ru"), record("Фрезер", PHONE, website="frezer.ru")
    found = judge_pair(lead, client, {"domain_freq": 2})
    assert found == judge_pair(lead, client, {"domain_freq": 2})
    assert {(one["key"], one["level"], one["df"]) for one in found["evidence"]} == {
        ("name", "exact", 1),
        ("phone", "exact", 1),
        ("domain", "exact", 2),
    }
    best = {one["key"]: one["weight"] for one in found["evidence"]}
    assert found["score"] == pytest.approx(sum(best.values()), abs=0.11)
