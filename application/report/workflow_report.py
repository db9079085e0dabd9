"""The report of one workflow: the statuses over time, the lanes of its attempts, its failures and its orphans.

The amount that is read is bounded for any number of attempts: a grid of lanes and columns of time, and short lists.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from psycopg import Connection
from psycopg.rows import class_row

from application.analyse.compare import Comparison, compare_workflows
from application.analyse.time_in_status import TimeInStatus, measure_time_in_status
from application.read.failures import CHOICES, Failures, failures_on
from application.read.orphans import find_orphans
from application.report.grid import CellChange, Grid, Segment
from application.shared.as_of import as_of, effective_now
from application.shared.existence import require_workflow
from application.shared.orphan import Orphan
from application.shared.store import Store
from domain.entity import TASK, TASK_INSTANCE
from infrastructure.sql import query

GRID_COLUMNS = 240
"""The number of columns that divide the time of a workflow."""

MAX_LANES = 200
"""The largest number of lanes. With more attempts, each lane has several that began one after another."""

MAX_FAILURES = 100
"""The number of the last failures that are listed."""

MAX_FAILURE_GROUPS = 20
"""The number of groups of failures that are listed by reason, by template, by actor and by node."""

MIN_DURATION = timedelta(seconds=1)
"""The shortest time that a report covers, so that its columns have a width."""


@dataclass(frozen=True)
class StatusCount:
    """A status, the number of entities in it as of the report, and the times of its first and last entry."""

    status: str
    terminal: bool
    failure: bool
    n: int
    first_at: datetime
    last_at: datetime


class Lane(NamedTuple):
    """A number of attempts that began one after another, and their outcome.

    `first` counts the attempts of the workflow from 1. `id` is the id of the first one, `status` the status of a lane
    with one attempt.
    """

    first: int
    attempts: int
    id: str
    failed: int
    open: int
    status: str
    runs: Sequence[Segment]


class Failure(NamedTuple):
    """A failed attempt, the rule that decided it, and the actor and reason of the report."""

    id: str
    status: str
    entered_at: datetime
    rule: str | None
    actor: str | None
    reason: str | None
    position: int


@dataclass(frozen=True)
class WorkflowReport:
    """The state of a workflow as of `read_at`. Attempts are its task instances, or its tasks if it has none.

    The grid's columns divide the time from `begin` to `end`. `last_at` is the time at which the last status was
    entered; `end` is later only if the whole time would be under a second. `comparison` is how it differs from another
    workflow, if asked.
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
    failure_groups: dict[str, Sequence[Failures]]
    orphans: Sequence[Orphan]
    comparison: Comparison | None = None

    @property
    def waiting_and_working(self) -> list[StatusCount]:
        """Return the statuses of attempts that are not terminal."""
        return [status for status in self.attempts if not status.terminal]


def build_report(
    store: Store, workflow_id: str, at: datetime | None = None, compared_with: str | None = None
) -> WorkflowReport:
    """Return the report of a workflow as of `at` (None: now), and how it differs from `compared_with` as of then.

    Raises:
        UnknownEntity: no event belongs to one of the workflows.
    """
    read_at = at or effective_now(store)
    orphans = find_orphans(store, decided=True, at=at, workflow_id=workflow_id)
    with as_of(store, at) as connection:
        require_workflow(connection, workflow_id)
        tasks = _statuses(connection, workflow_id, TASK)
        instances = _statuses(connection, workflow_id, TASK_INSTANCE)
        kind, attempts = (TASK_INSTANCE, instances) if instances else (TASK, tasks)
        begin = min((status.first_at for status in attempts), default=read_at)
        last_at = max((status.last_at for status in (*tasks, *instances)), default=begin)
        end = max(last_at, begin + MIN_DURATION)
        grid = _grid(connection, workflow_id, kind, attempts, begin, end)
        lanes = _lanes(connection, workflow_id, kind, attempts, grid)
        failures = _failures(connection, workflow_id, kind, attempts)
        groups = _group_failures(connection, workflow_id) if failures else {}
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
        groups,
        orphans,
        compare_workflows(store, compared_with, workflow_id, at, at, kind) if compared_with is not None else None,
    )


def _group_failures(connection: Connection[Any], workflow_id: str) -> dict[str, Sequence[Failures]]:
    """Return the failures by each of their properties, without one that none of them has."""
    grouped = {by: failures_on(connection, workflow_id, by=by, limit=MAX_FAILURE_GROUPS) for by in CHOICES}
    return {by: groups for by, groups in grouped.items() if any(group["group"] is not None for group in groups)}


def _statuses(connection: Connection[Any], workflow_id: str, kind: str) -> list[StatusCount]:
    with connection.cursor(row_factory=class_row(StatusCount)) as cursor:
        parameters = {"workflow_id": workflow_id, "kind": kind}
        return cursor.execute(query("projections", "report/statuses"), parameters).fetchall()


def _grid(
    connection: Connection[Any],
    workflow_id: str,
    kind: str,
    statuses: Sequence[StatusCount],
    begin: datetime,
    end: datetime,
) -> Grid:
    shown = _open_statuses(statuses)
    width = (end - begin).total_seconds() / GRID_COLUMNS
    parameters = {
        "workflow_id": workflow_id,
        "kind": kind,
        "begin": begin,
        "width": width,
        "columns": GRID_COLUMNS,
        "lanes": _number_of_lanes(statuses),
        "statuses": shown,
    }
    rows = connection.execute(query("projections", "report/grid"), parameters, prepare=False)
    return Grid(shown, GRID_COLUMNS, width, (CellChange(*row) for row in rows))


def _lanes(
    connection: Connection[Any], workflow_id: str, kind: str, statuses: Sequence[StatusCount], grid: Grid
) -> list[Lane]:
    parameters = {
        "workflow_id": workflow_id,
        "kind": kind,
        "lanes": _number_of_lanes(statuses),
        "failures": _failed_statuses(statuses),
        "statuses": _open_statuses(statuses),
    }
    rows = connection.execute(query("projections", "report/lanes"), parameters, prepare=False)
    return [
        Lane(first, attempts, name, failed, still_open, status, grid.runs(number))
        for number, first, attempts, name, failed, still_open, status in rows
    ]


def _number_of_lanes(statuses: Sequence[StatusCount]) -> int:
    return min(sum(status.n for status in statuses), MAX_LANES)


def _open_statuses(statuses: Sequence[StatusCount]) -> list[str]:
    return [status.status for status in statuses if not status.terminal]


def _failed_statuses(statuses: Sequence[StatusCount]) -> list[str]:
    return [status.status for status in statuses if status.terminal and status.failure]


def _failures(
    connection: Connection[Any], workflow_id: str, kind: str, statuses: Sequence[StatusCount]
) -> list[Failure]:
    parameters = {
        "workflow_id": workflow_id,
        "kind": kind,
        "statuses": _failed_statuses(statuses),
        "limit": MAX_FAILURES,
    }
    return [Failure(*row) for row in connection.execute(query("projections", "report/failures"), parameters)]
