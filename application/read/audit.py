"""The audit of tasks and task instances: one row for each status that was entered, from when to when."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any, NamedTuple, TypedDict, cast

from psycopg import Connection
from psycopg.rows import dict_row
from psycopg.sql import SQL, Composed

from application.shared.as_of import as_of
from application.shared.existence import require_entity, require_workflow
from application.shared.store import Store
from domain.entity import ARRAY, TASK, Entity
from infrastructure.sql import query

BATCH = 5_000
"""How many rows a cursor fetches at a time."""


class AuditRow(TypedDict):
    """One status that a task was in; `exited_at` is None where no exit was observed."""

    task_id: str
    workflow_id: str
    previous_status: str | None
    new_status: str
    entered_at: datetime
    exited_at: datetime | None
    duration_seconds: float | None


class InstanceAuditRow(AuditRow):
    """One status that a task instance was in."""

    task_instance_id: str


class Place(NamedTuple):
    """Where a page of the audit ends: after the row that entered its status then, at that position in the log."""

    entered_at: datetime
    position: int


@contextmanager
def read_audit(
    store: Store,
    task_id: str | None = None,
    workflow_id: str | None = None,
    at: datetime | None = None,
    *,
    limit: int | None = None,
) -> Iterator[Iterator[AuditRow]]:
    """Open the rows of a task, of a workflow, or of all tasks as of `at`, in the order of entry.

    Rows are read as they are asked for, within the block.

    Raises:
        UnknownEntity: the log has no such task or workflow.
    """
    with as_of(store, at) as connection:
        _check(connection, task_id, workflow_id)
        with connection.cursor("audit", row_factory=dict_row) as cursor:
            cursor.itersize = BATCH
            cursor.execute(*_audit_query(task_id, workflow_id, limit=limit))
            yield (row for row, _ in map(_without_place, cursor))


@contextmanager
def read_instance_audit(
    store: Store,
    task_id: str | None = None,
    workflow_id: str | None = None,
    array_id: str | None = None,
    at: datetime | None = None,
    *,
    limit: int | None = None,
) -> Iterator[Iterator[InstanceAuditRow]]:
    """Open the rows of the instances of a task, of a workflow, of an array, or of all, as `audit` does for tasks.

    Raises:
        UnknownEntity: the log has no such task, workflow or array.
    """
    wanted = {"task_id": task_id, "workflow_id": workflow_id, "array_id": array_id, "limit": limit}
    with as_of(store, at) as connection:
        _check(connection, task_id, workflow_id)
        if array_id is not None:
            require_entity(connection, Entity(ARRAY, array_id))
        with connection.cursor("audit", row_factory=dict_row) as cursor:
            cursor.itersize = BATCH
            cursor.execute(query("projections", "read/audit_of_task_instances"), wanted)
            yield cast("Iterator[InstanceAuditRow]", iter(cursor))


def read_audit_page(
    store: Store,
    task_id: str | None = None,
    workflow_id: str | None = None,
    at: datetime | None = None,
    *,
    after: Place | None = None,
    newest_first: bool = False,
    limit: int,
) -> tuple[list[AuditRow], Place | None]:
    """Return at most `limit` rows after a place, and the place after which the next page begins.

    Raises:
        UnknownEntity: the log has no such task or workflow.
    """
    statement, wanted = _audit_query(task_id, workflow_id, after=after, newest_first=newest_first, limit=limit + 1)
    with as_of(store, at) as connection:
        _check(connection, task_id, workflow_id)
        with connection.cursor(row_factory=dict_row) as cursor:
            found = cursor.execute(statement, wanted, prepare=False).fetchall()
    rows = [_without_place(row) for row in found]
    return [row for row, _ in rows[:limit]], rows[limit - 1][1] if len(rows) > limit else None


def _audit_query(
    task_id: str | None,
    workflow_id: str | None,
    *,
    after: Place | None = None,
    newest_first: bool = False,
    limit: int | None,
) -> tuple[Composed, dict[str, Any]]:
    beyond, direction = (SQL("<"), SQL("DESC")) if newest_first else (SQL(">"), SQL("ASC"))
    entered_at, position = after or (None, None)
    return SQL(query("projections", "read/audit_of_tasks")).format(beyond=beyond, direction=direction), {
        "task_id": task_id,
        "workflow_id": workflow_id,
        "entered_at": entered_at,
        "position": position,
        "limit": limit,
    }


def _without_place(row: dict[str, Any]) -> tuple[AuditRow, Place]:
    place = Place(row["entered_at"], row.pop("position"))
    return cast("AuditRow", row), place


def _check(connection: Connection[Any], task_id: str | None, workflow_id: str | None) -> None:
    if task_id is not None:
        require_entity(connection, Entity(TASK, task_id))
    if workflow_id is not None:
        require_workflow(connection, workflow_id)
