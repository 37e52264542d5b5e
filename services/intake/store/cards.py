"""The cards of clients."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection

from services.intake.rules.keys import NORM_VERSION, RegularLead
from services.intake.rules.merging import Families, Held
from services.intake.rules.survivorship import Card
from shared.database import Writing, execute, fetch

record_of = msgspec.json.Decoder(RegularLead).decode
"""A stored record as it is."""
_json = msgspec.json.Encoder(order="deterministic").encode


def record_as_json(record: RegularLead) -> dict[str, Any]:
    """A record as it is stored: what is empty is left out."""
    stored: dict[str, Any] = msgspec.to_builtins(record, order="deterministic")
    return stored


_READ_CARDS = """
select id, name, record::text as record, region, region_by, curator, provisional, root, xmin::text as version
from clients where id = any($1::uuid[]) order by id
"""


async def read_cards(db: AsyncConnection, ids: Iterable[UUID], *, lock: bool = False) -> list[Card]:
    """The cards of these clients, in the order of their ids; `lock` keeps everybody else from changing them."""
    wanted = list(ids)
    if not wanted:
        return []
    return [as_card(row) for row in await fetch(db, _READ_CARDS + ("for update" if lock else ""), wanted)]


async def read_versions(db: AsyncConnection, ids: Iterable[UUID]) -> tuple[dict[UUID, Card], dict[UUID, str]]:
    """The cards of these clients, and of each the version that was read: see `hold_cards`."""
    rows = await fetch(db, _READ_CARDS, list(ids))
    return {row["id"]: as_card(row) for row in rows}, {row["id"]: row["version"] for row in rows}


async def hold_cards(db: AsyncConnection, ids: Iterable[UUID], versions: Mapping[UUID, str]) -> dict[UUID, Card | None]:
    """Keep everybody else from changing these cards, in the order of their ids. A card that somebody has changed since its
    version was read comes as it stands now, one that nobody has changed as None; one that is gone is not among them.
    """
    wanted = list(ids)
    if not wanted:
        return {}
    rows = await fetch(
        db, "select id, xmin::text as version from clients where id = any($1::uuid[]) order by id for update", wanted
    )
    changed = await read_cards(db, [row["id"] for row in rows if row["version"] != versions.get(row["id"])])
    return {row["id"]: None for row in rows} | {card.client_id: card for card in changed}


def as_card(row: RowMapping) -> Card:
    """A stored row of `clients` as the card it is."""
    return Card(
        client_id=row["id"],
        name=row["name"],
        record=record_of(row["record"]),
        region=row["region"],
        region_by=row["region_by"],
        curator=row["curator"],
        provisional=row["provisional"],
        merged_into=row["root"],
    )


_GIVEN_CARDS = """
unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::boolean[], $8::text[])
    as given (id, name, form, region, region_by, curator, provisional, record)
"""


def _given(cards: Sequence[Card]) -> tuple[list[Any], ...]:
    """The columns of `_GIVEN_CARDS`."""
    return (
        [card.client_id for card in cards],
        [card.name for card in cards],
        [card.record.company.form if card.record.company else None for card in cards],
        [card.region for card in cards],
        [card.region_by for card in cards],
        [card.curator for card in cards],
        [card.provisional for card in cards],
        [_json(card.record).decode() for card in cards],
    )


def opening_cards(cards: Sequence[Card], now: datetime) -> Writing | None:
    """The statement that stores new cards, if there are any: their keys are stored with them."""
    if not cards:
        return None
    return Writing(
        f"""
        insert into clients (id, name, form, region, region_by, curator, provisional, record, created_at, norm_version)
        select id, name, form, region, region_by, curator, provisional, record::jsonb, $9::timestamptz, $10::integer
        from {_GIVEN_CARDS}
        """,
        [*_given(cards), now, NORM_VERSION],
    )


async def change_cards(db: AsyncConnection, cards: Sequence[Card]) -> None:
    """Store what existing cards have gained; they must have been read with `lock`."""
    if not cards:
        return
    await execute(
        db,
        f"""
        update clients as card
        set name = given.name, form = given.form, region = given.region, region_by = given.region_by,
            curator = given.curator, record = given.record::jsonb
        from {_GIVEN_CARDS}
        where card.id = given.id
        """,
        *_given(cards),
    )


async def settle_cards(db: AsyncConnection, ids: Sequence[UUID]) -> None:
    """Cards of whom nothing is doubted any more are provisional no longer."""
    await execute(
        db,
        "update clients as card set provisional = false where id = any($1::uuid[]) and provisional"
        " and not exists (select from reviews where card_id = card.id and state = 'waiting')",
        list(ids),
    )


_PLACED = """
select id, name, record::text as record, region, region_by, curator, provisional, root, created_at, under, merge_id,
       merged_at
from clients
"""


async def read_families(db: AsyncConnection, ids: Iterable[UUID]) -> Families:
    """The cards with these ids and all that are one client with them."""
    wanted = list(ids)
    rows = await fetch(
        db,
        "with tops as (select distinct coalesce(root, id) as id from clients where id = any($1::uuid[])),"
        " members as (select id from tops union"
        " select card.id from tops join clients as card on card.root = tops.id and card.root is not null)"
        f" {_PLACED} where id = any(array(select id from members)) order by id",
        wanted,
    )
    return Families(Held(as_card(r), r["created_at"], r["under"], r["merge_id"], r["merged_at"]) for r in rows)
