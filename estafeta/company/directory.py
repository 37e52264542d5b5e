"""Applying a company file: checked here as a whole, applied by routing as a whole."""

from __future__ import annotations

from pathlib import Path

from estafeta.client import Bus, fresh_id
from estafeta.company.coverage import regions_to_look_at
from estafeta.lead import faults
from estafeta.roster import WEEKS_AHEAD, gaps
from estafeta.trouble import Trouble
from shared.commands import ApplyCompany


async def apply_company(bus: Bus, command: ApplyCompany, file: Path) -> list[str]:
    """Send the company file that was read and return what it changed, line by line; a refusal is a `Trouble`."""
    # A new id each time: to apply A, then B, then A again must end with A.
    command_id = fresh_id()
    await bus.send(command, command_id)
    outcome = await bus.outcome("routing", command_id)
    for said in outcome.get("said", []):
        kind, payload = said["type"].partition(".")[0], said["payload"]
        if kind == "CompanyRefused":
            raise Trouble(
                f"{file} was refused and nothing of it was applied.\n" + faults(payload["faults"]),
                "Mend the file and apply it again.",
            )
        if kind == "CompanyApplied":
            counted = ", ".join(f"{payload[part]:,} {part}" for part in ("offices", "staff", "duty", "absences"))
            told, missing = await gaps(bus, None, WEEKS_AHEAD, "en")
            warnings = [*payload["warnings"], *regions_to_look_at(command), *(told if missing else [])]
            return [f"{command.name}: applied. Changed: {counted}.", *(f"  ! {text}" for text in warnings)]
    if outcome["state"] == "dead":
        raise Trouble(
            f"{file} could not be applied: {outcome.get('reason') or 'no reason given'}.",
            f"It is kept: `estafeta dead show routing/{outcome.get('letter')}` shows it.",
            code=1,
        )
    return [f"{command.name}: nothing to change."]
