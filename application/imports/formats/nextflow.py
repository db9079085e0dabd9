"""Reads what Nextflow records of a run: the trace file of `-with-trace`, or Seqera Platform's list of its tasks.

The fields are those of Nextflow's documentation, "Trace file" (nextflow.io/docs/latest/reports.html); a trace may have
any of them, for people or raw, with any separator and in any order of rows.

A task is identified by its name (or process and tag): it is `RUN/NAME` in the workflow RUN (or --workflow), and each of
its rows is an attempt `RUN/NAME/TASK_ID`. A retry is a further attempt at the failed task of the same name
(trace_tasks.py). Other rows of the same name are separate tasks, `RUN/NAME#2`. An attempt is SUBMITTED from `submit`,
RUNNING from `start`, and in its last status from `complete`. Without those fields, it ended `duration` after `submit`,
and had run for `realtime`. While it is SUBMITTED, it waits for resources of its executor.

The trace does not name its run. RUN is made of the first row that the run executed itself, which is unique to it.

What the trace does not say stays unknown: an attempt that ended without a start has no RUNNING interval. But a status
without a time, like that of attempts that ended with their run (ABORTED), is entered when its task is tried again, or
at the latest time of the trace, and counted as `estimated-time`. A CACHED task was not executed in this run and has no
attempt; its times are those of the run that executed it.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import chain, islice
from typing import NamedTuple

from application.imports.attempt_times import UNKNOWN_TIME, AttemptTimes, Instants, find_reversed, resolve_ambiguous
from application.imports.change import (
    BadLine,
    Change,
    CreateInstance,
    InvalidLine,
    MoveInstance,
    MoveTask,
    ParsedLine,
    RegisterTask,
)
from application.imports.local_time import epoch_instant, possible_instants, shift_instant
from application.imports.naming import join_id, make_actor, template_name
from application.imports.options import Options
from application.imports.parsing import parse_line
from application.imports.seqera_tasks import can_be_task_list, open_task_list
from application.imports.trace_file import CACHED, TraceFile, TraceRow, is_header, open_trace
from application.imports.trace_tasks import RowKey, TimedRow, TraceTasks
from domain.errors import MAX_ATTEMPTS
from domain.printable import short_repr
from domain.time import MAX_SECONDS
from domain.waits_for import WaitKind, WaitsFor

LIFECYCLE = "nextflow"

ROWS_PER_BLOCK = 20_000
"""The number of rows within which their order does not matter."""

SUBMITTED = "SUBMITTED"
UNFINISHED = frozenset({SUBMITTED, "RUNNING"})
UNDATED, ESTIMATED = "undated-status", "estimated-time"

DURATION_PART = re.compile(r"(\d+(?:\.\d+)?)\s*(d|h|m(?!s)|ms|s)[a-z]*\s*")
MILLISECOND = timedelta(milliseconds=1)
SECONDS = {"d": 86_400.0, "h": 3_600.0, "m": 60.0, "s": 1.0, "ms": 0.001}

EXECUTOR = WaitsFor(kind=WaitKind.RESOURCES)
"""What an attempt waits for in the queue of its executor."""

Read = Callable[[], TraceRow]


class PlacedRow(NamedTuple):
    """A row with the number of its task among those of its name, and the time at which that is tried again."""

    timed: TimedRow
    task_number: int
    tried_again_at: datetime | None


def looks_like(line: str) -> bool:
    """Return whether a file that begins with `line` can be a trace, or a list of tasks."""
    return is_header(line) or can_be_task_list(line)


def read(lines: Iterable[tuple[int, bytes]], options: Options) -> Iterator[ParsedLine | BadLine]:
    """Yield the changes of each row.

    Raises:
        MissingTraceFields: the trace lacks fields.
        TimeZoneNeeded: a time has no zone, and no --timezone was given.
        UnknownTaskList: a JSON file is not a list of tasks.
    """
    file = _open(iter(lines))
    trace = _Trace(file.run, options)
    while block := list(islice(file.rows, ROWS_PER_BLOCK)):
        yield from trace.parse_block(block)


def _open(lines: Iterator[tuple[int, bytes]]) -> TraceFile:
    first = list(islice(lines, 1))
    is_json = bool(first) and first[0][1].lstrip().startswith((b"{", b"["))
    return (open_task_list if is_json else open_trace)(chain(first, lines), LIFECYCLE)


class _Trace:
    """Parses rows, block by block."""

    def __init__(self, run: str, options: Options) -> None:
        self._run = run
        self._options = options
        self._attempts = options.require_instances(LIFECYCLE)
        self._tasks = TraceTasks(self._attempts.failures)
        self._latest: datetime | None = None

    def parse_block(self, block: Sequence[tuple[int, Read]]) -> Iterator[ParsedLine | BadLine]:
        """Yield the changes of each row, in the order of the file, but the attempts at a task in theirs."""
        lines = [parse_line(number, read, self._time_row) for number, read in block]
        rows = [line for line in lines if isinstance(line, TimedRow)]
        self._note_latest(rows)
        placed = iter(_place_rows(rows, self._tasks.number_rows(rows)))
        for line in lines:
            yield line if isinstance(line, BadLine) else self._parse(next(placed))

    def _time_row(self, number: int, read: Read) -> TimedRow:
        row = read()
        status = self._options.lifecycle.task.check(row.status or "")
        return TimedRow(number, row, status, self._times(row, status))

    def _note_latest(self, rows: Iterable[TimedRow]) -> None:
        # The times of a CACHED row are of an earlier run.
        known = (time for row in rows if row.times and row.status != CACHED for time in row.times if time)
        self._latest = max(chain([self._latest] if self._latest else [], known), default=None)

    def _parse(self, placed: PlacedRow) -> ParsedLine | BadLine:
        return parse_line(placed.timed.number, placed, self._parse_placed)

    def _parse_placed(self, number: int, placed: PlacedRow) -> ParsedLine:
        row, status, times = placed.timed[1:]
        estimate = placed.tried_again_at or self._latest
        if status == CACHED and times:
            return ParsedLine(number, tuple(self._move_task(placed, times.end or times.submit)))
        if times and row.was_submitted and status in self._attempts.transitions:
            anomalies = find_reversed(times)
            dated = _estimate_times(times, status, estimate or times.submit)
            changes = tuple(self._try_task(placed, dated))
            return ParsedLine(number, changes, (*anomalies, *([ESTIMATED] if dated != times else ())))
        at = times.submit if times else estimate
        task = self._options.lifecycle.task
        if at is None or status == CACHED or not task.can_transition(task.initial, status):
            return ParsedLine(number, (), (UNDATED,))
        return ParsedLine(number, tuple(self._move_task(placed, at)), () if times else (ESTIMATED,))

    def _move_task(self, placed: PlacedRow, at: datetime) -> Iterator[Change]:
        """Yield the changes of a task that was never submitted in this run."""
        row, status = placed.timed.row, placed.timed.status
        by, reason = make_actor("nextflow", row.hostname), _identification(row)
        yield self._register(placed, at)._replace(actor=by, reason=reason, status=status, or_initial=True)
        yield MoveTask(self._task_id(placed), status, at, by, reason)

    def _try_task(self, placed: PlacedRow, times: AttemptTimes) -> Iterator[Change]:
        row, status = placed.timed.row, placed.timed.status
        by = make_actor("nextflow", row.hostname)
        task = self._task_id(placed)
        yield self._register(placed, times.submit)._replace(
            actor=by, status=SUBMITTED, or_initial=True, waits_for=EXECUTOR
        )
        instance = join_id("task instance", task, row.instance)
        yield CreateInstance(instance, task, times.submit, by, _identification(row), waits_for=EXECUTOR)
        if times.start:
            yield MoveInstance(instance, "RUNNING", times.start, by)
        if times.end:
            yield MoveInstance(instance, status, times.end, by, f"exit code {row.exit}" if row.exit else None)

    def _register(self, placed: PlacedRow, at: datetime) -> RegisterTask:
        row = placed.timed.row
        template = template_name(row.process or row.task_name.partition(" (")[0])
        return RegisterTask(self._task_id(placed), self._options.workflow or self._run, at, MAX_ATTEMPTS, template)

    def _task_id(self, placed: PlacedRow) -> str:
        name, number = placed.timed.row.task_name, placed.task_number
        return join_id("task", self._run, name if number == 1 else f"{name}#{number}")

    def _times(self, row: TraceRow, status: str) -> AttemptTimes | None:
        ended = status not in UNFINISHED
        submits, starts, completes = (self._instants(text) for text in (row.submit, row.start, row.complete))
        if submits == UNKNOWN_TIME:
            submits = completes
        if submits == UNKNOWN_TIME:
            return None
        took, ran = _duration(row.duration), _duration(row.realtime)
        times = resolve_ambiguous(submits, starts, completes if ended else UNKNOWN_TIME, run_time=ran, total_time=took)
        if not ended or status == CACHED:
            return times
        end = times.end or (shift_instant(times.submit, took) if took is not None else None)
        return times._replace(start=times.start or _start_time(times.submit, end, took, ran), end=end)

    def _instants(self, text: str | None) -> Instants:
        if text is None:
            return UNKNOWN_TIME
        if text.isdecimal():
            return UNKNOWN_TIME if text.strip("0") == "" else (epoch_instant(text, MILLISECOND),)
        return possible_instants(text, self._options.zone, LIFECYCLE)


def _place_rows(rows: Sequence[TimedRow], numbers: Sequence[int]) -> list[PlacedRow]:
    """Return the rows where the file has them, but each task's in the order of its attempts."""
    places: defaultdict[tuple[str, int], list[int]] = defaultdict(list)
    for place, (row, number) in enumerate(zip(rows, numbers, strict=True)):
        places[row.row.task_name, number].append(place)
    placed: dict[int, PlacedRow] = {}
    for (_, number), its in places.items():
        attempts, again = _order_attempts([rows[place] for place in its])
        placed |= {place: PlacedRow(row, number, again[row.key]) for place, row in zip(its, attempts, strict=True)}
    return [placed[place] for place in range(len(rows))]


def _order_attempts(rows: list[TimedRow]) -> tuple[list[TimedRow], dict[RowKey, datetime | None]]:
    """Return the rows of a task in the order of its attempts, and when it was submitted again after each of them."""
    first_rows: dict[RowKey, TimedRow] = {}
    for row in rows:
        first_rows.setdefault(row.key, row)
    found = list(first_rows.values())
    attempts = sorted(found, key=lambda row: row.order)
    submissions = [row.times.submit if row.times else None for row in attempts]
    again = {row.key: submit for row, submit in zip(attempts, [*submissions[1:], None], strict=True)}
    return rows if attempts == found else sorted(rows, key=lambda row: row.order), again


def _estimate_times(times: AttemptTimes, status: str, estimate: datetime) -> AttemptTimes:
    """Return the times of an attempt, with an estimate for the one of its status if the row does not state it."""
    if status == "RUNNING" and times.start is None:
        return times._replace(start=max(estimate, times.submit))
    if status not in UNFINISHED and times.end is None:
        return times._replace(end=max(estimate, times.start or times.submit))
    return times


def _start_time(
    submit: datetime, end: datetime | None, took: timedelta | None, ran: timedelta | None
) -> datetime | None:
    if end is None or ran is None:
        return None
    return shift_instant(submit, took - ran) if took is not None else shift_instant(end, -ran)


def _duration(text: str | None) -> timedelta | None:
    """Return the duration that `1m 20s`, `757ms` or a number of milliseconds means."""
    if text is None:
        return None
    seconds, end = (float(text) / 1000, len(text)) if text.isdecimal() else (0.0, 0)
    for part in DURATION_PART.finditer(text, end):
        if part.start() != end:
            break
        seconds, end = seconds + float(part[1]) * SECONDS[part[2]], part.end()
    if end != len(text) or not end or seconds > MAX_SECONDS:
        what = "longer than a century" if seconds > MAX_SECONDS else "not a duration"
        raise InvalidLine(f"duration {short_repr(text)} is {what}; write it like 1m 20s or in milliseconds")
    return timedelta(seconds=seconds)


def _identification(row: TraceRow) -> str | None:
    text = ", ".join(f"{key} {value}" for key, value in (("hash", row.hash), ("native ID", row.native_id)) if value)
    return text or None
