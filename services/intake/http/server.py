"""The door for leads as a running server."""

from __future__ import annotations

from services.intake.http.door import Door
from services.intake.http.sources import SourcesFile
from shared.database import engine_for
from shared.service import Ask
from shared.settings import Settings
from shared.web.server import serve


async def entrance(settings: Settings, ask: Ask) -> None:
    """Keep the door open at `ESTAFETA_HTTP_DOOR` until cancelled; then finish what is being answered.

    It has connections to the database of its own: however many come, the room's own work goes on.
    """
    engine = engine_for(settings.database(), "intake", replica=f"{settings.replica} door".strip(), pool_size=4)
    try:
        await serve(Door(engine, SourcesFile(settings.http_sources), ask).app(), settings.http_door, "intake")
    finally:
        await engine.dispose()
