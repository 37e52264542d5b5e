"""When the normalisers change, stored keys are made anew: older bases are found again, and the counts stay exact."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager, contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import pytest
from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import AsyncConnection

from services.intake import answers, handlers, renewal, review
from services.intake.rules import company_name, email, phone
from services.intake.rules.keys import NORM_VERSION, CompanyName, Mailbox, Phone
from services.intake.store import cards as store_cards
from shared.commands import JudgeReview, LeadFields, MergeClients, Row, SplitClients, SubmitLead, SubmitRows
from shared.database import engine_for, fetch
from shared.events import ContactKept, LeadAccepted
from shared.message import Batch, Event, Heard
from shared.questions import ListReviews
from shared.words import Outcome, Source
from tests.conftest import url_of

Room = Callable[[str], AbstractAsyncContextManager[AsyncConnection]]
NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
HANDLERS: dict[Any, Any] = {
    SubmitLead: handlers.submit_leads,
    SubmitRows: handlers.submit_rows,
    JudgeReview: review.judge_reviews,
    MergeClients: review.merge_clients,
    SplitClients: review.split_clients,
}
_TICK = iter(range(1, 10_000))


@contextmanager
def older_normalisers(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An earlier version of the program: it kept legal forms in names, dots in mailboxes, and whole numbers."""

    def old_name(raw: str) -> tuple[CompanyName | None, tuple[str, ...]]:
        words = raw.lower().replace("«", "").replace("»", "")
        return (CompanyName(words, words, words) if words else None), ()

    def old_mail(raw: str) -> tuple[tuple[Mailbox, ...], tuple[str, ...]]:
        return ((Mailbox(raw.lower(), raw.lower(), raw.lower().partition("@")[2]),) if raw else ()), ()

    def old_phone(raw: str, country: str = "RU") -> tuple[tuple[Phone, ...], tuple[str, ...]]:
        digits = "".join(filter(str.isdigit, raw))
        return ((Phone(digits, f"+{digits}"),) if digits else ()), ()

    with monkeypatch.context() as patch:
        patch.setattr(company_name, "normalise", old_name)
        patch.setattr(email, "normalise", old_mail)
        patch.setattr(phone, "normalise", old_phone)
        patch.setattr(store_cards, "NORM_VERSION", NORM_VERSION - 1)
        patch.setattr("services.intake.early.NORM_VERSION", NORM_VERSION - 1)
        yield


async def say(room: Room, command: Any) -> list[Event]:
    at = NOW + timedelta(minutes=next(_TICK))
    cause = uuid5(NAMESPACE_URL, f"{at} {command!r}")
    async with room("intake") as db:
        heard: Heard[Any] = Heard(cause, cause, is_command=True, message=command, at=at)
        return [saying.event for saying in await HANDLERS[type(command)](Batch([heard], at), db)]


async def comes(room: Room, cells: dict[str, str], **more: Any) -> Any:
    name = f"lead {next(_TICK)}"
    facts = {"source_system": "test", "external_id": name, "source": Source.WEBSITE, **more}
    [event] = await say(room, SubmitLead(fields=LeadFields.model_validate(cells), **facts))
    return event


async def rows(room: Room, sql: str, *values: Any) -> list[dict[str, Any]]:
    async with room("intake") as db:
        return [dict(row) for row in await fetch(db, sql, *values)]


async def renew_all(room: Room) -> int:
    """Steps until nothing is left; how many there were."""
    for step in range(1, 100):
        async with room("intake") as db:
            assert await renewal.renew_stored_keys(NOW, db) == ([], False)
            if not await renewal.to_renew(db):
                return step
    raise AssertionError("it does not come to an end")


async def the_counts_are_exact(room: Room) -> None:
    counted = "select h, count(distinct coalesce(card.root, card.id))::int as df from client_keys"
    exact = await rows(room, f"{counted} join clients as card on card.id = client_id group by h order by h")
    assert exact == await rows(room, "select h, df from key_stats where df <> 0 order by h")


FREZER = {"company": "ООО «Фрезер»", "contact": "Дёмин Роман", "phone": "8 (846) 201-30-40", "email": "r.demin@ya.ru"}
BASE = [
    FREZER,
    {"company": "ЗАО «Вектор»", "phone": "+7 846 270-10-10", "email": "info@vektor.ru"},
    {"company": "Общество с ограниченной ответственностью «Тензор»", "phone": "8 495 111-22-34"},
    {"company": "ИП Рябов С.С.", "phone": "+7 927 700-10-20", "email": "ryabov@mail.ru"},
    {"company": "ООО «Фрезер Плюс»", "phone": "8 (846) 201-30-40", "website": "frezer.ru"},
]
ASKED = [
    {"company": "Фрезер", "phone": "2013040", "email": "r-demin@yandex.kz"},
    {"company": "Вектор, АО", "phone": "(846) 270 10 10"},
    {"company": "ООО «Тензор»", "phone": "+7 (495) 111-22-34"},
    {"company": "Рябов Сергей Сергеевич (ИП)", "email": "RYABOV@mail.ru"},
]


async def old_base(room: Room) -> None:
    base = [Row(number=n, curator="anna", fields=LeadFields.model_validate(one)) for n, one in enumerate(BASE, 1)]
    list_id = uuid5(NAMESPACE_URL, "base")
    await say(room, SubmitRows(import_id=list_id, file_name="b", campaign="b", purpose="clients", rows=base))


@pytest.mark.rule("R1-40")
async def test_a_base_written_by_older_normalisers_is_found_after_its_keys_were_made_anew(
    db_of: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    with older_normalisers(monkeypatch):
        await old_base(db_of)
    lost = [(await comes(db_of, cells)).outcome for cells in ASKED[1:3]]
    assert lost == [Outcome.NEW, Outcome.NEW], "the older keys do not meet those of today"


@pytest.mark.rule("R1-40")
async def test_what_is_made_anew_is_what_the_normalisers_of_today_would_have_made(
    db_of: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    with older_normalisers(monkeypatch):
        await old_base(db_of)
        await comes(db_of, {"company": "Новый", "phone": "8 846 333-22-11"})
    async with db_of("intake") as db:
        assert await renewal.to_renew(db) == 6
    assert await renew_all(db_of) == 1
    await the_counts_are_exact(db_of)
    assert {row["norm_version"] for row in await rows(db_of, "select norm_version from clients")} == {NORM_VERSION}
    for cells in ASKED:
        event = await comes(db_of, cells)
        assert event.outcome is Outcome.SAME, cells
    kept = await rows(db_of, "select name, record from clients order by name")
    async with db_of("intake") as db:
        before = len(await fetch(db, "select from client_keys"))
    with monkeypatch.context() as patch:  # nothing changes when nothing has changed
        patch.setattr(renewal, "NORM_VERSION", NORM_VERSION + 1)
        await renew_all(db_of)
    assert await rows(db_of, "select name, record from clients order by name") == kept
    async with db_of("intake") as db:
        assert len(await fetch(db, "select from client_keys")) == before
    await the_counts_are_exact(db_of)


@pytest.mark.rule("R1-40")
async def test_it_goes_on_in_small_steps_from_where_it_was_left(db_of: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    with older_normalisers(monkeypatch):
        await old_base(db_of)
    monkeypatch.setattr(renewal, "AT_ONCE", 2)
    async with db_of("intake") as db:
        await renewal.renew_stored_keys(NOW, db)
        assert await renewal.to_renew(db) == 3
    with pytest.raises(RuntimeError, match="killed"):
        async with db_of("intake") as db:
            await renewal.renew_stored_keys(NOW, db)
            raise RuntimeError("killed")
    await the_counts_are_exact(db_of)
    async with db_of("intake") as db:
        assert await renewal.to_renew(db) == 3, "a step is done whole or not at all"
    assert await renew_all(db_of) == 2
    await the_counts_are_exact(db_of)


@pytest.mark.rule("R1-40")
async def test_two_replicas_and_a_stream_of_leads_leave_exact_counts(
    db_of: Room, database: URL, monkeypatch: pytest.MonkeyPatch
) -> None:
    with older_normalisers(monkeypatch):
        for n in range(40):
            await comes(
                db_of, {"company": f"ООО «Завод {n}»", "phone": f"8 846 201-30-{n:02}", "email": f"a{n}@z{n}.ru"}
            )
    monkeypatch.setattr(renewal, "AT_ONCE", 5)
    engine = engine_for(url_of(database, "intake"), "intake")

    async def replica() -> int:
        did = 0
        for _ in range(60):
            async with engine.begin() as db:
                before = await renewal.to_renew(db)
                await renewal.renew_stored_keys(NOW, db)
                did += before > await renewal.to_renew(db)
            await asyncio.sleep(0)
        return did

    async def leads() -> None:
        for n in range(40):
            cells = {"company": f"Завод {n}", "phone": f"+7 846 201-30-{n:02}", "website": f"new{n}.ru"}
            command = SubmitLead(
                source_system="x", external_id=str(n), source=Source.WEBSITE, fields=LeadFields.model_validate(cells)
            )
            cause = uuid5(NAMESPACE_URL, f"x{n}")
            async with engine.begin() as db:
                heard = Heard(cause, cause, is_command=True, message=command, at=NOW)
                await handlers.submit_leads(Batch([heard], NOW), db)

    try:
        one, other, _ = await asyncio.wait_for(asyncio.gather(replica(), replica(), leads()), 60)
    finally:
        await engine.dispose()
    async with db_of("intake") as db:
        assert await renewal.to_renew(db) == 0
    assert one + other >= 8
    await the_counts_are_exact(db_of)


async def test_merged_cards_are_made_anew_and_their_client_still_counts_once(
    db_of: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    with older_normalisers(monkeypatch):
        first = await comes(db_of, FREZER)
        second = await comes(db_of, {"company": "Фрезер", "phone": "2013040", "email": "r-demin@yandex.ru"})
        assert first.client_id != second.client_id
        await say(db_of, MergeClients(client_id=first.client_id, other_id=second.client_id, by="orlova"))
    monkeypatch.setattr(renewal, "AT_ONCE", 1)
    assert await renew_all(db_of) == 2
    await the_counts_are_exact(db_of)
    again = await comes(db_of, {"company": "Фрезер, ООО", "phone": "+7 846 2013040"})
    assert (again.outcome, again.client_id) == (Outcome.SAME, first.client_id)
    [merge] = await rows(db_of, "select id from merges")
    await say(db_of, SplitClients(merge_id=merge["id"], by="orlova"))
    await the_counts_are_exact(db_of)


async def test_who_was_told_apart_is_not_asked_about_again_because_keys_are_written_otherwise(
    db_of: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = {"company": "Торговый дом «Фрезер»", "phone": FREZER["phone"], "email": "td@td-frezer.ru"}
    with older_normalisers(monkeypatch):
        await comes(db_of, FREZER)
        other = await comes(db_of, house)
        assert other.outcome is Outcome.POSSIBLE
        async with db_of("intake") as db:
            [group] = (await answers.list_reviews(ListReviews(), db))["groups"]
        await say(db_of, JudgeReview(reviews=[group["reviews"][0]["id"]], verdict="different", by="orlova"))
    monkeypatch.setattr(renewal, "AT_ONCE", 1)
    await renew_all(db_of)
    again = await comes(db_of, house)
    assert (again.outcome, again.client_id) == (Outcome.SAME, other.client_id)
    async with db_of("intake") as db:
        assert (await answers.list_reviews(ListReviews(), db))["waiting"] == 0


@pytest.mark.rule("R1-31")
async def test_registrations_are_found_by_the_keys_of_today(db_of: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    maria = {"contact": "Лапина Мария", "email": "m.lapina@ya.ru"}
    with older_normalisers(monkeypatch):
        kept = await comes(db_of, maria, occasion="registration")
        assert isinstance(kept, ContactKept)
    await renew_all(db_of)
    event = await comes(db_of, {"company": "ООО «Фрезер»", "contact": "Лапина", "email": "m-lapina@yandex.ru"})
    assert isinstance(event, LeadAccepted)
    assert [one.contact_id for one in event.earlier] == [kept.contact_id]
