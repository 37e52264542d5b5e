"""A hostile file takes nothing along: what is too much is refused, and a reader that is killed is told of."""

from __future__ import annotations

import os
import signal
import sys
import tracemalloc
from dataclasses import replace
from pathlib import Path

import pytest
import xlsxwriter

from estafeta.lists.limits import LIMITS, Limits
from estafeta.lists.reading import FileTooLarge, UnreadableFile, read_list


def text(path: Path, content: str) -> Path:
    path.write_text(content, "utf-8")
    return path


def book_of(path: Path, rows: int, sheets: int = 1) -> Path:
    with xlsxwriter.Workbook(path) as book:
        for number in range(sheets):
            sheet = book.add_worksheet(f"Лист {number + 1}")
            sheet.write_row(0, 0, ["Компания", "Телефон"])
            for at in range(1, rows):
                sheet.write_row(at, 0, [f"Фирма {number} {at}", f"20-{at}"])
    return path


# ── the child process ───────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("limits", "said"),
    [
        (replace(LIMITS, wall=0.01), "it took longer than 0.01 s"),
        (replace(LIMITS, spool=100), "do not fit on the disk"),
        (replace(LIMITS, memory=90 * 1024**2), "it needs more than 90 MiB of memory"),
    ],
)
@pytest.mark.skipif(sys.platform != "linux", reason="the limits are those of Linux")
def test_a_reader_that_goes_beyond_its_limits_is_stopped_and_told(tmp_path: Path, limits: Limits, said: str) -> None:
    with xlsxwriter.Workbook(tmp_path / "a.xlsx") as book:
        sheet = book.add_worksheet()
        sheet.write_row(0, 0, ["Компания", "Телефон"])
        sheet.write_row(1, 0, ["Вега", "x" * 200])
        sheet.write(6_000, 900, "x")
    with pytest.raises(FileTooLarge) as caught:
        read_list(tmp_path / "a.xlsx", limits=limits)
    assert said in caught.value.problem
    assert caught.value.problem.startswith("a.xlsx: ")
    assert caught.value.remedy


@pytest.mark.skipif(sys.platform != "linux", reason="the limits are those of Linux")
def test_a_reader_that_burns_the_processor_is_stopped(tmp_path: Path) -> None:
    path = text(tmp_path / "a.csv", "Компания;Телефон\n" + '"' * 39 + "Вега;20-13-04\n" * 400_000)
    with pytest.raises(FileTooLarge, match="more than 1 s of the processor"):
        read_list(path, limits=replace(LIMITS, cpu=1))


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSEGV, signal.SIGABRT])
def test_a_reader_that_somebody_kills_is_told_of(
    tmp_path: Path, how: signal.Signals, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The program that is started in the child's place dies as a reader with a hole in it would."""
    program = tmp_path / "python"
    program.write_text(f"#!/bin/sh\nkill -{int(how)} $$\n")
    program.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(program))
    path = text(tmp_path / "a.csv", "Компания;Телефон\nВега;20-13-04\n")
    with pytest.raises((FileTooLarge, UnreadableFile)) as caught:
        read_list(path)
    assert caught.value.problem.startswith("a.csv: ")
    assert caught.value.remedy


@pytest.mark.skipif(sys.platform == "win32", reason="there are none")
def test_what_is_no_file_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.csv")
    for path in (tmp_path / "pipe.csv", tmp_path, Path("/dev/zero")):
        with pytest.raises(UnreadableFile, match="this is no file"):
            read_list(path)


# ── too much of everything ──────────────────────────────────────────────────────────────────────────────────────────


def test_too_many_sheets_are_refused_and_hidden_ones_count(tmp_path: Path) -> None:
    path = book_of(tmp_path / "a.xlsx", 2, sheets=4)
    assert len(read_list(path, limits=replace(LIMITS, sheets=4)).rows) == 4
    with pytest.raises(FileTooLarge, match="it has 4 sheets; at most 3 are read"):
        read_list(path, limits=replace(LIMITS, sheets=3))


def test_too_many_merged_cells_are_refused_with_their_sheet(tmp_path: Path) -> None:
    with xlsxwriter.Workbook(tmp_path / "a.xlsx") as book:
        sheet = book.add_worksheet("Гости")
        sheet.write_row(0, 0, ["Компания", "Телефон"])
        for at in range(1, 20, 2):
            sheet.merge_range(at, 0, at + 1, 0, "Вега")
    assert len(read_list(tmp_path / "a.xlsx").rows) == 19
    with pytest.raises(FileTooLarge, match="the sheet «Гости» has 10 merged cells; at most 9"):
        read_list(tmp_path / "a.xlsx", limits=replace(LIMITS, merged=9))


def test_a_row_with_too_many_columns_is_rejected_and_the_rest_goes_on(tmp_path: Path) -> None:
    path = text(tmp_path / "a.csv", "Компания;Телефон\nВега;20-13-04\n" + "x;" * 5000 + "x\nОрион;20-13-05\n")
    found = read_list(path)
    assert [row.number for row in found.rows] == [2, 4]
    assert [(row.number, row.reason) for row in found.rejected] == [
        (3, "it has 5001 cells; at most 1,000 are read"),
    ]


def test_a_line_without_an_end_is_rejected_and_the_rest_goes_on(tmp_path: Path) -> None:
    path = text(tmp_path / "a.csv", "Компания;Телефон\nВега;20-13-04\n" + "x" * 3_000_000 + "\nОрион;20-13-05\n")
    found = read_list(path)
    assert [row.number for row in found.rows] == [2, 4]
    assert [(row.number, row.reason) for row in found.rejected] == [(3, "its line is too long to be a row of a list")]


def test_a_giant_cell_rejects_its_row_with_sheet_row_and_column(tmp_path: Path) -> None:
    with xlsxwriter.Workbook(tmp_path / "a.xlsx") as book:
        sheet = book.add_worksheet("Гости")
        sheet.write_row(0, 0, ["Компания", "Телефон"])
        sheet.write_row(1, 0, ["x" * 32_767, "20-13-04"])
        sheet.write_row(2, 0, ["Вега", "20-13-04"])
    found = read_list(tmp_path / "a.xlsx")
    assert [(one.sheet, one.number, one.reason) for one in found.rejected] == [
        ("Гости", 2, "the cell «Компания» is far too many characters long")
    ]
    assert len(found.rows) == 1


def test_formatting_down_to_the_last_row_of_a_sheet_is_no_row(tmp_path: Path) -> None:
    """A sheet whose whole columns bear a border has a million blank rows, and 40 blank columns."""
    with xlsxwriter.Workbook(tmp_path / "a.xlsx") as book:
        sheet, border = book.add_worksheet(), book.add_format({"border": 1})
        sheet.write_row(0, 0, ["Компания", "Телефон"])
        sheet.write_row(1, 0, ["Вега", "20-13-04"])
        for at in range(2, 3_000):
            sheet.write_blank(at, 40, None, border)
        sheet.write_blank(1_048_575, 0, None, border)
    found = read_list(tmp_path / "a.xlsx")
    assert (len(found.rows), found.ignored, found.sheets[0].poured.rows) == (1, [], 2)


# ── long lists ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_long_list_is_told_of_as_it_is_read_and_its_rows_are_not_held(tmp_path: Path) -> None:
    path = text(tmp_path / "a.csv", "Компания;Телефон\n" + "".join(f"Фирма {n};20-{n}\n" for n in range(30_000)))
    told: list[int] = []
    found = read_list(path, tell=told.append)
    assert len(told) > 10 and max(told) == 30_000
    assert len(found.rows) == 30_000
    assert found.rows[29_999].fields.company == "Фирма 29999"
    assert [row.number for row in found.rows[10:13]] == [12, 13, 14]
    assert found.rows[-1] == found.rows[29_999]
    assert found.rows[0] is not found.rows[0]  # made anew, so that nothing of a long list stays in memory
    with pytest.raises(IndexError):
        found.rows[30_000]


def test_two_readers_of_one_list_do_not_disturb_each_other(tmp_path: Path) -> None:
    path = text(tmp_path / "a.csv", "Компания;Телефон\n" + "".join(f"Фирма {n};20-{n}\n" for n in range(5_000)))
    rows = read_list(path).rows
    pairs = zip(rows, rows, strict=True)
    assert all(one == other and (at % 500 or rows[at] == one) for at, (one, other) in enumerate(pairs))


def test_the_memory_of_reading_does_not_grow_with_the_list(tmp_path: Path) -> None:
    """Each row is some 300 bytes as text and ten times that as objects; held are its place and its number."""
    sizes = []
    for rows in (8_000, 16_000):  # both longer than the piece that is read at once
        cells = "".join(f"ООО «Фирма {n}»;Иванов Пётр {n};20-{n};{'я' * 60} {n}\n" for n in range(rows))
        path = text(tmp_path / f"{rows}.csv", "Компания;ФИО;Телефон;Комментарий\n" + cells)
        tracemalloc.start()
        try:
            found = read_list(path)
            assert sum(1 for _ in found.rows) == rows
            sizes.append(tracemalloc.get_traced_memory()[1])
        finally:
            tracemalloc.stop()
    assert sizes[1] - sizes[0] < 8_000 * 100, sizes
