"""Register tasks and create their instances."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from psycopg import Connection

from application.shared.arguments import require_ids
from application.shared.current_status import OnLocked, database_now
from application.shared.store import Store, chunked
from application.shared.suggestions import unknown_entity
from application.write.answers import CreateAnswer, RegisterAnswer
from application.write.upstream import require_known_upstream, require_links, upstream_of
from domain.decisions.decide import decide
from domain.decisions.decision import Family
from domain.decisions.proposals import InstanceCreation
from domain.entities.attributes import check_attributes
from domain.entities.events import Event
from domain.entities.task import Task, raise_if_different
from domain.entity import TASK, Entity, check_id, check_ids
from domain.errors import MAX_ATTEMPTS, InvalidMaxAttempts, TaskInstanceConflict
from domain.lifecycles.lifecycle import Lifecycle
from domain.report_context import ReportContext
from infrastructure.log.event_log import CHUNK
from infrastructure.sql import query


@dataclass(frozen=True, slots=True)
class TaskSpec:
    """A task to register: its id, its maximum number of attempts, its template and its array, if it has them.

    `parent` is the task that it is a part of: a run, with a lifecycle of its own. `upstream` are the tasks that it
    waits for before its first attempt. They are in the log already, or are registered by the same call.

    It begins in `status`, which its lifecycle has in `starts_in`, or without one in the initial status.

    `attributes` are for the rules of its lifecycle: `tags`, `retries` (else `max_attempts` - 1) and
    `retry_delay_seconds`; analytics group by `partition`.

    Raises:
        InvalidId: an id is not a text of up to 255 characters.
        InvalidMaxAttempts: `max_attempts` is not a number from 1 on.
        InvalidAttributes: the attributes are not what the rules read.
    """

    task_id: str
    max_attempts: int = 3
    template: str | None = None
    array_id: str | None = None
    attributes: Mapping[str, Any] | None = None
    parent: str | None = None
    upstream: Sequence[str] = ()
    status: str | None = None

    def __post_init__(self) -> None:
        check_id("task", self.task_id)
        if not isinstance(self.max_attempts, int) or not 1 <= self.max_attempts <= MAX_ATTEMPTS:
            raise InvalidMaxAttempts(self.task_id, self.max_attempts)
        for kind, value in (("template", self.template), ("array", self.array_id), ("task", self.parent)):
            if value is not None:
                check_id(kind, value)
        if self.upstream:
            object.__setattr__(self, "upstream", tuple(dict.fromkeys(require_ids("task", self.upstream))))
        if self.attributes is not None:
            object.__setattr__(self, "attributes", check_attributes(self.task_id, self.attributes))


def require_specs(tasks: Sequence[TaskSpec]) -> Sequence[TaskSpec]:
    """Return the specs themselves.

    Raises:
        TypeError: something else was passed instead of a sequence of TaskSpec.
    """
    if isinstance(tasks, TaskSpec):
        raise TypeError(f"{tasks!r} is not a sequence of TaskSpec; pass [{tasks!r}]")
    if isinstance(tasks, str | bytes | Mapping) or not isinstance(tasks, Iterable):
        raise TypeError(f"{tasks!r} is not a sequence of TaskSpec; pass [TaskSpec(task_id), ...]")
    specs = list(tasks)
    for spec in specs:
        if not isinstance(spec, TaskSpec):
            raise TypeError(f"{spec!r} is not a TaskSpec; pass TaskSpec({spec!r})")
    return specs


def request_of(specs: Iterable[TaskSpec]) -> list[Any]:
    """Return what distinguishes the specs from those of another request with the same command id."""
    return [
        (spec.task_id, spec.max_attempts, spec.template, spec.array_id, sorted((spec.attributes or {}).items()))
        + ((spec.parent, sorted(spec.upstream)) if spec.parent or spec.upstream else ())
        + ((f"in {spec.status}",) if spec.status is not None else ())
        for spec in specs
    ]


def register_tasks(
    store: Store,
    connection: Connection[Any],
    workflow_id: str,
    specs: Sequence[TaskSpec],
    lifecycle: Lifecycle,
    context: ReportContext,
) -> RegisterAnswer:
    """Register tasks of one workflow; those that exist with the same content stay as they are.

    A task that exists under an earlier version of the lifecycle stays pinned to it.

    Raises:
        TaskConflict: a task exists with other content.
        UnknownEntity: the log does not know a parent or an upstream task, and the call does not register it.
        UpstreamCycle: tasks of the call lead back to themselves.
        InvalidStart: no task of the lifecycle begins in a stated status.
    """
    wanted = _distinct(
        Task(
            spec.task_id, workflow_id, lifecycle, spec.max_attempts, spec.template, spec.array_id,
            attributes=spec.attributes, parent_id=spec.parent,
        )
        for spec in specs
    )  # fmt: skip
    upstream = upstream_of(specs)
    require_links(connection, wanted, upstream)
    statuses = {spec.task_id: spec.status for spec in specs}
    for status in filter(None, set(statuses.values())):
        lifecycle.task.check_start(status)
    registered = 0
    for ids in chunked(sorted(wanted)):
        existing = _existing_tasks(store, connection, {name: wanted[name] for name in ids})
        require_known_upstream(connection, {name: upstream[name] for name in existing if name in upstream})
        new = [wanted[name] for name in ids if name not in existing]
        events = (task.register(context, upstream.get(task.id, ()), statuses[task.id]) for task in new)
        store.log.copy(connection, events, database_now(connection))
        registered += len(new)
    return {"registered": registered, "existing": len(specs) - registered}


def create_task_instances(
    store: Store, connection: Connection[Any], task_of: Mapping[str, str], status: str | None, context: ReportContext
) -> CreateAnswer:
    """Create task instances of known tasks; those that exist for the same task stay as they are.

    They begin in `status`, or without one in the initial status of their machine.

    Raises:
        InvalidStart: no instance of a task's lifecycle begins in that status.
        UnknownEntity: the log does not know one of the tasks.
        TaskInstanceConflict: an instance exists, of another task.
    """
    check_ids("task instance", task_of)
    check_ids("task", task_of.values())
    created = 0
    pairs = iter(task_of.items())
    while chunk := dict(islice(pairs, CHUNK)):
        created += _create_chunk(store, connection, chunk, status, context)
    return {"created": created, "existing": len(task_of) - created}


def _create_chunk(
    store: Store, connection: Connection[Any], task_of: dict[str, str], status: str | None, context: ReportContext
) -> int:
    tasks = {
        task.id: task for task in store.status.lock_tasks(connection, sorted(set(task_of.values())), OnLocked.NOWAIT)
    }
    existing = dict(connection.execute(query("projections", "read/tasks_of_instances"), [list(task_of)]).fetchall())
    entered = {task.stream: task.entered_at for task in tasks.values() if task.entered_at}
    events: list[Event] = []
    for task_instance_id, task_id in task_of.items():
        if task_id not in tasks:
            raise unknown_entity(connection, Entity(TASK, task_id))
        if task_instance_id in existing:
            if existing[task_instance_id] != task_id:
                raise TaskInstanceConflict(task_instance_id, existing[task_instance_id], task_id)
            continue
        decision = decide(Family(None, tasks[task_id]), InstanceCreation(task_instance_id, status=status), context)
        tasks[task_id] = decision.task
        events += decision.events
    store.log.copy(connection, events, database_now(connection), entered)
    return len(task_of) - len(existing)


def _distinct(tasks: Iterable[Task]) -> dict[str, Task]:
    wanted: dict[str, Task] = {}
    for task in tasks:
        raise_if_different(wanted.setdefault(task.id, task), task)
    return wanted


def _existing_tasks(store: Store, connection: Connection[Any], wanted: dict[str, Task]) -> set[str]:
    existing = store.status.read_tasks(connection, list(wanted))
    for task in existing:
        raise_if_different(task, _as_pinned(wanted[task.id], task))
    return {task.id for task in existing}


def _as_pinned(wanted: Task, existing: Task) -> Task:
    """Return the wanted task under the lifecycle that it is pinned to, if that is an earlier version of the same."""
    pinned, newest = existing.lifecycle, wanted.lifecycle
    is_earlier = pinned.name == newest.name and pinned.version < newest.version
    return wanted._replace(lifecycle=pinned) if is_earlier else wanted
