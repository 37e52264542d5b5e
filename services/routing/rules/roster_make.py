"""Draw up a duty roster that shares the expected leads evenly by weight, and say what could not be done (R1-08, G6).

What must never happen does not: nobody is on duty while absent or under notice, nobody twice at once, nobody beyond his
weekly hours. Of what remains, the better roster is the one with, in this order: fewer leads that nobody is there for;
fewer minutes of empty places; less of anybody's deviation beyond one shift; fewer wishes not kept; a more even sharing
(the sum of the squared deviations). A wish is therefore kept as long as it moves nobody further than one shift from
what he is owed.

Without absences and limits and with equal weights everybody stays within one shift of his share. For the search only
ends where no single change is better, and as long as somebody receives more than another by more than one shift, there
is a slot which the first serves and the second does not; to give it to the second is better.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from services.routing.rules.roster_board import Board, Place, Problem
from services.routing.rules.roster_cover import OnDuty, Slot, Watch
from services.routing.rules.roster_load import Expected
from services.routing.rules.roster_search import search
from services.routing.rules.roster_shares import Share, shares
from services.routing.rules.roster_wishes import unwished


@dataclass(frozen=True, slots=True)
class Empty:
    """A place that nobody could fill: the slot, how many of its places are empty, and why each of the office cannot.

    The whys: an absence's reason, `notice`, `on_duty` (has another shift then), `hours` (his weekly limit).
    """

    slot: Slot
    places: int
    why: dict[str, str]


@dataclass(frozen=True, slots=True)
class Draft:
    """A roster that was drawn up: the new shifts, what each gets of all shifts together, and what could not be done.

    `one_shift` is what one shift brings at most, in millionths of a lead. `unkept` are shifts against a wish. `carried` is
    what each was owed from the time before, as far as it was to be made good. `limited` could have had another shift but
    for their weekly hours.
    """

    shifts: list[OnDuty]
    shares: dict[str, Share]
    empty: list[Empty]
    unkept: list[OnDuty]
    one_shift: int
    carried: Mapping[str, int]
    limited: frozenset[str]

    def off(self, who: str) -> int:
        """How far somebody ends from what he is owed, in millionths of a lead."""
        return self.shares[who].deviation - self.carried.get(who, 0)


def draw_up(
    watch: Watch, expected: Expected, since: datetime, until: datetime, carried: Mapping[str, int] | None = None
) -> Draft:
    """Fill what is not yet covered from `since` up to `until`; `watch.shifts` stay as they are.

    `carried` is what each is owed from the time before, in millionths of a lead: the roster makes it good, one shift at
    most, so that a rest which never divides does not go to the same person every month. The same company, expectation
    and time always give the same roster.
    """
    slots = [slot for slot in watch.slots(since, until) if slot.people]
    kept = watch.shifts
    open_places = _open_places(slots, kept, watch)
    problem = Problem.of(watch, slots, open_places, expected, since, until, unwished(watch, slots), carried or {})
    board = search(problem)
    fresh = sorted(OnDuty(slots[place.slot].start, slots[place.slot].end, who) for place, who in board.filled())
    mine = [shift for shift in kept if shift.start < until and since < shift.end]
    return Draft(
        shifts=fresh,
        shares=shares(watch, sorted([*mine, *fresh]), expected, since, until),
        empty=list(_empty(board, slots, watch)),
        unkept=sorted(
            OnDuty(slots[place.slot].start, slots[place.slot].end, who)
            for place, who in board.filled()
            if problem.is_unwished(place, who)
        ),
        one_shift=problem.one_shift,
        carried={
            who: max(-problem.one_shift, min(problem.one_shift, owed)) for who, owed in (carried or {}).items() if owed
        },
        limited=frozenset(
            who for who in watch.people if any(board.why_not(n, who) == "hours" for n in range(len(slots)))
        ),
    )


def _open_places(slots: Sequence[Slot], kept: Sequence[OnDuty], watch: Watch) -> list[Place]:
    """The places of slots that no shift which stands covers from beginning to end; such a shift fills one place at a time."""
    whole = [part for shift in kept for part in watch.present(shift)]
    used: dict[OnDuty, datetime] = {}
    open_places = []
    for number, slot in enumerate(slots):
        left = slot.people
        for part in whole:
            if left and part.start <= slot.start and slot.end <= part.end and used.get(part, slot.start) <= slot.start:
                used[part] = slot.end
                left -= 1
        open_places += [Place(number, nth) for nth in range(left)]
    return open_places


def _empty(board: Board, slots: Sequence[Slot], watch: Watch) -> Iterator[Empty]:
    missing: dict[int, int] = {}
    for place in board.empty():
        missing[place.slot] = missing.get(place.slot, 0) + 1
    for number, places in sorted(missing.items()):
        yield Empty(slots[number], places, {who: board.why_not(number, who) for who in watch.people})
