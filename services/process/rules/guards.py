"""What a move of the sale needs: each guard says in its name what must be so, and collects why it is not.

The first docstring line of a guard is what it asks for, in words that are shown to the manager (R2-12).
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from shared.commands import RecordTouch
from shared.events import Fault
from shared.words import Stage, TouchKind, TouchResult

SHOWS_CONTACT = frozenset(
    {TouchResult.REACHED, TouchResult.INTERESTED, TouchResult.REFUSED, TouchResult.AGREED, TouchResult.HELD}
)
"""Results that prove the client was spoken to; an attempt, a letter sent or a meeting called off does not."""

_NOBODY_SPOKE = frozenset({TouchResult.NO_ANSWER, TouchResult.SENT})
_LONGEST_DEFERRAL = timedelta(days=3 * 366)


@dataclass(slots=True)
class Case:
    """One sale with one touch before it: what guards look at, and the faults they find.

    `stage` is the only thing a move changes. `now` is UTC, `today` its date in the office.
    `held_meeting` and `sent_offer` count this touch and all earlier ones of the sale.
    """

    stage: Stage
    touch: RecordTouch
    now: datetime
    today: date
    stage_before_deferral: Stage | None = None
    held_meeting: bool = False
    sent_offer: bool = False
    staff: Collection[str] = ()
    faults: list[Fault] = field(default_factory=list)

    def misses(self, name: str, problem: str, remedy: str) -> bool:
        """Note what is missing; always False, so that a guard can end with it."""
        self.faults.append(Fault(field=name, problem=problem, remedy=remedy))
        return False


Guard = Callable[[Case], bool]


def is_held_meeting(touch: RecordTouch) -> bool:
    """Whether this touch is a meeting that took place."""
    return touch.kind is TouchKind.MEETING and touch.result is TouchResult.HELD


def is_sent_offer(touch: RecordTouch) -> bool:
    """Whether this touch is an offer that went out."""
    return touch.kind is TouchKind.OFFER and touch.result is TouchResult.SENT


def the_client_was_reached(case: Case) -> bool:
    """A touch in which the client was spoken to (result reached, interested, refused, agreed or held)."""
    return case.touch.result in SHOWS_CONTACT or case.misses(
        "result",
        f"The result `{case.touch.result}` does not show that the client was spoken to.",
        f"Record a touch with one of the results {', '.join(sorted(SHOWS_CONTACT))}.",
    )


def the_meeting_has_date_place_and_holder(case: Case) -> bool:
    """`meeting`: a time to come, its place, and a holder from the staff."""
    meeting = case.touch.meeting
    if meeting is None:
        return case.misses(
            "meeting",
            "A meeting is set without its date, place and holder.",
            "Add `meeting` with `at`, `place` and `holder`.",
        )
    good = True
    if meeting.at <= case.now:
        good = case.misses(
            "meeting.at",
            f"The meeting is set for {meeting.at:%Y-%m-%d %H:%M %Z}, which is over.",
            "Give a time to come, or record the meeting as a touch of kind `meeting` with result `held`.",
        )
    if meeting.holder not in case.staff:
        good = case.misses(
            "meeting.holder",
            f"Nobody with the id `{meeting.holder}` works here.",
            "Give the id of an active member of staff, as the company file has it.",
        )
    return good


def a_meeting_was_held(case: Case) -> bool:
    """A touch of kind meeting with result held, now or before."""
    return case.held_meeting or case.misses(
        "kind",
        "No held meeting is recorded for this sale.",
        "Record the meeting: kind `meeting`, result `held`.",
    )


def the_meeting_fell_through(case: Case) -> bool:
    """A touch with result cancelled: the meeting will not take place."""
    return case.touch.result is TouchResult.CANCELLED or case.misses(
        "result",
        "The meeting is still set.",
        "Give the result `cancelled` if it will not take place, or go on to `meeting_held` when it was held.",
    )


def an_offer_was_sent(case: Case) -> bool:
    """A touch of kind offer with result sent, now or before."""
    return case.sent_offer or case.misses(
        "kind",
        "No sent offer is recorded for this sale.",
        "Record the offer: kind `offer`, result `sent`.",
    )


def the_contract_has_number_date_and_amount(case: Case) -> bool:
    """`contract`: its number, the date it was signed, its amount."""
    contract = case.touch.contract
    if contract is None:
        return case.misses(
            "contract",
            "A sale is won by a contract, and none is given.",
            "Add `contract` with `number`, `signed_on` and `amount` (in minor units of `currency`).",
        )
    return contract.signed_on <= case.today or case.misses(
        "contract.signed_on",
        f"The contract is signed on {contract.signed_on}, which is still to come.",
        f"Give the date of signing, {case.today} at the latest.",
    )


def a_reason_is_given(case: Case) -> bool:
    """`end`: the reason why the sale is lost."""
    return case.touch.end is not None or case.misses(
        "end", "A sale is lost without a reason.", "Add `end` with its `reason`."
    )


def the_client_named_a_later_date(case: Case) -> bool:
    """`deferral`: the later date that the client named when he was spoken to (R4-12)."""
    deferral = case.touch.deferral
    if deferral is None:
        return case.misses(
            "deferral", "A sale is put off without a date.", "Add `deferral` with the `named_date` of the client."
        )
    good = True
    if case.touch.result in _NOBODY_SPOKE:
        good = case.misses(
            "result",
            f"With the result `{case.touch.result}` nobody was spoken to who could have named a date.",
            "Plan the `next` action instead, or give the result of the talk.",
        )
    if not case.today < deferral.named_date <= case.today + _LONGEST_DEFERRAL:
        good = case.misses(
            "deferral.named_date",
            f"The named date {deferral.named_date} is not a date to come within three years of {case.today}.",
            "Give the date that the client named; end the sale with a reason if he wants nothing.",
        )
    return good


def it_was_at(stage: Stage) -> Guard:
    """The guard that lets a deferred sale back to `stage` alone if it was put off from there."""

    def it_was_there_before(case: Case) -> bool:
        """The stage it was put off from."""
        return case.stage_before_deferral is stage or case.misses(
            "move_to",
            f"The sale was put off from `{case.stage_before_deferral}`, not from `{stage}`.",
            f"Take it back to `{case.stage_before_deferral}` first.",
        )

    return it_was_there_before
