"""A list is read as the person who sent it meant it: workbooks and text files, with everything people do to them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import xlsxwriter

from estafeta.lists.reading import FileList, read_list
from shared.commands import SubmitRows

Cells = list[list[Any]]


def workbook(path: Path, sheets: dict[str, Cells], decorate: Callable[[Any, Any], None] | None = None) -> Path:
    """A workbook with these cells; `decorate` gets the book and its first sheet before it is closed."""
    with xlsxwriter.Workbook(path, {"default_date_format": "dd.mm.yyyy"}) as book:
        for name, rows in sheets.items():
            sheet = book.add_worksheet(name)
            for at, row in enumerate(rows):
                for index, cell in enumerate(row):
                    if cell not in ("", None):
                        sheet.write(at, index, cell)
        if decorate:
            decorate(book, book.worksheets()[0])
    return path


def text(path: Path, content: str, encoding: str = "utf-8") -> Path:
    path.write_bytes(content.encode(encoding))
    return path


def fields(found: FileList, at: int = 0) -> dict[str, str]:
    return {name: value for name, value in found.rows[at].fields.model_dump().items() if value}


def test_a_header_under_title_rows_is_found_and_rows_bear_the_numbers_the_user_sees(tmp_path: Path) -> None:
    found = read_list(
        workbook(
            tmp_path / "expo.xlsx",
            {
                "Лист1": [
                    ["Выставка «Насосы-2026»"],
                    [],
                    ["№ п/п", "Организация", "Контактное лицо (ФИО)", "Тел./факс", "E-mail", "Чем интересовались"],
                    [1, "ООО «Вега»", "Петров И. И.", 79161234567, "p@vega.ru", "насосы"],
                    [],
                    [2, "Орион", "", "8 (495) 201-30-40", "", ""],
                    [3, "", "", "", "", ""],
                    ["Итого:", 2],
                ]
            },
        )
    )
    assert [(row.sheet, row.number) for row in found.rows] == [("Лист1", 4), ("Лист1", 6)]
    assert found.sheets[0].header_row == 3
    assert fields(found) == {
        "company": "ООО «Вега»",
        "contact": "Петров И. И.",
        "phone": "79161234567",
        "email": "p@vega.ru",
        "interest": "насосы",
    }
    assert [(row.number, row.reason) for row in found.ignored] == [
        (1, "title"),
        (2, "blank"),
        (5, "blank"),
        (7, "blank"),
        (8, "footer"),
    ]


def test_a_telephone_stored_as_a_number_keeps_its_digits(tmp_path: Path) -> None:
    rows: Cells = [
        ["Компания", "Телефон"],
        ["А", 87277240687],
        ["Б", 4952013040.0],
        ["В", 375172587550],
        ["Г", 2013040],
    ]
    found = read_list(workbook(tmp_path / "a.xlsx", {"A": rows}))
    assert [row.fields.phone for row in found.rows] == ["87277240687", "4952013040", "375172587550", "2013040"]


def test_dates_truths_and_fractions_are_written_as_people_read_them(tmp_path: Path) -> None:
    rows: Cells = [
        ["Компания", "Телефон", "Дата визита", "Повторно", "Оборот"],
        ["А", "1234567", date(2026, 11, 12), True, 0.1],
        ["Б", "1234568", datetime(2026, 11, 12, 10, 30), False, 12.50],  # noqa: DTZ001
    ]
    found = read_list(workbook(tmp_path / "a.xlsx", {"A": rows}))
    assert found.rows[0].fields.comment == "Дата визита: 2026-11-12\nПовторно: да\nОборот: 0.1"
    assert "Оборот: 12.5" in found.rows[1].fields.comment


def test_a_company_merged_over_several_visitors_belongs_to_each_of_them(tmp_path: Path) -> None:
    rows: Cells = [["Компания", "ФИО"], ["", "Иванов"], ["", "Петров"], ["Лютик", "Сидоров"]]
    found = read_list(
        workbook(tmp_path / "a.xlsx", {"A": rows}, lambda _book, sheet: sheet.merge_range(1, 0, 2, 0, "Ромашка"))
    )
    assert [(row.fields.company, row.fields.contact) for row in found.rows] == [
        ("Ромашка", "Иванов"),
        ("Ромашка", "Петров"),
        ("Лютик", "Сидоров"),
    ]


def test_headings_in_two_rows_are_read_together(tmp_path: Path) -> None:
    rows: Cells = [
        ["Список гостей"],
        ["", "", "", "", "Город"],
        ["", "Фамилия", "Имя", "Телефон", ""],
        ["Ромашка", "Иванов", "Пётр", "1234567", "Тула"],
    ]

    def merge(_book: Any, sheet: Any) -> None:
        sheet.merge_range(1, 0, 2, 0, "Организация")
        sheet.merge_range(1, 1, 1, 3, "Контакты")

    found = read_list(workbook(tmp_path / "a.xlsx", {"A": rows}, merge))
    assert fields(found) == {"company": "Ромашка", "contact": "Иванов Пётр", "phone": "1234567", "city": "Тула"}
    assert len(found.rows) == 1


def test_an_upper_heading_gives_its_meaning_to_the_lower_ones(tmp_path: Path) -> None:
    found = read_list(
        text(tmp_path / "a.csv", "Компания;Телефон;;E-mail\n;рабочий;мобильный;\nРомашка;2013040;9161234567;a@b.ru\n")
    )
    assert fields(found) == {"company": "Ромашка", "phone": "2013040; 9161234567", "email": "a@b.ru"}


def test_every_visible_sheet_with_headings_is_read_and_the_others_are_named(tmp_path: Path) -> None:
    sheets: dict[str, Cells] = {
        "Первый день": [["Компания", "Телефон"], ["А", "1234567"]],
        "Второй день": [["Firm", "Phone"], ["B", "7654321"]],
        "Справка": [["Составил отдел маркетинга"]],
        "Черновик": [["Компания", "Телефон"], ["Скрытая", "1111111"]],
    }
    path = workbook(tmp_path / "a.xlsx", sheets, lambda book, _sheet: book.worksheets()[3].hide())
    found = read_list(path)
    assert [(row.sheet, row.number, row.fields.company) for row in found.rows] == [
        ("Первый день", 2, "А"),
        ("Второй день", 2, "B"),
    ]
    assert any("Справка" in warning for warning in found.warnings)
    assert any("Черновик" in warning for warning in found.warnings)
    assert [row.fields.company for row in read_list(path, sheet="второй день").rows] == ["B"]


def test_equal_headings_are_joined_and_a_name_in_parts_is_one_name(tmp_path: Path) -> None:
    content = (
        "Фирма;Фамилия;Имя;Отчество;Телефон;Телефон 2;Доб.;E-mail;Почта\n"
        "Ромашка;Иванов;Пётр;Ильич;2013040;;12;a@b.ru;a@b.ru\n"
        "Лютик;Седых;Анна;;2013041;9161234567;;c@d.ru;e@f.ru\n"
    )
    found = read_list(text(tmp_path / "a.csv", content))
    assert fields(found) == {
        "company": "Ромашка",
        "contact": "Иванов Пётр Ильич",
        "phone": "2013040 доб. 12",
        "email": "a@b.ru",
    }
    assert fields(found, 1)["phone"] == "2013041; 9161234567"
    assert fields(found, 1)["email"] == "c@d.ru; e@f.ru"


def test_columns_that_are_no_field_go_into_the_comment_and_are_named(tmp_path: Path) -> None:
    found = read_list(
        text(tmp_path / "a.csv", "Компания;Цвет стенда;Комментарий;Кол-во станков\nВега;синий;звонить;12\n")
    )
    assert found.rows[0].fields.comment == "звонить\nЦвет стенда: синий\nКол-во станков: 12"
    assert any("Цвет стенда, Кол-во станков" in warning for warning in found.warnings)
    assert found.mapping == {
        "Компания": "company",
        "Цвет стенда": "comment",
        "Комментарий": "comment",
        "Кол-во станков": "comment",
    }


def test_the_operator_can_name_the_field_of_a_heading(tmp_path: Path) -> None:
    path = text(tmp_path / "a.csv", "Компания;Наш спец;Куда звонить\nВега;petrova;2013040\n")
    found = read_list(path, column_map={"наш  СПЕЦ": "curator", "Куда звонить": "phone"})
    assert found.rows[0].curator == "petrova"
    assert found.rows[0].fields.phone == "2013040"
    with pytest.raises(ValueError, match=r"no such field: telephone; fields are company, contact"):
        read_list(path, column_map={"Куда звонить": "telephone"})


def test_a_foreign_country_serves_as_region_and_the_home_country_does_not(tmp_path: Path) -> None:
    found = read_list(
        text(tmp_path / "a.csv", "Компания;Страна;Регион\nА;Казахстан;\nБ;Россия;\nВ;Россия;Тульская обл.\n")
    )
    assert [(row.fields.region, row.fields.comment) for row in found.rows] == [
        ("Казахстан", ""),
        ("", "Страна: Россия"),
        ("Тульская обл.", "Страна: Россия"),
    ]


def test_a_tax_number_gets_back_the_zero_a_spreadsheet_took(tmp_path: Path) -> None:
    found = read_list(workbook(tmp_path / "a.xlsx", {"A": [["Компания", "ИНН"], ["А", 274062111], ["Б", 7707083893]]}))
    assert [row.fields.tax_id for row in found.rows] == ["0274062111", "7707083893"]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_every_delimiter_is_found_with_quotes_and_line_breaks_in_cells(tmp_path: Path, delimiter: str) -> None:
    rows = (("Компания", "Телефон", "Примечание"), ('"ООО ""Вега, ТД; Плюс|"""', "2013040", '"строка 1\nстрока 2"'))
    found = read_list(text(tmp_path / "a.csv", "".join(delimiter.join(row) + "\r\n" for row in rows)))
    assert found.delimiter == delimiter
    assert fields(found) == {
        "company": 'ООО "Вега, ТД; Плюс|"',
        "phone": "2013040",
        "comment": "строка 1\nстрока 2",
    }


def test_a_line_that_declares_the_delimiter_is_obeyed_and_counted(tmp_path: Path) -> None:
    found = read_list(text(tmp_path / "a.csv", "sep=;\nКомпания;Телефон\nВега;2013040\n"))
    assert [(row.number, row.fields.company) for row in found.rows] == [(3, "Вега")]


def test_a_list_of_one_column_is_a_list(tmp_path: Path) -> None:
    found = read_list(text(tmp_path / "a.csv", "E-mail\na@b.ru\n\nc@d.ru\n"))
    assert [(row.number, row.fields.email) for row in found.rows] == [(2, "a@b.ru"), (4, "c@d.ru")]


def test_headings_that_come_again_on_each_page_and_titles_between_are_no_leads(tmp_path: Path) -> None:
    rows: Cells = [
        ["№", "Компания", "Телефон", "Город"],
        ["Зал 1"],
        [1, "А", "1234567", "Тула"],
        ["№", "Компания", "Телефон", "Город"],
        [2, "Итого", "7654321 доб. 1", ""],
        ["", "Всего хорошего", "", ""],
        ["", "Всего анкет: 3", "", ""],
        ["Составил: Иванов"],
    ]
    found = read_list(workbook(tmp_path / "a.xlsx", {"A": rows}))
    assert [row.fields.company for row in found.rows] == ["А", "Итого", "Всего хорошего"]
    assert [(row.number, row.reason) for row in found.ignored] == [
        (2, "title"),
        (4, "headings again"),
        (7, "footer"),
        (8, "footer"),
    ]


def test_one_stray_quotation_mark_spoils_its_own_row_only(tmp_path: Path) -> None:
    many = "".join(f"Фирма {number};20130{number:02}\n" for number in range(60))
    found = read_list(text(tmp_path / "a.csv", 'Компания;Телефон\n"ООО Вега;2013040\n' + many))
    assert [(row.number, row.reason) for row in found.rejected] == [(2, "a quotation mark is opened and never closed")]
    assert len(found.rows) == 60
    assert (found.rows[0].number, found.rows[0].fields.company) == (3, "Фирма 0")


def test_a_row_with_a_stray_delimiter_is_rejected_and_the_rest_goes_on(tmp_path: Path) -> None:
    lines = ["Компания;Телефон", "Вега; ТД;2013040", *(f"Ф{n};201304{n}" for n in range(8))]
    found = read_list(text(tmp_path / "a.csv", "\n".join(lines)))
    assert [(row.number, row.reason) for row in found.rejected] == [
        (2, "it has 3 cells under 2 headings, so it is not clear which is which")
    ]
    assert len(found.rows) == 8


def test_a_last_column_without_a_heading_goes_into_the_comment(tmp_path: Path) -> None:
    found = read_list(text(tmp_path / "a.csv", "Компания;Телефон\nА;1234567;срочно\nБ;1234568;не срочно\n"))
    assert [row.fields.comment for row in found.rows] == ["C: срочно", "C: не срочно"]


def test_a_cell_that_is_too_long_rejects_its_row_and_says_which(tmp_path: Path) -> None:
    found = read_list(text(tmp_path / "a.csv", f"Компания;Телефон\n{'я' * 2001};1\nВега;2013040\n"))
    assert [(row.number, row.reason, row.remedy) for row in found.rejected] == [
        (2, "the cell «Компания» is 2001 characters long", "Shorten it to 2000.")
    ]
    found = read_list(text(tmp_path / "b.csv", f"Компания;Цвет;Вкус\nА;{'я' * 1500};{'я' * 1500}\nВега;;\n"))
    assert "comment is 3013 characters long" in found.rejected[0].reason


def test_bytes_that_are_no_text_reject_their_row_only(tmp_path: Path) -> None:
    rows = "".join(f"Фирма {n};Иванов Пётр;20130{n:02}\n" for n in range(20)).encode()
    path = tmp_path / "a.csv"
    path.write_bytes("Компания;ФИО;Телефон\n".encode() + b"\xff\xfeabc;x;1234567\n" + rows)
    found = read_list(path)
    assert found.encoding == "utf-8"
    assert [(row.number, row.reason) for row in found.rejected] == [
        (2, "the cell «Компания» holds bytes that are no text")
    ]
    assert len(found.rows) == 20


def test_rows_are_fit_to_be_sent(tmp_path: Path) -> None:
    """Rows are built without validation for speed, so it is proved here that validation would not change them."""
    found = read_list(text(tmp_path / "a.csv", "Компания;Телефон;Менеджер\n  Вега\u0007 ;\t2013040;petrova\n"))
    command = SubmitRows(import_id=uuid4(), file_name="a.csv", campaign="Expo", rows=found.rows)
    again = SubmitRows.model_validate_json(command.model_dump_json())
    assert again == command
    assert again.rows[0].fields.company == "Вега"
