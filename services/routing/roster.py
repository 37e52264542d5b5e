"""The duty roster: entered by command, shown with what it is expected to bring, drawn up for the head (R1-08, R1-44)."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import UUID, uuid5
from zoneinfo import ZoneInfo

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from services.routing import store
from services.routing.rules.company import field_of
from services.routing.rules.fallback import chain_of
from services.routing.rules.field import Field
from services.routing.rules.roster_cover import Gap, Watch
from services.routing.rules.roster_load import LEAD, Expected, expected
from services.routing.rules.roster_make import draw_up
from services.routing.rules.roster_shares import Share, shares
from services.routing.rules.roster_words import gaps_in_words, what_is_unmet
from shared.clock import database_now
from shared.commands import ApplyCompany, DutyEntry, EnterRoster
from shared.events import DirectoryChanged, DirectoryRefused, DutyGap, DutyGapsFound, Fault
from shared.message import Batch, Cause, NotYet, Said
from shared.questions import DraftRoster, ShowRoster

WEEKS = 8
"""How many weeks of arrivals say what to expect."""
MADE_GOOD = timedelta(days=28)
"""How much of the time before a new roster makes good."""
LONGEST = timedelta(days=100)
"""The longest time a roster is drawn up for at once."""
AHEAD = timedelta(days=7)
"""How long before it happens a gap of coverage is told."""
_WEEK = timedelta(days=7)
_DAY = timedelta(days=1)
_GAPS = UUID("7d1f8a52-3c0b-5e55-9b0e-0a6b1f2c9d31")
log = structlog.get_logger()


async def enter_rosters(wishes: Batch[EnterRoster], db: AsyncConnection) -> Said:
    """Make the shifts of an office what was drawn up or imported; what contradicts the directory is refused whole."""
    await store.directory(db)
    said = Said()
    for heard in wishes:  # whole rosters, a handful a month: each is written with a fixed number of statements
        wish = heard.message
        company = await store.directory_now(db, wish.since - _WEEK, wish.until + _WEEK)
        if company is None:
            raise NotYet("no company file has been applied yet: run `estafeta apply company.toml`")
        if faults := _faults(wish, company):
            said.append(heard.says(DirectoryRefused(faults=faults)))
            continue
        come, gone = await store.replace_shifts(db, wish.office, wish.since, wish.until, wish.shifts, wishes.now)
        if come or gone:
            await store.note_change(db, wishes.now, ("shift",))
        event = DirectoryChanged(
            what="roster", office_id=wish.office, come=come, gone=gone, by=wish.by, warnings=_doubts(wish, company)
        )
        said.append(heard.says(event))
    return said


def _faults(wish: EnterRoster, company: ApplyCompany) -> list[Fault]:
    offices, people = sorted(o.id for o in company.offices), sorted(p.id for p in company.staff)
    if wish.office not in offices:
        problem = f"no office has the id {wish.office!r}"
        return [Fault(field="office", problem=problem, remedy=f"one of: {', '.join(offices)}")]
    found = []
    for n, shift in enumerate(wish.shifts):
        field = f"shifts[{n}]"
        if shift.office != wish.office:
            problem = f"it is of the office {shift.office!r}"
            found.append(
                Fault(field=f"{field}.office", problem=problem, remedy=f"enter it with the roster of {shift.office}")
            )
        if shift.staff not in people:
            problem = f"nobody here has the id {shift.staff!r}"
            found.append(Fault(field=f"{field}.staff", problem=problem, remedy=f"one of: {', '.join(people[:10])}"))
        if shift.ends_at <= shift.starts_at:
            found.append(Fault(field=f"{field}.ends_at", problem="it ends before it begins", remedy="let it end later"))
        if not wish.since <= shift.starts_at < wish.until:
            problem = f"it begins at {shift.starts_at:%Y-%m-%d %H:%M}, outside the time that is entered"
            found.append(
                Fault(field=f"{field}.starts_at", problem=problem, remedy="widen since and until, or leave it out")
            )
    return found


def _doubts(wish: EnterRoster, company: ApplyCompany) -> list[str]:
    """What is entered and deserves a look: shifts of who takes no leads on duty, and of who is absent then."""
    functions = {person.id: person.function for person in company.staff}
    idle = sorted({shift.staff for shift in wish.shifts if functions[shift.staff] != "sales"})
    said = [f"{who} is on duty with function {functions[who]}: only sales receive leads on duty" for who in idle]
    watch = Watch(company, wish.office)
    zone = ZoneInfo(watch.office.time_zone)
    for shift in wish.shifts:
        why = watch.away(shift.staff, shift.starts_at, shift.ends_at)
        if why is not None and why != "left":
            day = shift.starts_at.astimezone(zone)
            said.append(f"{shift.staff} is on duty on {day:%Y-%m-%d %H:%M}, and absent then ({why})")
    return said


# ── shown ───────────────────────────────────────────────────────────────────────────────────────────────────────────


async def show_roster(question: ShowRoster, db: AsyncConnection) -> dict[str, Any]:
    """The roster as it stands: `{offices: [{id, name, time_zone, shifts, gaps, gaps_in_words, people, …}], problem}`.

    Offices without a roster are left out, unless one is asked for by name. Leads are to one decimal; `history` says what
    they are expected by: `{leads, weeks}`.
    """
    since, until = question.since, question.until
    company = await store.directory_now(db, since - _DAY, until + _DAY)
    if company is None:
        return {"offices": [], "problem": "no company file has been applied yet"}
    rows, rostered = await store.shifts_in(db, since, until), await store.rostered(db)
    told = []
    watches = [
        watch
        for office in sorted(company.offices, key=lambda one: one.id)
        if question.office in (None, office.id)
        and ((watch := Watch(company, office.id, rostered=office.id in rostered)).by_roster or question.office)
    ]
    loads = await _expected(watches, db)
    for watch in watches:
        office, load = watch.office, loads[watch.office.id]
        gaps = await asyncio.to_thread(watch.gaps, since, until)
        gives = await asyncio.to_thread(shares, watch, watch.shifts, load, since, until)
        told.append(
            {
                "id": office.id,
                "name": office.name,
                "time_zone": office.time_zone,
                "shifts": _once(_shift(row, watch) for row in rows if row["office"] == office.id),
                "gaps": [_gap(gap, watch) for gap in gaps],
                "gaps_in_words": gaps_in_words(gaps, watch, "en"),
                "gaps_in_words_ru": gaps_in_words(gaps, watch, "ru"),
                "people": _people(gives, watch),
                "history": {"leads": load.leads, "weeks": load.weeks},
            }
        )
    problem = None if told or question.office is None else f"no office has the id {question.office!r}"
    return {"offices": told, "problem": problem}


# ── looked ahead ────────────────────────────────────────────────────────────────────────────────────────────────────


async def look_ahead(now: datetime, db: AsyncConnection) -> tuple[Said, bool]:
    """Tell the head of an office, without being asked, where somebody will be missing on duty in the next week (R1-08, G8).

    Each gap is told once; one that was closed and opens again is told again.
    """
    company = await store.directory_now(db, now - _DAY, now + AHEAD + 2 * _DAY)
    if company is None:
        return [], False
    rostered, field = await store.rostered(db), field_of(company)
    found: dict[str, tuple[Watch, list[Gap]]] = {}
    for office in sorted(company.offices, key=lambda one: one.id):
        watch = Watch(company, office.id, rostered=office.id in rostered)
        if watch.by_roster:
            zone = ZoneInfo(office.time_zone)
            until = _midnight((now + AHEAD).astimezone(zone).date() + _DAY, zone)
            found[office.id] = watch, await asyncio.to_thread(watch.gaps, now, until)
    gaps = [(office, gap) for office, (_, those) in found.items() for gap in those]
    fresh = await store.note_gaps(db, gaps, now, now + AHEAD)
    said: Said = []
    for office_id, (watch, those) in found.items():
        news = [gap for gap in those if (office_id, gap.end) in fresh]
        if news:
            log.warning("routing.duty_gaps_ahead", office=office_id, gaps=len(news))
            cause = uuid5(_GAPS, "/".join([office_id, now.isoformat()]))
            said.append(Cause(cause, cause).says(_gaps_found(watch, news, field)))
    return said, False


def _gaps_found(watch: Watch, gaps: Sequence[Gap], field: Field) -> DutyGapsFound:
    chain = chain_of(watch.office.id, field)
    return DutyGapsFound(
        office_id=watch.office.id,
        tells=chain[0].id if chain else "",
        gaps=[
            DutyGap(starts_at=gap.start, ends_at=gap.end, needed=gap.needed, there=gap.there, away=list(gap.away))
            for gap in gaps
        ],
        in_words=gaps_in_words(gaps, watch, "en"),
        in_words_ru=gaps_in_words(gaps, watch, "ru"),
    )


async def gaps_to_come(db: AsyncConnection) -> float:
    """How many gaps of duty coverage are known to come: a figure for ops."""
    return float(await store.gaps_ahead(db))


# ── shown, in parts ─────────────────────────────────────────────────────────────────────────────────────────────────


def _shift(row: Mapping[Any, Any], watch: Watch) -> dict[str, Any]:
    away = watch.away(row["staff"], row["starts_at"], row["ends_at"])
    return {**row, "name": _name(row["staff"], watch), "away": away}


def _once(shifts: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """A shift that both the file and a command name is told once."""
    return list({(one["staff"], one["starts_at"], one["ends_at"]): one for one in shifts}.values())


def _gap(gap: Gap, watch: Watch) -> dict[str, Any]:
    away = [{"id": who, "name": _name(who, watch), "reason": why} for who, why in gap.away.items()]
    return {"starts_at": gap.start, "ends_at": gap.end, "needed": gap.needed, "there": gap.there, "away": away}


def _people(gives: Mapping[str, Share], watch: Watch) -> list[dict[str, Any]]:
    return [
        {
            "id": who,
            "name": _name(who, watch),
            "weight": watch.weight(who) / 1000,
            "hours": round(share.minutes / 60, 2),
            "expected": round(share.expected / LEAD, 1),
            "fair": round(share.fair / LEAD, 1),
            "deviation": round(share.deviation / LEAD, 1),
        }
        for who, share in gives.items()
    ]


def _name(who: str, watch: Watch) -> str:
    return watch.people[who].name if who in watch.people else who


async def _expected(watches: Sequence[Watch], db: AsyncConnection) -> dict[str, Expected]:
    """What the stored arrivals of the last weeks say of the offices' hours; today is not over and does not count."""
    now = await database_now(db)
    zones = {watch.office.id: ZoneInfo(watch.office.time_zone) for watch in watches}
    todays = {office: now.astimezone(zone).date() for office, zone in zones.items()}
    spans = {
        office: (_midnight(today - WEEKS * _WEEK, zones[office]), _midnight(today, zones[office]))
        for office, today in todays.items()
    }
    came: dict[str, list[tuple[date, int, int]]] = {office: [] for office in zones}
    for row in await store.came_by_hour(db, {office: zone.key for office, zone in zones.items()}, spans):
        came[row["office"]].append((row["day"], row["hour"], row["leads"]))
    found = {}
    for watch in watches:
        office = watch.office.id
        known = min((day for day, _, _ in came[office]), default=todays[office])
        open_days = watch.open_days(known, todays[office] - _DAY)
        found[office] = expected(zones[office], came[office], open_days)
    return found


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(), zone).astimezone(UTC)


# ── drawn up ────────────────────────────────────────────────────────────────────────────────────────────────────────


async def draft_roster(question: DraftRoster, db: AsyncConnection) -> dict[str, Any]:
    """A roster that shares the expected leads evenly: `{shifts, people, unmet, unmet_ru, one_shift, history, problem, …}`.

    Of `people`, `carried` is what each was owed from the four weeks before, and `off` how far from it all he ends.

    `since` and `until` are what `EnterRoster` takes with `shifts`. What an earlier command entered for that time is
    drawn up anew; the shifts of the company file stay. It is searched beside the room's work, not in its way.
    """
    company, problem = await _company_for(question, db)
    if company is None:
        return {"shifts": [], "people": [], "unmet": [], "unmet_ru": [], "problem": problem}
    watch = Watch(company, question.office)
    zone = ZoneInfo(watch.office.time_zone)
    since, until = _midnight(question.since, zone), _midnight(question.until + _DAY, zone)
    load = (await _expected([watch], db))[question.office]
    before = await asyncio.to_thread(shares, watch, watch.shifts, load, since - MADE_GOOD, since)
    carried = {who: -share.deviation for who, share in before.items()}
    draft = await asyncio.to_thread(draw_up, watch, load, since, until, carried)
    return {
        "since": since,
        "until": until,
        "shifts": [
            {
                "office": question.office,
                "staff": s.staff,
                "name": _name(s.staff, watch),
                "starts_at": s.start,
                "ends_at": s.end,
            }
            for s in draft.shifts
        ],
        "people": [
            {
                **one,
                "carried": round(draft.carried.get(one["id"], 0) / LEAD, 1),
                "off": round(draft.off(one["id"]) / LEAD, 1),
            }
            for one in _people(draft.shares, watch)
        ],
        "unmet": what_is_unmet(draft, watch, load, since, until, "en"),
        "unmet_ru": what_is_unmet(draft, watch, load, since, until, "ru"),
        "empty": sum(empty.places for empty in draft.empty),
        "one_shift": round(draft.one_shift / LEAD, 1),
        "history": {"leads": load.leads, "weeks": load.weeks},
        "time_zone": zone.key,
        "problem": None,
    }


async def _company_for(question: DraftRoster, db: AsyncConnection) -> tuple[ApplyCompany | None, str | None]:
    """The company with those shifts that stay as they are, or what is the matter with the question."""
    if not question.since <= question.until or question.until - question.since > LONGEST:
        return None, f"a roster is drawn up for 1 to {LONGEST.days} days, not from {question.since} to {question.until}"
    # a day more at each end, because nobody knows yet by whose clock the days are; a week more for weekly hours
    around = (
        _midnight(question.since, ZoneInfo("UTC")) - 2 * _WEEK,
        _midnight(question.until, ZoneInfo("UTC")) + 2 * _WEEK,
    )
    company = await store.directory_now(db, *around)
    if company is None:
        return None, "no company file has been applied yet"
    office = next((one for one in company.offices if one.id == question.office), None)
    if office is None:
        return (
            None,
            f"no office has the id {question.office!r}: one of {', '.join(sorted(o.id for o in company.offices))}",
        )
    zone = ZoneInfo(office.time_zone)
    since, until = _midnight(question.since, zone), _midnight(question.until + _DAY, zone)
    stay = [
        DutyEntry(office=row["office"], staff=row["staff"], starts_at=row["starts_at"], ends_at=row["ends_at"])
        for row in await store.shifts_in(db, *around)
        if not (row["origin"] == "command" and row["office"] == office.id and since <= row["starts_at"] < until)
    ]
    return company.model_copy(update={"duty": stay}), None
