"""A preview of a list in which very many rows share a key: the question stays small, and the verdicts are the import's."""

from __future__ import annotations

import json

import pytest

from estafeta.previewing import Carried
from services.intake import answers
from shared.database import fetch, to_json
from shared.questions import PreviewRows, TellKeys
from tests.integration.test_intake_lookup import BASE, LIST, Room, hear, numbered


def crowd(count: int) -> list[dict[str, str]]:
    """Tenants of one business centre, every fourth of whom comes once more; a sole trader who loses a key on the way."""
    tenants = [
        {
            "company": f"ООО «Арендатор {'абвгдежзиклмнопрстуфхцчшэюя'[n % 27]}{n}»",
            "phone": "+7 846 270-10-10",
            "email": f"office{n}@centre.ru",
            "website": f"tenant{n}.ru" if n % 2 else "",
        }
        for n in range(count)
    ]
    traders = [
        {"company": "Дёмин Р. А.", "phone": "8 927 700-10-20"},
        {"company": "ИП Дёмин Р.А.", "phone": "8 927 700-10-20"},
    ]
    return [*tenants, *traders, *tenants[::4], {"company": "ИП Дёмин Роман Алексеевич", "email": "demin.ra@mail.ru"}]


@pytest.mark.rule("R1-40")
async def test_what_is_carried_of_a_crowded_key_is_its_number_and_the_verdicts_are_those_of_the_import(
    db_of: Room,
) -> None:
    await hear(db_of, numbered(crowd(15)[:15]), purpose="clients", import_id=BASE)
    rows = numbered(crowd(120))
    carried, told, largest = Carried(), [], 0
    for start in range(0, len(rows), 20):
        chunk = rows[start : start + 20]
        async with db_of("intake") as db:
            keys = await answers.tell_keys(TellKeys(rows=chunk), db)
            question = PreviewRows(import_id=LIST, rows=chunk, earlier=carried.under(keys["keys"]))
            largest = max(largest, len(question.earlier.get("gains", ())))
            answer = await answers.preview_rows(PreviewRows.model_validate_json(question.model_dump_json()), db)
        carried.add(json.loads(to_json(answer)))
        told += answer["rows"]
    assert largest < 100, "120 tenants share two keys; the questions do not carry them all"
    for start in range(0, len(rows), 50):
        await hear(db_of, rows[start : start + 50])
    async with db_of("intake") as db:
        made = await fetch(
            db,
            "select given.row_number as row, made.outcome, made.rule from decisions as made"
            " join submissions as given on given.id = made.lead_id where made.import_id = $1 order by 1",
            LIST,
        )
    assert [(one["row"], one["outcome"], one["rule"]) for one in told] == [tuple(one.values()) for one in made]
    assert {one["outcome"] for one in told} >= {"new", "same"}
