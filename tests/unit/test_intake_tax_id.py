"""A tax number decides who a client is, so only one beyond doubt is read (MATCHING §8)."""

import pytest

from services.intake.rules import tax_id


@pytest.mark.parametrize(
    ("raw", "number"),
    [
        ("7707083893", "7707083893"),
        ("ИНН 7707083893", "7707083893"),
        ("7707083893/770701001", "7707083893"),
        ("7707083893.0", "7707083893"),
        ("500100732259", "500100732259"),
        ("МФО 044525225, ИНН 7707083893", "7707083893"),
        ("IDNO 1002600048836", "MD1002600048836"),
    ],
)
def test_a_number_whose_check_digits_are_right_is_read(raw: str, number: str) -> None:
    assert tax_id.normalise(raw)[0] == number


@pytest.mark.parametrize(
    "raw",
    [
        "7707083894",
        "500100732258",
        "0000000000",
        "1111111111",
        "1003600015232",
        "12345",
        "1027700132195",
        "нет",
        "",
        "-",
    ],
)
def test_a_wrong_number_and_a_register_number_decide_nothing(raw: str) -> None:
    assert tax_id.normalise(raw)[0] == ""


def test_a_number_that_two_countries_could_have_given_decides_nothing() -> None:
    doubtful = next(
        str(number)
        for number in range(190000000, 191000000)
        if tax_id.is_belarusian(str(number)) and tax_id.is_inn(f"0{number}")
    )
    assert tax_id.normalise(doubtful) == ("", ("tax_id_ambiguous",))


@pytest.mark.parametrize("wrong", range(10))
def test_no_single_wrong_digit_passes(wrong: int) -> None:
    right = "7707083893"
    for place in range(10):
        written = right[:place] + str(wrong) + right[place + 1 :]
        assert tax_id.is_inn(written) == (written == right)
