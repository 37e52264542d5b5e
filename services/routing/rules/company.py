"""Whether a company file agrees with itself: every contradiction is named with its field and its remedy."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from services.routing.rules.field import Field, Office, Person, plain_name
from services.routing.rules.region import serving_office
from shared.commands import ApplyCompany, OfficeEntry
from shared.events import Fault
from shared.shifts import weekdays
from shared.words import Function
from shared.working_time import OfficeCalendar

_HOURS = "Mon-Fri 09:00-18:00"


def faults_in(company: ApplyCompany) -> list[Fault]:
    """What contradicts itself; nothing of a company with faults is applied."""
    return [
        *_offices(company),
        *_staff(company),
        *_duty(company),
        *_absences(company),
        *_cover(company),
        *_wishes(company),
        *(
            Fault(field=field, problem=problem, remedy="mend it as said")
            for field, problem in _calendar(OfficeEntry(id="-", name="-", time_zone=company.time_zone))
        ),
    ]


def warnings_about(company: ApplyCompany) -> list[str]:
    """What works but deserves a look."""
    said: list[str] = []
    home = serving_office(company.home_region, field_of(company))
    rostered = {entry.office for entry in company.duty}
    functions = {entry.id: entry.function for entry in company.staff}
    for office in company.offices:
        heads = sorted(p.id for p in company.staff if p.office == office.id and p.function == "head")
        sellers = [p for p in company.staff if p.office == office.id and p.function == "sales"]
        if not heads:
            said.append(f"office {office.id} has no head: what nobody there can take goes to the head of sales")
        elif len(heads) > 1:
            said.append(
                f"office {office.id} has {len(heads)} heads ({', '.join(heads)}): {heads[0]} answers for its queues"
            )
        if office.regions and not sellers:
            said.append(f"office {office.id} serves {', '.join(office.regions)} and has nobody with function sales")
    if home is not None and home not in rostered:
        said.append(f"home office {home} has no duty roster: its calls and website leads will all go to its head")
    if not any(p.function == "head_of_sales" for p in company.staff):
        said.append(
            "there is no head_of_sales: a director, or the head of the home office, answers for everything else"
        )
    idle = sorted({e.staff for e in company.duty if functions.get(e.staff) not in (None, "sales")})
    said += [
        f"{who} is on the duty roster with function {functions[who]}: only sales receive leads on duty" for who in idle
    ]
    names = Counter(plain_name(p.name) for p in company.staff)
    twins = sorted({p.name for p in company.staff if names[plain_name(p.name)] > 1})
    said += [f"{name!r} is the name of several people: lists must name them by id" for name in twins]
    sellers_of = Counter(p.office for p in company.staff if p.function == "sales")
    said += [
        f"cover of {entry.office} on {entry.days} {entry.hours} asks for {entry.people} on duty: "
        f"{sellers_of[entry.office]} work there with function sales"
        for entry in company.cover
        if entry.people > sellers_of[entry.office]
    ]
    for what, count in (
        ("duty", _repeats(company.duty)),
        ("absences", _repeats(company.absences)),
        ("cover", _repeats(company.cover)),
        ("wishes", _repeats(company.wishes)),
    ):
        if count:
            said.append(f"{count} entries of {what} are given more than once; once is enough")
    return said


def field_of(company: ApplyCompany) -> Field:
    """The company as a field of play, as far as its offices and people go."""
    return Field(
        company.home_region,
        (Office(o.id, o.name, tuple(o.regions)) for o in company.offices),
        (Person(p.id, p.name, p.office, Function(p.function)) for p in company.staff),
    )


def weight_in_thousandths(weight: float) -> int | None:
    """A weight as the ledger counts it; None when it is finer than a thousandth."""
    rounded = round(weight * 1000)
    return rounded if rounded > 0 and abs(rounded - weight * 1000) < 1e-6 else None


def _offices(company: ApplyCompany) -> Iterator[Fault]:
    yield from _twice("offices", [office.id for office in company.offices])
    served: dict[str, str] = {}
    for n, office in enumerate(company.offices):
        for region in office.regions:
            if region in served:
                yield Fault(
                    field=f"offices[{n}].regions",
                    problem=f"region {region} is served by {served[region]} already",
                    remedy=f"name {region} under one office only",
                )
            served.setdefault(region, office.id)
        for field, problem in _calendar(office):
            yield Fault(field=f"offices[{n}].{field}", problem=problem, remedy="mend it as said")
    if not company.offices:
        yield Fault(field="offices", problem="there is no office", remedy="name at least the home office")
    elif serving_office(company.home_region, field_of(company)) is None:
        yield Fault(
            field="home_region",
            problem=f"no office serves the home region {company.home_region}",
            remedy=f"add {company.home_region} to the regions of the home office",
        )


def _calendar(office: OfficeEntry) -> Iterator[tuple[str, str]]:
    """Each part of an office's calendar that cannot be read, by its field, tried beside parts that surely can."""
    for field, zone, hours, country in (
        ("time_zone", office.time_zone, _HOURS, "RU"),
        ("hours", "UTC", office.hours, "RU"),
        ("calendar", "UTC", _HOURS, office.calendar),
    ):
        try:
            OfficeCalendar.of(zone, hours, country)
        except ValueError as wrong:
            yield field, str(wrong)
    if both := sorted(set(office.days_off) & set(office.working_days)):
        yield "days_off", f"{both[0]} is named both as a day off and as a working day; name it once"


def _staff(company: ApplyCompany) -> Iterator[Fault]:
    yield from _twice("staff", [person.id for person in company.staff])
    offices = [office.id for office in company.offices]
    for n, person in enumerate(company.staff):
        if person.office not in offices:
            yield _unknown(f"staff[{n}].office", "office", person.office, offices)
        if weight_in_thousandths(person.weight) is None:
            yield Fault(
                field=f"staff[{n}].weight",
                problem=f"weight {person.weight:g} of {person.id} is finer than a thousandth",
                remedy="give at most three decimals, at least 0.001",
            )
    home = serving_office(company.home_region, field_of(company))
    if not any(
        p.function in ("head_of_sales", "director") or (p.function == "head" and p.office == home)
        for p in company.staff
    ):
        yield Fault(
            field="staff",
            problem="nobody answers for leads that no manager can take (G8)",
            remedy="name a head_of_sales, a director, or a head of the home office",
        )


def _duty(company: ApplyCompany) -> Iterator[Fault]:
    offices, people = [o.id for o in company.offices], [p.id for p in company.staff]
    for n, shift in enumerate(company.duty):
        if shift.office not in offices:
            yield _unknown(f"duty[{n}].office", "office", shift.office, offices)
        if shift.staff not in people:
            yield _unknown(f"duty[{n}].staff", "member of staff", shift.staff, people)
        if shift.ends_at <= shift.starts_at:
            yield _backwards(f"duty[{n}].to", "shift")


def _absences(company: ApplyCompany) -> Iterator[Fault]:
    people = [p.id for p in company.staff]
    for n, absence in enumerate(company.absences):
        if absence.staff not in people:
            yield _unknown(f"absences[{n}].staff", "member of staff", absence.staff, people)
        if absence.ends_at <= absence.starts_at:
            yield _backwards(f"absences[{n}].to", "absence")


def _cover(company: ApplyCompany) -> Iterator[Fault]:
    offices = [o.id for o in company.offices]
    for n, entry in enumerate(company.cover):
        if entry.office not in offices:
            yield _unknown(f"cover[{n}].office", "office", entry.office, offices)
        yield from _when(f"cover[{n}]", entry.days, entry.hours)
        if entry.since is not None and entry.until is not None and entry.until < entry.since:
            yield _backwards(f"cover[{n}].to", "cover")


def _wishes(company: ApplyCompany) -> Iterator[Fault]:
    people = [p.id for p in company.staff]
    for n, wish in enumerate(company.wishes):
        if wish.staff not in people:
            yield _unknown(f"wishes[{n}].staff", "member of staff", wish.staff, people)
        yield from _when(f"wishes[{n}]", wish.days, wish.hours or "00:00-24:00")
        if wish.since is not None and wish.until is not None and wish.until < wish.since:
            yield _backwards(f"wishes[{n}].to", "wish")


def _when(path: str, days: str, hours: str) -> Iterator[Fault]:
    """Weekdays and one range of hours, as a shift has them."""
    if not weekdays(days):
        yield Fault(field=f"{path}.days", problem=f"{days!r} names no weekdays", remedy='write "Mon-Fri" or "Mon, Wed"')
        return
    try:
        OfficeCalendar.of("UTC", f"{days} {hours}", "RU")
    except ValueError as wrong:
        yield Fault(field=f"{path}.hours", problem=str(wrong), remedy='write "09:00-18:00"')
        return
    if "," in hours:
        problem = f"{hours!r} is more than one shift"
        yield Fault(field=f"{path}.hours", problem=problem, remedy="give each range of hours an entry of its own")


def _twice(what: str, ids: Sequence[str]) -> Iterator[Fault]:
    first: dict[str, int] = {}
    for n, name in enumerate(ids):
        if name in first:
            yield Fault(
                field=f"{what}[{n}].id",
                problem=f"{name!r} is the id of {what}[{first[name]}] already",
                remedy="give each an id of its own",
            )
        first.setdefault(name, n)


def _unknown(path: str, kind: str, name: str, known: Iterable[str]) -> Fault:
    there = sorted(set(known))
    some = ", ".join(there[:10]) + (" …" if len(there) > 10 else "")
    return Fault(
        field=path, problem=f"no {kind} has the id {name!r}", remedy=f"one of: {some}" if some else f"add {name!r}"
    )


def _backwards(path: str, what: str) -> Fault:
    return Fault(field=path, problem=f"the {what} ends before it begins", remedy="let `to` be later than `from`")


def _repeats(entries: Sequence[object]) -> int:
    return len(entries) - len(set(entries))
