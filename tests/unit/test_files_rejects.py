"""Rejected rows come back as a file that can be mended and imported again."""

from __future__ import annotations

import csv
import zipfile
from pathlib import Path

import pytest
import xlsxwriter
from python_calamine import CalamineWorkbook

from estafeta.lists.reading import Rejected, read_list
from estafeta.lists.rejects import RejectsNotWritten, write_rejects


def table(path: Path, sheet: int = 0) -> list[list[str]]:
    with CalamineWorkbook.from_path(path) as book:
        return [[str(cell) for cell in row] for row in book.get_sheet_by_index(sheet).to_python()]


def test_nothing_is_written_when_nothing_was_rejected(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("Компания;Телефон\nВега;2013040\n", "utf-8")
    assert write_rejects(read_list(tmp_path / "a.csv")) is None
    assert [path.name for path in tmp_path.iterdir()] == ["a.csv"]


def test_rejected_rows_keep_their_cells_and_tell_reason_and_remedy(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("№;Компания;Телефон;Цвет\n1;Вега;20;белый\n2;;;\n3;Орион;2013040;\n", "utf-8")
    refused = [
        Rejected("", 2, "phone: «20» is no telephone", "Write 5 digits or more."),
        Rejected("", 2, "region: unknown", "Name it."),
    ]
    path = write_rejects(read_list(tmp_path / "a.csv"), refused)
    assert path == tmp_path / "a-rejected.xlsx"
    head, row = table(path)
    assert head[:4] == ["№", "Компания", "Телефон", "Цвет"]
    assert all(heading for heading in head)
    assert row == [
        "1", "Вега", "20", "белый", "2", "phone: «20» is no telephone; region: unknown", "Write 5 digits or more. Name it.",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "cell", ["=1+1", "=cmd|' /C calc'!A0", "@sum(A1)", "\tx", "\rx", "-2+3+cmd|' /C calc'!A0", "+a"]
)
def test_no_cell_is_a_formula_even_if_the_workbook_is_saved_as_csv(tmp_path: Path, cell: str) -> None:
    with (tmp_path / "a.csv").open("w", encoding="utf-8", newline="") as out:
        csv.writer(out, delimiter=";").writerows([["Компания", "Телефон"], [cell, "2013040"]])
    first = read_list(tmp_path / "a.csv")
    assert first.rows[0].fields.company == cell.strip()
    path = write_rejects(first, [Rejected("", 2, "=reason", "@remedy")])
    assert path is not None
    assert table(path)[1] == [f"'{cell}", "2013040", "2", "'=reason", "'@remedy"]
    with zipfile.ZipFile(path) as archive:
        assert b"<f>" not in archive.read("xl/worksheets/sheet1.xml")
        assert b'quotePrefix="1"' in archive.read("xl/styles.xml")
    assert read_list(path).rows[0].fields == first.rows[0].fields


@pytest.mark.parametrize("cell", ["+7 495 201-30-40", "-", "+7(495)2013040, 2013041", "http://vega.ru", "007", "12.10"])
def test_telephones_sites_and_numbers_are_written_as_they_came(tmp_path: Path, cell: str) -> None:
    with (tmp_path / "a.csv").open("w", encoding="utf-8", newline="") as out:
        csv.writer(out, delimiter=";").writerows([["Компания", "Телефон"], ["Вега", cell]])
    path = write_rejects(read_list(tmp_path / "a.csv"), [Rejected("", 2, "why", "how")])
    assert path is not None
    assert table(path)[1][1] == cell


def test_a_mended_file_of_rejects_is_read_as_the_first_one_was(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("Компания;Телефон;Телефон 2;Цвет\nВега;+74952013040;-;белый\n", "utf-8")
    first = read_list(tmp_path / "a.csv")
    path = write_rejects(first, [Rejected("", 2, "why", "how")])
    assert path is not None
    second = read_list(path)
    assert [row.fields for row in second.rows] == [row.fields for row in first.rows]


def test_each_sheet_of_the_input_is_a_sheet_of_the_rejects(tmp_path: Path) -> None:
    with xlsxwriter.Workbook(tmp_path / "a.xlsx") as book:
        one, two = book.add_worksheet("Раз"), book.add_worksheet("Два")
        book.add_worksheet("Три").write_column(0, 0, ["Телефон", "2013041"])
        one.write_row(0, 0, ["Компания", "Телефон"])
        one.write_row(1, 0, ["Вега", "1"])
        two.write_row(0, 0, ["Телефон", "Город"])
        two.write_row(1, 0, ["2", "Тула"])
    found = read_list(tmp_path / "a.xlsx")
    path = write_rejects(found, [Rejected("Два", 2, "b", "y"), Rejected("Раз", 2, "a", "x")])
    assert path is not None
    with CalamineWorkbook.from_path(path) as book:
        assert book.sheet_names == ["Раз", "Два"]
    assert table(path)[1] == ["Вега", "1", "2", "a", "x"]
    assert table(path, 1)[1] == ["2", "Тула", "2", "b", "y"]
    assert [(row.sheet, row.fields.phone) for row in read_list(path).rows] == [("Раз", "1"), ("Два", "2")]


def test_a_column_that_the_operator_named_says_so_in_the_rejects(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("Дело;Куда;Цвет\nВега;20-10;белый\nОрион;20-11;синий\n", "utf-8")
    first = read_list(tmp_path / "a.csv", column_map={"Дело": "company", "Куда": "phone"})
    path = write_rejects(first, [Rejected("", row.number, "why", "how") for row in first.rows])
    assert path is not None
    assert table(path)[0][:3] == ["Дело [=company]", "Куда [=phone]", "Цвет"]
    assert [row.fields for row in read_list(path).rows] == [row.fields for row in first.rows]


def test_rejects_of_mended_rejects_have_their_own_columns_once(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("Компания;Телефон\nВега;20\n", "utf-8")
    again = write_rejects(read_list(tmp_path / "a.csv"), [Rejected("", 2, "why", "how")])
    assert again is not None
    last = write_rejects(read_list(again), [Rejected("Отказы", 2, "still", "so")])
    assert last == tmp_path / "a-rejected-rejected.xlsx"
    assert len(table(last)[0]) == 5
    assert table(last)[1] == ["Вега", "20", "2", "still", "so"]


def test_what_a_workbook_cannot_hold_is_cut_and_said(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(
        b"Company;Phone\n" + b"x" * 40_000 + b";1\n\xff\xfe;2\n" + "Вега;2013040\n".encode() * 30
    )
    found = read_list(tmp_path / "a.csv")
    path = write_rejects(found)
    assert path is not None
    assert "cut here" in table(path)[1][0]
    assert table(path)[2][0].startswith("\ufffd")


def test_a_place_where_nothing_can_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("Компания;Телефон\nВега;2013040\n", "utf-8")
    found = read_list(tmp_path / "a.csv")
    (tmp_path / "a-rejected.xlsx").mkdir()
    with pytest.raises(RejectsNotWritten, match="1 rejected rows are not on disk"):
        write_rejects(found, [Rejected("", 2, "why", "how")])
    assert not list(tmp_path.glob("*.part"))
