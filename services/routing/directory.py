"""The directory changed by commands, and asked how it stood at any moment: who covered a region, was on duty, was absent."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from services.routing import store
from services.routing.rules.availability import why_not_new
from services.routing.rules.company import weight_in_thousandths
from services.routing.rules.duty import by_roster, of_region, on_duty
from services.routing.rules.fallback import chain_of
from services.routing.rules.field import Field
from services.routing.rules.moment import Calendar
from services.routing.rules.region import territory
from services.routing.rules.wording import passed_over
from shared.commands import AbsenceEntry, ApplyCompany, ChangeStaff, EnterAbsence, StaffEntry, WithdrawAbsence
from shared.events import DirectoryChanged, DirectoryRefused, Fault
from shared.message import Batch, NotYet, Said
from shared.questions import TellDirectory

# ── changed by commands ─────────────────────────────────────────────────────────────────────────────────────────────


async def enter_absences(wishes: Batch[EnterAbsence], db: AsyncConnection) -> Said:
    """Note who will be absent; a company file that is applied later leaves it as it is (R1-24)."""
    staff = await _held(db)
    wanted: list[AbsenceEntry | DirectoryRefused] = []
    for heard in wishes:
        wish = heard.message
        faults = [*_stranger(wish.staff, staff), *_backwards(wish.starts_at, wish.ends_at)]
        wanted.append(
            DirectoryRefused(faults=faults)
            if faults
            else AbsenceEntry(staff=wish.staff, starts_at=wish.starts_at, ends_at=wish.ends_at, reason=wish.reason)
        )
    come = await store.enter_absences(db, list(dict.fromkeys(one for one in wanted if isinstance(one, AbsenceEntry))))
    if come:
        await store.note_change(db, wishes.now, ("absence",))
    said = Said()
    for heard, one in zip(wishes, wanted, strict=True):
        if isinstance(one, AbsenceEntry):
            fresh = one in come
            come.discard(one)  # the same wish twice brings it once
            said.append(
                heard.says(DirectoryChanged(what="absence", staff_id=one.staff, come=int(fresh), by=heard.message.by))
            )
        else:
            said.append(heard.says(one))
    return said


async def withdraw_absences(wishes: Batch[WithdrawAbsence], db: AsyncConnection) -> Said:
    """Take a time out of what commands entered; what the company file says stays, and that is told."""
    staff, said, changed = await _held(db), Said(), 0
    for heard in wishes:  # one by one, because one may cut what another has left: they are a handful a day
        wish = heard.message
        if faults := [*_stranger(wish.staff, staff), *_backwards(wish.starts_at, wish.ends_at)]:
            said.append(heard.says(DirectoryRefused(faults=faults)))
            continue
        come, gone = await store.cut_absences(db, wish.staff, wish.starts_at, wish.ends_at, wishes.now)
        warnings = [
            f"{wish.staff} is absent ({row['reason']}) from {row['starts_at']:%Y-%m-%d %H:%M} to {row['ends_at']:%Y-%m-%d %H:%M}"
            " UTC by the company file: mend it there"
            for row in await store.absences_of_the_file(db, wish.staff, wish.starts_at, wish.ends_at)
        ]
        changed += gone
        event = DirectoryChanged(
            what="absence", staff_id=wish.staff, come=come, gone=gone, by=wish.by, warnings=warnings
        )
        said.append(heard.says(event))
    if changed:
        await store.note_change(db, wishes.now, ("absence",))
    return said


async def change_staff(wishes: Batch[ChangeStaff], db: AsyncConnection) -> Said:
    """Change weights, languages, caps and dates; a company file that is applied later says what it says (G6)."""
    staff, said, changed = await _held(db), Said(), False
    for heard in wishes:  # one by one, because two may be about the same person
        wish = heard.message
        if faults := [*_stranger(wish.staff, staff), *_fine(wish.weight)]:
            said.append(heard.says(DirectoryRefused(faults=faults)))
            continue
        named = wish.model_dump(exclude={"staff", "lift", "by"}, exclude_none=True)
        person = staff[wish.staff].model_copy(update={**named, **dict.fromkeys(wish.lift)})
        touched = await store.change_staff(db, person)
        staff[wish.staff] = person
        changed = changed or touched
        said.append(
            heard.says(
                DirectoryChanged(what="staff", staff_id=wish.staff, come=int(touched), gone=int(touched), by=wish.by)
            )
        )
    if changed:
        await store.note_change(db, wishes.now, ("staff",))
    return said


async def _held(db: AsyncConnection) -> dict[str, StaffEntry]:
    """Those who work here, with the directory locked. Raises NotYet before a company was applied."""
    await store.directory(db)
    staff = await store.staff_now(db)
    if not staff:
        raise NotYet("no company file has been applied yet: run `estafeta apply company.toml`")
    return {who: StaffEntry.model_validate({"name": who, **row}) for who, row in staff.items()}


def _stranger(who: str, staff: Iterable[str]) -> list[Fault]:
    there = sorted(staff)
    if who in there:
        return []
    some = ", ".join(there[:10]) + (" …" if len(there) > 10 else "")
    return [Fault(field="staff", problem=f"nobody here has the id {who!r}", remedy=f"one of: {some}")]


def _backwards(starts_at: datetime, ends_at: datetime) -> list[Fault]:
    if starts_at < ends_at:
        return []
    return [Fault(field="ends_at", problem="the absence ends before it begins", remedy="let it end later")]


def _fine(weight: float | None) -> list[Fault]:
    if weight is None or weight_in_thousandths(weight) is not None:
        return []
    return [
        Fault(
            field="weight",
            problem=f"weight {weight:g} is finer than a thousandth",
            remedy="give at most three decimals, at least 0.001",
        )
    ]


# ── asked how it stood ──────────────────────────────────────────────────────────────────────────────────────────────


async def tell_directory(question: TellDirectory, db: AsyncConnection) -> dict[str, Any]:
    """The directory as it stood: `{history_from, in_force, home_region, offices, region, later}` (R1-08, R1-24, §3).

    An office: `{id, name, regions, time_zone, rostered, head, on_duty, absent, staff}`, people by `{id, name}`, the absent
    with `reason` and `until`. `region`: `{code, office, by, takers, passed, answers}`: who took net-new calls and leads
    of it then, who did not and why (`why`, `why_ru`), and who answered if nobody could. `in_force` is null before the first
    company.
    """
    began, force = await store.history_from(db), await store.in_force(db, question.at)
    company = await store.directory_at(db, question.at, only_then=True)
    if company is None or force is None:
        return {"history_from": began, "in_force": None, "offices": [], "region": None, "later": []}
    then = Calendar(company).field_at(question.at, await store.presence_at(db, question.at))
    rostered = await store.rostered_at(db, question.at)
    offices = [replace(office, rostered=office.id in rostered) for office in then.offices.values()]
    field = Field(then.home_region, offices, then.people.values())
    names = {person.id: person.name for person in company.staff}
    return {
        "history_from": began,
        "in_force": dict(force),
        "home_region": company.home_region,
        "offices": [_office(office.id, company, field) for office in sorted(company.offices, key=lambda one: one.id)],
        "region": _region(question.region, field) if question.region else None,
        "later": [
            {
                "kind": row["kind"],
                "name": names.get(row["content"]["staff"], row["content"]["staff"]),
                "entered_at": row["valid_from"],
                **row["content"],
            }
            for row in await store.said_later(db, question.at)
        ],
    }


def _office(office: str, company: ApplyCompany, field: Field) -> dict[str, Any]:
    entry = next(one for one in company.offices if one.id == office)
    here = field.offices[office]
    people = [person for person in field.people.values() if person.office == office]
    heads = [person for person in people if person.function == "head"]
    return {
        "id": office,
        "name": entry.name,
        "regions": list(here.regions),
        "time_zone": entry.time_zone,
        "rostered": here.rostered,
        "head": _who(heads[0].id, field) if heads else None,
        "on_duty": [{**_who(who, field), "away": _away(who, field)} for who in here.on_duty if who in field.people],
        "absent": [{**_who(person.id, field), **_away(person.id, field)} for person in people if person.away],
        "staff": [
            {
                **_who(person.id, field),
                "function": person.function,
                "weight": person.weight / 1000,
                "per_day": person.per_day,
                "open_leads": person.open_leads,
                "notice": person.notice,
            }
            for person in people
        ],
    }


def _region(code: str, field: Field) -> dict[str, Any]:
    where = territory(code, field)
    told = {"code": code, "office": where.office, "home": where.home, "assumed": where.assumed}
    answers = next((p for p in chain_of(where.office, field) if why_not_new(p) is None), None)
    bench = None
    if where.office is not None:
        bench = on_duty(where.office, field) if by_roster(where, field) else of_region(where.office, field)
    return {
        **told,
        "by": "nobody" if bench is None else "roster" if bench.pool.startswith("duty:") else "region",
        "takers": [_who(who, field) for who, _ in bench.weights] if bench else [],
        "passed": [
            {**_who(who, field), "why": passed_over(why, "en"), "why_ru": passed_over(why, "ru")}
            for who, why in sorted((bench.passed if bench else {}).items())
        ],
        "answers": None if answers is None or (bench and bench.weights) else _who(answers.id, field),
    }


def _who(who: str, field: Field) -> dict[str, str]:
    return {"id": who, "name": field.people[who].name}


def _away(who: str, field: Field) -> dict[str, str]:
    away = field.people[who].away
    return {} if away is None else {"reason": away.reason, "until": away.until}
