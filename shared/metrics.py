"""What a room counts of its own work, and how it is told to Prometheus and to `estafeta status`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import wraps
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector, disable_created_metrics
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import generate_latest
from prometheus_client.registry import Collector
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.clock import ticks
from shared.message import Batch, Said
from shared.unit import Handler, Settlement

_BATCH = (1, 2, 5, 10, 25, 50, 100, 250, 500)
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)

_GAUGES: Mapping[str, tuple[str, str]] = {
    "ready": ("ready", "1 if everything this room needs is there."),
    "leads": ("relay_leader", "1 if this replica sends what the room says."),
    "unsent": ("outbox_unsent_messages", "What was said and is not in the stream yet."),
    "oldest_unsent_s": ("outbox_oldest_unsent_seconds", "How long ago the oldest of it was said."),
    "dead": ("dead_letters", "Messages that were given up and nobody has settled."),
    "oldest_dead_s": ("dead_letters_oldest_seconds", "How long ago the oldest of them was given up."),
    "waiting": ("waiting_letters", "Messages that wait behind a dead letter of the same history."),
}
_RELAYED: Mapping[str, tuple[str, str]] = {
    "sent": ("messages_sent", "Messages put into the stream by this replica."),
    "sent_again": ("messages_sent_again", "Messages queued again because a listener had not applied them."),
}
_HELP = {
    "deadline_lag_seconds": "How late the oldest step of a deadline is that should have been taken.",
    "oldest_receipt_seconds": "How long the oldest lead that came by HTTP has waited to be taken in.",
    "duty_gaps": "Times of the next week with fewer on duty than needed (R1-08).",
    "pool_deviation_leads": "The most that anybody of a pool is owed or ahead, in leads (docs/fairness.md).",
}
_LABELS = {"pool_deviation_leads": "pool"}

disable_created_metrics()  # type: ignore[no-untyped-call]  # half as many lines, and nobody reads the others


class Metrics:
    """The counts of one replica since it started. Every name begins with `estafeta_<room>_`."""

    def __init__(self, room: str) -> None:
        self.room, self.since = room, ticks()
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self.applied = self._counter("letters_applied", "Messages applied.")
        self.gaps = self._counter("gate_waits", "Messages asked for again because one before them had not come yet.")
        self.retries = self._counter("retries", "Messages asked for again because they could not be applied yet.")
        self.died = self._counter("letters_died", "Messages given up.")
        self._counters = {
            "applied": self.applied, "gate_waits": self.gaps, "retries": self.retries, "died": self.died,
        }  # fmt: skip
        self.batch = self._histogram("batch_letters", "Messages in a batch.", _BATCH, ("durable",))
        self.serving = self._histogram("batch_seconds", "Time for a batch, with its commit.", _SECONDS, ("durable",))
        self.handling = self._histogram("handler_seconds", "Time in a handler, for a batch.", _SECONDS, ("handler",))

    def _counter(self, name: str, meaning: str) -> Counter:
        return Counter(name, meaning, namespace="estafeta", subsystem=self.room, registry=self.registry)

    def _histogram(self, name: str, meaning: str, buckets: tuple[float, ...], labels: tuple[str, ...]) -> Histogram:
        return Histogram(
            name, meaning, labels, "estafeta", self.room, registry=self.registry, buckets=(*buckets, float("inf"))
        )

    # ── counting ────────────────────────────────────────────────────────────────────────────────────────────────

    def timed(self, handler: Handler) -> Handler:
        """`handler`, with the time it takes observed under its name."""
        seconds = self.handling.labels(handler.__name__.strip("_"))

        @wraps(handler)
        async def observed(batch: Batch[Any], db: AsyncConnection) -> Said:
            began = ticks()
            try:
                return await handler(batch, db)
            finally:
                seconds.observe(ticks() - began)

        return observed

    def served(self, durable: str, letters: int, settlement: Settlement, seconds: float) -> None:
        """A batch of `letters` was served."""
        self.batch.labels(durable).observe(letters)
        self.serving.labels(durable).observe(seconds)
        self.applied.inc(settlement.applied)
        self.gaps.inc(settlement.gaps)
        self.retries.inc(len(settlement.later) - settlement.gaps)
        self.died.inc(settlement.buried)

    # ── telling ─────────────────────────────────────────────────────────────────────────────────────────────────

    def told(self, health: Mapping[str, Any]) -> bytes:
        """Everything counted, and the `health` of this moment, as Prometheus reads it."""
        return generate_latest(self.registry) + generate_latest(_Look(self.room, health))

    def summary(self) -> dict[str, Any]:
        """The same since the start, for a person: counts, letters in a batch, and per handler `{batches, mean_ms}`."""
        counts = {name: int(_values(counter)["_total", ""]) for name, counter in self._counters.items()}
        batches, handled = _values(self.batch), _values(self.handling)
        return {
            "seconds": ticks() - self.since,
            **counts,
            "batches": int(sum(value for (what, _), value in batches.items() if what == "_count")),
            "letters": sum(value for (what, _), value in batches.items() if what == "_sum"),
            "handlers": {
                name: {"batches": count, "mean_ms": 1000 * handled["_sum", name] / count}
                for (what, name), count in handled.items()
                if what == "_count" and count
            },
        }


def _values(metric: Counter | Histogram) -> dict[tuple[str, str], float]:
    """The figures of one metric by the end of their names and their label; those of buckets are passed over."""
    whole = next(iter(metric.describe())).name
    return {
        (sample.name.removeprefix(whole), next(iter(sample.labels.values()), "")): sample.value
        for family in metric.collect()
        for sample in family.samples
        if not sample.name.endswith("_bucket")
    }


class _Look(Collector):
    """What is looked up when somebody asks, as a collector."""

    def __init__(self, room: str, health: Mapping[str, Any]) -> None:
        self.room, self.health = room, health

    def collect(self) -> Iterator[Metric]:
        """Every figure as a family of its own."""
        for key, (name, meaning) in _RELAYED.items():
            count = self.health.get("since_start", {}).get(key, 0)
            yield CounterMetricFamily(f"estafeta_{self.room}_{name}", meaning, value=count)
        for key, (name, meaning) in _GAUGES.items():
            if key in self.health:
                yield self._gauge(name, meaning, float(self.health[key]))
        for name, value in self.health.get("measures", {}).items():
            yield (
                self._gauges(name, value)
                if isinstance(value, Mapping)
                else self._gauge(name, _HELP.get(name, name), float(value))
            )
        for name, key, meaning in (
            (
                "consumer_pending_messages",
                "pending",
                "Messages in the stream that were not delivered to this room yet.",
            ),
            ("consumer_unacked_messages", "unacked", "Messages delivered and not acknowledged yet."),
        ):
            family = GaugeMetricFamily(f"estafeta_{self.room}_{name}", meaning, labels=["durable"])
            for durable, counts in self.health.get("consumers", {}).items():
                family.add_metric([durable], counts[key])
            yield family

    def _gauges(self, name: str, values: Mapping[str, float]) -> GaugeMetricFamily:
        """One figure for each of several things: pools, and whatever a room has several of (`_LABELS`)."""
        family = GaugeMetricFamily(
            f"estafeta_{self.room}_{name}", _HELP.get(name, name), labels=[_LABELS.get(name, "name")]
        )
        for thing, value in values.items():
            family.add_metric([thing], float(value))
        return family

    def _gauge(self, name: str, meaning: str, value: float) -> GaugeMetricFamily:
        return GaugeMetricFamily(f"estafeta_{self.room}_{name}", meaning, value=value)
