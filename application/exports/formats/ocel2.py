"""OCEL 2.0 in JSON, for object-centric process mining: tasks, task instances and workers, and what they take part in.

An event is one entered status. It is related to its task, to its instance, and to the worker that reported it.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any, BinaryIO

from pydantic_core import to_json

from application.exports.json_parts import write_array
from application.exports.log_snapshot import LogSnapshot
from application.exports.status_interval import StatusInterval
from application.exports.timeline import TaskTimelines, Timeline
from domain.entity import TASK, TASK_INSTANCE
from domain.time import EPOCH

WORKER = "worker"

OBJECT_TYPES: dict[str, tuple[str, ...]] = {TASK: ("workflow", "template"), TASK_INSTANCE: ("attempt",), WORKER: ()}
"""The types of objects and the names of their attributes."""

EVENT_ATTRIBUTES = ("reported", "rule", "reason")


def write(source: LogSnapshot, output: BinaryIO) -> int:
    """Write all of the source; rows are events."""
    output.write(b'{"objectTypes":')
    output.write(to_json([_type(name, attributes) for name, attributes in OBJECT_TYPES.items()]))
    output.write(b',\n"eventTypes":')
    output.write(to_json([_type(f"{kind} {status}", EVENT_ATTRIBUTES) for kind, status in source.entered_statuses()]))
    output.write(b',\n"objects":')
    write_array(output, _objects(source.tasks()))
    output.write(b',\n"events":')
    number = write_array(output, map(_event, source.intervals()))
    output.write(b"}\n")
    return number


def _type(name: str, attributes: Iterable[str]) -> dict[str, Any]:
    return {"name": name, "attributes": [{"name": attribute, "type": "string"} for attribute in attributes]}


def _objects(records: Iterable[TaskTimelines]) -> Iterator[dict[str, Any]]:
    workers: set[str] = set()
    for record in records:
        task = record.task.first
        yield _object(TASK, task.id, {"workflow": task.workflow_id, "template": task.template})
        for attempt in record.attempts:
            own = _object(TASK_INSTANCE, attempt.first.id, {"attempt": str(attempt.first.ordinal)})
            yield own | {"relationships": [_related(TASK, task.id, "attempt of")]}
        for worker in sorted(_workers(record) - workers):
            workers.add(worker)
            yield _object(WORKER, worker, {})


def _object(kind: str, name: str, said: dict[str, str | None]) -> dict[str, Any]:
    attributes = [
        {"name": key, "value": value, "time": _time(EPOCH)} for key, value in said.items() if value is not None
    ]
    return {"id": f"{kind}:{name}", "type": kind, "attributes": attributes, "relationships": []}


def _event(stay: StatusInterval) -> dict[str, Any]:
    said = {"reported": stay.reported, "rule": stay.rule, "reason": stay.reason}
    related = [_related(TASK, stay.task_id, TASK)]
    if stay.kind == TASK_INSTANCE:
        related.append(_related(TASK_INSTANCE, stay.id, "attempt"))
    if stay.worker:
        related.append(_related(WORKER, stay.worker, "reported by"))
    return {
        "id": str(stay.position),
        "type": f"{stay.kind} {stay.status}",
        "time": _time(stay.entered_at),
        "attributes": [{"name": name, "value": value} for name, value in said.items() if value is not None],
        "relationships": related,
    }


def _workers(record: TaskTimelines) -> set[str]:
    tracks: list[Timeline] = [record.task, *record.attempts]
    return {stay.worker for track in tracks for stay in track.stays if stay.worker}


def _related(kind: str, name: str, qualifier: str) -> dict[str, str]:
    return {"objectId": f"{kind}:{name}", "qualifier": qualifier}


def _time(time: datetime) -> str:
    return time.isoformat().replace("+00:00", "Z")
