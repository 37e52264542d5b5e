"""Leads given out on a real database: batches, clients heard of, decisions kept, replicas at once."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from asyncpg import UniqueViolationError
from sqlalchemy import event
from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import AsyncConnection

from services.routing import answers, handlers, store
from services.routing.rules.fair_share import UNIT
from services.routing.rules.field import Field
from services.routing.rules.record import recompute, record_of
from shared.database import engine_for, fetch
from shared.events import (
    ClientRegistered,
    LeadAccepted,
    LeadAssigned,
    LeadJoined,
    ProcessClosed,
    ProcessOpened,
)
from shared.message import Batch, NotYet, Said
from shared.questions import CountRoutingProgress, ExplainRouting, ReportDistribution
from shared.words import Outcome, Source
from tests.conftest import url_of
from tests.integration.routing_house import (
    NIGHT,
    NOW,
    DbOf,
    away,
    batch,
    company,
    lead,
    managers,
    only,
    person,
    said_of,
    shift,
    uid,
)


def opened(client: str, name: str, manager: str, process: str = "p") -> ProcessOpened:
    return ProcessOpened(
        process_id=uid(process),
        client_id=uid(client),
        lead_id=uid(f"lead {name}"),
        manager=manager,
        office_id="msk",
        source=Source.EVENT,
    )


def closed(client: str, manager: str, ended: str = "lost", process: str = "p") -> ProcessClosed:
    return ProcessClosed.model_validate(
        {"process_id": uid(process), "client_id": uid(client), "manager": manager, "ended": ended}
    )


def listed(count: int, region: str = "RU-MOW", *, of: str = "list", start: int = 0) -> list[LeadAccepted]:
    return [
        lead(f"{of} {n}", source=Source.EVENT, region=region, import_id=uid(of), row=n)
        for n in range(start, start + count)
    ]


async def balances(db: AsyncConnection, pool: str) -> dict[str, int]:
    rows = await fetch(db, "select staff_id, balance from ledger where pool_id = $1", pool)
    return {row["staff_id"]: row["balance"] for row in rows}


async def recomputed(db: AsyncConnection) -> int:
    """How many decisions are stored; every one of them must recompute to its receiver."""
    rows = await fetch(db, "select d.*, f.content as field from decisions d join fields f on f.id = d.field_id")
    for row in rows:
        assert recompute(record_of(dict(row), Field.from_json(row["field"]))) == row["receiver"]
    return len(rows)


async def test_before_a_company_is_applied_leads_wait(db_of: DbOf) -> None:
    with pytest.raises(NotYet, match="no company file has been applied yet"):
        async with db_of("routing") as db:
            await handlers.assign_leads(batch(lead("a")), db)


@pytest.mark.rule("R1-45")
async def test_a_lead_is_assigned_with_everything_the_next_room_needs(db_of: DbOf) -> None:
    one = lead("a", contact="Иванов", phone="+74951234567", email="a@b.ru", interest="насосы", campaign="форма")
    async with db_of("routing") as db:
        await handlers.apply_company(batch(company()), db)
        assigned = only(await handlers.assign_leads(batch(one), db))
    assert (assigned.manager, assigned.rule, assigned.queue, assigned.office_id) == ("anna", "R1-45", None, "msk")
    same = {"lead_id", "client_id", "source", "campaign", "region", "company", "contact", "phone", "email", "interest"}
    assert {key: getattr(assigned, key) for key in same} == {key: getattr(one, key) for key in same}
    assert assigned.received_at == one.received_at


@pytest.mark.rule("R1-37")
@pytest.mark.rule("G6")
async def test_a_list_is_shared_evenly_over_its_batches_and_recomputes_lead_by_lead(db_of: DbOf) -> None:
    async with db_of("routing") as db:
        await handlers.apply_company(batch(company(absences=[away("gleb")])), db)
    got: Counter[str] = Counter()
    for start in range(0, 100, 25):
        async with db_of("routing") as db:
            got.update(managers(await handlers.assign_leads(batch(*listed(25, start=start)), db)))
    assert sorted(got.values()) == [33, 33, 34]
    assert set(got) == {"anna", "boris", "vera"}
    async with db_of("routing") as db:
        kept = await balances(db, "home")
        assert sum(kept.values()) == 0
        assert max(abs(balance) for balance in kept.values()) < UNIT
        assert await recomputed(db) == 100
        assert len(await fetch(db, "select id from fields")) == 1


@pytest.mark.rule("R1-42")
async def test_one_client_never_goes_to_two_managers_while_his_sale_is_about_to_open(db_of: DbOf) -> None:
    first, second, third, fourth = (lead(name, client="c", source=Source.EVENT) for name in "abcd")
    async with db_of("routing") as db:
        await handlers.apply_company(batch(company()), db)
        both = said_of(await handlers.assign_leads(batch(first, *listed(3), second), db), LeadAssigned)
        assert both[0].manager == both[-1].manager
        assert (both[0].rule, both[-1].rule) == ("R1-37", "R1-33")
    async with db_of("routing") as db:
        again = only(await handlers.assign_leads(batch(third), db))
        assert (again.manager, again.rule) == (both[0].manager, "R1-33")
    async with db_of("routing") as db:
        await handlers.note_opened(batch(opened("c", "a", both[0].manager)), db)
        rows = await fetch(db, "select given_to, given_lead, open_with from clients where client_id = $1", uid("c"))
        assert rows[0]["given_to"] == both[0].manager, "leads b and c are still on their way"
        assert rows[0]["open_with"] == both[0].manager
        for name in "bc":
            await handlers.note_joined(batch(joined("c", name, both[0].manager)), db)
        rows = await fetch(db, "select given_to, given_lead from clients where client_id = $1", uid("c"))
        assert dict(rows[0]) == {"given_to": None, "given_lead": None}
        assert only(await handlers.assign_leads(batch(fourth), db)).rule == "R1-33"


def joined(client: str, name: str, manager: str, process: str = "p") -> LeadJoined:
    return LeadJoined(process_id=uid(process), client_id=uid(client), lead_id=uid(f"lead {name}"), manager=manager)


@pytest.mark.rule("R1-33")
@pytest.mark.rule("R1-34")
async def test_an_open_sale_holds_the_client_until_it_is_closed_then_his_curator_comes_first(db_of: DbOf) -> None:
    async with db_of("routing") as db:
        await handlers.apply_company(batch(company()), db)
        first = only(await handlers.assign_leads(batch(lead("a", client="c", region="RU-SPE")), db))
        await handlers.note_opened(batch(opened("c", "a", first.manager)), db)
        held = only(await handlers.assign_leads(batch(lead("b", client="c")), db))
        assert (held.manager, held.rule) == (first.manager, "R1-33")
        await handlers.note_joined(batch(joined("c", "b", first.manager)), db)
        await handlers.note_closed(batch(closed("c", first.manager)), db)
        anew = only(await handlers.assign_leads(batch(lead("d", client="c", region="RU-SPE")), db))
        assert (anew.manager, anew.rule) == (first.manager, "R1-34")
        assert await recomputed(db) == 3


@pytest.mark.rule("R1-33")
async def test_a_sale_that_closes_while_a_lead_is_on_its_way_still_leaves_one_manager(db_of: DbOf) -> None:
    absent = company(absences=[away("sofia")])
    async with db_of("routing") as db:
        await handlers.apply_company(batch(company()), db)
        first = only(await handlers.assign_leads(batch(lead("a", client="c", region="RU-SPE")), db))
        assert first.manager == "sofia"
        await handlers.note_opened(batch(opened("c", "a", "sofia")), db)
        await handlers.assign_leads(batch(lead("b", client="c", region="RU-SPE")), db)  # R1-33: on its way to process
        await handlers.note_closed(batch(closed("c", "sofia")), db)  # had been said before process heard of it
        await handlers.apply_company(batch(absent), db)
        third = only(await handlers.assign_leads(batch(lead("d", client="c", region="RU-SPE")), db))
        assert (third.manager, third.rule) == ("sofia", "R1-33")


@pytest.mark.rule("R1-09")
async def test_who_has_bought_is_a_current_client(db_of: DbOf) -> None:
    async with db_of("routing") as db:
        await handlers.apply_company(batch(company()), db)
        await handlers.learn_clients(
            batch(ClientRegistered(client_id=uid("c"), name="К", region="RU-SPE", curator="gleb")), db
        )
        await handlers.note_opened(batch(opened("c", "x", "gleb")), db)
        await handlers.note_closed(batch(closed("c", "gleb", "won")), db)
        call = only(await handlers.assign_leads(batch(lead("a", client="c", source=Source.INBOUND_CALL)), db))
        assert (call.manager, call.rule) == ("gleb", "R1-09")


@pytest.mark.rule("R1-34")
async def test_a_client_of_the_base_goes_to_his_curator(db_of: DbOf) -> None:
    card = ClientRegistered(client_id=uid("c"), name="К", region="RU-SPE", curator="name of Vera")
    async with db_of("routing") as db:
        await handlers.apply_company(batch(company()), db)
        await handlers.learn_clients(batch(card), db)
        given = only(
            await handlers.assign_leads(batch(lead("a", client="c", source=Source.EVENT, outcome=Outcome.SAME)), db)
        )
        assert (given.manager, given.rule) == ("vera", "R1-34")
        assert await balances(db, "home") == {}, "only net-new leads are shared out"


@pytest.mark.rule("G6")
async def test_the_share_is_given_back_when_process_finds_the_lead_was_not_net_new(db_of: DbOf) -> None:
    async with db_of("routing") as db:
        await handlers.apply_company(batch(company()), db)
        await handlers.assign_leads(batch(*listed(3)), db)
        before = await balances(db, "home")
        given = only(await handlers.assign_leads(batch(lead("late", source=Source.EVENT, import_id=uid("list"))), db))
        assert await balances(db, "home") != before
        told = joined("client of late", "late", "gleb")
        await handlers.note_joined(batch(told), db)
        assert await balances(db, "home") == before
        await handlers.note_joined(batch(told, of="again"), db)
        assert await balances(db, "home") == before, "a share is given back once"
        report = (await answers.report_distribution(ReportDistribution(import_id=uid("list")), db))["managers"]
        assert sum(line["received"] for line in report) == 4
        assert sum(line["shared"] for line in report) == 3
        assert sum(line["fair_share"] for line in report) == 3
        (kept,) = (await answers.explain_routing(ExplainRouting(id=given.lead_id), db))["decisions"]
        assert kept["given_back_at"] == NOW


@pytest.mark.rule("G8")
@pytest.mark.rule("R1-08")
async def test_outside_all_shifts_the_head_answers_for_the_queue_and_the_roster_of_the_moment_decides(
    db_of: DbOf,
) -> None:
    file = company(duty=[shift("anna"), shift("vera", at=NOW + timedelta(days=1))])
    async with db_of("routing") as db:
        await handlers.apply_company(batch(file), db)
        call = lead("a", source=Source.INBOUND_CALL)
        night = only(await handlers.assign_leads(batch(call, now=NIGHT), db))
        assert (night.manager, night.queue, night.rule) == ("head_msk", "duty:msk", "G8")
        assert night.alarm is not None
        assert only(await handlers.assign_leads(batch(lead("b"), now=NOW), db)).manager == "anna"
        assert only(await handlers.assign_leads(batch(lead("c"), now=NOW + timedelta(days=1)), db)).manager == "vera"
        ends = file.duty[0].ends_at
        assert only(await handlers.assign_leads(batch(lead("d"), now=ends - timedelta(seconds=1)), db)).queue is None
        assert only(await handlers.assign_leads(batch(lead("e"), now=ends), db)).queue == "duty:msk"
        assert await recomputed(db) == 5


@pytest.mark.rule("R1-24")
async def test_an_absence_counts_from_its_first_to_before_its_last_moment(db_of: DbOf) -> None:
    absence = away("anna")
    file = company(
        duty=[shift("anna", at=NOW)], absences=[{**absence, "starts_at": NOW, "ends_at": NOW + timedelta(hours=1)}]
    )
    async with db_of("routing") as db:
        await handlers.apply_company(batch(file), db)

        async def receiver(minutes: int) -> str:
            moment = NOW + timedelta(minutes=minutes)
            return only(await handlers.assign_leads(batch(lead(f"at {minutes}"), now=moment), db)).manager

        assert [await receiver(minutes) for minutes in (-1, 0, 59, 60)] == ["anna", "head_msk", "head_msk", "anna"]


@pytest.mark.rule("R1-10")
@pytest.mark.rule("R1-23")
async def test_who_left_is_passed_over_and_the_absent_one_is_told(db_of: DbOf) -> None:
    whole = company(absences=[away("vera", reason="sick")])
    smaller = whole.model_copy(update={"staff": [entry for entry in whole.staff if entry.id != "gleb"]})
    async with db_of("routing") as db:
        await handlers.apply_company(batch(whole), db)
        await handlers.apply_company(batch(smaller), db)
        call = only(await handlers.assign_leads(batch(lead("a", source=Source.INBOUND_CALL, named_manager="vera")), db))
        assert (call.rule, call.manager, call.told) == ("R1-23", "anna", ["vera"])
        left = only(await handlers.assign_leads(batch(lead("b", source=Source.INBOUND_CALL, named_manager="gleb")), db))
        assert (left.rule, left.manager, left.alarm) == ("R1-08", "boris", None)
        (kept,) = (await answers.explain_routing(ExplainRouting(id=uid("lead b")), db))["decisions"]
        assert {e["id"]: e["why"] for e in kept["excluded"]}["gleb"] == "has left"


async def test_explain_tells_in_both_languages_why_and_who_was_passed_over(db_of: DbOf) -> None:
    async with db_of("routing") as db:
        await handlers.apply_company(batch(company(absences=[away("vera", reason="отпуск")])), db)
        await handlers.assign_leads(batch(lead("a", client="c", region="unknown", source=Source.EVENT)), db)
        await handlers.assign_leads(batch(lead("b", client="c"), now=NIGHT), db)
        first, second = (await answers.explain_routing(ExplainRouting(id=uid("c")), db))["decisions"]
    assert (first["rule"], first["receiver"], first["pool"]) == ("R1-37", "anna", "home")
    assert first["reason"] == "From an event list: shared evenly in the pool «home»; Name of anna was owed most."
    assert "больше всех недополучил Name of anna" in first["reason_ru"]
    assert first["notes_ru"] == "регион не определён (unknown), считаем его домашним"
    assert [(c["id"], c["owed_before"], c["owed_after"]) for c in first["candidates"]] == [
        ("anna", 0.0, -0.6667),
        ("boris", 0.0, 0.3333),
        ("gleb", 0.0, 0.3333),
    ]
    assert first["excluded"][0]["why"] == "absent until 2026-12-03 08:00: отпуск"
    assert first["excluded"][0]["why_ru"] == "отсутствует до 2026-12-03 08:00: отпуск"
    assert first["ledger"]["unit"] == UNIT
    assert sum(first["ledger"]["after"].values()) == 0
    assert (second["rule"], second["receiver"], second["ledger"]) == ("R1-33", "anna", None)
    async with db_of("routing") as db:
        assert await answers.explain_routing(ExplainRouting(id=uid("nothing")), db) == {"decisions": []}


async def test_progress_and_distribution_of_an_import_add_up(db_of: DbOf) -> None:
    async with db_of("routing") as db:
        await handlers.apply_company(
            batch(
                company(
                    staff=[
                        *(entry.model_dump() for entry in company().staff if entry.id != "anna"),
                        person("anna", weight=2.0),
                    ]
                )
            ),
            db,
        )
        await handlers.learn_clients(
            batch(ClientRegistered(client_id=uid("client of list 0"), name="К", region="RU-MOW", curator="akim")), db
        )
        await handlers.assign_leads(
            batch(*listed(11), *listed(3, "RU-SPE", start=11), *listed(2, "RU-TA", start=14)), db
        )
        await handlers.assign_leads(batch(*listed(5, of="other list")), db)
        progress = await answers.count_routing_progress(CountRoutingProgress(import_id=uid("list")), db)
        assert progress == {"routed": 16, "alarms": 2, "given_back": 0, "last_at": NOW}
        report = await answers.report_distribution(ReportDistribution(import_id=uid("list")), db)
        lines: dict[str, dict[str, Any]] = {line["id"]: line for line in report["managers"]}
        assert (lines["anna"]["received"], lines["anna"]["fair_share"], lines["anna"]["deviation"]) == (4, 4.0, 0.0)
        assert lines["akim"] == {
            "id": "akim",
            "name": "Name of akim",
            "office": "msk",
            "received": 1,
            "shared": 0,
            "fair_share": 0.0,
            "deviation": 0.0,
            "by_rule": {"R1-34": 1},
        }
        assert (lines["sofia"]["fair_share"], lines["sofia"]["deviation"]) == (1.5, 0.5)
        assert lines["head_kzn"]["by_rule"] == {"G8": 2}
        assert sum(line["received"] for line in lines.values()) == 16
        assert sum(line["shared"] for line in lines.values()) == 13
        empty = await answers.count_routing_progress(CountRoutingProgress(import_id=uid("none")), db)
        assert empty == {"routed": 0, "alarms": 0, "given_back": 0, "last_at": None}


@pytest.mark.rule("G6")
async def test_batches_of_any_size_decide_alike(database: URL) -> None:
    """The online case and the bulk case are one path: the same leads, the same receivers."""
    leads = [
        lead(
            f"{n}",
            source=list(Source)[n % 6],
            region=["RU-MOW", "RU-SPE", "unknown", "RU-TA"][n % 4],
            client=f"c{n % 50}",
        )
        for n in range(120)
    ]
    outcomes = []
    for size in (1, 7, 120):
        engine = engine_for(url_of(database, "routing"), "routing", pool_size=1)
        async with engine.connect() as db:
            await handlers.apply_company(batch(company()), db)
            said: Said = []
            for start in range(0, len(leads), size):
                said += await handlers.assign_leads(batch(*leads[start : start + size]), db)
            outcomes.append([(a.lead_id, a.manager, a.rule, a.queue) for a in said_of(said, LeadAssigned)])
            assert await recomputed(db) == 120
            await db.rollback()
        await engine.dispose()
    assert outcomes[0] == outcomes[1] == outcomes[2]


@pytest.mark.rule("G6")
async def test_replicas_that_assign_at_once_keep_the_bound_and_never_split_a_client(db_of: DbOf) -> None:
    async with db_of("routing") as db:
        await handlers.apply_company(batch(company()), db)
    lists = [
        [
            lead(f"{replica} {n}", source=Source.EVENT, region=["RU-MOW", "RU-SPE"][n % 2], client=f"c{n}")
            for n in range(turn, 40, 2)
        ]
        for turn in range(2)
        for replica in range(4)
    ]

    async def work(leads: list[LeadAccepted], handle: Callable[[Batch[Any], AsyncConnection], Awaitable[Said]]) -> Said:
        while True:
            try:
                async with db_of("routing") as db:
                    return await handle(batch(*leads), db)
            except UniqueViolationError as fault:  # tried again, as the kernel does: then the client is known
                assert fault.constraint_name == "clients_pkey"

    await asyncio.gather(
        *(work(leads if n % 2 else leads[::-1], handlers.assign_leads) for n, leads in enumerate(lists))
    )
    async with db_of("routing") as db:
        rows = await fetch(db, "select client_id, receiver, rule from decisions")
        assert len(rows) == 160
        by_client: dict[UUID, set[str]] = {}
        for row in rows:
            by_client.setdefault(row["client_id"], set()).add(row["receiver"])
        assert {len(receivers) for receivers in by_client.values()} == {1}
        shared = Counter(row["receiver"] for row in rows if row["rule"] == "R1-37")
        assert sorted(shared.values()) == [5, 5, 5, 5, 10, 10]
        for pool in ("home", "region:spb"):
            kept = await balances(db, pool)
            assert sum(kept.values()) == 0
            assert max(abs(balance) for balance in kept.values()) < UNIT
        assert await recomputed(db) == 160


async def test_a_batch_is_a_handful_of_statements_however_long(db_of: DbOf) -> None:
    async with db_of("routing") as db:
        await handlers.apply_company(batch(company()), db)
        counted: list[str] = []
        event.listen(db.sync_connection, "before_cursor_execute", lambda *facts: counted.append(facts[2]))
        await handlers.assign_leads(batch(*listed(1)), db)
        alone = len(counted)
        counted.clear()
        await handlers.assign_leads(batch(*listed(200, start=1)), db)
        assert len(counted) <= alone <= 14


async def test_an_unknown_manager_of_an_open_sale_leaves_the_lead_with_the_head_of_sales(db_of: DbOf) -> None:
    async with db_of("routing") as db:
        await handlers.apply_company(batch(company()), db)
        await handlers.note_opened(batch(opened("c", "x", "stranger")), db)
        given = only(await handlers.assign_leads(batch(lead("a", client="c")), db))
        assert (given.manager, given.queue, given.rule) == ("boss", "handover", "G8")
        field = await store.field_of_play(db, NOW)
        assert field is not None
        assert field.find("stranger") is None
