"""The directory changed from a terminal: who will be absent, and what somebody's weight, caps and hours are from now on."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from estafeta.client import Bus, fresh_id
from estafeta.lead import faults
from estafeta.trouble import Trouble
from estafeta.typed import checked, day, moment, someone, zone_of
from shared.commands import ChangeStaff, EnterAbsence, WithdrawAbsence
from shared.message import Command
from shared.questions import ListStaff


async def absent(
    bus: Bus, staff: str, since: str, until: str, reason: str, *, withdraw: bool, by: str | None
) -> list[str]:
    """Enter an absence, or take a time out of those that were entered; days count whole, the last one too (R1-24)."""
    directory = await bus.ask(ListStaff())
    person = someone(staff, directory, "STAFF")
    zone = zone_of(person, directory)
    facts: dict[str, Any] = {
        "staff": staff,
        "starts_at": _border(since, zone, "--from", last=False),
        "ends_at": _border(until, zone, "--to", last=True),
        "by": by,
    }
    if withdraw:
        payload = await _done(bus, checked(WithdrawAbsence, facts))
        done = f"{person['name']}: absences shortened or withdrawn: {payload['gone']}."
    else:
        payload = await _done(bus, checked(EnterAbsence, {**facts, "reason": reason}))
        done = f"{person['name']}: absent ({reason}), entered."
    return [done, *(f"  ! {text}" for text in payload["warnings"])]


async def change(
    bus: Bus, staff: str, changed: Mapping[str, Any], notice: str | None, lift: list[str], by: str | None
) -> list[str]:
    """Change weight, languages, caps, notice date or weekly hours of somebody; what is not named stays (G6)."""
    directory = await bus.ask(ListStaff())
    person = someone(staff, directory, "STAFF")
    facts = {name: value for name, value in changed.items() if value is not None}
    if notice:
        facts["notice_at"] = _border(notice, zone_of(person, directory), "--notice", last=False)
    if not facts and not lift:
        raise Trouble(
            "Nothing is to be changed.", "Name what: --weight, --per-day, --open-leads, --duty-hours, --notice …"
        )
    lifted = [{"notice": "notice_at"}.get(name, name.replace("-", "_")) for name in lift]
    payload = await _done(bus, checked(ChangeStaff, {"staff": staff, **facts, "lift": lifted, "by": by}))
    done = "changed. The company file says what it says when it is applied again: change it there too"
    return [f"{person['name']}: {done if payload['come'] else 'it was so already'}."]


async def _done(bus: Bus, command: Command) -> dict[str, Any]:
    """What the room says of the command that it carried out; a refusal is a `Trouble`."""
    command_id = fresh_id()
    await bus.send(command, command_id)
    outcome = await bus.outcome("routing", command_id)
    for said in outcome.get("said", []):
        kind, payload = said["type"].partition(".")[0], said["payload"]
        if kind == "DirectoryRefused":
            raise Trouble("It was refused.\n" + faults(payload["faults"]), "Mend it and try again.")
        if kind == "DirectoryChanged":
            return dict(payload)
    raise Trouble(
        f"It could not be done: {outcome.get('reason') or 'no reason given'}.",
        f"It is kept: `estafeta dead show routing/{outcome.get('letter')}` shows it.",
        code=1,
    )


def _border(text: str, zone: ZoneInfo, option: str, *, last: bool) -> datetime:
    """A moment, or a day: its beginning, or its end if it is the `last`."""
    if ":" in text:
        return moment(text, zone, option)
    typed: date = day(text, option)
    return datetime.combine(typed + timedelta(days=int(last)), time(), zone)
