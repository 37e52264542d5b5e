"""Every lead of a list comes out recognised, given to a manager, opened as a sale and set a deadline: exactly once."""

from __future__ import annotations

import pytest

from shared.events import listeners_of
from shared.message import ROOMS
from tests.e2e.conftest import Furnished

INVARIANTS = {
    "every submission ends in exactly one outcome": """
        select s.id from intake.submissions s left join intake.decisions d on d.lead_id = s.id
        group by s.id having count(d.lead_id) <> 1""",
    "every accepted lead has exactly one routing decision with a receiver": """
        select d.lead_id from intake.decisions d left join routing.decisions r on r.lead_id = d.lead_id
        and not r.passed_on
        where d.purpose = 'leads' and d.outcome not in ('rejected', 'early')
        group by d.lead_id having count(r.lead_id) <> 1 or count(r.receiver) <> 1""",
    "every routed lead is in exactly one sale": """
        select r.lead_id from routing.decisions r left join process.leads l on l.id = r.lead_id
        where not r.passed_on group by r.lead_id having count(l.process_id) <> 1""",
    "no client has two open sales": """
        select client_id from process.processes where closed_at is null
        group by client_id, product_line having count(*) > 1""",
    "every open sale has exactly one open task": """
        select p.id from process.processes p left join process.tasks t on t.process_id = p.id and t.is_open
        where p.closed_at is null group by p.id having count(t.id) <> 1""",
    "every task has a deadline, open as long as the task is": """
        select t.id from process.tasks t left join reminders.deadlines d on d.task_id = t.id
        where d.task_id is null or (d.state = 'open') <> t.is_open""",
    "no sale without a lead": """
        select p.id from process.processes p where not exists (select 1 from process.leads l where l.process_id = p.id)""",
    "no room holds a dead letter": """
        select 'intake', reason from intake.dead_letters where state <> 'settled'
        union all select 'routing', reason from routing.dead_letters where state <> 'settled'
        union all select 'process', reason from process.dead_letters where state <> 'settled'
        union all select 'reminders', reason from reminders.dead_letters where state <> 'settled'""",
    "the managers of one client agree everywhere": """
        select r.client_id from routing.decisions r join process.processes p on p.client_id = r.client_id
        and p.closed_at is null where r.receiver <> p.manager and not r.passed_on
        and not exists (select 1 from routing.decisions o where o.lead_id = p.lead_id and o.passed_on)""",
}


@pytest.mark.parametrize("promise", INVARIANTS)
@pytest.mark.rule("R0-10", "G8", "R1-42", "R4-11")
async def test_invariant(furnished: Furnished, promise: str) -> None:
    assert await furnished.query(INVARIANTS[promise]) == []


async def test_every_row_of_the_list_is_accounted_for(furnished: Furnished) -> None:
    assert furnished.base.unaccounted() == []
    assert furnished.exhibition.unaccounted() == []
    tally = furnished.exhibition.done.tally
    assert tally.accepted >= 1000
    assert tally.accepted == tally.new + tally.same + tally.possible == tally.routed == tally.in_sales
    assert tally.opened == tally.tasks == tally.deadlines
    assert tally.rejected >= 1


@pytest.mark.rule("G6")
async def test_nobody_is_more_than_a_lead_and_a_half_from_what_he_is_owed(furnished: Furnished) -> None:
    managers = furnished.exhibition.done.managers
    assert len(managers) >= 6
    assert all(abs(manager["deviation"]) <= 1.5 for manager in managers if manager["shared"])


async def test_importing_the_same_list_again_changes_nothing(
    furnished: Furnished, tmp_path_factory: pytest.TempPathFactory
) -> None:
    from estafeta.demo import EXHIBITION
    from estafeta.importing import Intent
    from tests.e2e.conftest import take_in

    before = await furnished.query("select count(*), count(distinct client_id) from process.processes")
    folder = tmp_path_factory.mktemp("again")
    again = await take_in(furnished.bus, EXHIBITION, folder, Intent("ПромЭкспо 2026"))
    assert await furnished.query("select count(*), count(distinct client_id) from process.processes") == before
    assert again.done.tally.accepted == furnished.exhibition.done.tally.accepted


async def test_each_history_was_applied_without_a_gap(furnished: Furnished) -> None:
    heard = [
        (source, kind, listener)
        for source in ROOMS
        for kind, listeners in listeners_of(source).items()
        for listener in sorted(listeners)
    ]
    assert ("process", "tasks", "reminders") in heard
    for source, kind, listener in heard:
        late = await furnished.query(
            "select s.aggregate from (select aggregate, max(sequence) as said"
            f" from {source}.outbox group by aggregate) s left join {listener}.watermarks w"
            " on w.source = :source and w.aggregate = s.aggregate"
            " where s.aggregate like :kind and coalesce(w.applied, 0) <> s.said",
            source=source,
            kind=f"{kind}/%",
        )
        assert late == [], f"{listener} has not applied all that {source} said of each {kind}"
