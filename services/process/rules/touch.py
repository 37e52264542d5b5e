"""What makes a touch whole: a result, a comment, and exactly one way on (R4-10, R4-11)."""

from __future__ import annotations

from datetime import datetime, timedelta

from shared.commands import RecordTouch
from shared.events import Fault
from shared.words import Stage, TouchResult

CLOCK_SKEW = timedelta(minutes=2)
"""How far the clock of whoever records may run ahead of ours."""


def ways_on(touch: RecordTouch) -> list[str]:
    """How the touch leaves the client: with a `next` task, a `deferral`, an `end`, or `won`. One of them is right."""
    ways = [name for name in ("next", "deferral", "end") if getattr(touch, name) is not None]
    if touch.move_to is Stage.WON:
        ways.append("move_to `won`")
    return ways


def moment_of(touch: RecordTouch, said_at: datetime, now: datetime) -> datetime:
    """When the client was touched: as stated, else when it was said; never after `now`."""
    return min(touch.touched_at or said_at, now)


def faults_of_touch(touch: RecordTouch, said_at: datetime, now: datetime) -> list[Fault]:
    """All that is wrong with the touch in itself, whatever the sale it belongs to.

    `said_at` is when the wish was sent: what was to come then is not refused because we were late to hear it.
    """
    faults = []
    if touch.result is None:
        faults.append(
            Fault(
                field="result",
                problem="The touch has no result (R4-10).",
                remedy=f"Give one of {', '.join(TouchResult)}; an attempt that failed is `no_answer`.",
            )
        )
    if not touch.comment:
        faults.append(
            Fault(
                field="comment",
                problem="The touch has no comment (R4-10).",
                remedy="Say in a few words what the client wants or objects to.",
            )
        )
    faults += _faults_of_way_on(touch, min(said_at, now))
    if touch.touched_at is not None and touch.touched_at > now + CLOCK_SKEW:
        faults.append(
            Fault(
                field="touched_at",
                problem=f"The touch is dated {touch.touched_at:%Y-%m-%d %H:%M %Z}, which is still to come.",
                remedy="Give the time when the client was touched; what is to come belongs into `next`.",
            )
        )
    return faults


def _faults_of_way_on(touch: RecordTouch, said_at: datetime) -> list[Fault]:
    ways = ways_on(touch)
    if not ways and touch.move_to not in (Stage.LOST, Stage.DEFERRED):  # for those two the guard says what is missing
        return [
            Fault(
                field="next",
                problem="The touch leaves the client without a next task (R4-11).",
                remedy="Add `next` (kind, due_at), or `deferral` (named_date), or `end` (reason), "
                "or `move_to` `won` with its `contract`.",
            )
        ]
    faults = []
    if len(ways) > 1:
        faults.append(
            Fault(
                field="next",
                problem=f"The touch goes on in {len(ways)} ways at once: {', '.join(ways)} (R4-11).",
                remedy="Keep exactly one of them.",
            )
        )
    for move, way in ((Stage.LOST, "end"), (Stage.DEFERRED, "deferral")):
        if touch.move_to is move and ways and way not in ways:
            faults.append(
                Fault(
                    field="move_to",
                    problem=f"`{move}` contradicts {', '.join(ways)}.",
                    remedy=f"Give `{way}` and nothing else, or leave `move_to` out.",
                )
            )
    if touch.next is not None and touch.next.due_at <= said_at:
        faults.append(
            Fault(
                field="next.due_at",
                problem=f"The next action is due at {touch.next.due_at:%Y-%m-%d %H:%M %Z}, which is over.",
                remedy="Give a time to come.",
            )
        )
    return faults
