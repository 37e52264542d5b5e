"""Who is here: words that hold until they are taken back, a calendar beside them, and what each does to a lead."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.routing.rules.assignment import ALARMS, assign_all, pools_needed
from services.routing.rules.caps import Loads
from services.routing.rules.case import Client
from services.routing.rules.fair_share import Ledger
from services.routing.rules.field import BUSY, LEFT, Away, Field
from services.routing.rules.presence import ABSENT, Presence
from services.routing.rules.record import alarm_of
from services.routing.rules.wording import passed_over
from shared.words import Source
from tests.unit.test_routing_rules import decide, field, lead

NOW = datetime(2026, 11, 23, 8, tzinfo=UTC)
HOUR = timedelta(hours=1)
CALL = Source.INBOUND_CALL


def with_people(where: Field, **changes: dict[str, Any]) -> Field:
    """The same field, with something changed of some people."""
    return Field(
        where.home_region,
        where.offices.values(),
        [replace(person, **changes.get(person.id, {})) for person in where.people.values()],
    )


def busy(*who: str, where: Field | None = None) -> Field:
    return with_people(where or field(), **{one: {"away": Away(BUSY, "")} for one in who})


# ── what was said ───────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.rule("R1-24")
def test_a_word_holds_from_its_moment_until_it_ends_or_is_taken_back() -> None:
    said = Presence()
    assert said.away("anna", NOW, []) is None
    said.say("absent", "anna", NOW, NOW + HOUR)
    assert said.away("anna", NOW, []) == Away(ABSENT, "2026-11-23T09:00:00+00:00")
    assert said.away("anna", NOW + HOUR - timedelta(seconds=1), []) is not None
    assert said.away("anna", NOW + HOUR, []) is None
    said.say("absent", "anna", NOW)
    assert said.away("anna", NOW + 1000 * HOUR, []) == Away(ABSENT, "")
    said.say("back", "anna", NOW)
    assert said.away("anna", NOW, []) is None


@pytest.mark.rule("R1-24")
def test_an_absence_and_a_call_are_two_things() -> None:
    said = Presence()
    said.say("absent", "anna", NOW)
    said.say("busy", "anna", NOW)
    said.say("free", "anna", NOW)
    assert said.away("anna", NOW, []) == Away(ABSENT, "")
    said.say("busy", "anna", NOW, NOW + HOUR)
    said.say("back", "anna", NOW)
    assert said.away("anna", NOW, []) == Away(BUSY, "2026-11-23T09:00:00+00:00")
    assert said.away("anna", NOW + HOUR, []) is None


@pytest.mark.rule("R1-24")
def test_the_calendar_counts_until_somebody_says_he_is_back() -> None:
    said, vacation = Presence(), [(NOW - HOUR, NOW + 9 * HOUR, "vacation")]
    assert said.away("anna", NOW, vacation) == Away("vacation", "2026-11-23T17:00:00+00:00")
    said.say("back", "anna", NOW)
    assert said.away("anna", NOW, vacation) is None
    later = [*vacation, (NOW + HOUR, NOW + 2 * HOUR, "training")]
    assert said.away("anna", NOW + HOUR, later) == Away("training", "2026-11-23T10:00:00+00:00")


@pytest.mark.rule("R1-24")
def test_who_leaves_has_left_and_a_leave_with_an_end_is_an_absence() -> None:
    said = Presence()
    said.say("leave", "anna", NOW, NOW + HOUR)
    assert said.away("anna", NOW, []) == Away(ABSENT, "2026-11-23T09:00:00+00:00")
    said.say("leave", "anna", NOW)
    assert said.away("anna", NOW + 5000 * HOUR, []) == Away(LEFT, "")


# ── what it does to a lead ──────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.rule("R1-24")
@pytest.mark.parametrize(
    ("source", "region"),
    [(CALL, "RU-MOW"), (Source.WEBSITE, "RU-SPE"), (Source.EVENT, "RU-MOW"), (Source.AGENT, "RU-SPE")],
)
@pytest.mark.parametrize("how", [Away(BUSY, ""), Away("sick", NOW.isoformat()), Away(LEFT, "")])
def test_only_the_available_receive_and_the_others_are_named_with_the_reason(
    source: Source, region: str, how: Away
) -> None:
    first = decide(lead(source, region)).receiver
    made = decide(lead(source, region), with_people(field(), **{first: {"away": how}}))
    assert made.receiver != first
    assert made.excluded[first]["why"] == {BUSY: "busy", "sick": "absent", LEFT: "left"}[how.reason]


@pytest.mark.rule("R1-23")
def test_a_busy_named_manager_is_told_and_the_duty_manager_serves() -> None:
    made = decide(lead(CALL, named="vera"), busy("vera"), known=True, curator="vera")
    assert made.receiver in ("anna", "boris")
    assert (made.rule, made.told, made.then.curator) == ("R1-23", ("vera",), "vera")
    assert passed_over(made.excluded["vera"], "en") == "busy"


@pytest.mark.rule("R1-23")
@pytest.mark.rule("G8")
def test_if_nobody_is_on_duty_for_the_named_one_the_head_answers_and_he_is_told_all_the_same() -> None:
    made = decide(lead(CALL, named="vera"), busy("vera", where=field(on_duty=())))
    assert (made.receiver, made.rule, made.queue, made.told) == ("head_msk", "G8", "duty:msk", ("vera",))


@pytest.mark.rule("R1-33")
def test_a_busy_manager_keeps_his_open_sale_without_an_alarm() -> None:
    made = decide(lead(), busy("vera"), known=True, open_with="vera")
    assert (made.receiver, made.rule, made.told, alarm_of(made)) == ("vera", "R1-33", (), None)


@pytest.mark.rule("R1-16")
def test_a_caller_goes_to_the_one_he_worked_with_if_he_is_on_duty() -> None:
    made = decide(lead(CALL, worked_with="boris"))
    assert (made.receiver, made.rule, made.share) == ("boris", "R1-16", None)
    assert decide(lead(CALL, "RU-SPE", worked_with="boris")).receiver == "boris"
    assert decide(lead(CALL, worked_with="stepan")).receiver == "stepan", "a regional office draws up no roster"


@pytest.mark.rule("R1-16")
@pytest.mark.parametrize(
    ("worked_with", "why"), [("vera", "off_duty"), ("anna", "busy"), ("gone", "left"), ("agata", "function")]
)
def test_a_caller_goes_to_the_receiver_if_the_one_he_worked_with_is_not_on_duty(worked_with: str, why: str) -> None:
    made = decide(lead(CALL, worked_with=worked_with), busy("anna"))
    assert (made.receiver, made.rule, made.excluded[worked_with]["why"]) == ("boris", "R1-08", why)


@pytest.mark.rule("R1-16")
def test_one_whom_nobody_knows_and_a_letter_change_nothing() -> None:
    assert ("colleague_unknown", "Сидоров") in decide(lead(CALL, worked_with="Сидоров")).notes
    assert decide(lead(Source.WEBSITE, worked_with="boris")).rule == "R1-45"


@pytest.mark.rule("R1-16")
@pytest.mark.rule("R1-34")
def test_for_calls_whom_he_worked_with_goes_first_but_an_open_sale_before_all() -> None:
    call = lead(CALL, worked_with="boris", named="vera")
    assert decide(call, known=True, curator="akim").rule == "R1-16"
    assert decide(call, known=True, current=True, curator="anna").receiver == "boris"
    assert decide(call, known=True, curator="anna", open_with="vera").rule == "R1-33"


@pytest.mark.rule("R1-09")
@pytest.mark.parametrize(
    ("owner", "code"),
    [("vera", "owner_busy"), ("gone", "owner_left"), ("agata", "owner_function"), (None, "owner_unknown")],
)
def test_a_current_clients_call_never_goes_to_the_duty_manager_whatever_became_of_his_owner(
    owner: str | None, code: str
) -> None:
    made = decide(lead(CALL), busy("vera"), known=True, current=True, curator=owner)
    assert (made.receiver, made.rules[-2:], made.queue) == ("head_msk", ("R1-09", "G8"), "account:msk")
    assert code in {note.code for note in made.notes} & ALARMS


@pytest.mark.rule("R1-09")
def test_only_who_is_said_to_be_no_current_client_is_none_although_an_account_manager_is_his_curator() -> None:
    assert decide(lead(CALL), known=True, curator="akim").rule == "R1-09"
    assert decide(lead(CALL), known=True, curator="akim", current=False).rule == "R1-08"


@pytest.mark.rule("R1-30")
@pytest.mark.parametrize("region", ["RU-NVS", "KZ"])
def test_a_meeting_in_a_region_that_nobody_serves_is_shared_by_the_home_managers(region: str) -> None:
    made = decide(lead(Source.AGENT, region))
    assert (made.rule, made.rules, made.pool, made.queue) == ("R1-30", ("R1-28", "R1-30"), "home", None)
    assert region in str(alarm_of(made))


@pytest.mark.rule("R1-39")
@pytest.mark.parametrize("finder", ["vera", "boss", "akim", "sofia"])
def test_whoever_found_it_keeps_it_and_while_he_is_busy_he_is_told_who_serves(finder: str) -> None:
    assert decide(lead(Source.REFERRAL, submitter=finder)).receiver == finder
    made = decide(lead(Source.REFERRAL, submitter=finder), busy(finder))
    assert (made.told, made.excluded[finder]["why"]) == ((finder,), "busy")
    assert made.receiver in ("anna", "boris")


# ── notice and caps ─────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.rule("R1-24")
def test_who_has_given_notice_gets_nothing_new_but_is_still_called_for_by_name() -> None:
    leaving = with_people(field(), anna={"notice": True})
    made = decide(lead(), leaving)
    assert (made.receiver, made.excluded["anna"]) == ("boris", {"why": "notice"})
    assert decide(lead(CALL, named="anna"), leaving).receiver == "anna"
    assert decide(lead(), leaving, known=True, open_with="anna").receiver == "anna"


@pytest.mark.rule("G6")
@pytest.mark.parametrize("cap", ["per_day", "open_leads"])
def test_who_has_reached_his_cap_neither_receives_nor_earns_and_all_at_their_caps_leave_it_to_the_head(
    cap: str,
) -> None:
    where = with_people(field(), anna={cap: 2}, boris={cap: 5})
    leads = [lead(name=str(n)) for n in range(9)]
    clients = {one.client_id: Client(one.client_id) for one in leads}
    ledgers = {pool: Ledger() for pool in pools_needed(leads, clients, where)}
    made = assign_all(leads, clients, where, ledgers, Loads({"anna": 1}, {"anna": 1}))
    assert [one.receiver for one in made] == ["anna", *["boris"] * 5, *["head_msk"] * 3]
    assert made[1].excluded["anna"] == {"why": cap, "cap": "2"}
    assert made[-1].rule == "G8"
    assert {who: ledgers["duty:msk"].balance(who) for who in ("anna", "boris")} == {
        who: sum(
            one.share.after[who].balance - one.share.before[who].balance
            for one in made
            if one.share and who in one.share.after
        )
        for who in ("anna", "boris")
    }
    assert passed_over(made[1].excluded["anna"], "en").endswith(
        " leads of today" if cap == "per_day" else " open leads"
    )


def test_every_reason_for_passing_somebody_over_has_words_in_both_languages() -> None:
    for why in ("left", "busy", "absent", "off_duty", "function", "notice", "per_day", "open_leads", "other_region"):
        facts = {"why": why, "reason": "r", "function": "f", "cap": "3"}
        for until in ("", NOW.isoformat()):
            english, russian = (passed_over({**facts, "until": until}, language) for language in ("en", "ru"))
            assert english != russian
            assert "{" not in english + russian
            assert "until ," not in english
