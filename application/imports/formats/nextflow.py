"""Reads Nextflow's trace file: `nextflow run -with-trace`, with any fields, for people or raw.

The fields are those of Nextflow's documentation, "Trace file" (nextflow.io/docs/latest/reports.html).

A task is identified by its name (or process and tag): it is `RUN/NAME` in the workflow RUN (or --workflow), and each of
its rows is an attempt `RUN/NAME/TASK_ID`. A retry is a further attempt at the failed task of the same name: its row has
an `attempt` above 1, or follows a failure if there is no such field. Other rows of the same name are separate tasks,
`RUN/NAME#2`. An attempt is SUBMITTED from `submit`, RUNNING from `start`, and in its last status from `complete`.
Without those fields, it ended `duration` after `submit`, and had run for `realtime`.

The trace does not name its run. RUN is made of the first row that the run executed itself, which is unique to it.

What the trace does not say stays unknown: an attempt without a start has no RUNNING interval. A CACHED task was not
executed in this run and has no attempt; its times are those of the run that executed it.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import chain, islice
from operator import itemgetter
from typing import NamedTuple

from application.imports.attempt_times import UNKNOWN_TIME, AttemptTimes, Instants, find_reversed, resolve_ambiguous
from application.imports.bounded_cache import BoundedCache
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
from application.imports.naming import join_id, make_actor, placeholder_name, template_name
from application.imports.options import Options
from application.imports.parsing import parse_lines
from domain.errors import MAX_ATTEMPTS, SojournError
from domain.printable import short_repr
from domain.time import MAX_SECONDS

LIFECYCLE = "nextflow"

REMEMBERED_NAMES = 100_000
"""The number of names that are remembered for retries, at least."""

MAX_UNRETRIED = 100
"""The number of failed, not yet retried tasks of one name that are remembered."""

LOOKAHEAD = 10_000
"""The number of rows among which the run's first own one is looked for."""

USED = (
    "task_id", "hash", "native_id", "process", "tag", "name", "status", "exit", "attempt", "submit", "start",
    "complete", "duration", "realtime", "hostname",
)  # fmt: skip
IDS = ("task_id", "native_id", "hash")
"""The fields that identify a row of a run; the first one that the file has is used."""

NULLS = frozenset({"", "-", "null", "N/A", "NA"})

CACHED = "CACHED"
UNFINISHED = frozenset({"SUBMITTED", "RUNNING"})

DURATION_PART = re.compile(r"(\d+(?:\.\d+)?)\s*(d|h|m(?!s)|ms|s)[a-z]*\s*")
MILLISECOND = timedelta(milliseconds=1)
SECONDS = {"d": 86_400.0, "h": 3_600.0, "m": 60.0, "s": 1.0, "ms": 0.001}


class TraceRow(NamedTuple):
    """The fields of a row that are used here; None where the file has no value."""

    task_id: str | None
    hash: str | None
    native_id: str | None
    process: str | None
    tag: str | None
    name: str | None
    status: str | None
    exit: str | None
    attempt: str | None
    submit: str | None
    start: str | None
    complete: str | None
    duration: str | None
    realtime: str | None
    hostname: str | None


class NameUse(NamedTuple):
    """The tasks of one name so far: their number, and each failed task with its attempt."""

    tasks: int = 0
    failed: tuple[tuple[int, int], ...] = ()


class MissingTraceFields(SojournError):
    """Raised when a Nextflow trace lacks fields that its import needs.

    Fix: add them to Nextflow's trace.fields.
    """

    def __init__(self, fields: Sequence[str]) -> None:
        super().__init__(f"the trace lacks {', '.join(fields)}; add it to Nextflow's trace.fields")


def looks_like(line: str) -> bool:
    """Return whether a file that begins with `line` can be a trace."""
    return len({"task_id", "hash", "native_id", "name", "process", "status", "submit"} & set(_split(line))) > 2


def read(lines: Iterable[tuple[int, bytes]], options: Options) -> Iterator[ParsedLine | BadLine]:
    """Yield the changes of each row.

    Raises:
        MissingTraceFields: the trace lacks fields.
        TimeZoneNeeded: a time has no zone, and no --timezone was given.
    """
    numbered = ((number, text.decode(errors="replace").rstrip("\r\n")) for number, text in lines)
    _, header = next(numbered, (0, ""))
    if not header:
        return
    row = _reader(_split(header))
    first = list(islice(numbered, LOOKAHEAD))
    trace = _Trace(_run(row, [text for _, text in first]), options)
    rows = ((number, text) for number, text in chain(first, numbered) if text != header)
    yield from parse_lines(rows, lambda number, text: trace.parse(number, row(text)))


class _Trace:
    """Parses rows, remembering earlier ones to recognise retries and repeated rows."""

    def __init__(self, run: str, options: Options) -> None:
        self._run = run
        self._options = options
        self._names: BoundedCache[str, NameUse] = BoundedCache(REMEMBERED_NAMES)
        self._rows: BoundedCache[tuple[str | None, ...], int] = BoundedCache(REMEMBERED_NAMES)
        self._attempts = options.require_instances(LIFECYCLE)

    def parse(self, number: int, row: TraceRow) -> ParsedLine:
        """Return the changes of a row."""
        status = self._options.lifecycle.task.check(row.status or "")
        name = row.name or f"{row.process}{f' ({row.tag})' if row.tag else ''}"
        if status == CACHED:
            undated = row.submit is None and row.complete is None
        else:
            undated = row.submit is None or status not in self._attempts.transitions
        if undated:
            # It was never submitted, and the row has no time for its status.
            return ParsedLine(number, (), ("undated-status",))
        times = self._times(row, status)
        changes = self._changes(self._task(name, row, status), name, row, status, times)
        return ParsedLine(number, tuple(changes), tuple(_anomalies(status, times)))

    def _changes(self, task: str, name: str, row: TraceRow, status: str, times: AttemptTimes) -> Iterator[Change]:
        by = make_actor("nextflow", row.hostname)
        at = times.end or times.submit if status == CACHED else times.submit
        workflow = self._options.workflow or self._run
        yield RegisterTask(task, workflow, at, MAX_ATTEMPTS, template_name(row.process or name.partition(" (")[0]))
        if status == CACHED:
            yield MoveTask(task, CACHED, at, by, _identification(row))
            return
        row_id = row.task_id or row.native_id or row.hash or ""
        instance = join_id("task instance", task, row_id)
        yield CreateInstance(instance, task, times.submit, by, _identification(row))
        if times.start:
            yield MoveInstance(instance, "RUNNING", times.start, by)
        if times.end:
            yield MoveInstance(instance, status, times.end, by, f"exit code {row.exit}" if row.exit else None)

    def _task(self, name: str, row: TraceRow, status: str) -> str:
        """Return the id of a row's task; a repeated row has the same task as before."""
        key = (name, row.task_id, row.hash, row.native_id)
        which = self._rows.get(key) or self._task_of_new_row(name, row, status)
        self._rows.put(key, which)
        return join_id("task", self._run, name if which == 1 else f"{name}#{which}")

    def _task_of_new_row(self, name: str, row: TraceRow, status: str) -> int:
        """Return the number, among the tasks of this name, of the failed one that is retried, or of a new one."""
        named = self._names.get(name) or NameUse()
        which, attempt, failed = _which(named, row)
        if status in self._attempts.failures:
            failed = (*failed[1 - MAX_UNRETRIED :], (which, attempt))
        self._names.put(name, NameUse(max(named.tasks, which), failed))
        return which

    def _times(self, row: TraceRow, status: str) -> AttemptTimes:
        ended = status not in UNFINISHED
        submits, starts, completes = (self._instants(text) for text in (row.submit, row.start, row.complete))
        if submits == UNKNOWN_TIME:
            submits = completes
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


def _which(named: NameUse, row: TraceRow) -> tuple[int, int, tuple[tuple[int, int], ...]]:
    """Return the number of a row's task among those of its name, of its attempt, and the other failed tasks."""
    stated = int(row.attempt) if row.attempt and row.attempt.isdecimal() and len(row.attempt) < 10 else None
    for number, before in named.failed:
        if stated is None or stated == before + 1:
            rest = tuple(other for other in named.failed if other != (number, before))
            return number, before + 1, rest
    if stated is not None and stated > 1:
        return max(named.tasks, 1), stated, named.failed
    return named.tasks + 1, stated or 1, named.failed


def _start_time(
    submit: datetime, end: datetime | None, took: timedelta | None, ran: timedelta | None
) -> datetime | None:
    if end is None or ran is None:
        return None
    return shift_instant(submit, took - ran) if took is not None else shift_instant(end, -ran)


def _reader(fields: list[str]) -> Callable[[str], TraceRow]:
    missing = [name for name in ("status", "submit") if name not in fields]
    if not {"name", "process"} & set(fields):
        missing.append("name")
    if not set(IDS) & set(fields):
        missing.append("task_id")
    if missing:
        raise MissingTraceFields(missing)
    width = len(fields)
    used = itemgetter(*(fields.index(name) if name in fields else width for name in USED))

    def row(text: str) -> TraceRow:
        values = text.split("\t")
        if len(values) != width:
            raise InvalidLine(f"has {len(values)} fields separated by tabs, not {width}")
        values.append("-")
        found = TraceRow._make([None if (value := field.strip()) in NULLS else value for field in used(values)])
        if not (found.name or found.process) or not (found.task_id or found.native_id or found.hash):
            raise InvalidLine("has no name, or no id")
        return found

    return row


def _run(row: Callable[[str], TraceRow], texts: Sequence[str]) -> str:
    """Return the run's name: a digest of the first row that it executed itself, else of the first row."""
    own = (text for text in texts if _is_own(row, text))
    text = next(own, texts[0] if texts else "")
    return placeholder_name(LIFECYCLE, text)


def _is_own(row: Callable[[str], TraceRow], text: str) -> bool:
    try:
        return row(text).status not in (CACHED, None)
    except SojournError:
        return False


def _split(line: str) -> list[str]:
    return [field.strip() for field in line.rstrip("\r\n").split("\t")]


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


def _anomalies(status: str, times: AttemptTimes) -> Iterator[str]:
    if status != CACHED:
        yield from find_reversed(times)
    if (times.end is None and status not in UNFINISHED) or (times.start is None and status == "RUNNING"):
        yield "undated-status"


def _identification(row: TraceRow) -> str | None:
    text = ", ".join(f"{key} {value}" for key, value in (("hash", row.hash), ("native ID", row.native_id)) if value)
    return text or None
