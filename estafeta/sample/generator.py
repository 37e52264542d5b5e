"""Client bases and exhibition lists of any size, with the truth about every row.

python -m estafeta.sample.generator --clients 10000 --rows 10000 --seed 7 --out list
    writes base.csv, list.xlsx and truth.json; the same seed gives the same content.
python -m estafeta.sample.generator --sample
    writes the shipped samples: clients.csv, exhibition.xlsx and truth.json beside this module.
"""

# ruff: noqa: S311 - invented data needs numbers that come again with the seed, not secrets

from __future__ import annotations

import argparse
import csv
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from random import Random

import xlsxwriter

from estafeta.sample import mistakes
from estafeta.sample.words import words
from estafeta.sample.world import (
    CURATORS,
    Client,
    Curators,
    Person,
    World,
    ascii_of,
    feminine,
    firm,
    masculine,
    mobile,
    person,
    sister,
    taken_by_none,
    world,
)

__all__ = [
    "CURATORS",
    "SAMPLE",
    "Client",
    "Curators",
    "ListRow",
    "World",
    "exhibition",
    "row_of",
    "sample_rows",
    "world",
    "write_base",
    "write_csv",
    "write_list",
]

SAMPLE = {"clients": 2_000, "rows": 1_200, "seed": 2026}
COLUMNS = (
    ("company", "Организация", 34),
    ("contact", "Контактное лицо (ФИО)", 28),
    ("position", "Должность", 20),
    ("phone", "Тел./факс", 24),
    ("email", "E-mail", 26),
    ("website", "Сайт", 24),
    ("city", "Город", 16),
    ("region", "Регион", 18),
    ("interest", "Чем интересовались", 28),
)
"""The columns of a list: field, heading, width in characters."""
_TITLES = ("Международная выставка «ПромЭкспо-2026», Москва, 10–13 ноября 2026", "Стенд B12. Анкеты и визитки")


@dataclass(frozen=True, slots=True)
class ListRow:
    """A row of a list: its cells by field, and the truth about it.

    `truth` is the id of the client in the base, a negative number for a firm that is not in it (the same number for the
    same firm), None for a row that names nobody. `kind` is known, renamed, new, namesake, sister, again, colleague or
    bad. `evidence` names the keys in which the row truly agrees with its client: name, phone, web, person.
    """

    fields: dict[str, str]
    truth: int | None
    kind: str
    evidence: frozenset[str] = frozenset()


def exhibition(base: World, m: int, seed: int, known: float = 0.5) -> list[ListRow]:
    """`m` rows of a list against a base: half known clients, 35 % new, 9 % namesakes, 6 % sisters, 5 % repeated.

    The base is not changed. The same base and seed give the same rows.
    """
    rng = Random(f"exhibition/{base.seed}/{seed}")
    around = World(base.clients, base.seed, set(base.domains), set(base.identities))
    rows: list[ListRow] = []
    strangers = 0
    while len(rows) < m:
        dice = rng.random()
        if dice < known and base.clients:
            client, kind = rng.choice(base.clients), "known"
        else:
            strangers += 1
            client, kind = _stranger(-strangers, (dice - known) / (1 - known), around, rng)
        row = row_of(client, kind, rng, around.domains)
        rows.append(row)
        again = rng.random()
        if again < 0.05:
            rows.append(replace(row_of(client, kind, rng, around.domains), kind="again"))
        elif again < 0.06 and row.fields["company"]:
            other = row_of(client, kind, rng, around.domains)
            fields = other.fields | {"company": row.fields["company"]}
            # both rows bear one cell, so what it proves is what it proved there
            proven = (other.evidence - {"name"}) | (row.evidence & {"name"})
            rows.append(ListRow(fields, other.truth, "colleague", proven))
    return rows[:m]


def _stranger(number: int, dice: float, around: World, rng: Random) -> tuple[Client, str]:
    """A firm that is not in the base: 70 % new, 18 % with the name of a known one, 12 % its sister."""
    if dice > 0.7 and around.clients:
        model = rng.choice(around.clients)
        if dice > 0.88 and (made := sister(number, model, around, rng)):
            around.identities.add(made.identity)
            return made, "sister"
        made = firm(number, around, rng)
        if model.form.short != "ИП":
            return replace(made, name=model.name, form=model.form), "namesake"
        # a sole trader's namesake is a relative: the same surname, another person
        surname, first, _ = model.name.split(" ", 2)
        while (relative := person(rng)).first == first:
            pass
        surname = masculine(surname) if relative.patronymic.endswith("ч") else feminine(masculine(surname))
        return replace(made, name=f"{surname} {relative.first} {relative.patronymic}", form=model.form), "namesake"
    return firm(number, around, rng), "new"


def row_of(client: Client, kind: str, rng: Random, taken: set[str]) -> ListRow:
    """A row that somebody from the firm left at the stand; `taken` are the addresses that others have."""
    renamed = kind == "known" and client.form.short != "ИП" and rng.random() < 0.01
    shown = replace(client, name=rng.choice(words().lists["common"])) if renamed else client
    at = rng.randrange(len(client.people))
    newcomer = rng.random() < 0.35
    who = person(rng) if newcomer else client.people[at]
    fields = {"company": mistakes.company(shown, rng) if rng.random() < 0.97 else ""}
    fields["contact"] = mistakes.contact(who, rng) if rng.random() < 0.85 else ""
    fields["position"] = mistakes.remark("position", rng) if rng.random() < 0.3 else ""
    numbers: list[str] = []
    own_phone = False
    if rng.random() < 0.80:
        own_phone = rng.random() < 0.72
        numbers.append(rng.choice(client.phones) if own_phone else mobile(client.town, rng))
        if rng.random() < 0.18:
            second = rng.random() >= 0.6
            own_phone = own_phone or second
            numbers.append(rng.choice(client.phones) if second else mobile(client.town, rng))
    fields["phone"] = rng.choice(("; ", ", ", " / ", "\n")).join(mistakes.phone(number, rng) for number in numbers)
    email = _email(client, who, at, newcomer, rng, taken) if rng.random() < 0.78 else None
    own = {address for address in (*client.emails, client.office_email) if address}
    web = email in own or bool(email and client.domain and email.endswith(f"@{client.domain}"))
    if email and rng.random() < 0.03:
        spoilt = mistakes.typo(email, rng)
        web, email = web and (spoilt == email or spoilt.endswith(f"@{client.domain}")), spoilt
    if email and rng.random() < 0.2:
        email = email.upper() if rng.random() < 0.3 else email.capitalize()
    fields["email"] = email or ""
    fields["website"] = mistakes.site(client.site, rng) if client.site and rng.random() < 0.55 else ""
    fields["city"] = client.town.name if rng.random() < 0.5 else ""
    fields["region"] = client.town.region_name if rng.random() < 0.12 else ""
    fields["interest"] = mistakes.remark("interest", rng) if rng.random() < 0.9 else ""
    proof = {
        "name": bool(fields["company"]) and not renamed,
        "phone": own_phone,
        "web": web or bool(fields["website"]),
        "person": bool(fields["contact"]) and not newcomer,
    }
    mistakes.spoil(fields, proof, rng)
    if not any(fields[key] for key in ("company", "contact", "phone", "email", "website")):
        return row_of(client, kind, rng, taken)  # nobody leaves a form with nothing on it
    evidence = frozenset(key for key, true in proof.items() if true)
    return ListRow(fields, client.id, "renamed" if renamed else kind, evidence)


def _email(client: Client, who: Person, at: int, newcomer: bool, rng: Random, taken: set[str]) -> str | None:
    if client.office_email and rng.random() < 0.2:
        return client.office_email
    if not newcomer:
        return client.emails[at] or client.office_email
    name = ascii_of(who.surname)
    if client.domain and rng.random() < 0.7:
        return f"{name}@{client.domain}"
    return taken_by_none(f"{name}{rng.randint(1, 999)}@{rng.choice(words().lists['free_mail'])}", taken)


def bad_rows() -> list[ListRow]:
    """Rows that must be answered with a reason: no key at all, a telephone that is none, a region that is none."""
    blank = {field: "" for field, _, _ in COLUMNS}
    return [
        ListRow(blank | {"city": "Москва", "interest": "каталог"}, None, "bad"),
        ListRow(blank | {"company": "ООО «Лесная сказка»", "phone": "звонить вечером"}, -1_000_001, "bad"),
        ListRow(
            blank | {"company": "ООО «Платяной шкаф»", "phone": "+7 (495) 201-30-40", "region": "Нарния"},
            -1_000_002,
            "bad",
        ),
    ]


# ── writing ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def base_fields(client: Client) -> dict[str, str]:
    """A client as the base file shows him, field by field."""
    sole = client.form.short == "ИП"
    return {
        "company": f"{client.form.short} {client.name}" if sole else f"{client.form.short} «{client.name}»",
        "contact": "; ".join(one.full for one in client.people),
        "phone": "; ".join(client.phones),
        "email": "; ".join(address for address in (*client.emails, client.office_email) if address),
        "website": client.site or "",
        "city": client.town.name,
        "curator": client.curator or "",
    }


def write_base(path: Path, base: World) -> None:
    """A client base as CSV (UTF-8, commas); the client with id n stands in row n + 1."""
    with path.open("w", encoding="utf-8", newline="") as out:
        table = csv.writer(out, lineterminator="\n")
        table.writerow(("id", "company", "contact", "phone", "email", "website", "city", "curator"))
        for client in base.clients:
            table.writerow((client.id, *base_fields(client).values()))


def write_csv(path: Path, rows: Sequence[ListRow], encoding: str = "cp1251") -> None:
    """A list as a seminar's organiser exports it: semicolons, other headings; what the encoding lacks becomes `?`."""
    names = {
        "company": "Компания",
        "contact": "Контакт",
        "email": "Почта",
        "phone": "Телефон",
        "website": "Web",
        "city": "Город",
    }
    with path.open("w", encoding=encoding, errors="replace", newline="") as out:
        table = csv.writer(out, delimiter=";")
        table.writerow(names.values())
        table.writerows([row.fields[field] for field in names] for row in rows)


def write_list(path: Path, rows: Sequence[ListRow], seed: int) -> list[int]:
    """A list as marketing people send it; gives the number (from 1) of the sheet's row for each of `rows`.

    Title rows over merged cells, telephones stored as numbers, blank rows, a company merged over its visitors' rows,
    a sum at the end, a second sheet with remarks.
    """
    rng = Random(f"sheet/{seed}")
    numbers: list[int] = []
    with xlsxwriter.Workbook(path, {"strings_to_urls": False, "strings_to_numbers": False}) as book:
        book.set_properties({"author": "Отдел маркетинга", "created": datetime(2026, 11, 16, 12, 0)})  # noqa: DTZ001
        bold = book.add_format({"bold": True, "font_size": 13})
        head = book.add_format({"bold": True, "bg_color": "#DDE6F0", "border": 1, "text_wrap": True})
        middle = book.add_format({"valign": "vcenter"})
        sheet = book.add_worksheet("Посетители")
        last = len(COLUMNS)
        sheet.merge_range(0, 0, 0, last, _TITLES[0], bold)
        sheet.write(1, 0, _TITLES[1])
        sheet.write_row(3, 0, ("№ п/п", *(heading for _, heading, _ in COLUMNS)), head)
        for index, (_, _, width) in enumerate(COLUMNS, start=1):
            sheet.set_column(index, index, width)
        sheet.freeze_panes(4, 0)
        at = 4
        for count, row in enumerate(rows, start=1):
            follows = count < len(rows) and rows[count].kind == "colleague"
            if row.kind != "colleague" and rng.random() < 0.01:
                at += 1
            sheet.write_number(at, 0, count)
            for index, (field, _, _) in enumerate(COLUMNS, start=1):
                cell = row.fields[field]
                if field == "company" and follows:
                    sheet.merge_range(at, index, at + 1, index, cell, middle)
                elif not cell or (field == "company" and row.kind == "colleague"):
                    continue
                elif field == "phone" and cell.isdigit() and rng.random() < 0.5:
                    sheet.write_number(at, index, int(cell))
                else:
                    sheet.write_string(at, index, cell)
            numbers.append(at + 1)
            at += 1
        sheet.write(at + 1, 0, "Итого:")
        sheet.write_number(at + 1, 1, len(rows))
        notes = book.add_worksheet("Справка")
        notes.write_column(
            0, 0, ("Составил отдел маркетинга", "Анкеты и визитки переписаны вручную", "Вопросы: доб. 214")
        )
    return numbers


def write_truth(path: Path, rows: Sequence[ListRow], numbers: Sequence[int], seed: int) -> None:
    """The truth about a list, by the sheet's row numbers."""
    told = {
        str(number): {"client": row.truth, "kind": row.kind, "evidence": sorted(row.evidence)}
        for number, row in zip(numbers, rows, strict=True)
    }
    lines = ",\n".join(f"  {json.dumps(number)}: {json.dumps(truth)}" for number, truth in told.items())
    path.write_text(f'{{"seed": {seed}, "rows": {{\n{lines}\n}}}}\n', encoding="utf-8")


def sample_rows(base: World) -> list[ListRow]:
    """The rows of the shipped list: an exhibition's, with the bad ones among them."""
    rows = exhibition(base, SAMPLE["rows"], SAMPLE["seed"])
    for place, row in zip((100, 500, 900), bad_rows(), strict=True):
        while rows[place].kind == "colleague":  # its company cell is merged with the row above
            place += 1  # noqa: PLW2901
        rows.insert(place, row)
    return rows


def main() -> None:
    """Write a base, a list and the truth."""
    parser = argparse.ArgumentParser(prog="python -m estafeta.sample.generator", description=__doc__.splitlines()[0])
    parser.add_argument("--clients", type=int, default=10_000, help="clients in the base")
    parser.add_argument("--rows", type=int, default=10_000, help="rows in the list")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, default=Path("list"), help="directory to write to")
    parser.add_argument(
        "--sample", action="store_true", help="write the shipped samples anew; other options do not count"
    )
    chosen = parser.parse_args()
    if chosen.sample:
        out, seed, names = Path(__file__).parent, SAMPLE["seed"], ("clients.csv", "exhibition.xlsx")
        base = world(SAMPLE["clients"], seed)
        rows = sample_rows(base)
    else:
        out, seed, names = chosen.out, chosen.seed, ("base.csv", "list.xlsx")
        base = world(chosen.clients, seed)
        rows = exhibition(base, chosen.rows, seed)
    out.mkdir(parents=True, exist_ok=True)
    write_base(out / names[0], base)
    numbers = write_list(out / names[1], rows, seed)
    write_truth(out / "truth.json", rows, numbers, seed)
    print(f"{len(base.clients)} clients and {len(rows)} rows are in {out}: {names[0]}, {names[1]}, truth.json")


if __name__ == "__main__":
    main()
