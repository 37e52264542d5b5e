"""Can a lead from outside have come then? Not later than now, and not so long ago that its deadlines mean nothing."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from shared.events import Fault

LONGEST_AGO = timedelta(days=30)
"""A lead that somebody else received earlier is a list to be imported, not a lead to be reacted to (SLA)."""
CLOCKS_DIFFER = timedelta(minutes=2)
"""How far another machine's clock may be ahead of ours."""


def faults_of_moments(named: Mapping[str, datetime | None], now: datetime) -> list[Fault]:
    """One fault for each moment of `named` (field → moment) that cannot be; a moment that is not given is no fault."""
    faults = []
    for field, moment in named.items():
        if moment is None:
            continue
        if moment > now + CLOCKS_DIFFER:
            problem, remedy = f"{moment.isoformat()} is in the future", "leave it out, or give the moment it happened"
        elif moment < now - LONGEST_AGO:
            problem = f"{moment.isoformat()} is more than {LONGEST_AGO.days} days ago"
            remedy = "import what is older as a list: `estafeta import`"
        else:
            continue
        faults.append(Fault(field=field, problem=problem, remedy=remedy))
    return faults
