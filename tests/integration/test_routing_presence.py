"""Presence, caps, notice and whole lists on a real database: what the file says is what the rules are given."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from services.routing import answers, handlers, store
from services.routing.rules.fair_share import UNIT
from services.routing.rules.field import Field
from services.routing.rules.moment import Calendar
from services.routing.rules.presence import Presence
from services.routing.rules.record import recompute, record_of
from shared.commands import ApplyCompany
from shared.database import fetch
from shared.events import ClientRegistered, LeadAccepted
from shared.questions import ExplainRouting, ListStaff
from shared.words import Source
from tests.integration.routing_house import NOW, DbOf, away, batch, company, lead, managers, only, shift, uid

FULL = {"languages": ["en", "ru"], "per_day": 2, "open_leads": 30, "notice_at": NOW + timedelta(days=1)}


def with_people(**changes: dict[str, Any]) -> ApplyCompany:
    """The company with more said of some people."""
    return company(
        staff=[{**entry.model_dump(), **changes.get(entry.id, {})} for entry in company().staff],
        duty=[shift("anna"), shift("boris")],
    )


async def recomputed(db: AsyncConnection) -> int:
    """How many decisions are stored; every one of them must recompute to its receiver."""
    rows = await fetch(db, "select d.*, f.content as field from decisions d join fields f on f.id = d.field_id")
    for row in rows:
        assert recompute(record_of(dict(row), Field.from_json(row["field"]))) == row["receiver"]
    return len(rows)


@pytest.mark.rule("R1-24")
async def test_the_database_and_a_replay_see_the_same_field_at_every_moment(db_of: DbOf) -> None:
    file = with_people(anna=FULL, vera={"per_day": 1}, stepan={"notice_at": NOW})
    file = file.model_copy(
        update={
            "absences": company(
                absences=[away("vera"), {**away("vera"), "reason": "busy"}, {**away("sofia"), "reason": "busy"}]
            ).absences
        }
    )
    moments = [NOW + timedelta(hours=hours) for hours in (-30, -24, -2, 0, 7, 24, 240, 2400)]
    async with db_of("routing") as db:
        await handlers.apply_company(batch(file), db)
        for moment in moments:
            there = await store.field_of_play(db, moment)
            assert there is not None
            assert there.as_json() == Calendar(file).field_at(moment, Presence()).as_json(), moment


async def test_what_is_said_of_staff_is_shown_and_said_twice_changes_nothing(db_of: DbOf) -> None:
    async with db_of("routing") as db:
        await handlers.apply_company(batch(with_people(anna=FULL)), db)
        said = await handlers.apply_company(batch(with_people(anna=FULL)), db)
        assert said[-1].event.model_dump()["staff"] == 0
        shown = {one["id"]: one for one in (await answers.list_staff(ListStaff(), db))["staff"]}
        assert {key: shown["anna"][key] for key in FULL} == FULL
        assert shown["boris"]["per_day"] is None
        assert shown["boris"]["languages"] == []


@pytest.mark.rule("R1-24")
@pytest.mark.rule("R1-23")
async def test_one_who_is_busy_is_told_of_the_call_that_the_duty_manager_serves(db_of: DbOf) -> None:
    async with db_of("routing") as db:
        await handlers.apply_company(batch(company(absences=[away("vera", reason="busy")])), db)
        call = only(await handlers.assign_leads(batch(lead("a", source=Source.INBOUND_CALL, named_manager="vera")), db))
        assert (call.rule, call.manager, call.told) == ("R1-23", "anna", ["vera"])
        (kept,) = (await answers.explain_routing(ExplainRouting(id=uid("lead a")), db))["decisions"]
        assert {e["id"]: e["why_ru"] for e in kept["excluded"]}["vera"].startswith("занят до ")


@pytest.mark.rule("R1-16")
async def test_a_returning_caller_goes_to_the_one_he_worked_with(db_of: DbOf) -> None:
    async with db_of("routing") as db:
        await handlers.apply_company(batch(company()), db)
        call = only(await handlers.assign_leads(batch(lead("a", source=Source.INBOUND_CALL, worked_with="boris")), db))
        assert (call.rule, call.manager) == ("R1-16", "boris")
        assert await recomputed(db) == 1


@pytest.mark.rule("R1-09")
async def test_that_nobody_ever_said_he_bought_leaves_it_to_who_his_curator_is(db_of: DbOf) -> None:
    card = ClientRegistered(client_id=uid("c"), name="К", region="RU-MOW", curator="akim")
    async with db_of("routing") as db:
        await handlers.apply_company(batch(company()), db)
        await handlers.learn_clients(batch(card), db)
        call = only(await handlers.assign_leads(batch(lead("a", client="c", source=Source.INBOUND_CALL)), db))
        assert (call.rule, call.manager) == ("R1-09", "akim")


@pytest.mark.rule("G6")
async def test_a_cap_counts_the_leads_of_the_day_over_batches_and_starts_anew_the_next_day(db_of: DbOf) -> None:
    file = with_people(anna={"per_day": 2})
    async with db_of("routing") as db:
        await handlers.apply_company(batch(file), db)
        first = managers(await handlers.assign_leads(batch(*(lead(f"a{n}") for n in range(3))), db))
        second = managers(await handlers.assign_leads(batch(*(lead(f"b{n}") for n in range(4)), of="b"), db))
        assert [*first, *second].count("anna") == 2
        (kept,) = (await answers.explain_routing(ExplainRouting(id=uid("lead b3")), db))["decisions"]
        assert {e["id"]: e["why"] for e in kept["excluded"]}["anna"] == "has received his 2 leads of today"
        tomorrow = file.model_copy(update={"duty": company(duty=[shift("anna", at=NOW + timedelta(days=1))]).duty})
        await handlers.apply_company(batch(tomorrow, of="t"), db)
        later = managers(
            await handlers.assign_leads(
                batch(*(lead(f"c{n}") for n in range(3)), now=NOW + timedelta(days=1), of="c"), db
            )
        )
        assert later == ["anna", "anna", "head_msk"]
        assert await recomputed(db) == 10


@pytest.mark.rule("G6")
async def test_a_cap_on_open_leads_counts_what_he_holds(db_of: DbOf) -> None:
    async with db_of("routing") as db:
        await handlers.apply_company(batch(with_people(anna={"open_leads": 1}, boris={"open_leads": 2})), db)
        got = managers(await handlers.assign_leads(batch(*(lead(f"a{n}") for n in range(4))), db))
        assert Counter(got) == {"anna": 1, "boris": 2, "head_msk": 1}
        assert await recomputed(db) == 4


def rows(count: int, start: int, name: str = "expo") -> list[LeadAccepted]:
    regions = ("RU-MOW", "RU-SPE", "RU-MOS")
    return [
        lead(f"{name} {n}", source=Source.EVENT, region=regions[n % 3], import_id=uid(name), row=n)
        for n in range(start, start + count)
    ]


@pytest.mark.rule("G6")
@pytest.mark.rule("R1-37")
async def test_whatever_was_owed_before_nobody_gets_more_of_a_list_than_his_rounded_up_share(db_of: DbOf) -> None:
    async with db_of("routing") as db:
        await handlers.apply_company(batch(company()), db)
        # one has been away for long, and the others stand unevenly
        await handlers.assign_leads(batch(*(lead(f"x{n}", source=Source.EVENT) for n in range(3))), db)
        await handlers.apply_company(batch(company(absences=[away("gleb")]), of="b"), db)
        await handlers.assign_leads(batch(*(lead(f"y{n}", source=Source.EVENT) for n in range(2)), of="y"), db)
        await handlers.apply_company(batch(company(), of="c"), db)
        for chunk in (40, 7, 21, 1):
            name, got = f"expo {chunk}", Counter[str]()
            for start in range(0, 80, chunk):
                part = rows(min(chunk, 80 - start), start, name)
                got.update(managers(await handlers.assign_leads(batch(*part, of=name), db)))
            at_home = {who: got[who] for who in ("anna", "boris", "vera", "gleb")}
            assert sum(at_home.values()) == 53
            assert max(at_home.values()) <= 14, (chunk, at_home)
            assert sorted([got["sofia"], got["stepan"]]) == [13, 14]
        kept = await fetch(db, "select balance from ledger where pool_id = 'home'")
        assert sum(row["balance"] for row in kept) == 0
        assert max(abs(row["balance"]) for row in kept) < UNIT * 3 // 2
        assert await recomputed(db) == 5 + 4 * 80


async def test_who_has_given_notice_gets_nothing_new_from_that_day_on(db_of: DbOf) -> None:
    file = with_people(anna={"notice_at": NOW})
    async with db_of("routing") as db:
        await handlers.apply_company(batch(file), db)
        before = managers(await handlers.assign_leads(batch(lead("a"), now=NOW - timedelta(seconds=1)), db))
        after = managers(await handlers.assign_leads(batch(*(lead(f"b{n}") for n in range(3))), db))
        assert (before, set(after)) == (["anna"], {"boris"})
