"""What an operator types, made into what the house understands: moments, days, sums, the next action, ids."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, TypeVar
from uuid import UUID
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ValidationError

from estafeta.trouble import Trouble, choose, near
from shared.commands import ContractFacts, Deferral, MeetingFacts, NextAction
from shared.words import TaskKind

_DAY = r"(?:\d{4}-\d{1,2}-\d{1,2}|\d{1,2}\.\d{1,2}\.\d{4})"
_MOMENT = re.compile(
    rf"(?P<day>{_DAY})[T\s]+(?P<time>\d{{1,2}}:\d{{2}})(?::\d{{2}})?\s*(?P<offset>Z|[+-]\d{{2}}:?\d{{2}})?"
)
_NEXT = re.compile(rf"(?P<kind>\S+)\s+(?P<moment>{_MOMENT.pattern})(?:\s+(?P<note>.+))?", re.DOTALL)

B = TypeVar("B", bound=BaseModel)


def day(text: str, option: str) -> date:
    """A day typed as `2026-11-25` or `25.11.2026`."""
    typed = text.strip()
    for form in ("%Y-%m-%d", "%d.%m.%Y"):
        try:
            return datetime.strptime(typed, form).date()  # noqa: DTZ007 - a day has no zone
        except ValueError:
            continue
    raise Trouble(f"{option}: {text!r} is no day.", "Write it as 2026-11-25 or 25.11.2026.")


def moment(text: str, zone: ZoneInfo, option: str) -> datetime:
    """A moment typed as `2026-11-25 10:00`: by the clock of `zone`, unless an offset like `+03:00` is typed with it."""
    found = _MOMENT.fullmatch(text.strip())
    if not found:
        remedy = f"Write day and time as 2026-11-25 10:00 (the clock of {zone.key})."
        raise Trouble(f"{option}: {text!r} is no day with a time.", remedy)
    try:
        clock = datetime.strptime(found["time"], "%H:%M").time()  # noqa: DTZ007 - the zone is joined below
    except ValueError:
        raise Trouble(
            f"{option}: {found['time']} is no time of day.", "Write hours and minutes, 00:00 to 23:59."
        ) from None
    if found["offset"]:
        at = datetime.fromisoformat(f"{day(found['day'], option)}T{clock:%H:%M}{found['offset']}")
    else:
        at = datetime.combine(day(found["day"], option), clock, zone)
    return at


def next_action(text: str, zone: ZoneInfo) -> NextAction:
    """The next action typed as `call 2026-11-25 10:00` and, if wanted, a note behind it (R4-11)."""
    found = _NEXT.fullmatch(text.strip())
    if not found:
        raise Trouble(
            f"--next: {text!r} does not say what is next and when.",
            f'Write kind, day and time, for example --next "call 2026-11-25 10:00"; kinds are {", ".join(TaskKind)}.',
        )
    kind = TaskKind(choose(found["kind"].lower(), list(TaskKind), "kind of task (--next)"))
    return NextAction(kind=kind, due_at=moment(found["moment"], zone, "--next"), note=found["note"] or "")


def next_of(kind: str | None, at: str | None, zone: ZoneInfo) -> NextAction | None:
    """The next action of `--next-kind` and `--next-at`, which belong together (R4-11)."""
    if kind is None and at is None:
        return None
    if kind is None or at is None:
        given, missing = ("--next-kind", "--next-at") if at is None else ("--next-at", "--next-kind")
        raise Trouble(f"{given} is given without {missing}.", 'Give both, or --next "call 2026-11-25 10:00".')
    task = TaskKind(choose(kind.lower(), list(TaskKind), "kind of task (--next-kind)"))
    return NextAction(kind=task, due_at=moment(at, zone, "--next-at"))


def deferral(text: str) -> Deferral:
    """The day the client named himself; the task is set at 2/3 of the way to it (R4-12)."""
    return Deferral(named_date=day(text, "--defer"))


def _together(given: Mapping[str, str | None], what: str) -> dict[str, str] | None:
    """These options if all are given, None if none is; some of them without the others are a `Trouble`."""
    there = {option: value for option, value in given.items() if value}
    if there and len(there) < len(given):
        missing = ", ".join(option for option in given if option not in there)
        raise Trouble(f"{what} is not whole: {missing} missing.", f"Give {', '.join(given)} together.")
    return there or None


def meeting(
    at: str | None, place: str | None, holder: str | None, zone: ZoneInfo, minutes: int | None = None
) -> MeetingFacts | None:
    """The meeting that `--move meeting_set` needs: when, where, who holds it, how long (REGULATION §4, stages)."""
    given = {"--meeting-at": at, "--meeting-place": place, "--meeting-holder": holder}
    if (typed := _together(given, "The meeting")) is None:
        return None
    begins = moment(typed["--meeting-at"], zone, "--meeting-at")
    facts = {"at": begins, "place": typed["--meeting-place"], "holder": typed["--meeting-holder"]}
    return checked(MeetingFacts, {**facts, "minutes": minutes})


def contract(number: str | None, signed: str | None, amount: str | None) -> ContractFacts | None:
    """The contract that `--move won` needs: number, date, amount (REGULATION §4, stages)."""
    given = {"--contract-number": number, "--contract-date": signed, "--contract-amount": amount}
    if (typed := _together(given, "The contract")) is None:
        return None
    minor, currency = money(typed["--contract-amount"], "--contract-amount")
    signed_on = day(typed["--contract-date"], "--contract-date")
    facts = {"number": typed["--contract-number"], "signed_on": signed_on, "amount": minor, "currency": currency}
    return checked(ContractFacts, facts)


def money(text: str, option: str) -> tuple[int, str]:
    """A sum typed as `125000`, `1 250 000,50` or `9000.00 KZT`: (minor units, currency; roubles if none is named)."""
    found = re.fullmatch(r"(?P<sum>[\d\s\u00a0\u202f_]+(?:[.,]\d{1,2})?)\s*(?P<currency>[A-Za-z]{3})?", text.strip())
    try:
        if not found:
            raise InvalidOperation
        value = Decimal(re.sub(r"[\s_]", "", found["sum"]).replace(",", "."))
    except InvalidOperation:
        raise Trouble(
            f"{option}: {text!r} is no sum of money.",
            "Write it as 1250000 or 1250000.50, with a currency behind it unless it is roubles: 9000 KZT.",
        ) from None
    if value <= 0:
        raise Trouble(f"{option}: the sum must be more than nothing.", "Write the sum of the contract.")
    return int(value * 100), (found["currency"] or "RUB").upper()


def an_id(text: str, what: str) -> UUID:
    """An id as the house prints it."""
    try:
        return UUID(text.strip())
    except ValueError:
        raise Trouble(
            f"{text!r} is no id of a {what}.",
            f"Ids look like 6f1c2a9e-0d7b-5c3e-9a44-0b1f6c2d7e88; `estafeta lead` prints the {what}'s.",
        ) from None


def checked(form: type[B], facts: Mapping[str, Any]) -> B:
    """`facts` as a `form`; what does not fit is a `Trouble` that names each field."""
    try:
        return form.model_validate(facts)
    except ValidationError as error:
        wrong = "; ".join(
            f"{'.'.join(str(part) for part in fault['loc'])}: {fault['msg']} (typed: {str(fault['input'])[:60]!r})"
            for fault in error.errors()
        )
        raise Trouble(f"{form.__name__} cannot be sent: {wrong}.", "Mend the named fields and send again.") from None


def someone(word: str, directory: Mapping[str, Any], option: str) -> dict[str, Any]:
    """The member of staff whose id is `word`; nobody of that id is a `Trouble` with the ids that are near.

    `directory` is the answer to `ListStaff`.
    """
    staff: list[dict[str, Any]] = directory.get("staff", [])
    for person in staff:
        if person["id"] == word and person.get("active", True):
            return person
    if not staff:
        raise Trouble(f"{option}: the directory is empty.", "Load it first: `estafeta apply company.toml`.")
    for person in staff:
        if person["id"] == word:
            raise Trouble(f"{option}: {word} ({person['name']}) works here no more.", "Name somebody who does.")
    # A name may be typed where an id belongs, so both are searched; the remedy always shows ids.
    by_word = {person["name"]: person for person in staff} | {person["id"]: person for person in staff}
    by_word |= {part: person for person in staff for part in str(person["name"]).split()}
    meant = {by_word[hit]["id"]: by_word[hit]["name"] for hit in near(word, by_word)}
    hint = ", ".join(f"{id_} ({name})" for id_, name in meant.items())
    everybody = f"The directory has {len(staff)} members of staff, for example {', '.join(p['id'] for p in staff[:5])}."
    raise Trouble(f"{option}: nobody here has the id {word!r}.", f"Did you mean {hint}?" if hint else everybody)


def zone_of(person: Mapping[str, Any], directory: Mapping[str, Any]) -> ZoneInfo:
    """The clock by which `person` speaks of times: his office's, else the company's."""
    offices = {office["id"]: office for office in directory.get("offices", [])}
    own, company = offices.get(person.get("office"), {}), directory.get("company") or {}
    for name in (own.get("time_zone"), company.get("time_zone")):
        try:
            return ZoneInfo(name or "")
        except (ZoneInfoNotFoundError, ValueError):
            continue
    return ZoneInfo("UTC")
