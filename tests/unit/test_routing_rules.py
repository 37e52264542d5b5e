"""Who gets the lead: each rule of REGULATION §3, in its order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from uuid import UUID, uuid5

import pytest

from services.routing.rules.assignment import ALARMS, Decision, assign, assign_all, pools_needed
from services.routing.rules.case import Client, Lead, Passed
from services.routing.rules.company import weight_in_thousandths
from services.routing.rules.fair_share import Ledger
from services.routing.rules.field import Away, Field, Office, Person
from services.routing.rules.record import alarm_of, as_kept
from services.routing.rules.region import Territory, territory
from services.routing.rules.wording import notes, passed_over, reason
from shared.words import Function, Source

_NAMES = UUID("00000000-0000-0000-0000-00000000beef")
VACATION = Away("vacation", "2026-12-01T00:00:00+00:00")


def uid(name: str) -> UUID:
    return uuid5(_NAMES, name)


def people(**changed: Person) -> list[Person]:
    everybody = {
        "anna": Person("anna", "Анна Петрова", "msk", Function.SALES),
        "boris": Person("boris", "Борис Орлов", "msk", Function.SALES),
        "vera": Person("vera", "Вера Зимина", "msk", Function.SALES),
        "agata": Person("agata", "Агата", "msk", Function.AGENT),
        "akim": Person("akim", "Аким", "msk", Function.ACCOUNT),
        "head_msk": Person("head_msk", "Глава Москвы", "msk", Function.HEAD),
        "boss": Person("boss", "Главный", "msk", Function.HEAD_OF_SALES),
        "sofia": Person("sofia", "София", "spb", Function.SALES),
        "stepan": Person("stepan", "Степан", "spb", Function.SALES),
        "head_spb": Person("head_spb", "Глава Петербурга", "spb", Function.HEAD),
        "head_kzn": Person("head_kzn", "Глава Казани", "kzn", Function.HEAD),
        "gone": Person("gone", "Ушедший", "msk", Function.SALES, active=False),
    }
    return list({**everybody, **changed}.values())


def field(
    *, on_duty: tuple[str, ...] = ("anna", "boris"), away: tuple[str, ...] = (), left: tuple[str, ...] = ()
) -> Field:
    return Field(
        "RU-MOW",
        [
            Office("msk", "Москва", ("RU-MOW", "RU-MOS"), rostered=True, on_duty=on_duty),
            Office("spb", "Петербург", ("RU-SPE", "BY")),
            Office("kzn", "Казань", ("RU-TA",)),
        ],
        [replace(p, away=VACATION if p.id in away else None, active=p.active and p.id not in left) for p in people()],
    )


def lead(source: Source = Source.WEBSITE, region: str = "RU-MOW", *, name: str = "x", **more: Any) -> Lead:
    return Lead(uid(f"lead {name}"), uid(f"client {name}"), source, region, **more)


def decide(
    a_lead: Lead, where: Field | None = None, *, full: Mapping[str, Passed] | None = None, **client: Any
) -> Decision:
    where = where or field()
    card = Client(a_lead.client_id, **client)
    ledgers = {pool: Ledger() for pool in pools_needed([a_lead], {a_lead.client_id: card}, where)}
    return assign(a_lead, card, where, ledgers, full=full)


def receivers(source: Source, region: str, count: int, where: Field | None = None) -> Counter[str]:
    where = where or field()
    leads = [lead(source, region, name=str(n)) for n in range(count)]
    clients = {a.client_id: Client(a.client_id) for a in leads}
    ledgers = {pool: Ledger() for pool in pools_needed(leads, clients, where)}
    return Counter(d.receiver for d in assign_all(leads, clients, where, ledgers))


# ── a client we know ────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.rule("R1-33")
@pytest.mark.parametrize("source", list(Source))
def test_a_client_with_an_open_sale_goes_to_its_manager_whatever_the_source(source: Source) -> None:
    made = decide(
        lead(source, "RU-SPE", named="boris", submitter="sofia"), known=True, curator="anna", open_with="vera"
    )
    assert (made.receiver, made.rule, made.share, made.queue) == ("vera", "R1-33", None, None)
    assert made.then.curator == "anna"


@pytest.mark.rule("R1-33")
def test_an_absent_manager_keeps_his_open_sale_and_his_head_is_told() -> None:
    made = decide(lead(), field(away=("vera",)), known=True, open_with="vera")
    assert (made.receiver, made.told) == ("vera", ("head_msk",))
    assert "manager_away" in {note.code for note in made.notes} & ALARMS


@pytest.mark.rule("R1-33")
@pytest.mark.rule("G8")
def test_the_open_sale_of_one_who_left_goes_to_his_head_in_a_named_queue_with_an_alarm() -> None:
    made = decide(lead(), known=True, open_with="gone")
    assert (made.receiver, made.rule, made.rules, made.queue) == ("head_msk", "G8", ("R1-33", "G8"), "handover:msk")
    assert made.excluded["gone"] == {"why": "left"}
    assert alarm_of(made) == "gone, who worked the open sale, has left: hand the client over"


@pytest.mark.rule("R1-34")
@pytest.mark.parametrize("source", [Source.WEBSITE, Source.EVENT, Source.AGENT, Source.INBOUND_CALL])
def test_a_known_client_without_an_open_sale_goes_to_his_curator_and_no_share_is_counted(source: Source) -> None:
    made = decide(lead(source, "RU-MOS"), field(on_duty=("anna", "vera")), known=True, curator="vera")
    assert (made.receiver, made.rule, made.share, made.office) == ("vera", "R1-34", None, "msk")


@pytest.mark.rule("R1-34")
@pytest.mark.parametrize(
    ("source", "region", "bench", "why"),
    [
        (Source.WEBSITE, "RU-MOW", {"anna", "boris"}, "off_duty"),
        (Source.INBOUND_CALL, "RU-MOW", {"anna", "boris"}, "off_duty"),
        (Source.EVENT, "RU-SPE", {"sofia", "stepan"}, "other_region"),
        (Source.AGENT, "RU-SPE", {"sofia", "stepan"}, "other_region"),
    ],
)
def test_a_curator_whom_the_rules_below_would_not_let_receive_is_told_and_they_go_on(
    source: Source, region: str, bench: set[str], why: str
) -> None:
    made = decide(lead(source, region), known=True, curator="vera")
    assert made.receiver in bench
    assert made.share is not None
    assert (made.told, made.excluded["vera"], made.then.curator) == (("vera",), {"why": why}, "vera")


@pytest.mark.rule("R1-34")
def test_a_known_client_without_a_curator_goes_by_the_rules_below_and_carries_both_ids() -> None:
    made = decide(lead(Source.EVENT, "RU-SPE"), known=True)
    assert (made.rule, made.rules, made.pool) == ("R1-37", ("R1-34", "R1-37"), "region:spb")
    assert made.share is not None
    assert made.then.curator == made.receiver


@pytest.mark.rule("R1-34")
def test_a_client_that_intake_recognised_is_known_even_if_routing_never_heard_of_him() -> None:
    assert decide(lead(Source.EVENT, known=True)).rules == ("R1-34", "R1-37")


@pytest.mark.rule("R1-34")
@pytest.mark.rule("R1-24")
def test_an_absent_curator_is_passed_over_and_told_and_stays_curator() -> None:
    made = decide(lead(Source.EVENT), field(away=("vera",)), known=True, curator="vera")
    assert made.receiver in ("anna", "boris")
    assert made.rules == ("R1-34", "R1-37")
    assert made.told == ("vera",)
    assert made.excluded["vera"] == {"why": "absent", "reason": "vacation", "until": VACATION.until}
    assert made.then.curator == "vera"


@pytest.mark.rule("R1-34")
def test_a_curator_who_left_is_passed_over_and_the_receiver_takes_his_place() -> None:
    made = decide(lead(Source.EVENT), known=True, curator="gone")
    assert made.excluded["gone"] == {"why": "left"}
    assert made.told == ()
    assert made.then.curator == made.receiver


@pytest.mark.rule("R1-34")
def test_an_account_manager_or_a_head_may_be_curator_but_an_agent_may_not_work_a_sale() -> None:
    assert decide(lead(Source.EVENT), known=True, curator="akim").receiver == "akim"
    assert decide(lead(Source.EVENT), known=True, curator="boss").receiver == "boss"
    made = decide(lead(Source.EVENT), known=True, curator="agata")
    assert made.receiver != "agata"
    assert made.excluded["agata"] == {"why": "function", "function": "agent"}


def test_a_stated_curator_whom_nobody_knows_is_noted() -> None:
    made = decide(lead(Source.EVENT), known=True, stated_curator="Сидоров")
    assert ("curator_unknown", "Сидоров") in made.notes


@pytest.mark.rule("R1-42")
def test_a_second_lead_before_the_sale_is_open_goes_to_the_same_manager() -> None:
    first = lead(Source.EVENT, name="a")
    second = Lead(uid("lead b"), first.client_id, Source.WEBSITE, "RU-SPE")
    where = field()
    clients = {first.client_id: Client(first.client_id)}
    ledgers = {pool: Ledger() for pool in pools_needed([first, second], clients, where)}
    one, two = assign_all([first, second], clients, where, ledgers)
    assert two.receiver == one.receiver
    assert (two.rule, two.share) == ("R1-33", None)
    assert two.then.given_lead == second.lead_id


# ── calls ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.rule("R1-09")
@pytest.mark.parametrize("client", [{"current": True, "curator": "vera"}, {"curator": "akim"}])
def test_a_current_clients_call_goes_to_his_account_owner(client: dict[str, Any]) -> None:
    made = decide(lead(Source.INBOUND_CALL, named="boris"), known=True, **client)
    assert (made.receiver, made.rule, made.share) == (client["curator"], "R1-09", None)


@pytest.mark.rule("R1-09")
def test_a_current_clients_call_never_goes_to_the_duty_manager_but_to_the_head_while_the_owner_is_absent() -> None:
    made = decide(lead(Source.INBOUND_CALL), field(away=("akim",)), known=True, curator="akim")
    assert (made.receiver, made.rules, made.queue) == ("head_msk", ("R1-34", "R1-09", "G8"), "account:msk")
    assert made.told == ("akim",)
    assert made.then.curator == "akim"


@pytest.mark.rule("R1-10")
@pytest.mark.parametrize("named", ["vera", "вера  зимина", "Вера Зимина"])
def test_a_call_for_a_named_manager_goes_to_him(named: str) -> None:
    made = decide(lead(Source.INBOUND_CALL, named=named))
    assert (made.receiver, made.rule, made.share) == ("vera", "R1-10", None)
    assert made.then.curator == "vera"


@pytest.mark.rule("R1-10")
def test_a_named_manager_goes_before_a_curator_and_the_curator_does_not_change() -> None:
    made = decide(lead(Source.INBOUND_CALL, named="vera"), known=True, curator="boris")
    assert (made.receiver, made.rules, made.then.curator) == ("vera", ("R1-34", "R1-10"), "boris")


@pytest.mark.rule("R1-23")
def test_while_the_named_manager_is_absent_the_duty_manager_serves_and_he_is_told() -> None:
    made = decide(lead(Source.INBOUND_CALL, named="vera"), field(away=("vera",)), known=True, curator="vera")
    assert made.receiver in ("anna", "boris")
    assert (made.rule, made.pool, made.told, made.then.curator) == ("R1-23", "duty:msk", ("vera",), "vera")
    assert decide(lead(Source.INBOUND_CALL, named="vera"), field(away=("vera",))).then.curator is None


@pytest.mark.rule("R1-23")
def test_the_duty_manager_serves_for_the_named_one_even_if_somebody_else_is_curator() -> None:
    made = decide(lead(Source.INBOUND_CALL, named="anna"), field(away=("anna",)), known=True, curator="vera")
    assert (made.receiver, made.rule, made.told, made.then.curator) == ("boris", "R1-23", ("anna",), "vera")


@pytest.mark.rule("R1-10")
def test_a_name_that_is_not_in_the_directory_is_put_aside_with_an_alarm() -> None:
    made = decide(lead(Source.INBOUND_CALL, named="Сидоров"))
    assert (made.rule, made.receiver) == ("R1-08", "anna")
    assert alarm_of(made) == "the caller asked for «Сидоров», who is not in the directory"


@pytest.mark.rule("R1-10")
def test_one_who_left_or_only_wins_meetings_cannot_be_called_for() -> None:
    assert decide(lead(Source.INBOUND_CALL, named="gone")).excluded["gone"] == {"why": "left"}
    made = decide(lead(Source.INBOUND_CALL, named="agata"))
    assert (made.receiver, made.excluded["agata"]["why"]) == ("anna", "function")


@pytest.mark.rule("R1-10")
def test_only_a_call_goes_to_the_one_it_names() -> None:
    assert decide(lead(Source.WEBSITE, named="vera")).rule == "R1-45"


# ── duty and regions ────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.rule("R1-08")
@pytest.mark.rule("R1-45")
@pytest.mark.parametrize(("source", "rule"), [(Source.INBOUND_CALL, "R1-08"), (Source.WEBSITE, "R1-45")])
def test_calls_and_website_leads_of_the_home_region_are_shared_evenly_by_those_on_duty(
    source: Source, rule: str
) -> None:
    made = decide(lead(source))
    assert (made.rule, made.pool) == (rule, "duty:msk")
    assert [who for who, _ in made.candidates] == ["anna", "boris"]
    assert made.excluded == {"vera": {"why": "off_duty"}}
    assert receivers(source, "RU-MOS", 10) == {"anna": 5, "boris": 5}


@pytest.mark.rule("R1-24")
def test_one_on_duty_who_is_absent_receives_nothing() -> None:
    made = decide(lead(), field(away=("anna",)))
    assert made.receiver == "boris"
    assert made.excluded["anna"]["why"] == "absent"


def test_one_on_duty_who_does_not_sell_receives_nothing() -> None:
    made = decide(lead(), field(on_duty=("akim", "boris")))
    assert (made.receiver, made.excluded["akim"]["why"]) == ("boris", "function")


@pytest.mark.rule("R1-46")
@pytest.mark.parametrize("source", [Source.INBOUND_CALL, Source.WEBSITE])
@pytest.mark.parametrize("region", ["RU-SPE", "BY", "BY-MI"])
def test_leads_of_another_region_are_shared_evenly_by_its_managers(source: Source, region: str) -> None:
    assert decide(lead(source, region)).rule == "R1-46"
    assert receivers(source, region, 10) == {"sofia": 5, "stepan": 5}


@pytest.mark.rule("R1-46")
def test_a_regional_office_that_draws_up_a_roster_goes_by_it() -> None:
    there = field()
    offices = [replace(o, rostered=True, on_duty=("stepan",)) if o.id == "spb" else o for o in there.offices.values()]
    rostered = Field("RU-MOW", offices, there.people.values())
    assert receivers(Source.WEBSITE, "RU-SPE", 4, rostered) == {"stepan": 4}
    assert receivers(Source.EVENT, "RU-SPE", 4, rostered) == {"sofia": 2, "stepan": 2}


@pytest.mark.rule("R1-43")
@pytest.mark.parametrize(
    ("region", "there"),
    [
        ("RU-MOW", Territory("RU-MOW", "msk", home=True)),
        ("RU-SPE", Territory("RU-SPE", "spb", home=False)),
        ("BY-MI", Territory("BY-MI", "spb", home=False)),
        ("RU-NVS", Territory("RU-NVS", None, home=False)),
        ("KZ", Territory("KZ", None, home=False)),
        ("unknown", Territory("RU-MOW", "msk", home=True, assumed=True)),
        ("RU", Territory("RU-MOW", "msk", home=True, assumed=True)),
    ],
)
def test_a_region_is_served_by_its_own_entry_then_its_country_and_an_unknown_one_by_home(
    region: str, there: Territory
) -> None:
    assert territory(region, field()) == there


@pytest.mark.rule("R1-43")
def test_an_unknown_region_is_flagged_and_the_region_we_know_the_client_by_goes_first() -> None:
    assert ("region_assumed", "unknown") in decide(lead(region="unknown")).notes
    made = decide(lead(region="unknown"), known=True, region="RU-SPE")
    assert (made.pool, made.notes) == ("region:spb", ())


@pytest.mark.rule("R1-37")
def test_event_lists_go_to_the_regions_managers_and_at_home_evenly_to_all_managers_whoever_is_on_duty() -> None:
    assert receivers(Source.EVENT, "RU-SPE", 10) == {"sofia": 5, "stepan": 5}
    assert receivers(Source.EVENT, "RU-MOW", 9) == {"anna": 3, "boris": 3, "vera": 3}


@pytest.mark.rule("R1-28")
@pytest.mark.rule("R1-30")
def test_an_agents_meeting_goes_to_a_manager_of_the_region_else_evenly_to_the_home_managers() -> None:
    assert receivers(Source.AGENT, "RU-SPE", 4) == {"sofia": 2, "stepan": 2}
    assert receivers(Source.AGENT, "RU-MOW", 6) == {"anna": 2, "boris": 2, "vera": 2}
    assert receivers(Source.AGENT, "RU-TA", 6) == {"anna": 2, "boris": 2, "vera": 2}
    assert decide(lead(Source.AGENT, "RU-SPE")).rule == "R1-28"
    made = decide(lead(Source.AGENT, "RU-SPE"), field(away=("sofia", "stepan")))
    assert (made.rules, made.pool) == (("R1-28", "R1-30"), "home")
    assert set(made.excluded) == {"sofia", "stepan"}


@pytest.mark.rule("R1-39")
@pytest.mark.parametrize("source", [Source.OTHER, Source.REFERRAL])
def test_the_finder_keeps_his_lead_unless_its_sale_is_open(source: Source) -> None:
    made = decide(lead(source, "RU-SPE", submitter="vera"))
    assert (made.receiver, made.rule, made.share, made.then.curator) == ("vera", "R1-39", None, "vera")
    assert decide(lead(source, submitter="vera"), known=True, curator="boris").receiver == "vera"
    assert decide(lead(source, submitter="vera"), known=True, open_with="boris").rule == "R1-33"


@pytest.mark.rule("R1-39")
@pytest.mark.parametrize("submitter", [None, "nobody", "agata", "gone"])
def test_without_a_finder_who_may_work_a_sale_the_lead_goes_like_one_of_the_website(submitter: str | None) -> None:
    made = decide(lead(Source.OTHER, submitter=submitter))
    assert (made.rules, made.pool) == (("R1-39", "R1-45"), "duty:msk")
    assert any(note.code.startswith("finder_") for note in made.notes)


# ── nobody there ────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.rule("G8")
def test_out_of_hours_a_lead_waits_in_the_queue_of_the_duty_managers_and_the_head_answers_for_it() -> None:
    made = decide(lead(), field(on_duty=()))
    assert (made.receiver, made.rule, made.rules) == ("head_msk", "G8", ("R1-45", "G8"))
    assert (made.queue, made.office, made.share) == ("duty:msk", "msk", None)
    assert "nobody is on duty in the office msk" in str(alarm_of(made))
    assert made.then.curator is None, "one who only answers for a queue does not become curator"
    assert set(made.excluded) == {"anna", "boris", "vera"}


@pytest.mark.rule("G8")
def test_a_region_without_a_manager_goes_to_its_head() -> None:
    made = decide(lead(Source.EVENT, "RU-TA"))
    assert (made.receiver, made.queue, made.office) == ("head_kzn", "region:kzn", "kzn")


@pytest.mark.rule("G8")
def test_a_region_that_no_office_serves_goes_to_the_head_of_sales() -> None:
    made = decide(lead(Source.EVENT, "RU-NVS"))
    assert (made.receiver, made.queue, made.office) == ("boss", "region:RU-NVS", "msk")
    assert "no office serves the region RU-NVS" in str(alarm_of(made))


@pytest.mark.rule("G8")
def test_an_absent_head_is_passed_over_for_the_head_of_sales() -> None:
    made = decide(lead(Source.EVENT, "RU-TA"), field(away=("head_kzn",)))
    assert (made.receiver, made.excluded["head_kzn"]["why"]) == ("boss", "absent")


@pytest.mark.rule("G8")
def test_if_all_heads_are_absent_the_first_of_them_still_answers_and_the_alarm_says_so() -> None:
    made = decide(lead(Source.EVENT, "RU-TA"), field(away=("head_kzn", "boss", "head_msk")))
    assert made.receiver == "head_kzn"
    assert "answers for the queue, is absent" in str(alarm_of(made))


@pytest.mark.rule("G6")
def test_agents_account_managers_and_heads_receive_no_net_new_leads() -> None:
    got: Counter[str] = Counter()
    for source in (Source.EVENT, Source.WEBSITE, Source.AGENT, Source.INBOUND_CALL, Source.OTHER):
        got += receivers(source, "RU-MOW", 12)
    assert set(got) == {"anna", "boris", "vera"}


# ── the field, the record, the words ────────────────────────────────────────────────────────────────────────────────


def test_equal_fields_have_one_id_and_a_field_survives_its_json() -> None:
    there = field(away=("vera",), left=("boris",))
    again = Field.from_json(there.as_json())
    assert again.id == there.id
    assert again.as_json() == there.as_json()
    assert again.people["vera"].away == VACATION
    assert field().id != there.id


def test_a_person_is_found_by_id_or_by_a_name_that_only_one_bears() -> None:
    twins = Field(
        "RU-MOW",
        [],
        people(
            other=Person("other", "Анна Петрова", "spb", Function.SALES),
            old=Person("old", "Вера Зимина", "spb", Function.SALES, active=False),
        ),
    )
    assert twins.find("Анна Петрова") is None
    found = twins.find("ВЕРА ЗИМИНА")
    assert found is not None
    assert found.id == "vera", "one who works here goes before one who has left"
    assert twins.find("") is twins.find(None) is None


@pytest.mark.parametrize(("weight", "kept"), [(1.0, 1000), (0.1, 100), (0.333, 333), (0.0005, None), (1.23456, None)])
def test_weights_are_kept_in_thousandths(weight: float, kept: int | None) -> None:
    assert weight_in_thousandths(weight) == kept


def test_every_rule_note_and_reason_has_words_in_both_languages() -> None:
    for rule in [
        "R1-33",
        "R1-16",
        "R1-09",
        "R1-34",
        "R1-10",
        "R1-23",
        "R1-39",
        "R1-08",
        "R1-45",
        "R1-46",
        "R1-37",
        "R1-28",
        "R1-30",
        "G8",
    ]:
        english = reason(rule, "en", who="A", office="O", pool="P", queue="Q")
        russian = reason(rule, "ru", who="A", office="O", pool="P", queue="Q")
        assert "A" in english
        assert english != russian
        assert "{" not in english + russian
    assert passed_over({"why": "absent", "reason": "vacation", "until": VACATION.until}, "ru") == (
        "отсутствует до 2026-12-01 00:00: vacation"
    )
    made = decide(lead(Source.INBOUND_CALL, named="Сидоров"), field(on_duty=()))
    assert notes(made.notes, "ru").count(";") == 1
    assert all(note.code not in notes([note], "en") for note in made.notes)


def test_what_is_kept_of_a_decision_names_everybody() -> None:
    kept = as_kept(decide(lead(Source.EVENT), field(away=("vera",))))
    assert [c["id"] for c in kept["candidates"]] == ["anna", "boris"]
    assert kept["excluded"]["vera"]["why"] == "absent"
    assert set(kept["ledger"]["before"]) == set(kept["ledger"]["after"]) == {"anna", "boris"}
    assert kept["rules_version"]
