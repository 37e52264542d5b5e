"""How far a sale can go from where it is: the table of moves, fed as it stands to `transitions` (REGULATION §4, stages).

A row is `[move, from, to, [guards]]`. Guards are in `guards.py`; there are no callbacks: what follows from a move is
decided in `sale.py`. A sale keeps the version of the pipeline it began with; a changed pipeline is a new version here.

Two moves happen by themselves, because they are facts and not intentions: the first touch that reaches the client
makes an opened sale *contacted*, and a touch that reaches the client of a deferred sale brings it back to where it was.
All others are asked for by `move_to`, `end` or `deferral`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from transitions import Machine

from services.process.rules.guards import (
    SHOWS_CONTACT,
    Case,
    Guard,
    a_meeting_was_held,
    a_reason_is_given,
    an_offer_was_sent,
    it_was_at,
    the_client_named_a_later_date,
    the_client_was_reached,
    the_contract_has_number_date_and_amount,
    the_meeting_fell_through,
    the_meeting_has_date_place_and_holder,
)
from shared.events import Fault
from shared.words import Stage

OPENED, CONTACTED, MEETING_SET, MEETING_HELD = Stage.OPENED, Stage.CONTACTED, Stage.MEETING_SET, Stage.MEETING_HELD
PROPOSAL, NEGOTIATION, CONTRACT = Stage.PROPOSAL, Stage.NEGOTIATION, Stage.CONTRACT
WON, LOST, DEFERRED = Stage.WON, Stage.LOST, Stage.DEFERRED

WORKED = (OPENED, CONTACTED, MEETING_SET, MEETING_HELD, PROPOSAL, NEGOTIATION, CONTRACT)
"""The stages in which a sale is being worked."""
OPEN = (*WORKED, DEFERRED)
"""The stages of an open sale (R1-42, R4-11)."""

PIPELINES: dict[str, list[list[Any]]] = {
    "sale-1": [
        ["contact", OPENED, CONTACTED, [the_client_was_reached]],
        ["set_meeting", CONTACTED, MEETING_SET, [the_meeting_has_date_place_and_holder]],
        ["rearrange_meeting", MEETING_SET, MEETING_SET, [the_meeting_has_date_place_and_holder]],
        ["call_off_meeting", MEETING_SET, CONTACTED, [the_meeting_fell_through]],
        ["hold_meeting", [CONTACTED, MEETING_SET], MEETING_HELD, [a_meeting_was_held]],
        ["propose", [CONTACTED, MEETING_HELD], PROPOSAL, [an_offer_was_sent]],
        ["negotiate", PROPOSAL, NEGOTIATION, []],
        ["draw_up_contract", [PROPOSAL, NEGOTIATION], CONTRACT, []],
        ["reopen_terms", CONTRACT, NEGOTIATION, []],
        ["win", CONTRACT, WON, [the_contract_has_number_date_and_amount]],
        ["lose", [*OPEN], LOST, [a_reason_is_given]],
        ["defer", [*OPEN], DEFERRED, [the_client_named_a_later_date]],
        *[["resume", DEFERRED, stage, [it_was_at(stage)]] for stage in WORKED],
    ],
}
NEWEST = "sale-1"
"""The pipeline that a new sale begins with."""


@dataclass(frozen=True, slots=True)
class Arrow:
    """One arrow of the picture: the move, where it starts and ends, and what it needs."""

    move: str
    source: Stage
    target: Stage
    guards: tuple[Guard, ...]

    @property
    def needs(self) -> list[str]:
        """What the guards ask for, in words."""
        return [(guard.__doc__ or "").strip().splitlines()[0] for guard in self.guards]


@cache
def machine_of(version: str) -> Machine:
    """The state machine of a pipeline, built once; it holds no sale: fire it on a `Case`."""
    return Machine(
        model=None,
        states=Stage,
        initial=OPENED,
        transitions=PIPELINES[version],
        auto_transitions=False,
        model_attribute="stage",
    )


@cache
def arrows(version: str = NEWEST) -> tuple[Arrow, ...]:
    """Every arrow of a pipeline, in the order of its table."""
    return tuple(
        Arrow(move, source, target, tuple(guards))
        for move, sources, target, guards in PIPELINES[version]
        for source in (sources if isinstance(sources, list) else [sources])
    )


def arrows_from(stage: Stage, version: str = NEWEST) -> list[Arrow]:
    """Where a sale can go from `stage`."""
    return [arrow for arrow in arrows(version) if arrow.source is stage]


def step(case: Case, target: Stage, version: str) -> Arrow | list[Fault]:
    """Move `case` to `target`; the arrow it took, or all that stands against it (then nothing has changed)."""
    arrow = next((arrow for arrow in arrows_from(case.stage, version) if arrow.target is target), None)
    if arrow is None:
        return [_no_such_arrow(case, target, version)]
    # the machine stops at the first guard that refuses, and people want to hear of all of them at once;
    # and a move with several targets (`resume`) must not take another one than was asked for
    for guard in arrow.guards:
        guard(case)
    faults, case.faults = case.faults, []
    if faults:
        return faults
    machine_of(version).events[arrow.move].trigger(case, case)
    case.faults.clear()  # what the guards of the arrows that were not meant had to say
    return arrow


def step_by_itself(case: Case) -> Stage | None:
    """Where the touch brings the sale without being asked, or None."""
    touch = case.touch
    if touch.result in SHOWS_CONTACT:
        if case.stage is OPENED:
            return CONTACTED
        if case.stage is DEFERRED and touch.end is None and touch.deferral is None:
            return case.stage_before_deferral
    return None


def _no_such_arrow(case: Case, target: Stage, version: str) -> Fault:
    ways = allowed(case.stage, case.stage_before_deferral, version)
    listed = "; ".join(f"{way['to']} ({' '.join(way['needs']) or 'needs nothing more'})" for way in ways)
    return Fault(
        field="move_to",
        problem=f"A sale does not go from `{case.stage}` to `{target}`.",
        remedy=f"From `{case.stage}` it goes to: {listed}",
    )


def allowed(stage: Stage, stage_before_deferral: Stage | None = None, version: str = NEWEST) -> list[dict[str, Any]]:
    """The moves a sale can make now: `[{move, to, needs: [text]}]` (R2-12)."""
    return [
        {"move": arrow.move, "to": arrow.target, "needs": arrow.needs}
        for arrow in arrows_from(stage, version)
        if arrow.move != "resume" or arrow.target is stage_before_deferral
    ]


def way_to_won(stage: Stage, stage_before_deferral: Stage | None = None, version: str = NEWEST) -> list[dict[str, Any]]:
    """The shortest way forward from `stage` to a won sale, as `allowed` puts it: what must be done to close (R2-12)."""
    order = [DEFERRED, *WORKED, WON]  # a way that goes back, as calling a meeting off does, is no advice
    paths: list[list[dict[str, Any]]] = [[]]
    while paths:
        path = paths.pop(0)
        at = path[-1]["to"] if path else stage
        if at is WON:
            return path
        paths += [
            [*path, move]
            for move in allowed(at, stage_before_deferral, version)
            if move["to"] in order and order.index(move["to"]) > order.index(at)
        ]
    return []


def mermaid(version: str = NEWEST) -> str:
    """The picture of a pipeline as a mermaid state diagram.

    What holds for every worked stage is drawn once, from or to the frame around them.
    """
    lines = ["stateDiagram-v2", "    direction LR", f"    [*] --> {OPENED}", "    state worked {"]
    outside: list[str] = []
    for move in dict.fromkeys(arrow.move for arrow in arrows(version)):
        own = [arrow for arrow in arrows(version) if arrow.move == move]
        sources = _framed([arrow.source for arrow in own])
        targets = _framed([arrow.target for arrow in own])
        for source in sources:
            for target in targets:
                inside = "worked" not in (source, target) and {source, target} <= set(WORKED)
                line = f"{source} --> {target}: {_label(own[0])}"
                if inside:
                    lines.append(f"        {line}")
                else:
                    outside.append(f"    {line}")
    return "\n".join([*lines, "    }", *outside, f"    {WON} --> [*]", f"    {LOST} --> [*]"]) + "\n"


def _framed(stages: Sequence[Stage]) -> list[str]:
    """The distinct `stages` by name, with all the worked ones together as `worked`."""
    distinct = list(dict.fromkeys(stages))
    if set(WORKED) <= set(distinct):
        return ["worked", *[stage for stage in distinct if stage not in WORKED]]
    return [str(stage) for stage in distinct]


def _label(arrow: Arrow) -> str:
    guards = ", ".join(guard.__name__.replace("_", " ") for guard in arrow.guards)
    return arrow.move.replace("_", " ") + (f" [{guards}]" if guards else "")
