"""The encoding of a text file is found by what it says, on long lists and on the shortest ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from estafeta.lists.plain_text import decode
from estafeta.lists.reading import UnknownEncoding, read_list

LIST = "Компания;Контакт;Телефон\nООО «Вега»;Ёлкина Юлия;+7 (495) 201-30-40\nОрион;Пётр Щукин;2013041\n"
SHORT = ("Вега;Иванов", "ООО ВЕГА;ИВАНОВ ПЕТР;2013040", "ромашка;сидорова анна", "Завод №7;Цой", "ЗАО «Съёмка»")


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("utf-8", "utf-8"),
        ("utf-8-sig", "utf-8-sig"),
        ("utf-16", "utf-16"),
        ("utf-16-le", "utf-16-le"),
        ("utf-16-be", "utf-16-be"),
        ("cp1251", "cp1251"),
        ("koi8_r", "koi8_r"),
        ("cp866", "cp866"),
    ],
)
def test_a_list_is_read_in_any_usual_encoding(tmp_path: Path, written: str, told: str) -> None:
    content = LIST.replace("«", '"').replace("»", '"').replace('ООО "Вега"', "ООО Вега")
    path = tmp_path / "a.csv"
    path.write_bytes(content.encode(written))
    found = read_list(path)
    assert found.encoding == told
    assert [row.fields.contact for row in found.rows] == ["Ёлкина Юлия", "Пётр Щукин"]


@pytest.mark.parametrize("content", SHORT)
@pytest.mark.parametrize("encoding", ["cp1251", "koi8_r"])
def test_windows_1251_and_koi8_r_are_told_apart_on_a_single_line(content: str, encoding: str) -> None:
    raw = content.encode(encoding, "ignore")
    assert decode(Path("a.csv"), raw).text == raw.decode(encoding)


@pytest.mark.parametrize("heading", ["Компания;Телефон", "Фамилия;Имя", "ФИРМА;ТЕЛ", "почта"])
@pytest.mark.parametrize("encoding", ["cp1251", "koi8_r"])
def test_a_heading_alone_betrays_the_encoding(heading: str, encoding: str) -> None:
    assert decode(Path("a.csv"), heading.encode(encoding)).text == heading


def test_western_letters_are_not_taken_for_russian() -> None:
    content = "Firma;Kontakt\nMüller & Söhne GmbH;Jürgen Größe\n"
    assert decode(Path("a.csv"), content.encode("cp1252")).text == content


def test_bytes_of_no_encoding_are_refused_with_the_place_and_the_remedy() -> None:
    raw = b"Company;Phone\n" + bytes(range(0x80, 0x100)) * 10
    with pytest.raises(UnknownEncoding) as caught:
        decode(Path("a.csv"), raw)
    assert "byte 15 is no UTF-8" in caught.value.problem
    assert "XLSX" in caught.value.remedy
