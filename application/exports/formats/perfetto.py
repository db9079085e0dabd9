"""A trace for ui.perfetto.dev, in the JSON of Chrome's trace viewer: tracks of slices on one axis of time.

Each task is a process: its main thread shows the task's own statuses, each other thread those of an attempt. Each
worker is a process too, with a thread for each attempt it worked on. No thread has two attempts, so overlapping
attempts are drawn next to each other, never nested. A terminal status is an instant, because it has no end.
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
    """Write all of `source` and return the number of slices and instants."""
    trace = _Trace()
    output.write(b'{"displayTimeUnit":"ms","traceEvents":')
    write_array(output, (event for task in source.tasks() for event in trace.events(task)))
    output.write(b"}\n")
    return trace.rows


class _Trace:
    """Numbers processes and threads uniquely.

    Perfetto treats process 0 as idle and a thread with its process's number as the main one. Older versions also mix up
    threads of different processes that have the same number.
    """

    def __init__(self) -> None:
        self._numbers = count(1)
        self._workers: dict[str, int] = {}
        self.rows = 0

    def events(self, task: TaskTimelines) -> Iterator[dict[str, Any]]:
        process = next(self._numbers)
        yield _name("process", process, process, f"task {task.own.first.id}")
        for timeline in task.timelines:
            thread = process if timeline is task.own else next(self._numbers)
            yield _name("thread", process, thread, _title(timeline))
            yield from self._counted(_statuses(timeline, process, thread))
        for attempt in task.attempts or (task.own,):
            yield from self._work_slice(attempt)

    def _work_slice(self, timeline: Timeline) -> Iterator[dict[str, Any]]:
        work = timeline.work
        if work is None or work.worker is None or work.ends:
            return
        if work.worker not in self._workers:
            self._workers[work.worker] = number = next(self._numbers)
            yield _name("process", number, number, f"worker {work.worker}")
        process, thread = self._workers[work.worker], next(self._numbers)
        yield _name("thread", process, thread, str(timeline.entity))
        slice_ = _event(
            "X", "work", process, thread, work, dur=microseconds_between(timeline.ended_at, work.entered_at)
        )
        yield from self._counted(iter([slice_ | {"name": str(timeline.entity)}]))

    def _counted(self, events: Iterator[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        for event in events:
            self.rows += 1
            yield event


def _statuses(timeline: Timeline, process: int, thread: int) -> Iterator[dict[str, Any]]:
    for interval in timeline.intervals:
        if interval.ends:
            yield _event("i", interval.kind, process, thread, interval, s="t")
        else:
            duration = microseconds_between(interval.ended_at, interval.entered_at)
            yield _event("X", interval.kind, process, thread, interval, dur=duration)


def _event(
    phase: str, category: str, process: int, thread: int, interval: StatusInterval, **others: Any
) -> dict[str, Any]:
    return {
        "ph": phase,
        "cat": category,
        "name": interval.status,
        "pid": process,
        "tid": thread,
        "ts": microseconds_between(interval.entered_at),
        **others,
        "args": _arguments(interval),
    }


def _arguments(interval: StatusInterval) -> dict[str, Any]:
    values = {
        "entity": f"{interval.kind}:{interval.id}",
        "workflow": interval.workflow_id,
        "template": interval.template,
        "status": interval.status,
        "position": interval.position,
        "reported": interval.reported,
        "rule": interval.rule,
        "worker": interval.worker,
        "reason": interval.reason,
        "open": None if interval.exited_at or interval.ends else True,
    }
    return {name: value for name, value in values.items() if value is not None}


def _name(what: str, process: int, thread: int, name: str) -> dict[str, Any]:
    return {"ph": "M", "name": f"{what}_name", "pid": process, "tid": thread, "args": {"name": name}}


def _title(timeline: Timeline) -> str:
    if timeline.first.ordinal is None:
        return "task"
    worker = timeline.work.worker if timeline.work else None
    return f"attempt {timeline.first.ordinal}{f' on {worker}' if worker else ''}: {timeline.first.id}"
