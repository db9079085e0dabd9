"""Check and add what tasks are a part of and what they wait for: other tasks, which must be known."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from typing import Any, Protocol

from psycopg import Connection

from application.shared.current_status import existing_ids
from application.shared.store import chunked
from application.shared.suggestions import unknown_entity
from domain.decisions.upstream import require_no_cycle
from domain.entities.task import Task
from domain.entity import TASK, Entity
from domain.errors import TaskConflict
from infrastructure.sql import query

Upstream = Mapping[str, Sequence[str]]
"""Tasks -> the tasks that each waits for."""


class WithUpstream(Protocol):
    """What states the upstream tasks of a task."""

    @property
    def task_id(self) -> str:
        """The task that waits."""

    @property
    def upstream(self) -> Sequence[str]:
        """The tasks that it waits for."""


def upstream_of(specs: Iterable[WithUpstream]) -> dict[str, list[str]]:
    """Return the upstream tasks of those that have any, each once."""
    upstream: dict[str, dict[str, None]] = {}
    for spec in specs:
        if spec.upstream:
            upstream.setdefault(spec.task_id, {}).update(dict.fromkeys(spec.upstream))
    return {task_id: list(ids) for task_id, ids in upstream.items()}


def require_links(connection: Connection[Any], wanted: Mapping[str, Task], upstream: Upstream) -> None:
    """Check that every parent and upstream task is known, and that no task of a registration leads back to itself.

    Tasks that exist already lead to none that is new, so that a cycle is one of the registration alone.

    Raises:
        UnknownEntity: one of them is neither in the log nor registered with the task.
        UpstreamCycle: a task leads back to itself.
    """
    parents = {task.id: [task.parent_id] for task in wanted.values() if task.parent_id is not None}
    linked = dict.fromkeys(chain(*parents.values(), *upstream.values()))
    require_tasks(connection, [task_id for task_id in linked if task_id not in wanted])
    require_no_cycle("parent", parents)
    require_no_cycle("upstream", upstream)


def require_tasks(connection: Connection[Any], task_ids: Sequence[str]) -> None:
    """Check that the log knows every task.

    Raises:
        UnknownEntity: it does not know one; the error has the nearest.
    """
    for ids in chunked(task_ids):
        known = existing_ids(connection, "find/existing_tasks", ids)
        for task_id in ids:
            if task_id not in known:
                raise unknown_entity(connection, Entity(TASK, task_id))


def require_known_upstream(connection: Connection[Any], upstream: Upstream) -> None:
    """Check that tasks which exist wait for what they are registered again with.

    Raises:
        TaskConflict: one does not wait for a task that is stated now.
    """
    known = read_upstream(connection, list(upstream))
    for task_id, stated in upstream.items():
        if not set(stated) <= known.get(task_id, set()):
            raise TaskConflict(task_id, {"upstream": (sorted(known.get(task_id, ())), sorted(stated))})


def read_upstream(connection: Connection[Any], task_ids: Sequence[str]) -> dict[str, set[str]]:
    """Return what each task waits for, if anything."""
    if not task_ids:
        return {}
    rows = connection.execute(query("projections", "read/upstream_of_tasks"), [list(task_ids)])
    return {task_id: set(upstream) for task_id, upstream in rows}
