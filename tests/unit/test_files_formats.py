"""The other workbooks that people send: XLS and ODS as well as XLSX, with passwords, macros, formulas and broken parts."""

from __future__ import annotations

import struct
import zipfile
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter

from estafeta.lists.reading import FileList, UnreadableFile, read_list
from estafeta.lists.trouble import FileTrouble

LIST: list[list[Any]] = [
    ["Компания", "Телефон", "Город"],
    ["ООО «Вега»", 79161234567, "Тула"],
    ["Орион", "20-13-04", ""],
]

# ── writers, as small as they can be ────────────────────────────────────────────────────────────────────────────────


def compound(streams: dict[str, bytes]) -> bytes:
    """A compound file (the container of XLS and of encrypted XLSX) with these streams, each padded to 4,096 bytes."""
    sector, free, end = 512, 0xFFFFFFFF, 0xFFFFFFFE
    bodies = [body.ljust(max(4096, -(-len(body) // sector) * sector), b"\0") for body in streams.values()]
    fat, starts = [0xFFFFFFFD, end], []
    for body in bodies:
        starts.append(len(fat))
        fat += [*range(len(fat) + 1, len(fat) + len(body) // sector), end]
    fat += [free] * (sector // 4 - len(fat))
    assert len(fat) == sector // 4, "one sector of the allocation table must do"

    def entry(name: str, kind: int, child: int, right: int, start: int, size: int) -> bytes:
        text = name.encode("utf-16-le") + b"\0\0"
        head = text.ljust(64, b"\0") + struct.pack("<HBB3I", len(text), kind, 1, free, right, child)
        return head + b"\0" * 36 + struct.pack("<IQ", start, size)

    entries = entry("Root Entry", 5, 1, free, end, 0)
    for at, (name, body) in enumerate(zip(streams, bodies, strict=True)):
        right = at + 2 if at + 1 < len(bodies) else free
        entries += entry(name, 2, free, right, starts[at], len(body))
    head = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 16 + struct.pack("<5H", 0x3E, 3, 0xFFFE, 9, 6) + b"\0" * 6
    head += struct.pack("<9I", 0, 1, 1, 0, 4096, end, 0, end, 0) + struct.pack("<109I", 0, *[free] * 108)
    return head + struct.pack(f"<{len(fat)}I", *fat) + entries.ljust(sector, b"\0") + b"".join(bodies)


def record(kind: int, body: bytes = b"") -> bytes:
    return struct.pack("<HH", kind, len(body)) + body


def xls(sheets: dict[str, list[list[Any]]], *, password: bool = False) -> bytes:
    """An XLS file (BIFF8) with these sheets: text and numbers."""
    pages = []
    for rows in sheets.values():
        page = record(0x0809, struct.pack("<HHHHII", 0x0600, 0x0010, 0, 1996, 0, 0))
        for at, row in enumerate(rows):
            for index, cell in enumerate(row):
                if isinstance(cell, str):
                    text = struct.pack("<HHHHB", at, index, 0, len(cell), 1) + cell.encode("utf-16-le")
                    page += record(0x0204, text)
                else:
                    page += record(0x0203, struct.pack("<HHHd", at, index, 0, cell))
        pages.append(page + record(0x000A))
    names = [name.encode("utf-16-le") for name in sheets]
    globals_ = record(0x0809, struct.pack("<HHHHII", 0x0600, 0x0005, 0, 1996, 0, 0))
    globals_ += record(0x002F, struct.pack("<HHH", 1, 1, 1) + b"\0" * 48) if password else b""
    place = len(globals_) + sum(12 + len(name) for name in names) + 4
    for name, page in zip(names, pages, strict=True):
        globals_ += record(0x0085, struct.pack("<IBBBB", place, 0, 0, len(name) // 2, 1) + name)
        place += len(page)
    return compound({"Workbook": globals_ + record(0x000A) + b"".join(pages)})


def ods(path: Path, sheets: dict[str, list[list[Any]]], *, manifest: str = "", repeat: int = 1) -> Path:
    """An ODS file with these sheets; the last cell of each row is repeated."""
    tables = []
    for name, rows in sheets.items():
        body = []
        for row in rows:
            cells = []
            for index, cell in enumerate(row):
                again = f' table:number-columns-repeated="{repeat}"' if index == len(row) - 1 and repeat > 1 else ""
                if isinstance(cell, str):
                    cells.append(
                        f'<table:table-cell office:value-type="string"{again}><text:p>{cell}</text:p></table:table-cell>'
                    )
                else:
                    cells.append(f'<table:table-cell office:value-type="float" office:value="{cell}"{again}/>')
            body.append(f"<table:table-row>{''.join(cells)}</table:table-row>")
        # as LibreOffice ends every sheet: a million blank rows in one line
        body.append('<table:table-row table:number-rows-repeated="1048000"><table:table-cell/></table:table-row>')
        tables.append(f'<table:table table:name="{name}">{"".join(body)}</table:table>')
    spaces = " ".join(
        f'xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"' for name in ("office", "table", "text")
    )
    content = (
        f'<?xml version="1.0" encoding="UTF-8"?><office:document-content {spaces}><office:body><office:spreadsheet>'
        f"{''.join(tables)}</office:spreadsheet></office:body></office:document-content>"
    )
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet", zipfile.ZIP_STORED)
        archive.writestr("META-INF/manifest.xml", f"<manifest>{manifest}</manifest>")
        archive.writestr("content.xml", content)
    return path


def xlsx(path: Path, rows: list[list[Any]]) -> Path:
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet("Лист1")
        for at, row in enumerate(rows):
            sheet.write_row(at, 0, row)
    return path


def with_part(path: Path, name: str, content: bytes) -> Path:
    """The same archive with one part added or replaced."""
    with zipfile.ZipFile(path) as archive:
        parts = {entry.filename: archive.read(entry) for entry in archive.infolist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for part, body in (parts | {name: content}).items():
            archive.writestr(part, body)
    return path


def seen(found: FileList) -> list[tuple[int, str, str, str]]:
    return [(row.number, row.fields.company, row.fields.phone, row.fields.city) for row in found.rows]


SAME = [(2, "ООО «Вега»", "79161234567", "Тула"), (3, "Орион", "20-13-04", "")]

# ── XLS, ODS ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_one_list_is_read_alike_from_xls_ods_and_xlsx(tmp_path: Path) -> None:
    (tmp_path / "a.xls").write_bytes(xls({"Лист1": LIST}))
    ods(tmp_path / "a.ods", {"Лист1": LIST})
    xlsx(tmp_path / "a.xlsx", LIST)
    for kind in ("xls", "ods", "xlsx"):
        found = read_list(tmp_path / f"a.{kind}")
        assert seen(found) == SAME, kind
        assert (found.format, found.encoding, found.sheets[0].name) == (kind, None, "Лист1")


def test_a_workbook_is_known_by_its_bytes_not_by_its_name(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(xls({"Лист1": LIST}))
    assert seen(read_list(tmp_path / "a.csv")) == SAME
    (tmp_path / "b.xls").write_text("Компания;Телефон;Город\nООО «Вега»;79161234567;Тула\nОрион;20-13-04;\n", "cp1251")
    assert seen(read_list(tmp_path / "b.xls")) == SAME


def test_several_sheets_of_an_xls_and_an_ods_are_read_and_one_can_be_named(tmp_path: Path) -> None:
    sheets = {"Первый": LIST[:2], "Второй": [LIST[0], LIST[2]], "Итог": [["всё"]]}
    (tmp_path / "a.xls").write_bytes(xls(sheets))
    ods(tmp_path / "a.ods", sheets)
    for kind in ("xls", "ods"):
        found = read_list(tmp_path / f"a.{kind}")
        assert [(row.sheet, row.number) for row in found.rows] == [("Первый", 2), ("Второй", 2)]
        assert found.warnings == ["the sheet «Итог» has no headings that are understood and was passed over"]
        assert [row.sheet for row in read_list(tmp_path / f"a.{kind}", sheet="второй").rows] == ["Второй"]


def test_cells_repeated_a_million_times_reject_their_rows_only(tmp_path: Path) -> None:
    rows = [*LIST, ["Лютик", "20-13-05", "x"]]
    path = ods(tmp_path / "a.ods", {"Лист1": rows}, repeat=1_000_000_000)
    found = read_list(path)
    assert [row.number for row in found.rows] == [3]
    assert [(row.number, row.reason) for row in found.rejected] == [
        (2, "it has 16384 cells; at most 1,000 are read"),
        (4, "it has 16384 cells; at most 1,000 are read"),
    ]


# ── passwords, macros, formulas, damage ─────────────────────────────────────────────────────────────────────────────


def test_a_password_is_named_with_its_remedy_in_every_format(tmp_path: Path) -> None:
    (tmp_path / "a.xls").write_bytes(xls({"Лист1": LIST}, password=True))
    (tmp_path / "a.xlsx").write_bytes(
        compound({"EncryptionInfo": b"\4\0\4\0@\0\0\0<encryption/>", "EncryptedPackage": b"\1" * 64})
    )
    ods(tmp_path / "a.ods", {"Лист1": LIST}, manifest='<manifest:encryption-data manifest:checksum="x"/>')
    for kind in ("xls", "xlsx", "ods"):
        with pytest.raises(UnreadableFile, match="protected by a password") as caught:
            read_list(tmp_path / f"a.{kind}")
        assert "Take the password off" in caught.value.remedy


def test_macros_are_let_lie(tmp_path: Path) -> None:
    path = with_part(xlsx(tmp_path / "a.xlsm", LIST), "xl/vbaProject.bin", b"\xd0\xcf\x11\xe0 Auto_Open")
    assert seen(read_list(path)) == SAME


def test_of_a_formula_the_value_is_read_and_nothing_is_calculated(tmp_path: Path) -> None:
    with xlsxwriter.Workbook(tmp_path / "a.xlsx") as book:
        sheet = book.add_worksheet()
        sheet.write_row(0, 0, ["Компания", "Телефон", "Комментарий"])
        sheet.write_formula(1, 0, '=CONCATENATE("ООО ","Вега")', None, "ООО Вега (посчитано тогда)")
        sheet.write_formula(1, 1, "=[other.xlsx]A!A1", None, "20-13-04")
        sheet.write_formula(1, 2, "=cmd|'/C calc'!A0", None, "тихо")
        sheet.write_string(2, 0, "=cmd|'/C calc'!A0")
        sheet.write_formula(2, 1, "=1/0", None, "#DIV/0!")
    rows = read_list(tmp_path / "a.xlsx").rows
    assert (rows[0].fields.company, rows[0].fields.phone, rows[0].fields.comment) == (
        "ООО Вега (посчитано тогда)",
        "20-13-04",
        "тихо",
    )
    assert (rows[1].fields.company, rows[1].fields.phone) == ("=cmd|'/C calc'!A0", "")


def test_a_declared_entity_does_not_blow_up(tmp_path: Path) -> None:
    """A thousand million laughs: what XML readers of another make expand to gigabytes."""
    laughs = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
    shared = (
        f'<?xml version="1.0"?><!DOCTYPE sst [<!ENTITY l0 "ha">{laughs}]>'
        '<sst xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><si><t>Компания</t></si>'
        "<si><t>Телефон</t></si><si><t>Город</t></si><si><t>&l9;</t></si><si><t>Тула</t></si><si><t>b</t></si>"
        "<si><t>c</t></si></sst>"
    )
    path = with_part(xlsx(tmp_path / "a.xlsx", LIST), "xl/sharedStrings.xml", shared.encode())
    try:
        longest = max(len(row.fields.company) for row in read_list(path).rows)
    except UnreadableFile as trouble:
        assert trouble.remedy
    else:
        assert longest < 100


@pytest.mark.parametrize("part", ["xl/workbook.xml", "xl/worksheets/sheet1.xml", "xl/sharedStrings.xml"])
def test_a_broken_part_of_a_workbook_is_told_without_a_traceback(tmp_path: Path, part: str) -> None:
    path = with_part(xlsx(tmp_path / "a.xlsx", LIST), part, b"<broken")
    with pytest.raises(FileTrouble, match=r"a\.xlsx: ") as caught:
        read_list(path)
    assert caught.value.remedy
    assert "Traceback" not in str(caught.value)


@pytest.mark.parametrize("at", [30, 200, 520, 700, 1100, 2000])
def test_an_xls_with_a_flipped_byte_is_read_or_refused_but_never_falls_over(tmp_path: Path, at: int) -> None:
    raw = bytearray(xls({"Лист1": LIST}))
    raw[at] ^= 0xFF
    (tmp_path / "a.xls").write_bytes(raw)
    try:
        found = read_list(tmp_path / "a.xls")
    except FileTrouble as trouble:
        assert trouble.remedy
    else:
        assert len(found.rows) <= 2
