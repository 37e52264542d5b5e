"""A list before, during and after: previewed, taken in, listed, undone; and a caller looked up, as an operator types it."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import pytest

from tests.e2e.conftest import Furnished
from tests.e2e.test_commands import a_list, run


async def counts(furnished: Furnished) -> tuple[int, ...]:
    """How much of everything a person works with there is: cards, keys, open sales, timers, and shares that count."""
    [row] = await furnished.query(
        "select (select count(*) from intake.clients), (select coalesce(sum(df), 0) from intake.key_stats),"
        " (select count(*) from intake.client_keys), (select count(*) from process.processes where closed_at is null),"
        " (select count(*) from reminders.timers),"
        " (select count(*) from routing.decisions where ledger is not null and given_back_at is null)"
    )
    return tuple(int(value) for value in row)


async def stored(furnished: Furnished) -> tuple[int, ...]:
    """How many rows all tables hold that grow when a list is taken in."""
    [row] = await furnished.query(
        "select (select count(*) from intake.submissions), (select count(*) from intake.imports),"
        " (select count(*) from intake.outbox), (select count(*) from routing.decisions),"
        " (select count(*) from routing.ledger), (select count(*) from process.processes)"
    )
    return (*await counts(furnished), *(int(value) for value in row))


@pytest.mark.rule("R1-37")
@pytest.mark.rule("G6")
async def test_a_list_is_previewed_taken_in_as_foreseen_and_undone(furnished: Furnished, tmp_path: Path) -> None:
    house, file, foreseen = furnished.house, a_list(tmp_path, "утро.csv", 60), tmp_path / "foreseen.csv"
    before, whole = await counts(furnished), await stored(furnished)
    code, said = await run(house, "import", str(file), "--campaign", "Утро", "--preview", "--preview-to", str(foreseen))
    assert code == 0, said
    assert "Would be: 60 new." in said
    assert "Who received how much" in said
    assert await stored(furnished) == whole
    with foreseen.open(encoding="utf-8-sig") as opened:
        rows = list(csv.DictReader(opened, delimiter=";"))

    code, said = await run(house, "import", str(file), "--campaign", "Утро")
    assert code == 0, said
    made = await furnished.query(
        "select given.row_number, made.outcome, routed.receiver from intake.imports as list"
        " join intake.submissions as given on given.import_id = list.id join intake.decisions as made on made.lead_id = given.id"
        " join routing.decisions as routed on routed.lead_id = given.id where list.campaign = 'Утро' order by 1"
    )
    assert [(int(row["row"]), row["verdict"], row["receiver"]) for row in rows] == [tuple(row) for row in made]

    code, said = await run(house, "imports")
    assert code == 0, said
    line = next(line for line in said.splitlines() if "утро.csv" in line)
    assert "taken in" in line
    import_id = line.split()[0]
    [touched] = await furnished.query(
        "select id, manager from process.processes where import_id = cast(:id as uuid) limit 1",
        id=str((await furnished.query("select id from intake.imports where campaign = 'Утро'"))[0][0]),
    )
    code, said = await run(
        house, "touch", "--process", str(touched[0]), "--by", touched[1], "--kind", "call", "--result", "reached",
        "--comment", "Wants a price.", "--next", "call 2027-03-25 10:00",
    )  # fmt: skip
    assert code == 0, said

    code, said = await run(house, "undo", import_id)
    assert code == 0, said
    assert re.search(r"leads taken back\s+59 of 60", said)
    assert f"the client was touched once since, last by {touched[1]}" in said
    after = await counts(furnished)
    assert after[0] == before[0] + 1
    assert (after[3], after[4]) == (before[3] + 1, before[4] + 1)
    assert after[5] <= before[5] + 1
    code, said = await run(house, "imports")
    assert "undone" in next(line for line in said.splitlines() if "утро.csv" in line)
    code, said = await run(house, "import", str(file), "--campaign", "Утро")
    assert code == 1
    assert "was undone" in said
    code, said = await run(house, "undo", "00000000")
    assert code != 0
    assert "estafeta imports" in said


@pytest.mark.rule("R1-40")
async def test_a_caller_is_looked_up_with_his_sale_and_nothing_is_stored(furnished: Furnished) -> None:
    [known] = await furnished.query(
        "select c.name, c.record->'phones'->0->>'e164' from intake.clients c join process.processes p on p.client_id = c.id"
        " where p.closed_at is null and c.record->'phones'->0->>'e164' is not null and not c.provisional limit 1"
    )
    whole = await stored(furnished)
    code, said = await run(furnished.house, "lookup", "--company", known[0], "--phone", known[1])
    assert code == 0, said
    assert "same: a client we know" in said or "possible" in said
    assert known[0] in said
    assert "sale      open" in said
    code, said = await run(furnished.house, "lookup", "--company", "Небывалый завод одуванчиков")
    assert "new: nobody like this is known" in said
    code, said = await run(furnished.house, "lookup", "--phone", "нет")
    assert code != 0
    assert "There is nothing to search by." in said
    assert await stored(furnished) == whole


async def test_sources_tell_what_each_campaign_brought(furnished: Furnished) -> None:
    code, said = await run(furnished.house, "sources")
    assert code == 0, said
    line = next(line for line in said.splitlines() if "ПромЭкспо 2026" in line)
    tally = furnished.exhibition.done.tally
    assert f"{tally.rows:,}" in line
    assert f"{tally.accepted:,}" in line
    code, said = await run(furnished.house, "sources", "--from", "2020-01-01", "--to", "2020-01-31")
    assert "Nothing came" in said
