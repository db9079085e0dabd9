"""OpenTelemetry traces in OTLP's JSON, which Jaeger opens: a task is a trace, attempts and statuses are its spans.

The root span is the task's. Its statuses are child spans, and so is each attempt, with its own statuses below it. A
terminal status is an event of its entity's span. The span of an open status or entity lasts until the time of the
export and has the attribute `sojourn.open`. Ids are digests of the names, so another export has the same ids.

OTLP counts nanoseconds from 1970 in 64 bits without a sign, to July 2554. A time outside of that is written as the
nearest one that fits, and the span has it as an attribute: `sojourn.begins_at`, `sojourn.ends_at`.
"""

import hashlib
from collections.abc import Iterator
from datetime import datetime
from typing import Any, BinaryIO

from pydantic_core import to_json

from application.exports.epoch import microseconds_between
from application.exports.json_parts import write_array
from application.exports.log_snapshot import LogSnapshot
from application.exports.status_interval import StatusInterval
from application.exports.timeline import TaskTimelines, Timeline

INTERNAL = 1
"""The SpanKind of a span that is neither a client's nor a server's."""

OK, ERROR = 1, 2

MAX_NANOSECONDS = 2**64 - 1
"""The last time that OTLP can state."""


def write(source: LogSnapshot, output: BinaryIO) -> int:
    """Write all of `source` and return the number of spans."""
    resource = {"attributes": _attributes({"service.name": "sojourn", "sojourn.workflow": source.workflow_id})}
    output.write(b'{"resourceSpans":[{"resource":%b,' % to_json(resource))
    output.write(b'"scopeSpans":[{"scope":{"name":"sojourn"},"spans":')
    number = write_array(output, (span for task in source.tasks() for span in _spans(task)))
    output.write(b"}]}]}\n")
    return number


def _spans(task: TaskTimelines) -> Iterator[dict[str, Any]]:
    root = task.own
    trace = _digest(f"{root.first.workflow_id}\0{root.first.id}", 16)
    for timeline in task.timelines:
        yield _entity_span(trace, timeline, parent=None if timeline is root else root)
        for interval in timeline.waits_and_works:
            yield _status_span(trace, timeline, interval)


def _entity_span(trace: str, timeline: Timeline, parent: Timeline | None) -> dict[str, Any]:
    last = timeline.last
    span = _span(trace, _span_id(timeline), str(timeline.entity), timeline.first.entered_at, timeline.ended_at)
    if parent:
        span["parentSpanId"] = _span_id(parent)
    if last.ends:
        span["status"] = {"code": ERROR, "message": last.reason or last.status} if last.failure else {"code": OK}
        span["events"] = [
            {
                "timeUnixNano": _nanoseconds(last.entered_at),
                "name": last.status,
                "attributes": _attributes(_event_values(last)),
            }
        ]
    span["attributes"] = _attributes(
        {
            "sojourn.entity": str(timeline.entity),
            "sojourn.workflow": last.workflow_id,
            "sojourn.template": last.template,
            "sojourn.attempt": timeline.first.ordinal,
            "sojourn.status": last.status,
            "sojourn.worker": timeline.work.worker if timeline.work else None,
            "sojourn.open": None if last.ends else True,
            **_times_outside(timeline.first.entered_at, timeline.ended_at),
        }
    )
    return span


def _status_span(trace: str, timeline: Timeline, interval: StatusInterval) -> dict[str, Any]:
    name = _digest(f"{timeline.entity}\0{interval.version}", 8)
    span = _span(trace, name, interval.status, interval.entered_at, interval.ended_at)
    span["parentSpanId"] = _span_id(timeline)
    span["attributes"] = _attributes(
        _event_values(interval)
        | {"sojourn.open": True if interval.exited_at is None else None}
        | _times_outside(interval.entered_at, interval.ended_at)
    )
    return span


def _span(trace: str, span_id: str, name: str, begin: datetime, end: datetime) -> dict[str, Any]:
    return {
        "traceId": trace,
        "spanId": span_id,
        "name": name,
        "kind": INTERNAL,
        "startTimeUnixNano": _nanoseconds(begin),
        "endTimeUnixNano": _nanoseconds(end),
    }


def _event_values(interval: StatusInterval) -> dict[str, Any]:
    return {
        "sojourn.position": interval.position,
        "sojourn.reported": interval.reported,
        "sojourn.rule": interval.rule,
        "sojourn.reason": interval.reason,
        "sojourn.actor": interval.worker,
    }


def _attributes(values: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"key": key, "value": _value(value)} for key, value in values.items() if value is not None]


def _value(value: str | bool | int) -> dict[str, Any]:
    if isinstance(value, bool):
        return {"boolValue": value}
    # OTLP's JSON has 64-bit integers as strings.
    return {"stringValue": value} if isinstance(value, str) else {"intValue": str(value)}


def _nanoseconds(time: datetime) -> str:
    return str(min(max(microseconds_between(time) * 1000, 0), MAX_NANOSECONDS))


def _times_outside(begin: datetime, end: datetime) -> dict[str, Any]:
    """Return those of the times that OTLP cannot state."""
    times = {"sojourn.begins_at": begin, "sojourn.ends_at": end}
    return {
        name: time.isoformat()
        for name, time in times.items()
        if not 0 <= microseconds_between(time) * 1000 <= MAX_NANOSECONDS
    }


def _span_id(timeline: Timeline) -> str:
    return _digest(str(timeline.entity), 8)


def _digest(text: str, size: int) -> str:
    return hashlib.blake2b(text.encode(), digest_size=size).hexdigest()
