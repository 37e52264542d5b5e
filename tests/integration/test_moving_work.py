"""Work moves through all rooms: a client, a person's clients, an office's base; and back again."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

import pytest
from sqlalchemy.engine import URL

from services.intake.answers import preview_rows
from shared.commands import DismissStaff, HandoverOffice, RecordTouch, Row, SubmitRows, TransferClient, UndoMove
from shared.database import engine_for
from shared.events import (
    AssignmentAnswered,
    ClientMoved,
    LeadAssigned,
    LeadRejected,
    MoveFinished,
    MoveRefused,
    MoveUndone,
    OfficeChanged,
    StaffChanged,
    TouchRefused,
)
from shared.message import ROOMS, Event
from shared.questions import PreviewAssignment, PreviewMove, PreviewRows, TellMove, TellOwner
from shared.words import Source
from tests.conftest import url_of
from tests.integration.moving_house import House, agrees, is_owned, stands
from tests.integration.routing_house import SALES, company, shift

SPB = ("sofia", "stepan")


@pytest.fixture
async def house(database: URL) -> AsyncIterator[House]:
    engines = {room: engine_for(url_of(database, room), room, pool_size=2) for room in ROOMS}
    made = House(engines)
    await made.tell(company())
    await made.settle()
    yield made
    for engine in engines.values():
        await engine.dispose()


async def sale_of(house: House, client_id: UUID) -> dict[str, Any]:
    [sale] = await house.rows(
        "process", "select * from processes where client_id = $1 and closed_at is null", client_id
    )
    return sale


def faults(events: list[Event]) -> str:
    [refused] = events
    assert isinstance(refused, MoveRefused)
    return " ".join(f"{fault.problem} {fault.remedy}" for fault in refused.faults)


@pytest.mark.rule("R1-42")
@pytest.mark.rule("R4-11")
async def test_a_transferred_client_takes_his_sale_task_and_deadline_along(house: House) -> None:
    client = (await house.lead(1)).client_id
    await house.settle()
    before = await stands(house)
    old = (await sale_of(house, client))["manager"]
    new = next(who for who in SALES if who != old)
    move = await house.move(TransferClient(client_id=client, to=new, reason="knows the branch", by="head_msk"))
    [told] = [event for event in house.said if isinstance(event, ClientMoved)]
    assert (told.to_manager, told.told) == (new, sorted({old, "head_msk"})), "both are told, and the head"
    await house.settle()
    await agrees(house)
    sale = await sale_of(house, client)
    assert sale["manager"] == new
    [refused] = [e for e in await house.touch(client, old) if isinstance(e, TouchRefused)]
    assert new in refused.faults[0].problem, "the right to work it has passed"
    assert not [event for event in await house.touch(client, new) if isinstance(event, TouchRefused)]
    owner = await house.ask(TellOwner(client_id=client))
    assert (owner["owner"], owner["queue"], owner["moves"][0]["rule"]) == (new, None, "named")
    await house.settle()
    await house.tell(UndoMove(move_id=move))
    await house.settle()
    assert (await sale_of(house, client))["manager"] == new, "touched since: it is left"
    shown = await house.ask(TellMove(move_id=move))
    assert [row["client_id"] for row in shown["left"]] == [client]
    assert new in shown["left"][0]["why"]
    assert before["sales"][0]["manager"] == old


MEETING = datetime(2036, 6, 10, 8, tzinfo=UTC)
"""A Tuesday, 11:00 in Moscow, to come by every clock: previews go by the clock of the database."""


async def agree(house: House, client: UUID, *, minutes: int = 60, holder: str | None = None) -> str:
    """Whoever works a client agrees on a meeting with him."""
    manager = str((await sale_of(house, client))["manager"])
    meeting = {"at": MEETING, "minutes": minutes, "place": "Тверская, 1", "holder": holder or manager}
    facts: dict[str, Any] = {"client_id": client, "by": manager, "kind": "call", "result": "agreed", "comment": "Ждёт."}
    facts |= {"move_to": "meeting_set", "meeting": meeting, "next": {"kind": "meeting", "due_at": MEETING}}
    said = await house.tell(RecordTouch.model_validate(facts))
    assert not [event for event in said if isinstance(event, TouchRefused)], said
    return manager


@pytest.mark.rule("R2-23")
@pytest.mark.rule("R1-28")
async def test_a_meeting_that_the_new_owner_is_not_free_for_is_foreseen_and_told_him_and_moves_all_the_same(
    house: House,
) -> None:
    clients = [(await house.lead(n)).client_id for n in (1, 2, 3)]
    await house.settle()
    first, second, other = [
        await agree(house, client, holder="boss" if n == 2 else None) for n, client in enumerate(clients)
    ]
    third = next(who for who in SALES if who not in (first, second))
    await house.settle()
    wish = PreviewMove(client_id=clients[0], to=second)
    [foreseen] = (await house.ask(wish))["warnings"]
    assert foreseen.startswith(
        f"{second} gets the meeting of 2036-06-10 11:00 (Europe/Moscow) with client {clients[0]}"
    )
    assert "another meeting" in foreseen
    assert (await house.ask(wish.model_copy(update={"to": third})))["warnings"] == []
    held = PreviewMove(client_id=clients[2], to=first if other == second else second)
    assert (await house.ask(held))["warnings"] == [], "the boss holds that one, whoever works the client"
    move = await house.move(TransferClient(client_id=clients[0], to=second, reason="knows the branch"))
    [told] = [event for event in house.said if isinstance(event, ClientMoved)]
    [clash] = told.clashes
    assert (told.to_manager, clash.at, clash.until) == (second, MEETING, MEETING + timedelta(hours=1))
    assert "занят другой встречей" in clash.because_ru
    assert (await house.ask(TellMove(move_id=move)))["move"]["warnings"] == [foreseen]
    await house.settle()
    assert (await sale_of(house, clients[0]))["manager"] == second, "it is told, and hinders nothing"
    # both meetings are of one person now: whoever gets them with his clients cannot hold them both
    foreseen = (await house.ask(PreviewMove(staff=second, to=third)))["warnings"]
    assert len(foreseen) == 1


@pytest.mark.rule("R1-28")
@pytest.mark.rule("R1-37")
async def test_the_meetings_of_an_agents_list_are_laid_on_nobody_twice_and_the_preview_says_so(house: House) -> None:
    soon = (await house.rows("intake", "select now() at time zone 'utc' as at"))[0]["at"].replace(tzinfo=UTC)
    house.now = soon = max(soon, house.now)
    when = datetime(soon.year, soon.month, soon.day, 9, tzinfo=UTC) + timedelta(days=7 + (8 - soon.isoweekday()) % 7)
    # on shift, so that no public holiday keeps anybody away
    await house.tell(
        company(duty=[*(shift(who, at=when) for who in SALES), *(shift(who, "spb", at=when) for who in SPB)])
    )
    call = {"meeting_at": when, "meeting_minutes": 60}
    rows = [
        Row.model_validate(
            {
                "number": n,
                "fields": {"company": f"ООО «Ромб {n}»", "phone": f"+7 812 300-00-{n:02}", "region": "RU-SPE"},
                "call": call if n > 2 else {"meeting_at": soon - timedelta(days=3)} if n == 2 else None,
            }
        )
        for n in range(1, 6)
    ]
    import_id = uuid5(NAMESPACE_URL, "an agent's list")
    facts = {"import_id": import_id, "default_country": "RU", "rows": rows}
    async with house.engines["intake"].begin() as db:
        seen = (await preview_rows(PreviewRows(**facts), db))["rows"]
    assert [row["outcome"] for row in seen] == ["new", "rejected", "new", "new", "new"]
    assert "is over" in seen[1]["faults"][0]["problem"]
    leads = [row for row in seen if row["outcome"] == "new"]
    wish = {
        "import_id": import_id,
        "source": Source.AGENT,
        "submitter": "agata",
        "clients": [row["client_id"] for row in leads],
        "regions": [row["region"] for row in leads],
        "known": [False] * len(leads),
        "meetings": [row.get("meeting") for row in leads],
    }
    foreseen = [one["id"] for one in (await house.ask(PreviewAssignment.model_validate(wish)))["receivers"]]
    told = SubmitRows(**facts, file_name="list.csv", campaign="calls", source=Source.AGENT, submitter="agata")
    assert len([event for event in await house.tell(told) if isinstance(event, LeadRejected)]) == 1
    await house.settle()
    given = [event for event in house.said if isinstance(event, LeadAssigned)]
    assert sorted(str(one.meeting and one.meeting.at) for one in given) == sorted(["None", *[str(when)] * 3])
    for receivers in ([one.manager for one in given if one.meeting], foreseen[1:]):
        assert (len(set(receivers)), set(receivers) > set(SPB)) == (3, True), "two of the region, one of home"


@pytest.mark.rule("R2-23")
async def test_a_transfer_that_nobody_touched_is_taken_back_without_a_trace(house: House) -> None:
    client = (await house.lead(1)).client_id
    await house.settle()
    before = await stands(house)
    old = (await sale_of(house, client))["manager"]
    new = next(who for who in (*SALES, "sofia") if who != old)
    for to in (new, "sofia", None):
        move = await house.move(TransferClient(client_id=client, to=to, reason="for a time"))
        await house.settle()
        await agrees(house)
        assert (await sale_of(house, client))["manager"] != old
        await house.tell(UndoMove(move_id=move))
        await house.settle()
        assert await stands(house) == before
        assert await house.state(move) == "undone"


@pytest.mark.rule("R1-42")
async def test_a_transfer_needs_a_living_successor_and_the_word_of_a_head(house: House) -> None:
    client = (await house.lead(1)).client_id
    await house.settle()
    old = (await sale_of(house, client))["manager"]
    new = next(who for who in SALES if who != old)
    before = await stands(house)

    async def refused(**facts: Any) -> str:
        wish = {"client_id": client, "to": new, "reason": "a wish", **facts}
        return faults(await house.tell(TransferClient.model_validate(wish)))

    assert "nobody" in (await refused(to="nobody")).lower()
    assert "himself" in await refused(to=old)
    assert "agent" in await refused(to="agata")
    assert "head_msk" in await refused(by=old), "the head answers for him"
    assert "consent" in await refused(by=old, consent="head_spb"), "a head of another office does not"
    assert "knows no client" in await refused(client_id=UUID(int=7))
    assert await stands(house) == before
    await house.move(TransferClient(client_id=client, to=new, reason="a wish", by=old, consent="head_msk"))
    await house.settle()
    assert (await sale_of(house, client))["manager"] == new


async def filled(house: House, curated: int = 40) -> None:
    """Leads of two offices with sales, and a base with curators, known and unknown."""
    for n in range(8):
        await house.lead(n, "Москва" if n % 2 else "Санкт-Петербург")
    await house.base([*(["anna"] * curated), "boris", "sofia", None, "Никому Неизвестный"])
    await house.settle()


@pytest.mark.rule("R2-23")
@pytest.mark.rule("G6")
async def test_a_dismissal_moves_everything_as_its_preview_said_and_is_undone_to_the_letter(house: House) -> None:
    await filled(house)
    before = await stands(house)
    preview = await house.ask(PreviewMove(staff="anna"))
    assert await stands(house) == before, "a preview stores nothing"
    move = await house.move(DismissStaff(staff="anna", by="head_msk"))
    assert [e.staff_id for e in house.said if isinstance(e, StaffChanged) and not e.active] == ["anna"]
    await is_owned(house)
    await house.settle()
    await agrees(house)
    assert await house.state(move) == "done"
    [finished] = [event for event in house.said if isinstance(event, MoveFinished)]
    assert finished.received == {row["id"]: row["clients"] for row in preview["people"] if row["clients"]}
    assert sum(finished.received.values()) == preview["clients"] >= 40
    shared = [row["shared"] for row in preview["people"]]
    assert len(shared) == 3, "among the three who are left in the office"
    assert max(shared) - min(shared) <= 1
    assert all(abs(row["shared"] - row["fair_share"]) < 1 for row in preview["people"])
    after = await stands(house)
    assert not [row for row in after["duty"] if row["staff_id"] == "anna" and row["retired_at"] is None]
    assert [row for row in after["clients"] if "anna" in (row["curator"], row["open_with"])] == []
    assert before["touches"] == after["touches"]
    await house.tell(UndoMove(move_id=move))
    await house.settle()
    await agrees(house)
    back = await stands(house)
    for what in before:
        assert back[what] == before[what], what
    [undone] = [event for event in house.said if isinstance(event, MoveUndone)]
    assert (undone.back, undone.left) == (preview["clients"], 0)


@pytest.mark.rule("R2-23")
async def test_what_was_touched_since_a_dismissal_is_left_and_told(house: House) -> None:
    await filled(house, 3)
    sales = [row for row in (await stands(house))["sales"] if row["manager"] == "anna"]
    assert len(sales) >= 2
    move = await house.move(DismissStaff(staff="anna", to="vera"))
    await house.settle()
    touched, ended = (row["client_id"] for row in sales[:2])
    await house.touch(touched, "vera")
    await house.touch(ended, "vera", end=True)
    [curated] = await house.rows(
        "routing", "select client_id from clients where curator = 'vera' and open_with is null order by 1 limit 1"
    )
    await house.settle()
    await house.move(TransferClient(client_id=curated["client_id"], to="gleb", reason="a friend of his"))
    await house.settle()
    await house.tell(UndoMove(move_id=move))
    await house.settle()
    shown = await house.ask(TellMove(move_id=move))
    why = {row["client_id"]: row["why"] for row in shown["left"]}
    assert set(why) == {touched, ended, curated["client_id"]}
    assert "vera" in why[touched]
    assert "lost" in why[ended]
    assert "gleb" in why[curated["client_id"]]
    rows = await house.rows("routing", "select client_id, curator from clients")
    owners = {row["client_id"]: row["curator"] for row in rows}
    assert (owners[touched], owners[ended], owners[curated["client_id"]]) == ("vera", "vera", "gleb")
    assert "vera" not in {row["manager"] for row in (await stands(house))["sales"] if row["client_id"] not in why}


@pytest.mark.rule("R2-23")
async def test_a_company_file_that_still_names_him_does_not_bring_him_back(house: House) -> None:
    await filled(house, 2)
    move = await house.move(DismissStaff(staff="anna"))
    await house.settle()
    [applied] = [event for event in await house.tell(company()) if type(event).__name__ == "CompanyApplied"]
    assert "anna" in applied.warnings[0]  # type: ignore[attr-defined]  # it is CompanyApplied
    await house.settle()
    people = {row["id"]: row["retired_at"] for row in (await stands(house))["staff"]}
    assert people["anna"] is not None
    await house.base(["anna"] * 3)  # the same file again, and new clients by its old name
    await house.base(["anna"] * 3, 7000)
    await house.settle()
    await agrees(house)
    await house.tell(UndoMove(move_id=move))
    await house.settle()
    await agrees(house)
    assert {row["id"]: row["retired_at"] for row in (await stands(house))["staff"]}["anna"] is None


@pytest.mark.rule("R2-23")
@pytest.mark.rule("G8")
async def test_a_dismissed_head_leaves_his_queues_to_the_next_and_the_last_one_who_answers_stays(house: House) -> None:
    kazan = await house.lead(1, "Казань")
    await house.settle()
    assert (await sale_of(house, kazan.client_id))["queue"]
    move = await house.move(DismissStaff(staff="head_kzn"))
    assert [(e.office_id, e.head) for e in house.said if isinstance(e, OfficeChanged)][-1] == ("kzn", None)
    await is_owned(house)
    await house.settle()
    await agrees(house)
    sale = await sale_of(house, kazan.client_id)
    assert (sale["manager"], sale["queue"]) == ("boss", "handover:kzn")
    [finished] = [event for event in house.said if isinstance(event, MoveFinished)]
    assert finished.queued == 1
    await house.move(DismissStaff(staff="head_msk"))
    await house.settle()
    assert "G8" in faults(await house.tell(DismissStaff(staff="boss")))
    await house.tell(UndoMove(move_id=move))
    await house.settle()
    assert (await sale_of(house, kazan.client_id))["manager"] == "head_kzn"


@pytest.mark.rule("R2-06")
async def test_an_account_managers_clients_stay_with_account_service(house: House) -> None:
    staff = [
        *company().staff,
        *(company().staff[0].model_copy(update={"id": who, "function": "account"}) for who in ("alla", "egor")),
    ]
    await house.tell(company(staff=staff))
    await house.base(["akim"] * 7)
    await house.settle()
    await house.move(DismissStaff(staff="akim"))
    await house.settle()
    rows = await house.rows("routing", "select curator from clients")
    counts = Counter(row["curator"] for row in rows)
    assert set(counts) == {"alla", "egor"}
    assert sorted(counts.values()) == [3, 4]


@pytest.mark.rule("R2-10")
async def test_an_office_is_handed_over_with_all_its_base_and_back(house: House) -> None:
    await filled(house, 5)
    before = await stands(house)
    preview = await house.ask(PreviewMove(office="msk", to="spb"))
    assert "RU-MOW" in preview["warnings"][0]
    move = await house.move(HandoverOffice(office="msk", to_office="spb", by="boss"))
    await house.settle()
    await agrees(house)
    [finished] = [event for event in house.said if isinstance(event, MoveFinished)]
    assert finished.received == {row["id"]: row["clients"] for row in preview["people"] if row["clients"]}
    assert set(finished.received) == {"sofia", "stepan"}
    after = await stands(house)
    assert {row["manager"] for row in after["sales"]} <= {"sofia", "stepan"}
    assert {row["office_id"] for row in after["sales"]} == {"spb"}
    await house.tell(UndoMove(move_id=move))
    await house.settle()
    back = await stands(house)
    for what in before:
        assert back[what] == before[what], what


@pytest.mark.rule("R1-33")
@pytest.mark.parametrize("and_one_more", [False, True])
async def test_leads_that_arrive_while_their_client_moves_go_with_him(house: House, and_one_more: bool) -> None:
    client = (await house.lead(1)).client_id
    await house.settle()
    old = (await sale_of(house, client))["manager"]
    new = next(who for who in SALES if who != old)
    await house.lead(1, name="joined, and routing has not heard of it")
    await house.hand_over(to="routing")
    await house.hand_over(to="process")
    if and_one_more:
        await house.lead(1, name="given to the old one, and not joined yet")
        await house.hand_over(1, to="routing")
    await house.move(TransferClient(client_id=client, to=new, reason="a wish"))
    await is_owned(house)
    if and_one_more:
        await house.lead(1, name="given to somebody before the sale has followed")
        await house.hand_over(to="routing")
        await is_owned(house)
    await house.hand_over(to="process")
    await is_owned(house)
    await house.settle()
    await agrees(house)
    assert (await sale_of(house, client))["manager"] == new
    [row] = await house.rows("routing", "select curator, open_with, given_to from clients where client_id = $1", client)
    assert row == {"curator": new, "open_with": new, "given_to": None}
    leads = await house.rows("process", "select process_id from leads")
    assert len({row["process_id"] for row in leads}) == 1, "they are all in his one sale"


@pytest.mark.rule("R1-33")
async def test_a_lead_of_one_who_is_dismissed_before_its_sale_is_open_goes_to_his_successor(house: House) -> None:
    await house.lead(1)
    await house.hand_over(to="routing")
    [given] = await house.rows("routing", "select client_id, given_to from clients")
    await house.move(DismissStaff(staff=given["given_to"], to="vera"))
    await is_owned(house)
    await house.settle()
    await agrees(house)
    assert (await sale_of(house, given["client_id"]))["manager"] == "vera"


async def test_whoever_was_asked_whether_he_takes_a_lead_is_asked_no_more_once_it_is_anothers(house: House) -> None:
    client = (await house.lead(1)).client_id
    await house.settle()
    asked = "select receiver, answer from decisions where not passed_on"
    [row] = await house.rows("routing", asked)
    assert row["answer"] == "awaited"
    new = next(who for who in SALES if who != row["receiver"])
    await house.move(TransferClient(client_id=client, to=new, reason="a wish"))
    await house.settle()
    assert (await house.rows("routing", asked))[0]["answer"] == "withdrawn"
    assert [event.answer for event in house.said if isinstance(event, AssignmentAnswered)] == ["withdrawn"]
    waits = "select manager, state from awaited where fire_at is not null"
    assert await house.rows("reminders", waits) == []
    move_id = (await house.rows("routing", "select id from moves"))[0]["id"]
    await house.tell(UndoMove(move_id=move_id))
    await house.settle()
    assert await house.rows("routing", asked) == [row], "it is his again, and he has not said that he takes it"
    assert await house.rows("reminders", waits) == [{"manager": row["receiver"], "state": "open"}]
    assert (await sale_of(house, client))["manager"] == row["receiver"]


@pytest.mark.rule("R2-23")
async def test_a_planned_dismissal_begins_on_its_day_and_may_be_called_off(house: House) -> None:
    await filled(house, 4)
    before = await stands(house)
    day = house.now + timedelta(days=3)
    plan = await house.move(DismissStaff(staff="anna", starts_at=day))
    await house.settle()
    assert await stands(house) == before
    assert "planned" in faults(await house.tell(DismissStaff(staff="anna")))
    await house.tell(UndoMove(move_id=plan))
    assert await house.state(plan) == "cancelled"
    plan = await house.move(DismissStaff(staff="anna", to="vera", starts_at=day))
    house.now = day
    await house.settle()
    await agrees(house)
    assert await house.state(plan) == "done"
    assert not await house.rows("routing", "select from clients where 'anna' in (curator, open_with)")


@pytest.mark.rule("G8")
async def test_a_planned_dismissal_is_called_off_if_by_then_nobody_else_answers(house: House) -> None:
    day = house.now + timedelta(days=3)
    plan = await house.move(DismissStaff(staff="boss", starts_at=day))
    await house.move(DismissStaff(staff="head_msk"))
    await house.settle()
    house.now = day
    await house.settle()
    assert await house.state(plan) == "cancelled"
    [refused] = [event for event in house.said if isinstance(event, MoveRefused)]
    assert "G8" in refused.faults[0].problem
    await is_owned(house)


@pytest.mark.rule("R2-23")
async def test_after_the_set_time_only_the_person_comes_back(house: House) -> None:
    await filled(house, 4)
    move = await house.move(DismissStaff(staff="anna", to="vera", undo_days=5))
    await house.settle()
    house.now += timedelta(days=6)
    assert "until" in faults(await house.tell(UndoMove(move_id=move)))
    await house.tell(UndoMove(move_id=move, alone=True))
    await house.settle()
    await agrees(house)
    rows = await stands(house)
    assert {row["id"]: row["retired_at"] for row in rows["staff"]}["anna"] is None
    assert not [row for row in rows["clients"] if "anna" in (row["curator"], row["open_with"])]
    assert "already" in faults(await house.tell(UndoMove(move_id=move)))


async def test_a_successor_who_is_dismissed_meanwhile_passes_all_on_and_both_come_back(house: House) -> None:
    await filled(house)
    before = await stands(house)
    first = await house.move(DismissStaff(staff="anna", to="vera"))
    await house.step()
    await house.hand_over(30)
    second = await house.move(DismissStaff(staff="vera"))
    await is_owned(house)
    await house.settle()
    await agrees(house)
    for move in (second, first):
        await house.tell(UndoMove(move_id=move))
        await house.settle()
    back = await stands(house)
    for what in ("clients", "sales", "tasks", "deadlines", "staff", "ledger"):
        assert back[what] == before[what], what
