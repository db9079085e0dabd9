"""The current status of tasks and instances: read, or locked by those who will change it.

Locks are FOR NO KEY UPDATE (FOR UPDATE would also block those who only refer to a row), the array before the instance
before the task, many in the order of their ids; only an array is waited for.
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
    """What a lock does about rows that others hold: fail at once (55P03), or leave them out."""

    NOWAIT = "NOWAIT"
    SKIP_LOCKED = "SKIP LOCKED"


class CurrentStatus:
    """Reads tasks and instances as they are, with the lifecycles that they are pinned to."""

    def __init__(self, lifecycle_of: Callable[[str, int], Lifecycle]) -> None:
        self._lifecycle_of = lifecycle_of

    def family(self, connection: Connection[Any], task_instance_id: str, *, lock: bool = False) -> Family | None:
        """An instance and its task, or None where there is no such instance."""
        name = "lock/instance_with_task" if lock else "read/instance_with_task"
        row = connection.execute(query("projections", name), [task_instance_id], prepare=True).fetchone()
        return self._family(row) if row else None

    def task(self, connection: Connection[Any], task_id: str, *, lock: bool = False) -> Task | None:
        """A task, or None where there is none of that id."""
        name = "lock/task" if lock else "read/task"
        row = connection.execute(query("projections", name), [task_id], prepare=True).fetchone()
        return self._task(row) if row else None

    def read_tasks(self, connection: Connection[Any], task_ids: Sequence[str]) -> list[Task]:
        """The tasks of those ids that there are."""
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
        """Lock the instances of those ids, without their tasks: for what says nothing of these."""
        rows = connection.execute(_waiting("lock/instances", wait), [list(task_instance_ids)]).fetchall()
        return [_instance(row) for row in rows]

    def array(self, connection: Connection[Any], array_id: str, *, lock: bool = False) -> Array | None:
        """An array, or None where there is none of that id; `lock` waits for who holds it, and raises 55P03 in time."""
        if lock:
            connection.execute(query("projections", "lock/array"), [array_id])
        row = connection.execute(query("projections", "read/array"), [array_id]).fetchone()
        return Array(*row) if row else None

    def _task(self, row: Sequence[Any]) -> Task:
        (task_id, workflow_id, lifecycle, version, max_attempts, template, array_id, *current, state, attributes) = row
        pinned = self._lifecycle_of(lifecycle, version)
        known = State.model_validate(state) if state else None
        current += [known, attributes]
        return Task(task_id, workflow_id, pinned, max_attempts, template, array_id, *current)

    def _family(self, row: Sequence[Any]) -> Family:
        return _instance(row[:12]), self._task(row[12:])


def _instance(row: Sequence[Any]) -> TaskInstance:
    *columns, array_id, batch_number, step = row
    columns += [None, NOT_IN_ARRAY if array_id is None else ArrayMember(array_id, batch_number, step)]
    return TaskInstance(*columns)


def database_now(connection: Connection[Any]) -> datetime:
    """The database's clock; to be read once the locks are held."""
    row = connection.execute("SELECT clock_timestamp()").fetchone()
    assert row is not None
    return row[0]  # type: ignore[no-any-return]


def existing_ids(connection: Connection[Any], name: str, ids: Sequence[str]) -> set[str]:
    """Which of the ids exist, locked or not; `name` is the query that knows."""
    return {row[0] for row in connection.execute(query("projections", name), [list(ids)])}


def _waiting(name: str, wait: OnLocked) -> Composed:
    return SQL(query("projections", name)).format(wait=SQL(wait.value))
