"""The fields of the company file: what each may hold, and what is said when it does not."""

from __future__ import annotations

import re
import zoneinfo
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from estafeta.trouble import Trouble, near
from shared.shifts import weekdays
from shared.words import Function
from shared.working_time import OfficeCalendar

DEFAULT_HOURS = "Mon-Fri 09:00-18:00"
MAX_WEIGHT = 100

# ISO 3166-2:RU, and the codes that Russian registers use beside them.
_RU_CODES = (
    "AD AL ALT AMU ARK AST BA BEL BRY BU CE CHE CHU CR CU DA DON HER IN IRK IVA KAM KB KC KDA KEM KGD KGN KHA KHM KIR "
    "KK KL KLU KO KOS KR KRS KYA LEN LIP LUG MAG ME MO MOS MOW MUR NEN NGR NIZ NVS OMS ORE ORL PER PNZ PRI PSK ROS RYA "
    "SA SAK SAM SAR SE SEV SMO SPE STA SVE TA TAM TOM TUL TVE TY TYU UD ULY VGG VLA VLG VOR YAN YAR YEV ZAB ZAP"
)
_RU_REGIONS = frozenset(f"RU-{code}" for code in _RU_CODES.split())
_BESIDE = frozenset(f"RU-{code}" for code in ("CR", "DON", "HER", "LUG", "SEV", "ZAP"))
RU_SUBJECTS = tuple(sorted(_RU_REGIONS - _BESIDE))
"""The subjects that ISO 3166-2:RU itself names, in order."""
_REGION = re.compile(r"[A-Z]{2}(-[A-Z0-9]{1,3})?")
_LANGUAGE = re.compile(r"[a-z]{2,3}")
_ID = re.compile(r"[\w.@-]{1,64}")


@dataclass(frozen=True, slots=True, order=True)
class Mistake:
    """One mistake of a company file: the line (from 1), the field, what is wrong and how to mend it."""

    file: str
    line: int
    field: str
    problem: str
    remedy: str

    def __str__(self) -> str:
        end = "" if self.remedy.endswith("?") else "."
        return f"{self.file}:{self.line}: {self.field}: {self.problem}. {self.remedy}{end}"


class CompanyFileWrong(Trouble):
    """A company file with mistakes, all of them, in the order of their lines."""

    def __init__(self, mistakes: Iterable[Mistake]) -> None:
        self.mistakes = sorted(mistakes)
        count = len(self.mistakes)
        listed = "\n".join(str(mistake) for mistake in self.mistakes)
        super().__init__(f"{count} mistake{'s' * (count > 1)} in the company file:\n{listed}", "Nothing was applied.")


@dataclass(frozen=True, slots=True)
class Entry:
    """One table of the file: its name, its number among those of that name from 0, its values."""

    table: str
    number: int
    values: dict[str, Any]

    def field(self, key: str) -> str:
        """The name of one of its fields as a message tells it: `staff[petrova].weight`."""
        if self.table == "company":
            return f"company.{key}"
        name = self.values.get("id", self.values.get("staff"))
        label = name if isinstance(name, str) else self.number + 1
        return f"{self.table}[{label}].{key}"


class FieldChecks:
    """Checks fields one by one and gathers what is wrong with them."""

    def __init__(self, file: str, lines: dict[tuple[str, int, str], int]) -> None:
        """`lines` is what `estafeta.company.toml_lines` found."""
        self.file, self.lines = file, lines
        self.mistakes: list[Mistake] = []
        self.offices: set[str] = set()
        self.office_of: dict[str, str] = {}
        self._ids: dict[tuple[str, str], int] = {}

    def wrong(self, entry: Entry, key: str, problem: str, remedy: str) -> None:
        """Note a mistake at the line of this field, or at the head of its table when the field is not there."""
        places = ((entry.table, entry.number, key), (entry.table, entry.number, ""), ("", 0, entry.table))
        line = next((self.lines[place] for place in places if place in self.lines), 1)
        self.mistakes.append(Mistake(self.file, line, entry.field(key), problem, remedy))

    def fields(self, entry: Entry, spec: dict[str, tuple[Check, bool]]) -> dict[str, Any]:
        """The checked values of a table; what is wrong is noted and left out."""
        known = {}
        for key, value in entry.values.items():
            if key not in spec:
                self.wrong(entry, key, "there is no such field", meant(key, spec, "Fields are"))
            elif (checked := spec[key][0](self, entry, key, value)) is not None:
                known[key] = checked
        for key, (_, required) in spec.items():
            if required and key not in entry.values:
                self.wrong(entry, key, "it is missing", f"Add {key} = {_EXAMPLES.get(key, '…')}")
        return known

    def once(self, entry: Entry, key: str) -> None:
        """An id names one entry of its kind."""
        value = entry.values.get(key)
        first = self._ids.setdefault((entry.table, str(value)), entry.number)
        if value is not None and first != entry.number:
            line = self.lines.get((entry.table, first, key), 1)
            self.wrong(entry, key, f"{value!r} is the id of another one, in line {line}", "Give each its own id")

    def _text(self, entry: Entry, key: str, value: Any) -> str | None:
        if not isinstance(value, str) or not 0 < len(value.strip()) <= 200:
            self.wrong(entry, key, f"{value!r} is no text of 1 to 200 characters", f"Write {key} = {_EXAMPLES[key]}")
            return None
        return value.strip()

    def _identity(self, entry: Entry, key: str, value: Any) -> str | None:
        if not isinstance(value, str) or not _ID.fullmatch(value):
            problem = f"{value!r} is no id"
            self.wrong(entry, key, problem, "Use 1 to 64 letters, digits, dots or hyphens, without blanks")
            return None
        return value

    def _office(self, entry: Entry, key: str, value: Any) -> str | None:
        return self._reference(entry, key, value, self.offices, "office")

    def _person(self, entry: Entry, key: str, value: Any) -> str | None:
        return self._reference(entry, key, value, self.office_of, "member of staff")

    def _function(self, entry: Entry, key: str, value: Any) -> str | None:
        return self._reference(entry, key, value, list(Function), "function")

    def _reference(self, entry: Entry, key: str, value: Any, known: Iterable[str], what: str) -> str | None:
        choices = sorted(str(choice) for choice in known)
        if isinstance(value, str) and value in choices:
            return value
        self.wrong(entry, key, f"there is no {what} {value!r}", meant(str(value), choices, "There are"))
        return None

    def _region(self, entry: Entry, key: str, value: Any) -> str | None:
        if not isinstance(value, str) or not _REGION.fullmatch(value):
            remedy = 'Write an ISO 3166-2 code such as "RU-MOW", or a country such as "KZ"'
            if isinstance(value, str) and _REGION.fullmatch(value.strip().upper()):
                remedy = f'Did you mean "{value.strip().upper()}"?'
            self.wrong(entry, key, f"{value!r} is no region code", remedy)
            return None
        if value.startswith("RU-") and value not in _RU_REGIONS:
            hit = near(value, sorted(_RU_REGIONS))
            remedy = f"Near it are {', '.join(hit)}; Moscow is RU-MOW, its oblast RU-MOS; all are in ISO 3166-2:RU"
            self.wrong(entry, key, f"Russia has no region {value!r}", remedy)
            return None
        return value

    def _regions(self, entry: Entry, key: str, value: Any) -> list[str] | None:
        if not isinstance(value, list):
            self.wrong(entry, key, f"{value!r} is no list", 'Write regions = ["RU-MOW", "RU-MOS"]')
            return None
        return [region for item in value if (region := self._region(entry, key, item))]

    def _time_zone(self, entry: Entry, key: str, value: Any) -> str | None:
        try:
            return ZoneInfo(value).key
        except (OSError, ValueError, LookupError, TypeError, AttributeError):
            remedy = meant(str(value), sorted(zoneinfo.available_timezones()), "Zones are", 6)
            self.wrong(entry, key, f"{value!r} is no time zone", remedy)
            return None

    def _office_hours(self, entry: Entry, key: str, value: Any) -> str | None:
        return self._by_calendar(entry, key, value, lambda: OfficeCalendar.of("UTC", value, "RU"))

    def _holiday_calendar(self, entry: Entry, key: str, value: Any) -> str | None:
        return self._by_calendar(entry, key, value, lambda: OfficeCalendar.of("UTC", DEFAULT_HOURS, value))

    def _by_calendar(self, entry: Entry, key: str, value: Any, make: Callable[[], OfficeCalendar]) -> str | None:
        if (text := self._text(entry, key, value)) is None:
            return None
        try:
            make()
        except ValueError as error:
            problem, _, remedy = str(error).removeprefix(f"office hours {value!r}: ").partition("; ")
            self.wrong(entry, key, problem, remedy[:1].upper() + remedy[1:])
            return None
        return text

    def _days(self, entry: Entry, key: str, value: Any) -> str | None:
        if isinstance(value, str) and weekdays(value):
            return value
        self.wrong(entry, key, f"{value!r} names no weekdays", 'Write days = "Mon-Fri" or "Mon, Wed, Fri"')
        return None

    def _shift_hours(self, entry: Entry, key: str, value: Any) -> str | None:
        if isinstance(value, str) and re.fullmatch(r"\s*\d{1,2}:\d{2}\s*-\s*\d{1,2}:\d{2}\s*", value):
            return value.strip()
        self.wrong(
            entry, key, f"{value!r} is no shift", 'Write hours = "09:00-18:00"; a second shift is a second entry'
        )
        return None

    def _weeks(self, entry: Entry, key: str, value: Any) -> tuple[int, int] | None:
        found = re.fullmatch(r"\s*(\d{1,2})\s*/\s*(\d{1,2})\s*", value) if isinstance(value, str) else None
        if found and 1 <= int(found[1]) <= int(found[2]):
            return int(found[1]), int(found[2])
        self.wrong(entry, key, f"{value!r} names no week", 'Write weeks = "1/2" for the first of every two weeks')
        return None

    def _day_or_moment(self, entry: Entry, key: str, value: Any) -> date | datetime | None:
        if isinstance(value, date):  # a datetime is a date as well
            return value
        quoted = ", without quotes" if isinstance(value, str) else ""
        self.wrong(entry, key, f"{value!r} is no day", f"Write {key} = 2026-12-01 or 2026-12-01T09:00:00{quoted}")
        return None

    def _day_list(self, entry: Entry, key: str, value: Any) -> list[date] | None:
        if isinstance(value, list) and all(type(day) is date for day in value):
            return value
        self.wrong(entry, key, f"{value!r} is no list of days", f"Write {key} = [2026-12-31, 2027-01-09]")
        return None

    def _share(self, entry: Entry, key: str, value: Any) -> float | None:
        if isinstance(value, (int, float)) and not isinstance(value, bool) and 0 < value <= MAX_WEIGHT:
            return float(value)
        problem = f"{value!r} is no weight above 0 and up to {MAX_WEIGHT}"
        remedy = "Write weight = 1.0 for a full share, 0.5 for half of one"
        self.wrong(entry, key, problem, f"{remedy}; who gets no leads at all is absent, or has another function")
        return None

    def _cap(self, entry: Entry, key: str, value: Any) -> int | None:
        if isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= 1_000_000:
            return value
        remedy = f"Write {key} = 20, or leave it out for no cap; who gets no leads at all is absent"
        self.wrong(entry, key, f"{value!r} is no number of leads from 1 up", remedy)
        return None

    def _hours_a_week(self, entry: Entry, key: str, value: Any) -> float | None:
        if isinstance(value, (int, float)) and not isinstance(value, bool) and 0 < value <= 168:
            return float(value)
        self.wrong(entry, key, f"{value!r} is no number of hours up to 168", f"Write {key} = 24, or leave it out")
        return None

    def _people(self, entry: Entry, key: str, value: Any) -> int | None:
        if isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= 100:
            return value
        self.wrong(entry, key, f"{value!r} is no number of people from 1 to 100", f"Write {key} = 2")
        return None

    def _wish(self, entry: Entry, key: str, value: Any) -> str | None:
        return self._reference(entry, key, value, ("off", "on"), "wish")

    def _day(self, entry: Entry, key: str, value: Any) -> date | None:
        if type(value) is date:
            return value
        self.wrong(entry, key, f"{value!r} is no day", f"Write {key} = 2026-12-01, without a time and without quotes")
        return None

    def _languages(self, entry: Entry, key: str, value: Any) -> list[str] | None:
        if isinstance(value, list) and all(isinstance(one, str) and _LANGUAGE.fullmatch(one) for one in value):
            return sorted(set(value))
        self.wrong(entry, key, f"{value!r} is no list of languages", 'Write ISO 639 codes: languages = ["ru", "en"]')
        return None


Check = Callable[[FieldChecks, Entry, str, Any], Any]

TABLES: dict[str, dict[str, tuple[Check, bool]]] = {
    "company": {
        "name": (FieldChecks._text, True),
        "home_region": (FieldChecks._region, True),
        "time_zone": (FieldChecks._time_zone, True),
    },
    "offices": {
        "id": (FieldChecks._identity, True),
        "name": (FieldChecks._text, True),
        "regions": (FieldChecks._regions, False),
        "time_zone": (FieldChecks._time_zone, False),
        "hours": (FieldChecks._office_hours, False),
        "calendar": (FieldChecks._holiday_calendar, False),
        "days_off": (FieldChecks._day_list, False),
        "working_days": (FieldChecks._day_list, False),
    },
    "staff": {
        "id": (FieldChecks._identity, True),
        "name": (FieldChecks._text, True),
        "office": (FieldChecks._office, True),
        "function": (FieldChecks._function, True),
        "weight": (FieldChecks._share, False),
        "languages": (FieldChecks._languages, False),
        "per_day": (FieldChecks._cap, False),
        "open_leads": (FieldChecks._cap, False),
        "notice": (FieldChecks._day_or_moment, False),
        "duty_hours": (FieldChecks._hours_a_week, False),
    },
    "duty": {
        "office": (FieldChecks._office, True),
        "staff": (FieldChecks._person, True),
        "from": (FieldChecks._day_or_moment, True),
        "to": (FieldChecks._day_or_moment, True),
        "days": (FieldChecks._days, False),
        "hours": (FieldChecks._shift_hours, False),
        "weeks": (FieldChecks._weeks, False),
    },
    "cover": {
        "office": (FieldChecks._office, True),
        "days": (FieldChecks._days, True),
        "hours": (FieldChecks._shift_hours, True),
        "people": (FieldChecks._people, False),
        "from": (FieldChecks._day, False),
        "to": (FieldChecks._day, False),
    },
    "wishes": {
        "staff": (FieldChecks._person, True),
        "wish": (FieldChecks._wish, True),
        "days": (FieldChecks._days, True),
        "hours": (FieldChecks._shift_hours, False),
        "from": (FieldChecks._day, False),
        "to": (FieldChecks._day, False),
    },
    "absences": {
        "staff": (FieldChecks._person, True),
        "from": (FieldChecks._day_or_moment, True),
        "to": (FieldChecks._day_or_moment, True),
        "reason": (FieldChecks._text, False),
    },
}
"""The tables of the file, each field with its check and whether it must be there."""

_EXAMPLES = {
    "name": '"Петрова Анна"',
    "home_region": '"RU-MOW"',
    "time_zone": '"Europe/Moscow"',
    "id": '"petrova"',
    "office": '"msk"',
    "staff": '"petrova"',
    "function": '"sales"',
    "from": "2026-12-01",
    "to": "2026-12-14",
    "hours": f'"{DEFAULT_HOURS}"',
    "calendar": '"RU"',
    "reason": '"vacation"',
    "days": '"Mon-Fri"',
    "wish": '"off"',
}


def meant(word: str, known: Iterable[str], lead: str, most: int = 40) -> str:
    """A remedy for a word that is not known: the one it may have been meant to be, and which there are."""
    choices = [str(choice) for choice in known]
    hit = near(word, choices, most=1)
    if hit and len(choices) > most:
        return f"Did you mean {hit[0]!r}?"
    listed = ", ".join(choices[:most]) + (" …" if len(choices) > most else "")
    return (f"Did you mean {hit[0]!r}? " if hit else "") + f"{lead} {listed or 'none yet'}"
