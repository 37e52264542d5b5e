"""A raw record becomes six regular keys; what stands in a wrong cell is moved (MATCHING §1)."""

import pytest

from services.intake.rules import tax_id
from services.intake.rules.placeholder import is_placeholder
from services.intake.rules.regular import make_regular
from shared.commands import LeadFields


@pytest.mark.rule("R1-40")
def test_a_whole_record_gives_all_six_keys() -> None:
    lead = make_regular(
        LeadFields(
            company="ООО «Фрезер»",
            contact="Дёмин  Роман",
            phone="8 (846) 201-30-40",
            email="demin@frezer.ru",
            website="www.frezer.ru",
            tax_id="7707083893",
        )
    )
    assert lead.company is not None
    assert lead.company.core == "фрезер"
    assert [surname.key for surname in lead.surnames] == ["демин"]
    assert [phone.e164 for phone in lead.phones] == ["+78462013040"]
    assert [(box.mailbox, box.domain) for box in lead.mailboxes] == [("demin@frezer.ru", "frezer.ru")]
    assert lead.sites == ("frezer.ru",)
    assert (lead.tax_id, lead.contact, lead.flags) == ("7707083893", "Дёмин Роман", ())


@pytest.mark.rule("R1-40")
def test_a_record_without_any_key_says_so() -> None:
    lead = make_regular(
        LeadFields(company="нет", contact="-", phone="n/a", email="отсутствует", website="в разработке")
    )
    assert not lead.has_a_key
    assert lead.contact == ""
    assert lead.flags == ()


@pytest.mark.parametrize(
    ("fields", "flag"),
    [
        (LeadFields(website="demin@frezer.ru"), "moved:website->email"),
        (LeadFields(phone="201-30-40, demin@frezer.ru"), "moved:phone->email"),
        (LeadFields(contact="Дёмин Роман demin@frezer.ru"), "moved:contact->email"),
        (LeadFields(company="ООО Фрезер demin@frezer.ru"), "moved:company->email"),
    ],
)
def test_an_address_in_a_wrong_cell_moves_to_its_key(fields: LeadFields, flag: str) -> None:
    lead = make_regular(fields)
    assert [box.email for box in lead.mailboxes] == ["demin@frezer.ru"]
    assert lead.flags == (flag,)


def test_a_site_in_the_mail_cell_moves_to_the_sites() -> None:
    lead = make_regular(LeadFields(email="demin.frezer.ru"))
    assert lead.sites == ("frezer.ru",)
    assert lead.flags == ("moved:email->website",)


def test_a_phone_in_the_mail_cell_moves_to_the_phones() -> None:
    lead = make_regular(LeadFields(email="8 927 700 10 20"))
    assert [phone.e164 for phone in lead.phones] == ["+79277001020"]
    assert lead.flags == ("moved:email->phone",)


def test_a_phone_in_the_contact_cell_moves_and_leaves_the_name() -> None:
    lead = make_regular(LeadFields(contact="Дёмин Роман, тел. 8-927-700-10-20", phone="201-30-40"))
    assert [phone.local for phone in lead.phones] == ["2013040", "7001020"]
    assert lead.contact == "Дёмин Роман"
    assert [surname.key for surname in lead.surnames] == ["демин"]
    assert "moved:contact->phone" in lead.flags


def test_fax_is_searched_with_the_phones_and_only_once() -> None:
    lead = make_regular(LeadFields(phone="8 846 201 30 40", fax="8 846 201 30 41, 8(846)2013040"))
    assert [phone.e164 for phone in lead.phones] == ["+78462013040", "+78462013041"]


def test_the_country_of_the_list_tells_how_phones_are_written() -> None:
    assert [phone.e164 for phone in make_regular(LeadFields(phone="022 71 22 33"), "MD").phones] == ["+37322712233"]


def test_flags_name_their_cell() -> None:
    lead = make_regular(LeadFields(company="ОООФрезер", phone="(846) 201-30-40/41", email="demin@mail.r"))
    assert lead.flags == ("company:form_glued", "phone:tail", "email:typo_tld")


def test_a_tax_number_in_the_name_is_read_and_taken_out_of_it() -> None:
    lead = make_regular(LeadFields(company="ООО «Фрезер» ИНН 7707083893"))
    assert lead.company is not None
    assert (lead.company.core, lead.tax_id) == ("фрезер", "7707083893")


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("7707083893", "7707083893"),
        ("ИНН 7707083893 / КПП 773601001", "7707083893"),
        ("7707083893/773601001", "7707083893"),
        ("500100732259", "500100732259"),
        ("7707083894", ""),
        ("0000000000", ""),
        ("", ""),
        ("нет", ""),
    ],
)
def test_a_tax_number_counts_only_when_its_check_digits_are_right(raw: str, expected: str) -> None:
    assert tax_id.normalise(raw)[0] == expected


def test_a_leading_nought_that_excel_dropped_comes_back() -> None:
    padded = next(f"0{number}" for number in range(100000000, 100001000) if tax_id.is_inn(f"0{number}"))
    assert tax_id.normalise(padded[1:]) == (padded, ("tax_id_padded",))


def test_a_wrong_tax_number_is_told() -> None:
    assert make_regular(LeadFields(tax_id="7707083894")).flags == ("tax_id_invalid",)


@pytest.mark.parametrize(
    "raw",
    [
        "нет",
        "-",
        "--",
        "n/a",
        "none",
        "отсутствует",
        "не указан",
        "в разработке",
        "0",
        "xxx",
        "test",
        "",
        "...",
        "Нет.",
    ],
)
def test_a_placeholder_is_an_empty_cell(raw: str) -> None:
    assert is_placeholder(raw)


@pytest.mark.parametrize("raw", ["Нетто", "Тестов", "1С", "Ромашка", "Нет-Сервис"])
def test_a_word_is_no_placeholder(raw: str) -> None:
    assert not is_placeholder(raw)
