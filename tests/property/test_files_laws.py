"""Whatever a list holds and however it is written, every row comes out once, with its cells."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from python_calamine import CalamineWorkbook

from estafeta.lists import guard
from estafeta.lists.contents import guess
from estafeta.lists.encoding import find_encoding
from estafeta.lists.pouring import pour
from estafeta.lists.reading import Rejected, read_list
from estafeta.lists.rejects import write_rejects
from estafeta.lists.trouble import FileTrouble
from estafeta.sample.generator import exhibition, world

ROWS = [row.fields for row in exhibition(world(200, 5), 600, 6)]
HEADINGS = {"company": "Компания", "contact": "Контакт", "phone": "Телефон", "email": "Почта", "city": "Город"}

cells = st.text(st.characters(blacklist_categories=["Cs", "Cc"]), max_size=30)
tables = st.lists(
    st.tuples(cells, cells, cells).filter(lambda row: any(cell.strip() for cell in row)), min_size=1, max_size=8
)


@pytest.fixture(autouse=True, scope="module")
def _in_this_process() -> Iterator[None]:
    """Thousands of files are read here: what the child process does is done in this one."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(guard, "pour_guarded", pour)
        yield


def read_bytes(content: bytes, name: str = "a.csv") -> list[tuple[int, dict[str, str]]]:
    with TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(content)
        return [(row.number, row.fields.model_dump()) for row in read_list(path).rows]


def written(rows: list[list[str]], delimiter: str) -> str:
    out = io.StringIO(newline="")
    csv.writer(out, delimiter=delimiter).writerows(rows)
    return out.getvalue()


@given(
    picked=st.lists(st.sampled_from(ROWS), min_size=1, max_size=6),
    delimiter=st.sampled_from([";", ",", "\t", "|"]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "cp1251", "koi8_r"]),
)
def test_a_short_russian_list_is_read_the_same_in_every_encoding(
    picked: list[dict[str, str]], delimiter: str, encoding: str
) -> None:
    rows = [[row[field] for field in HEADINGS] for row in picked]
    content = written([list(HEADINGS.values()), *rows], delimiter).encode(encoding, "replace")
    expected = read_bytes(content.decode(encoding).encode("utf-8-sig"))
    assert read_bytes(content) == expected
    assert len(expected) == sum(any(cell.strip() for cell in row) for row in rows)


@given(table=tables, delimiter=st.sampled_from([";", ",", "\t", "|"]))
def test_any_text_in_a_cell_comes_through(table: list[tuple[str, str, str]], delimiter: str) -> None:
    content = written([["Компания", "Телефон", "Комментарий"], *map(list, table)], delimiter)
    with TemporaryDirectory() as folder:
        path = Path(folder) / "a.csv"
        path.write_bytes(content.encode("utf-8-sig"))
        found = read_list(path)
    assert not found.rejected
    taken = {row.number: [row.fields.company, row.fields.phone, row.fields.comment] for row in found.rows}
    left_out = {row.number: row.reason for row in found.ignored}
    for number, row in enumerate(table, start=2):
        cells = [_seen(cell) for cell in row]
        if number in taken:
            assert taken[number] == cells
        else:
            # only a row that says so itself is no lead
            first = next((cell for cell in cells if cell), "").casefold()
            assert left_out[number] == ("footer" if first else "blank")
            assert not first or any(
                word in first for word in ("итого", "всего", "total", "конец", "составил", "подпись")
            )


def _seen(cell: str) -> str:
    cell = cell.replace("\u200b", "").replace("\ufeff", "")
    return (cell[1:] if cell[:1] == "'" and cell[1:2] in set("=+-@") else cell).strip()


@given(st.binary(max_size=400))
@settings(max_examples=300)
def test_no_bytes_make_the_reader_fall_over(content: bytes) -> None:
    try:
        read_bytes(content)
    except FileTrouble as trouble:
        assert trouble.problem and trouble.remedy


@given(st.text(st.sampled_from("абвгдежзиклмнопрстуАБВГДЕ ;\n1a"), min_size=1, max_size=200))
def test_text_that_is_utf8_is_never_taken_for_anything_else(text: str) -> None:
    assert find_encoding(Path("a.csv"), io.BytesIO(text.encode())) == "utf-8"


@given(tables)
@settings(max_examples=40)
def test_a_file_of_rejects_holds_no_formula_and_reads_as_the_input_did(table: list[tuple[str, str, str]]) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "a.csv"
        path.write_bytes(written([["Компания", "Телефон", "Цвет"], *map(list, table)], ";").encode("utf-8-sig"))
        first = read_list(path)
        beside = write_rejects(first, [Rejected("", row.number, "why", "how") for row in first.rows])
        if beside is None:
            assert not first.rows
            return
        with CalamineWorkbook.from_path(beside) as book:
            for row in book.get_sheet_by_index(0).to_python():
                for cell in map(str, row):
                    assert not cell.startswith(("=", "@", "\t", "\r"))
                    assert not (cell.startswith(("+", "-")) and any(char.isalpha() or char in "|!" for char in cell))
        assert [row.fields for row in read_list(beside).rows] == [row.fields for row in first.rows]


@given(tables, st.integers(1, 40))
def test_rows_read_one_by_one_are_those_read_in_order(table: list[tuple[str, str, str]], times: int) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "a.csv"
        path.write_bytes(written([["Компания", "Телефон", "Цвет"], *map(list, table * times)], ";").encode("utf-8-sig"))
        rows = read_list(path).rows
    assert [rows[at] for at in range(len(rows))] == list(rows) == rows[:]


@given(st.lists(cells, max_size=20))
def test_no_cells_make_the_guess_fall_over(column: list[str]) -> None:
    found = guess(column)
    assert found is None or 0 < found.share <= 1


@settings(max_examples=50)
@given(
    lines=st.lists(st.text(st.sampled_from('аб";,\n\r '), max_size=12), min_size=1, max_size=60),
    shift=st.integers(0, 60),
)
def test_a_stray_quotation_mark_anywhere_loses_no_line_with_a_telephone(lines: list[str], shift: int) -> None:
    """However marks and line ends are strewn, what stands after the last of them is read as it is."""
    good = [f"Фирма {number};20-13-{number:02}" for number in range(45)]
    content = "\n".join(["Компания;Телефон", *lines[:shift], *good])
    numbers = {row["phone"] for _, row in read_bytes(content.encode("utf-8-sig"))}
    assert {f"20-13-{number:02}" for number in range(1, 45)} <= numbers
