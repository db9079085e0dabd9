"""GET /metrics: what Prometheus asks for."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
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
from infrastructure.log.commands import Command
from infrastructure.log.event_log import EventLog
from infrastructure.sql import query
from interfaces.http.problems import documented

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
STALLED_SECONDS = 60
"""A subscription whose position has stood still for so long, with events to read, is stalled."""

EXAMPLE = 'sojourn_transitions_total{kind="task",rule=""} 12.0\nsojourn_subscription_stalled{subscription="mail"} 0.0\n'

router = APIRouter()
disable_created_metrics()  # type: ignore[no-untyped-call]  # when a series began is of no use here


class Metrics:
    """What one app has counted; a registry of its own, so that a process may have many apps."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.transitions = self._counter("transitions", "Statuses entered through this server.", "kind", "rule")
        self.refusals = self._counter("refusals", "Reports and proposals refused.", "kind", "rule")
        self.lock_retries = self._counter("lock_retries", "Further attempts because others held a row.")
        self.append_seconds = Histogram(
            "sojourn_append_seconds", "What appending took.", ["how"], buckets=SECONDS, registry=self.registry
        )

    def _counter(self, name: str, what: str, *labels: str) -> Counter:
        return Counter(f"sojourn_{name}", what, labels, registry=self.registry)

    def gauge(self, name: str, what: str, value: Callable[[], float]) -> None:
        """Have a value read whenever it is asked for."""
        Gauge(f"sojourn_{name}", what, registry=self.registry).set_function(value)

    def count(self, event: Event) -> None:
        """Count one event that was appended."""
        kind = event.stream.partition(":")[0]
        if event.is_transition:
            self.transitions.labels(kind, event.rule or "").inc()
        elif isinstance(event, TaskRefused | TaskInstanceRefused):
            self.refusals.labels(kind, event.rule or "").inc()


class CountingLog(EventLog):
    """A log that counts what it appends. Where a transaction is repeated, so is what it counts."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    def append(
        self,
        connection: Connection[Any],
        task: Task | None,
        instance: TaskInstance | None,
        events: Iterable[Event],
        command: Command | None = None,
    ) -> None:
        """Append, and count."""
        appended = list(events)
        began = time.perf_counter()
        super().append(connection, task, instance, appended, command)
        self._metrics.append_seconds.labels("one").observe(time.perf_counter() - began)
        for event in appended:
            self._metrics.count(event)

    def copy(
        self,
        connection: Connection[Any],
        events: Iterable[Event],
        recorded_at: datetime,
        entered: Mapping[str, datetime] = {},
    ) -> None:
        """Append many, and count."""
        began = time.perf_counter()
        super().copy(connection, self._counted(events), recorded_at, entered)
        self._metrics.append_seconds.labels("many").observe(time.perf_counter() - began)

    def _counted(self, events: Iterable[Event]) -> Iterator[Event]:
        for event in events:
            self._metrics.count(event)
            yield event


class Lags(Collector):
    """How far behind each subscription is, read from the database when it is asked for."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def collect(self) -> Iterator[Metric]:
        """The gauges, a sample for each subscription."""
        position, behind, seconds, still, stalled = (_gauge(*named) for named in GAUGES)
        for name, at, events, behind_seconds, still_seconds in self._read():
            position.add_metric([name], at)
            behind.add_metric([name], events)
            seconds.add_metric([name], behind_seconds)
            still.add_metric([name], still_seconds)
            stalled.add_metric([name], float(events > 0 and min(behind_seconds, still_seconds) > STALLED_SECONDS))
        yield from (position, behind, seconds, still, stalled)

    def _read(self) -> list[Any]:
        with self._store.session() as connection:
            return connection.execute(query("infrastructure", "subscriptions/lags")).fetchall()


GAUGES = (
    ("position", "The last position that it has read."),
    ("lag_events", "How many events it has not read (100000: at least so many)."),
    ("lag_seconds", "How long ago the first event that it has not read was recorded."),
    ("still_seconds", "How long its position has stood still."),
    ("stalled", f"1 where it has events to read and its position has stood still for {STALLED_SECONDS} s: alarm."),
)


def _gauge(name: str, what: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"sojourn_subscription_{name}", what, labels=["subscription"])


@router.get(
    "/metrics",
    response_class=Response,
    responses={
        200: {"content": {"text/plain": {"example": EXAMPLE}}, "description": "Prometheus' text format."},
        **documented(),
    },
)
def metrics(request: Request) -> Response:
    """Transitions and refusals by rule, lock retries, append latency, and how far behind each subscription is."""
    registry: CollectorRegistry = request.app.state.api.metrics.registry
    return Response(generate_latest(registry), media_type=CONTENT_TYPE_PLAIN_0_0_4)
