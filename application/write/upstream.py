"""Check and add what tasks are a part of and what they wait for: other tasks, which must be known."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from typing import Any, Protocol

from psycopg import Connection

from application.shared.arguments import require_ids, require_mapping
from application.shared.current_status import OnLocked, database_now, existing_ids
from application.shared.store import Store, chunked
from application.shared.suggestions import unknown_entity
from application.write.answers import UpstreamAnswer
from domain.decisions.decide import decide
from domain.decisions.decision import Family
from domain.decisions.proposals import UpstreamAddition
from domain.decisions.upstream import require_no_cycle
from domain.entities.events import Event
from domain.entities.task import Task
from domain.entity import TASK, Entity, check_ids
from domain.errors import TaskBegun, TaskConflict
from domain.report_context import ReportContext
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


def check_upstream(upstream: object) -> dict[str, list[str]]:
    """Return the upstream tasks of each task, each once.

    Raises:
        TypeError: it is not {task id: [task id, ...]}.
        InvalidId: an id is not a text of up to 255 characters.
    """
    links = require_mapping(upstream, "{task id: [ids of the tasks that it waits for]}")
    check_ids("task", links)
    return {task_id: list(dict.fromkeys(require_ids("task", ids))) for task_id, ids in links.items()}


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


def add_upstream(
    store: Store, connection: Connection[Any], upstream: Upstream, context: ReportContext
) -> UpstreamAnswer:
    """Let tasks that have not begun wait for further tasks; those that they wait for already change nothing.

    Raises:
        UnknownEntity: the log does not know one of the tasks.
        TaskBegun: a task has begun.
        UpstreamCycle: a task would lead back to itself.
    """
    connection.execute(query("projections", "lock/upstream"))
    require_tasks(connection, [*upstream, *chain(*upstream.values())])
    new = _without_known(connection, upstream)
    require_no_cycle_in_log(connection, new)
    for task_ids in chunked(sorted(new)):
        _add_chunk(store, connection, {task_id: new[task_id] for task_id in task_ids}, context)
    added = sum(map(len, new.values()))
    return {"added": added, "existing": sum(len(set(ids)) for ids in upstream.values()) - added}


def _without_known(connection: Connection[Any], upstream: Upstream) -> dict[str, list[str]]:
    """Return the links that the log does not have yet."""
    known = read_upstream(connection, list(upstream))
    new = {
        task_id: [name for name in dict.fromkeys(ids) if name not in known.get(task_id, ())]
        for task_id, ids in upstream.items()
    }
    return {task_id: ids for task_id, ids in new.items() if ids}


def require_no_cycle_in_log(connection: Connection[Any], new: Upstream) -> None:
    """Check that no new link leads a task back to itself, together with the links of the log.

    Raises:
        UpstreamCycle: one does.
    """
    links = {task_id: list(ids) for task_id, ids in new.items()}
    # A way back by links of the log ends at a task that another one waits for; most tasks have none.
    if read_waited_for(connection, list(new)):
        starts = list(dict.fromkeys(chain(*new.values())))
        for task_id, above in connection.execute(query("projections", "read/upstream_above"), [starts]):
            links.setdefault(task_id, []).extend(above)
    require_no_cycle("upstream", links)


def _add_chunk(store: Store, connection: Connection[Any], new: Upstream, context: ReportContext) -> None:
    tasks = store.status.lock_tasks(connection, list(new), OnLocked.NOWAIT)
    events: list[Event] = []
    for task in tasks:
        decision = decide(Family(None, task), UpstreamAddition(tuple(new[task.id])), context)
        if decision.refused:
            raise TaskBegun(task.id, new[task.id])
        events += decision.events
    entered = {task.stream: task.entered_at for task in tasks if task.entered_at}
    store.log.copy(connection, events, database_now(connection), entered)


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


def read_waited_for(connection: Connection[Any], task_ids: Sequence[str]) -> list[str]:
    """Return the tasks that another one waits for."""
    if not task_ids:
        return []
    return [row[0] for row in connection.execute(query("projections", "read/waited_for"), [list(task_ids)])]
