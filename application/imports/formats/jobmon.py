"""Reads Jobmon's table task_status_audit as CSV with a header, its columns in any order.

A row is a task's transition from `previous_status` to `new_status` at `entered_at`. A task is `WORKFLOW/TASK_ID` in the
workflow that its row names (or --workflow). Statuses are names or Jobmon's letters. The table has no task instances. A
task that is QUEUED waits for a distributor, and one that is LAUNCHED for the cluster. The table does not state what one
that is REGISTERING waits for: its dependencies, its turn, or nothing.

A row into REGISTERING from a status without an edge there is the reset by a resumed workflow. It ends no task
instances, because the table does not say what became of them.

`exited_at` is not kept, because the next row has it; if it is before `entered_at`, the row is counted as
`end-before-start`. What was before a task's first row stays unknown: the task begins in the status of that row. Only
ERROR_RECOVERABLE, which begins nothing, follows on the row's `previous_status`. A row whose `previous_status` is not
the task's status in the log is counted as `other-previous-status`, and moves the task from its status in the log. When
clocks are set back, a time means two instants; the row gets the first one that is not before the task's previous row.
"""

import csv
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from operator import itemgetter
from typing import NamedTuple

from application.imports.bounded_cache import BoundedCache
from application.imports.change import BadLine, InvalidLine, MoveTask, ParsedLine, RegisterTask, ResetTask
from application.imports.local_time import possible_instants
from application.imports.naming import join_id
from application.imports.options import Options
from application.imports.parsing import parse_lines
from domain.actor import Actor
from domain.entity import check_id
from domain.errors import MAX_ATTEMPTS, SojournError
from domain.waits_for import WaitKind, WaitsFor

LIFECYCLE = "jobmon"

LETTERS = {
    "A": "ADJUSTING_RESOURCES",
    "D": "DONE",
    "E": "ERROR_RECOVERABLE",
    "F": "ERROR_FATAL",
    "G": "REGISTERING",
    "I": "INSTANTIATING",
    "O": "LAUNCHED",
    "Q": "QUEUED",
    "R": "RUNNING",
}
"""The letters that Jobmon's tables have instead of names."""

NEEDED = ("task_id", "new_status", "entered_at")
USED = ("task_id", "workflow_id", "previous_status", "new_status", "entered_at", "exited_at")
NULLS = frozenset({"", "NULL", "null", "\\N", "None", "NaT", "nan"})

REMEMBERED_TASKS = 100_000
"""The number of tasks whose last row is remembered, at least."""

JOBMON = Actor(component="jobmon")

WAITS = {
    "QUEUED": WaitsFor(kind=WaitKind.RESOURCES, detail="distributor"),
    "LAUNCHED": WaitsFor(kind=WaitKind.RESOURCES, detail="cluster"),
}
"""What a task waits for in a status, by the descriptions in Jobmon's table task_status."""


class AuditRow(NamedTuple):
    """The fields of a row that are used here; None where the table has no value."""

    task_id: str | None
    workflow_id: str | None
    previous_status: str | None
    new_status: str | None
    entered_at: str | None
    exited_at: str | None


class MissingColumns(SojournError):
    """Raised when an export of Jobmon's audit lacks columns that its import needs.

    Fix: export the columns of task_status_audit, with a header.
    """

    def __init__(self, columns: Sequence[str]) -> None:
        super().__init__(f"the file lacks {', '.join(columns)}; add a header with the columns of task_status_audit")


def looks_like(line: str) -> bool:
    """Return whether a file that begins with `line` can be this table."""
    return {"task_id", "new_status"} <= set(_columns(line, _delimiter(line)))


def read(lines: Iterable[tuple[int, bytes]], options: Options) -> Iterator[ParsedLine | BadLine]:
    """Yield the changes of each row.

    Raises:
        MissingColumns: the header lacks columns.
        TimeZoneNeeded: a time has no zone, and no --timezone was given.
    """
    numbered = ((number, text.decode(errors="replace").rstrip("\r\n")) for number, text in lines)
    _, header = next(numbered, (0, ""))
    if not header:
        return
    row = _reader(header, options)
    table = _Table(options)
    rows = ((number, text) for number, text in numbered if text != header)
    yield from parse_lines(rows, lambda number, text: table.parse(number, row(text)))


class _Table:
    """Parses rows, remembering what earlier ones say about the same tasks."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._machine = options.lifecycle.task
        self._entered: BoundedCache[str, datetime] = BoundedCache(REMEMBERED_TASKS)
        self._first_entered: BoundedCache[str, datetime] = BoundedCache(REMEMBERED_TASKS)
        self._status_of: BoundedCache[str, str] = BoundedCache(REMEMBERED_TASKS)

    def parse(self, number: int, row: AuditRow) -> ParsedLine:
        """Return the changes of a row."""
        if row.task_id is None or row.new_status is None or row.entered_at is None:
            raise InvalidLine("has no task_id, new_status or entered_at")
        workflow = check_id("workflow", self._options.workflow or row.workflow_id)
        task = join_id("task", row.workflow_id or workflow, row.task_id)
        to, previous = self._status(row.new_status), row.previous_status and self._status(row.previous_status)
        last = self._entered.get(task)
        at = self._at(task, row.entered_at, last)
        exited_at = possible_instants(row.exited_at, self._options.zone, LIFECYCLE)[-1] if row.exited_at else None
        anomalies = ("end-before-start",) if exited_at and exited_at < at else ()
        first = self._first_status(to, previous)
        waits_for = WAITS.get(to) if first == to else None
        register = RegisterTask(task, workflow, at, MAX_ATTEMPTS, actor=JOBMON, status=first, waits_for=waits_for)
        is_first = self._is_first(task, at)
        # A later row without a previous status may be of a task that is sent back for another try.
        if is_first and previous is None and to == self._machine.initial:
            return ParsedLine(number, (register,), anomalies)
        move = self._move(task, to, at, previous)
        return ParsedLine(number, (register, move) if is_first else (move,), anomalies)

    def _first_status(self, to: str, previous: str | None) -> str | None:
        return next((status for status in (to, previous) if status in self._machine.starts), None)

    def _move(self, task: str, to: str, at: datetime, previous: str | None) -> MoveTask | ResetTask:
        before = previous or self._status_of.get(task)
        self._status_of.put(task, to)
        if before and self._is_reset(before, to):
            return ResetTask(task, at, JOBMON, previous_status=previous, ends_instances=False)
        return MoveTask(task, to, at, JOBMON, previous_status=previous, waits_for=WAITS.get(to))

    def _is_reset(self, before: str, to: str) -> bool:
        reset = self._options.lifecycle.reset
        if reset is None or to != reset.to or before in (to, *reset.keep):
            return False
        return not self._machine.can_transition(before, to)

    def _is_first(self, task: str, at: datetime) -> bool:
        """Return whether no row so far is an earlier one of the task. Rows may be in any order."""
        first = self._first_entered.get(task)
        if first is None or at < first:
            self._first_entered.put(task, at)
        return first is None or at <= first

    def _status(self, text: str) -> str:
        return self._machine.check(LETTERS.get(text, text))

    def _at(self, task: str, text: str, before: datetime | None) -> datetime:
        candidates = possible_instants(text, self._options.zone, LIFECYCLE)
        at = next((time for time in candidates if before is None or time >= before), candidates[0])
        self._entered.put(task, at)
        return at


def _reader(header: str, options: Options) -> Callable[[str], AuditRow]:
    delimiter = _delimiter(header)
    columns = _columns(header, delimiter)
    missing = [name for name in NEEDED if name not in columns]
    if "workflow_id" not in columns and options.workflow is None:
        missing.append("workflow_id (which --workflow may name instead)")
    if missing:
        raise MissingColumns(missing)
    width = len(columns)
    used = itemgetter(*(columns.index(name) if name in columns else width for name in USED))

    def row(text: str) -> AuditRow:
        fields = _quoted_fields(text, delimiter) if '"' in text else text.split(delimiter)
        if len(fields) != width:
            raise InvalidLine(f"has {len(fields)} fields, not {width}")
        fields.append("")
        return AuditRow._make([None if (value := field.strip()) in NULLS else value for field in used(fields)])

    return row


def _delimiter(line: str) -> str:
    return max(",\t;|", key=line.count)


def _columns(line: str, delimiter: str) -> list[str]:
    try:
        return [field.strip().lower() for field in _quoted_fields(line, delimiter)]
    except InvalidLine:
        return []


def _quoted_fields(line: str, delimiter: str) -> list[str]:
    try:
        return next(csv.reader([line], delimiter=delimiter), [])
    except csv.Error as error:
        longest = csv.field_size_limit()
        raise InvalidLine(f"has a quote without an end, or a field of more than {longest:,} characters") from error
