"""Who is this, and what would become of this list? The answers of recognition before anything is stored."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from estafeta.previewing import Carried
from estafeta.sample.generator import base_fields, exhibition, world
from estafeta.sample.trials import trial_rows
from services.intake import answers, handlers, store
from services.intake.rules.search_keys import SearchKey
from shared.commands import LeadFields, Row, SubmitRows
from shared.database import execute, fetch, to_json
from shared.message import Batch, Heard
from shared.questions import LookupClient, PreviewRows, TellKeys

Room = Callable[[str], AbstractAsyncContextManager[AsyncConnection]]
NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
BASE, LIST = uuid5(NAMESPACE_URL, "a base"), uuid5(NAMESPACE_URL, "a list")
FREZER = {"company": "ООО «Фрезер»", "contact": "Дёмин Роман", "phone": "+7 846 201-30-40", "email": "demin@frezer.ru"}


def numbered(cells: Sequence[Mapping[str, str]], first: int = 1) -> list[Row]:
    return [Row(number=first + n, fields=LeadFields.model_validate(row)) for n, row in enumerate(cells)]


async def hear(room: Room, rows: list[Row], **more: Any) -> None:
    command = SubmitRows(file_name="list.xlsx", campaign="Expo", rows=rows, **{"import_id": LIST, **more})
    cause = uuid5(NAMESPACE_URL, repr(command))
    async with room("intake") as db:
        await handlers.submit_rows(Batch([Heard(cause, cause, is_command=True, message=command, at=NOW)], NOW), db)


async def contents(room: Room) -> dict[str, list[dict[str, Any]]]:
    """All that intake keeps, every table of it, row by row."""
    async with room("intake") as db:
        names = [
            row["name"]
            for row in await fetch(db, "select tablename as name from pg_tables where schemaname = 'intake'")
        ]
        return {
            name: [dict(row) for row in await fetch(db, f"select t::text from {name} t order by 1")] for name in names
        }


async def lookup(room: Room, **fields: str) -> dict[str, Any]:
    async with room("intake") as db:
        return await answers.lookup_client(LookupClient(fields=LeadFields.model_validate(fields)), db)


@pytest.mark.rule("R1-40")
async def test_a_caller_is_recognised_with_evidence_and_nothing_is_stored(db_of: Room) -> None:
    await hear(db_of, numbered([FREZER]), purpose="clients", import_id=BASE)
    before = await contents(db_of)
    found = await lookup(db_of, company="Frezer LLC", phone="8 (846) 201 30 40")
    assert (found["outcome"], found["client"]["name"]) == ("same", "ООО «Фрезер»")
    assert {item["key"] for item in found["evidence"]} >= {"name", "phone"}
    nearly = await lookup(db_of, contact="Дёмин", company="Фрезер")
    assert (nearly["outcome"], nearly["client"]) == ("possible", None)
    assert nearly["candidates"][0]["client"]["id"] == found["client"]["id"]
    assert (await lookup(db_of, company="ООО «Лазурный берег»"))["outcome"] == "new"
    nothing = await lookup(db_of, company="-", phone="нет")
    assert nothing["outcome"] == "unsearchable"
    assert {fault["field"] for fault in nothing["faults"]} == {"company", "phone"}
    assert await contents(db_of) == before


@pytest.mark.rule("R1-40")
async def test_of_a_key_that_many_hold_not_one_holder_is_read(db_of: Room) -> None:
    """What a check costs must not grow with the base: in a large one thousands bear a common name."""
    common = SearchKey("n", "vektor")
    async with db_of("intake") as db:
        await execute(db, "insert into key_stats values ($1, 'n', 500)", common.address)
        await execute(
            db,
            "insert into client_keys select $1::bigint, gen_random_uuid(), 'n', 'vektor', gen_random_uuid()"
            " from generate_series(1, 500)",
            common.address,
        )
        read = "select coalesce(sum(idx_tup_fetch), 0) as n from pg_stat_xact_user_tables where relname = 'client_keys'"
        before = (await fetch(db, read))[0]["n"]
        known = await store.look_up(db, [common])
        assert (await fetch(db, read))[0]["n"] == before
        assert (known.frequencies, known.holders) == ({common: 500}, {})


def cells() -> list[Mapping[str, str]]:
    base = world(60, 21)
    rows = [row.fields for row in (*exhibition(base, 130, 22), *trial_rows(base, 60, 23))]
    return [*rows, {"company": "-", "phone": "нет"}]


async def preview(room: Room, rows: list[Row], size: int) -> list[dict[str, Any]]:
    """The preview of a list in chunks, what is carried going over the wire as it does in the house."""
    carried, told = Carried(), []
    for start in range(0, len(rows), size):
        chunk = rows[start : start + size]
        async with room("intake") as db:
            keys = await answers.tell_keys(TellKeys(rows=chunk), db)
            question = PreviewRows(import_id=LIST, rows=chunk, earlier=carried.under(keys["keys"]))
            answer = await answers.preview_rows(PreviewRows.model_validate_json(question.model_dump_json()), db)
        import json

        answer = json.loads(to_json(answer))
        carried.add(answer)
        told += answer["rows"]
    return told


@pytest.mark.rule("R1-40")
@pytest.mark.parametrize("size", [37, 500])
async def test_a_preview_stores_nothing_and_the_import_then_gives_the_same_verdicts(db_of: Room, size: int) -> None:
    base = [
        {name: cell for name, cell in base_fields(one).items() if name != "curator"} for one in world(60, 21).clients
    ]
    await hear(db_of, numbered(base), purpose="clients", import_id=BASE)
    rows = numbered(cells())
    before = await contents(db_of)
    told = await preview(db_of, rows, size)
    assert await contents(db_of) == before
    for start in range(0, len(rows), 50):
        await hear(db_of, rows[start : start + 50])
    async with db_of("intake") as db:
        made = {
            row["row_number"]: row
            for row in await fetch(
                db,
                "select given.row_number, made.outcome, made.rule, made.client_id, made.region from decisions as made"
                " join submissions as given on given.id = made.lead_id where made.import_id = $1",
                LIST,
            )
        }
    assert {row["outcome"] for row in told} == {"same", "possible", "new", "rejected"}
    for row in told:
        real = made[row["row"]]
        assert row["outcome"] == real["outcome"], row
        assert (row["rule"], row["client_id"], row["region"]) == (
            real["rule"],
            str(real["client_id"]) if real["client_id"] else None,
            real["region"],
        )
    again = await preview(db_of, rows, size)
    assert all(row["is_here"] for row in again)
    assert [row["outcome"] for row in again] == [row["outcome"] for row in told]
