"""How evenly a period was shared out: figures out of the store, as tables, files and charts, and the alarm when uneven."""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from rich.console import Console
from sqlalchemy.engine import URL
from structlog.testing import capture_logs

from estafeta.charts import draw_fairness
from estafeta.fairness import shown, write
from estafeta.period import Period
from estafeta.report_words import words_of
from estafeta.trouble import Trouble
from services.routing import handlers, reports
from services.routing.rules.fair_share import UNIT, promised
from shared.database import execute, fetch, to_json
from shared.metrics import Metrics
from shared.questions import ReportFairness
from shared.words import Source
from tests.integration.routing_house import NOW, DbOf, batch, company, lead, uid
from tests.integration.routing_past import Past, one_engine

DAYS = Period(NOW.date(), (NOW + timedelta(days=9)).date(), ZoneInfo("Europe/Moscow"))


@pytest.fixture
async def db_of(database: URL) -> AsyncIterator[DbOf]:
    """Transactions of routing."""
    async with one_engine(database) as connect:
        yield connect


async def report(db_of: DbOf, when: Period = DAYS) -> dict[str, Any]:
    async with db_of("routing") as db:
        told = await reports.report_fairness(ReportFairness(since=when.since, until=when.until), db)
    read: dict[str, Any] = json.loads(to_json(told))
    return read


def printed(told: dict[str, Any], language: Any = "en") -> str:
    console = Console(width=150)
    with console.capture() as capture:
        console.print(shown(told, DAYS, words_of(language)))
    return capture.get()


@pytest.mark.rule("G6")
@pytest.mark.rule("G8")
async def test_the_figures_of_a_period_are_those_of_its_decisions(db_of: DbOf) -> None:
    past = Past(db_of)
    await past.live(days=4)
    told = await report(db_of)
    async with db_of("routing") as db:
        rows = [dict(row) for row in await fetch(db, "select * from decisions")]
        owed = {(row["pool_id"], row["staff_id"]): row["balance"] for row in await fetch(db, "select * from ledger")}
    counted = [row for row in rows if row["ledger"] and not row["given_back_at"]]
    shared = Counter((row["pool"], row["receiver"]) for row in counted)
    assert {(one["pool"], one["id"]): one["shared"] for one in told["pools"] if one["shared"]} == shared
    for one in told["pools"]:
        sat = [row for row in counted if row["pool"] == one["pool"] and one["id"] in row["ledger"]["before"]]
        credit = sum(
            next(c["weight"] for c in row["candidates"] if c["id"] == one["id"])
            / sum(c["weight"] for c in row["candidates"])
            for row in sat
        )
        assert one["eligible"] == len(sat)
        assert one["fair_share"] == pytest.approx(credit, abs=0.001)
        assert one["deviation"] == pytest.approx(one["shared"] - credit, abs=0.001)
        assert one["balance"] == pytest.approx(owed[one["pool"], one["id"]] / UNIT, abs=0.001)
    totals = told["totals"]
    hold = [row for row in rows if not row["passed_on"]]
    assert totals["came"] == len(past.assigned) == sum(1 for row in rows if row["attempt"] == 1)
    assert totals["leads"] == len(hold) == sum(one["received"] for one in told["people"])
    assert totals["fell_back"] == sum(1 for row in rows if row["rule"] == "G8" and row["attempt"] == 1) > 0
    assert totals["queued"] == sum(1 for row in hold if row["queue"]) < totals["fell_back"]
    assert totals["declined"] == sum(1 for row in rows if row["answer"] == "declined") > 0
    assert totals["declined"] == sum(one["declined"] for one in told["people"])
    assert totals["unaccepted"] == sum(1 for row in hold if row["answer"] in ("awaited", "waiting"))
    assert totals["unaccepted"] == sum(one["unaccepted"] for one in told["people"])
    assert totals["given_back"] == len([row for row in rows if row["given_back_at"]]) > 0
    waits = sorted((r["at"] - r["received_at"]).total_seconds() for r in hold if not r["queue"])
    assert totals["longest_s"] == waits[-1] > totals["most_s"] > totals["median_s"]
    # what came before and after is not in it
    early = Period(DAYS.first - timedelta(9), DAYS.first - timedelta(1), DAYS.zone)
    assert await report(db_of, early) == {
        "pools": [],
        "people": [],
        "totals": {name: None if name.endswith("_s") else 0 for name in totals},
    }
    day = Period(DAYS.first, DAYS.first, DAYS.zone)
    assert (await report(db_of, day))["totals"]["came"] == sum(
        1 for r in rows if day.since <= r["at"] < day.until and r["attempt"] == 1
    )


async def test_the_report_is_told_in_both_languages_and_written_as_csv(db_of: DbOf, tmp_path: Path) -> None:
    past = Past(db_of)
    await past.live(days=1)
    told = await report(db_of)
    english, russian = printed(told), printed(told, "ru")
    assert "Evenness from 2026-11-23 to 2026-12-02 (G6)" in english
    assert "Nobody could take it, and a head answered for it (G8)" in english
    assert "Равномерность с 2026-11-23 по 2026-12-02 (G6)" in russian
    assert "Принять было некому" in russian
    file = tmp_path / "evenness.csv"
    write(told["pools"], file)
    with file.open(encoding="utf-8-sig", newline="") as opened:
        rows = list(csv.DictReader(opened, delimiter=";"))
    assert [(row["pool"], row["id"], float(row["deviation"])) for row in rows] == [
        (one["pool"], one["id"], one["deviation"]) for one in told["pools"]
    ]
    with pytest.raises(Trouble, match="cannot be written"):
        write(told["pools"], tmp_path / "no such directory" / "evenness.csv")


async def test_a_chart_shows_everybody_and_is_the_same_for_the_same_figures(db_of: DbOf, tmp_path: Path) -> None:
    past = Past(db_of)
    await past.live(days=1)
    members = (await report(db_of))["pools"]
    members[0]["name"] = "Анна Щёкина"
    say = words_of("ru")
    first, again, picture = tmp_path / "one.svg", tmp_path / "two.svg", tmp_path / "one.png"
    for file in (first, again, picture):
        draw_fairness(members, file, "Равномерность", say)
    assert first.read_bytes() == again.read_bytes()
    assert picture.read_bytes().startswith(b"\x89PNG")
    text = first.read_text("utf-8")
    assert text.startswith("<?xml")
    for one in members:
        assert f"<!-- {one['name']} -->" in text
    members[1]["shared"] += 1
    draw_fairness(members, again, "Равномерность", say)
    assert first.read_bytes() != again.read_bytes()
    with pytest.raises(Trouble, match="is no chart"):
        draw_fairness(members, tmp_path / "one.gif", "", say)
    with pytest.raises(Trouble, match="nothing to draw"):
        draw_fairness([], first, "", say)


@pytest.mark.rule("G6")
async def test_the_live_figure_is_told_by_pool_and_an_uneven_pool_raises_the_alarm_once(db_of: DbOf) -> None:
    async with db_of("routing") as db:
        await handlers.apply_company(batch(company()), db)
        rows = [lead(f"{n}", source=Source.EVENT, import_id=uid("list")) for n in range(5)]
        await handlers.assign_leads(batch(*rows), db)
        await execute(db, "insert into pools (id) values ('moved:home')")
        await execute(db, "insert into ledger values ('moved:home', 'anna', $1, 1)", 9 * UNIT)
        live = await reports.deviations(db)
        told = await reports.report_fairness(
            ReportFairness(since=NOW - timedelta(days=1), until=NOW + timedelta(days=1)), db
        )
    assert live == {"home": 0.75}, "and nothing of the list's own ledger, nor of clients who were moved"
    assert {one["pool"] for one in told["pools"]} == {"home"}
    page = Metrics("routing").told({"measures": {"pool_deviation_leads": live}}).decode()
    assert 'estafeta_routing_pool_deviation_leads{pool="home"} 0.75' in page
    evenness = reports.Evenness()

    async def look() -> list[Any]:
        with capture_logs() as logs:
            async with db_of("routing") as db:
                assert await evenness.watch(NOW, db) == ([], False)
        return [{key: one[key] for key in ("event", "log_level", "pool")} for one in logs]

    assert await look() == []
    async with db_of("routing") as db:
        await execute(db, "update ledger set balance = $1 where staff_id = 'anna' and pool_id = 'home'", 2 * UNIT)
    assert await look() == [{"event": "routing.pool_uneven", "log_level": "error", "pool": "home"}]
    assert await look() == [], "it is said once"
    async with db_of("routing") as db:
        await execute(db, "update ledger set balance = $1 where staff_id = 'anna' and pool_id = 'home'", UNIT)
    assert await look() == [{"event": "routing.pool_even_again", "log_level": "info", "pool": "home"}]


@pytest.mark.rule("G6")
def test_what_is_promised_is_the_proved_bound_and_at_least_a_lead_and_a_half() -> None:
    assert [promised(n) / UNIT for n in (1, 2, 4, 5, 10, 21)] == [1.5, 1.5, 1.5, 2.0, 4.5, 10.0]
