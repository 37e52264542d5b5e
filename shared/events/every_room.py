"""What every room says of itself, whatever else it does."""

from __future__ import annotations

from shared.message import EACH, Event


class MessageDied(Event, owner=EACH, about="letter/{room}/{letter}"):
    """A room gave a message up; it lies among the room's dead letters, and what depends on it waits."""

    room: str
    letter: int
    handler: str
    subject_given_up: str
    held_aggregate: str | None = None


class CopiesRebuilt(Event, owner=EACH, about="copies/{room}"):
    """A room dropped what it keeps only by hearing and heard it again, from `messages` messages.

    `rows` counts the rows of each copy now, `changed` those that were not as they had been told, or were missing.
    """

    room: str
    messages: int
    rows: dict[str, int]
    changed: dict[str, int]
