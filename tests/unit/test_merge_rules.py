"""What merges of clients do to owners and sales, by the rules alone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from services.process.rules.joining import by_progress, set_anew, which_goes_on
from services.process.rules.sale import Sale, Task
from services.routing.rules.case import Client
from services.routing.rules.merged import facts_of, merged, parted
from shared.words import Source, Stage, TaskKind

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
ONE, OTHER = UUID(int=1), UUID(int=2)


def sale(n: int, stage: Stage, *, hours: int = 0, before: Stage | None = None) -> Sale:
    task = Task(UUID(int=100 + n), TaskKind.CALL)
    return Sale(
        id=UUID(int=n),
        client_id=UUID(int=10 + n),
        company="Фрезер",
        manager="anna",
        office_id="msk",
        source=Source.WEBSITE,
        received_at=NOW + timedelta(hours=hours),
        pipeline="sale-1",
        stage=stage,
        task=task,
        stage_before_deferral=before,
    )


@pytest.mark.rule("R1-42")
def test_the_further_sale_goes_on_and_of_two_equally_far_the_one_that_came_first() -> None:
    early, late = sale(1, Stage.OPENED), sale(2, Stage.OPENED, hours=1)
    further = sale(3, Stage.PROPOSAL, hours=2)
    assert which_goes_on(late, early) == (early, late)
    assert which_goes_on(early, further) == (further, early)
    assert which_goes_on(None, late) == (late, None)
    assert which_goes_on(None, None) == (None, None)
    assert by_progress([early, late, further]) == [further, early, late]


@pytest.mark.rule("R1-42")
def test_a_deferred_sale_is_as_far_as_it_had_come() -> None:
    deferred = sale(1, Stage.DEFERRED, hours=1, before=Stage.NEGOTIATION)
    assert which_goes_on(sale(2, Stage.MEETING_SET), deferred)[0] is deferred
    assert which_goes_on(sale(2, Stage.CONTRACT), deferred)[1] is deferred


@pytest.mark.rule("R4-11")
def test_a_task_set_anew_asks_for_the_same_at_the_same_time() -> None:
    task = Task(ONE, TaskKind.OFFER, NOW, "the long one", NOW.date())
    assert set_anew(task, OTHER) == Task(OTHER, TaskKind.OFFER, NOW, "the long one", NOW.date())


@pytest.mark.rule("R1-34")
def test_the_survivor_keeps_his_curator_and_takes_over_only_what_he_lacks() -> None:
    survivor, loser = Client(ONE, curator="anna"), Client(OTHER, region="RU-MOW", curator="boris", current=True)
    after = merged(survivor, loser)
    assert (after.client_id, after.curator, after.region, after.current) == (ONE, "anna", "RU-MOW", True)
    assert merged(Client(ONE), loser).curator == "boris"


@pytest.mark.rule("R1-33")
def test_until_process_has_answered_a_lead_goes_to_whoever_works_either_of_them() -> None:
    assert merged(Client(ONE), Client(OTHER, open_with="boris")).given_to == "boris"
    assert merged(Client(ONE, open_with="anna"), Client(OTHER, open_with="boris")).given_to is None
    assert merged(Client(ONE, given_to="anna"), Client(OTHER, open_with="boris")).given_to == "anna"


def test_a_split_gives_back_what_was_and_leaves_what_has_changed_since() -> None:
    survivor, loser = Client(ONE, region="unknown"), Client(OTHER, region="RU-MOW", curator="boris")
    before, after = facts_of(survivor), facts_of(merged(survivor, loser))
    assert parted(merged(survivor, loser), before, after) == survivor
    changed = Client(ONE, region="RU-SPE", curator="boris")
    assert parted(changed, before, after) == Client(ONE, region="RU-SPE")
