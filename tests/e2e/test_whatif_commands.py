"""Reports and what-ifs as they are typed, over the main job done in a real house; and every record of it made again."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from estafeta.demo import COMPANY
from services.routing.rules.field import Field
from services.routing.rules.record import told_otherwise
from tests.e2e.conftest import Furnished
from tests.e2e.test_commands import run


@pytest.mark.rule("G6")
async def test_every_record_of_the_main_job_makes_its_decision_again(furnished: Furnished) -> None:
    fields = {
        str(row.id): Field.from_json(json.loads(row.content))
        for row in await furnished.query("select id, content::text as content from routing.fields")
    }
    rows = await furnished.query("select lead_id, client_id, to_jsonb(d)::text as kept from routing.decisions d")
    assert len(rows) > 1000
    for row in rows:
        kept = json.loads(row.kept) | {"lead_id": row.lead_id, "client_id": row.client_id}
        assert told_otherwise(kept, fields[kept["field_id"]]) == ()


@pytest.mark.rule("G6")
async def test_evenness_is_reported_as_table_file_and_chart(furnished: Furnished, tmp_path: Path) -> None:
    table, chart = tmp_path / "evenness.csv", tmp_path / "evenness.svg"
    code, said = await run(
        furnished.house, "report", "fairness", "--csv", str(table), "--chart", str(chart), "--lang", "ru"
    )
    assert code == 0, said
    assert "Равномерность" in said
    with table.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file, delimiter=";"))
    ((shared,),) = await furnished.query(
        "select count(*) from routing.decisions where ledger is not null and given_back_at is null"
    )
    assert sum(int(row["received"]) for row in rows) == shared > 100
    assert all(abs(float(row["deviation"])) < 2 for row in rows)
    assert chart.read_text("utf-8").startswith("<?xml")
    code, said = await run(furnished.house, "report", "fairness", "--chart", str(tmp_path / "evenness.gif"))
    assert (code, "ends with .svg or .png" in said) == (2, True)


async def test_a_what_if_gives_back_what_happened_and_shows_what_a_changed_weight_would_have_done(
    furnished: Furnished, tmp_path: Path
) -> None:
    ((leads,),) = await furnished.query("select count(*) from routing.decisions where not passed_on")
    code, said = await run(furnished.house, "simulate", "--company", str(COMPANY))
    assert code == 0, said
    assert f"of {leads:,} leads 0 (0.0%) would have gone otherwise" in said
    assert "Exactly what happened." in said
    changed, differences = tmp_path / "changed.toml", tmp_path / "differences.csv"
    text = COMPANY.read_text("utf-8")
    assert "weight = 0.5 " in text
    changed.write_text(text.replace("weight = 0.5 ", "weight = 2.0 "), "utf-8")
    code, said = await run(
        furnished.house, "simulate", "--company", str(changed), "--csv", str(differences), "--lang", "ru"
    )
    assert code == 0, said
    assert "Равномерность (G6): было → было бы" in said
    with differences.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file, delimiter=";"))
    assert len(rows) > 20
    gained = sum(row["would be"] == "sidorov" for row in rows) - sum(row["was"] == "sidorov" for row in rows)
    assert gained > 20
    known = {str(row.lead_id) for row in await furnished.query("select lead_id from routing.decisions")}
    assert {row["lead_id"] for row in rows} <= known
    code, said = await run(furnished.house, "simulate", "--from", "2020-01-01", "--to", "2020-01-31")
    assert (code, "Routing decided nothing" in said) == (1, True)
