"""The duty roster in a terminal: shown, checked for gaps to come, drawn up, imported from and published as iCalendar."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from estafeta.client import Bus, fresh_id
from estafeta.lead import faults
from estafeta.trouble import Trouble, choose
from estafeta.typed import day, zone_of
from shared.commands import DutyEntry, EnterRoster
from shared.questions import DraftRoster, ListStaff, ShowRoster

Answer = Mapping[str, Any]
WEEKS_AHEAD = 4
_ASK_SECONDS = 120.0
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


async def show(bus: Bus, office: str | None, since: str | None, until: str | None) -> list[RenderableType]:
    """The roster of an office or of all, day by day, with what each is expected to receive (R1-44)."""
    directory = await bus.ask(ListStaff())
    span = _span(since, until, _zone(office, directory), timedelta(days=7))
    answer = await _asked(bus, office, directory, span)
    shown: list[RenderableType] = []
    for one in answer["offices"]:
        zone = ZoneInfo(one["time_zone"])
        shown.append(Text(f"{one['name']} ({one['id']}, {zone.key})", style="bold"))
        table = Table(box=None, pad_edge=False)
        for heading in ("day", "hours", "on duty", ""):
            table.add_column(heading)
        before = ""
        for shift in one["shifts"]:
            a, z = (datetime.fromisoformat(shift[name]).astimezone(zone) for name in ("starts_at", "ends_at"))
            today = f"{_DAYS[a.weekday()]} {a:%Y-%m-%d}"
            doubt = f"absent ({shift['away']})" if shift["away"] else ""
            ends = f"{z:%H:%M}" if z.date() == a.date() else f"{z:%Y-%m-%d %H:%M}"
            table.add_row(today if today != before else "", f"{a:%H:%M}–{ends}", shift["name"], doubt)
            before = today
        shown += [table if one["shifts"] else Text(f"{one['name']}: nobody is on the roster in this time."), Text("")]
        shown += [*_people(one["people"], one["history"]), Text("")]
        shown += [Text(f"  ! {text}") for text in one["gaps_in_words"]]
    return shown or [Text("No office goes by a roster.")]


async def gaps(bus: Bus, office: str | None, weeks: int, lang: str) -> tuple[list[str], bool]:
    """What will be missing in the weeks to come, in words, and whether anything is."""
    directory = await bus.ask(ListStaff())
    now = datetime.now(UTC)
    answer = await _asked(bus, office, directory, (now, now + timedelta(weeks=weeks)))
    said = []
    for one in answer["offices"]:
        said += [f"{one['name']}: {text}" for text in one["gaps_in_words" if lang == "en" else "gaps_in_words_ru"]]
    if said:
        return said, True
    offices = ", ".join(one["id"] for one in answer["offices"]) or "no office goes by a roster"
    return [f"Everything is covered for the next {weeks} weeks ({offices})."], False


async def make(
    bus: Bus, office: str, since: str | None, until: str | None, *, apply: bool, by: str | None, lang: str
) -> list[RenderableType]:
    """A roster that shares the expected leads evenly: shown, and entered with `apply`; what could not be done is told."""
    directory = await bus.ask(ListStaff())
    zone = _zone(office, directory)
    first = day(since, "--from") if since else datetime.now(UTC).astimezone(zone).date() + timedelta(days=1)
    last = day(until, "--to") if until else first + timedelta(weeks=WEEKS_AHEAD) - timedelta(days=1)
    draft = await bus.ask(DraftRoster(office=office, since=first, until=last), seconds=_ASK_SECONDS)
    if draft["problem"]:
        raise Trouble(f"No roster was drawn up: {draft['problem']}.", "Mend that, and try again.")
    table = Table(box=None, pad_edge=False)
    for heading in ("day", "hours", "on duty"):
        table.add_column(heading)
    for when, hours, who in _by_slot(draft["shifts"], zone):
        table.add_row(when, hours, who)
    unmet = draft["unmet" if lang == "en" else "unmet_ru"]
    shown: list[RenderableType] = [Text(f"{office}, {first} to {last} ({zone.key})", style="bold")]
    shown += [table if draft["shifts"] else Text("There are no new shifts to give."), Text("")]
    shown += [*_people(draft["people"], draft["history"]), Text(""), *(Text(f"  ! {text}") for text in unmet)]
    if not apply:
        return [*shown, Text("Nothing is entered yet: the same with --apply enters it.")]
    since_at, until_at = (datetime.fromisoformat(draft[name]) for name in ("since", "until"))
    shifts = [DutyEntry.model_validate(shift) for shift in draft["shifts"]]
    entered = await _enter(bus, EnterRoster(office=office, since=since_at, until=until_at, shifts=shifts, by=by))
    return [*shown, *map(Text, entered)]


async def import_(
    bus: Bus, office: str, file: Path, since: str | None, until: str | None, *, preview: bool, by: str | None
) -> list[str]:
    """Take the shifts of an iCalendar file in: they replace what was entered before for the office and the time."""
    from estafeta.roster_calendar import read_calendar

    directory = await bus.ask(ListStaff())
    here = _office(office, directory)
    span = _span(since, until, ZoneInfo(here["time_zone"]), timedelta(days=92))
    reading = read_calendar(file, here, directory["staff"], *span)
    said = [f"  ! {text}" for text in reading.left_out]
    if not reading.shifts:
        raise Trouble(
            "\n".join(
                [f"{file} has no shift of {office} that begins from {span[0]:%Y-%m-%d} to {span[1]:%Y-%m-%d}.", *said]
            ),
            "Give another time (--from, --to), or name the people in the events by their ids.",
        )
    if preview:
        return [f"{len(reading.shifts)} shifts would be entered.", *said]
    command = EnterRoster(office=office, since=span[0], until=span[1], shifts=reading.shifts, by=by)
    return [*await _enter(bus, command), *said]


async def export(bus: Bus, office: str, since: str | None, until: str | None, staff: str | None) -> bytes:
    """The roster of an office, or of one of its people, as iCalendar (R1-44)."""
    from estafeta.roster_calendar import published

    directory = await bus.ask(ListStaff())
    here = _office(office, directory)
    if staff:
        choose(staff, [person["id"] for person in directory["staff"]], "member of staff (--staff)")
    answer = await _asked(bus, office, directory, _span(since, until, ZoneInfo(here["time_zone"]), timedelta(days=366)))
    shifts = [one for each in answer["offices"] for one in each["shifts"] if staff in (None, one["staff"])]
    return published(here, shifts, datetime.now(UTC))


# ── parts ───────────────────────────────────────────────────────────────────────────────────────────────────────────


async def _enter(bus: Bus, command: EnterRoster) -> list[str]:
    command_id = fresh_id()
    await bus.send(command, command_id)
    outcome = await bus.outcome("routing", command_id)
    for said in outcome.get("said", []):
        kind, payload = said["type"].partition(".")[0], said["payload"]
        if kind == "DirectoryRefused":
            raise Trouble("The roster was refused.\n" + faults(payload["faults"]), "Mend it and enter it again.")
        if kind == "DirectoryChanged":
            done = f"Entered: {payload['come']} shifts came, {payload['gone']} went."
            return [done, *(f"  ! {text}" for text in payload["warnings"])]
    raise Trouble(
        f"The roster could not be entered: {outcome.get('reason') or 'no reason given'}.",
        f"It is kept: `estafeta dead show routing/{outcome.get('letter')}` shows it.",
        code=1,
    )


async def _asked(bus: Bus, office: str | None, directory: Answer, span: tuple[datetime, datetime]) -> dict[str, Any]:
    if office is not None:
        _office(office, directory)
    answer = await bus.ask(ShowRoster(office=office, since=span[0], until=span[1]), seconds=_ASK_SECONDS)
    if answer.get("problem"):
        raise Trouble(f"There is no roster: {answer['problem']}.", "Load the directory: `estafeta apply company.toml`.")
    return answer


def _people(people: Sequence[Answer], history: Answer) -> list[RenderableType]:
    by = (
        f"{history['leads']:,} leads of {history['weeks']} weeks"
        if history["leads"]
        else "every hour alike: no history yet"
    )
    table = Table(box=None, pad_edge=False)
    table.add_column("")
    carried = any("carried" in one for one in people)
    for heading in (
        "weight",
        "hours",
        "expected leads",
        "fair share",
        *(("carried over",) if carried else ()),
        "deviation",
    ):
        table.add_column(heading, justify="right")
    for one in people:
        numbers = [f"{one['hours']:g}", f"{one['expected']:.1f}", f"{one['fair']:.1f}"]
        numbers += [f"{one[name]:+.1f}" for name in (("carried", "off") if "carried" in one else ("deviation",))]
        table.add_row(one["name"], f"{one['weight']:g}", *numbers)
    return [Text(f"Expected by {by}", style="bold"), table]


def _by_slot(shifts: Sequence[Answer], zone: ZoneInfo) -> list[tuple[str, str, str]]:
    """Shifts of the same time in one row, the day in its first row only."""
    slots: dict[tuple[str, str], list[str]] = {}
    for shift in shifts:
        slots.setdefault((shift["starts_at"], shift["ends_at"]), []).append(shift["name"])
    rows, before = [], ""
    for (start, end), names in slots.items():
        a, z = datetime.fromisoformat(start).astimezone(zone), datetime.fromisoformat(end).astimezone(zone)
        today = f"{_DAYS[a.weekday()]} {a:%Y-%m-%d}"
        rows.append((today if today != before else "", f"{a:%H:%M}–{z:%H:%M}", ", ".join(names)))
        before = today
    return rows


def _office(office: str, directory: Answer) -> Answer:
    offices = {one["id"]: one for one in directory.get("offices", []) if one.get("active", True)}
    if not offices:
        raise Trouble("The directory is empty.", "Load it first: `estafeta apply company.toml`.")
    here: Answer = offices[choose(office, offices, "office")]
    return here


def _zone(office: str | None, directory: Answer) -> ZoneInfo:
    return zone_of({}, directory) if office is None else ZoneInfo(_office(office, directory)["time_zone"])


def _span(since: str | None, until: str | None, zone: ZoneInfo, long: timedelta) -> tuple[datetime, datetime]:
    """The time from the day `since` (today) up to and with the day `until`, by that clock."""
    first = day(since, "--from") if since else datetime.now(UTC).astimezone(zone).date()
    last = day(until, "--to") if until else first + long - timedelta(days=1)
    if first > last:
        raise Trouble(f"--from {first} is later than --to {last}.", "Give them the other way round.")
    return _midnight(first, zone), _midnight(last + timedelta(days=1), zone)


def _midnight(at: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(at, time(), zone).astimezone(UTC)
