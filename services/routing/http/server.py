"""The door for calendars as a running server."""

from __future__ import annotations

from services.routing.http.door import Door
from shared.database import engine_for
from shared.service import Ask
from shared.settings import Settings
from shared.web.server import serve


async def entrance(settings: Settings, _: Ask) -> None:
    """Keep the door open at `ESTAFETA_HTTP_DOOR` until cancelled; then finish what is being answered.

    It has connections to the database of its own, few, and they can only read.
    """
    replica = f"{settings.replica} door".strip()
    engine = engine_for(settings.database(), "routing", replica=replica, pool_size=2, only_reads=True)
    try:
        await serve(Door(engine).app(), settings.http_door, "routing")
    finally:
        await engine.dispose()
