"""GET /metrics: counters and gauges for Prometheus."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from fastapi import APIRouter, Request
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.registry import Collector
from psycopg import Connection
from starlette.responses import Response

from application.shared.store import Store
from domain.entities.events import Event, TaskInstanceRefused, TaskRefused
from domain.entities.task import Task
from domain.entities.task_instance import TaskInstance
from domain.printable import printable
from infrastructure.log.commands import Command
from infrastructure.log.event_log import EventLog
from infrastructure.sql import query
from interfaces.http.problems import document_problems

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
STALLED_SECONDS = 60
"""A subscription with events to read is stalled when its position has not moved for this long."""

EXAMPLE = 'sojourn_transitions_total{kind="task",rule=""} 12.0\nsojourn_subscription_stalled{subscription="mail"} 0.0\n'

router = APIRouter()
disable_created_metrics()  # type: ignore[no-untyped-call]  # creation times are of no use here


class Metrics:
    """The counters of one app, in a registry of its own, because a process may have several apps."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.transitions = self._counter("transitions", "Statuses entered through this server.", "kind", "rule")
        self.refusals = self._counter("refusals", "Reports and proposals refused.", "kind", "rule")
        self.lock_retries = self._counter("lock_retries", "Retries because others held a row.")
        self.append_seconds = Histogram(
            "sojourn_append_seconds", "Duration of appends.", ["how"], buckets=SECONDS, registry=self.registry
        )

    def _counter(self, name: str, help_text: str, *labels: str) -> Counter:
        return Counter(f"sojourn_{name}", help_text, labels, registry=self.registry)

    def add_gauge(self, name: str, help_text: str, value: Callable[[], float]) -> None:
        """Add a gauge whose value is computed at every scrape."""
        Gauge(f"sojourn_{name}", help_text, registry=self.registry).set_function(value)

    def count_event(self, event: Event) -> None:
        """Count an appended event as a transition or a refusal."""
        kind = event.stream.partition(":")[0]
        if event.is_transition:
            self.transitions.labels(kind, event.rule or "").inc()
        elif isinstance(event, TaskRefused | TaskInstanceRefused):
            self.refusals.labels(kind, event.rule or "").inc()


class CountingLog(EventLog):
    """A log that counts the events it appends; a transaction that is retried is counted again."""

    def __init__(self, metrics: Metrics, clock_tolerance: timedelta) -> None:
        super().__init__(clock_tolerance)
        self._metrics = metrics

    def append(
        self,
        connection: Connection[Any],
        task: Task | None,
        instance: TaskInstance | None,
        events: Iterable[Event],
        command: Command | None = None,
        *,
        remembered: bool = False,
    ) -> datetime:
        """Append events, and count them."""
        appended = list(events)
        began = time.perf_counter()
        recorded_at = super().append(connection, task, instance, appended, command, remembered=remembered)
        self._metrics.append_seconds.labels("one").observe(time.perf_counter() - began)
        for event in appended:
            self._metrics.count_event(event)
        return recorded_at

    def copy(
        self,
        connection: Connection[Any],
        events: Iterable[Event],
        recorded_at: datetime,
        entered: Mapping[str, datetime] = {},
    ) -> None:
        """Append many events, and count them."""
        began = time.perf_counter()
        super().copy(connection, self._counted(events), recorded_at, entered)
        self._metrics.append_seconds.labels("many").observe(time.perf_counter() - began)

    def _counted(self, events: Iterable[Event]) -> Iterator[Event]:
        for event in events:
            self._metrics.count_event(event)
            yield event


class SubscriptionLags(Collector):
    """The lag of each subscription, read from the database at every scrape."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def collect(self) -> Iterator[Metric]:
        """Yield the gauges, with a sample for each subscription."""
        position, behind, seconds, still, stalled = (_new_gauge(*gauge) for gauge in GAUGES)
        for subscription, at, events, behind_seconds, still_seconds in self._read_lags():
            name = printable(subscription)
            position.add_metric([name], at)
            behind.add_metric([name], events)
            seconds.add_metric([name], behind_seconds)
            still.add_metric([name], still_seconds)
            stalled.add_metric([name], float(events > 0 and min(behind_seconds, still_seconds) > STALLED_SECONDS))
        yield from (position, behind, seconds, still, stalled)

    def _read_lags(self) -> list[Any]:
        with self._store.session() as connection:
            return connection.execute(query("infrastructure", "subscriptions/lags")).fetchall()


GAUGES = (
    ("position", "The last position that the subscription has read."),
    ("lag_events", "Number of events that it has not read (100000: that many or more)."),
    ("lag_seconds", "Age of the first event that it has not read."),
    ("still_seconds", "Time since its position last moved."),
    (
        "stalled",
        f"1 while events wait and its position has not moved for {STALLED_SECONDS} s: raise an alarm.",
    ),
)


def _new_gauge(name: str, help_text: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"sojourn_subscription_{name}", help_text, labels=["subscription"])


@router.get(
    "/metrics",
    response_class=Response,
    responses={
        200: {"content": {"text/plain": {"example": EXAMPLE}}, "description": "Prometheus' text format."},
        **document_problems(),
    },
)
def read_metrics(request: Request) -> Response:
    """Return transitions and refusals by rule, lock retries, append latency, and the lag of each subscription."""
    registry: CollectorRegistry = request.app.state.api.metrics.registry
    return Response(generate_latest(registry), media_type=CONTENT_TYPE_PLAIN_0_0_4)
