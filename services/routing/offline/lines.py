"""A line of the arrivals: a lead that came, or a change of somebody's presence; what cannot be read is named."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, BinaryIO, cast
from uuid import UUID, uuid5

from services.routing.rules.case import Client, Lead, Meeting
from services.routing.rules.presence import CHANGES, Change
from shared.words import Source

LONGEST_LINE = 1 << 20
"""A longer line is no arrival: it is refused before it is read whole."""
_IDS = UUID("3c2f64b5-0a3e-5b0e-9d6c-7f1f6a2b9c41")
_REGION = re.compile(r"[A-Z]{2}(-[A-Z0-9]{1,3})?")


class BadLine(ValueError):
    """A field of a line, what is wrong with it and how to mend it."""

    def __init__(self, field: str, problem: str, remedy: str) -> None:
        super().__init__(f"{field}: {problem}. {remedy}.")


@dataclass(frozen=True, slots=True)
class Arrival:
    """A lead that came: its line, its moment, and what the rules look at."""

    number: int
    at: datetime
    id: Any
    lead: Lead
    client: Client


@dataclass(frozen=True, slots=True)
class Said:
    """A change of presence: its line, its moment, what was said of whom, and until when."""

    number: int
    at: datetime
    change: Change
    staff: str
    until: datetime | None


def read_line(number: int, line: bytes, staff: frozenset[str]) -> Arrival | Said:
    """One line as an arrival or a change; raises BadLine."""
    record = _parsed(line)
    at = _moment(record, "at")
    if at is None:
        raise BadLine("at", "it is missing", 'Write the moment with its offset: "2026-11-23T10:05:00+03:00"')
    if "change" in record:
        return _said(number, at, record, staff)
    if record.get("id") is None or isinstance(record["id"], dict | list):
        raise BadLine("id", "it is missing" if record.get("id") is None else "it is no text", 'Write "id": "a1"')
    client = record.get("client")
    if client is not None and not isinstance(client, dict):
        shape = '{"owner": …, "open_process": …, "current": true or false}'
        raise BadLine("client", f"{_shown(client)} is no object", f"Write null, or {shape}")
    name = _text(record, "list")
    client_id = uuid5(_IDS, f"client {number}")
    return Arrival(
        number,
        at,
        record["id"],
        Lead(
            uuid5(_IDS, f"lead {number}"),
            client_id,
            Source(_one_of(record, "source", [str(source) for source in Source])),
            _region(record),
            named=_text(record, "named"),
            submitter=_text(record, "submitter"),
            known=client is not None,
            worked_with=_text(record, "worked_with"),
            list_id=name,
            meeting=_meeting(record, at),
        ),
        Client(client_id) if client is None else _client(client_id, client),
    )


def _client(client_id: UUID, said: dict[str, Any]) -> Client:
    current = said.get("current")
    if current is not None and not isinstance(current, bool):
        raise BadLine("client.current", f"{_shown(current)} is neither true nor false", "Write true or false")
    owner, manager = _text(said, "owner", "client."), _text(said, "open_process", "client.")
    return Client(client_id, known=True, current=bool(current), curator=owner, stated_curator=owner, open_with=manager)


def _meeting(record: dict[str, Any], at: datetime) -> Meeting | None:
    said = record.get("meeting")
    if said is None:
        return None
    if not isinstance(said, dict):
        raise BadLine("meeting", f"{_shown(said)} is no object", 'Write null, or {"at": …, "minutes": 60}')
    begins, minutes = _moment(said, "at", "meeting."), said.get("minutes", 60)
    if begins is None:
        raise BadLine("meeting.at", "it is missing", 'Write the moment with its offset: "2026-11-24T15:00:00+03:00"')
    if begins <= at:
        raise BadLine("meeting.at", "it is not after `at`", "Give the moment that was agreed on")
    if not isinstance(minutes, int) or isinstance(minutes, bool) or not 5 <= minutes <= 720:
        raise BadLine("meeting.minutes", f"{_shown(minutes)} is no length", "Write whole minutes, 5 to 720")
    return Meeting(begins, begins + timedelta(minutes=minutes))


def _said(number: int, at: datetime, record: dict[str, Any], staff: frozenset[str]) -> Said:
    change = _one_of(record, "change", CHANGES)
    who, until = _text(record, "staff"), _moment(record, "until")
    if who is None or who not in staff:
        problem = "it is missing" if who is None else f"nobody has the id {who!r}"
        raise BadLine("staff", problem, "Name a member of staff by the id of the company file")
    if until is not None and until <= at:
        raise BadLine("until", "it is not after `at`", "Give a later moment, or null")
    return Said(number, at, cast(Change, change), who, until)


def _region(record: dict[str, Any]) -> str:
    value = _text(record, "region")
    if value is None or value.lower() == "unknown":
        return "unknown"
    if not _REGION.fullmatch(value.upper()):
        raise BadLine(
            "region", f"{value!r} is no region code", 'Write an ISO 3166-2 code such as "RU-SPE", "KZ", or null'
        )
    return value.upper()


def _one_of(record: dict[str, Any], name: str, known: Sequence[str]) -> str:
    value = record.get(name)
    if not isinstance(value, str) or value not in known:
        problem = "it is missing" if value is None else f"there is no {name} {_shown(value)}"
        raise BadLine(name, problem, f"Write one of {', '.join(known)}")
    return value


def _text(record: dict[str, Any], name: str, inside: str = "") -> str | None:
    value = record.get(name)
    if value is None:
        return None
    if not isinstance(value, str):
        raise BadLine(f"{inside}{name}", f"{_shown(value)} is no text", "Write a text in quotes, or null")
    return value.strip() or None


def _moment(record: dict[str, Any], name: str, inside: str = "") -> datetime | None:
    value, name = record.get(name), f"{inside}{name}"
    if value is None:
        return None
    try:
        moment = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        raise BadLine(name, f"{_shown(value)} is no moment", 'Write it like "2026-11-23T10:05:00+03:00"') from None
    if moment.tzinfo is None:
        raise BadLine(name, f"{_shown(value)} does not say its time zone", f'Add the offset: "{value}+03:00"')
    return moment


def _shown(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _parsed(line: bytes) -> dict[str, Any]:
    if len(line) >= LONGEST_LINE:
        raise BadLine("line", f"it is longer than {LONGEST_LINE} bytes", "Write one arrival a line")
    try:
        record = json.loads(line.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise BadLine("line", f"byte {error.start + 1} is not UTF-8", "Save the file as UTF-8") from None
    except json.JSONDecodeError as error:
        raise BadLine("line", f"this is no JSON: {error.msg}, column {error.colno}", "Write one JSON object") from None
    except RecursionError:
        raise BadLine("line", "it is nested too deeply", "Write one JSON object") from None
    if not isinstance(record, dict):
        raise BadLine("line", f"{_shown(record)} is no object", "Write one JSON object")
    return record


def lines_of(source: BinaryIO) -> Iterator[tuple[int, bytes]]:
    """The lines that hold something, with their numbers; of one that is too long only the beginning."""
    number = 0
    while line := source.readline(LONGEST_LINE):
        number += 1
        rest = line
        while len(rest) >= LONGEST_LINE and not rest.endswith(b"\n"):
            rest = source.readline(LONGEST_LINE)
        if line.strip():
            yield number, line
