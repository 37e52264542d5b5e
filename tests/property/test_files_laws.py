"""Whatever a list holds and however it is written, every row comes out once, with its cells."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st

from estafeta.lists.plain_text import decode
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
    assert decode(Path("a.csv"), text.encode()).text == text


@given(tables)
def test_a_file_of_rejects_holds_no_formula_and_reads_as_the_input_did(table: list[tuple[str, str, str]]) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "a.csv"
        path.write_bytes(written([["Компания", "Телефон", "Цвет"], *map(list, table)], ";").encode("utf-8-sig"))
        first = read_list(path)
        beside = write_rejects(first, [Rejected("", row.number, "why", "how") for row in first.rows])
        if beside is None:
            assert not first.rows
            return
        with beside.open(encoding="utf-8-sig", newline="") as content:
            for row in csv.reader(content, delimiter=";"):
                assert not any(cell.startswith(("=", "+", "-", "@", "\t", "\r")) for cell in row)
        assert [row.fields for row in read_list(beside).rows] == [row.fields for row in first.rows]
