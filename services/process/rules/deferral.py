"""When a client who named a later date is called again: at two thirds of the way, on a working day (R4-12…14)."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from shared.working_time import OfficeCalendar

_A_DAY = timedelta(days=1)


def day_to_call(spoken_on: date, named: date, today: date, office: OfficeCalendar) -> date:
    """The day at 2/3 of the term from `spoken_on` to `named`, rounded down and moved earlier to a working day.

    Named on 22 April "about 10 May" → 4 May. It is always a day to come: if that day, or every working day before it,
    is over by `today` (when the talk is recorded), it is the first working day after `today`.
    """
    day = spoken_on + (named - spoken_on).days * 2 // 3 * _A_DAY
    if day > today and (earlier := office.earlier_working_day(day)) > today:
        return earlier
    day = today + _A_DAY
    while not office.is_working_day(day):
        day += _A_DAY
    return day


def call_at(spoken_at: datetime, named: date, now: datetime, office: OfficeCalendar) -> datetime:
    """The moment (UTC) when the office opens on the day to call a client who was spoken to at `spoken_at`."""
    spoken_on, today = (at.astimezone(office.zone).date() for at in (spoken_at, now))
    opens = office.opens_at(day_to_call(spoken_on, named, today, office))
    if opens is None:
        raise ValueError("a working day on which the office does not open")
    return opens


def asked_for_later(
    named: date | None, spoken_on: date | None, received_at: datetime, now: datetime, office: OfficeCalendar
) -> datetime | None:
    """The moment (UTC) of the first call to a lead that named a later day in a questionnaire; None: within its SLA.

    The term runs from the day when the questionnaire was filled in. A day that is over, or whose two thirds are, asks
    for no waiting: such a lead is reacted to like any other.
    """
    if named is None:
        return None
    today = now.astimezone(office.zone).date()
    spoken = spoken_on or received_at.astimezone(office.zone).date()
    if named <= today or spoken + (named - spoken).days * 2 // 3 * _A_DAY <= today:
        return None
    opens = office.opens_at(day_to_call(spoken, named, today, office))
    if opens is None:
        raise ValueError("a working day on which the office does not open")
    return opens
