"""Who would not be free for a meeting in a period told again: as it was, but for meetings that would be somebody else's."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from services.routing.rules.case import Lead, Passed
from services.routing.rules.meeting import Given, engaged_by


class Elsewhere:
    """The meetings that somebody else would hold than he who held them; absences and hours are as they were."""

    def __init__(self) -> None:
        self._given: dict[UUID, tuple[Given, datetime | None]] = {}

    def engaged(self, lead: Lead, was: Mapping[str, Passed], at: datetime) -> Mapping[str, Passed]:
        """Those who would not be free for the meeting of `lead`, decided at `at`; `was`: those who were not."""
        if lead.meeting is None or not self._given:
            return was
        found = {
            who: why for who, why in was.items() if why["why"] != "meeting" or UUID(why["lead"]) not in self._given
        }
        for one, freed_at in self._given.values():
            is_another = one.lead_id != lead.lead_id and one.client_id != lead.client_id
            if is_another and one.meeting.meets(lead.meeting) and (freed_at is None or freed_at > at):
                found.setdefault(one.staff, engaged_by(one))
        return found

    def note(self, lead: Lead, was: str, would: str, freed_at: datetime | None) -> None:
        """Who received a lead, and who would have; its meeting was freed at `freed_at`, as far as its share tells."""
        if lead.meeting is None:
            return
        self._given.pop(lead.lead_id, None)
        if would and would != was:
            self._given[lead.lead_id] = Given(lead.lead_id, lead.client_id, would, lead.meeting), freed_at
