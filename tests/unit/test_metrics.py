"""What a room counts, as Prometheus and a person read it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, cast

import pytest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.letter import Letter
from shared.message import Batch, Said
from shared.metrics import Metrics
from shared.unit import Settlement

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
HEALTH: dict[str, Any] = {
    "ready": True,
    "leads": False,
    "unsent": 3,
    "oldest_unsent_s": 1.5,
    "dead": 2,
    "oldest_dead_s": 60.0,
    "waiting": 4,
    "measures": {"deadline_lag_seconds": 0.25},
    "consumers": {"reminders_hears_process": {"pending": 7, "unacked": 5}},
    "since_start": {"sent": 11, "sent_again": 1},
}


def figures(metrics: Metrics, health: dict[str, Any]) -> dict[str, float]:
    """Every sample that Prometheus would store, by name and labels."""
    return {
        sample.name + "".join(f"|{value}" for value in sample.labels.values()): sample.value
        for family in text_string_to_metric_families(metrics.told(health).decode())
        for sample in family.samples
    }


async def learn(batch: Batch[Any], db: AsyncConnection) -> Said:
    if not batch:
        raise ValueError("nothing to learn")
    return []


def test_every_figure_of_a_room_is_told_under_its_own_name() -> None:
    metrics = Metrics("reminders")
    told = figures(metrics, HEALTH)
    assert all(name.startswith(("estafeta_reminders_", "process_")) for name in told)
    expected = {
        "ready": 1,
        "relay_leader": 0,
        "outbox_unsent_messages": 3,
        "outbox_oldest_unsent_seconds": 1.5,
        "dead_letters": 2,
        "dead_letters_oldest_seconds": 60,
        "waiting_letters": 4,
        "deadline_lag_seconds": 0.25,
        "consumer_pending_messages|reminders_hears_process": 7,
        "consumer_unacked_messages|reminders_hears_process": 5,
        "messages_sent_total": 11,
        "messages_sent_again_total": 1,
    }
    assert {name: told[f"estafeta_reminders_{name}"] for name in expected} == expected


def test_a_room_whose_database_is_away_tells_what_it_knows() -> None:
    told = figures(Metrics("intake"), {"ready": False, "problems": ["the database does not answer"]})
    assert told["estafeta_intake_ready"] == 0
    assert "estafeta_intake_dead_letters" not in told
    assert told["estafeta_intake_retries_total"] == 0


def test_gate_waits_are_told_from_retries() -> None:
    metrics = Metrics("process")
    later = [(Letter("evt.routing.lead.assigned", {}, b""), 0.2)] * 5
    metrics.served("process_hears_routing", 40, Settlement(later=later, applied=34, buried=1, gaps=3), 0.02)
    told = figures(metrics, {})
    named = ("letters_applied", "gate_waits", "retries", "letters_died")
    assert [told[f"estafeta_process_{name}_total"] for name in named] == [34, 3, 2, 1]
    assert told["estafeta_process_batch_letters_sum|process_hears_routing"] == 40
    assert told["estafeta_process_batch_seconds_count|process_hears_routing"] == 1


async def test_the_time_of_each_handler_is_kept_whether_it_succeeds_or_fails() -> None:
    metrics = Metrics("process")
    timed = metrics.timed(learn)
    nowhere = cast(AsyncConnection, None)
    assert await timed(Batch(cast(Any, ["something"]), NOW), nowhere) == []
    with pytest.raises(ValueError, match="nothing to learn"):
        await timed(Batch([], NOW), nowhere)
    assert timed.__name__ == "learn"
    assert figures(metrics, {})["estafeta_process_handler_seconds_count|learn"] == 2
    summary = metrics.summary()
    assert summary["handlers"]["learn"]["batches"] == 2
    assert summary["handlers"]["learn"]["mean_ms"] < 1000
