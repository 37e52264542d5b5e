"""The one place that asks what time it is: the database's clock for business moments, a monotonic one for waiting."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:  # an operator's command asks what time it is and has no database
    from sqlalchemy.ext.asyncio import AsyncConnection


async def database_now(db: AsyncConnection) -> datetime:
    """The moment by the database's clock, UTC. Every room of one house thereby agrees on the time."""
    moment = (await db.exec_driver_sql("select clock_timestamp()")).scalar_one()
    return cast(datetime, moment).astimezone(UTC)


def host_now() -> datetime:
    """The moment by this machine's clock, UTC: for logs and headers only, never for a deadline."""
    return datetime.now(UTC)


def ticks() -> float:
    """Seconds on a clock that never goes back: for measuring how long something took."""
    return time.monotonic()
