"""A file that cannot be taken is refused with what is wrong, where, and how to mend it."""

from __future__ import annotations

import os
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
import xlsxwriter

from estafeta.lists.limits import LIMITS
from estafeta.lists.reading import (
    EmptyFile,
    FileTooLarge,
    NoHeaderFound,
    UnreadableFile,
    UnsafeArchive,
    read_list,
)


def wrote(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("content", [b"", b"\xef\xbb\xbf", b"\r\n\r\n  \r\n", b";;;\n;;;\n"])
def test_an_empty_file_is_called_empty(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(EmptyFile, match="Ask for it again"):
        read_list(wrote(tmp_path / "a.csv", content))


def test_an_empty_workbook_is_called_empty(tmp_path: Path) -> None:
    with xlsxwriter.Workbook(tmp_path / "a.xlsx") as book:
        book.add_worksheet()
    with pytest.raises(EmptyFile):
        read_list(tmp_path / "a.xlsx")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"%PDF-1.7 ...", "a PDF document"),
        (b"\xff\xd8\xff\xe0JFIF", "a picture"),
        (b"<html><table><tr><td>a</td></tr></table>", "a web page"),
        (b"PK\x03\x04broken", "damaged"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, "no workbook that can be read"),
        (b"\x01\x02\0\0\x07" * 50, "no text"),
    ],
)
def test_what_is_no_list_is_named(tmp_path: Path, content: bytes, said: str) -> None:
    with pytest.raises(UnreadableFile) as caught:
        read_list(wrote(tmp_path / "a.xls", content))
    assert said in caught.value.problem
    assert caught.value.remedy


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFile, match=r"nobody\.csv: it cannot be opened"):
        read_list(tmp_path / "nobody.csv")


def test_a_file_over_100_mb_is_refused_before_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    with path.open("wb") as sparse:
        os.truncate(sparse.fileno(), LIMITS.bytes + 1)
    with pytest.raises(FileTooLarge, match="at most 100"):
        read_list(path)


def test_more_rows_than_one_import_takes_are_refused(tmp_path: Path) -> None:
    limits = replace(LIMITS, rows=11)
    path = wrote(tmp_path / "a.csv", b"Company;Phone\n" + b"A;1234567\n" * 10 + b"\n" * 100)
    assert len(read_list(path, limits=limits).rows) == 10  # blank rows behind the last filled one are none
    with pytest.raises(FileTooLarge, match="more than 11 rows"):
        read_list(wrote(path, path.read_bytes() + b"B;1234568\n"), limits=limits)
    with xlsxwriter.Workbook(tmp_path / "a.xlsx") as book:
        for name in ("Раз", "Два"):
            for at in range(6):
                book.get_worksheet_by_name(name) or book.add_worksheet(name)
                book.get_worksheet_by_name(name).write_row(at, 0, ["Компания", "Телефон"])
    with pytest.raises(FileTooLarge, match="with the sheet «Два» it has more than 11 rows"):
        read_list(tmp_path / "a.xlsx", limits=limits)


def test_a_file_without_headings_is_shown_with_the_headings_that_are_understood(tmp_path: Path) -> None:
    with pytest.raises(NoHeaderFound) as caught:
        read_list(wrote(tmp_path / "a.csv", "ООО Вега;2013040\nОрион;2013041\n".encode()))
    assert "ООО Вега | 2013040" in caught.value.problem
    assert "company: Компания; contact: Контактное лицо; phone: Телефон" in caught.value.remedy


def test_a_sheet_that_is_not_there_is_answered_with_those_that_are(tmp_path: Path) -> None:
    with xlsxwriter.Workbook(tmp_path / "a.xlsx") as book:
        book.add_worksheet("Посетители").write_row(0, 0, ["Компания", "Телефон"])
    with pytest.raises(UnreadableFile) as caught:
        read_list(tmp_path / "a.xlsx", sheet="Посетитель")
    assert "Did you mean «Посетители»?" in caught.value.remedy


def test_a_workbook_that_unpacks_to_a_thousand_times_its_size_is_not_opened(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.xlsx", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/worksheets/sheet1.xml", b" " * 20_000_000)
    with pytest.raises(UnsafeArchive, match=r"sheet1\.xml unpacks to \d+ times its size"):
        read_list(tmp_path / "a.xlsx")


def test_a_workbook_of_too_many_or_too_large_parts_is_not_opened(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.xlsx", "w") as archive:
        for number in range(4):
            archive.writestr(f"{number}.xml", os.urandom(1000))
    with pytest.raises(UnsafeArchive, match="4 parts; at most 3"):
        read_list(tmp_path / "a.xlsx", limits=replace(LIMITS, parts=3))
    with pytest.raises(UnsafeArchive, match="unpacks to"):
        read_list(tmp_path / "a.xlsx", limits=replace(LIMITS, inflated=3000))


def test_a_directory_that_lies_about_the_size_is_found_out(tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/worksheets/sheet1.xml", b"x" * 100_000)
    honest = (100_000).to_bytes(4, "little")
    path.write_bytes(path.read_bytes().replace(honest, (1_000).to_bytes(4, "little")))
    with pytest.raises(UnreadableFile, match="damaged"):
        read_list(path)


def test_a_stray_cell_in_the_last_corner_does_not_take_the_program_along(tmp_path: Path) -> None:
    with xlsxwriter.Workbook(tmp_path / "a.xlsx") as book:
        sheet = book.add_worksheet()
        sheet.write_row(0, 0, ["Компания", "Телефон"])
        sheet.write(1_048_575, 16_383, "x")
    with pytest.raises(FileTooLarge, match=r"2,048 MiB of memory.*stray cell"):
        read_list(tmp_path / "a.xlsx")
