"""An agent's meeting goes to somebody who is free at its time: at work, not absent, with no other meeting (R1-28, R1-30).

What is looked at is the time of the meeting; whether somebody can take a lead now is asked for besides (`availability`).
At work is who has the meeting within the hours of his office, or within a shift of his. One meeting may begin when
another ends.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import NamedTuple
from uuid import UUID

from services.routing.rules.case import Client, Lead, Meeting, Passed
from services.routing.rules.field import Field, Person
from services.routing.rules.region import territory
from shared.commands import ApplyCompany
from shared.words import Function, Source
from shared.working_time import OfficeCalendar

Span = tuple[datetime, datetime]


class Given(NamedTuple):
    """A meeting that somebody has: of which lead (or sale) and client, who has it, and when.

    `is_named`: he was named to hold it, so it does not go where its client goes.
    """

    lead_id: UUID
    client_id: UUID
    staff: str
    meeting: Meeting
    is_named: bool = False


class Calendars(NamedTuple):
    """Who is at work when, as far as it can be known ahead.

    `absences` are the calendar's by staff: from, to, reason; `back` when somebody was last said to be back, which ends
    what began before. `shifts` are by staff, `hours` the working calendars of offices.
    """

    absences: Mapping[str, Sequence[tuple[datetime, datetime, str]]]
    back: Mapping[str, datetime]
    shifts: Mapping[str, Sequence[Span]]
    hours: Mapping[str, OfficeCalendar]

    def why_not(self, person: Person, meeting: Meeting) -> Passed | None:
        """Why `person` is not there for the meeting; None if he is, or if nothing is known of it."""
        back = self.back.get(person.id)
        for start, end, reason in self.absences.get(person.id, ()):
            if meeting.meets(Meeting(start, end)) and (back is None or start > back):
                return {"why": "away_then", "reason": reason, "until": _utc(end)}
        hours = self.hours.get(person.office)
        if hours is None or hours.between(*meeting) == meeting.until - meeting.at:
            return None
        shifts = self.shifts.get(person.id, ())
        is_on_shift = any(start <= meeting.at and meeting.until <= end for start, end in shifts)
        return None if is_on_shift else {"why": "off_hours"}


def calendars_of(company: ApplyCompany) -> Calendars:
    """What a company file says of people's time; it must be free of faults (`company.faults_in`)."""
    absences: dict[str, list[tuple[datetime, datetime, str]]] = {}
    shifts: dict[str, list[Span]] = {}
    for absence in company.absences:
        absences.setdefault(absence.staff, []).append((absence.starts_at, absence.ends_at, absence.reason))
    for shift in company.duty:
        shifts.setdefault(shift.staff, []).append((shift.starts_at, shift.ends_at))
    hours = {
        one.id: OfficeCalendar.of(one.time_zone, one.hours, one.calendar, one.days_off, one.working_days)
        for one in company.offices
    }
    return Calendars(absences, {}, shifts, hours)


class Diary:
    """Who is free when, and the meetings that are given; it moves on as leads are given."""

    def __init__(self, now: datetime, calendars: Calendars, given: Iterable[Given] = ()) -> None:
        self.now, self.calendars = now, calendars
        self._given: dict[str, list[Given]] = {}
        self._by_client: dict[UUID, list[Given]] | None = None
        for one in given:
            self._given.setdefault(one.staff, []).append(one)

    def engaged(self, lead: Lead, client: Client, field: Field) -> dict[str, Passed]:
        """Of those whom the rules may come to for an agent's lead, who is not free for its meeting, each with why.

        Nobody, if no moment was told, or the meeting is over: then it is for its receiver to agree on another.
        """
        if lead.meeting is None or lead.source is not Source.AGENT or lead.meeting.until <= self.now:
            return {}
        wanted = Given(lead.lead_id, lead.client_id, "", lead.meeting)
        found = {one.id: self.why_not_for(one, wanted) for one in _asked(lead, client, field)}
        return {who: why for who, why in sorted(found.items()) if why is not None}

    def why_not_for(self, person: Person, wanted: Given) -> Passed | None:
        """Why `person` is not free for a meeting, whoever has it now; None if he is."""
        if (reason := self.calendars.why_not(person, wanted.meeting)) is not None:
            return reason
        for one in self._given.get(person.id, ()):
            # a client's meeting that came twice is one meeting
            if (
                one.meeting.meets(wanted.meeting)
                and wanted.lead_id != one.lead_id
                and wanted.client_id != one.client_id
            ):
                return engaged_by(one)
        return None

    def with_client(self, client_id: UUID) -> list[Given]:
        """The meetings with a client, whoever has them."""
        if self._by_client is None:
            self._by_client = {}
            for those in self._given.values():
                for one in those:
                    self._by_client.setdefault(one.client_id, []).append(one)
        return self._by_client.get(client_id, [])

    def hand_over(self, one: Given, receiver: str) -> None:
        """A meeting is somebody else's now."""
        self._given[one.staff].remove(one)
        self._given.setdefault(receiver, []).append(one._replace(staff=receiver))

    def note(self, lead: Lead, receiver: str) -> None:
        """Somebody has received a lead, and with it its meeting."""
        if lead.meeting is not None and receiver:
            self._given.setdefault(receiver, []).append(Given(lead.lead_id, lead.client_id, receiver, lead.meeting))


def engaged_by(one: Given) -> Passed:
    """That somebody has this meeting, as the reason why he is passed over."""
    times = {"from": _utc(one.meeting.at), "until": _utc(one.meeting.until)}
    return {"why": "meeting", **times, "lead": str(one.lead_id)}


def _asked(lead: Lead, client: Client, field: Field) -> Iterator[Person]:
    """The managers of the lead's region and of home, and who works or looks after its client."""
    region = client.region if lead.region in ("", "unknown") else lead.region
    offices = {territory(region, field).office, territory("unknown", field).office} - {None}
    named = {person.id for said in (client.curator, client.open_with, client.given_to) if (person := field.find(said))}
    for person in field.people.values():
        if person.active and (person.id in named or (person.function is Function.SALES and person.office in offices)):
            yield person


def _utc(at: datetime) -> str:
    return at.astimezone(UTC).isoformat()
