"""The encoding of a text file is found by what it says, on long lists and on the shortest ones."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import pytest

from estafeta.lists.encoding import errors_of, find_encoding
from estafeta.lists.reading import UnknownEncoding, read_list

LIST = "Компания;Контакт;Телефон\nООО «Вега»;Ёлкина Юлия;+7 (495) 201-30-40\nОрион;Пётр Щукин;2013041\n"
MAC = (
    "Вега;Иванов",
    "ООО ВЕГА;ИВАНОВ ПЕТР;2013040",
    "Завод №7;Цой",
    "ЗАО «Съёмка»",
    "ZAO Sorokin;Nikolay Yudin;88337411128;Киров",
    "OOO DONTREYD;Никольский Марат;659-91-72;",
    "ТОО «Акатехим»;Закирова;+7 (727) 338-25-11",
    "Общество с ограниченной ответственностью Югтрейд;Демидов Дмитрий;79858665580",
)
SHORT = ("Вега;Иванов", "ООО ВЕГА;ИВАНОВ ПЕТР;2013040", "ромашка;сидорова анна", "Завод №7;Цой", "ЗАО «Съёмка»")


def decode(raw: bytes) -> str:
    encoding = find_encoding(Path("a.csv"), BytesIO(raw))
    return raw.decode(encoding, errors_of(encoding))


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
        ("mac_cyrillic", "mac_cyrillic"),
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
    assert decode(raw) == raw.decode(encoding)


@pytest.mark.parametrize("content", MAC)
@pytest.mark.parametrize("encoding", ["mac_cyrillic", "cp1251"])
def test_mac_cyrillic_is_not_taken_for_windows_1251_on_a_single_line(content: str, encoding: str) -> None:
    """Their small letters are the same bytes: the capitals tell them apart."""
    assert decode(content.encode(encoding)) == content


@pytest.mark.parametrize("spoilt", ["ООО Вега", "Компания Газпродукт"])
def test_cells_that_another_program_has_spoilt_do_not_spoil_the_rest(spoilt: str) -> None:
    content = f"{spoilt.encode().decode('cp1251', 'ignore')};Церетели Петр Иванович;;Москва\n"
    assert decode(content.encode("cp1251")) == content


@pytest.mark.parametrize("heading", ["Компания;Телефон", "Фамилия;Имя", "ФИРМА;ТЕЛ", "почта"])
@pytest.mark.parametrize("encoding", ["cp1251", "koi8_r"])
def test_a_heading_alone_betrays_the_encoding(heading: str, encoding: str) -> None:
    assert decode(heading.encode(encoding)) == heading


def test_western_letters_are_not_taken_for_russian() -> None:
    content = "Firma;Kontakt\nMüller & Söhne GmbH;Jürgen Größe\n"
    assert decode(content.encode("cp1252")) == content


def test_romanian_letters_of_windows_1250_are_told_from_western_ones() -> None:
    content = "Denumire;Persoană de contact;Oraş\nSRL Ţară Nouă;Ştefan Rusu;Chişinău\nMica;Ion Crăciun;Bălţi\n"
    assert decode(content.encode("cp1250")) == content


def test_utf8_that_is_cut_off_in_the_middle_of_a_letter_is_still_utf8() -> None:
    assert decode((LIST * 5).encode()[:-2] + b"\xd0") == (LIST * 5).encode()[:-2].decode() + "\udcd0"


def test_a_letter_on_the_border_of_two_pieces_is_whole() -> None:
    content = "x" + "я" * (1024**2)
    assert decode(content.encode()) == content


def test_bytes_of_no_encoding_are_refused_with_the_place_and_the_remedy() -> None:
    raw = b"Company;Phone\n" + bytes(range(0x80, 0x100)) * 10
    with pytest.raises(UnknownEncoding) as caught:
        decode(raw)
    assert "byte 15 is no UTF-8" in caught.value.problem
    assert "XLSX" in caught.value.remedy
