"""Message, Event, Command, Question: frozen records that know their subject.

The payload of a message holds business facts.
Identity and tracing travel as headers (see `shared.bus`), and a handler meets both together as `Heard`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from hashlib import sha256
from typing import Any, ClassVar, Generic, TypeVar, overload
from uuid import UUID

from asyncpg.pgproto import pgproto
from pydantic import BaseModel, ConfigDict

ROOMS = ("intake", "routing", "process", "reminders")
EACH = "each room"


class Message(BaseModel):
    """A frozen record of business facts, owned by one room.

    A field this reader does not know is ignored: adding an optional field is free.
    Anything else is a new version, and a version nobody here knows is refused by name.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", str_strip_whitespace=True)

    owner: ClassVar[str] = ""
    subject: ClassVar[str] = ""
    version: ClassVar[int] = 1
    registry: ClassVar[dict[str, type[Message]]] = {}

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Class keywords are read by `__pydantic_init_subclass__`, when the fields are known."""

    @classmethod
    def _enter(cls, kind: str, owner: str, words: tuple[str, str], version: int) -> None:
        if owner not in (*ROOMS, EACH):
            raise TypeError(f"{cls.__name__}: owner {owner!r} is no room; rooms are {', '.join(ROOMS)}")
        cls.owner, cls.version = owner, version
        cls.subject = f"{kind}.{'{room}' if owner == EACH else owner}.{words[0]}.{words[1]}"
        if cls.__name__ in Message.registry:
            raise TypeError(f"two messages are called {cls.__name__}")
        Message.registry[cls.__name__] = cls

    @classmethod
    def subject_in(cls, room: str) -> str:
        """The subject, for a message that every room has of its own (`owner=EACH`)."""
        return cls.subject.format(room=room)

    @classmethod
    def type_name(cls) -> str:
        """The name and version that travel in the `ce-type` header: `LeadAccepted.v1`."""
        return f"{cls.__name__}.v{cls.version}"

    @classmethod
    def words(cls) -> list[str]:
        """The words of the class name, lower case: `LeadAccepted` → `["lead", "accepted"]`."""
        return [word.lower() for word in re.findall(r"[A-Z][a-z0-9]*", cls.__name__)]


class Event(Message):
    """Something that happened, told by the room that owns it; its name is noun + participle.

    `about` names the aggregate whose history it belongs to, as a template over its own fields:
    `class LeadAssigned(Event, owner="routing", about="client/{client_id}")`.
    Events about one aggregate are numbered without gaps and applied in that order everywhere.
    `heard_by` names the rooms that act on it; they hear everything else its owner says as well, in order.
    """

    about: ClassVar[str] = ""
    about_fields: ClassVar[tuple[str, ...]] = ()
    heard_by: ClassVar[tuple[str, ...]] = ()

    @classmethod
    def __pydantic_init_subclass__(  # type: ignore[override]  # class keywords are meant to be named here
        cls, *, owner: str, about: str, heard_by: tuple[str, ...] = (), version: int = 1, **kwargs: Any
    ) -> None:
        super().__pydantic_init_subclass__(**kwargs)
        *noun, participle = cls.words()
        cls.about, cls.heard_by = about, heard_by
        cls.about_fields = tuple(re.findall(r"{(\w+)}", about))
        cls._enter("evt", owner, ("-".join(noun), participle), version)

    def aggregate(self) -> str:
        """The name of the aggregate this event is about, for example `client/6f1c…`."""
        return self.about.format(**{name: getattr(self, name) for name in self.about_fields})


class Command(Message):
    """A wish, sent to the room that owns it; its name is verb + noun.

    `bulk` commands wait in a line of their own, so that a person's single wish never waits behind a list.
    """

    bulk: ClassVar[bool] = False

    @classmethod
    def __pydantic_init_subclass__(  # type: ignore[override]  # class keywords are meant to be named here
        cls, *, owner: str, bulk: bool = False, version: int = 1, **kwargs: Any
    ) -> None:
        super().__pydantic_init_subclass__(**kwargs)
        verb, *noun = cls.words()
        cls.bulk = bulk
        cls._enter("cmd.bulk" if bulk else "cmd", owner, ("-".join(noun), verb), version)


class Question(Message):
    """A query to the room that owns the fact: answered at once, changes nothing."""

    @classmethod
    def __pydantic_init_subclass__(  # type: ignore[override]  # class keywords are meant to be named here
        cls, *, owner: str, version: int = 1, **kwargs: Any
    ) -> None:
        super().__pydantic_init_subclass__(**kwargs)
        verb, *noun = cls.words()
        cls._enter("ask", owner, ("-".join(noun), verb), version)


# The database driver's own kind of `UUID`: made, hashed, written and stored in a fraction of the time.
_uuid: Callable[[str | bytes], UUID] = pgproto.UUID
_LENGTH = 36  # of an id as everybody writes it
_VERSION_8 = 8 << 76 | 2 << 62
_HASHED = (1 << 80) - 1 & ~(15 << 76 | 3 << 62)


# A handler names what it makes several times over: in its row, in those that point to it, in what it says.
@lru_cache(8192)
def id_of(parent: UUID, name: str) -> UUID:
    """The id of what is called `name` and comes of `parent`: the first 48 bits of `parent`, then a hash (version 8).

    Whatever comes of one wish or one list stands side by side in every index,
    so writing it costs the same however much is stored already.
    """
    above = parent.bytes
    hashed = int.from_bytes(sha256(above + name.encode()).digest()[:10])
    return _uuid(above[:6] + (hashed & _HASHED | _VERSION_8).to_bytes(10))


def read_uuid(text: str) -> UUID:
    """The id that `text` writes out. Raises ValueError."""
    return _uuid(text) if len(text) == _LENGTH else UUID(text)


M = TypeVar("M", bound=Message)
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Cause:
    """What brought a handler to act: it gives ids that are the same however often the cause is handled."""

    id: UUID
    correlation: UUID
    traceparent: str = ""
    is_command: bool = False
    bulk: bool = False
    """Whether it is part of a list: what comes of it travels in a line of its own, and no single lead waits behind it."""

    def new_id(self, name: str) -> UUID:
        """The id of the thing called `name` that comes of this cause: see `id_of`."""
        return id_of(self.id, name)

    def says(self, event: Event) -> Saying:
        """Tie `event` to this cause; the unit numbers it and puts it in the outbox."""
        return Saying(self, event)


@dataclass(frozen=True, slots=True)
class Heard(Cause, Generic[M]):
    """One message as a handler meets it: the facts, and who said them when."""

    message: M = field(kw_only=True)
    at: datetime = field(kw_only=True)


@dataclass(frozen=True, slots=True)
class Saying:
    """An event to be said, with what caused it."""

    cause: Cause
    event: Event


Said = list[Saying]


class Batch(Sequence[Heard[M]]):
    """The messages one transaction serves, in order, and the moment it serves them (`now`, UTC)."""

    __slots__ = ("_heard", "now")

    def __init__(self, heard: Iterable[Heard[M]], now: datetime) -> None:
        self._heard = tuple(heard)
        self.now = now

    @overload
    def __getitem__(self, index: int) -> Heard[M]: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Heard[M]]: ...
    def __getitem__(self, index: int | slice) -> Heard[M] | Sequence[Heard[M]]:
        return self._heard[index]

    def __iter__(self) -> Iterator[Heard[M]]:
        return iter(self._heard)

    def __len__(self) -> int:
        return len(self._heard)

    def map(self, take: Callable[[M], T]) -> list[T]:
        """`take` of every message, in order."""
        return [take(heard.message) for heard in self._heard]


class NotYet(Exception):
    """What this message needs has not been heard yet; it will be tried again, with growing delay, for ever."""


class Unfit(Exception):
    """This message can never be applied as it is; it becomes a dead letter with this reason."""


def in_bulk(subject: str) -> str:
    """The subject of an event that comes of a list: `evt.intake.lead.accepted` → `evt.bulk.intake.lead.accepted`."""
    return f"evt.bulk.{subject.removeprefix('evt.')}"


def is_in_bulk(subject: str) -> bool:
    """Whether a subject is that of an event that comes of a list."""
    return subject.startswith("evt.bulk.")
