"""Handing the base of an office over to another, previewed and reversible (R2-10)."""

from __future__ import annotations

from rich.console import RenderableType

from estafeta.client import Bus
from estafeta.moving import begin, preview, shown, wait_for
from estafeta.typed import checked, someone
from shared.commands import HandoverOffice
from shared.questions import ListStaff, PreviewMove


async def hand_over(
    bus: Bus, office: str, to: str, reason: str, by: str | None, undo_days: int, *, only_preview: bool
) -> RenderableType:
    """Give every client of an office's people to the people of another, and tell who received how many; or who would."""
    if only_preview:
        return await preview(bus, PreviewMove(office=office, to=to, by=by))
    directory = await bus.ask(ListStaff())
    if by:
        someone(by, directory, "--by")
    wish = checked(
        HandoverOffice, {"office": office, "to_office": to, "reason": reason, "by": by, "undo_days": undo_days}
    )
    return shown(await wait_for(bus, await begin(bus, wish)), directory)
