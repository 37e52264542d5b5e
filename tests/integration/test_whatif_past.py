"""A past decided again: unchanged rules give back exactly what happened, changed ones show what would have been."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy.engine import URL

from estafeta.period import Period
from estafeta.simulate import decide_again, fetch_history
from estafeta.trouble import Trouble
from services.routing import handlers, reports, store
from services.routing.app import ROOM
from services.routing.rules.assignment import RULES_VERSION
from shared.commands import ApplyCompany
from shared.database import fetch, to_json
from shared.message import Question
from tests.integration.routing_house import NOW, DbOf, company, person, shift, without
from tests.integration.routing_past import Past, one_engine, roster, staff

DAYS = Period(NOW.date(), (NOW + timedelta(days=30)).date(), ZoneInfo("Europe/Moscow"))
Told = list[dict[str, Any]]


@pytest.fixture
async def db_of(database: URL) -> AsyncIterator[DbOf]:
    """Transactions of routing."""
    async with one_engine(database) as connect:
        yield connect


class Desk:
    """Asks the room as the bus would: what is answered goes through JSON."""

    def __init__(self, db_of: DbOf) -> None:
        self.db_of = db_of
        self.asked: Counter[str] = Counter()

    async def ask(self, question: Question, *, room: str = "", seconds: float = 1.0) -> dict[str, Any]:
        """The answer of routing."""
        self.asked[type(question).__name__] += 1
        async with self.db_of("routing") as db:
            answer: dict[str, Any] = json.loads(to_json(await ROOM.answers[type(question)](question, db)))
        return answer


async def history_of(db_of: DbOf, to: Path, when: Period = DAYS) -> Path:
    path = to / "history.jsonl"
    with path.open("w", encoding="utf-8") as file:
        await fetch_history(Desk(db_of), when, file)
    return path


def tried(history: Path, changed: ApplyCompany | None = None) -> tuple[Told, dict[str, Any]]:
    """The differences and the sums of a what-if."""
    file = history.with_name("company.json") if changed else None
    if changed and file:
        file.write_text(changed.model_dump_json(), "utf-8")
    *differences, sums = decide_again(history, file)
    return differences, sums


async def in_force(db_of: DbOf) -> ApplyCompany:
    async with db_of("routing") as db:
        return ApplyCompany.model_validate(await store.file_in_force(db))


@pytest.mark.rule("G6")
async def test_unchanged_rules_give_back_exactly_what_happened(
    db_of: DbOf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reports, "_PAGE_ROWS", 37)
    monkeypatch.setattr(reports, "_PAGE_BYTES", 20_000)
    past = Past(db_of)
    await past.live()
    history = await history_of(db_of, tmp_path)
    for changed in (None, await in_force(db_of)):
        differences, sums = tried(history, changed)
        assert differences == []
        assert sums["was"] == sums["would"]
        assert sums["leads"] == len(past.assigned)
        assert sums["was"]["decisions"] == len(past.assigned) + len(past.handed_on)
    # not because nothing can come out otherwise:
    records = [json.loads(line) for line in history.read_text("utf-8").splitlines()]
    decided = [record for record in records if "nth" in record]
    first = [one["lead_id"] for one in decided if one["attempt"] == 1]
    assert first == [str(one.lead_id) for one in past.assigned]
    assert len(decided) - len(first) == len(past.handed_on) > 10
    assert {one["rules_version"] for one in decided} == {RULES_VERSION}
    split = sum(1 for one in decided if one["inputs"].get("among"))
    assert split > 50
    assert sum(
        sum(member["shared"] for member in pool["members"].values()) for pool in sums["was"]["pools"].values()
    ) == (sum(1 for one in decided if one["ledger"] and not one["given_back_at"]))


@pytest.fixture
async def quiet_past(db_of: DbOf, tmp_path: Path) -> Callable[..., Any]:
    """A past of one company, without caps and nobody who declines, and its history."""

    async def lived(days: int = 4, declines: float = 0, **facts: Any) -> tuple[Past, Path]:
        past = Past(db_of, seed=9, declines=declines, meetings=False)
        await past.hear(handlers.apply_company, company(duty=roster(), **facts), now=NOW)
        await past.hear(handlers.learn_clients, *past.base(), now=NOW)
        for day in range(days):
            await past.a_day(day)
        return past, await history_of(db_of, tmp_path)

    return lived


async def test_a_changed_weight_moves_its_pool_and_no_other(quiet_past: Callable[..., Any], db_of: DbOf) -> None:
    _, history = await quiet_past()
    heavier = company(duty=roster(), staff=staff(sofia={"weight": 3.0}))
    differences, sums = tried(history, heavier)
    moved = [one for one in differences if one["was"]["to"] in ("sofia", "stepan") and one["would"]["to"] == "sofia"]
    assert len(moved) > 5
    assert {side["to"] for one in differences for side in (one["was"], one["would"])} <= {"sofia", "stepan"}
    was, would = (sums[side]["pools"] for side in ("was", "would"))
    assert {pool for pool in was if was[pool] != would[pool]} == {"region:spb"}
    members = would["region:spb"]["members"]
    assert members["sofia"]["fair_share"] == pytest.approx(3 * members["stepan"]["fair_share"], abs=0.01)
    assert abs(members["sofia"]["deviation"]) < 1.5
    async with db_of("routing") as db:
        assert not await fetch(db, "select 1 from decisions where rules_version <> $1", RULES_VERSION)


async def test_one_more_manager_gets_his_share_from_the_first_lead_on(quiet_past: Callable[..., Any]) -> None:
    _, history = await quiet_past()
    changed = company(
        duty=[*roster(), *(shift("dina", at=NOW + timedelta(days=day)) for day in range(14))],
        staff=[*staff(), person("dina")],
    )
    differences, sums = tried(history, changed)
    pools = sums["would"]["pools"]
    for pool in ("home", "duty:msk"):
        dina = pools[pool]["members"]["dina"]
        assert dina["shared"] >= 5
        assert abs(dina["deviation"]) <= 1.5
        assert pools[pool]["largest"] <= 2.0
    assert sums["names"]["dina"]["name"] == "Name of dina"
    assert any(one["would"]["to"] == "dina" for one in differences)


async def test_who_leaves_hands_his_leads_to_the_others_and_their_clients_stay_with_whoever_got_them(
    quiet_past: Callable[..., Any],
) -> None:
    past, history = await quiet_past()
    changed = company(duty=[s for s in roster() if s["staff"] != "anna"], staff=without(company().staff, "anna"))
    differences, sums = tried(history, changed)
    assert "anna" in sums["was"]["people"]
    would_anna = [one for one in differences if one["would"]["to"] == "anna"]
    assert would_anna == []
    assert "anna" not in {who for pool in sums["would"]["pools"].values() for who in pool["members"]}
    # a client that anna would not have got is not hers at his second lead either
    client_of = {str(one.lead_id): one.client_id for one in past.assigned}
    got: dict[Any, str] = {}
    again = 0
    for one in differences:
        client = client_of[one["lead_id"]]
        if one["was"]["rule"] == "R1-33" and one["was"]["to"] == "anna" and client in got:
            assert one["would"]["to"] == got[client]
            again += 1
        got[client] = one["would"]["to"]
    assert again, "nobody came twice: the past is not varied enough"


async def test_an_absence_that_is_put_in_or_taken_out_is_tried_and_the_rest_stays(
    quiet_past: Callable[..., Any],
) -> None:
    ill = {"staff": "boris", "starts_at": NOW - timedelta(days=1), "ends_at": NOW + timedelta(days=20), "reason": "ill"}
    _, history = await quiet_past(absences=[ill])
    _, healthy = tried(history, company(duty=roster(), absences=[]))
    assert "boris" not in healthy["was"]["pools"]["home"]["members"]
    assert healthy["would"]["pools"]["home"]["members"]["boris"]["shared"] > 5
    _, worse = tried(history, company(duty=roster(), absences=[ill, {**ill, "staff": "gleb"}]))
    assert "gleb" not in worse["would"]["pools"]["home"]["members"]
    assert "boris" not in worse["would"]["pools"]["home"]["members"]


async def test_who_gets_a_lead_instead_of_one_who_declined_it_is_thought_to_take_it(
    quiet_past: Callable[..., Any],
) -> None:
    past, history = await quiet_past(declines=0.2)
    went_on = {str(one.lead_id): one for one in past.handed_on if one.because == "declined"}
    assert len(went_on) > 10
    differences, sums = tried(history, company(duty=roster(), staff=[*staff(), person("dina")]))
    assert sums["was"]["decisions"] - sums["would"]["decisions"] > 3
    ends: dict[str, list[dict[str, Any]]] = {}
    for one in differences:
        ends.setdefault(one["lead_id"], []).append(one)
    twice = [those for those in ends.values() if len(those) > 1]
    assert twice, "nobody's lead that went on would have gone elsewhere"
    for first, *later in twice:
        assert first["lead_id"] in {str(one.lead_id) for one in past.handed_on}
        if first["would"]["to"] != first["was"]["to"]:
            assert all(one["would"] == first["would"] for one in later)
    home = sums["would"]["pools"]["home"]
    assert home["largest"] <= 2.5
    assert abs(home["members"]["dina"]["deviation"]) <= 1.5


@pytest.mark.rule("G6")
async def test_a_cap_that_is_tried_is_kept_lead_by_lead_from_what_was_counted(db_of: DbOf, tmp_path: Path) -> None:
    past = Past(db_of)
    held = {who: {"open_leads": 6} for who in ("stepan", "sofia")}
    await past.hear(handlers.apply_company, company(duty=roster(), staff=staff(boris={"per_day": 9}, **held)), now=NOW)
    for day in range(4):
        await past.a_day(day)
    history = await history_of(db_of, tmp_path)
    async with db_of("routing") as db:
        rows = await fetch(db, "select inputs -> 'counted' as counted from decisions where inputs ? 'counted'")
    assert len(rows) > 20
    assert {who for row in rows for who in row["counted"]} == {"boris", "sofia", "stepan"}

    def most(sums: dict[str, Any], who: str, side: str = "would") -> int:
        return int(sums[side]["people"][who]["in_a_day"])

    tighter = company(duty=roster(), staff=staff(boris={"per_day": 2}, **held))
    differences, sums = tried(history, tighter)
    shared_a_day = Counter(
        (one["decided_at"][:10], one["would"]["to"]) for one in differences if one["would"]["to"] == "boris"
    )
    assert not shared_a_day or max(shared_a_day.values()) <= 2
    assert most(sums, "boris") < most(sums, "boris", "was")
    free = company(duty=roster(), staff=staff(boris={"per_day": 9}))
    _, sums = tried(history, free)
    assert sums["was"]["queued"] > sums["would"]["queued"], "nobody of spb had room, and now both have"


async def test_an_empty_roster_sends_calls_to_the_queue_where_history_had_people(
    quiet_past: Callable[..., Any],
) -> None:
    _, history = await quiet_past()
    unmanned = company(duty=[s for s in roster() if s["starts_at"] < NOW + timedelta(days=2)])
    _, sums = tried(history, unmanned)
    assert sums["would"]["queued"] > sums["was"]["queued"]


async def test_a_period_without_decisions_and_a_changed_file_that_contradicts_itself_are_refused(
    quiet_past: Callable[..., Any], db_of: DbOf, tmp_path: Path
) -> None:
    _, history = await quiet_past(days=1)
    with pytest.raises(Trouble, match="Routing decided nothing"):
        await history_of(db_of, tmp_path, Period(NOW.date() - timedelta(9), NOW.date() - timedelta(8), DAYS.zone))
    wrong = company(duty=[shift("nobody")])
    with pytest.raises(Trouble, match="no member of staff has the id 'nobody'"):
        tried(history, wrong)
