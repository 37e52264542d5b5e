"""What was decided of each lead, and what is asked about it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from uuid import UUID

from sqlalchemy import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection

from services.routing import tables
from services.routing.rules.acceptance import asks, field_tried
from services.routing.rules.assignment import Decision
from services.routing.rules.case import Client
from services.routing.rules.fair_share import Ledger
from services.routing.rules.field import Field
from services.routing.rules.record import as_kept
from services.routing.store.clients import adding_clients, saving_clients
from services.routing.store.field import put_fields
from services.routing.store.ledgers import saving_ledgers
from shared.database import fetch, inserting
from shared.together import together


async def remember(
    db: AsyncConnection,
    decisions: Sequence[Decision],
    imports: Sequence[UUID | None],
    received: Sequence[datetime | None],
    fields: Field | Sequence[Field],
    at: datetime,
    attempts: Sequence[int] | None = None,
    *,
    clients: Iterable[Client] = (),
    new_clients: Iterable[Client] = (),
    ledgers: Mapping[str, Ledger] = MappingProxyType({}),
) -> None:
    """Keep the record of every decision, and each field it was made on once; `received` is when each lead came.

    What is known by now of the `clients` they are about, and what they changed in `ledgers`, is written with them; both
    are locked. `new_clients` were never heard of before.
    `fields` is the field of play, or one for each decision; `attempts` says the how-manieth of its lead each is.
    """
    fields = [fields] * len(decisions) if isinstance(fields, Field) else fields
    await put_fields(db, fields, at)
    answers = [asks(decision) for decision in decisions]
    rows = [
        {
            **as_kept(decision),
            "import_id": import_id,
            "field_id": field.id,
            "at": at,
            "received_at": came,
            "attempt": attempt,
            "answer": answer,
            "tried_on": field_tried(field, at) if answer == "waiting" else None,
            "tried_at": at if answer == "waiting" else None,
        }
        for decision, import_id, came, field, attempt, answer in zip(
            decisions, imports, received, fields, attempts or [1] * len(decisions), answers, strict=True
        )
    ]
    if rows:
        known, added, shares = saving_clients(clients), adding_clients(new_clients), saving_ledgers(ledgers)
        await together(db, inserting(tables.decisions, rows), known=known, added=added, shares=shares)


async def decisions_about(db: AsyncConnection, subject: UUID) -> Sequence[RowMapping]:
    """The decisions on a lead, or on all leads of a client, the oldest first, each with the `field` it was made on."""
    return await fetch(
        db,
        """
        select d.*, f.content as field from decisions d join fields f on f.id = d.field_id
         where d.lead_id = $1 or d.client_id = $1 order by d.at, d.lead_id, d.attempt
        """,
        subject,
    )


async def progress_of(db: AsyncConnection, import_id: UUID) -> RowMapping:
    """How many leads of an import have a receiver, how many with an alarm, and when the last got his."""
    rows = await fetch(
        db,
        "select count(*) routed, count(alarm) alarms, count(given_back_at) given_back, max(at) last_at"
        " from decisions where import_id = $1 and not passed_on",
        import_id,
    )
    return rows[0]


async def received_in(db: AsyncConnection, import_id: UUID) -> Sequence[RowMapping]:
    """How the leads of an import went: `receiver, rule, leads, shared`."""
    return await fetch(
        db,
        """
        select receiver, rule, count(*) leads, count(*) filter (where ledger is not null and given_back_at is null) shared
          from decisions where import_id = $1 and not passed_on group by receiver, rule order by receiver, rule
        """,
        import_id,
    )


async def moved_in(db: AsyncConnection, import_id: UUID) -> Sequence[RowMapping]:
    """How the leads that an import shared out moved each balance: `staff_id, moved` in units."""
    return await fetch(
        db,
        """
        select b.key as staff_id, sum((d.ledger -> 'after' ->> b.key)::bigint - b.value::bigint)::bigint moved
          from decisions d, jsonb_each_text(d.ledger -> 'before') b
         where d.import_id = $1 and d.ledger is not null and d.given_back_at is null
         group by b.key
        """,
        import_id,
    )
