"""Columns are understood by the operator, by their headings, by their cells; what is in doubt is asked, not guessed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter

from estafeta.lists.contents import guess
from estafeta.lists.deciding import Doubt, read_map
from estafeta.lists.headings import LEAD_FIELDS, Column
from estafeta.lists.reading import FileList, NoHeaderFound, UnknownHeading, read_list
from estafeta.lists.terminal import asked
from estafeta.trouble import Trouble
from shared.commands import LeadFields

FIRMS = ("ООО «Вега»", "АО Орион", "ИП Сидоров", "Лютик", "ЗАО Ромашка")
PEOPLE = ("Иванов Пётр Ильич", "Петрова Анна", "Сидоров И. И.", "Елена Цой", "Ion Rusu")
PHONES = ("+7 495 201-30-40", "8 (812) 201-30-41", "201-30-42", "+373 22 71-22-33", "89161234567 доб. 12")
MAILS = ("i@vega.ru", "a@orion.ru", "s@sidorov.ru", "e@lyutik.ru", "ion@rusu.md")
CITIES = ("Москва", "г. Тула", "СПб", "Chişinău", "Казань")


def text(path: Path, rows: Sequence[tuple[str, ...]]) -> Path:
    path.write_text("".join(";".join(row) + "\n" for row in rows), "utf-8")
    return path


def fields(found: FileList, at: int = 0) -> dict[str, str]:
    return {name: value for name, value in found.rows[at].fields.model_dump().items() if value}


def test_the_fields_of_the_reader_are_those_of_a_lead() -> None:
    assert tuple(LeadFields.model_fields) == LEAD_FIELDS


@pytest.mark.parametrize(
    ("cells", "field", "sure"),
    [
        (MAILS, "email", True),
        (("i@vega.ru; b@vega.ru",), "email", True),
        (PHONES, "phone", True),
        (("79161234567", "84952013040", "74952013041"), "phone", True),
        (("7707083893", "7728168971", "500100732259"), "tax_id", True),
        (("vega.ru", "https://www.orion.ru/kontakty", "лютик.рф"), "website", True),
        (FIRMS, "company", True),
        (("SC Agro SRL", "Muller GmbH", "Wood Ltd", "Acme"), "company", True),
        (PEOPLE, "contact", True),
        (CITIES, "city", True),
        (("ул. Ленина, 1", "Москва, пр-т Мира, д. 5", "str. Armeană 12"), "address", True),
        (("директор", "гл. инженер", "Manager", "Начальник цеха"), "position", True),
        (("117997", "603000", "101000"), "postal_code", True),
        (("Тульская обл.", "Краснодарский край", "Республика Коми"), "region", True),
        (("через 2 месяца", "через полгода", "после 10 мая"), "term", True),
        (("1", "2", "3"), "row_id", True),
        (FIRMS[:2], "company", False),
        (("12.11.2026", "13.11.2026 10:30", "2026-11-14"), None, False),
        (("1 500 000", "2 300 000", "12,5"), None, False),
        (("12", "40", "3"), None, False),
        (("1234567", "2345678", "150000"), None, False),
        (("насосы", "станки", "краны"), None, False),
        ((), None, False),
    ],
)
def test_cells_betray_the_field_of_their_column(cells: tuple[str, ...], field: str | None, sure: bool) -> None:
    found = guess(cells)
    assert (found.field if found else None, bool(found and found.sure)) == (field, sure)


def test_headings_that_say_nothing_are_helped_by_the_cells(tmp_path: Path) -> None:
    rows = [("Поле 1", "Поле 2", "Поле 3", "Поле 4", "Поле 5"), *zip(FIRMS, PEOPLE, PHONES, MAILS, CITIES, strict=True)]
    found = read_list(text(tmp_path / "a.csv", rows))
    assert found.sheets[0].header_row == 1
    assert fields(found) == {
        "company": "ООО «Вега»",
        "contact": "Иванов Пётр Ильич",
        "phone": "+7 495 201-30-40",
        "email": "i@vega.ru",
        "city": "Москва",
    }
    assert found.warnings == [
        "understood by the cells under them: Поле 1 = company, Поле 2 = contact, Поле 3 = phone, "
        "Поле 4 = email, Поле 5 = city"
    ]


def test_a_list_without_headings_is_read_from_its_first_row(tmp_path: Path) -> None:
    rows = [("Посетители стенда",), *zip(FIRMS, PEOPLE, PHONES, MAILS, CITIES, strict=True)]
    found = read_list(text(tmp_path / "a.csv", rows))
    assert [(row.number, row.fields.company) for row in found.rows] == list(enumerate(FIRMS, start=2))
    assert [(row.number, row.reason) for row in found.ignored] == [(1, "title")]
    assert "A = company, B = contact, C = phone, D = email, E = city" in found.warnings[0]


def test_a_sheet_that_goes_on_without_headings_is_read_and_one_of_remarks_is_not(tmp_path: Path) -> None:
    with xlsxwriter.Workbook(tmp_path / "a.xlsx") as book:
        first, second, third = (book.add_worksheet(name) for name in ("Начало", "Конец", "Справка"))
        first.write_row(0, 0, ["Организация", "Телефон"])
        first.write_row(1, 0, [FIRMS[0], PHONES[0]])
        for at, row in enumerate(zip(FIRMS, PHONES, strict=True)):
            second.write_row(at, 0, row)
        for at, remark in enumerate(("Список составил отдел", "Проверено", "Сдано в архив", "12.11.2026")):
            third.write_row(at, 0, [remark, "см. выше"])
    found = read_list(tmp_path / "a.xlsx")
    assert [(row.sheet, row.number) for row in found.rows] == [("Начало", 2), *(("Конец", n) for n in range(1, 6))]
    assert found.warnings == [
        "the sheet «Справка» has no headings that are understood and was passed over",
        "sheet «Конец»: understood by the cells under them: A = company, B = phone",
    ]


def test_people_beside_a_list_with_headings_are_not_taken_for_leads_unless_named(tmp_path: Path) -> None:
    with xlsxwriter.Workbook(tmp_path / "a.xlsx") as book:
        first, second = book.add_worksheet("Гости"), book.add_worksheet("Оргкомитет")
        first.write_row(0, 0, ["Организация", "Телефон"])
        first.write_row(1, 0, [FIRMS[0], PHONES[0]])
        for at, row in enumerate(zip(PEOPLE, PHONES, strict=True)):
            second.write_row(at, 0, row)
    found = read_list(tmp_path / "a.xlsx")
    assert [(row.sheet, row.number) for row in found.rows] == [("Гости", 2)]
    assert found.warnings == [
        "the sheet «Оргкомитет» has no headings, and not the columns of the others: it was passed over; "
        '--sheet "Оргкомитет" reads it'
    ]
    assert len(read_list(tmp_path / "a.xlsx", sheet="Оргкомитет").rows) == 5


def test_a_second_telephone_under_a_strange_heading_is_not_taken_for_the_clients(tmp_path: Path) -> None:
    rows = [("Компания", "Телефон", "Кто привёл"), *zip(FIRMS, PHONES, reversed(PHONES), strict=True)]
    found = read_list(text(tmp_path / "a.csv", rows))
    assert found.rows[0].fields.phone == PHONES[0]
    assert found.rows[0].fields.comment == f"Кто привёл: {PHONES[-1]}"
    assert any('--map "Кто привёл=phone" makes it so' in warning for warning in found.warnings)


@pytest.mark.parametrize("heading", ["Согласие на рассылку e-mail", "Источник", "Дата и время"])
def test_a_heading_that_says_it_is_no_field_is_believed_against_its_cells(tmp_path: Path, heading: str) -> None:
    found = read_list(text(tmp_path / "a.csv", [("Компания", heading), *zip(FIRMS, MAILS, strict=True)]))
    assert found.rows[0].fields.email == ""
    assert found.rows[0].fields.comment == f"{heading}: i@vega.ru"


# ── the operator ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_map_is_read_with_commas_and_equals_signs_in_headings() -> None:
    assert read_map(["Наименование=company,Тел.=phone"]) == {"Наименование": "company", "Тел.": "phone"}
    assert read_map(["Имя, фамилия = contact, C=phone", "a=b=email"]) == {
        "Имя, фамилия": "contact",
        "C": "phone",
        "a=b": "email",
    }
    assert read_map([]) == {}


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("Тел.=fone", "«fone» (of «Тел.») is no field. Did you mean phone?"),
        ("Тел.", "«Тел.» has no «=field»"),
        ("=phone", "names no heading"),
        ("Тел.=phone,Тел.=fax", "names two fields for «Тел.»: phone and fax"),
    ],
)
def test_a_map_that_cannot_be_meant_is_told_with_its_remedy(typed: str, said: str) -> None:
    with pytest.raises(Trouble) as caught:
        read_map([typed])
    assert said in f"{caught.value.problem} {caught.value.remedy}"


def test_the_operator_names_columns_by_letter_where_there_are_no_headings(tmp_path: Path) -> None:
    path = text(tmp_path / "a.csv", [("Вега", "2013040", "x"), ("Орион", "2013041", "y")])
    with pytest.raises(NoHeaderFound, match='--map "A=company,B=phone"'):
        read_list(path)
    found = read_list(path, column_map=read_map(["A=company,B=phone"]))
    assert [(row.number, row.fields.company, row.fields.phone) for row in found.rows] == [
        (1, "Вега", "2013040"),
        (2, "Орион", "2013041"),
    ]
    assert found.rows[0].fields.comment == "C: x"


def test_the_operator_can_send_an_understood_column_into_the_comment(tmp_path: Path) -> None:
    path = text(tmp_path / "a.csv", [("Компания", "Телефон", "Факс"), ("Вега", "2013040", "2013041")])
    found = read_list(path, column_map=read_map(["Факс=-"]))
    assert fields(found) == {"company": "Вега", "phone": "2013040", "comment": "Факс: 2013041"}


def test_a_map_for_a_heading_that_is_not_there_is_refused_with_those_that_are(tmp_path: Path) -> None:
    path = text(tmp_path / "a.csv", [("Компания", "Куда звонить"), ("Вега", "2013040")])
    with pytest.raises(UnknownHeading) as caught:
        read_list(path, column_map={"Куда звонит": "phone"})
    assert "--map names «Куда звонит»" in caught.value.problem
    assert "Did you mean «Куда звонить»? Its headings are «Компания», «Куда звонить»." in caught.value.remedy


# ── asked ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def answering(**answers: str | None) -> tuple[list[Doubt], Callable[[Doubt], str | None]]:
    doubts: list[Doubt] = []

    def ask(doubt: Doubt) -> str | None:
        doubts.append(doubt)
        return answers.get(doubt.guess)

    return doubts, ask


def test_a_column_in_doubt_is_asked_once_with_examples_and_a_guess(tmp_path: Path) -> None:
    rows = [("Компания", "Телефон", "Кто привёл", "Цвет"), *zip(FIRMS, PHONES, MAILS, "абвгд", strict=True)]
    rows += [("Лютик", "2013040", "Иванов", "е")] * 3
    doubts, ask = answering(email="email")
    found = read_list(text(tmp_path / "a.csv", rows), ask=ask)
    assert [(doubt.column.heading, doubt.examples, doubt.guess) for doubt in doubts] == [
        ("Кто привёл", MAILS[:3], "email")
    ]
    assert found.rows[0].fields.email == "i@vega.ru"
    _, ask = answering(email=None)
    assert read_list(tmp_path / "a.csv", ask=ask).rows[0].fields.comment.startswith("Кто привёл: i@vega.ru")


def test_a_list_in_doubt_without_headings_is_asked_and_then_read(tmp_path: Path) -> None:
    path = text(tmp_path / "a.csv", [("ООО Вега", "201-30-40"), ("ООО Орион", "201-30-41")])
    with pytest.raises(NoHeaderFound):
        read_list(path)
    doubts, ask = answering(company="company", phone="phone")
    found = read_list(path, ask=ask)
    assert [doubt.column.letter for doubt in doubts] == ["A", "B"]
    assert [row.fields.company for row in found.rows] == ["ООО Вега", "ООО Орион"]


@pytest.mark.parametrize(
    ("typed", "taken"),
    [([""], "phone"), (["-"], None), (["fax"], "fax"), (["fone", " email "], "email"), ([], None)],
)
def test_the_question_is_repeated_until_the_answer_is_a_field(typed: list[str], taken: str | None) -> None:
    lines, said = iter(typed), list[str]()

    def answer(_prompt: str) -> str:
        try:
            return next(lines)
        except StopIteration:
            raise EOFError from None

    doubt = Doubt("Лист1", Column(6, "Поле 7", None), ("+7 495 201-30-40",), "phone")
    assert asked(doubt, answer, said.append) == taken
    assert "«Поле 7» of the sheet «Лист1»" in said[0] and "+7 495 201-30-40" in said[0]
    assert len(said) == (2 if "fone" in typed else 1)
    assert "fone" not in typed or "Did you mean phone?" in said[1]


# ── kinds of list ───────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.rule("R4-12")
def test_a_questionnaire_gives_interest_wish_to_be_called_and_term(tmp_path: Path) -> None:
    rows: list[tuple[Any, ...]] = [
        ("Компания", "Ф.И.О.", "Телефон", "Какая продукция вас интересует?", "Просьба перезвонить (да/нет)",
         "Когда планируете закупку?", "Дата заполнения"),
        ("Вега", "Иванов П.", "2013040", "насосы", "да, после 15:00", "через 2 месяца", "12.11.2026"),
        ("Орион", "Петрова А.", "2013041", "", "", "", ""),
    ]  # fmt: skip
    found = read_list(text(tmp_path / "a.csv", rows))
    assert found.sheets[0].kind == "questionnaire"
    lead = found.rows[0].fields
    assert (lead.interest, lead.callback, lead.term, lead.filled_on) == (
        "насосы",
        "да, после 15:00",
        "через 2 месяца",
        "12.11.2026",
    )
    # the manager reads it as well
    assert "Когда планируете закупку?: через 2 месяца" in lead.comment
    assert fields(found, 1) == {"company": "Орион", "contact": "Петрова А.", "phone": "2013041"}


def test_a_catalogue_of_firms_without_persons_is_a_list_too(tmp_path: Path) -> None:
    rows = [("Экспонент", "Страна", "Сайт", "Описание компании"), ("Вега", "Россия", "vega.ru", "насосы и станки")]
    found = read_list(text(tmp_path / "a.csv", rows))
    assert found.sheets[0].kind == "catalogue"
    assert fields(found) == {
        "company": "Вега",
        "website": "vega.ru",
        "activity": "насосы и станки",
        "comment": "Страна: Россия",
    }


def test_a_romanian_list_is_understood_with_and_without_its_accents(tmp_path: Path) -> None:
    for headings in (
        ("Denumirea companiei", "Persoană de contact", "Funcția", "Telefon mobil", "Oraș", "Cod fiscal"),
        ("DENUMIREA COMPANIEI", "Persoana de contact", "Funcţia", "Telefon mobil", "Oraş", "Cod fiscal"),
    ):
        row = ("SC Agro SRL", "Ion Rusu", "director", "022 71-22-33", "Chișinău", "1003600012345")
        found = read_list(text(tmp_path / "a.csv", [headings, row]))
        assert fields(found) == dict(
            zip(("company", "contact", "position", "phone", "city", "tax_id"), row, strict=True)
        )
