"""The generator makes the same lists again, knows the truth about every row, and wrote the samples that are shipped."""

from __future__ import annotations

import json
import time
from collections import Counter
from importlib.resources import files
from pathlib import Path

import phonenumbers
import pytest

from estafeta.company.reading import read_company
from estafeta.lists.reading import read_list
from estafeta.sample import mistakes
from estafeta.sample.generator import (
    SAMPLE,
    ListRow,
    World,
    exhibition,
    sample_rows,
    world,
    write_base,
    write_csv,
    write_list,
    write_truth,
)
from estafeta.sample.world import feminine, masculine

SHIPPED = Path(str(files("estafeta.sample")))


@pytest.fixture(scope="module")
def base() -> World:
    return world(2_000, 11)


@pytest.fixture(scope="module")
def rows(base: World) -> list[ListRow]:
    return exhibition(base, 4_000, 12)


def test_a_seed_gives_the_same_base_and_list_again(base: World, rows: list[ListRow]) -> None:
    assert world(2_000, 11).clients == base.clients
    assert exhibition(base, 4_000, 12) == rows
    assert exhibition(base, 100, 13) != rows[:100]
    assert world(50, 12).clients != base.clients[:50]


def test_making_a_list_leaves_the_base_as_it_was(base: World) -> None:
    before = (len(base.domains), len(base.identities), len(base.clients))
    exhibition(base, 500, 99)
    assert (len(base.domains), len(base.identities), len(base.clients)) == before


def test_a_base_has_the_traps_of_real_ones(base: World) -> None:
    clients = base.clients
    forms = Counter(client.form.short for client in clients)
    assert forms["ООО"] > 0.6 * len(clients)
    assert forms["ИП"] > 0.04 * len(clients)
    assert 20 <= sum(client.sister_of is not None for client in clients) <= 100
    names = Counter(client.name for client in clients)
    assert names.most_common(1)[0][1] >= 5
    assert {client.town.country for client in clients} == {"RU", "KZ", "BY", "MD"}
    for sister in (client for client in clients if client.sister_of):
        parent = clients[sister.sister_of - 1 if sister.sister_of else 0]
        assert (sister.domain, sister.phones[0]) == (parent.domain, parent.phones[0])
        assert sister.name != parent.name


def test_no_two_clients_are_one_firm_by_accident(base: World) -> None:
    with_domain = [client.identity for client in base.clients if client.domain]
    assert len(with_domain) == len(set(with_domain))


def test_telephones_are_ones_that_exist(base: World) -> None:
    numbers = {number for client in base.clients for number in client.phones}
    assert all(phonenumbers.is_valid_number(phonenumbers.parse(number)) for number in numbers)


def test_a_list_has_the_shares_that_were_asked_for(rows: list[ListRow]) -> None:
    kinds = Counter(row.kind for row in rows)
    share = {kind: count / len(rows) for kind, count in kinds.items()}
    assert share["known"] + share["renamed"] == pytest.approx(0.47, abs=0.04)
    assert share["new"] == pytest.approx(0.33, abs=0.04)
    assert share["namesake"] == pytest.approx(0.10, abs=0.03)
    assert share["sister"] == pytest.approx(0.04, abs=0.02)
    assert share["again"] == pytest.approx(0.045, abs=0.02)
    assert kinds["colleague"]


def test_the_truth_is_a_client_of_the_base_or_a_stranger(base: World, rows: list[ListRow]) -> None:
    for row in rows:
        assert row.truth is not None
        assert row.truth < 0 or base.clients[row.truth - 1].id == row.truth
        if row.kind in ("known", "renamed"):
            assert row.truth > 0
        if row.kind in ("new", "namesake", "sister"):
            assert row.truth < 0


def test_evidence_is_marked_only_where_the_row_has_it(base: World, rows: list[ListRow]) -> None:
    cells = {"name": ("company",), "phone": ("phone", "email", "contact"), "person": ("contact", "phone")}
    for row in rows:
        for key, places in cells.items():
            assert key not in row.evidence or any(row.fields[place] for place in places)
        if "phone" in row.evidence and row.kind == "known" and row.truth is not None:
            written = "".join(filter(str.isdigit, row.fields["phone"] + row.fields["email"] + row.fields["contact"]))
            assert any(number[-6:] in written for number in base.clients[row.truth - 1].phones)


def test_no_row_is_blank(rows: list[ListRow]) -> None:
    assert all(any(row.fields[key] for key in ("company", "contact", "phone", "email", "website")) for row in rows)


def test_ten_thousand_clients_and_rows_take_seconds() -> None:
    began = time.process_time()
    exhibition(world(10_000, 1), 10_000, 2)
    assert time.process_time() - began < 30  # about 2 s on an idle machine: a guard against the square of it


def test_what_was_written_is_what_is_read(tmp_path: Path, base: World, rows: list[ListRow]) -> None:
    some = rows[:600]
    write_base(tmp_path / "base.csv", base)
    numbers = write_list(tmp_path / "list.xlsx", some, 5)
    write_truth(tmp_path / "truth.json", some, numbers, 5)
    clients = read_list(tmp_path / "base.csv")
    assert [(row.number, row.curator) for row in clients.rows] == [
        (client.id + 1, client.curator) for client in base.clients
    ]
    found = read_list(tmp_path / "list.xlsx")
    assert [row.number for row in found.rows] == numbers
    for read, made in zip(found.rows, some, strict=True):
        for field, value in made.fields.items():
            assert getattr(read.fields, field) == value.strip()
    truth = json.loads((tmp_path / "truth.json").read_text("utf-8"))["rows"]
    assert [truth[str(number)]["client"] for number in numbers] == [row.truth for row in some]


def test_a_seminar_list_in_windows_1251_is_read_back(tmp_path: Path, rows: list[ListRow]) -> None:
    some = [row for row in rows if "�" not in row.fields["company"]][:200]
    write_csv(tmp_path / "seminar.csv", some)
    found = read_list(tmp_path / "seminar.csv")
    assert (found.encoding, found.delimiter) == ("cp1251", ";")
    assert len(found.rows) + len(found.rejected) == len(some)
    assert [row.fields.email for row in found.rows] == [row.fields["email"].strip() for row in some]


def test_surnames_change_their_gender_and_come_back() -> None:
    for one, other in (("Иванов", "Иванова"), ("Вишневский", "Вишневская"), ("Пак", "Пак"), ("Седых", "Седых")):
        assert feminine(one) == other
        assert masculine(other) == one


def test_a_typing_error_is_one_error() -> None:
    from random import Random

    rng = Random(1)
    for _ in range(500):
        assert abs(len(mistakes.typo("Техномонтаж", rng)) - 11) <= 1
    assert mistakes.typo("Вега", rng) == "Вега"


# ── the shipped samples ─────────────────────────────────────────────────────────────────────────────────────────────


def test_the_shipped_samples_are_what_the_generator_writes(tmp_path: Path) -> None:
    """`python -m estafeta.sample.generator --sample` writes them anew."""
    made = world(SAMPLE["clients"], SAMPLE["seed"])
    some = sample_rows(made)
    write_base(tmp_path / "clients.csv", made)
    numbers = write_list(tmp_path / "exhibition.xlsx", some, SAMPLE["seed"])
    write_truth(tmp_path / "truth.json", some, numbers, SAMPLE["seed"])
    for name in ("clients.csv", "truth.json"):
        assert (tmp_path / name).read_text("utf-8") == (SHIPPED / name).read_text("utf-8")
    ours, theirs = read_list(tmp_path / "exhibition.xlsx"), read_list(SHIPPED / "exhibition.xlsx")
    assert [list(ours.cells(sheet)) for sheet in ours.sheets] == [list(theirs.cells(sheet)) for sheet in theirs.sheets]


def test_the_shipped_samples_are_small_and_whole() -> None:
    names = ("clients.csv", "exhibition.xlsx", "truth.json", "company.toml")
    assert sum((SHIPPED / name).stat().st_size for name in names) < 1_000_000
    found = read_list(SHIPPED / "exhibition.xlsx")
    assert len(found.rows) >= 1_000
    assert not found.rejected
    truth = json.loads((SHIPPED / "truth.json").read_text("utf-8"))["rows"]
    assert sorted(map(int, truth)) == [row.number for row in found.rows]
    bad = [row for row in found.rows if truth[str(row.number)]["kind"] == "bad"]
    assert [bool(row.fields.company) for row in bad] == [False, True, True]
    assert bad[1].fields.phone == "звонить вечером"
    assert bad[2].fields.region == "Нарния"


def test_curators_of_the_shipped_base_work_in_the_sample_company() -> None:
    company = read_company(SHIPPED / "company.toml")
    sales = {person.id: person.office for person in company.staff if person.function == "sales"}
    curators = Counter(row.curator for row in read_list(SHIPPED / "clients.csv").rows)
    assert curators.pop(None) > 1_000
    assert set(curators) == set(sales)
