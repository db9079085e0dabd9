"""Read the current status of tasks, instances and arrays, or lock it before it is changed.

Locks are FOR NO KEY UPDATE, because FOR UPDATE would also block inserts that refer to the row. An array is locked
before an instance, an instance before its task, and many rows in the order of their ids. Only array locks wait; the
others fail at once.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any

from psycopg import Connection
from psycopg.sql import SQL, Composed

from domain.entities.array import Array
from domain.entities.task import Task
from domain.entities.task_instance import NOT_IN_ARRAY, ArrayMember, TaskInstance
from domain.lifecycles.lifecycle import Lifecycle
from domain.state import State
from infrastructure.sql import query

Family = tuple[TaskInstance, Task]


class OnLocked(StrEnum):
    """The treatment of rows that others hold: fail at once (55P03), or leave them out."""

    NOWAIT = "NOWAIT"
    SKIP_LOCKED = "SKIP LOCKED"


class CurrentStatus:
    """Reads tasks and instances with their current status and the lifecycles that they are pinned to."""

    def __init__(self, lifecycle_of: Callable[[str, int], Lifecycle]) -> None:
        self._lifecycle_of = lifecycle_of

    def family(self, connection: Connection[Any], task_instance_id: str, *, lock: bool = False) -> Family | None:
        """Return an instance and its task, or None where there is no such instance."""
        name = "lock/instance_with_task" if lock else "read/instance_with_task"
        row = connection.execute(query("projections", name), [task_instance_id], prepare=True).fetchone()
        return self._family(row) if row else None

    def task(self, connection: Connection[Any], task_id: str, *, lock: bool = False) -> Task | None:
        """Return a task, or None where there is none of that id."""
        name = "lock/task" if lock else "read/task"
        row = connection.execute(query("projections", name), [task_id], prepare=True).fetchone()
        return self._task(row) if row else None

    def read_tasks(self, connection: Connection[Any], task_ids: Sequence[str]) -> list[Task]:
        """Return the tasks of those ids that exist."""
        rows = connection.execute(query("projections", "read/tasks"), [list(task_ids)]).fetchall()
        return [self._task(row) for row in rows]

    def lock_tasks(self, connection: Connection[Any], task_ids: Sequence[str], wait: OnLocked) -> list[Task]:
        """Lock the tasks of those ids, in the order of their ids."""
        rows = connection.execute(_waiting("lock/tasks", wait), [list(task_ids)]).fetchall()
        return [self._task(row) for row in rows]

    def lock_families(
        self, connection: Connection[Any], task_instance_ids: Sequence[str], wait: OnLocked
    ) -> list[Family]:
        """Lock the instances of those ids, then their tasks; an instance counts where both could be locked."""
        rows = connection.execute(_waiting("lock/instances_with_tasks", wait), [list(task_instance_ids)]).fetchall()
        return [self._family(row) for row in rows]

    def lock_instances_of(self, connection: Connection[Any], task_ids: Sequence[str]) -> list[TaskInstance]:
        """Lock every instance of those tasks."""
        rows = connection.execute(query("projections", "lock/instances_of_tasks"), [list(task_ids)]).fetchall()
        return [_instance(row) for row in rows]

    def lock_instances(
        self, connection: Connection[Any], task_instance_ids: Sequence[str], wait: OnLocked
    ) -> list[TaskInstance]:
        """Lock the instances of those ids, without their tasks, for events that do not concern these."""
        rows = connection.execute(_waiting("lock/instances", wait), [list(task_instance_ids)]).fetchall()
        return [_instance(row) for row in rows]

    def array(self, connection: Connection[Any], array_id: str, *, lock: bool = False) -> Array | None:
        """Return an array, or None where there is none of that id; `lock` waits up to the lock timeout."""
        if lock:
            connection.execute(query("projections", "lock/array"), [array_id])
        row = connection.execute(query("projections", "read/array"), [array_id]).fetchone()
        return _array(row) if row else None

    def _task(self, row: Sequence[Any]) -> Task:
        (
            task_id, workflow_id, lifecycle, lifecycle_version, max_attempts, template, array_id, status,
            num_attempts, instances, version, entered_at, owner, state, attributes, parent_id,
        ) = row  # fmt: skip
        return Task(
            id=task_id,
            workflow_id=workflow_id,
            lifecycle=self._lifecycle_of(lifecycle, lifecycle_version),
            max_attempts=max_attempts,
            template=template,
            array_id=array_id,
            status=status,
            num_attempts=num_attempts,
            instances=instances,
            version=version,
            entered_at=entered_at,
            owner=owner,
            state=State.model_validate(state) if state else None,
            attributes=attributes,
            parent_id=parent_id,
        )

    def _family(self, row: Sequence[Any]) -> Family:
        return _instance(row[:12]), self._task(row[12:])


def _instance(row: Sequence[Any]) -> TaskInstance:
    (
        task_instance_id, task_id, workflow_id, ordinal, status, version, entered_at, report_by_date, distributor_id,
        array_id, batch_number, step,
    ) = row  # fmt: skip
    return TaskInstance(
        id=task_instance_id,
        task_id=task_id,
        workflow_id=workflow_id,
        ordinal=ordinal,
        status=status,
        version=version,
        entered_at=entered_at,
        report_by_date=report_by_date,
        distributor_id=distributor_id,
        member=NOT_IN_ARRAY if array_id is None else ArrayMember(array_id, batch_number, step),
    )


def _array(row: Sequence[Any]) -> Array:
    array_id, workflow_id, task_template_version_id, name, max_concurrently_running, last_batch, version, entered_at = (
        row
    )
    return Array(
        id=array_id,
        workflow_id=workflow_id,
        task_template_version_id=task_template_version_id,
        name=name,
        max_concurrently_running=max_concurrently_running,
        last_batch=last_batch,
        version=version,
        entered_at=entered_at,
    )


def database_now(connection: Connection[Any]) -> datetime:
    """Return the database's time; read it once the locks are held."""
    row = connection.execute("SELECT clock_timestamp()").fetchone()
    assert row is not None
    return row[0]  # type: ignore[no-any-return]


def existing_ids(connection: Connection[Any], name: str, ids: Sequence[str]) -> set[str]:
    """Return the ids that exist, locked or not, by the query of that name."""
    return {row[0] for row in connection.execute(query("projections", name), [list(ids)])}


def _waiting(name: str, wait: OnLocked) -> Composed:
    return SQL(query("projections", name)).format(wait=SQL(wait.value))
