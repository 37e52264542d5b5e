"""Headings are understood in Russian and English, and what only looks like one is not."""

from __future__ import annotations

import pytest

from estafeta.lists.headings import FIELDS, Column, Vocabulary, find_header, known_words, plain

VOCABULARY = Vocabulary()


@pytest.mark.parametrize(
    ("heading", "field"),
    [
        ("Компания", "company"),
        ("НАИМЕНОВАНИЕ ОРГАНИЗАЦИИ", "company"),
        ("Название компании / Company name", "company"),
        ("Company Name*", "company"),
        ("Контактное лицо (ФИО)", "contact"),
        ("Ф.И.О. участника", "contact"),
        ("Full name", "contact"),
        ("Тел./факс", "phone"),
        ("Телефон 2", "phone"),
        ("Телефон (моб.)", "phone"),
        ("Номер телефона контактного лица", "phone"),
        ("Cell phone", "phone"),
        ("Факс", "fax"),
        ("E-mail", "email"),
        ("Ваш e-mail", "email"),
        ("Адрес электронной почты", "email"),
        ("Адрес сайта", "website"),
        ("Сайт компании", "website"),
        ("Почтовый индекс", "postal_code"),
        ("Почтовый адрес", "address"),
        ("ИНН", "tax_id"),
        ("Должность контактного лица", "position"),
        ("Чем интересовались", "interest"),
        ("Менеджер компании", "curator"),
        ("№ п/п", "row_id"),
        ("id", "row_id"),
        ("Дата контакта", None),
        ("Тип компании", None),
        ("Согласие на рассылку e-mail", None),
        ("Цвет", None),
        ("", None),
        ("ООО Вега +74952013040", None),
        ("info@company.ru", None),
    ],
)
def test_a_heading_means_its_field(heading: str, field: str | None) -> None:
    assert VOCABULARY.meaning(heading)[0] == field


def test_every_shipped_heading_means_a_field_that_exists() -> None:
    for heading in VOCABULARY.examples.values():
        assert VOCABULARY.meaning(heading)[0] in FIELDS
    assert {"company", "phone", "email", "website", "contact", "city"} <= VOCABULARY.examples.keys()
    assert "телефон" in known_words()


def test_headings_are_compared_without_case_points_and_yo() -> None:
    assert plain("  Ё-МЕЙЛ:\n(осн.) ") == "е мейл осн"
    assert plain("№") == "номер"


def test_data_rows_are_no_header() -> None:
    rows = [["ООО «Компания Вега»", "Иванов", "2013040"], ["Орион", "Петров", "2013041"]]
    assert find_header(rows, VOCABULARY) is None


def test_a_title_that_speaks_of_companies_is_no_header() -> None:
    header = find_header([["Список компаний и контактов"], ["Компания", "Телефон"], ["Вега", "2013040"]], VOCABULARY)
    assert header is not None
    assert (header.first, header.last) == (1, 1)


def test_columns_are_lettered_as_in_a_spreadsheet() -> None:
    assert [Column(index, "", None).letter for index in (0, 25, 26, 701, 702)] == ["A", "Z", "AA", "ZZ", "AAA"]
