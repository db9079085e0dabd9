"""The report of one workflow: the statuses over time, the lanes of its attempts, its failures and its orphans.

Each attempt is read once, as a lane; everything else is counted by the database or a short list.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from psycopg import Connection
from psycopg.rows import class_row

from application.analyse.compare import Comparison, compare_workflows
from application.analyse.time_in_status import TimeInStatus, measure_time_in_status
from application.page.lanes import Lanes, read_lanes
from application.page.orphan_causes import OrphanCause, group_by_cause
from application.page.over_time import StatusesOverTime, count_over_time
from application.read.failures import CHOICES, Failures, failures_on
from application.read.orphans import find_orphans
from application.shared.as_of import as_of, effective_now
from application.shared.existence import require_workflow
from application.shared.orphan import Orphan
from application.shared.store import Store
from domain.entity import TASK, TASK_INSTANCE
from domain.lifecycles.lifecycle import Lifecycle
from infrastructure.sql import query

OVER_TIME_COLUMNS = 500
"""The number of columns in which entities are counted over time."""

MAX_FAILURES = 100
"""The number of the last failures that are listed."""

MAX_FAILURE_GROUPS = 20
"""The number of groups of failures that are listed by reason, by template, by actor and by node."""


@dataclass(frozen=True)
class StatusCount:
    """A status, the number of entities in it as of the report, and the times of its first and last entry."""

    status: str
    terminal: bool
    failure: bool
    n: int
    first_at: datetime
    last_at: datetime


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

    `last_at` is the time at which the last status was entered. `orphan_causes` are the `orphans` by what made them
    so. `over_time` has exact counts over time, `lanes` the statuses of each attempt, and `lifecycles` those that
    statuses may be of. `comparison` is how it differs from another workflow, if asked.
    """

    workflow_id: str
    read_at: datetime
    begin: datetime
    last_at: datetime
    kind: str
    tasks: Sequence[StatusCount]
    attempts: Sequence[StatusCount]
    over_time: StatusesOverTime | None
    lanes: Lanes | None
    times: Sequence[TimeInStatus]
    failures: Sequence[Failure]
    failure_groups: dict[str, Sequence[Failures]]
    orphans: Sequence[Orphan]
    orphan_causes: Sequence[OrphanCause]
    lifecycles: Sequence[Lifecycle]
    comparison: Comparison | None = None

    @property
    def failed(self) -> int:
        """Return how many attempts are in a failure status that they cannot leave."""
        return sum(status.n for status in self.attempts if status.terminal and status.failure)


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
        failures = _failures(connection, workflow_id, kind, attempts)
        groups = _group_failures(connection, workflow_id) if failures else {}
    return WorkflowReport(
        workflow_id,
        read_at,
        begin,
        last_at,
        kind,
        tasks,
        attempts,
        count_over_time(store, workflow_id, kind, at, columns=OVER_TIME_COLUMNS),
        read_lanes(store, workflow_id, (), at),
        measure_time_in_status(store, kind, None, workflow_id, at) if attempts else (),
        failures,
        groups,
        orphans,
        group_by_cause(store, orphans),
        store.lifecycles.every_lifecycle(),
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
