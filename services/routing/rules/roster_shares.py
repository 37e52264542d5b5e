"""What a roster gives to each: hours, leads expected on his shifts, and his fair share of them (G6).

It is the fair-share ledger ahead of time: of the leads expected while anybody is on duty, everyone of the office who is
able then is owed his weight's share, on duty or not; and those on duty receive them by weight. Absence neither earns
nor owes.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from services.routing.rules.roster_cover import OnDuty, Slot, Watch, on_duty_in, stretches
from services.routing.rules.roster_load import Expected


@dataclass(frozen=True, slots=True)
class Share:
    """Minutes on duty, and leads in millionths: expected on his shifts, and owed to him."""

    minutes: int = 0
    expected: int = 0
    fair: int = 0

    @property
    def deviation(self) -> int:
        """How many leads more than his share he is expected to receive, in millionths."""
        return self.expected - self.fair


def shares(
    watch: Watch, shifts: Sequence[OnDuty], expected: Expected, since: datetime, until: datetime
) -> dict[str, Share]:
    """The share of everybody of the office who sells, and of whoever else is on duty there, by id."""
    minutes: dict[str, int] = defaultdict(int)
    gets: dict[str, int] = defaultdict(int)
    owed: dict[str, int] = defaultdict(int)
    parts = [part for shift in shifts for part in watch.present(shift)]
    parts = [
        OnDuty(max(p.start, since), min(p.end, until), p.staff) for p in parts if p.start < until and since < p.end
    ]
    within = [Slot(part.start, part.end, 1) for part in parts]
    spans, able = stretches([*parts, *within, *watch.turns()], within), watch.able()
    credited: dict[frozenset[str], int] = defaultdict(int)
    for (start, end), on in zip(spans, on_duty_in(spans, parts), strict=True):
        leads = expected.between(start, end)
        credited[able(start, end) | on] += leads
        total = sum(map(watch.weight, on))
        for who in on:
            minutes[who] += int((end - start).total_seconds()) // 60
            gets[who] += leads * watch.weight(who) // total
    for those, leads in credited.items():
        total = sum(map(watch.weight, those))
        for who in those:
            owed[who] += leads * watch.weight(who) // total
    return {who: Share(minutes[who], gets[who], owed[who]) for who in sorted({*watch.people, *minutes})}
