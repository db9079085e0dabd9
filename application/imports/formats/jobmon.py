"""Jobmon's table task_status_audit as CSV, with a header: its columns in any order, and others.

A row is the transition of a task that Jobmon has closed an interval with: `previous_status` to `new_status` at
`entered_at`. A task is `WORKFLOW/TASK_ID`, after the workflow that its row names, and in that one (or --workflow).
Statuses are names or Jobmon's letters. The table knows tasks only: there are no task instances.

`exited_at` is when the next row begins, and is not kept; where it is before `entered_at`, the row is counted as
`end-before-start`. What was before a task's first row stays unknown: the log begins with the task in REGISTERING at
that instant. A row whose `previous_status` is not the status in which the log has the task is counted as
`other-previous-status`, and goes through the gate from where the log has it. When clocks are set back, a time may
mean two instants: the first is taken that is not before the row of the same task before it.
"""

import csv
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from operator import itemgetter
from typing import NamedTuple

from application.imports.bounded_cache import BoundedCache
from application.imports.change import BadLine, InvalidLine, MoveTask, ParsedLine, RegisterTask
from application.imports.local_time import TimeZoneNeeded, possible_instants
from application.imports.naming import join_id
from application.imports.options import Options
from domain.actor import Actor
from domain.entity import check_id
from domain.errors import MAX_ATTEMPTS, SojournError

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
"""What Jobmon's tables have in place of the names."""

NEEDED = ("task_id", "new_status", "entered_at")
USED = ("task_id", "workflow_id", "previous_status", "new_status", "entered_at", "exited_at")
NOTHING = frozenset({"", "NULL", "null", "\\N", "None", "NaT", "nan"})

TASKS = 100_000
"""Of how many tasks the last row is remembered, at least."""

JOBMON = Actor(component="jobmon")


class AuditRow(NamedTuple):
    """The fields of a row that are used here; None where the table does not say."""

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
        super().__init__(f"the file lacks {', '.join(columns)}: a header names the columns of task_status_audit")


def looks_like(line: str) -> bool:
    """Whether a file that begins so may be of that table."""
    return {"task_id", "new_status"} <= set(_columns(line, _delimiter(line)))


def read(lines: Iterable[tuple[int, bytes]], options: Options) -> Iterator[ParsedLine | BadLine]:
    """What each row proposes; raises MissingColumns, or TimeZoneNeeded at the first time that has no zone."""
    numbered = ((number, text.decode(errors="replace").rstrip("\r\n")) for number, text in lines)
    _, header = next(numbered, (0, ""))
    if not header:
        return
    row = _reader(header, options)
    table = _Table(options)
    for number, text in numbered:
        if text == header:
            continue
        try:
            yield table.line(number, row(text))
        except TimeZoneNeeded:
            raise
        except SojournError as error:
            yield BadLine(number, str(error))


class _Table:
    """What the rows before say of those that come."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._machine = options.lifecycle.task
        self._entered: BoundedCache[str, datetime] = BoundedCache(TASKS)
        self._began: BoundedCache[str, datetime] = BoundedCache(TASKS)

    def line(self, number: int, row: AuditRow) -> ParsedLine:
        """What a row proposes."""
        if row.task_id is None or row.new_status is None or row.entered_at is None:
            raise InvalidLine("has no task_id, new_status or entered_at")
        workflow = check_id("workflow", self._options.workflow or row.workflow_id)
        task = join_id("task", row.workflow_id or workflow, row.task_id)
        to, previous = self._status(row.new_status), row.previous_status and self._status(row.previous_status)
        met = self._entered.get(task)
        at = self._at(task, row.entered_at, met)
        exited_at = possible_instants(row.exited_at, self._options.zone, LIFECYCLE)[-1] if row.exited_at else None
        anomalies = ("end-before-start",) if exited_at and exited_at < at else ()
        register = RegisterTask(task, workflow, at, MAX_ATTEMPTS, actor=JOBMON)
        if previous is None and to == self._machine.initial and self._begins(task, at, met):
            return ParsedLine(number, (register,), anomalies)
        move = MoveTask(task, to, at, JOBMON, previous_status=previous)
        return ParsedLine(number, (move,) if met else (register, move), anomalies)

    def _begins(self, task: str, at: datetime, met: datetime | None) -> bool:
        # A row that does not say what was before may also be that of a task which is sent back to be tried again.
        if met is None:
            self._began.put(task, at)
        return self._began.get(task) == at

    def _status(self, text: str) -> str:
        return self._machine.check(LETTERS.get(text, text))

    def _at(self, task: str, text: str, before: datetime | None) -> datetime:
        meant = possible_instants(text, self._options.zone, LIFECYCLE)
        at = next((time for time in meant if before is None or time >= before), meant[0])
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
        told = next(csv.reader([text], delimiter=delimiter)) if '"' in text else text.split(delimiter)
        if len(told) != width:
            raise InvalidLine(f"has {len(told)} fields, not {width}")
        told.append("")
        return AuditRow._make([None if (value := field.strip()) in NOTHING else value for field in used(told)])

    return row


def _delimiter(line: str) -> str:
    return max(",\t;|", key=line.count)


def _columns(line: str, delimiter: str) -> list[str]:
    return [field.strip().lower() for field in next(csv.reader([line], delimiter=delimiter), [])]
