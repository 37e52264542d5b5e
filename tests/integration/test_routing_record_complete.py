"""Whatever is stored of a decision is enough to make it again, word by word."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy.engine import URL

from estafeta.explain import Story
from estafeta.explain_words import Words
from services.routing import answers
from services.routing.rules.assignment import RULES_VERSION
from services.routing.rules.fair_share import UNIT
from services.routing.rules.field import Field
from services.routing.rules.record import recompute, record_of, told_otherwise
from shared.database import execute, fetch, to_json
from shared.questions import ExplainRouting, ListStaff
from tests.integration.routing_house import DbOf
from tests.integration.routing_past import Past, one_engine

MOSCOW = ZoneInfo("Europe/Moscow")


@pytest.fixture
async def db_of(database: URL) -> AsyncIterator[DbOf]:
    """Transactions of routing."""
    async with one_engine(database) as connect:
        yield connect


async def stored(db_of: DbOf) -> list[tuple[dict[str, Any], Field]]:
    """Every decision that is stored, in order, with the field it was made on."""
    async with db_of("routing") as db:
        fields = {
            row["id"]: Field.from_json(row["content"]) for row in await fetch(db, "select id, content from fields")
        }
        rows = await fetch(db, "select * from decisions order by nth")
        return [(dict(row), fields[row["field_id"]]) for row in rows]


@pytest.mark.rule("G6")
async def test_every_stored_decision_of_a_varied_past_is_made_again_word_by_word(db_of: DbOf) -> None:
    past = Past(db_of)
    await past.live()
    kept = await stored(db_of)
    first = [row["lead_id"] for row, _ in kept if row["attempt"] == 1]
    assert first == [one.lead_id for one in past.assigned], "the order is kept"
    assert max(row["attempt"] for row, _ in kept) >= 3, "no lead went on twice"
    assert {row["answer"] for row, _ in kept} >= {"declined", "given", "awaited", "waiting", None}
    seen = Counter(row["rule"] for row, _ in kept)
    rules = {"R1-33", "R1-34", "R1-16", "R1-09", "R1-10", "R1-08", "R1-45", "R1-46", "R1-37", "R1-39", "R1-28", "R1-30"}
    assert set(seen) >= rules | {"R1-23", "G8"}, f"the past is not varied enough: {seen}"
    whys = {why["why"] for row, _ in kept for why in row["excluded"].values()}
    assert whys >= {"absent", "busy", "per_day", "off_duty", "left", "declined", "meeting", "off_hours"}
    assert any(row["inputs"].get("among") for row, _ in kept), "no list was split as a whole"
    assert any(row["given_back_at"] for row, _ in kept)
    assert any(row["given_back_for"] for row, _ in kept), "no merge gave a share back"
    for row, field in kept:
        assert recompute(record_of(row, field)) == row["receiver"]
        assert told_otherwise(row, field) == (), row["lead_id"]


async def test_a_record_that_was_tampered_with_is_found(db_of: DbOf) -> None:
    past = Past(db_of)
    await past.live(days=1)
    shared = [(row, field) for row, field in await stored(db_of) if row["ledger"] and len(row["candidates"]) > 1]
    row, field = shared[0]
    other = next(one["id"] for one in row["candidates"] if one["id"] != row["receiver"])
    assert told_otherwise({**row, "receiver": other}, field) == ("receiver",)
    owed = row["ledger"]["before"] | {other: 10 * abs(max(row["ledger"]["before"].values())) + 10**12}
    changed = {**row, "ledger": {**row["ledger"], "before": owed}}
    assert recompute(record_of(changed, field)) == other
    assert "receiver" in told_otherwise(changed, field)


@pytest.mark.rule("G6")
async def test_the_explanation_tells_all_that_is_kept_of_each_decision_in_both_languages(db_of: DbOf) -> None:
    past = Past(db_of)
    await past.live(days=5)
    async with db_of("routing") as db:
        directory = json.loads(to_json(await answers.list_staff(ListStaff(), db)))
    shown: Counter[str] = Counter()
    for row, field in await stored(db_of):
        if row["attempt"] > 1:
            continue
        async with db_of("routing") as db:
            told = json.loads(to_json(await answers.explain_routing(ExplainRouting(id=row["lead_id"]), db)))
        first = told["decisions"][0]
        assert first["again"] == []
        for language in ("en", "ru"):
            text = "\n".join(Story(Words(language), directory).routing({"decisions": [first]}))
            names = {person.id: f"{person.name} ({person.id})" for person in field.people.values()}
            assert (names.get(row["receiver"]) or row["receiver"]) in text
            assert row["rule"] in text
            assert f"{RULES_VERSION};" in text, "the version of the rules"
            assert (row["at"].astimezone(MOSCOW).strftime("%Y-%m-%d %H:%M")) in text
            for who in row["excluded"]:
                assert f"{names[who]}: " in text
            for who in row["told"]:
                assert names[who] in text
            for one in row["candidates"] if row["ledger"] else ():
                before, after = (row["ledger"][side][one["id"]] / UNIT for side in ("before", "after"))
                line = next(line for line in text.splitlines() if f"  {names[one['id']]}: " in line)
                assert f"{before:+.2f}" in line
                assert f"{after:+.2f}" in line
                assert f"{one['weight'] / 1000:g}" in line
                might = row["inputs"].get("among")
                barred = Words(language)("not_this") in line
                assert barred == (might is not None and one["id"] not in might)
                shown["barred"] += barred
            if (row["pool"] or "").startswith("duty:"):
                on_duty = field.offices[row["pool"].removeprefix("duty:")].on_duty
                shown["duty"] += bool(on_duty)
                assert all(names[who] in text for who in on_duty)
    assert shown["barred"] > 5
    assert shown["duty"] > 5


async def test_the_explanation_says_when_a_record_does_not_make_its_decision_any_more(db_of: DbOf) -> None:
    past = Past(db_of)
    await past.live(days=1)
    row, _ = next((row, field) for row, field in await stored(db_of) if row["rule"] == "R1-37" and row["ledger"])
    async with db_of("routing") as db:
        await execute(db, "update decisions set receiver = 'boss' where lead_id = $1", row["lead_id"])
    async with db_of("routing") as db:
        told = json.loads(to_json(await answers.explain_routing(ExplainRouting(id=row["lead_id"]), db)))
    text = "\n".join(Story(Words("en"), {}).routing({"decisions": told["decisions"][:1]}))
    assert "it comes out otherwise: receiver" in text
    async with db_of("routing") as db:
        await execute(db, "update decisions set rules_version = '0' where lead_id = $1", row["lead_id"])
    async with db_of("routing") as db:
        told = json.loads(to_json(await answers.explain_routing(ExplainRouting(id=row["lead_id"]), db)))
    text = "\n".join(Story(Words("ru"), {}).routing({"decisions": told["decisions"][:1]}))
    assert "принято по правилам, которые больше не действуют" in text
