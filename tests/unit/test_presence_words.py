"""What is said of somebody: what holds, for how long, what cannot be said, and what it is called."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.routing.rules.field import BUSY, LEFT, Away
from services.routing.rules.presence import (
    BUSY_FOR,
    OFF_SHIFT,
    Change,
    Presence,
    Word,
    faults_of_presence,
    presence_of,
    state_of,
    word_of,
)
from shared.commands import SetPresence
from shared.working_time import OfficeCalendar
from tests.unit.test_routing_rules import field

NOW = datetime(2026, 11, 23, 8, tzinfo=UTC)  # Monday, 11:00 in Moscow
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
CALENDAR = OfficeCalendar.of("Europe/Moscow", "Mon-Fri 09:00-18:00", "RU")


def wish(state: str, **more: Any) -> SetPresence:
    return SetPresence.model_validate({"staff": "anna", "state": state, **more})


def problems(said: SetPresence) -> dict[str, str]:
    return {fault.field: fault.problem for fault in faults_of_presence(said, field().people, NOW)}


# ── what is kept ────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.rule("R1-24")
def test_a_call_that_nobody_says_the_end_of_blocks_nobody_for_ever() -> None:
    word = word_of(wish("busy"), NOW, CALENDAR)
    assert word.until == NOW + BUSY_FOR
    said = presence_of([word])
    assert said.away("anna", NOW + BUSY_FOR - MINUTE, []) == Away(BUSY, (NOW + BUSY_FOR).isoformat())
    assert said.away("anna", NOW + BUSY_FOR, []) is None


@pytest.mark.rule("R1-24")
@pytest.mark.parametrize(
    ("now", "until"),
    [
        (NOW, datetime(2026, 11, 24, 6, tzinfo=UTC)),
        (datetime(2026, 11, 27, 14, 59, tzinfo=UTC), datetime(2026, 11, 30, 6, tzinfo=UTC)),
        (datetime(2026, 11, 27, 19, 0, tzinfo=UTC), datetime(2026, 11, 30, 6, tzinfo=UTC)),
    ],
)
def test_who_goes_off_shift_is_back_when_his_office_opens_on_the_next_working_day(
    now: datetime, until: datetime
) -> None:
    word = word_of(wish("off_shift"), now, CALENDAR)
    assert (word.change, word.until, word.reason) == ("absent", until, OFF_SHIFT)


def test_a_word_holds_from_when_it_became_so_and_never_from_the_future() -> None:
    assert word_of(wish("absent", at=NOW - HOUR, reason="sick"), NOW, CALENDAR) == Word(
        "anna", "absent", NOW - HOUR, None, "sick", None
    )
    assert word_of(wish("free", at=NOW + MINUTE), NOW, CALENDAR).at == NOW, "a clock a minute ahead"


# ── what cannot be said ─────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("said", "where"),
    [
        (wish("busy", staff="nobody"), {"staff"}),
        (wish("busy", staff="gone"), {"staff"}),
        (wish("absent", at=NOW + HOUR), {"at"}),
        (wish("absent", until=NOW), {"until"}),
        (wish("absent", at=NOW - HOUR, until=NOW - 2 * HOUR), {"until"}),
        (wish("back", until=NOW + HOUR), {"until"}),
        (wish("free", until=NOW + HOUR), {"until"}),
        (wish("busy", until=NOW + 13 * HOUR), {"until"}),
        (wish("busy", until=NOW + 11 * HOUR), set()),
        (wish("absent", until=NOW + 999 * HOUR), set()),
        (wish("busy", at=NOW - HOUR, until=NOW - MINUTE), set()),
    ],
)
def test_what_contradicts_itself_is_refused_with_the_field(said: SetPresence, where: set[str]) -> None:
    assert set(problems(said)) == where


# ── in whatever order it comes ──────────────────────────────────────────────────────────────────────────────────────

_WORDS = st.lists(
    st.tuples(
        st.sampled_from(["absent", "back", "busy", "free", "leave"]),
        st.integers(0, 40),
        st.none() | st.integers(1, 60),
    ),
    max_size=12,
    unique_by=lambda one: one[1],
)


def _words(drawn: list[tuple[Change, int, int | None]]) -> list[Word]:
    return [
        Word(
            "anna",
            change,
            NOW + at * MINUTE,
            None if change == "leave" or lasts is None else NOW + (at + lasts) * MINUTE,
        )
        for change, at, lasts in drawn
    ]


@pytest.mark.rule("R1-24")
@given(_WORDS, st.randoms(use_true_random=False), st.integers(0, 120))
def test_words_make_the_same_presence_in_whatever_order_they_come(
    drawn: list[tuple[Change, int, int | None]], chance: Any, minutes: int
) -> None:
    words = _words(drawn)
    in_order = Presence()
    for word in sorted(words, key=lambda word: word.at):
        in_order.say(word.change, word.staff, word.at, word.until, word.reason)
    shuffled = list(words)
    chance.shuffle(shuffled)
    at = NOW + minutes * MINUTE
    planned = [(NOW - HOUR, NOW + 50 * MINUTE, "training")]
    assert presence_of(shuffled).away("anna", at, planned) == in_order.away("anna", at, planned)


@pytest.mark.rule("R1-24")
@given(_WORDS, st.integers(0, 120))
def test_the_newest_word_of_each_kind_says_all(drawn: list[tuple[Change, int, int | None]], minutes: int) -> None:
    """What is kept to decide by: one word of each kind, however many were said."""
    words = sorted(_words(drawn), key=lambda word: word.at)
    newest = {word.change: word for word in words}
    at = NOW + minutes * MINUTE
    planned = [(NOW - HOUR, NOW + 50 * MINUTE, "training")]
    assert presence_of(newest.values()).away("anna", at, planned) == presence_of(words).away("anna", at, planned)


# ── what it is called ───────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.rule("R1-24")
@pytest.mark.parametrize(
    ("who", "away", "state"),
    [
        ("anna", None, "available"),
        ("vera", None, "off_shift"),
        ("stepan", None, "available"),
        ("head_msk", None, "available"),
        ("anna", Away(BUSY, ""), "busy"),
        ("anna", Away("sick", ""), "absent"),
        ("anna", Away(OFF_SHIFT, ""), "off_shift"),
        ("anna", Away(LEFT, ""), "left"),
        ("gone", None, "left"),
    ],
)
def test_everybody_is_one_of_five_things(who: str, away: Away | None, state: str) -> None:
    where = field()
    assert state_of(replace(where.people[who], away=away), where) == state
