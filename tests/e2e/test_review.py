"""Possible matches as an operator settles them, in a house of real servers: look, judge, and take it back."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable

import pytest

from estafeta.house.house import House
from tests.e2e.conftest import Furnished
from tests.e2e.test_commands import UUID, run


@pytest.fixture
def full(furnished: Furnished) -> House:
    """The house with its company and its clients."""
    return furnished.house


async def until(enough: Callable[[], Awaitable[bool]]) -> None:
    for _ in range(100):
        if await enough():
            return
        await asyncio.sleep(0.1)
    pytest.fail("it did not come about within ten seconds")


@pytest.mark.rule("R1-42")
async def test_a_doubt_is_shown_judged_same_and_split_again(full: House, furnished: Furnished) -> None:
    _, said = await run(
        full, "lead", "--company", "ООО «Бетонит-Сити»", "--phone", "+7 495 771-20-30", "--city", "Москва"
    )
    known = re.search(rf"\(({UUID})\)", said)
    _, said = await run(full, "lead", "--company", "Торговый дом «Бетонит-Сити»", "--phone", "+7 495 771-20-30")
    lead, card = re.search(rf"^lead +({UUID})", said, re.MULTILINE), re.search(rf"\(({UUID})\)", said)
    assert known
    assert lead
    assert card
    assert "outcome    possible" in said

    code, said = await run(full, "review", "list", "--client", known[1])
    assert code == 0, said
    assert "1 lead of" in said
    code, said = await run(full, "review", "show", lead[1])
    assert code == 0, said
    assert "+74957712030" in said
    found = re.search(rf"review \w+ ({UUID}) --by", said)
    assert found

    code, said = await run(full, "review", "same", found[1], "--by", "nobody_of_this_name")
    assert code == 2
    assert "nobody_of_this_name" in said
    [[head]] = await furnished.query("select id from routing.staff where function = 'head_of_sales'")
    code, said = await run(full, "review", "same", found[1], "--by", head, "--note", "one house, one client")
    assert code == 0, said
    merge = re.search(rf"review split ({UUID})", said)
    assert merge

    async def open_sales() -> int:
        rows = await furnished.query(
            "select count(*) from process.processes where closed_at is null and client_id in (:one, :other)",
            one=known[1],
            other=card[1],
        )
        return int(rows[0][0])

    async def is_one() -> bool:
        return await open_sales() == 1

    async def are_two() -> bool:
        return await open_sales() == 2

    await until(is_one)
    code, said = await run(full, "explain", "client", card[1])
    assert code == 0, said
    assert known[1] in said, "the id of the loser leads to the survivor"
    code, said = await run(full, "review", "merges", known[1])
    assert merge[1] in said
    code, said = await run(full, "review", "split", merge[1], "--by", head)
    assert code == 0, said
    await until(are_two)
    code, said = await run(full, "review", "split", merge[1], "--by", head)
    assert code == 2
    assert "undone already" in said
    code, said = await run(full, "status")
    assert code == 0, said
