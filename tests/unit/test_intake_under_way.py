"""A statement that is under way while the next is made ready leaves nothing behind on the connection."""

from __future__ import annotations

import asyncio

import pytest

from services.intake.store import under_way


async def test_the_body_works_while_the_statement_is_under_way() -> None:
    sent = asyncio.Event()

    async def statement() -> str:
        sent.set()
        await asyncio.sleep(0)
        return "done"

    async with under_way(statement()) as task:
        assert sent.is_set(), "it was sent before the body began"
        assert not task.done()
    assert task.result() == "done"


async def test_a_fault_of_the_body_ends_the_statement_and_is_the_one_that_is_raised() -> None:
    with pytest.raises(ValueError, match="of the body"):
        async with under_way(asyncio.sleep(60)) as task:
            raise ValueError("of the body")
    assert task.done()


async def test_a_fault_of_the_statement_is_raised_when_the_body_is_done() -> None:
    async def statement() -> None:
        await asyncio.sleep(0)
        raise ConnectionError

    ended = False
    with pytest.raises(ConnectionError):
        async with under_way(statement()):
            ended = True
    assert ended
