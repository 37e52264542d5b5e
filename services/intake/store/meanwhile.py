"""PostgreSQL works on one statement while the next is being made ready: a list takes the longer of the two, not both."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any, TypeVar

T = TypeVar("T")


@asynccontextmanager
async def under_way(statement: Coroutine[Any, Any, T]) -> AsyncIterator[asyncio.Task[T]]:
    """Run a statement while the body works, which must not use the connection; it has ended when the block is left.

    What the body raises is raised, and else what the statement does.
    """
    task = asyncio.ensure_future(statement)
    try:
        await asyncio.sleep(0)  # with this it is on its way to the server
        yield task
    except BaseException:
        task.cancel()
        await asyncio.wait([task])
        raise
    await task
