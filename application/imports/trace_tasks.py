"""Finds the tasks to which the rows of a trace belong, whatever the order of the rows.

The tasks of a run are known by name. A retry is a further attempt at the failed task of its name: its `attempt` is the
next one, or, without that field, it was submitted after the failure. Rows are matched by their time of submission, and
the tasks of a name are numbered in the order of the file, so that a trace that grows keeps its tasks.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from application.imports.attempt_times import AttemptTimes
from application.imports.bounded_cache import BoundedCache
from application.imports.trace_file import TraceRow

REMEMBERED_NAMES = 100_000
"""The number of names that are remembered for retries, at least."""

MAX_UNRETRIED = 100
"""The number of failed, not yet retried tasks of one name that are remembered."""

ROUNDING = timedelta(seconds=1)
"""The largest error of a duration for people."""

END_OF_TIME = datetime.max.replace(tzinfo=UTC)

RowKey = tuple[str, str | None, str | None, str | None]


class TimedRow(NamedTuple):
    """A row of a trace with its status and times; None if neither its submission nor its end is known."""

    number: int
    row: TraceRow
    status: str
    times: AttemptTimes | None

    @property
    def key(self) -> RowKey:
        """What repeated rows have in common."""
        return self.row.task_name, self.row.task_id, self.row.hash, self.row.native_id

    @property
    def attempt(self) -> int | None:
        """The number of the attempt that the row states."""
        stated = self.row.attempt
        return int(stated) if stated and stated.isdecimal() and len(stated) < 10 else None

    @property
    def order(self) -> tuple[datetime, int]:
        """What sorts the attempts at a task."""
        task_id = self.row.task_id
        number = int(task_id) if task_id and task_id.isdecimal() and len(task_id) < 19 else 0
        return self.times.submit if self.times else END_OF_TIME, number


class Failure(NamedTuple):
    """A failed attempt that was not yet tried again."""

    task: int
    attempt: int
    times: AttemptTimes | None

    def may_precede(self, retry: TimedRow) -> bool:
        """Return whether the times allow that `retry` comes after this attempt."""
        if retry.times is None or self.times is None or self.times.end is None:
            return True
        submit = retry.times.submit
        return submit <= self.times.submit or submit + ROUNDING >= self.times.end


class NameUse(NamedTuple):
    """The tasks of one name so far: their number, and their failures."""

    tasks: int = 0
    failed: tuple[Failure, ...] = ()


class TraceTasks:
    """Numbers the tasks of each name, remembering earlier rows to recognise retries and repeated rows."""

    def __init__(self, failures: Iterable[str]) -> None:
        self._failures = frozenset(failures)
        self._names: BoundedCache[str, NameUse] = BoundedCache(REMEMBERED_NAMES)
        self._rows: BoundedCache[RowKey, int] = BoundedCache(REMEMBERED_NAMES)

    def number_rows(self, rows: Sequence[TimedRow]) -> list[int]:
        """Return the number of each row's task among those of its name."""
        by_name: defaultdict[str, list[TimedRow]] = defaultdict(list)
        for row in rows:
            by_name[row.row.task_name].append(row)
        numbers = {key: number for name, its in by_name.items() for key, number in self._number(name, its).items()}
        for key, number in numbers.items():
            self._rows.put(key, number)
        return [numbers[row.key] for row in rows]

    def _number(self, name: str, rows: Sequence[TimedRow]) -> Mapping[RowKey, int]:
        before = self._names.get(name) or NameUse()
        known = {row.key: number for row in rows if (number := self._rows.get(row.key))}
        found, use = self._match_retries(before, [row for row in rows if row.key not in known])
        new = dict.fromkeys(found[row.key] for row in rows if row.key not in known and found[row.key] > before.tasks)
        final = {task: number for number, task in enumerate(new, before.tasks + 1)}
        failed = tuple(failure._replace(task=final.get(failure.task, failure.task)) for failure in use.failed)
        self._names.put(name, NameUse(use.tasks, failed))
        return known | {key: final.get(task, task) for key, task in found.items()}

    def _match_retries(self, use: NameUse, rows: Sequence[TimedRow]) -> tuple[dict[RowKey, int], NameUse]:
        found: dict[RowKey, int] = {}
        for row in sorted(rows, key=lambda row: row.order):
            if row.key in found:
                continue
            task, attempt, failed = _find_task(use, row)
            if row.status in self._failures:
                failed = (*failed[1 - MAX_UNRETRIED :], Failure(task, attempt, row.times))
            found[row.key], use = task, NameUse(max(use.tasks, task), failed)
        return found, use


def _find_task(use: NameUse, row: TimedRow) -> tuple[int, int, tuple[Failure, ...]]:
    """Return the number of a row's task, of its attempt, and the failures that are not its own."""
    stated = row.attempt
    candidates = [failure for failure in use.failed if stated in (None, failure.attempt + 1)]
    fitting = [failure for failure in candidates if failure.may_precede(row)]
    # A stated attempt is believed even where the clocks do not fit.
    retried = next(iter(fitting or (candidates if stated else ())), None)
    if retried:
        return retried.task, retried.attempt + 1, tuple(other for other in use.failed if other != retried)
    if stated is not None and stated > 1:
        return max(use.tasks, 1), stated, use.failed
    return use.tasks + 1, stated or 1, use.failed
