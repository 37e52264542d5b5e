"""What the tests of routing share: a company to route in, and messages as a handler meets them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar
from uuid import UUID, uuid5

from sqlalchemy.ext.asyncio import AsyncConnection

from shared.commands import ApplyCompany
from shared.events import LeadAccepted, LeadAssigned
from shared.message import Batch, Heard, Message, Said
from shared.words import Outcome, Source

DbOf = Callable[[str], AbstractAsyncContextManager[AsyncConnection]]
M = TypeVar("M", bound=Message)

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)  # Monday, 11:00 in Moscow
NIGHT = datetime(2026, 11, 23, 20, 0, tzinfo=UTC)
_NAMES = UUID("00000000-0000-0000-0000-00000000abcd")


def uid(name: str) -> UUID:
    """The id of the thing called `name` in these tests."""
    return uuid5(_NAMES, name)


def batch(*messages: M, now: datetime = NOW, of: str = "") -> Batch[M]:
    """Messages as one batch; `of` tells otherwise equal batches apart."""
    return Batch(
        [
            Heard(uid(f"{of}/{n}/{message!r}"), uid("correlation"), message=message, at=now)
            for n, message in enumerate(messages)
        ],
        now,
    )


def said_of(said: Said, kind: type[M]) -> list[M]:
    """The messages of one kind among what was said, in order."""
    return [saying.event for saying in said if isinstance(saying.event, kind)]


def person(id: str, office: str = "msk", function: str = "sales", **more: Any) -> dict[str, Any]:
    """One entry of staff."""
    return {"id": id, "name": f"Name of {id}", "office": office, "function": function, **more}


def away(staff: str, *, days: float = 10, reason: str = "vacation") -> dict[str, Any]:
    """An absence that covers NOW."""
    return {
        "staff": staff,
        "starts_at": NOW - timedelta(days=1),
        "ends_at": NOW + timedelta(days=days),
        "reason": reason,
    }


def shift(staff: str, office: str = "msk", *, at: datetime = NOW) -> dict[str, Any]:
    """A shift that covers `at`."""
    return {"office": office, "staff": staff, "starts_at": at - timedelta(hours=2), "ends_at": at + timedelta(hours=7)}


SALES = ("anna", "boris", "vera", "gleb")


def company(**changed: Any) -> ApplyCompany:
    """Moscow at home with four managers (two on duty), Saint Petersburg with two, Kazan with nobody but a head."""
    entries: dict[str, Any] = {
        "name": "Насосы и Арматура",
        "home_region": "RU-MOW",
        "time_zone": "Europe/Moscow",
        "offices": [
            {"id": "msk", "name": "Москва", "regions": ["RU-MOW", "RU-MOS"], "time_zone": "Europe/Moscow"},
            {"id": "spb", "name": "Санкт-Петербург", "regions": ["RU-SPE", "BY"], "time_zone": "Europe/Moscow"},
            {"id": "kzn", "name": "Казань", "regions": ["RU-TA"], "time_zone": "Europe/Moscow"},
        ],
        "staff": [
            *(person(who) for who in SALES),
            person("agata", function="agent"),
            person("akim", function="account"),
            person("head_msk", function="head"),
            person("boss", function="head_of_sales"),
            person("sofia", "spb"),
            person("stepan", "spb"),
            person("head_spb", "spb", "head"),
            person("head_kzn", "kzn", "head"),
        ],
        "duty": [shift("anna"), shift("boris")],
        "absences": [],
    }
    return ApplyCompany.model_validate({**entries, **changed})


def without(staff: Sequence[Any], *gone: str) -> list[Any]:
    """Staff entries but for `gone`."""
    return [entry for entry in staff if entry.id not in gone]


def lead(name: str, **facts: Any) -> LeadAccepted:
    """An accepted lead; by default a website lead of a new client in the home region."""
    client = facts.pop("client", f"client of {name}")
    region = facts.pop("region", "RU-MOW")
    return LeadAccepted.model_validate(
        {
            "lead_id": uid(f"lead {name}"),
            "client_id": uid(client),
            "outcome": Outcome.NEW,
            "source": Source.WEBSITE,
            "received_at": NOW,
            "region": region,
            "region_by": "stated" if region != "unknown" else "unknown",
            "company": f"ООО {name}",
            **facts,
        }
    )


def managers(said: Said) -> list[str]:
    """Who received, lead by lead."""
    return [assigned.manager for assigned in said_of(said, LeadAssigned)]


def only(said: Said) -> LeadAssigned:
    """The one assignment that was said."""
    (assigned,) = said_of(said, LeadAssigned)
    return assigned
