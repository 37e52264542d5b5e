"""Leads that were joined to a card by themselves and that people look at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection

from services.intake import tables
from services.intake.store.decisions import told_of
from shared.database import execute, fetch, insert


async def open_audits(db: AsyncConnection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Put joins before a person; few of a batch are."""
    await insert(db, tables.audits, rows, then="on conflict do nothing")


async def hold_audits(db: AsyncConnection, leads: Sequence[UUID]) -> list[RowMapping]:
    """These audits, kept from being judged by anybody else until we commit."""
    return list(
        await fetch(
            db,
            "select one.lead_id, coalesce(card.root, one.client_id) as client_id, one.rule, one.verdict,"
            " one.client_id as card_id, made.purpose, made.recall, card.root is not null or exists ("
            "   select from clients as other where other.root = card.id) as merged"
            " from audits as one join decisions as made on made.lead_id = one.lead_id"
            " left join clients as card on card.id = one.client_id"
            " where one.lead_id = any($1::uuid[]) order by one.lead_id for update of one",
            list(leads),
        )
    )


async def judge_audits(
    db: AsyncConnection, leads: Sequence[UUID], verdict: str, by: str, note: str, now: datetime
) -> None:
    """Write what a person said of these joins."""
    await execute(
        db,
        "update audits set verdict = $2, judged_by = $3, note = $4, judged_at = $5 where lead_id = any($1::uuid[])",
        list(leads),
        verdict,
        by,
        note,
        now,
    )


async def judged_joins(db: AsyncConnection, leads: Sequence[UUID]) -> Sequence[RowMapping]:
    """Those of these leads on whose join a person has said a word: what he said, the card, and the whole submission."""
    return await fetch(
        db,
        """
        select one.lead_id, one.client_id, one.verdict, one.judged_by, one.note, given.source, given.purpose, given.campaign,
               given.submitter, given.named_manager, given.curator, given.import_id, given.sheet, given.row_number,
               given.country, given.raw::text as raw_text, given.call::text as call_text,
               given.referral::text as referral_text
        from audits as one join submissions as given on given.id = one.lead_id
        where one.lead_id = any($1::uuid[]) and one.verdict is not null order by one.lead_id
        """,
        list(leads),
    )


async def audits_by_rule(db: AsyncConnection) -> Sequence[RowMapping]:
    """What is known of the joins by each rule: (rule, joins that the audited stand for, judged, wrong, waiting)."""
    return await fetch(
        db,
        "select rule, sum(one_in) as joins, count(verdict) as judged, count(*) filter (where verdict = 'wrong') as wrong,"
        " count(*) filter (where verdict is null) as waiting from audits group by rule order by rule",
    )


async def next_audits(db: AsyncConnection, limit: int) -> Sequence[RowMapping]:
    """The joins that wait for a person, the oldest first, each with its lead and the card it stands on."""
    return await fetch(
        db,
        f"""
        select one.lead_id, coalesce(card.root, one.client_id) as client_id, one.rule, one.score, one.opened_at,
               given.raw::text as raw_text, {told_of("evidence")} as evidence_text
        from (select * from audits where verdict is null order by opened_at, lead_id limit $1) as one
        join submissions as given on given.id = one.lead_id
        join decisions as made on made.lead_id = one.lead_id
        left join clients as card on card.id = one.client_id
        order by one.opened_at, one.lead_id
        """,
        limit,
    )


async def drop_audits(db: AsyncConnection, leads: Sequence[UUID]) -> None:
    """Joins that were taken back are not looked at any more; what was said of them stays."""
    await execute(db, "delete from audits where lead_id = any($1::uuid[]) and verdict is null", list(leads))
