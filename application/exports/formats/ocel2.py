"""OCEL 2.0 in JSON, for object-centric process mining: tasks, task instances, workers and their events.

A task relates to the task that it is a part of, and to those that it waits for. An event is one entered status. It
relates to its task, to its instance, and to the worker that reported it.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, BinaryIO

from pydantic_core import to_json

from application.exports.json_parts import write_array
from application.exports.log_snapshot import LogSnapshot, TaskLinks
from application.exports.status_interval import StatusInterval
from application.exports.timeline import TaskTimelines
from domain.entity import TASK, TASK_INSTANCE
from domain.time import EPOCH

WORKER = "worker"

OBJECT_TYPES: dict[str, tuple[str, ...]] = {TASK: ("workflow", "template"), TASK_INSTANCE: ("attempt",), WORKER: ()}
"""The types of objects and the names of their attributes."""

EVENT_ATTRIBUTES = ("reported", "rule", "reason")


def write(source: LogSnapshot, output: BinaryIO) -> int:
    """Write all of `source` and return the number of events."""
    output.write(b'{"objectTypes":')
    output.write(to_json([_type(name, attributes) for name, attributes in OBJECT_TYPES.items()]))
    output.write(b',\n"eventTypes":')
    output.write(to_json([_type(f"{kind} {status}", EVENT_ATTRIBUTES) for kind, status in source.entered_statuses()]))
    output.write(b',\n"objects":')
    write_array(output, _objects(source.tasks(), source.links()))
    output.write(b',\n"events":')
    number = write_array(output, map(_event, source.intervals()))
    output.write(b"}\n")
    return number


def _type(name: str, attributes: Iterable[str]) -> dict[str, Any]:
    return {"name": name, "attributes": [{"name": attribute, "type": "string"} for attribute in attributes]}


def _objects(tasks: Iterable[TaskTimelines], links: Mapping[str, TaskLinks]) -> Iterator[dict[str, Any]]:
    workers: set[str] = set()
    for task in tasks:
        first = task.own.first
        own = _object(TASK, first.id, {"workflow": first.workflow_id, "template": first.template})
        yield own | {"relationships": list(_links(links.get(first.id)))}
        for attempt in task.attempts:
            instance = _object(TASK_INSTANCE, attempt.first.id, {"attempt": str(attempt.first.ordinal)})
            yield instance | {"relationships": [_relationship(TASK, first.id, "attempt of")]}
        for worker in sorted(_workers(task) - workers):
            workers.add(worker)
            yield _object(WORKER, worker, {})


def _links(links: TaskLinks | None) -> Iterator[dict[str, str]]:
    if links and links.parent_id:
        yield _relationship(TASK, links.parent_id, "part of")
    for upstream_id in links.upstream_ids if links else ():
        yield _relationship(TASK, upstream_id, "waits for")


def _object(kind: str, name: str, values: dict[str, str | None]) -> dict[str, Any]:
    attributes = [
        {"name": key, "value": value, "time": _time(EPOCH)} for key, value in values.items() if value is not None
    ]
    return {"id": f"{kind}:{name}", "type": kind, "attributes": attributes, "relationships": []}


def _event(interval: StatusInterval) -> dict[str, Any]:
    values = {"reported": interval.reported, "rule": interval.rule, "reason": interval.reason}
    relationships = [_relationship(TASK, interval.task_id, TASK)]
    if interval.kind == TASK_INSTANCE:
        relationships.append(_relationship(TASK_INSTANCE, interval.id, "attempt"))
    if interval.worker:
        relationships.append(_relationship(WORKER, interval.worker, "reported by"))
    return {
        "id": str(interval.position),
        "type": f"{interval.kind} {interval.status}",
        "time": _time(interval.entered_at),
        "attributes": [{"name": name, "value": value} for name, value in values.items() if value is not None],
        "relationships": relationships,
    }


def _workers(task: TaskTimelines) -> set[str]:
    return {interval.worker for timeline in task.timelines for interval in timeline.intervals if interval.worker}


def _relationship(kind: str, name: str, qualifier: str) -> dict[str, str]:
    return {"objectId": f"{kind}:{name}", "qualifier": qualifier}


def _time(time: datetime) -> str:
    return time.isoformat().replace("+00:00", "Z")
