"""Whose lead it is when the one it was offered to does not take it: by each rule, and who may say so."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from msgspec import structs

from services.routing.rules.acceptance import (
    Asked,
    asks,
    faults_of_accepting,
    faults_of_declining,
    first_of_each,
    head_of,
    out_of_reach,
    with_next,
    without_it,
)
from services.routing.rules.assignment import ALARMS
from services.routing.rules.case import Client
from services.routing.rules.field import DECLINED, SILENT
from services.routing.rules.record import Record, recompute
from services.routing.rules.wording import notes, passed_over
from shared.words import Source
from tests.unit.test_routing_rules import decide, field, lead, uid

CALL = Source.INBOUND_CALL
NOT_TAKEN = (DECLINED, SILENT)


# ── who is next ─────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.rule("SLA")
@pytest.mark.parametrize("how", NOT_TAKEN)
def test_a_shared_lead_goes_to_the_next_of_the_same_bench_and_then_to_its_head(how: str) -> None:
    first = decide(lead()).receiver
    second = decide(lead(), out_of_reach(field(), {first: how}))
    assert {first, second.receiver} == {"anna", "boris"}
    assert second.excluded[first] == {"why": how}
    third = decide(lead(), out_of_reach(field(), {"anna": how, "boris": how}))
    assert (third.receiver, third.queue, third.rule) == ("head_msk", "duty:msk", "G8")
    assert second.share is not None
    assert set(second.share.before) == {second.receiver}, "whoever did not take it neither earns nor owes"


@pytest.mark.rule("R1-23")
@pytest.mark.parametrize("how", NOT_TAKEN)
def test_a_call_that_the_named_manager_does_not_take_is_served_by_who_is_on_duty_and_the_curator_stays(
    how: str,
) -> None:
    made = decide(lead(CALL, named="vera"), out_of_reach(field(), {"vera": how}), known=True, curator="vera")
    assert made.receiver in ("anna", "boris")
    assert (made.rule, made.told, made.then.curator) == ("R1-23", ("vera",), "vera")


@pytest.mark.rule("R1-09")
@pytest.mark.parametrize("how", NOT_TAKEN)
def test_a_current_clients_call_that_his_owner_does_not_take_goes_to_the_head_and_never_to_who_is_on_duty(
    how: str,
) -> None:
    made = decide(lead(CALL), out_of_reach(field(), {"akim": how}), known=True, current=True, curator="akim")
    assert (made.receiver, made.queue) == ("head_msk", "account:msk")
    assert f"owner_{how}" in {note.code for note in made.notes} & ALARMS


@pytest.mark.rule("R1-34")
@pytest.mark.parametrize("how", NOT_TAKEN)
def test_what_a_curator_does_not_take_is_shared_and_he_stays_curator(how: str) -> None:
    assert decide(lead(), known=True, curator="anna").rule == "R1-34"
    made = decide(lead(), out_of_reach(field(), {"anna": how}), known=True, curator="anna")
    assert (made.receiver, made.rule, made.then.curator) == ("boris", "R1-45", "anna")
    assert made.share is not None


@pytest.mark.rule("R1-16")
@pytest.mark.rule("R1-39")
@pytest.mark.parametrize("how", NOT_TAKEN)
def test_what_a_colleague_or_a_finder_does_not_take_goes_to_the_receiver(how: str) -> None:
    where = out_of_reach(field(), {"boris": how})
    assert decide(lead(CALL, worked_with="boris"), where).receiver == "anna"
    assert decide(lead(Source.REFERRAL, submitter="boris"), where).receiver == "anna"


@pytest.mark.rule("G8")
def test_a_head_who_does_not_look_into_his_queue_is_answered_for_by_the_next_above() -> None:
    refused = {"anna": DECLINED, "boris": SILENT, "head_msk": SILENT}
    assert decide(lead(), out_of_reach(field(), refused)).receiver == "boss"
    everybody = {**refused, "boss": SILENT}
    made = decide(lead(), out_of_reach(field(), everybody))
    assert made.receiver in ("head_msk", "boss"), "no lead is without one who answers for it"
    assert "answerer_away" in {note.code for note in made.notes}


@pytest.mark.parametrize("how", NOT_TAKEN)
def test_a_decision_after_a_refusal_recomputes_and_has_words_for_it(how: str) -> None:
    where = out_of_reach(field(), {"vera": how, "anna": how})
    a_lead = lead(CALL, named="vera")
    made = decide(a_lead, where)
    record = Record(
        a_lead, Client(a_lead.client_id), where, made.pool, made.share.before if made.share else {}, {}, None
    )
    assert recompute(record) == made.receiver
    english, russian = (passed_over(made.excluded["vera"], language) for language in ("en", "ru"))
    assert english != russian
    for written in made.notes:
        assert notes([written], "en") != notes([written], "ru") != written.code


# ── what is asked, and of whom ──────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.rule("R1-33")
def test_nobody_is_asked_whether_he_takes_a_lead_of_his_own_open_sale() -> None:
    assert asks(decide(lead(), known=True, open_with="vera")) is None
    handed_over = decide(lead(), known=True, open_with="gone")
    assert (handed_over.queue, asks(handed_over)) == ("handover:msk", None), (
        "it is part of a sale that must be handed over"
    )
    assert asks(decide(lead())) == "awaited"
    assert asks(decide(lead(), field(on_duty=()))) == "waiting"


def asked(answer: Any = "awaited", **more: Any) -> Asked:
    a_lead = lead()
    facts: dict[str, Any] = {
        "lead": a_lead,
        "client": Client(a_lead.client_id),
        "home": a_lead.client_id,
        "attempt": 1,
        "import_id": None,
        "received_at": None,
        "receiver": "anna",
        "office": "msk",
        "rule": "R1-45",
        "queue": None,
        "answer": answer,
        "answered_by": None,
        "refused": {},
    }
    return Asked(**{**facts, **more})


@pytest.mark.rule("SLA")
@pytest.mark.parametrize(
    ("who", "may"),
    [("anna", True), ("head_msk", True), ("boss", True), ("boris", False), ("head_spb", False), ("gone", False)],
)
def test_the_receiver_answers_or_whoever_heads_him(who: str, may: bool) -> None:
    assert (faults_of_declining(asked(), who, field()) == []) is may
    assert (faults_of_accepting(asked(), who, field()) == []) is may


@pytest.mark.rule("G8")
@pytest.mark.parametrize(
    ("who", "may"), [("vera", True), ("anna", True), ("head_msk", True), ("agata", False), ("sofia", False)]
)
def test_out_of_a_queue_anybody_of_its_office_may_take_a_lead_but_no_agent(who: str, may: bool) -> None:
    waits = asked("waiting", receiver="head_msk", rule="G8", queue="duty:msk")
    assert (faults_of_accepting(waits, who, field()) == []) is may
    assert faults_of_declining(waits, "head_msk", field())[0].problem.startswith("The lead waits in a queue")


@pytest.mark.rule("R1-09")
def test_a_current_clients_call_is_taken_out_of_its_queue_by_nobody_but_who_answers_for_it() -> None:
    waits = asked("waiting", receiver="head_msk", rule="G8", queue="account:msk")
    assert faults_of_accepting(waits, "anna", field())
    assert faults_of_accepting(waits, "head_msk", field()) == []


def test_every_refusal_says_what_is_wrong_and_how_to_mend_it() -> None:
    where = field()
    for faults in (
        faults_of_declining(None, "anna", where),
        faults_of_declining(asked(None), "anna", where),
        faults_of_declining(asked("accepted"), "anna", where),
        faults_of_declining(asked("withdrawn"), "anna", where),
        faults_of_accepting(asked("accepted", answered_by="boris"), "anna", where),
        faults_of_accepting(asked(receiver="boris", refused={"anna": SILENT}), "anna", where),
        faults_of_accepting(asked(), "nobody", where),
    ):
        assert len(faults) == 1
        assert faults[0].problem.endswith(".")
        assert faults[0].remedy.endswith(".")
    assert "anna" in faults_of_accepting(asked(receiver="boris", refused={"anna": SILENT}), "anna", where)[0].problem
    assert faults_of_accepting(asked("accepted", answered_by="anna"), "anna", where) == []


def test_the_head_of_one_who_was_silent_is_above_him_and_here() -> None:
    people = field().people
    assert head_of(people["anna"], field()) == "head_msk"
    assert head_of(people["head_msk"], field()) == "boss"
    assert head_of(people["anna"], field(away=("head_msk",))) == "boss"
    assert head_of(None, field()) is None


# ── what is known of the client ─────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.rule("G6")
def test_what_a_lead_made_of_a_client_is_put_aside_and_what_was_before_stays() -> None:
    one = asked()
    received = decide(one.lead).then
    opened = structs.replace(received, process_id=uid("sale"), open_with="anna", given_to=None, given_lead=None)
    assert received.curator == received.given_to == decide(one.lead).receiver
    before = without_it(opened, replace(one, receiver=decide(one.lead).receiver))
    assert before == Client(one.lead.client_id, region="RU-MOW")
    older = structs.replace(opened, curator="vera", current=True)
    assert without_it(older, one).curator == "vera"
    assert without_it(older, one).current


def test_the_next_receiver_has_the_sale_or_the_lead_that_will_open_it() -> None:
    one = asked()
    client = Client(one.lead.client_id, given_to="anna", given_lead=one.lead.lead_id, curator="anna")
    assert with_next(client, one, "boris", "boris") == structs.replace(client, given_to="boris", curator="boris")
    opened = structs.replace(client, process_id=uid("sale"), open_with="anna", given_to=None, given_lead=None)
    assert with_next(opened, one, "boris", "anna") == structs.replace(opened, open_with="boris", curator="anna")
    assert with_next(opened, one, "", None) == opened


def test_of_several_wishes_about_one_lead_the_first_goes_first() -> None:
    a, b = uid("a"), uid("b")
    assert first_of_each([a, b, a, None, None, b]) == [0, 1, 3, 4]
