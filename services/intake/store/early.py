"""Contacts that are no leads yet, and the clients they turned out to be of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection

from services.intake import tables
from services.intake.rules.early_contact import EarlyContact
from services.intake.rules.search_keys import STRONG, SearchKey, search_keys
from services.intake.store.cards import record_as_json, record_of
from shared.database import execute, fetch, insert
from shared.words import Source

_OF_ONE_KEY = 20  # a key that more contacts share tells nobody apart


async def keep_early_contacts(
    db: AsyncConnection, contacts: Sequence[EarlyContact], norm_version: int, now: datetime
) -> None:
    """Store contacts that are no leads yet, so that they are found by their strong keys."""
    await insert(
        db,
        tables.early_contacts,
        [
            {
                "id": one.id,
                "rule": one.rule,
                "record": record_as_json(one.record),
                "norm_version": norm_version,
                "kept_at": now,
            }
            for one in contacts
        ],
    )
    await keep_early_keys(db, contacts)


async def keep_early_keys(db: AsyncConnection, contacts: Iterable[EarlyContact]) -> None:
    """Make contacts found by the strong keys of their records."""
    rows = sorted({(key.address, one.id) for one in contacts for key in search_keys(one.record) if key.kind in STRONG})
    await insert(
        db,
        tables.early_contact_keys,
        [{"h": h, "contact_id": id_} for h, id_ in rows],
        then="on conflict do nothing",
    )


async def early_contacts_by(db: AsyncConnection, keys: Iterable[SearchKey]) -> dict[int, list[EarlyContact]]:
    """The contacts that are found by any of the strong ones of `keys`: address → contacts; most leads meet none."""
    addresses = sorted({key.address for key in keys if key.kind in STRONG})
    found: dict[int, list[EarlyContact]] = {}
    known: dict[UUID, EarlyContact] = {}
    for row in await fetch(
        db,
        """
        select held.h, kept.id, kept.rule, kept.record::text as record, given.source, given.campaign, given.received_at
        from unnest($1::bigint[]) as asked (h)
        cross join lateral (
            select one.h, one.contact_id from early_contact_keys as one where one.h = asked.h limit $2
        ) as held
        join early_contacts as kept on kept.id = held.contact_id
        join submissions as given on given.id = held.contact_id
        """,
        addresses,
        _OF_ONE_KEY,
    ):
        if row["id"] not in known:
            known[row["id"]] = as_contact(row)
        found.setdefault(row["h"], []).append(known[row["id"]])
    return found


def as_contact(row: RowMapping) -> EarlyContact:
    """A stored row of `early_contacts` with its submission as the contact it is."""
    return EarlyContact(
        id=row["id"],
        rule=row["rule"],
        source=Source(row["source"]),
        campaign=row["campaign"],
        received_at=row["received_at"],
        record=record_of(row["record"]),
    )


async def join_early_contacts(db: AsyncConnection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Remember of whom contacts turned out to be; what was joined to a client once stays as it was joined."""
    await insert(
        db,
        tables.early_contact_joins,
        sorted(rows, key=lambda row: (row["contact_id"].bytes, row["client_id"].bytes)),
        then="on conflict do nothing",
    )


async def early_contacts_of(db: AsyncConnection, client_id: UUID) -> Sequence[RowMapping]:
    """The contacts joined to a client or to the cards merged into him, the earliest first; at most 50."""
    return await fetch(
        db,
        """
        select met.contact_id, met.outcome, met.rule, met.lead_id, met.client_id, given.source, given.campaign,
               given.source_system, given.submitter, given.received_at, kept.rule as kept_by
        from early_contact_joins as met
        join early_contacts as kept on kept.id = met.contact_id
        join submissions as given on given.id = met.contact_id
        where met.client_id = any(array(
            select $1::uuid union all select id from clients where root = $1 and root is not null))
        order by given.received_at, met.contact_id limit 50
        """,
        client_id,
    )


async def clients_of_contact(db: AsyncConnection, contact_id: UUID) -> Sequence[RowMapping]:
    """Whom an early contact turned out to be: (client_id, name, outcome, rule, lead_id)."""
    return await fetch(
        db,
        "select coalesce(card.root, met.client_id) as client_id, card.name, met.outcome, met.rule, met.lead_id"
        " from early_contact_joins as met join clients as card on card.id = met.client_id"
        " where met.contact_id = $1 order by met.joined_at, met.client_id limit 50",
        contact_id,
    )


async def part_early_contacts(db: AsyncConnection, clients: Sequence[UUID], leads: Sequence[UUID]) -> None:
    """What these leads have joined is not joined any more, nor what was joined to cards that are gone."""
    await execute(
        db,
        "delete from early_contact_joins where client_id = any($1::uuid[]) or lead_id = any($2::uuid[])",
        list(clients),
        list(leads),
    )
