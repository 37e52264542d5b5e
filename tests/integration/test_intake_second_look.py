"""A second look: joins that are audited, merges that a second person confirms, calls that were entered late."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid4, uuid5

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from services.intake import answers, audit, handlers, review
from services.intake.rules.call_script import ENTERED_WITHIN
from shared.commands import (
    CallForm,
    JudgeAudit,
    JudgeReview,
    LeadFields,
    MergeClients,
    Row,
    SettleProposal,
    SubmitLead,
    SubmitRows,
)
from shared.database import fetch
from shared.events import (
    ClientRegistered,
    ClientsMerged,
    EntryDelayed,
    JoinAudited,
    JudgementRefused,
    LeadAccepted,
    MergeProposed,
    ProposalSettled,
    ReviewJudged,
)
from shared.message import Batch, Event, Heard, id_of
from shared.questions import ListProposals, ListReviews, ReportAudit, ReportSources
from shared.words import Outcome, Source

Room = Callable[[str], AbstractAsyncContextManager[AsyncConnection]]
NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
HANDLERS: dict[Any, Any] = {
    SubmitLead: handlers.submit_leads,
    SubmitRows: handlers.submit_rows,
    JudgeReview: review.judge_reviews,
    MergeClients: review.merge_clients,
    SettleProposal: review.settle_proposals,
    JudgeAudit: audit.judge_audits,
}
FREZER = {"company": "ООО «Фрезер»", "contact": "Дёмин Роман", "phone": "+7 846 201-30-40", "email": "demin@frezer.ru"}
NAMELESS = {"contact": "Дёмин", "email": "demin@frezer.ru"}
SISTER = {"company": "ТД «Фрезер»", "phone": "+7 846 201-30-40", "email": "td@td-frezer.ru"}


async def say(room: Room, command: Any, cause: UUID | None = None, at: datetime = NOW) -> list[Event]:
    cause = cause or uuid4()
    async with room("intake") as db:
        heard: Heard[Any] = Heard(cause, cause, is_command=True, message=command, at=at)
        return [saying.event for saying in await HANDLERS[type(command)](Batch([heard], at), db)]


async def comes(room: Room, cells: dict[str, str], cause: UUID | None = None, **more: Any) -> LeadAccepted:
    facts = {"source_system": "site", "external_id": str(uuid4()), "source": Source.WEBSITE, **more}
    [event] = await say(room, SubmitLead(fields=LeadFields.model_validate(cells), **facts), cause)
    assert isinstance(event, LeadAccepted)
    return event


async def base(room: Room, *cells: tuple[dict[str, str], str | None]) -> list[UUID]:
    rows = [
        Row(number=n, curator=curator, fields=LeadFields.model_validate(one))
        for n, (one, curator) in enumerate(cells, 1)
    ]
    events = await say(room, SubmitRows(import_id=uuid4(), file_name="b", campaign="b", purpose="clients", rows=rows))
    return [event.client_id for event in events if isinstance(event, ClientRegistered)]


async def audited(room: Room, limit: int = 10) -> dict[str, Any]:
    async with room("intake") as db:
        return await audit.report_audit(ReportAudit(limit=limit), db)


def in_the_sample(wanted: bool) -> UUID:
    """A command whose lead is, or is not, one of a hundred."""
    causes = (uuid5(NAMESPACE_URL, f"cause {n}") for n in range(10_000))
    return next(cause for cause in causes if (id_of(cause, "lead").int % 100 == 0) is wanted)


# ── audit ───────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_sampled_join_waits_for_a_person_with_lead_and_client(db_of: Room) -> None:
    known = await comes(db_of, FREZER)
    assert (await comes(db_of, FREZER, in_the_sample(False))).outcome is Outcome.SAME
    assert (await audited(db_of))["waiting"] == 0
    lead = await comes(db_of, FREZER, in_the_sample(True))
    assert lead.outcome is Outcome.SAME
    told = await audited(db_of)
    assert told["waiting"] == 1
    [item] = told["items"]
    assert (item["lead_id"], item["client_id"], item["rule"]) == (lead.lead_id, known.client_id, "S1")
    assert (item["client"], item["raw"]["email"]) == ("ООО «Фрезер»", "demin@frezer.ru")
    assert {one["key"] for one in item["evidence"]} >= {"name", "phone", "email"}
    assert told["overall"]["precision"] is None, "nobody has looked yet"


async def test_what_people_say_of_joins_gives_the_precision_and_the_last_word_stands(db_of: Room) -> None:
    await comes(db_of, FREZER)
    sampled = await comes(db_of, FREZER, in_the_sample(True))
    nameless = [await comes(db_of, NAMELESS | {"position": str(n)}) for n in range(4)]
    assert {one.outcome for one in nameless} == {Outcome.SAME}
    assert (await audited(db_of))["waiting"] == 5, "all joins without a name are looked at"
    right = [sampled.lead_id, *(one.lead_id for one in nameless)]
    said = await say(db_of, JudgeAudit(leads=right, verdict="right", by="orlova"))
    assert len([event for event in said if isinstance(event, JoinAudited)]) == 5
    await say(db_of, JudgeAudit(leads=right[-1:], verdict="wrong", by="orlova", note="другая фирма"))
    told = await audited(db_of)
    assert (told["waiting"], told["items"]) == (0, [])
    by_rule = {one["rule"]: one for one in told["rules"]}
    assert [by_rule["S1"][name] for name in ("joins", "judged", "wrong")] == [100, 1, 0]
    assert [by_rule["S3"][name] for name in ("joins", "judged", "wrong")] == [4, 4, 1]
    assert told["overall"]["precision"] == pytest.approx((100 + 3) / 104)
    assert told["overall"]["low"] < told["overall"]["precision"]


async def test_a_word_on_a_lead_that_is_not_audited_is_refused_whole(db_of: Room) -> None:
    await comes(db_of, FREZER)
    lead = await comes(db_of, NAMELESS)
    [refused] = await say(db_of, JudgeAudit(leads=[lead.lead_id, uuid4()], verdict="right", by="orlova"))
    assert isinstance(refused, JudgementRefused)
    assert (await audited(db_of))["waiting"] == 1


# ── four eyes ───────────────────────────────────────────────────────────────────────────────────────────────────────


async def proposals(room: Room) -> list[dict[str, Any]]:
    async with room("intake") as db:
        found: list[dict[str, Any]] = (await review.list_proposals(ListProposals(), db))["proposals"]
    return found


async def merged(room: Room) -> list[dict[str, Any]]:
    async with room("intake") as db:
        return [dict(row) for row in await fetch(db, "select merged_by, note from merges where undone_at is null")]


@pytest.fixture
async def two_curated(db_of: Room) -> list[UUID]:
    """Two clients of two curators."""
    return await base(db_of, (FREZER, "anna"), ({"company": "ООО «Вектор»", "phone": "+7 846 270-10-10"}, "boris"))


async def test_clients_of_two_curators_become_one_when_a_second_person_confirms_it(
    db_of: Room, two_curated: list[UUID]
) -> None:
    one, other = two_curated
    [proposed] = await say(db_of, MergeClients(client_id=one, other_id=other, by="anna", note="одна фирма"))
    assert isinstance(proposed, MergeProposed)
    assert set(proposed.clients) == {one, other}
    assert "anna and boris" in proposed.reasons[0]
    assert await merged(db_of) == []
    [waiting] = await proposals(db_of)
    assert (waiting["id"], waiting["proposed_by"]) == (proposed.proposal_id, "anna")
    assert {client["curator"] for client in waiting["clients"]} == {"anna", "boris"}
    own = SettleProposal(proposal_id=proposed.proposal_id, verdict="confirm", by="anna")
    [refused] = await say(db_of, own)
    assert isinstance(refused, JudgementRefused)
    assert await merged(db_of) == []
    said = await say(db_of, own.model_copy(update={"by": "orlova"}))
    assert [type(event) for event in said] == [ClientsMerged, ClientsMerged, ProposalSettled]
    assert await merged(db_of) == [{"merged_by": "anna", "note": "одна фирма; confirmed by orlova"}]
    assert await proposals(db_of) == []
    [refused] = await say(db_of, own.model_copy(update={"by": "orlova"}))
    assert isinstance(refused, JudgementRefused), "once is enough"


async def test_who_says_the_same_of_the_same_clients_as_the_second_one_has_confirmed_it(
    db_of: Room, two_curated: list[UUID]
) -> None:
    one, other = two_curated
    wish = MergeClients(client_id=one, other_id=other, by="anna")
    await say(db_of, wish)
    [refused] = await say(db_of, wish)
    assert isinstance(refused, JudgementRefused), "once more by the same person is not a second one"
    assert await merged(db_of) == []
    said = await say(db_of, wish.model_copy(update={"by": "orlova"}))
    assert ClientsMerged in map(type, said)
    assert len(await merged(db_of)) == 1
    assert await proposals(db_of) == []


async def test_a_proposal_that_is_declined_changes_nothing_and_may_be_made_anew(
    db_of: Room, two_curated: list[UUID]
) -> None:
    one, other = two_curated
    wish = MergeClients(client_id=one, other_id=other, by="anna")
    [proposed] = await say(db_of, wish)
    assert isinstance(proposed, MergeProposed)
    [settled] = await say(db_of, SettleProposal(proposal_id=proposed.proposal_id, verdict="decline", by="anna"))
    assert isinstance(settled, ProposalSettled)
    assert await merged(db_of) == []
    assert await proposals(db_of) == []
    [again] = await say(db_of, wish)
    assert isinstance(again, MergeProposed)


async def test_a_doubt_about_clients_with_weight_stays_in_the_queue_until_it_is_confirmed(db_of: Room) -> None:
    await base(db_of, (FREZER, "anna"), (SISTER, "boris"))
    async with db_of("intake") as db:
        [group] = (await answers.list_reviews(ListReviews(), db))["groups"]
    word = JudgeReview(reviews=[group["reviews"][0]["id"]], verdict="same", by="anna")
    [proposed] = await say(db_of, word)
    assert isinstance(proposed, MergeProposed)
    async with db_of("intake") as db:
        assert (await answers.list_reviews(ListReviews(), db))["waiting"] == 1
    settle = SettleProposal(proposal_id=proposed.proposal_id, verdict="confirm", by="orlova")
    said = await say(db_of, settle)
    assert [type(event) for event in said] == [ReviewJudged, ClientsMerged, ClientsMerged, ProposalSettled]
    async with db_of("intake") as db:
        assert (await answers.list_reviews(ListReviews(), db))["waiting"] == 0


async def test_weight_that_other_rooms_know_of_counts_and_clients_without_weight_merge_at_once(db_of: Room) -> None:
    one, other, third = [
        (await comes(db_of, {"company": f"ООО «Завод {n}»", "phone": f"+7 846 270-10-1{n}"})).client_id
        for n in range(3)
    ]
    open_sales = MergeClients(client_id=one, other_id=other, by="anna", weight=["both have an open sale"])
    [proposed] = await say(db_of, open_sales)
    assert isinstance(proposed, MergeProposed)
    assert proposed.reasons == ["both have an open sale"]
    said = await say(db_of, MergeClients(client_id=one, other_id=third, by="anna"))
    assert ClientsMerged in map(type, said)


# ── calls entered late ──────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.rule("R1-22")
async def test_a_call_that_is_entered_late_is_told_and_counted_and_one_in_time_is_not(db_of: Room) -> None:
    for lag in (timedelta(), ENTERED_WITHIN, ENTERED_WITHIN + timedelta(seconds=1), timedelta(hours=2)):
        facts = {"company": f"ООО «Завод {lag}»", "phone": "+7 846 201-30-40"}
        call = CallForm(ended_at=NOW - lag)
        command = SubmitLead(
            source_system="pbx", external_id=str(lag), source=Source.INBOUND_CALL, submitter="anna", call=call,
            fields=LeadFields.model_validate(facts),
        )  # fmt: skip
        accepted, *rest = await say(db_of, command)
        assert isinstance(accepted, LeadAccepted)
        if lag <= ENTERED_WITHIN:
            assert rest == []
            continue
        [late] = rest
        assert isinstance(late, EntryDelayed)
        assert (late.lead_id, late.submitter, late.allowed_s) == (accepted.lead_id, "anna", 300.0)
        assert late.lag_s == lag.total_seconds()
    span = {"since": NOW - timedelta(days=1), "until": NOW + timedelta(days=1)}
    async with db_of("intake") as db:
        report = await answers.report_sources(ReportSources.model_validate(span), db)
    [calls] = report["sources"]
    assert (calls["calls"], calls["late"], report["entered_within_s"]) == (4, 2, 300.0)
