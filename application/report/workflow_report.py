"""A report of one workflow: how many were in which status over time, the lanes of its attempts, and what went wrong.

However many attempts there are, what is read is bounded: a grid of lanes and columns of time, and lists of the last.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from psycopg import Connection
from psycopg.rows import class_row

from application.analyse.time_in_status import TimeInStatus, measure_time_in_status
from application.read.orphans import find_orphans
from application.report.grid import CellChange, Grid, Segment
from application.shared.as_of import as_of, effective_now
from application.shared.existence import require_workflow
from application.shared.orphan import Orphan
from application.shared.store import Store
from domain.entity import TASK, TASK_INSTANCE
from infrastructure.sql import query

GRID_COLUMNS = 240
"""How many parts the time of a workflow is cut into."""

MAX_LANES = 200
"""How many lanes are drawn: with more attempts, each lane is of several that began after one another."""

FAILURES = 100
"""How many of the last failures are listed."""

ORPHANS = 200
"""How many orphans are listed."""

SHORTEST = timedelta(seconds=1)
"""The time that a report is drawn over, at least."""


@dataclass(frozen=True)
class StatusCount:
    """A status, how many are in it as of the report, and when it was entered for the first and the last time."""

    status: str
    terminal: bool
    failure: bool
    n: int
    first_at: datetime
    last_at: datetime


class Lane(NamedTuple):
    """So many attempts that began after one another, the first of them the `first` of all, and what became of them.

    `id` is the first one's, and `status` that of all where there is but one.
    """

    first: int
    attempts: int
    id: str
    failed: int
    open: int
    status: str
    runs: Sequence[Segment]


class Failure(NamedTuple):
    """An attempt that has failed, the rule that decided it, who said so and why."""

    id: str
    status: str
    entered_at: datetime
    rule: str | None
    actor: str | None
    reason: str | None
    position: int


@dataclass(frozen=True)
class WorkflowReport:
    """What is known of a workflow as of `read_at`. Attempts are its task instances; where it has none, its tasks.

    The grid's columns cut the time from `begin` to `end`: `last_at`, when the last status was entered, or a second
    where that would be less.
    """

    workflow_id: str
    read_at: datetime
    begin: datetime
    last_at: datetime
    end: datetime
    kind: str
    tasks: Sequence[StatusCount]
    attempts: Sequence[StatusCount]
    lanes: Sequence[Lane]
    concurrency: dict[str, Sequence[float]]
    times: Sequence[TimeInStatus]
    failures: Sequence[Failure]
    orphans: Sequence[Orphan]
    orphans_in_all: int

    @property
    def waiting_and_working(self) -> list[StatusCount]:
        """The statuses of attempts that are no end."""
        return [status for status in self.attempts if not status.terminal]


def build_report(store: Store, workflow_id: str, at: datetime | None = None) -> WorkflowReport:
    """The report of a workflow as of `at` (None: now); raises UnknownEntity."""
    read_at = at or effective_now(store)
    found = find_orphans(store, decided=True, at=at, workflow_id=workflow_id)
    with as_of(store, at) as connection:
        require_workflow(connection, workflow_id)
        tasks = _statuses(connection, workflow_id, TASK)
        instances = _statuses(connection, workflow_id, TASK_INSTANCE)
        kind, attempts = (TASK_INSTANCE, instances) if instances else (TASK, tasks)
        begin = min((status.first_at for status in attempts), default=read_at)
        last_at = max((status.last_at for status in (*tasks, *instances)), default=begin)
        end = max(last_at, begin + SHORTEST)
        grid = _grid(connection, workflow_id, kind, attempts, begin, end)
        lanes = _lanes(connection, workflow_id, kind, attempts, grid)
        failures = _failures(connection, workflow_id, kind, attempts)
    return WorkflowReport(
        workflow_id,
        read_at,
        begin,
        last_at,
        end,
        kind,
        tasks,
        attempts,
        lanes,
        grid.concurrency(),
        measure_time_in_status(store, kind, None, workflow_id, at) if attempts else (),
        failures,
        found[:ORPHANS],
        len(found),
    )


def _statuses(connection: Connection[Any], workflow_id: str, kind: str) -> list[StatusCount]:
    with connection.cursor(row_factory=class_row(StatusCount)) as cursor:
        wanted = {"workflow_id": workflow_id, "kind": kind}
        return cursor.execute(query("projections", "report/statuses"), wanted).fetchall()


def _grid(
    connection: Connection[Any],
    workflow_id: str,
    kind: str,
    statuses: Sequence[StatusCount],
    begin: datetime,
    end: datetime,
) -> Grid:
    shown = _goes_on(statuses)
    width = (end - begin).total_seconds() / GRID_COLUMNS
    wanted = {
        "workflow_id": workflow_id,
        "kind": kind,
        "begin": begin,
        "width": width,
        "columns": GRID_COLUMNS,
        "lanes": _number_of_lanes(statuses),
        "statuses": shown,
    }
    rows = connection.execute(query("projections", "report/grid"), wanted, prepare=False)
    return Grid(shown, GRID_COLUMNS, width, (CellChange(*row) for row in rows))


def _lanes(
    connection: Connection[Any], workflow_id: str, kind: str, statuses: Sequence[StatusCount], grid: Grid
) -> list[Lane]:
    wanted = {
        "workflow_id": workflow_id,
        "kind": kind,
        "lanes": _number_of_lanes(statuses),
        "failures": _failed(statuses),
        "statuses": _goes_on(statuses),
    }
    rows = connection.execute(query("projections", "report/lanes"), wanted, prepare=False)
    return [
        Lane(first, attempts, name, failed, going_on, status, grid.runs(number))
        for number, first, attempts, name, failed, going_on, status in rows
    ]


def _number_of_lanes(statuses: Sequence[StatusCount]) -> int:
    return min(sum(status.n for status in statuses), MAX_LANES)


def _goes_on(statuses: Sequence[StatusCount]) -> list[str]:
    return [status.status for status in statuses if not status.terminal]


def _failed(statuses: Sequence[StatusCount]) -> list[str]:
    return [status.status for status in statuses if status.terminal and status.failure]


def _failures(
    connection: Connection[Any], workflow_id: str, kind: str, statuses: Sequence[StatusCount]
) -> list[Failure]:
    wanted = {
        "workflow_id": workflow_id,
        "kind": kind,
        "statuses": _failed(statuses),
        "limit": FAILURES,
    }
    return [Failure(*row) for row in connection.execute(query("projections", "report/failures"), wanted)]
