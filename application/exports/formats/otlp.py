"""OpenTelemetry's traces, as OTLP's JSON, which Jaeger opens: a task is a trace, attempts and statuses its spans.

The root span is the task's. Its statuses are spans below it, and so is each attempt, with its own statuses below. A
terminal status is an event of its entity's span. What has not ended has a span up to the time of the export, with
the attribute `sojourn.open`. Ids are digests of what they stand for: exporting again gives the same.
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
"""SpanKind: no client and no server."""

OK, ERROR = 1, 2


def write(source: LogSnapshot, output: BinaryIO) -> int:
    """Write all of the source; rows are spans."""
    resource = {"attributes": _attributes({"service.name": "sojourn", "sojourn.workflow": source.workflow_id})}
    output.write(b'{"resourceSpans":[{"resource":%b,' % to_json(resource))
    output.write(b'"scopeSpans":[{"scope":{"name":"sojourn"},"spans":')
    number = write_array(output, (span for record in source.tasks() for span in _spans(record)))
    output.write(b"}]}]}\n")
    return number


def _spans(record: TaskTimelines) -> Iterator[dict[str, Any]]:
    root = record.task
    trace = _digest(f"{root.first.workflow_id}\0{root.first.id}", 16)
    for track in (root, *record.attempts):
        yield _entity(trace, track, parent=None if track is root else root)
        for stay in track.waits_and_works:
            yield _status(trace, track, stay)


def _entity(trace: str, track: Timeline, parent: Timeline | None) -> dict[str, Any]:
    last = track.last
    span = _span(trace, _span_id(track), str(track.entity), track.first.entered_at, track.ended_at)
    if parent:
        span["parentSpanId"] = _span_id(parent)
    if last.ends:
        span["status"] = {"code": ERROR, "message": last.reason or last.status} if last.failure else {"code": OK}
        span["events"] = [
            {"timeUnixNano": _nanoseconds(last.entered_at), "name": last.status, "attributes": _attributes(_said(last))}
        ]
    span["attributes"] = _attributes(
        {
            "sojourn.entity": str(track.entity),
            "sojourn.workflow": last.workflow_id,
            "sojourn.template": last.template,
            "sojourn.attempt": track.first.ordinal,
            "sojourn.status": last.status,
            "sojourn.worker": track.work.worker if track.work else None,
            "sojourn.open": None if last.ends else True,
        }
    )
    return span


def _status(trace: str, track: Timeline, stay: StatusInterval) -> dict[str, Any]:
    name = _digest(f"{track.entity}\0{stay.version}", 8)
    span = _span(trace, name, stay.status, stay.entered_at, stay.ended_at)
    span["parentSpanId"] = _span_id(track)
    span["attributes"] = _attributes(_said(stay) | {"sojourn.open": True if stay.exited_at is None else None})
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


def _said(stay: StatusInterval) -> dict[str, Any]:
    return {
        "sojourn.position": stay.position,
        "sojourn.reported": stay.reported,
        "sojourn.rule": stay.rule,
        "sojourn.reason": stay.reason,
        "sojourn.actor": stay.worker,
    }


def _attributes(said: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"key": key, "value": _value(value)} for key, value in said.items() if value is not None]


def _value(value: str | bool | int) -> dict[str, Any]:
    if isinstance(value, bool):
        return {"boolValue": value}
    # OTLP's JSON writes 64-bit integers as text.
    return {"stringValue": value} if isinstance(value, str) else {"intValue": str(value)}


def _nanoseconds(time: datetime) -> str:
    return f"{microseconds_between(time)}000"


def _span_id(track: Timeline) -> str:
    return _digest(str(track.entity), 8)


def _digest(text: str, size: int) -> str:
    return hashlib.blake2b(text.encode(), digest_size=size).hexdigest()
