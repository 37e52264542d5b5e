"""Text that a program has read in the wrong encoding, or typed on two keyboards, is read as it was meant (MATCHING §1)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.intake.rules import company_name, person_name
from services.intake.rules.script import clean, repair_look_alikes

TEXTS = ["ООО «Ромашка»", "Общество с ограниченной ответственностью “Мусин”", "ИП Рыбаков И.Г.", "Шурин, Ёлкин и Ко"]


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize(("sent", "read"), [("utf-8", "cp1251"), ("utf-8", "latin-1"), ("cp1251", "cp1252")])
def test_text_read_in_the_wrong_encoding_is_read_again(text: str, sent: str, read: str) -> None:
    misread = text.encode(sent).decode(read, "replace")
    assert misread != text
    assert clean(misread) == text


def test_a_misread_name_is_found_like_the_name_and_a_misread_contact_like_the_contact() -> None:
    company, contact = (text.encode().decode("cp1251", "replace") for text in ("ООО «Балтконсалт»", "Иванова Анна"))
    assert company_name.normalise(company)[0] == company_name.normalise("ООО «Балтконсалт»")[0]
    assert [one.key for one in person_name.normalise(contact)[0]] == ["иванов"]


@pytest.mark.parametrize(
    "text",
    [
        "РС-Сервис",
        "ООО «РЁВА»",
        "Müller & Söhne",
        "Société à Câblé",
        "Întreprinderea Țurcan",
        "С «Р» «С»",
        "Р — С — Р",
        "Ñandú",
    ],
)
def test_text_that_makes_sense_stays(text: str) -> None:
    assert clean(text) == text


@given(st.text(alphabet="РСрсВ«»—°±Ѓѓ„…†‡€‰ђ‘’“”•–™љќ§©®іёÐÑÂâà ", max_size=30))
def test_reading_again_never_fails_and_never_loses_a_name(text: str) -> None:
    assert clean(text) or not text.strip() or not any(letter.isalnum() for letter in text)


def test_the_accent_that_shows_how_a_name_is_spoken_is_no_letter() -> None:
    assert [one.key for one in person_name.normalise("Ива\u0301нов Пётр")[0]] == ["иванов"]
    name, _ = company_name.normalise("ООО «За\u0301мок»")
    assert name is not None
    assert name.core == "замок"


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("ЧTУП “Aвиaдизaйн-C”", "ЧТУП “Авиадизайн-С”"),
        ("Игнaтьeв B.A.", "Игнатьев В.А."),
        ("Beнтa COK", "Вента СОК"),
        ("Рассвет-C", "Рассвет-C"),
        ("Вента IT", "Вента IT"),
    ],
)
def test_letters_beside_a_mixed_word_come_from_the_same_keyboard(typed: str, meant: str) -> None:
    assert repair_look_alikes(typed) == meant
