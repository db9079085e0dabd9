"""One workflow at a glance: its tasks by status, what failed, what takes longest, and its orphans."""

from datetime import datetime
from typing import Any, TypedDict, cast

from psycopg import Connection
from psycopg.rows import dict_row

from application.analyse.time_in_status import measure_time_in_status
from application.read.failures import Failures, failures_on
from application.read.orphans import find_orphans
from application.shared.as_of import as_of
from application.shared.existence import require_workflow
from application.shared.orphan import Orphan
from application.shared.store import Store
from domain.entity import TASK
from infrastructure.sql import query

MAX_FAILURES = 10
MAX_SLOWEST = 10


class Slowest(TypedDict):
    """How long 9 of 10 tasks of a template stay in a status at most, open intervals included."""

    template: str | None
    status: str
    n: int
    p90_seconds: float


class WorkflowSummary(TypedDict):
    """A workflow as of a time: `failed` counts tasks in a failure status, `active` those not terminal.

    `first_at` is when its first task was registered, `last_at` when any of its tasks or instances last entered a
    status; both are None before it existed. `failures` are counted by reason.
    """

    workflow_id: str
    tasks: int
    by_status: dict[str, int]
    failed: int
    active: int
    first_at: datetime | None
    last_at: datetime | None
    failures: list[Failures]
    slowest: list[Slowest]
    orphans: list[Orphan]


class WorkflowTasks(TypedDict):
    """A workflow's tasks by status as of a time, and when it began and last changed."""

    tasks: int
    by_status: dict[str, int]
    failed: int
    active: int
    first_at: datetime
    last_at: datetime


def count_workflow_tasks(store: Store, workflow_id: str, at: datetime | None = None) -> WorkflowTasks | None:
    """Return a workflow's tasks by status as of `at` (None: now), or None before it existed.

    Raises:
        UnknownEntity: the log has no such workflow.
    """
    with as_of(store, at) as connection:
        require_workflow(connection, workflow_id)
        return cast("WorkflowTasks | None", count_tasks(connection, workflow_id))


def summarize_workflow(store: Store, workflow_id: str, at: datetime | None = None) -> WorkflowSummary:
    """Return the summary of a workflow as of `at` (None: now).

    Raises:
        UnknownEntity: the log has no such workflow.
    """
    with as_of(store, at) as connection:
        require_workflow(connection, workflow_id)
        counted = count_tasks(connection, workflow_id) or {}
        failures = failures_on(connection, workflow_id, limit=MAX_FAILURES)
    return {
        "workflow_id": workflow_id,
        "tasks": counted.get("tasks", 0),
        "by_status": counted.get("by_status", {}),
        "failed": counted.get("failed", 0),
        "active": counted.get("active", 0),
        "first_at": counted.get("first_at"),
        "last_at": counted.get("last_at"),
        "failures": failures,
        "slowest": _find_slowest(store, workflow_id, at),
        "orphans": find_orphans(store, at=at, workflow_id=workflow_id),
    }


def count_tasks(connection: Connection[Any], workflow_id: str) -> dict[str, Any] | None:
    """Return a workflow's tasks by status and when it began and last changed, or None before it existed."""
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(query("projections", "read/workflow_summary"), {"workflow_id": workflow_id}).fetchone()


def _find_slowest(store: Store, workflow_id: str, at: datetime | None) -> list[Slowest]:
    rows = measure_time_in_status(store, TASK, "template", workflow_id, at)
    # Only terminal statuses lack the figure, and they are left out here.
    found: list[Slowest] = [
        {"template": row["group"], "status": row["status"], "n": row["n"], "p90_seconds": row["p90_seconds"] or 0.0}
        for row in rows
    ]
    return sorted(found, key=lambda row: (-row["p90_seconds"], row["template"] or "", row["status"]))[:MAX_SLOWEST]
