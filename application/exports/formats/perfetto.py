"""A trace for ui.perfetto.dev, in the JSON of Chrome's trace viewer: tracks of slices on one axis of time.

Each task is a process: its main thread shows the task's own statuses, each further one an attempt's. Each worker is
a process, too, with a thread for each attempt that it worked on. No thread has two attempts, so that attempts which
overlap are beside each other, never one inside the other. A terminal status is an instant: it lasts for ever.
"""

from collections.abc import Iterator
from itertools import count
from typing import Any, BinaryIO

from application.exports.epoch import microseconds_between
from application.exports.json_parts import write_array
from application.exports.log_snapshot import LogSnapshot
from application.exports.status_interval import StatusInterval
from application.exports.timeline import TaskTimelines, Timeline


def write(source: LogSnapshot, output: BinaryIO) -> int:
    """Write all of the source; rows are slices and instants."""
    trace = _Trace()
    output.write(b'{"displayTimeUnit":"ms","traceEvents":')
    write_array(output, (event for record in source.tasks() for event in trace.events(record)))
    output.write(b"}\n")
    return trace.rows


class _Trace:
    """Numbers the processes and threads, no two the same: Perfetto takes 0 for an idle process, a thread with its
    process's number for the main one, and in older versions a thread of any process for the one of that number."""

    def __init__(self) -> None:
        self._numbers = count(1)
        self._workers: dict[str, int] = {}
        self.rows = 0

    def events(self, record: TaskTimelines) -> Iterator[dict[str, Any]]:
        process = next(self._numbers)
        yield _name("process", process, process, f"task {record.task.first.id}")
        for track in (record.task, *record.attempts):
            thread = process if track is record.task else next(self._numbers)
            yield _name("thread", process, thread, _title(track))
            yield from self._counted(_statuses(track, process, thread))
        for attempt in record.attempts or (record.task,):
            yield from self._at_work(attempt)

    def _at_work(self, track: Timeline) -> Iterator[dict[str, Any]]:
        work = track.work
        if work is None or work.worker is None or work.ends:
            return
        if work.worker not in self._workers:
            self._workers[work.worker] = number = next(self._numbers)
            yield _name("process", number, number, f"worker {work.worker}")
        process, thread = self._workers[work.worker], next(self._numbers)
        yield _name("thread", process, thread, str(track.entity))
        slice_ = _event("X", "work", process, thread, work, dur=microseconds_between(track.ended_at, work.entered_at))
        yield from self._counted(iter([slice_ | {"name": str(track.entity)}]))

    def _counted(self, events: Iterator[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        for event in events:
            self.rows += 1
            yield event


def _statuses(track: Timeline, process: int, thread: int) -> Iterator[dict[str, Any]]:
    for stay in track.stays:
        if stay.ends:
            yield _event("i", stay.kind, process, thread, stay, s="t")
        else:
            lasted = microseconds_between(stay.ended_at, stay.entered_at)
            yield _event("X", stay.kind, process, thread, stay, dur=lasted)


def _event(phase: str, category: str, process: int, thread: int, stay: StatusInterval, **more: Any) -> dict[str, Any]:
    return {
        "ph": phase,
        "cat": category,
        "name": stay.status,
        "pid": process,
        "tid": thread,
        "ts": microseconds_between(stay.entered_at),
        **more,
        "args": _said(stay),
    }


def _said(stay: StatusInterval) -> dict[str, Any]:
    said = {
        "entity": f"{stay.kind}:{stay.id}",
        "workflow": stay.workflow_id,
        "template": stay.template,
        "status": stay.status,
        "position": stay.position,
        "reported": stay.reported,
        "rule": stay.rule,
        "worker": stay.worker,
        "reason": stay.reason,
        "open": None if stay.exited_at or stay.ends else True,
    }
    return {name: value for name, value in said.items() if value is not None}


def _name(what: str, process: int, thread: int, name: str) -> dict[str, Any]:
    return {"ph": "M", "name": f"{what}_name", "pid": process, "tid": thread, "args": {"name": name}}


def _title(track: Timeline) -> str:
    if track.first.ordinal is None:
        return "task"
    worker = track.work.worker if track.work else None
    return f"attempt {track.first.ordinal}{f' on {worker}' if worker else ''}: {track.first.id}"
