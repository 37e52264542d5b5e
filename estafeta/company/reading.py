"""The company file: offices, staff, duty roster and absences, checked as a whole and made into one command."""

from __future__ import annotations

import tomllib
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from estafeta.company.fields import (
    DEFAULT_HOURS,
    TABLES,
    CompanyFileWrong,
    Entry,
    FieldChecks,
    Mistake,
    meant,
)
from estafeta.company.toml_lines import line_of_error, lines_of_entries
from shared.commands import AbsenceEntry, ApplyCompany, CoverEntry, DutyEntry, OfficeEntry, StaffEntry, WishEntry
from shared.shifts import shifts_between
from shared.working_time import OfficeCalendar

__all__ = ["CompanyFileWrong", "Mistake", "read_company"]

LONGEST_ROSTER = timedelta(days=3 * 366)


def read_company(path: Path) -> ApplyCompany:
    """The company file as the command that applies it; all times in it become UTC.

    Times without an offset are by the clock of the office (for an absence: the office of the member of staff).
    The last day of an absence belongs to it. A `[[duty]]` with `days` and `hours` stands for a shift on each of
    those weekdays from `from` to `to`, without the office's public holidays and days off; `weeks = "1/3"` keeps
    the first of every three weeks, counted from the week of `from`.
    Raises CompanyFileWrong, which names file, line, field and remedy of every mistake.
    """
    try:
        raw = path.read_bytes()
    except OSError as error:
        problem = f"the file cannot be opened ({error.strerror})"
        raise CompanyFileWrong([Mistake(path.name, 1, "file", problem, "Check its name and rights")]) from None
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise CompanyFileWrong([Mistake(path.name, line, "file", "this is no UTF-8", "Save it as UTF-8")]) from None
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        problem = f"this is no TOML: {error}"
        remedy = "Texts stand in quotes, tables in [brackets], lists of tables in [[double brackets]]"
        raise CompanyFileWrong([Mistake(path.name, line_of_error(error, text), "file", problem, remedy)]) from None
    reader = _Reader(path.name, lines_of_entries(text))
    command = reader.read(document)
    if reader.mistakes or command is None:
        raise CompanyFileWrong(reader.mistakes)
    return command


class _Reader(FieldChecks):
    """Reads the tables one after the other and gathers what is wrong with them."""

    def __init__(self, file: str, lines: dict[tuple[str, int, str], int]) -> None:
        super().__init__(file, lines)
        self.zone = ZoneInfo("UTC")
        self.calendars: dict[str, tuple[ZoneInfo, str, list[date], list[date]]] = {}

    def read(self, document: dict[str, Any]) -> ApplyCompany | None:
        for name in document.keys() - TABLES.keys():
            line = self.lines.get((name, 0, ""), self.lines.get(("", 0, name), 1))
            problem, remedy = "there is no such table", meant(name, TABLES, "Tables are")
            self.mistakes.append(Mistake(self.file, line, name, problem, remedy))
        company = self._company(document.get("company"))
        self._learn_offices(document)
        offices = [self._read_office(entry) for entry in self._entries(document, "offices")]
        self._check_regions(document, company)
        staff = [self._staff(entry) for entry in self._entries(document, "staff")]
        duty = [shift for entry in self._entries(document, "duty") for shift in self._duty(entry)]
        absences = [self._absence(entry) for entry in self._entries(document, "absences")]
        cover = [self._cover(entry) for entry in self._entries(document, "cover")]
        wishes = [self._wished(entry) for entry in self._entries(document, "wishes")]
        if self.mistakes:
            return None
        return ApplyCompany(
            name=company["name"],
            home_region=company["home_region"],
            time_zone=company["time_zone"],
            offices=[office for office in offices if office],
            staff=[person for person in staff if person],
            duty=_joined(duty),
            absences=[absence for absence in absences if absence],
            cover=[entry for entry in cover if entry],
            wishes=[wish for wish in wishes if wish],
        )

    # ── tables ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def _entries(self, document: dict[str, Any], table: str) -> list[Entry]:
        found = document.get(table, [])
        if not isinstance(found, list) or not all(isinstance(values, dict) for values in found):
            self.wrong(Entry(table, 0, {}), "", "this must be a list of tables", f"Write [[{table}]] above each")
            return []
        return [Entry(table, number, values) for number, values in enumerate(found)]

    def _company(self, values: Any) -> dict[str, Any]:
        if not isinstance(values, dict):
            entry = Entry("company", 0, {})
            self.wrong(
                entry, "name", "the table [company] is missing", "Add [company] with name, home_region, time_zone"
            )
            return {}
        known = self.fields(Entry("company", 0, values), TABLES["company"])
        if zone := known.get("time_zone"):
            self.zone = ZoneInfo(zone)
        return known

    def _learn_offices(self, document: dict[str, Any]) -> None:
        """Note which offices and staff there are, so that a table may name what stands below it."""
        for entry in self._entries(document, "offices"):
            if isinstance(name := entry.values.get("id"), str):
                self.offices.add(name)
        for values in document.get("staff", []) if isinstance(document.get("staff"), list) else []:
            if isinstance(values, dict) and isinstance(values.get("id"), str) and isinstance(values.get("office"), str):
                self.office_of.setdefault(values["id"], values["office"])

    def _read_office(self, entry: Entry) -> OfficeEntry | None:
        known = self.fields(entry, TABLES["offices"])
        self.once(entry, "id")
        zone = known.get("time_zone") or self.zone.key
        calendar = known.get("calendar") or "RU"
        days_off, working_days = known.get("days_off") or [], known.get("working_days") or []
        if both := sorted(set(days_off) & set(working_days)):
            self.wrong(entry, "working_days", f"{both[0]} is also a day off", "Name it in one of the two lists")
        if not known.keys() >= {"id", "name"}:
            return None
        self.calendars[known["id"]] = (ZoneInfo(zone), calendar, days_off, working_days)
        return OfficeEntry(
            id=known["id"],
            name=known["name"],
            regions=known.get("regions") or [],
            time_zone=zone,
            hours=known.get("hours") or DEFAULT_HOURS,
            calendar=calendar,
            days_off=days_off,
            working_days=working_days,
        )

    def _check_regions(self, document: dict[str, Any], company: dict[str, Any]) -> None:
        owner: dict[str, str] = {}
        for entry in self._entries(document, "offices"):
            regions = entry.values.get("regions")
            for region in regions if isinstance(regions, list) else []:
                name = str(entry.values.get("id", entry.number + 1))
                if isinstance(region, str) and owner.setdefault(region, name) != name:
                    problem = f"{region} belongs to the office {owner[region]} already"
                    self.wrong(entry, "regions", problem, "Name each region in one office")
        home = company.get("home_region")
        if home and home not in owner:
            values = document["company"]
            self.wrong(
                Entry("company", 0, values),
                "home_region",
                f"no office serves {home}",
                f"Name it in the regions of the head office, or choose one of {', '.join(owner) or 'their regions'}",
            )

    def _staff(self, entry: Entry) -> StaffEntry | None:
        known = self.fields(entry, TABLES["staff"])
        self.once(entry, "id")
        if not known.keys() >= {"id", "name", "office", "function"}:
            return None
        return StaffEntry(
            id=known["id"],
            name=known["name"],
            office=known["office"],
            function=known["function"],
            weight=known.get("weight") or 1.0,
            languages=known.get("languages") or [],
            duty_hours=known.get("duty_hours"),
            per_day=known.get("per_day"),
            open_leads=known.get("open_leads"),
            notice_at=_moment(notice, self._zone_of(known["office"])) if (notice := known.get("notice")) else None,
        )

    def _absence(self, entry: Entry) -> AbsenceEntry | None:
        known = self.fields(entry, TABLES["absences"])
        if not known.keys() >= {"staff", "from", "to"}:
            return None
        zone = self._zone_of(self.office_of.get(known["staff"], ""))
        starts, ends = _moment(known["from"], zone), _moment(known["to"], zone, whole_day=True)
        if starts >= ends:
            self.wrong(entry, "to", "it ends before it begins", "Give a `to` that is not before `from`")
            return None
        return AbsenceEntry(
            staff=known["staff"], starts_at=starts, ends_at=ends, reason=known.get("reason") or "vacation"
        )

    def _cover(self, entry: Entry) -> CoverEntry | None:
        known = self.fields(entry, TABLES["cover"])
        if not known.keys() >= {"office", "days", "hours"} or not self._is_when(entry, known):
            return None
        return CoverEntry(
            office=known["office"],
            days=known["days"],
            hours=known["hours"],
            people=known.get("people") or 1,
            since=known.get("from"),
            until=known.get("to"),
        )

    def _wished(self, entry: Entry) -> WishEntry | None:
        known = self.fields(entry, TABLES["wishes"])
        if not known.keys() >= {"staff", "wish", "days"} or not self._is_when(entry, known):
            return None
        return WishEntry(
            staff=known["staff"],
            wish=known["wish"],
            days=known["days"],
            hours=known.get("hours"),
            since=known.get("from"),
            until=known.get("to"),
        )

    def _is_when(self, entry: Entry, known: dict[str, Any]) -> bool:
        """Whether days, hours and the time they hold for can be meant; what cannot is noted."""
        first, last = known.get("from"), known.get("to")
        if first and last and first > last:
            self.wrong(entry, "to", "it ends before it begins", "Give a `to` that is not before `from`")
            return False
        if "hours" not in known:
            return "hours" not in entry.values
        return self._calendar(entry, known, self.zone, "RU", [], []) is not None

    def _duty(self, entry: Entry) -> list[DutyEntry]:
        known = self.fields(entry, TABLES["duty"])
        if not known.keys() >= {"office", "staff", "from", "to"}:
            return []
        recurring = entry.values.keys() & {"days", "hours", "weeks"}
        moments = self._recurring(entry, known) if recurring else self._single(entry, known)
        return [
            DutyEntry(office=known["office"], staff=known["staff"], starts_at=start, ends_at=end)
            for start, end in moments
        ]

    def _single(self, entry: Entry, known: dict[str, Any]) -> list[tuple[datetime, datetime]]:
        for key in ("from", "to"):
            if not isinstance(known[key], datetime):
                remedy = f"Write {known[key]}T09:00:00, or add days and hours for a shift that comes again"
                self.wrong(entry, key, "a single shift needs a time of day", remedy)
                return []
        zone = self._zone_of(known["office"])
        starts, ends = _moment(known["from"], zone), _moment(known["to"], zone)
        if starts >= ends:
            self.wrong(entry, "to", "the shift ends before it begins", "Give a `to` after `from`")
            return []
        return [(starts, ends)]

    def _recurring(self, entry: Entry, known: dict[str, Any]) -> list[tuple[datetime, datetime]]:
        missing = [key for key in ("days", "hours") if key not in entry.values]
        for key in missing:
            remedy = 'Write for example days = "Mon-Fri" and hours = "09:00-18:00"'
            self.wrong(entry, key, "a shift that comes again needs it", remedy)
        dated = [key for key in ("from", "to") if isinstance(known[key], datetime)]
        for key in dated:
            problem = "a shift that comes again runs from day to day"
            self.wrong(entry, key, problem, f"Write the day alone: {known[key].date()}")
        if missing or dated or not known.keys() >= {"days", "hours"} or ("weeks" in entry.values) != ("weeks" in known):
            return []
        first, last = known["from"], known["to"]
        if first > last or last - first > LONGEST_ROSTER:
            long = first <= last
            problem = "a roster of more than three years" if long else "the roster ends before it begins"
            self.wrong(
                entry, "to", problem, "Give an earlier `to`" if long else "Give a `to` that is not before `from`"
            )
            return []
        zone, country, days_off, working_days = self.calendars.get(known["office"], (self.zone, "RU", [], []))
        calendar = self._calendar(entry, known, zone, country, days_off, working_days)
        if calendar is None:
            return []
        return shifts_between(calendar, known["days"], first, last, known.get("weeks") or (1, 1))

    def _calendar(
        self,
        entry: Entry,
        known: dict[str, Any],
        zone: ZoneInfo,
        country: str,
        days_off: list[date],
        working_days: list[date],
    ) -> OfficeCalendar | None:
        """The calendar that has the days and hours of an entry in place of the office's; what is wrong is noted."""
        pattern = f"{known['days']} {known['hours']}"
        try:
            return OfficeCalendar.of(zone.key, pattern, country, days_off, working_days)
        except ValueError as error:
            problem, _, remedy = str(error).removeprefix(f"office hours {pattern!r}: ").partition("; ")
            self.wrong(entry, "days" if "given twice" in problem else "hours", problem, remedy.capitalize())
            return None

    def _zone_of(self, office: str) -> ZoneInfo:
        return self.calendars[office][0] if office in self.calendars else self.zone


def _moment(value: date | datetime, zone: ZoneInfo, *, whole_day: bool = False) -> datetime:
    """A day or a time of the file as a moment in UTC; with `whole_day` a day means its end."""
    if isinstance(value, datetime):
        return (value if value.tzinfo else value.replace(tzinfo=zone)).astimezone(UTC)
    day = value + timedelta(days=1) if whole_day else value
    return datetime.combine(day, time(), zone).astimezone(UTC)


def _joined(duty: list[DutyEntry]) -> list[DutyEntry]:
    """The roster in order, with shifts of one person that overlap made into one: a single shift may repeat a roster's."""
    joined: list[DutyEntry] = []
    for shift in sorted(duty, key=lambda shift: (shift.office, shift.staff, shift.starts_at, shift.ends_at)):
        last = joined[-1] if joined else None
        if last and (last.office, last.staff) == (shift.office, shift.staff) and shift.starts_at <= last.ends_at:
            joined[-1] = last.model_copy(update={"ends_at": max(last.ends_at, shift.ends_at)})
        else:
            joined.append(shift)
    return joined
