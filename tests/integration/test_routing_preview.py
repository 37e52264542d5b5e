"""Who would receive a list: routing tells it without moving anything, and then does just that."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from services.routing import answers, handlers
from shared.database import fetch
from shared.questions import PreviewAssignment, ReportDistribution
from shared.words import Outcome, Source
from tests.integration.routing_house import DbOf, away, batch, company, lead, managers, uid

LIST = uid("a list")


async def contents(db_of: DbOf) -> dict[str, list[str]]:
    """All that routing keeps, every table of it, row by row."""
    async with db_of("routing") as db:
        tables = await fetch(db, "select tablename as name from pg_tables where schemaname = 'routing'")
        return {
            table["name"]: [
                row["text"] for row in await fetch(db, f"select t::text as text from {table['name']} t order by 1")
            ]
            for table in tables
        }


def a_list(rows: int = 90) -> list[Any]:
    """Leads of one list: most at home, some in Saint Petersburg, some where nobody is, some of one client twice."""
    regions = ("RU-MOW", "RU-MOW", "RU-SPE", "unknown", "RU-MOW", "RU-TA", "KZ")
    return [
        lead(
            f"{n}",
            client=f"client {n % 80}",
            region=regions[n % len(regions)],
            source=Source.EVENT,
            import_id=LIST,
            outcome=Outcome.SAME if n >= 80 or n % 11 == 0 else Outcome.NEW,
        )
        for n in range(rows)
    ]


async def preview(db_of: DbOf, leads: list[Any]) -> dict[str, Any]:
    question = PreviewAssignment(
        import_id=LIST,
        source=Source.EVENT,
        clients=[one.client_id for one in leads],
        regions=[one.region for one in leads],
        known=[one.outcome is Outcome.SAME for one in leads],
    )
    async with db_of("routing") as db:
        return await answers.preview_assignment(question, db)


@pytest.mark.rule("R1-37")
@pytest.mark.rule("G6")
async def test_a_preview_moves_nothing_and_the_list_then_goes_to_the_same_managers(db_of: DbOf) -> None:
    for_ever = {"starts_at": datetime(2020, 1, 1, tzinfo=UTC), "ends_at": datetime(2100, 1, 1, tzinfo=UTC)}
    async with db_of("routing") as db:
        await handlers.apply_company(batch(company(absences=[{**away("vera"), **for_ever}])), db)
        await handlers.assign_leads(batch(*(lead(f"earlier {n}", source=Source.EVENT) for n in range(7))), db)
    before, leads = await contents(db_of), a_list()
    told = await preview(db_of, leads)
    assert await contents(db_of) == before
    async with db_of("routing") as db:
        said = await handlers.assign_leads(batch(*leads), db)
    assert [one["id"] for one in told["receivers"]] == managers(said)
    assert told["problem"] is None
    async with db_of("routing") as db:
        report = await answers.report_distribution(ReportDistribution(import_id=LIST), db)
    names = ("id", "received", "shared", "fair_share", "deviation")
    assert [[one[name] for name in names] for one in told["managers"]] == [
        [one[name] for name in names] for one in report["managers"]
    ]
    assert "vera" not in {one["id"] for one in told["receivers"]}
    assert {one["queue"] for one in told["receivers"]} > {None}, "somewhere nobody is there"


async def test_without_a_company_file_the_preview_says_what_is_missing(db_of: DbOf) -> None:
    told = await preview(db_of, a_list(3))
    assert (told["receivers"], told["problem"]) == ([], "no company file has been applied yet")
