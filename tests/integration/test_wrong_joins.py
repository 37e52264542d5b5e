"""A lead that was joined to a wrong card by itself is taken off it by a person's word, and all four rooms follow."""

from __future__ import annotations

from typing import Any

import pytest

from services.intake.rules.call_script import as_kept, form_of
from shared.commands import CallForm, JudgeAudit, LeadFields, Row, SubmitLead, SubmitRows
from shared.events import (
    ClientsMerged,
    LeadAccepted,
    LeadAssigned,
    LeadWithdrawn,
    ProcessOpened,
    TaskClosed,
    TaskSet,
    WrongJoinSettled,
)
from shared.words import Source
from tests.integration.routing_house import NOW, DbOf, company, uid
from tests.integration.test_undo_import import House, touch

FREZER = {"company": "ООО «Фрезер»", "contact": "Дёмин Роман", "phone": "+7 846 201-30-40", "email": "demin@frezer.ru"}
NAMELESS = {"contact": "Дёмин", "email": "demin@frezer.ru", "phone": "+7 846 333-22-11"}


@pytest.fixture
async def house(db_of: DbOf) -> House:
    """Four rooms, a company, and a client of whom two things have come: his own lead, and one joined to it by itself."""
    house = House(db_of)
    await house.hear(company())
    return house


async def comes(house: House, cells: dict[str, str], name: str, **more: Any) -> LeadAccepted:
    wish = SubmitLead(
        source_system="site",
        external_id=name,
        source=Source.WEBSITE,
        fields=LeadFields.model_validate(cells | {"region": "Москва"}),
        **more,
    )
    accepted: LeadAccepted = one(await house.hear(wish), LeadAccepted)
    return accepted


def one(said: list[Any], kind: type[Any]) -> Any:
    [found] = [event for event in said if isinstance(event, kind)]
    return found


async def word(house: House, lead: Any, verdict: Any) -> list[Any]:
    return await house.hear(JudgeAudit(leads=[lead], verdict=verdict, by="boss", note="другая фирма"))


@pytest.mark.rule("R1-40")
async def test_a_wrong_join_is_undone_and_the_lead_goes_on_as_another_client(house: House) -> None:
    first = await comes(house, FREZER, "first")
    before = await house.base()
    lead = await comes(house, NAMELESS, "second")
    assert (lead.outcome, lead.client_id) == ("same", first.client_id)

    said = await word(house, lead.lead_id, "wrong")
    one(said, LeadWithdrawn)
    told = one(said, WrongJoinSettled)
    again = one(said, LeadAccepted)
    assert (told.again, told.now_of, told.kept_because) == (again.lead_id, again.client_id, "")
    assert again.client_id != first.client_id
    assert one(said, LeadAssigned).client_id == one(said, ProcessOpened).client_id == again.client_id
    assert one(said, TaskSet).client_id == again.client_id
    cards = "select name, record::text as record from clients where id = $1"
    assert (await house.rows("intake", cards, first.client_id))[0]["record"] == before["clients"][0]["record"]

    assert await house.rows("intake", "select verdict, judged_by, note from judgements") == [
        {"verdict": "different", "judged_by": "boss", "note": "другая фирма"}
    ]
    assert await house.rows("intake", "select count(*) as n from reviews") == [{"n": 0}], "he said it already"
    assert await word(house, lead.lead_id, "wrong") != [], "once more changes nothing"
    assert await house.rows("intake", "select count(*) as n from submissions") == [{"n": 3}]


async def test_who_says_right_after_all_makes_them_one_client_again(house: House) -> None:
    first = await comes(house, FREZER, "first")
    lead = await comes(house, NAMELESS, "second")
    told = one(await word(house, lead.lead_id, "wrong"), WrongJoinSettled)
    said = await word(house, lead.lead_id, "right")
    assert {event.survivor_id for event in said if isinstance(event, ClientsMerged)} == {first.client_id}
    sales = await house.rows("process", "select client_id from processes where closed_at is null")
    assert sales == [{"client_id": first.client_id}]
    rows = await house.rows("intake", "select id from clients where root = $1", first.client_id)
    assert rows == [{"id": told.now_of}]


@pytest.mark.rule("R4-11")
async def test_a_lead_whose_sale_was_touched_stays_and_it_is_told_why(house: House) -> None:
    first = await comes(house, FREZER, "first")
    lead = await comes(house, NAMELESS, "second")
    before = await house.base()
    [sale] = await house.rows("process", "select manager from processes")
    await house.hear(touch(first.client_id, sale["manager"], house.now))
    said = await word(house, lead.lead_id, "wrong")
    told = one(said, WrongJoinSettled)
    assert (told.again, "touched once" in told.kept_because) == (None, True)
    assert not [event for event in said if isinstance(event, TaskClosed)]
    assert await house.base() == before


async def test_a_row_of_a_base_that_was_joined_wrongly_is_taken_off_at_once(house: House) -> None:
    rows = [Row(number=n, fields=LeadFields.model_validate(cells)) for n, cells in enumerate((FREZER, NAMELESS), 1)]
    base = SubmitRows(import_id=uid("a base"), file_name="b", campaign="b", purpose="clients", rows=rows)
    await house.hear(base)
    [audit] = await house.rows("intake", "select lead_id, client_id from audits")
    told = one(await word(house, audit["lead_id"], "wrong"), WrongJoinSettled)
    assert told.now_of not in (None, audit["client_id"])
    stays = await house.rows("intake", "select value from client_keys where client_id = $1", audit["client_id"])
    assert "3332211" not in {row["value"] for row in stays}


def test_a_call_that_is_taken_in_again_keeps_its_answers_but_was_not_late_twice() -> None:
    form = CallForm(worked_with="Орлова", learned_from="выставка", meeting="ours", refused=["phone"], ended_at=NOW)
    kept = as_kept(LeadFields(company="Фрезер"), form, NOW)
    assert form_of(kept) == form.model_copy(update={"ended_at": None})
    assert form_of(None) is None
