"""The day that a client names in a questionnaire: «через 2 месяца», «около 10 мая» (R4-12)."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.intake.rules.named_date import named_date
from services.intake.rules.questionnaire import Wish, wish_of
from shared.commands import LeadFields

SAID = date(2026, 4, 22)  # the day of the regulation's own example


@pytest.mark.rule("R4-12")
@pytest.mark.parametrize(
    ("term", "named"),
    [
        ("около 10 мая", date(2026, 5, 10)),
        ("10 мая", date(2026, 5, 10)),
        ("May 10", date(2026, 5, 10)),
        ("10.05", date(2026, 5, 10)),
        ("10.05.2026", date(2026, 5, 10)),
        ("2026-05-10", date(2026, 5, 10)),
        ("10.03", date(2027, 3, 10)),
        ("через 2 месяца", date(2026, 6, 22)),
        ("Через два месяца", date(2026, 6, 22)),
        ("after 2 months", date(2026, 6, 22)),
        ("in two months", date(2026, 6, 22)),
        ("peste 2 luni", date(2026, 6, 22)),
        ("2-3 мес.", date(2026, 6, 22)),
        ("через месяц", date(2026, 5, 22)),
        ("через полтора месяца", date(2026, 6, 6)),
        ("через 3 недели", date(2026, 5, 13)),
        ("следующая неделя", date(2026, 4, 29)),
        ("через 10 дней", date(2026, 5, 2)),
        ("полгода", date(2026, 10, 22)),
        ("через год", date(2027, 4, 22)),
        ("в мае", date(2026, 5, 16)),
        ("конец мая", date(2026, 5, 31)),
        ("начало июня 2027", date(2027, 6, 1)),
        ("3 квартал", date(2026, 8, 15)),
        ("Q1 2027", date(2027, 2, 14)),
        ("осенью", date(2026, 9, 1)),
        ("после 15 мая", date(2026, 5, 15)),
        ("15 марта 2027 года", date(2027, 3, 15)),
    ],
)
def test_a_term_names_a_day(term: str, named: date) -> None:
    assert named_date(term, SAID) == named


@pytest.mark.rule("R4-12")
@pytest.mark.parametrize(
    "term",
    ["", "сейчас", "срочно", "asap", "не знаю", "20.04.2026", "31.02.2026", "раз в год", "в этом месяце", "2050-01-01"],
)
def test_what_names_no_day_to_come_gives_none(term: str) -> None:
    assert named_date(term, SAID) is None


@given(st.text(max_size=40), st.dates(min_value=date(2000, 1, 1), max_value=date(2100, 1, 1)))
def test_any_text_gives_a_later_day_or_none(term: str, said: date) -> None:
    named = named_date(term, said)
    assert named is None or said < named


@given(st.integers(1, 10**9), st.sampled_from(["дней", "недель", "месяцев", "лет", "кварталов", "weeks"]), st.dates())
def test_any_number_of_units_gives_a_later_day_or_none(count: int, unit: str, said: date) -> None:
    if said.year > 9000:
        return
    named = named_date(f"через {count} {unit}", said)
    assert named is None or said < named


@pytest.mark.rule("R4-12")
def test_a_term_counts_from_the_day_of_filling_in() -> None:
    fields = LeadFields(term="через 2 месяца", filled_on="20.04.2026", callback="да")
    assert wish_of(fields, date(2026, 5, 5)) == Wish(date(2026, 6, 20), date(2026, 4, 20), wishes_call=True)


@pytest.mark.rule("R4-12")
def test_a_day_of_filling_in_that_is_to_come_is_not_believed() -> None:
    fields = LeadFields(term="через 2 месяца", filled_on="20.04.2027")
    assert wish_of(fields, SAID) == Wish(date(2026, 6, 22), SAID, wishes_call=None)


@pytest.mark.parametrize(
    ("callback", "wishes"), [("да", True), ("после 15:00", True), ("Нет", False), ("не звонить", False), ("", None)]
)
def test_whether_he_wishes_to_be_called_is_read(callback: str, *, wishes: bool | None) -> None:
    assert wish_of(LeadFields(callback=callback), SAID) == Wish(wishes_call=wishes)
