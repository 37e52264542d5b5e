"""The table of crash points: each step of the kernel at which a room dies, in each line of work that takes it.

A line of work is a reading of a room (its commands, its lists, what it hears of another room), the relay that sends what
the room has said, the loop that takes dead letters up again, the letterbox of its own door, or a watch.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from shared.bus import Bus
from shared.events import listeners_of
from shared.ledger import Book, Ledger
from shared.provision import readings_of

STEPS: dict[type[Any], tuple[str, ...]] = {
    Ledger: (
        "lock_marks",
        "set_marks",
        "note_passed",
        "enter_commands",
        "put",
        "bury",
        "settle",
        "revived",
        "unsent",
        "mark_sent",
        "unheard",
        "places",
        "send_again",
        "note_heard",
    ),
    Bus: ("fetch", "ack", "later", "publish", "passed", "ask"),
}
"""What is awaited by name: a room dies before and after it."""

COMMIT, LEAD, HANDLER = "commit", "lead", "handler"
CLAIM, SETTLE = "Letterbox.claim", "Letterbox.settle"
"""What a room brings to its letterbox: called, as its handlers are, out of a table of its own."""
BLOCKS = {(Book, "open"): COMMIT, (Book, "lead"): LEAD}
"""What is entered and left: a room dies before and after the commit at its end, or as soon as it leads."""

LEFT_OUT = {
    # of the ledger and the bus
    "now": "reads a clock",
    "aside": "takes a connection from the pool; every statement made on it is a step of its own",
    "announce": "rings, see `ring`",
    "ring": "only hurries the relay, which looks by itself twice a second",
    "on_bell": "as `ring`",
    "forget": "drops a subscription of this process, which dies with it",
    # of asyncio
    "sleep": "waits",
    "wait": "waits for the bell",
    "TaskGroup": "waits for its tasks, and their awaits are all here",
    # of the room
    "step": "a watch: loads and decides; what it says is put, and the commit is a point",
    "": "a handler, called out of a table: it is the step `handler`",
}
"""Every other await of the kernel's loops, and why nobody dies there."""

# Between what is only in hand, what is stored and what the bus knows: here a room dies in every line.
_AT_THE_EDGE = ("Bus.fetch", COMMIT, "Bus.ack")
_HEARING = (
    "Ledger.note_passed", "Ledger.lock_marks", HANDLER, "Ledger.put", "Ledger.bury", "Ledger.set_marks",
)  # fmt: skip
_WORKING = ("Ledger.enter_commands", HANDLER, "Ledger.put", "Ledger.bury")
_SENDING = ("Ledger.unsent", "Bus.publish", "Ledger.mark_sent")
_COMPARING = ("Ledger.unheard", "Ledger.places", "Bus.passed", "Bus.ask", "Ledger.send_again", "Ledger.note_heard")
_REVIVING = ("Ledger.revived", "Ledger.enter_commands", HANDLER, "Ledger.settle")

WITHIN: dict[str, Sequence[str]] = {
    "intake_commands": (*_WORKING, "Bus.later"),
    "intake_bulk": _WORKING,
    "routing_hears_intake": _HEARING,
    "process_commands": (*_WORKING, "Bus.later"),
    "reminders_hears_process": _HEARING,
}
"""The lines in which a room dies within the transaction as well: every room has one, on the way of a lead."""

_WATCHES = {"intake": ("watch0",), "reminders": ("watch0", "watch1")}
"""The watches that say something on the way of a lead: it is asked back, its deadline comes, its receiver is silent."""


def lines_of(room: str) -> Iterator[tuple[str, Sequence[str]]]:
    """Each line of work in a room, by the name of its task, with the steps at which the room dies there."""
    for reading in readings_of(room):
        yield reading.durable, (*_AT_THE_EDGE, *WITHIN.get(reading.durable, ()))
    yield "relay", (*_SENDING, *(_COMPARING if listeners_of(room) else ()))
    yield "revive", (COMMIT, *_REVIVING) if room == "process" else (COMMIT,)
    if room == "intake":
        yield "letterbox", (CLAIM, COMMIT, "Ledger.enter_commands", HANDLER, "Ledger.put", SETTLE)
    for watch in _WATCHES.get(room, ()):
        yield watch, ("Ledger.put", COMMIT)


def points_of(room: str) -> list[str]:
    """Every point at which this room must die once."""
    points = [
        point_in(line, half, step) for line, steps in lines_of(room) for step in steps for half in ("before", "after")
    ]
    return [*points, point_in("relay", "after", LEAD)]


def point_in(line: str, half: str, step: str) -> str:
    """The name of a point, fit to be a file's: `process_commands after Bus.fetch`."""
    return f"{line} {half} {step}"
