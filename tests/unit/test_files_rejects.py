"""Rejected rows come back as a file that can be mended and imported again."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
import xlsxwriter

from estafeta.lists.reading import Rejected, read_list
from estafeta.lists.rejects import RejectsNotWritten, write_rejects


def table(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8-sig", newline="") as content:
        return list(csv.reader(content, delimiter=";"))


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
    assert path == tmp_path / "a-rejected.csv"
    head, row = table(path)
    assert head[:4] == ["№", "Компания", "Телефон", "Цвет"]
    assert row == [
        "1", "Вега", "20", "белый", "2", "phone: «20» is no telephone; region: unknown", "Write 5 digits or more. Name it.",
    ]  # fmt: skip
    assert path.read_bytes().startswith(b"\xef\xbb\xbf")


@pytest.mark.parametrize("cell", ["=1+1", "+7 495 201-30-40", "-", "@sum", "\tx", "\rx"])
def test_no_cell_is_a_formula_for_a_spreadsheet_program(tmp_path: Path, cell: str) -> None:
    with (tmp_path / "a.csv").open("w", encoding="utf-8", newline="") as out:
        csv.writer(out, delimiter=";").writerows([["Компания", "Телефон"], ["Вега", cell]])
    path = write_rejects(read_list(tmp_path / "a.csv"), [Rejected("", 2, "=reason", "remedy")])
    assert path is not None
    for written in table(path)[1]:
        assert not written.startswith(("=", "+", "-", "@", "\t", "\r"))
    assert table(path)[1][1] == f"'{cell}"


def test_a_mended_file_of_rejects_is_read_as_the_first_one_was(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("Компания;Телефон;Телефон 2;Цвет\nВега;+74952013040;-;белый\n", "utf-8")
    first = read_list(tmp_path / "a.csv")
    path = write_rejects(first, [Rejected("", 2, "why", "how")])
    assert path is not None
    second = read_list(path)
    assert [row.fields for row in second.rows] == [row.fields for row in first.rows]


def test_sheets_with_different_headings_share_one_table(tmp_path: Path) -> None:
    with xlsxwriter.Workbook(tmp_path / "a.xlsx") as book:
        one, two = book.add_worksheet("Раз"), book.add_worksheet("Два")
        one.write_row(0, 0, ["Компания", "Телефон"])
        one.write_row(1, 0, ["Вега", "1"])
        two.write_row(0, 0, ["Телефон", "Город"])
        two.write_row(1, 0, ["2", "Тула"])
    found = read_list(tmp_path / "a.xlsx")
    path = write_rejects(found, [Rejected("Два", 2, "b", "y"), Rejected("Раз", 2, "a", "x")])
    assert path is not None
    head, *rows = table(path)
    assert head[:3] == ["Компания", "Телефон", "Город"]
    assert [row[:6] for row in rows] == [["Вега", "1", "", "Раз", "2", "a"], ["", "2", "Тула", "Два", "2", "b"]]
    assert [row.fields.phone for row in read_list(path).rows] == ["1", "2"]


def test_a_place_where_nothing_can_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("Компания;Телефон\nВега;2013040\n", "utf-8")
    found = read_list(tmp_path / "a.csv")
    (tmp_path / "a-rejected.csv").mkdir()
    with pytest.raises(RejectsNotWritten, match="1 rejected rows are not on disk"):
        write_rejects(found, [Rejected("", 2, "why", "how")])
    assert not list(tmp_path.glob("*.part"))
